import { describe, expect, test } from "vitest";
import * as build from "../../src/graph/build.ts";
import type { DType, TypedArray } from "../../src/graph/dtype.ts";
import type { Node } from "../../src/graph/node.ts";
import type { BinaryOp, Region } from "../../src/graph/operation.ts";
import type { Shape } from "../../src/graph/shape.ts";
import { Storage } from "../../src/graph/storage.ts";
import { verifyRegion } from "../../src/graph/verify.ts";
import { createReferenceDevice } from "../../src/runtime/reference/device.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { UserError } from "../../src/util/errors.ts";
import { erf, erfinv, roundHalfEven } from "../../src/util/special.ts";
import { regionOf } from "../support/operations/case.ts";
import { allCases, buildCase, operandsOf } from "../support/operations.ts";
import { elementsOf, vector } from "../support/values.ts";

/** The elements of a graph without parameters. */
function valueOf(node: Node): number[] {
  return Array.from(evaluateRegion({ parameters: [], results: [node] }, [])[0] as TypedArray);
}

function tensor(dtype: DType, shape: Shape, ...data: number[]): Node {
  return build.buffer(new Storage(dtype, data.length, elementsOf(vector(dtype, ...data))), shape);
}

const floats = (...data: number[]) => tensor("float32", [data.length], ...data);
const ints = (...data: number[]) => tensor("int32", [data.length], ...data);
const counting = (...shape: number[]) => tensor("float32", shape, ...Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i));

describe("every operation", () => {
  test.each(allCases())("$title", ({ row }) => {
    const { region } = buildCase(row);
    verifyRegion(region);
    const operands = operandsOf(row);
    const before = operands.map((o) => o.slice());
    const exact = evaluateRegion(region, operands);
    const stored = createReferenceDevice().evaluate(region, operands);
    expect(operands).toEqual(before);
    region.results.forEach((result, i) => {
      expect(exact[i]).toHaveLength(result.size);
      expect(stored[i]?.constructor).toBe(elementsOf({ shape: [0], dtype: result.dtype, data: [] }).constructor);
      if (result.dtype === "float32") expect(stored[i]).toEqual(Float32Array.from(exact[i] as TypedArray));
      else expect(stored[i]).toEqual(exact[i]);
    });
  });
});

describe("arithmetic on integers", () => {
  const on = (op: BinaryOp, dtype: DType, a: number, b: number) => valueOf(build.binary(op, tensor(dtype, [], a), tensor(dtype, [], b)))[0];
  test.each<[BinaryOp, DType, number, number, number]>([
    ["add", "int32", 2 ** 31 - 1, 1, -(2 ** 31)],
    ["sub", "uint32", 0, 1, 2 ** 32 - 1],
    ["mul", "int32", 65_537, 65_537, 131_073],
    ["mul", "uint8", 200, 3, 88],
    ["div", "int32", -7, 2, -3],
    ["div", "int32", 7, 0, 0],
    ["div", "int32", -(2 ** 31), -1, -(2 ** 31)],
    ["div", "uint32", 2 ** 32 - 1, 2, 2 ** 31 - 1],
    ["remainder", "int32", -7, 3, 2],
    ["remainder", "int32", 7, -3, -2],
    ["remainder", "int32", 7, 0, 0],
    ["pow", "int32", 3, 20, -808_182_895],
    ["pow", "int32", 2, -1, 0],
    ["pow", "int32", -1, -3, -1],
    ["pow", "int32", 0, 0, 1],
    ["shiftRight", "int32", -8, 1, -4],
    ["shiftRight", "uint32", 2 ** 31, 31, 1],
    ["shiftLeft", "int32", 1, 33, 2],
    ["shiftLeft", "uint8", 200, 1, 144],
    ["xor", "uint8", 255, 170, 85],
    ["lt", "uint32", 1, 2 ** 31, 1],
  ])("%s of %s: %d, %d gives %d", (op, dtype, a, b, expected) => {
    expect(on(op, dtype, a, b)).toBe(expected);
  });
});

describe("arithmetic on floats", () => {
  test("maximum and minimum give NaN where an operand is NaN", () => {
    expect(valueOf(build.binary("maximum", floats(Number.NaN, 1, 3), floats(1, Number.NaN, 2)))).toEqual([Number.NaN, Number.NaN, 3]);
    expect(valueOf(build.reduce("reduceMin", floats(4, Number.NaN, 1)))).toEqual([Number.NaN]);
  });

  test("remainder has the sign of the divisor", () => {
    expect(valueOf(build.binary("remainder", floats(5.5, -5.5, 5.5, -5.5), floats(2, 2, -2, -2)))).toEqual([1.5, 0.5, -0.5, -1.5]);
  });

  test("round takes halves to even", () => {
    expect(valueOf(build.unary("round", floats(0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6)))).toEqual([0, 2, 2, -0, -2, 2, -3]);
    expect(roundHalfEven(2 ** 52 + 1)).toBe(2 ** 52 + 1);
  });

  test("casts truncate and saturate", () => {
    const x = floats(1.9, -1.9, 3e9, -3e9, Number.NaN, 5e9);
    expect(valueOf(build.cast(x, "int32"))).toEqual([1, -1, 2 ** 31 - 1, -(2 ** 31), 0, 2 ** 31 - 1]);
    expect(valueOf(build.cast(x, "uint32"))).toEqual([1, 0, 3e9, 0, 0, 2 ** 32 - 1]);
    expect(valueOf(build.cast(x, "bool"))).toEqual([1, 1, 1, 1, 1, 1]);
    expect(valueOf(build.cast(ints(-1, 256, 257), "uint8"))).toEqual([255, 0, 1]);
  });

  test("erfinv agrees with a table, and is the inverse of erf", () => {
    // scipy.special.erfinv
    const table: readonly [number, number][] = [
      [0.1, 0.08885599049425769],
      [0.5, 0.4769362762044699],
      [0.9, 1.1630871536766743],
      [1 - 1e-9, 4.320005388105363],
    ];
    for (const [x, expected] of table) {
      expect(Math.abs(erfinv(x) / expected - 1)).toBeLessThan(1e-14);
      expect(erfinv(-x)).toBe(-erfinv(x));
    }
    for (let y = -3; y <= 3; y += 0.25) expect(Math.abs(erfinv(erf(y)) - y)).toBeLessThan(1e-12);
    expect([erfinv(0), erfinv(1), erfinv(-1), erfinv(1.1), erfinv(Number.NaN)]).toEqual([0, Infinity, -Infinity, Number.NaN, Number.NaN]);
  });

  test("erf agrees with a table, in both of its ranges", () => {
    // Abramowitz and Stegun, table 7.1, and mpmath.
    const known: [number, number][] = [
      [0.1, 0.1124629160182849],
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [2, 0.9953222650189527],
      [2.6, 0.9997639655834707],
      [3.5, 0.9999992569016276],
    ];
    for (const [x, expected] of known) {
      expect(Math.abs(erf(x) / expected - 1)).toBeLessThan(4e-16);
      expect(erf(-x)).toBe(-erf(x));
    }
    expect([erf(0), erf(7), erf(Number.NEGATIVE_INFINITY), erf(Number.NaN)]).toEqual([0, 1, -1, Number.NaN]);
  });
});

test("threefry gives the known answers of Random123", () => {
  const words = (...data: number[]) => tensor("uint32", [3], ...data);
  const ones = 0xffffffff;
  const inputs = [words(0, ones, 0x13198a2e), words(0, ones, 0x03707344), words(0, ones, 0x243f6a88), words(0, ones, 0x85a308d3)] as const;
  expect(valueOf(build.threefry(0, ...inputs))).toEqual([0x6b200159, 0x1cb996fc, 0xc4923a9c]);
  expect(valueOf(build.threefry(1, ...inputs))).toEqual([0x99ba4efe, 0xbb002be7, 0x483df7a0]);
});

describe("movement", () => {
  test("slices walk backwards and in steps", () => {
    expect(valueOf(build.slice(counting(6), [4], [3], [-2]))).toEqual([4, 2, 0]);
    expect(valueOf(build.slice(counting(2, 3), [1, 0], [2, 2], [-1, 2]))).toEqual([3, 5, 0, 2]);
  });

  test("pad fills around and between", () => {
    expect(valueOf(build.pad(floats(1, 2, 3), [1], [2], 9, [1]))).toEqual([9, 1, 9, 2, 9, 3, 9, 9]);
  });

  test("permute and expand", () => {
    expect(valueOf(build.permute(counting(2, 3), [1, 0]))).toEqual([0, 3, 1, 4, 2, 5]);
    expect(valueOf(build.expand(counting(2, 1), [2, 3]))).toEqual([0, 0, 0, 1, 1, 1]);
  });

  test("reductions keep the other axes in order", () => {
    expect(valueOf(build.reduce("reduceSum", counting(2, 3, 2), [0, 2]))).toEqual([0 + 1 + 6 + 7, 2 + 3 + 8 + 9, 4 + 5 + 10 + 11]);
    expect(valueOf(build.reduce("reduceProduct", floats(2, -3, 4)))).toEqual([-24]);
    expect(valueOf(build.reduce("reduceSum", tensor("float32", [2, 0]), 1))).toEqual([0, 0]);
  });

  test("contract: batch axes, then the left's, then the right's", () => {
    const product = build.contract(counting(2, 2, 3), counting(3, 2, 2), [[0], [1]], [[2], [0]]);
    expect(product.shape).toEqual([2, 2, 2]);
    const expected: number[] = [];
    for (let b = 0; b < 2; b++)
      for (let m = 0; m < 2; m++)
        for (let n = 0; n < 2; n++) expected.push([0, 1, 2].reduce((sum, k) => sum + (b * 6 + m * 3 + k) * (k * 4 + b * 2 + n), 0));
    expect(valueOf(product)).toEqual(expected);
  });
});

describe("indexing", () => {
  test("gather and scatterAdd clamp their indices", () => {
    expect(valueOf(build.gather(counting(3, 2), ints(9, -1), 0))).toEqual([4, 5, 0, 1]);
    expect(valueOf(build.scatterAdd([3], ints(0, 2, 0, 7), floats(1, 2, 3, 4), 0))).toEqual([4, 0, 6]);
  });

  test("dynamic blocks are moved inside", () => {
    const at = (n: number) => build.constant(n, "int32");
    expect(valueOf(build.dynamicSlice(counting(5), [at(4)], [3]))).toEqual([2, 3, 4]);
    expect(valueOf(build.dynamicUpdate(counting(2, 2), tensor("float32", [1, 2], 8, 9), [at(-4), at(3)]))).toEqual([8, 9, 2, 3]);
  });

  test("argSort is stable, with NaN the largest, both ways", () => {
    const x = floats(2, Number.NaN, 1, 2, 3);
    expect(valueOf(build.argSort(x))).toEqual([2, 0, 3, 4, 1]);
    expect(valueOf(build.argSort(x, true))).toEqual([1, 4, 0, 3, 2]);
  });

  test("argMax takes the first among equals, and NaN above all", () => {
    expect(valueOf(build.argReduce("argMax", floats(1, 3, 3), 0))).toEqual([1]);
    expect(valueOf(build.argReduce("argMin", floats(1, Number.NaN, -3, Number.NaN), 0))).toEqual([1]);
  });

  test("checkBounds throws the user's error, with message, value and size", () => {
    const checked = build.checkBounds(ints(0, 7), 7, "gather: index outside axis 0");
    expect(() => valueOf(checked)).toThrow(UserError);
    expect(() => valueOf(checked)).toThrow("gather: index outside axis 0; got 7, expected 0 to 6.");
    expect(valueOf(build.checkBounds(ints(0, 6), 7, "unused"))).toEqual([0, 6]);
  });
});

describe("control flow", () => {
  const f = { shape: [], dtype: "float32" as const };
  test("scan stacks in place, whichever way it goes", () => {
    const body = regionOf([f, f], ([c, x]) => {
      const next = build.binary("add", build.binary("add", c as Node, c as Node), x as Node);
      return [next, next];
    });
    const run = (reverse: boolean) => build.scan(body, [], [build.constant(0, "float32")], [floats(1, 2, 3)], 3, reverse).map(valueOf);
    expect(run(false)).toEqual([[11], [1, 4, 11]]);
    expect(run(true)).toEqual([[17], [17, 8, 3]]);
  });

  test("while counts, and only the branch taken is evaluated", () => {
    const i = { shape: [], dtype: "int32" as const };
    const below = regionOf([i], ([n]) => [build.binary("lt", n as Node, build.constant(10, "int32"))]);
    const double = regionOf([i], ([n]) => [build.binary("add", n as Node, n as Node)]);
    const [n] = build.whileLoop(below, double, [], [build.constant(3, "int32")]);
    expect(valueOf(n as Node)).toEqual([12]);
    const fails = regionOf([i], ([x]) => [build.checkBounds(x as Node, 1, "never")]);
    const same = regionOf([i], ([x]) => [x as Node]);
    const [kept] = build.cond(build.constant(0, "bool"), fails, same, [n as Node]);
    expect(valueOf(kept as Node)).toEqual([12]);
  });
});

describe("modes", () => {
  const x = build.input([3], "float32");
  const third = build.binary("div", x, build.constant(3, "float32", [3]));
  const region: Region = { parameters: [x], results: [third] };

  test("exact keeps double precision, rounded does not", () => {
    const ones = Float32Array.of(1, 1, 1);
    expect(evaluateRegion(region, [ones])[0]).toEqual(Float64Array.of(1 / 3, 1 / 3, 1 / 3));
    const rounded = evaluateRegion(region, [ones], { rounded: true })[0] as TypedArray;
    expect(rounded[0]).toBe(Math.fround(1 / 3));
    expect(createReferenceDevice().evaluate(region, [ones])[0]).toBeInstanceOf(Float32Array);
  });

  test("rounded accumulates in float32, and float64 nodes are never rounded", () => {
    const big = build.reduce("reduceSum", floats(1e8, 1, -1e8));
    const run = (node: Node, rounded: boolean) => evaluateRegion({ parameters: [], results: [node] }, [], { rounded })[0]?.[0];
    expect(run(big, false)).toBe(1);
    expect(run(big, true)).toBe(0);
    expect(run(build.reduce("reduceSum", build.cast(floats(1e8, 1, -1e8), "float64")), true)).toBe(1);
  });

  test("exact mode computes with double parameters as they are", () => {
    const value = 0.1;
    expect(evaluateRegion({ parameters: [x], results: [x] }, [Float64Array.of(value, value, value)])[0]?.[0]).toBe(value);
  });

  test("results are copies", () => {
    const given = Float64Array.of(1, 2, 3);
    const [a, b] = evaluateRegion({ parameters: [x], results: [x, build.reshape(x, [1, 3])] }, [given]);
    (a as TypedArray)[0] = 99;
    expect([b?.[0], given[0]]).toEqual([1, 1]);
  });
});

test("a chain of 10,000 nodes evaluates", () => {
  const x = build.input([2], "float32");
  let chain: Node = x;
  for (let i = 0; i < 10_000; i++) chain = build.binary("add", chain, x);
  expect(evaluateRegion({ parameters: [x], results: [chain] }, [Float32Array.of(1, -2)])[0]).toEqual(Float64Array.of(10_001, -20_002));
});

test("a buffer is read from its device where it is not in JavaScript, and throws the error of a failed one", () => {
  const storage = new Storage("int32", 2, null);
  storage.resident = { device: "test", read: () => Int32Array.of(4, 5), release: () => {} };
  expect(valueOf(build.buffer(storage, [2]))).toEqual([4, 5]);
  storage.error = new Error("it failed before");
  expect(() => valueOf(build.buffer(storage, [2]))).toThrow("it failed before");
});

test("wrong parameters are our bug, and said so", () => {
  const x = build.input([2], "float32");
  expect(() => evaluateRegion({ parameters: [x], results: [x] }, [Float32Array.of(1)])).toThrow(/parameter 0 .* float32\[2\].*1 elements/);
  expect(() => evaluateRegion({ parameters: [], results: [x] }, [])).toThrow(/no parameter of the region/);
});
