// The character model's script: the published model, a loss that starts at that of guessing, and text at the end.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

test("trains on a text file and goes on writing", () => {
  const command = [path("../../examples/gpt.ts"), "--text", path("gpt.test.ts"), "--steps", "6", "--sample", "8", "--device", "wasm"];
  const lines = execFileSync(process.execPath, command, { encoding: "utf8" }).split("\n");
  const [, size, different, parameters] = /^(\d+) characters, (\d+) different; (\d+) parameters; wasm$/.exec(lines[0] as string) ?? [];
  expect(Number(size)).toBeGreaterThan(500);
  // 804,096 with 65 characters; the embedding is the head too.
  expect(Number(parameters)).toBe(804096 + 128 * (Number(different) - 65));
  const [, training, validation] = /^step 6: training loss ([\d.]+), validation loss ([\d.]+), \d+ s$/.exec(lines[1] as string) ?? [];
  const guessing = Math.log(Number(different));
  for (const loss of [training, validation]) {
    expect(Number(loss)).toBeLessThan(guessing + 0.1);
    expect(Number(loss)).toBeGreaterThan(guessing - 1.5);
  }
  // Six steps of warm-up already move it.
  expect(Number(training)).toBeLessThan(guessing - 0.01);
  expect(Number(/at least 32 before them: ([\d.]+)$/.exec(lines[2] as string)?.[1])).toBeLessThan(guessing + 0.1);
  expect(lines.slice(3).join("\n")).toHaveLength(1 + 8 + 1);
}, 60_000);
