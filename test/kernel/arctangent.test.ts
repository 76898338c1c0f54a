// atan2 in float32: its accuracy over the plane, and JavaScript's special cases.

import { describe, expect, test } from "vitest";
import type { Expression } from "../../src/graph/kernel.ts";
import { atan2Maths } from "../../src/kernel/maths.ts";
import { interpretColumns, runLowered, wasmDevices } from "./run.ts";
import { columnKernel, everyNth, neighbours, ulpError } from "./ulp.ts";

const devices = wasmDevices();
const kernelOf = (length: number, lanes = 4) =>
  columnKernel(([y, x], emit) => atan2Maths(y as Expression, x as Expression, emit), 2, length, lanes);

/** The documented bound, in units in the last place. */
const bound = 2.25;

function worstOf(y: Float32Array, x: Float32Array, results: ArrayLike<number>): { error: number; at: string } {
  let [error, at] = [0, ""];
  y.forEach((height, i) => {
    const e = ulpError(results[i] as number, Math.atan2(height, x[i] as number));
    if (e > error) [error, at] = [e, `(${height}, ${x[i]}) gave ${results[i]}`];
  });
  return { error, at };
}

describe("atan2", () => {
  const dense = everyNth(4999);
  const mixed = Float32Array.from(dense, (_, i) => dense[(Math.imul(i, 7919) >>> 0) % dense.length] as number);
  const circle = Float32Array.from({ length: 400_000 }, (_, i) => Math.sin((i / 400_000) * 2 * Math.PI));
  const beside = Float32Array.from({ length: 400_000 }, (_, i) => Math.cos((i / 400_000) * 2 * Math.PI));
  const steps = neighbours([Math.SQRT2 - 1, Math.SQRT2 + 1, 1, 2 ** -126, 2 ** 126, 2 ** 127], 500);

  test.each([
    { name: "any two bit patterns", y: dense, x: mixed },
    { name: "around the circle", y: circle, x: beside },
    { name: "atan, where x is 1", y: dense, x: new Float32Array(dense.length).fill(1) },
    { name: "where the formula changes", y: steps, x: new Float32Array(steps.length).fill(1) },
    { name: "where the formula changes, to the left", y: steps, x: new Float32Array(steps.length).fill(-1) },
  ])("is accurate: $name", ({ y, x }) => {
    for (const { name, device } of devices) {
      const { error, at } = worstOf(y, x, runLowered(device, kernelOf(y.length), [y, x], "float32", y.length) as Float32Array);
      expect(error, `${at} on ${name}`).toBeLessThanOrEqual(bound);
    }
  });

  test("has JavaScript's special cases, with their signs", () => {
    const all = [0, -0, 1, -1, 1e-45, -1e-45, 3e38, -3e38, 2 ** -126, Infinity, -Infinity, Number.NaN];
    const y = Float32Array.from({ length: all.length ** 2 }, (_, i) => all[i % all.length] as number);
    const x = Float32Array.from(y, (_, i) => all[Math.floor(i / all.length)] as number);
    const results = [
      ...devices.map(({ device }) => runLowered(device, kernelOf(y.length), [y, x], "float32", y.length) as Float32Array),
      interpretColumns(kernelOf(y.length, 1).kernel, [y, x]),
    ];
    for (const result of results) {
      const { error, at } = worstOf(y, x, result);
      expect(error, at).toBeLessThanOrEqual(bound);
      y.forEach((height, i) => {
        const exact = Math.atan2(height, x[i] as number);
        if (exact === 0) expect(result[i], `(${height}, ${x[i]})`).toBe(exact);
      });
    }
  });

  test("has the same bits in one lane and in four", () => {
    for (const { device } of devices)
      expect(runLowered(device, kernelOf(mixed.length, 1), [dense, mixed], "float32", dense.length)).toEqual(
        runLowered(device, kernelOf(mixed.length), [dense, mixed], "float32", dense.length),
      );
  });
});
