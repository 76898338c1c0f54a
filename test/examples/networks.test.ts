// The scripts of the LSTM and of the autoencoder: both learn within a few seconds.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const run = (name: string, ...options: string[]) =>
  execFileSync(process.execPath, [path(`../../examples/${name}.ts`), ...options], { encoding: "utf8" }).split("\n");

test("the LSTM reads on from block to block and goes on writing", () => {
  const lines = run("lstm", "--text", path("networks.test.ts"), "--steps", "60", "--sample", "12", "--device", "wasm");
  const different = Number(/, (\d+) different/.exec(lines[0] as string)?.[1]);
  const loss = Number(/^step 60: loss ([\d.]+)$/.exec(lines[1] as string)?.[1]);
  expect(loss).toBeLessThan(Math.log(different) - 0.3);
  expect(lines.slice(2).join("\n").trimEnd().length).toBeGreaterThan(3);
}, 60_000);

test("the autoencoder gets better on digits it has not seen, and prints them twice", () => {
  const lines = run("autoencoder", "--epochs", "2", "--samples", "4000");
  const losses = lines.slice(0, 2).map((line) => Number(/never seen ([\d.]+)$/.exec(line)?.[1]));
  expect(losses[1]).toBeLessThan(losses[0] as number);
  // A pixel's loss by the mean picture alone is about 0.26.
  expect(losses[1]).toBeLessThan(0.25);
  const pictures = lines.slice(2, 2 + 3 * 14);
  expect(pictures.every((line) => /^.{28} {2}\| {2}.{28}$/.test(line))).toBe(true);
  expect(pictures.filter((line) => /[oO#].*\|.*[oO#]/.test(line)).length).toBeGreaterThan(10);
}, 60_000);
