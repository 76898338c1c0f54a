// Rows of leaves, views, the contraction, and indexing.

import * as build from "../../../src/graph/build.ts";
import type { DType } from "../../../src/graph/dtype.ts";
import type { Node } from "../../../src/graph/node.ts";
import type { Running } from "../../../src/graph/operation.ts";
import type { Shape } from "../../../src/graph/shape.ts";
import { Storage } from "../../../src/graph/storage.ts";
import { bools, bytes, floats, integers, special, vector, words } from "../values.ts";
import { plain, type Rows, row, smooth, start } from "./case.ts";

const _f = (...shape: number[]) => ({ shape, dtype: "float32" as const });
const _i32 = (...shape: number[]) => ({ shape, dtype: "int32" as const });
const add = (a?: Node, b?: Node) => build.binary("add", a as Node, b as Node);
const _mul = (a?: Node, b?: Node) => build.binary("mul", a as Node, b as Node);
const _number = (like: Node | undefined, value: number) => build.constant(value, (like as Node).dtype, (like as Node).shape);

const permuted = (shape: Shape, axes: readonly number[], dtype: DType = "float32") =>
  row(
    dtype === "float32" ? "smooth" : "plain",
    `${dtype} [${shape}] to [${axes}]`,
    [dtype === "float32" ? floats(shape) : integers(shape, 0, 1, 1, dtype)],
    ([x]) => build.permute(x as Node, axes),
  );

const sliced = (shape: Shape, starts: number[], sizes: number[], steps: number[]) =>
  smooth(`[${shape}] from [${starts}] size [${sizes}] step [${steps}]`, [floats(shape)], ([x]) =>
    build.slice(x as Node, starts, sizes, steps),
  );

const padded = (shape: Shape, low: number[], high: number[], interior: number[], value = 0) =>
  smooth(`[${shape}] low [${low}] high [${high}] interior [${interior}] value ${value}`, [floats(shape)], ([x]) =>
    build.pad(x as Node, low, high, value, interior),
  );

const running = (combine: Running, shape: Shape, axis: number, reverse: boolean) =>
  smooth(`${combine} along axis ${axis} of [${shape}]${reverse ? ", reversed" : ""}`, [floats(shape, -1.3, 1.4)], ([x]) =>
    build.recurrence(combine, [x as Node], axis, reverse),
  );

const windowed = (shape: Shape, axes: number[], sizes: number[], strides: number[], dilations: number[]) =>
  smooth(`[${shape}] axes [${axes}] size [${sizes}] stride [${strides}] dilation [${dilations}]`, [floats(shape)], ([x]) =>
    build.window(x as Node, axes, sizes, strides, dilations),
  );

/** A window that meets weights in a contraction, whose gradient is a contraction too; with the weights on either side. */
const convolved = (strides: number[], dilations: number[]) =>
  [true, false].map((first) => {
    const places = strides.map((_, i) => 3 - i);
    const shape = [2, 3, ...strides.map((_, i) => 8 + i)];
    const axes = strides.map((_, i) => 2 + i);
    const [inner, other] = [
      [1, ...places.map((_, i) => 2 + i)],
      [1, ...places.map((_, i) => 2 + strides.length + i)],
    ] as const;
    return smooth(
      `contracted with weights ${first ? "before" : "after"} it, stride [${strides}] dilation [${dilations}]`,
      [floats(shape), floats([2, 3, ...places], -0.7, 0.9, 2)],
      ([x, w]) => {
        const blocks = build.window(x as Node, axes, places, strides, dilations);
        if (first) return build.contract(w as Node, blocks, [[], []], [inner, other]);
        return build.contract(blocks, w as Node, [[], []], [other, inner]);
      },
    );
  });

type Axes = [readonly number[], readonly number[]];

const contracted = (name: string, a: Shape, b: Shape, batch: Axes, axes: Axes) =>
  smooth(`${name}: [${a}] with [${b}]`, [floats(a), floats(b, -1.1, 1.4, 2)], ([x, y]) =>
    build.contract(x as Node, y as Node, batch, axes),
  );

export const movementRows: Rows<"leaf" | "view" | "contract" | "index"> = {
  constant: [
    plain("a scalar", [], () => build.constant(2.5, "float32")),
    plain("stretched", [], () => build.constant(-3, "int32", [2, 3])),
    plain("every dtype", [], () => [
      build.constant(1, "bool", [2]),
      build.constant(200, "uint8", [3]),
      build.constant(2 ** 32 - 1, "uint32"),
      build.constant(Number.POSITIVE_INFINITY, "float32", [2]),
    ]),
  ],
  input: [plain("returned as it is", [floats([2, 3]), bools], ([x, b]) => [x as Node, b as Node])],
  buffer: [
    plain("a stored value", [floats([3])], ([x]) => add(x, build.buffer(new Storage("float32", 3, Float32Array.of(1, 2, 3)), [3]))),
    plain("read as it is", [], () => build.buffer(new Storage("int32", 4, Int32Array.of(4, 3, 2, 1)), [2, 2])),
  ],
  iota: [
    plain("a vector", [], () => build.iota([5], 0)),
    plain("each axis of a cube", [], () => [0, 1, 2].map((axis) => build.iota([2, 3, 4], axis))),
    plain("empty", [], () => build.iota([0, 3], 1)),
  ],
  reshape: (
    [
      [[6], [2, 3]],
      [
        [2, 3],
        [3, 2],
      ],
      [[1], []],
      [[], [1, 1]],
      [
        [0, 3],
        [2, 0],
      ],
      [
        [2, 3, 4],
        [6, 4],
      ],
    ] as [Shape, Shape][]
  ).map(([from, to]) => smooth(`[${from}] to [${to}]`, [floats(from)], ([x]) => build.reshape(x as Node, to))),
  permute: [
    permuted([2, 3], [1, 0]),
    permuted([2, 3, 4], [2, 0, 1]),
    permuted([2, 3, 4], [1, 0, 2]),
    permuted([0, 3], [1, 0]),
    permuted([2, 5], [1, 0], "uint8"),
    permuted([33, 18], [1, 0]),
  ],
  expand: (
    [
      [[1], [4]],
      [
        [2, 1],
        [2, 3],
      ],
      [
        [1, 3, 1],
        [2, 3, 4],
      ],
      [[1], [0]],
      [
        [1, 1],
        [1, 5],
      ],
    ] as [Shape, Shape][]
  ).map(([from, to]) => smooth(`[${from}] to [${to}]`, [floats(from)], ([x]) => build.expand(x as Node, to))),
  slice: [
    sliced([7], [2], [3], [1]),
    sliced([7], [1], [3], [2]),
    sliced([7], [6], [7], [-1]),
    sliced([7], [6], [3], [-3]),
    sliced([7], [5], [2], [-2]),
    sliced([4, 5], [1, 0], [2, 5], [1, 1]),
    sliced([4, 5], [3, 1], [2, 2], [-2, 3]),
    sliced([4], [2], [0], [1]),
    sliced([3, 4], [0, 4], [3, 0], [1, -1]),
    sliced([40, 3], [1, 2], [13, 1], [3, 1]),
  ],
  pad: [
    padded([3], [1], [2], [0]),
    padded([3], [0], [0], [2]),
    padded([2, 3], [1, 0], [0, 2], [1, 1], 7),
    padded([0], [1], [2], [3], -1),
    padded([0, 2], [0, 1], [0, 0], [0, 0]),
    padded([1], [0], [2], [5]),
    plain("bool with true", [bools], ([x]) => build.pad(x as Node, [1], [1], 1)),
    padded([20, 3], [2, 1], [1, 2], [0, 0], Number.NEGATIVE_INFINITY),
  ].map((c) => (c.name.includes("Infinity") ? { ...c, differentiable: false, smooth: false } : c)),
  window: [
    windowed([7], [0], [3], [1], [1]),
    windowed([7], [0], [3], [2], [1]),
    windowed([8], [0], [2], [3], [1]),
    windowed([9], [0], [3], [1], [2]),
    windowed([9], [0], [3], [2], [2]),
    windowed([2, 5, 6], [1, 2], [3, 2], [1, 2], [1, 1]),
    windowed([5, 2, 7], [2, 0], [4, 2], [2, 1], [1, 3]),
    windowed([4, 3], [0], [1], [2], [1]),
    windowed([40], [0], [5], [1], [1]),
    ...convolved([1], [1]),
    ...convolved([2], [1]),
    ...convolved([1], [2]),
    ...convolved([3, 2], [1, 1]),
    ...convolved([2, 2], [1, 2]),
    ...convolved([1, 1], [1, 1]),
  ],
  contract: [
    contracted("matmul", [2, 3], [3, 4], [[], []], [[1], [0]]),
    contracted("right transposed", [2, 3], [4, 3], [[], []], [[1], [1]]),
    contracted("left transposed", [3, 2], [3, 4], [[], []], [[0], [0]]),
    contracted("both transposed", [3, 2], [4, 3], [[], []], [[0], [1]]),
    contracted("batched", [2, 3, 4], [2, 4, 5], [[0], [0]], [[2], [1]]),
    contracted("batch axis inside", [3, 2, 4], [4, 5, 2], [[1], [2]], [[2], [0]]),
    contracted("dot", [5], [5], [[], []], [[0], [0]]),
    contracted("outer", [3], [4], [[], []], [[], []]),
    contracted("elementwise", [3], [3], [[0], [0]], [[], []]),
    contracted("matrix with vector", [3, 4], [4], [[], []], [[1], [0]]),
    contracted(
      "two contracted, crossed",
      [2, 3, 4],
      [4, 5, 3],
      [[], []],
      [
        [1, 2],
        [2, 0],
      ],
    ),
    contracted(
      "all contracted, crossed",
      [2, 3],
      [3, 2],
      [[], []],
      [
        [0, 1],
        [1, 0],
      ],
    ),
    contracted(
      "two batches",
      [2, 3, 4],
      [3, 2, 4, 2],
      [
        [0, 1],
        [1, 0],
      ],
      [[2], [2]],
    ),
    contracted("scalars", [], [], [[], []], [[], []]),
    contracted("empty depth", [2, 0], [0, 3], [[], []], [[1], [0]]),
    contracted("no rows", [0, 3], [3, 2], [[], []], [[1], [0]]),
    contracted("past every tile", [19, 37], [37, 23], [[], []], [[1], [0]]),
  ],
  gather: [
    smooth("rows", [floats([4, 3]), vector("int32", 3, 0, 3)], ([x, i]) => build.gather(x as Node, i as Node, 0)),
    smooth("columns at a matrix of indices", [floats([2, 4]), integers([2, 3], 0, 3)], ([x, i]) => build.gather(x as Node, i as Node, 1)),
    smooth("a scalar index", [floats([4, 3]), start(2)], ([x, i]) => build.gather(x as Node, i as Node, 0)),
    smooth("clamped", [floats([4]), vector("int32", -5, 0, 99)], ([x, i]) => build.gather(x as Node, i as Node, 0)),
    smooth("no indices", [floats([4, 2]), vector("int32")], ([x, i]) => build.gather(x as Node, i as Node, 0)),
    plain("integers", [words, vector("int32", 1, 2, 3)], ([x, i]) => build.gather(x as Node, i as Node, 0)),
    smooth("a middle axis", [floats([2, 5, 3]), vector("int32", 4, 4, 1)], ([x, i]) => build.gather(x as Node, i as Node, 1)),
  ],
  scatterAdd: [
    smooth("rows, one of them twice", [vector("int32", 1, 3, 1), floats([3, 2])], ([i, u]) =>
      build.scatterAdd([4, 2], i as Node, u as Node, 0),
    ),
    smooth("columns", [integers([2, 2], 0, 4), floats([3, 2, 2])], ([i, u]) => build.scatterAdd([3, 5], i as Node, u as Node, 1)),
    smooth("clamped", [vector("int32", -1, 9), floats([2])], ([i, u]) => build.scatterAdd([3], i as Node, u as Node, 0)),
    smooth("nothing to add", [vector("int32"), floats([0, 2])], ([i, u]) => build.scatterAdd([3, 2], i as Node, u as Node, 0)),
    plain("integers", [vector("int32", 0, 0, 2), vector("int32", 5, 6, 7)], ([i, u]) => build.scatterAdd([3], i as Node, u as Node, 0)),
    smooth("many into few", [integers([60], 0, 4), floats([60, 3])], ([i, u]) => build.scatterAdd([5, 3], i as Node, u as Node, 0)),
    smooth("the last of each place", [integers([60], 0, 4), floats([60, 3])], ([i, u]) =>
      build.scatterAdd([6, 3], i as Node, u as Node, 0, "last"),
    ),
    smooth("the last, at a matrix of indices, inside", [integers([2, 3], 0, 3), floats([2, 2, 3, 2])], ([i, u]) =>
      build.scatterAdd([2, 4, 2], i as Node, u as Node, 1, "last"),
    ),
    ...(["product", "maximum", "minimum"] as const).flatMap((combine) => [
      row(
        combine === "product" ? "smooth" : "plain",
        `${combine} of rows, some with none`,
        [vector("int32", 1, 3, 1, 1), floats([4, 2], 0.3, 2)],
        ([i, u]) => build.scatterAdd([4, 2], i as Node, u as Node, 0, combine),
      ),
      smooth(`${combine}, many into few, inside`, [integers([30], 0, 4), floats([2, 30, 5], -2, 2)], ([i, u]) =>
        build.scatterAdd([2, 4, 5], i as Node, u as Node, 1, combine),
      ),
      plain(`${combine} at edges`, [vector("int32", 0, 0, 1, 1, 2, 2, 3, 3, 3, 0), special], ([i, u]) =>
        build.scatterAdd([5], i as Node, build.slice(u as Node, [0], [10]), 0, combine),
      ),
      ...(["int32", "uint8", "int8", "uint32"] as const).map((dtype) =>
        plain(`${combine} of ${dtype}`, [vector("int32", 0, 0, 2, 0), vector(dtype, 5, 60, 7, 3)], ([i, u]) =>
          build.scatterAdd([4], i as Node, u as Node, 0, combine),
        ),
      ),
    ]),
    plain("the last of some bytes", [vector("int32", 2, 0, 2), vector("uint8", 5, 6, 7)], ([i, u]) =>
      build.scatterAdd([3], i as Node, u as Node, 0, "last"),
    ),
  ],
  dynamicSlice: [
    smooth("inside", [floats([4, 5]), start(1), start(2)], ([x, a, b]) => build.dynamicSlice(x as Node, [a as Node, b as Node], [2, 3])),
    smooth("clamped at both ends", [floats([4, 5]), start(-3), start(99)], ([x, a, b]) =>
      build.dynamicSlice(x as Node, [a as Node, b as Node], [2, 3]),
    ),
    smooth("an empty block", [floats([4]), start(2)], ([x, a]) => build.dynamicSlice(x as Node, [a as Node], [0])),
    plain("bytes", [bytes, start(3)], ([x, a]) => build.dynamicSlice(x as Node, [a as Node], [4])),
  ],
  dynamicUpdate: [
    smooth("inside", [floats([4, 5]), floats([2, 3], 5, 9, 2), start(1), start(2)], ([x, u, a, b]) =>
      build.dynamicUpdate(x as Node, u as Node, [a as Node, b as Node]),
    ),
    smooth("clamped", [floats([4]), floats([3], 5, 9, 2), start(7)], ([x, u, a]) => build.dynamicUpdate(x as Node, u as Node, [a as Node])),
    smooth("everything", [floats([3]), floats([3], 5, 9, 2), start(0)], ([x, u, a]) =>
      build.dynamicUpdate(x as Node, u as Node, [a as Node]),
    ),
    plain("integers", [words, vector("int32", 1, 2), start(4)], ([x, u, a]) => build.dynamicUpdate(x as Node, u as Node, [a as Node])),
  ],
  recurrence: [
    ...(["sum", "product", "maximum"] as const).flatMap((combine) =>
      [false, true].flatMap((reverse) => [
        ...[[7], [2, 5], [3, 1], [2, 0]].map((shape) => running(combine, shape, shape.length - 1, reverse)),
        ...[
          [4, 3],
          [2, 3, 17],
          [1, 2],
          [0, 3],
          [3, 0],
        ].map((shape) => running(combine, shape, shape.length - 2, reverse)),
      ]),
    ),
    ...[false, true].flatMap((reverse) =>
      [
        { shape: [6], axis: 0 },
        { shape: [2, 4, 5], axis: 1 },
        { shape: [3, 4], axis: 0 },
      ].map(({ shape, axis }) =>
        smooth(
          `linear along axis ${axis} of [${shape}]${reverse ? ", reversed" : ""}`,
          [floats(shape, -0.9, 1.1, 2), floats(shape)],
          ([a, x]) => build.recurrence("linear", [a as Node, x as Node], axis, reverse),
        ),
      ),
    ),
    smooth("a product with zeros", [vector("float32", 1.5, 0, -2, 0.7, 0, 3)], ([x]) => build.recurrence("product", [x as Node], 0)),
    plain("a maximum with NaN and ties", [vector("float32", 1, 3, 3, Number.NaN, 5)], ([x]) => build.recurrence("maximum", [x as Node], 0)),
    ...[words, bytes].flatMap((operand) =>
      (["sum", "product", "maximum"] as const).map((combine) =>
        plain(`${combine} of ${operand.dtype}`, [operand], ([x]) => build.recurrence(combine, [x as Node], 0)),
      ),
    ),
  ],
  argSort: [
    plain("rows, both ways", [floats([3, 6])], ([x]) => [false, true].map((d) => build.argSort(x as Node, d))),
    plain(
      "ties keep their order, NaN the largest, both ways",
      [vector("float32", 2, Number.NaN, 1, 2, -1, Number.NaN, 1, Number.POSITIVE_INFINITY)],
      ([x]) => [false, true].map((d) => build.argSort(x as Node, d)),
    ),
    plain("integers", [words], ([x]) => build.argSort(x as Node)),
    plain("empty rows", [floats([2, 0])], ([x]) => build.argSort(x as Node)),
    plain("one element", [floats([3, 1])], ([x]) => build.argSort(x as Node, true)),
    plain("a long row", [integers([1, 100], -20, 20)], ([x]) => build.argSort(x as Node)),
  ],
};
