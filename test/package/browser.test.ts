// Smoke test: the listing's model trains in headless Chromium, from the built package, to the same losses as in Node.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "./bundle.ts";

interface Result {
  readonly losses: number[];
  readonly weights: number[];
  readonly bias: number[];
  readonly device: string;
  readonly error?: string;
}

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const built = mkdtempSync(join(tmpdir(), "downhill-built-"));
const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((name) => existsSync(name));
if (executable === undefined) {
  const reason = "no Chromium at /usr/bin/chromium: install it with `apt-get install chromium`";
  if (process.env.CI) throw new Error(reason);
  console.log(`browser test skipped: ${reason}`);
}

/** What the same program leaves behind in Node. */
function inNode(): Result {
  const script = `await import(${JSON.stringify(path("./browser_entry.ts"))}); while (globalThis.result === undefined) await new Promise((r) => setTimeout(r, 10)); console.log(JSON.stringify(globalThis.result));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as Result;
}

describe.skipIf(executable === undefined)("in headless Chromium", () => {
  let server: Server;
  let browser: Browser;

  beforeAll(async () => {
    // The built package, in a folder of its own since the consumer's test builds too.
    const build = spawnSync(process.execPath, [path("../../scripts/build.ts"), built], { encoding: "utf8" });
    if (build.status !== 0) throw new Error(build.stdout + build.stderr);
    const code = await bundle(path("./browser_entry.ts"), false, { [path("../../src/index.ts")]: join(built, "index.js") });
    server = createServer((request, response) => {
      const script = request.url === "/entry.js";
      response.setHeader("content-type", script ? "text/javascript" : "text/html");
      response.end(script ? code : `<!doctype html><script type="module" src="/entry.js"></script>`);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    browser = await chromium.launch({
      executablePath: executable as string,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
      ],
    });
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(built, { recursive: true, force: true });
  });

  it("trains the listing's model on the wasm device", async () => {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const handle = await page.waitForFunction("globalThis.result");
    const result = (await handle.jsonValue()) as Result;
    expect(result.error).toBeUndefined();
    expect(result.device).toBe("wasm");
    expect(result.losses[9]).toBeLessThan((result.losses[0] as number) / 2);
    const node = inNode();
    expect(result.losses).toHaveLength(10);
    for (const [i, loss] of result.losses.entries()) expect(loss).toBeCloseTo(node.losses[i] as number, 5);
    for (const [i, weight] of result.weights.entries()) expect(weight).toBeCloseTo(node.weights[i] as number, 5);
  });
});
