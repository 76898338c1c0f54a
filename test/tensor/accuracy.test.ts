// The accuracy of the functions of real numbers as tensors compute them, against the table in docs/guide/operations-accuracy.md.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as d from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { erf, erfc, erfinv } from "../../src/util/special.ts";
import { everyNth, neighbours, ulpError, worst } from "../kernel/ulp.ts";
import { on } from "./values.ts";

const guide = readFileSync(new URL("../../docs/guide/operations-accuracy.md", import.meta.url), "utf8");
const bounds = new Map([...guide.matchAll(/^\| `(\w+)` \| ([\d.]+) \|/gm)].map((row) => [row[1] as string, Number(row[2])]));

const softplus = (x: number) => (x > 30 ? x : Math.log1p(Math.exp(x)));

const exact: Record<string, (x: number) => number> = {
  exp: Math.exp,
  exp2: (x) => 2 ** x,
  expm1: Math.expm1,
  log: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  log1p: Math.log1p,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  reciprocal: (x) => 1 / x,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  erf,
  erfc,
  erfinv,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  softplus,
  logSigmoid: (x) => -softplus(-x),
};

const exactPairs: Record<string, (x: number, y: number) => number> = { atan2: Math.atan2, pow: (x, y) => x ** y };

/** All magnitudes, both ends of the range, where formulas change, and the usual arguments densely. */
const centres = [0, 2 ** -149, 2 ** -126, 0.5, 1, 2, 3, 10, 88, 89, 89.4, 100, 126, 127, 128, 149, 2 ** 21, 2 ** 30, 3.4e38, Infinity];
const inputs = Float32Array.from([
  ...everyNth(19_997),
  ...neighbours(centres, 200),
  ...Array.from({ length: 20_000 }, (_, i) => ((i - 10_000) / 10_000) * 1.05),
  ...Array.from({ length: 20_000 }, (_, i) => (i - 10_000) / 100),
]);
const shuffled = inputs.map((_, i) => inputs[(Math.imul(i, 7919) >>> 0) % inputs.length] as number);

type Functions = Record<string, (...xs: d.Tensor[]) => d.Tensor>;
const functions = { ...nn, ...d } as unknown as Functions;

test("the guide has every function and no other", () => {
  expect([...bounds.keys()].sort()).toEqual([...Object.keys(exact), ...Object.keys(exactPairs)].sort());
});

test.each(Object.keys(exact))("%s", (name) =>
  on("wasm", () => {
    const results = functions[name]?.(d.tensor(inputs)).dataSync() as Float32Array;
    const { error, at } = worst(inputs, results, Float64Array.from(inputs, exact[name] as (x: number) => number));
    expect(error, `at ${at}`).toBeLessThanOrEqual(bounds.get(name) as number);
  }),
);

test.each(Object.keys(exactPairs))("%s", (name) =>
  on("wasm", () => {
    const f = exactPairs[name] as (x: number, y: number) => number;
    const results = functions[name]?.(d.tensor(inputs), d.tensor(shuffled)).dataSync() as Float32Array;
    let [error, at] = [0, ""];
    inputs.forEach((x, i) => {
      const e = ulpError(results[i] as number, f(x, shuffled[i] as number));
      if (e > error) [error, at] = [e, `(${x}, ${shuffled[i]})`];
    });
    expect(error, `at ${at}`).toBeLessThanOrEqual(bounds.get(name) as number);
  }),
);

test("exp2 is exact for whole numbers", () =>
  on("wasm", () => {
    const whole = Float32Array.from({ length: 278 }, (_, i) => i - 150);
    expect(d.exp2(d.tensor(whole)).dataSync()).toEqual(whole.map((x) => 2 ** x));
  }));
