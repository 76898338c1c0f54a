// The accuracy of the elementary functions in float32, over the whole range of their arguments and around every place where
// their formulas change, on the wasm device with and without fused multiply-add; and that the interpreter gives the same bits.

import { describe, expect, test } from "vitest";
import type { ProgramDevice } from "../../src/graph/device.ts";
import type { Expression } from "../../src/graph/kernel.ts";
import { type RealFunction, realFunctions } from "../../src/graph/operation.ts";
import { trigonometricBound } from "../../src/kernel/maths/trigonometry.ts";
import { unaryMaths } from "../../src/kernel/maths.ts";
import { real } from "./real.ts";
import { interpretColumns, runLowered, wasmDevices } from "./run.ts";
import { columnKernel, everyNth, neighbours, worst } from "./ulp.ts";

const devices = wasmDevices();
const dense = everyNth(997);

/** Around where the formulas change. */
const centresOf: Record<RealFunction, readonly number[]> = {
  exp: [0.34657359, 1.0397, 87.336544, 88.3762, 88.722839, 89, 103.2789, 103.97208, 104, 150, 300],
  expm1: [2 ** -25, 0.34657359, 1.0397, 17.32868, 18, 88.3762, 88.722839, 89, 150],
  log: [Math.SQRT1_2, Math.SQRT2, 2, 0.5, 2 ** -126, 2 ** -130, 2 ** 127, 2 ** 128 * Math.SQRT1_2],
  log1p: [1 - Math.SQRT1_2, Math.SQRT2 - 1, 0.5, 2 ** -24, 2 ** 24, 2 ** 64, 2 ** 127, 1.5 * 2 ** 127],
  sin: [Math.PI / 4, Math.PI / 2, Math.PI, 804.2477, 3e5, trigonometricBound],
  cos: [Math.PI / 4, Math.PI / 2, Math.PI, 804.2477, 3e5, trigonometricBound],
  tanh: [0.55, 2 ** -13, 9.0109, 9.25, 20],
  erfc: [0.5, 2 ** -13, 3, 9.19, 10.05, 10.5],
  erf: [0.84, 2 ** -13, 3.8325, 3.95, 10],
  erfinv: [0.5, 0.9, 0.99663, 0.9999, 1],
};

const everywhere = [0, 2 ** -149, 2 ** -126, 1, 2, 3.4028234663852886e38, Infinity];

const kernelOf = (name: RealFunction, length: number, lanes = 4) =>
  columnKernel(([x], _, writer) => unaryMaths[name](x as Expression, writer), 1, length, lanes);

/** The function of all inputs on a device. */
const run = (name: RealFunction, device: ProgramDevice, inputs: Float32Array, lanes = 4) =>
  runLowered(device, kernelOf(name, inputs.length, lanes), [inputs], "float32", inputs.length);

describe.each(realFunctions)("%s", (name) => {
  const { exact, bound } = real[name];
  const centres = centresOf[name];

  test("is accurate", () => {
    for (const inputs of [dense, neighbours([...everywhere, ...centres], 500)]) {
      const expected = Float64Array.from(inputs, exact);
      for (const { name: on, device } of devices) {
        const { error, at } = worst(inputs, run(name, device, inputs) as Float32Array, expected);
        expect(error, `at ${at} on ${on}`).toBeLessThanOrEqual(bound);
      }
    }
  });

  test("keeps the sign of zero, and the edges", () => {
    const inputs = Float32Array.of(0, -0, Infinity, -Infinity, Number.NaN, 2 ** -149, -(2 ** -149), 1);
    const expected = Float32Array.from(inputs, exact);
    for (const { device } of devices) expect([...run(name, device, inputs).subarray(0, 7)]).toEqual([...expected.subarray(0, 7)]);
  });

  test("has the same bits in one lane, in four, and on the interpreter", () => {
    const inputs = Float32Array.of(...everyNth(1_999_993), ...neighbours(centres, 5));
    for (const { name: on, device } of devices) {
      const expected = run(name, device, inputs);
      expect(run(name, device, inputs, 1)).toEqual(expected);
      const interpreted = [false, true].map((fused) => interpretColumns(kernelOf(name, inputs.length).kernel, [inputs], { fused }));
      // Whether the engine's relaxed instruction rounds once depends on the machine.
      if (on === "wasm") expect(interpreted[0]).toEqual(expected);
      else expect(interpreted).toContainEqual(expected);
    }
  });
});

test("sin and cos are accurate next to multiples of π/2, up to the bound", () => {
  const last = Math.floor(trigonometricBound / (Math.PI / 2));
  const inputs = Float32Array.from({ length: 400_000 }, (_, i) => (i < 200_000 ? i : last - (i - 200_000)) * (Math.PI / 2));
  for (const name of ["sin", "cos"] as const) {
    const expected = Float64Array.from(inputs, real[name].exact);
    for (const { device } of devices) {
      const { error, at } = worst(inputs, run(name, device, inputs) as Float32Array, expected);
      expect(error, `${name} at ${at}`).toBeLessThanOrEqual(1.75);
    }
  }
});

test("sin and cos are accurate for huge arguments, next to multiples of π/2 among them", () => {
  // Continued fractions of 2/π give the float32 numbers that are nearest to multiples of π/2.
  const near = [16367173, 4194304 * 1.5, 1.6e18, 5.3e15, 2.2e9, 6381956970095103 * 2, 1e20, 1e30, 3.4e38, 2 ** 22, 2 ** 64, 2 ** 127];
  const dense = everyNth(4391).filter((x) => Math.abs(x) > trigonometricBound && Number.isFinite(x));
  const inputs = Float32Array.from([...dense.subarray(0, dense.length - (dense.length % 4)), ...neighbours(near, 200)]);
  for (const name of ["sin", "cos"] as const) {
    const expected = Float64Array.from(inputs, real[name].exact);
    for (const { device } of devices) {
      const { error, at } = worst(inputs, run(name, device, inputs) as Float32Array, expected);
      expect(error, `${name} at ${at}`).toBeLessThanOrEqual(real[name].bound);
    }
  }
});
