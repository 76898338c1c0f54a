// The dtypes that come out, and the values in them, against the table in docs/guide/operations-accuracy.md.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { realize } from "../../src/engine/realize.ts";
import * as d from "../../src/index.ts";
import { type AnyTensor, type DType, tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { native } from "../support/native.ts";
import { errorOf, expectTensor } from "./values.ts";

const guide = readFileSync(new URL("../../docs/guide/operations-accuracy.md", import.meta.url), "utf8");
const rows = [...guide.matchAll(/^\| \*\*(\w+)\*\* \|(.*)\|$/gm)].map((row) => ({
  dtype: row[1] as DType,
  cells: (row[2] as string).split("|").map((cell) => cell.trim()),
}));
const names = rows.map(({ dtype }) => dtype);
const dtypes = ["bool", "uint8", "int8", "int32", "uint32", "float16", "bfloat16", "float32", "float64"] as const;
const devices = ["reference", "wasm", ...(native ? (["native"] as const) : [])] as const;

const of = (dtype: DType, ...values: number[]): AnyTensor => tensor(values, { dtype });
const isReal = (dtype: DType) => dtype.includes("float");
/** What computes on a dtype as on a real number gives. */
const realOf = (dtype: DType): DType => (dtype === "float64" ? "float64" : "float32");

/** A tensor, and what it must be. */
type Claim = readonly [what: string, actual: AnyTensor, values: unknown, dtype: DType];

/** Makes claims on a device and checks them; all are computed by one program. */
function holds(device: d.DeviceName, make: (claim: (...claim: Claim) => void) => void): void {
  d.setDevice(device);
  try {
    const claims: Claim[] = [];
    make((...claim) => claims.push(claim));
    realize(claims.map(([, actual]) => actual.node));
    for (const [what, actual, values, dtype] of claims) {
      expect(actual.dtype, what).toBe(dtype);
      expectTensor(actual, values, dtype);
    }
  } finally {
    d.setDevice("auto");
  }
}

it("the guide's table is whole", () => {
  expect(names).toEqual(dtypes);
  for (const { cells } of rows) expect(cells.length).toBe(dtypes.length);
});

describe.each(devices)("promotion on %s", (device) => {
  it.each(rows)("$dtype beside every other: arithmetic, comparisons and where", ({ dtype, cells }) =>
    holds(device, (claim) => {
      for (const [i, cell] of cells.entries()) {
        const other = names[i] as DType;
        const [a, b] = [of(dtype, 3, 0), of(other, 1, 1)];
        const what = `${dtype} and ${other}`;
        if (cell === "error") {
          for (const f of [d.maximum, d.add, d.lt, d.eq]) expect(errorOf(() => f(a, b)).message).toMatch(/no common dtype; got .*uint32/);
          expect(errorOf(() => d.where(tensor([true, false]), a, b)).code).toBe("DTYPE");
          continue;
        }
        const expected = cell as DType;
        const three = dtype === "bool" ? 1 : 3;
        const value = (x: number) => (expected === "bool" ? x !== 0 : x);
        claim(`maximum of ${what}`, d.maximum(a, b), [value(three), value(1)], expected);
        claim(`where of ${what}`, d.where(tensor([true, false]), a, b), [value(three), value(1)], expected);
        if (expected !== "bool") {
          claim(`sum of ${what}`, d.add(a, b), [three + 1, 1], expected);
          claim(`product of ${what}`, d.mul(a, b), [three, 0], expected);
        } else expect(errorOf(() => d.add(a, b)).code).toBe("DTYPE");
        claim(`quotient of ${what}`, d.div(a, b), [three, 0], realOf(expected));
        claim(`= of ${what}`, d.eq(a, b), [three === 1, false], "bool");
        claim(`< of ${what}`, d.lt(b, a), [three > 1, false], "bool");
        claim(`≤ of ${what}`, d.le(a, b), [three === 1, true], "bool");
      }
    }),
  );

  it.each(dtypes)("numbers beside %s", (dtype) =>
    holds(device, (claim) => {
      const x = of(dtype, 1, 0);
      const [whole, fraction] = [dtype === "bool" ? "int32" : isReal(dtype) ? realOf(dtype) : dtype, realOf(dtype)] as const;
      claim("x + 2", d.add(x, 2), [3, 2], whole);
      claim("2 − x", d.sub(2, x), [1, 2], whole);
      claim("x · ½", d.mul(0.5, x), [0.5, 0], fraction);
      claim("x < 1", d.lt(x, 1), [false, true], "bool");
      claim("x > ½", d.gt(x, 0.5), [true, false], "bool");
      claim("x where else 7", d.where(tensor([true, false]), x, 7), [1, 7], whole);
      claim("½ where else x", d.where(tensor([true, false]), 0.5, x), [0.5, 0], fraction);
      // As a float64 number and as one of the dtype.
      if (isReal(dtype)) claim("x = 0.1", d.eq(of(dtype, 0.1), 0.1), [dtype !== "float16" && dtype !== "bfloat16"], "bool");
    }),
  );

  it.each(dtypes)("a float64 scalar beside %s is rounded when it meets a tensor, not when it meets a scalar", (dtype) =>
    holds(device, (claim) => {
      const third = tensor(1 / 3, { dtype: "float64" });
      const expected = realOf(dtype);
      claim("sum", d.add(third, of(dtype, 0)).sub(tensor(1 / 3, { dtype: "float64" })), [0], expected);
      claim("product", of(dtype, 1, 0).mul(third), [1 / 3, 0], expected);
      claim("where", d.where(tensor([true, false]), of(dtype, 1, 1), third), [1, 1 / 3], expected);
      claim("comparison", d.lt(of(dtype, 0, 1), third), [true, false], "bool");
      const scalar = d.mul(third, tensor(1, { dtype }));
      expect(scalar.dtype).toBe(dtype === "float32" || dtype === "float16" || dtype === "bfloat16" ? "float32" : "float64");
    }),
  );

  it.each(dtypes)("functions and reductions of %s", (dtype) =>
    holds(device, (claim) => {
      const x = of(dtype, 1, 0);
      const isSmall = dtype === "bool" || dtype === "uint8" || dtype === "int8";
      const real = realOf(dtype);
      const counted = isSmall ? "int32" : isReal(dtype) ? real : dtype;
      for (const f of [d.exp, d.tan, d.atanh, d.erfc, d.sigmoid, d.gelu, nn.softSign, d.softmax, d.logCumSumExp])
        expect((f as (x: AnyTensor) => AnyTensor)(x).dtype, f.name).toBe(real);
      claim("sum", d.sum(x), 1, counted);
      claim("sum of many", d.sum(d.full([300], 1, { dtype })), 300, counted);
      claim("prod", d.prod(x), 0, counted);
      claim("max", d.max(x), dtype === "bool" ? true : 1, isReal(dtype) ? real : dtype);
      claim("min", d.min(x), dtype === "bool" ? false : 0, isReal(dtype) ? real : dtype);
      claim("cumsum", d.cumsum(x), [1, 1], counted);
      claim("cumprod", d.cumprod(x), [1, 0], counted);
      claim("mean", d.mean(x), 0.5, real);
      claim("variance", d.variance(x), 0.25, real);
      claim("argMax", d.argMax(x), 0, "int32");
      claim("argSort", d.argSort(x), [1, 0], "int32");
      claim("countNonzero", d.countNonzero(x), 1, "int32");
      claim("logicalNot", d.logicalNot(x), [false, true], "bool");
      claim("logicalXor", d.logicalXor(x, 1), [false, true], "bool");
      claim("isNaN", d.isNaN(x), [false, false], "bool");
      // Moved and indexed, a dtype stays.
      const [one, zero] = dtype === "bool" ? [true, false] : [1, 0];
      claim("at", x.at(tensor([1, 0, 0], { dtype: "int32" })), [zero, one, one], dtype);
      claim("slice", x.slice([1, 2]), [zero], dtype);
      claim("flip", x.flip(), [zero, one], dtype);
      claim("concat", d.concat([x, x]), [one, zero, one, zero], dtype);
      claim("sort", x.sort(), [zero, one], dtype);
    }),
  );

  it("integers wrap, and divide by 0 to 0", () =>
    holds(device, (claim) => {
      claim("uint8", d.add(of("uint8", 255), of("uint8", 3)), [2], "uint8");
      claim("int8", d.sub(of("int8", -128), of("int8", 1)), [127], "int8");
      claim("uint32", d.sub(of("uint32", 0), of("uint32", 1)), [2 ** 32 - 1], "uint32");
      claim("floorDivide", d.floorDivide(of("int32", 7, -7, 7), of("int32", 2, 2, 0)), [3, -4, 0], "int32");
      claim("truncDivide", d.truncDivide(of("int32", 7, -7, 7), of("int32", 2, 2, 0)), [3, -3, 0], "int32");
      claim("fmod", d.fmod(of("int32", 7, -7), of("int32", 3, 3)), [1, -1], "int32");
    }));
});
