// The same seed gives the same bits: again in this process, and in another one.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { train } from "./seeded.ts";

const program = fileURLToPath(new URL("seeded.ts", import.meta.url));

it.each(["reference", "wasm"] as const)("on %s", (device) => {
  const first = train(device, 5);
  expect(train(device, 5)).toBe(first);
  expect(train(device, 6)).not.toBe(first);
  expect(execFileSync(process.execPath, [program, device, "5"], { encoding: "utf8" }).trim()).toBe(first);
});
