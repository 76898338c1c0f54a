// pow, Threefry, and float64: what is not a float32 function of one argument.

import { describe, expect, test } from "vitest";
import type { ProgramDevice } from "../../src/graph/device.ts";
import type { Expression } from "../../src/graph/kernel.ts";
import { realFunctions } from "../../src/graph/operation.ts";
import { powMaths, threefryMaths, unaryMaths } from "../../src/kernel/maths.ts";
import { erfinv, power } from "../../src/util/special.ts";
import { real } from "./real.ts";
import { interpretColumns, interpretLowered, runLowered, wasmDevices } from "./run.ts";
import { columnKernel, everyNth, ulpError } from "./ulp.ts";

const devices = wasmDevices();

const powKernel = (length: number, lanes = 4) =>
  columnKernel(([x, y], emit) => powMaths(x as Expression, y as Expression, emit), 2, length, lanes);

const pow = (device: ProgramDevice, x: Float32Array, y: Float32Array) =>
  runLowered(device, powKernel(x.length), [x, y], "float32", x.length) as Float32Array;

describe("pow", () => {
  /** Pairs whose powers spread over the whole range, and many bases near 1 with large exponents. */
  function pairs(count: number): [Float32Array, Float32Array] {
    let state = 7;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    const [x, y] = [new Float32Array(count), new Float32Array(count)];
    for (let i = 0; i < count; i++) {
      const kind = i % 4;
      x[i] =
        kind === 0
          ? 2 ** (random() * 276 - 149)
          : kind === 1
            ? 0.5 + 1.5 * random()
            : 1 + (random() - 0.5) * 2 ** -Math.floor(22 * random());
      y[i] = ((random() * 2 - 1) * 150) / Math.log2(x[i] as number);
      if (kind === 3) y[i] = Math.round(y[i] as number);
      if (!Number.isFinite(y[i] as number)) y[i] = 2;
      if (i % 8 === 7 && Number.isInteger(y[i])) x[i] = -(x[i] as number);
    }
    return [x, y];
  }

  test("is within 1.5 units", () => {
    const [x, y] = pairs(1_000_000);
    for (const { device } of devices) {
      const results = pow(device, x, y);
      let [error, at] = [0, 0];
      for (let i = 0; i < x.length; i++) {
        const e = ulpError(results[i] as number, power(x[i] as number, y[i] as number));
        if (e > error) [error, at] = [e, i];
      }
      expect(error, `${x[at]} ** ${y[at]}`).toBeLessThanOrEqual(1.5);
    }
  });

  test("takes any two bit patterns", () => {
    const x = everyNth(9973);
    const y = Float32Array.from(x, (_, i) => x[(Math.imul(i, 7919) >>> 0) % x.length] as number);
    for (const { device } of devices) {
      const results = pow(device, x, y);
      for (let i = 0; i < x.length; i++)
        if (!(ulpError(results[i] as number, power(x[i] as number, y[i] as number)) <= 1.5))
          expect.fail(`${x[i]} ** ${y[i]} is ${results[i]}`);
    }
  });

  test("has the special cases of IEEE 754", () => {
    const numbers = [0, 1, 2, 3, 0.5, 0.25, 1.5, Infinity, 2 ** -149, 3e38, 2 ** 24, 2 ** 24 - 1, 2 ** 24 + 2, 1 + 2 ** -23, 1 - 2 ** -24];
    const all = [...numbers, ...numbers.map((n) => -n), Number.NaN, 1e10];
    const x = Float32Array.from({ length: all.length ** 2 }, (_, i) => all[i % all.length] as number);
    const y = Float32Array.from(x, (_, i) => all[Math.floor(i / all.length)] as number);
    const results = [
      ...devices.map(({ device }) => pow(device, x, y)),
      interpretColumns(powKernel(x.length).kernel, [x, y]),
      interpretColumns(powKernel(x.length, 1).kernel, [x, y]),
    ];
    for (const result of results) {
      x.forEach((base, i) => {
        const exact = power(base, y[i] as number);
        expect(ulpError(result[i] as number, exact), `${base} ** ${y[i]} is ${result[i]}`).toBeLessThanOrEqual(1.5);
        if (exact === 0) expect(result[i], `${base} ** ${y[i]}`).toBe(exact);
      });
    }
  });

  test("is exact for powers of two", () => {
    const y = Float32Array.from({ length: 280 }, (_, i) => i - 150);
    for (const { device } of devices) expect(pow(device, new Float32Array(280).fill(2), y)).toEqual(Float32Array.from(y, (n) => 2 ** n));
  });
});

describe("threefry", () => {
  // Known answers of Random123 (kat_vectors, threefry2x32 with 20 rounds): counter, key, block.
  const known = [
    [0, 0, 0, 0, 0x6b200159, 0x99ba4efe],
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x1cb996fc, 0xbb002be7],
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xc4923a9c, 0x483df7a0],
  ];

  test.each([0, 1] as const)("word %i gives the known answers", (word) => {
    const [counter0, counter1, key0, key1, ...block] = [0, 1, 2, 3, 4, 5].map((column) =>
      Uint32Array.from([...known, [0, 0, 0, 0, 0x6b200159, 0x99ba4efe]], (row) => row[column] as number),
    ) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array];
    for (const lanes of [1, 4]) {
      const lowered = columnKernel(
        ([k0, k1, c0, c1], emit) => threefryMaths(word, k0 as Expression, k1 as Expression, c0 as Expression, c1 as Expression, emit),
        4,
        4,
        lanes,
        "u32",
      );
      const inputs = [key0, key1, counter0, counter1];
      expect(interpretLowered(lowered, inputs, "uint32", 4)).toEqual(block[word]);
      for (const { device } of devices) expect(runLowered(device, lowered, inputs, "uint32", 4)).toEqual(block[word]);
    }
  });
});

describe("float64", () => {
  const points = Float64Array.of(-0, 0.1, -0.7, 2.5, 30, -Infinity, Number.NaN, 1e-300);

  const ofHost = realFunctions.filter((name) => name !== "erfinv");

  test.each(ofHost)("%s is the host's", (name) => {
    const lowered = columnKernel(([x], _, writer) => unaryMaths[name](x as Expression, writer), 1, points.length, 1, "f64");
    const expected = Float64Array.from(points, real[name].exact);
    for (const { device } of devices) expect(runLowered(device, lowered, [points], "float64", points.length)).toEqual(expected);
  });

  test("erfinv is right in all but the last places, in one lane and in two", () => {
    const xs = Float64Array.of(0, 1e-300, 1e-9, -0.2, 0.49999, 0.5, -0.9, 0.999999, 1 - 2 ** -53, 1, -1, 1.5, Number.NaN, -1e-3);
    for (const lanes of [1, 2]) {
      const lowered = columnKernel(([x], _, writer) => unaryMaths.erfinv(x as Expression, writer), 1, xs.length, lanes, "f64");
      for (const { device } of devices) {
        const results = runLowered(device, lowered, [xs], "float64", xs.length);
        xs.forEach((x, i) => {
          const [got, exact] = [results[i] as number, erfinv(x)];
          if (Number.isFinite(exact)) expect(Math.abs(got - exact), `${x}`).toBeLessThanOrEqual(1e-14 * Math.abs(exact));
          else expect(got).toBe(exact);
        });
      }
    }
  });

  test("pow is the host's", () => {
    const lowered = columnKernel(([x, y], emit) => powMaths(x as Expression, y as Expression, emit), 2, points.length, 1, "f64");
    const exponents = points.toReversed();
    const expected = points.map((x, i) => x ** (exponents[i] as number));
    for (const { device } of devices) expect(runLowered(device, lowered, [points, exponents], "float64", points.length)).toEqual(expected);
  });
});
