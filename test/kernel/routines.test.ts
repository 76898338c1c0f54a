// The routines against the reference device, bit for bit, over shapes, dtypes and ways to share out the work.

import { describe, expect, test } from "vitest";
import { argSort, input, recurrence, scatterAdd } from "../../src/graph/build.ts";
import { allocate, type DType, type TypedArray } from "../../src/graph/dtype.ts";
import type { Target } from "../../src/graph/kernel.ts";
import type { Node } from "../../src/graph/node.ts";
import type { RoutineOp } from "../../src/graph/operation.ts";
import type { Shape } from "../../src/graph/shape.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { lowerRoutine } from "../../src/kernel/routines/index.ts";
import { createReferenceDevice } from "../../src/runtime/reference/device.ts";
import { interpretLowered, runLowered, type Slices, wasmDevices } from "./run.ts";

const reference = createReferenceDevice({ rounded: true });
const devices = wasmDevices();
const targetOf = (lanes: number): Target => ({ name: "test", lanes, registers: 16, cache: [32768, 1 << 20] });

/** Small integers as pseudo-random numbers, so that there are many equal ones. */
function numbers(dtype: DType, length: number, scale: number, seed = 1): TypedArray {
  const result = allocate(dtype, length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const value = state / 2 ** 32;
    result[i] = dtype === "bool" ? Number(value > 0.5) : dtype.startsWith("float") ? (value - 0.5) * scale : Math.floor(value * scale);
  }
  return result;
}

/** Ways to cut [0, extent): whole, in two and in reverse, one by one. */
function cuts(extent: number): Slices[] {
  const half = extent >> 1;
  return [
    [[0, extent]],
    [
      [half, extent],
      [0, half],
    ],
    Array.from({ length: extent }, (_, i) => [extent - 1 - i, extent - i] as const),
  ];
}

function check(hero: Node<RoutineOp>, inputs: readonly Node<"input">[], values: readonly TypedArray[], lanes = 4): void {
  const lowered = lowerRoutine({ kind: "routine", name: hero.op, inputs, outputs: [hero], hero }, targetOf(lanes));
  const [expected] = reference.evaluate({ parameters: inputs, results: [hero] }, values);
  for (const slices of cuts(lowered.kernel.extent))
    expect(interpretLowered(lowered, values, hero.dtype, hero.size, slices)).toEqual(expected);
  if (lanes > 4) return;
  for (const { device } of devices) expect(runLowered(device, lowered, values, hero.dtype, hero.size)).toEqual(expected);
}

describe("scatterAdd", () => {
  const scatter = (shape: Shape, indexShape: Shape, axis: number, dtype: DType, indices: TypedArray, lanes = 4) => {
    const [index, update] = [input(indexShape, "int32"), input([...shape.slice(0, axis), ...indexShape, ...shape.slice(axis + 1)], dtype)];
    const hero = scatterAdd(shape, index, update, axis) as Node<"scatterAdd">;
    check(hero, [index, update], [indices, numbers(dtype, update.size, 100)], lanes);
  };

  test.each([
    { name: "rows that fill vectors", shape: [5, 8], indexShape: [9], axis: 0 },
    { name: "rows with a tail", shape: [7, 11], indexShape: [9], axis: 0 },
    { name: "rows shorter than a vector", shape: [6, 3], indexShape: [4, 5], axis: 0 },
    { name: "single elements", shape: [13], indexShape: [30], axis: 0 },
    { name: "the last axis of three", shape: [2, 3, 7], indexShape: [12], axis: 2 },
    { name: "a middle axis", shape: [3, 4, 5], indexShape: [2, 3], axis: 1 },
    { name: "rows of several blocks", shape: [2, 2, 2055], indexShape: [3], axis: 1 },
    { name: "no indices: zeros", shape: [3, 5], indexShape: [0], axis: 0 },
    { name: "one index for many rows", shape: [50, 4], indexShape: [], axis: 0 },
  ])("$name", ({ shape, indexShape, axis }) => {
    const indices = numbers("int32", sizeOf(indexShape), shape[axis] as number);
    for (const lanes of [1, 4, 8]) scatter(shape, indexShape, axis, "float32", indices, lanes);
  });

  test("long rows make more work to share", () => {
    const [index, update] = [input([3], "int32"), input([3, 5000], "float32")];
    const hero = scatterAdd([2, 5000], index, update, 0) as Node<"scatterAdd">;
    const lowered = lowerRoutine({ kind: "routine", name: "s", inputs: [index, update], outputs: [hero], hero }, targetOf(4));
    expect(lowered.kernel.extent).toBeGreaterThanOrEqual(8);
  });

  test("indices outside are clamped", () => {
    scatter([4, 6], [6], 0, "float32", Int32Array.of(-1, 4, 2 ** 31 - 1, -(2 ** 31), 3, 0));
  });

  test("the order of the indices is the order of the sums", () => {
    const [index, update] = [input([3], "int32"), input([3], "float32")];
    const hero = scatterAdd([2], index, update, 0) as Node<"scatterAdd">;
    const values = [Int32Array.of(1, 1, 1), Float32Array.of(1e8, -1e8, 1)];
    const lowered = lowerRoutine({ kind: "routine", name: "s", inputs: [index, update], outputs: [hero], hero }, targetOf(4));
    expect([...interpretLowered(lowered, values, "float32", 2)]).toEqual([0, 1]);
  });

  test.each(["float64", "int32", "uint32", "uint8"] as const)("%s", (dtype) => {
    for (const shape of [[5, 9], [7]]) scatter(shape, [11], 0, dtype, numbers("int32", 11, shape[0] as number));
  });

  test("integers wrap", () => {
    const [index, update] = [input([2], "int32"), input([2, 5], "uint8")];
    const hero = scatterAdd([1, 5], index, update, 0) as Node<"scatterAdd">;
    check(hero, [index, update], [Int32Array.of(0, 0), Uint8Array.of(255, 1, 2, 3, 200, 1, 1, 1, 1, 100)]);
  });

  test("one operand in both places", () => {
    const x = input([3], "int32");
    const hero = scatterAdd([4], x, x, 0) as Node<"scatterAdd">;
    check(hero, [x], [Int32Array.of(2, 3, 2)]);
  });
});

describe("argSort", () => {
  const sort = (shape: Shape, dtype: DType, values: TypedArray) => {
    for (const descending of [false, true]) {
      const x = input(shape, dtype);
      check(argSort(x, descending) as Node<"argSort">, [x], [values]);
    }
  };

  // On both sides of every length at which the number of merges changes.
  test.each([0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 100, 128, 129, 300])("rows of %i", (n) => {
    sort([3, n], "float32", numbers("float32", 3 * n, 100));
    sort([n], "int32", numbers("int32", n, 10));
  });

  test.each(["bool", "uint8", "int32", "uint32", "float32", "float64"] as const)("%s, with many equal elements", (dtype) => {
    sort([2, 3, 25], dtype, numbers(dtype, 150, 9).map((v) => Math.round(v)) as TypedArray);
  });

  test.each(["float32", "float64"] as const)(
    "%s: NaN the largest in both directions, zeros of both signs equal, infinities inside",
    (dtype) => {
      const values = [3, Number.NaN, -0, 0, Infinity, -1e-40, -Infinity, -0, Number.NaN, 1e-40, 0, -3, Infinity, -Infinity];
      const array = allocate(dtype, 2 * values.length);
      array.set([...values, ...values.toReversed()]);
      sort([2, values.length], dtype, array);
      sort([2 * values.length], dtype, array);
      const x = input([values.length], dtype);
      const hero = argSort(x, true) as Node<"argSort">;
      const lowered = lowerRoutine({ kind: "routine", name: "s", inputs: [x], outputs: [hero], hero }, targetOf(4));
      expect([...interpretLowered(lowered, [array.subarray(0, values.length)], "int32", values.length)]).toEqual([
        1, 8, 4, 12, 0, 9, 2, 3, 7, 10, 5, 11, 6, 13,
      ]);
    },
  );

  test("the extremes of integers", () => {
    sort([6], "int32", Int32Array.of(0, 2 ** 31 - 1, -(2 ** 31), -1, 1, 2 ** 31 - 1));
    sort([6], "uint32", Uint32Array.of(0, 2 ** 31, 2 ** 32 - 1, 1, 2 ** 31 - 1, 0));
  });
});

describe("recurrence", () => {
  const shapes = [
    { shape: [3, 20], axis: 1 },
    { shape: [5, 2, 7], axis: 1 },
    { shape: [2, 4, 300], axis: 1 },
    { shape: [1], axis: 0 },
    { shape: [0, 3], axis: 0 },
    { shape: [3, 0], axis: 0 },
  ];

  test.each(shapes)("axis $axis of $shape", ({ shape, axis }) => {
    for (const dtype of ["float32", "float64", "int32", "uint8"] as const)
      for (const reverse of [false, true])
        for (const lanes of [4, 8])
          for (const combine of ["sum", "product", "maximum", "linear"] as const) {
            const operands = combine === "linear" ? [input(shape, dtype), input(shape, dtype)] : [input(shape, dtype)];
            const hero = recurrence(combine, operands, axis, reverse) as Node<"recurrence">;
            const values = operands.map(
              (x, i) => numbers(dtype, x.size, dtype === "float32" ? 2 ** i : 3 + i).map(Math.round) as TypedArray,
            );
            check(hero, operands, values, lanes);
          }
  });
});
