// The dtypes that come out, against the table in docs/guide/operations-accuracy.md.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { type AnyTensor, type DType, tensor } from "../../src/index.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

const guide = readFileSync(new URL("../../docs/guide/operations-accuracy.md", import.meta.url), "utf8");
const rows = [...guide.matchAll(/^\| \*\*(\w+)\*\* \|(.*)\|$/gm)].map((row) => ({
  dtype: row[1] as DType,
  cells: (row[2] as string).split("|").map((cell) => cell.trim()),
}));
const names = rows.map(({ dtype }) => dtype);
const of = (dtype: DType, ...values: number[]): AnyTensor => tensor(values, { dtype });
const dtypes = ["bool", "uint8", "int8", "int32", "uint32", "float16", "bfloat16", "float32"] as const;

it("the guide's table is whole", () => {
  expect(names).toEqual(dtypes);
  for (const { cells } of rows) expect(cells.length).toBe(dtypes.length);
});

describe.each(devices)("promotion on %s", (device) => {
  it.each(rows)("$dtype beside every other, on either side and in where", ({ dtype, cells }) =>
    on(device, () => {
      for (const [i, expected] of cells.entries()) {
        const other = names[i] as DType;
        const [a, b] = [of(dtype, 1, 0), of(other, 1, 1)];
        if (expected === "error") {
          expect(errorOf(() => d.maximum(a, b)).message).toMatch(/no common dtype; got .*uint32/);
          continue;
        }
        const what = `${dtype} and ${other}`;
        expectTensor(d.maximum(a, b), expected === "bool" ? [true, true] : [1, 1], expected);
        expect(d.where(tensor([true, false]), a, b).dtype, what).toBe(expected);
        if (expected !== "bool") expectTensor(d.add(a, b), [2, 1], expected);
        expectTensor(d.eq(a, b), [true, false], "bool");
      }
    }),
  );

  it.each(dtypes)("numbers beside %s", (dtype) =>
    on(device, () => {
      const x = of(dtype, 1, 0);
      const isWhole = dtype !== "float32" && dtype !== "float16" && dtype !== "bfloat16";
      expectTensor(d.add(x, 2), [3, 2], dtype === "bool" ? "int32" : isWhole ? dtype : "float32");
      expectTensor(d.mul(0.5, x), [0.5, 0], "float32");
    }),
  );

  it.each(dtypes)("functions and reductions of %s", (dtype) =>
    on(device, () => {
      const x = of(dtype, 1, 0);
      const isSmall = dtype === "bool" || dtype === "uint8" || dtype === "int8";
      const counted = isSmall ? "int32" : dtype === "float16" || dtype === "bfloat16" ? "float32" : dtype;
      for (const f of [d.exp, d.tan, d.atanh, d.erfc, d.sigmoid, d.gelu, d.softSign, d.softmax, d.logCumSumExp])
        expect((f as (x: AnyTensor) => AnyTensor)(x).dtype, f.name).toBe("float32");
      expectTensor(d.div(x, of(dtype, 1, 1)), [1, 0], "float32");
      expectTensor(d.sum(x), 1, counted);
      expectTensor(d.cumsum(x), [1, 1], counted);
      expectTensor(d.cumprod(x), [1, 0], counted);
      expectTensor(d.mean(x), 0.5, "float32");
      expectTensor(d.variance(x), 0.25, "float32");
      expectTensor(d.argMax(x), 0, "int32");
      expectTensor(d.argSort(x), [1, 0], "int32");
      expectTensor(d.countNonzero(x), 1, "int32");
      expectTensor(d.logicalNot(x), [false, true], "bool");
      expectTensor(d.logicalXor(x, 1), [false, true], "bool");
      expectTensor(d.isNaN(x), [false, false], "bool");
    }),
  );

  it("integers wrap, and divide by 0 to 0", () =>
    on(device, () => {
      expectTensor(d.add(of("uint8", 255), of("uint8", 3)), [2], "uint8");
      expectTensor(d.sub(of("int8", -128), of("int8", 1)), [127], "int8");
      expectTensor(d.floorDivide(of("int32", 7, -7, 7), of("int32", 2, 2, 0)), [3, -4, 0], "int32");
      expectTensor(d.truncDivide(of("int32", 7, -7, 7), of("int32", 2, 2, 0)), [3, -3, 0], "int32");
      expectTensor(d.fmod(of("int32", 7, -7), of("int32", 3, 3)), [1, -1], "int32");
    }));
});
