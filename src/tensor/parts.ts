// Parts of axes as free functions: views, nothing is copied.

import type { DType } from "../graph/dtype.ts";
import type { Shape } from "../graph/shape.ts";
import * as nodes from "./nodes/parts.ts";
import { Tensor, wrap } from "./tensor.ts";

/**
 * An axis cut into parts.
 *
 * @param parts so many equal parts, parts of given sizes, or `{ size }`: parts of that size, of which the last may be smaller.
 * @param axis default 0.
 * @throws UserError `SHAPE` for parts that do not add up.
 * @example
 * const [x, y] = split(table, [3, 1], 1);
 * split(arange(5), { size: 2 })[2];   // [4]
 */
export function split<D extends DType>(x: Tensor<D>, parts: nodes.Parts, axis = 0): Tensor<D>[] {
  return x.split(parts, axis);
}

/** An axis cut into at most so many parts of one size, of which the last may be smaller. @example chunk(arange(5), 2)[1];   // [3, 4] */
export function chunk<D extends DType>(x: Tensor<D>, count: number, axis = 0): Tensor<D>[] {
  return nodes.chunk(x.node, count, axis).map((node) => wrap<D>(node));
}

/**
 * `length` elements of an axis from `start` on. Unlike `slice` it cuts nothing silently, and the start may be computed.
 *
 * @param start a number, counted from either end, or an integer scalar.
 * @throws UserError `RANGE` where the part does not lie inside (when it runs, for a tensor).
 * @example
 * narrow(arange(6), 0, 2, 3);   // [2, 3, 4]
 */
export function narrow<D extends DType>(x: Tensor<D>, axis: number, start: number | Tensor<"int32" | "uint8">, length: number): Tensor<D> {
  return wrap(nodes.narrow(x.node, axis, start instanceof Tensor ? start.node : start, length));
}

/** The part at one position of an axis, which vanishes. @example select(tensor([[1, 2], [3, 4]]), 1, -1);   // [2, 4] */
export function select<D extends DType>(x: Tensor<D>, axis: number, index: number): Tensor<D> {
  return wrap(nodes.select(x.node, axis, index));
}

/**
 * All blocks of `size` neighbours along an axis, one every `step` elements. The axis counts the blocks, a new last axis the places in
 * them. It is a view: blocks may overlap.
 *
 * @example
 * slidingWindow(arange(5), 3, 0, 2);   // [[0, 1, 2], [2, 3, 4]]
 */
export function slidingWindow<D extends DType>(x: Tensor<D>, size: number, axis = -1, step = 1): Tensor<D> {
  return wrap(nodes.slidingWindow(x.node, size, axis, step));
}

/** An axis as several, whose sizes multiply up to its own; one may be −1. @example unflatten(arange(4), 0, [2, -1]);   // [[0, 1], [2, 3]] */
export function unflatten<D extends DType>(x: Tensor<D>, axis: number, sizes: Shape): Tensor<D> {
  return wrap(nodes.unflatten(x.node, axis, sizes));
}

/**
 * The coordinates of a grid: for each vector, its values spread over the grid of all.
 *
 * @param options.indexing `"ij"` (default): axis i is that of vector i; `"xy"`: the first two exchanged, as in a picture.
 * @example
 * const [a, b] = meshgrid([arange(2), arange(3)]);
 * b;   // [[0, 1, 2], [0, 1, 2]]
 */
export function meshgrid<D extends DType>(vectors: readonly Tensor<D>[], options: { readonly indexing?: "ij" | "xy" } = {}): Tensor<D>[] {
  return nodes
    .meshgrid(
      vectors.map((v) => v.node),
      options.indexing ?? "ij",
    )
    .map((node) => wrap<D>(node));
}
