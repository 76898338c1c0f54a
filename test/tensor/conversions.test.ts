// Every dtype cast to every other, on every device, against the rules of docs/guide/operations-accuracy.md written once more here.

import { describe, expect, it } from "vitest";
import { realize } from "../../src/engine/realize.ts";
import { type DType, dtypes, isInteger } from "../../src/graph/dtype.ts";
import * as d from "../../src/index.ts";
import { type AnyTensor, tensor } from "../../src/index.ts";
import { bfloatOf, halfOf, numberOfBfloat, numberOfHalf } from "../../src/util/half.ts";
import { native } from "../support/native.ts";

const devices = ["reference", "wasm", ...(native ? (["native"] as const) : [])] as const;

const integers = [
  0,
  1,
  -1,
  2,
  100,
  127,
  -128,
  128,
  255,
  256,
  300,
  -129,
  65_504,
  65_520,
  2 ** 24 + 1,
  2 ** 31 - 1,
  -(2 ** 31),
  2 ** 31,
  2 ** 32 - 1,
];
const reals = [
  ...[0.5, 1.5, 2.5, 0.49999999999, 255.9, 300.7, 2147483647.5, 4294967295.5, 1e10, 1e38, 1e39, 1e300, 1e-45, 1e-46, 1e-310, 0.1, 1 / 3],
  // Beside halves of the last place of float16 and bfloat16, by less than float32 can tell.
  ...[2049, 2049 + 2 ** -40, 2051, 257, 257 + 2 ** -40, 259, 2 ** -25, 2 ** -25 * (1 + 2 ** -40)],
].flatMap((v) => [v, -v]);
const special = [-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const halves = Array.from({ length: 65_536 }, (_, pattern) => pattern);

/** All values of the small dtypes, and the awkward ones of the others. */
const values: Record<DType, readonly number[]> = {
  bool: [0, 1],
  uint8: Array.from({ length: 256 }, (_, i) => i),
  int8: Array.from({ length: 256 }, (_, i) => i - 128),
  int32: integers.map((v) => v | 0),
  uint32: integers.map((v) => v >>> 0),
  float16: halves.map(numberOfHalf),
  bfloat16: halves.map(numberOfBfloat),
  float32: [...integers, ...reals, ...special].map(Math.fround),
  float64: [...integers, ...reals, ...special],
};

const saturated = (v: number, low: number, high: number) => (Number.isNaN(v) ? 0 : Math.trunc(Math.min(Math.max(v, low), high)) + 0);

/** What a number becomes. */
function expected(value: number, from: DType, to: DType): number {
  const whole = isInteger(from) || from === "bool" ? value | 0 : saturated(value, -(2 ** 31), 2 ** 31 - 1);
  switch (to) {
    case "bool":
      return value === 0 ? 0 : 1;
    case "uint8":
      return whole & 255;
    case "int8":
      return (whole << 24) >> 24;
    case "int32":
      return whole;
    case "uint32":
      return isInteger(from) || from === "bool" ? value >>> 0 : saturated(value, 0, 2 ** 32 - 1);
    case "float16":
      return numberOfHalf(halfOf(Math.fround(value)));
    case "bfloat16":
      return numberOfBfloat(bfloatOf(Math.fround(value)));
    case "float32":
      return Math.fround(value);
    case "float64":
      return value;
  }
}

describe.each(devices)("casts on %s", (device) => {
  it.each(dtypes)("%s to every dtype, and what was read back is what was given", (from) => {
    d.setDevice(device);
    try {
      const x = tensor(Array.from(values[from]), { dtype: from });
      const results: AnyTensor[] = dtypes.map((to) => x.cast(to));
      realize(results.map((t) => t.node));
      for (const [i, to] of dtypes.entries()) {
        const t = results[i] as AnyTensor;
        expect(t.dtype).toBe(to);
        const got = t.dataSync();
        for (const [j, value] of values[from].entries()) {
          const want = expected(value, from, to);
          if (!Object.is(got[j], want)) expect.fail(`${value} of ${from} became ${got[j]} of ${to} instead of ${want}`);
        }
      }
    } finally {
      d.setDevice("auto");
    }
  });
});
