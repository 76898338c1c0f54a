import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("the Hessian example: the loss falls, the curvature and the examples' gradients are there", () => {
  const output = execFileSync(process.execPath, ["examples/hessian.ts"], { encoding: "utf8" });
  const rows = [
    ...output.matchAll(/^step (\d+): loss ([\d.]+), sharpness ([\d.]+), gradient norms ([\d.]+) on average, ([\d.]+) at most$/gm),
  ].map(([, ...numbers]) => numbers.map(Number) as [number, number, number, number, number]);
  expect(rows.map(([step]) => step)).toEqual([0, 50, 100, 150, 200]);
  const [first, last] = [rows[0], rows[4]] as [(typeof rows)[0], (typeof rows)[0]];
  expect(last[1]).toBeLessThan(0.2 * first[1]);
  for (const [, , sharpness, mean, most] of rows) {
    expect(sharpness).toBeGreaterThan(0.5);
    expect(most).toBeGreaterThan(mean);
    expect(mean).toBeGreaterThan(0.1);
  }
});
