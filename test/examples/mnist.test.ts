import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("the MNIST example trains: one epoch is enough for nine digits of ten", () => {
  const output = execFileSync(process.execPath, ["examples/mnist.ts"], { encoding: "utf8", env: { ...process.env, EPOCHS: "1" } });
  expect(output).toMatch(/^epoch 1: \{ loss: 0\.\d+, accuracy: 0\.\d+ \}/);
  expect(Number(/test accuracy ([\d.]+) %/.exec(output)?.[1])).toBeGreaterThan(93);
});
