import { describe, expect, test } from "vitest";
import * as build from "../../src/graph/build.ts";
import type { DType } from "../../src/graph/dtype.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Shape } from "../../src/graph/shape.ts";
import { type DownhillError, UserError } from "../../src/util/errors.ts";
import { regionOf } from "../support/operations/case.ts";

const x = (...shape: number[]) => build.input(shape, "float32");
const of = (dtype: DType, ...shape: number[]) => build.input(shape, dtype);
const f = (...shape: number[]) => ({ shape, dtype: "float32" as const });

/** What the user is told: code and message. */
function complaint(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return `${(error as DownhillError).code} ${(error as Error).message}`;
  }
  throw new Error("nothing was refused");
}

describe("mistakes are refused with what was got and what was expected", () => {
  test.each<[string, () => unknown]>([
    ["SHAPE add: operands differ in shape; got [3,3] and [3,1], expected equal shapes.", () => build.binary("add", x(3, 3), x(3, 1))],
    ["DTYPE mul: operands differ in dtype; got float32 and int32.", () => build.binary("mul", x(2), of("int32", 2))],
    ["DTYPE add: is not defined on bool; expected numbers.", () => build.binary("add", of("bool", 2), of("bool", 2))],
    ["DTYPE and: is not defined on float32; expected bool or integers.", () => build.binary("and", x(2), x(2))],
    ["DTYPE shiftLeft: needs integers; got float32.", () => build.binary("shiftLeft", x(2), x(2))],
    ["DTYPE exp: needs a floating-point tensor; got int32. Cast it first.", () => build.unary("exp", of("int32", 2))],
    ["DTYPE neg: is not defined on bool. Use logicalNot.", () => build.unary("neg", of("bool", 2))],
    ["DTYPE where: the condition must be bool; got float32.", () => build.where(x(2), x(2), x(2))],
    ["SHAPE where: operands differ in shape; got [2], [3], [3], expected equal shapes.", () => build.where(of("bool", 2), x(3), x(3))],
    ["AXIS reduceSum: axis out of range; got 2, expected an integer from -2 to 1.", () => build.reduce("reduceSum", x(2, 3), 2)],
    ["AXIS reduceSum: an axis is named twice; got [0,-2], expected each axis once.", () => build.reduce("reduceSum", x(2, 3), [0, -2])],
    ["DTYPE reduceSum: is not defined on bool. Cast to int32 first.", () => build.reduce("reduceSum", of("bool", 2))],
    ["SHAPE reduceMax: cannot reduce an empty axis: there is no largest element; got [2,0].", () => build.reduce("reduceMax", x(2, 0), 1)],
    ["SHAPE argMax: cannot reduce an empty axis; got [0].", () => build.argReduce("argMax", x(0), 0)],
    ["SHAPE reshape: the number of elements changes; got [2,3] to [4], expected 6 elements.", () => build.reshape(x(2, 3), [4])],
    ["AXIS permute: axes must name every axis once; got [0,0], expected a permutation of 2 axes.", () => build.permute(x(2, 3), [0, 0])],
    ["SHAPE expand: only axes of size 1 can stretch; got [2,3] to [4,3].", () => build.expand(x(2, 3), [4, 3])],
    ["SHAPE broadcastTo: the result has fewer axes; got [2,3] to [3].", () => build.broadcastTo(x(2, 3), [3])],
    ["RANGE slice: elements outside axis 0; got start 1, size 3, step 1, expected elements of 0 to 2.", () => build.slice(x(3), [1], [3])],
    [
      "RANGE slice: elements outside axis 0; got start 1, size 3, step -1, expected elements of 0 to 2.",
      () => build.slice(x(3), [1], [3], [-1]),
    ],
    [
      "OPTION pad: needs a non-negative integer for each side of each axis; got low [-1], high [0], expected 1 axes.",
      () => build.pad(x(3), [-1], [0]),
    ],
    [
      "SHAPE matmul: axis 1 of the left and axis 0 of the right operand differ; got [2,3] and [4,2], expected 3 on both.",
      () => build.contract(x(2, 3), x(4, 2), [[], []], [[1], [0]]),
    ],
    [
      "DTYPE matmul: operands must be floating point and of one dtype; got int32 and int32. Cast them first.",
      () => build.contract(of("int32", 2), of("int32", 2), [[], []], [[0], [0]]),
    ],
    ["DTYPE gather: indices must be int32; got float32.", () => build.gather(x(3), x(2), 0)],
    [
      "SHAPE gather: axis 0 is empty, so no index is inside it; got [0,2], expected no indices.",
      () => build.gather(x(0, 2), of("int32", 1), 0),
    ],
    [
      "SHAPE scatterAdd: updates have the wrong shape; got [3,2], expected [2,2].",
      () => build.scatterAdd([4, 2], of("int32", 2), x(3, 2), 0),
    ],
    [
      "SHAPE dynamicSlice: the block is larger than the tensor; got [4], expected at most [3].",
      () => build.dynamicSlice(x(3), [of("int32")], [4]),
    ],
    [
      "SHAPE dynamicSlice: needs one int32 scalar start for each axis; got 1 starts, expected 2.",
      () => build.dynamicSlice(x(3, 3), [of("int32")], [1, 1]),
    ],
    [
      "DTYPE dynamicUpdate: the update has another dtype; got int32, expected float32.",
      () => build.dynamicUpdate(x(3), of("int32", 1), [of("int32")]),
    ],
    ["AXIS argSort: a scalar has no axis to sort.", () => build.argSort(x())],
  ])("%s", (message, make) => {
    expect(complaint(make)).toBe(message);
  });
});

describe("control flow is checked against its bodies", () => {
  const same = (...shape: number[]) => regionOf([f(...shape)], ([p]) => [p as Node]);
  test("branches of different types", () => {
    const flattened = regionOf([f(2, 2)], ([p]) => [build.reshape(p as Node, [4])]);
    expect(complaint(() => build.cond(of("bool"), same(2, 2), flattened, [x(2, 2)]))).toBe(
      "SHAPE cond: the branches return different types; got float32[4], expected float32[2,2].",
    );
    expect(complaint(() => build.cond(of("bool", 1), same(2), same(2), [x(2)]))).toMatch(/predicate must be a bool scalar; got bool\[1\]/);
  });
  test("a body that does not return the state", () => {
    const grows = regionOf([f(2)], ([p]) => [build.pad(p as Node, [0], [1])]);
    const always = regionOf([f(2)], () => [build.constant(1, "bool")]);
    expect(complaint(() => build.whileLoop(always, grows, [], [x(2)]))).toMatch(
      /must return the state's types; got float32\[3\], expected float32\[2\]/,
    );
    expect(complaint(() => build.scan(grows, [], [x(2)], [], 3))).toMatch(/must return the carries' types first; got float32\[3\]/);
    expect(complaint(() => build.whileLoop(same(2), same(2), [], [x(2)]))).toMatch(/condition must return one bool scalar/);
  });
  test("sequences of another length, and operands that do not fit", () => {
    const body = regionOf([f(), f()], ([c, e]) => [build.binary("add", c as Node, e as Node)]);
    expect(complaint(() => build.scan(body, [], [x()], [x(5)], 4))).toBe(
      "SHAPE scan: a sequence has the wrong length along axis 0; got [5], expected [4,…].",
    );
    expect(complaint(() => build.scan(body, [], [x()], [x(4, 2)], 4))).toMatch(
      /operands do not fit the body; got .*float32\[2\], expected float32\[\], float32\[\]/,
    );
  });
});

describe("results have the documented types", () => {
  test.each<[string, Node, DType, Shape]>([
    ["comparisons are bool", build.binary("lt", x(2), x(2)), "bool", [2]],
    ["argMax is int32 without the axis", build.argReduce("argMax", x(2, 3), -1), "int32", [2]],
    ["negative axes count from the end", build.reduce("reduceSum", x(2, 3), -1), "float32", [2]],
    ["contract: batch, left, right", build.contract(x(5, 2, 3), x(3, 5, 4), [[0], [1]], [[2], [0]]), "float32", [5, 2, 4]],
    ["gather: the indices' axes stand in the axis's place", build.gather(x(2, 9, 3), of("int32", 4, 5), 1), "float32", [2, 4, 5, 3]],
    ["pad: around and between", build.pad(x(3, 0), [1, 1], [2, 0], 0, [1, 9]), "float32", [8, 1]],
    [
      "scan stacks",
      build.scan(
        regionOf([f(2)], ([c]) => [c as Node, c as Node]),
        [],
        [x(2)],
        [],
        7,
      )[1] as Node,
      "float32",
      [7, 2],
    ],
  ])("%s", (_, node, dtype, shape) => {
    expect([node.dtype, node.shape]).toEqual([dtype, shape]);
  });

  test("what changes nothing makes no node", () => {
    const a = x(2, 3);
    expect(build.reshape(a, [2, 3])).toBe(a);
    expect(build.permute(a, [0, 1])).toBe(a);
    expect(build.cast(a, "float32")).toBe(a);
    expect(build.slice(a, [0, 0], [2, 3])).toBe(a);
    expect(build.pad(a, [0, 0], [0, 0], 5)).toBe(a);
    expect(build.reduce("reduceSum", a, [])).toBe(a);
    expect(build.unary("floor", of("int32", 2)).op).toBe("input");
  });

  test("constants are what their dtype holds", () => {
    const value = (n: number, dtype: DType) => (build.constant(n, dtype).attributes as { value: number }).value;
    expect([value(0.1, "float32"), value(300, "uint8"), value(-1, "uint32"), value(7, "bool")]).toEqual([
      Math.fround(0.1),
      44,
      2 ** 32 - 1,
      1,
    ]);
  });
});
