// The core bundles for a browser: no Node module is imported, and the size keeps its ceiling.

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { bundle } from "./bundle.ts";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

describe("the core bundle", () => {
  it("has no node: import and is at most 120 kB gzipped", async () => {
    const code = await bundle(path("../../src/index.ts"), true);
    expect(code).not.toMatch(/(?:from|import)\s*\(?\s*["'](?:node:|koffi|fs|path|module)/);
    const size = gzipSync(code, { level: 9 }).length;
    console.log(`core bundle: ${(code.length / 1000).toFixed(1)} kB, ${(size / 1000).toFixed(1)} kB gzipped`);
    expect(size).toBeLessThanOrEqual(120_000);
    expect(size).toBeGreaterThan(20_000);
  });

  it("drops what an application does not use", async () => {
    const whole = await bundle(path("../../src/index.ts"), true);
    const small = await bundle(path("./browser_entry.ts"), true);
    expect(small.length).toBeLessThan(whole.length);
  });
});
