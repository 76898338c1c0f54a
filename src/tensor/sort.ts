// Sorting, as free functions.

import type { DType } from "../graph/dtype.ts";
import { extremeWithIndex } from "./nodes/sort.ts";
import { type Tensor, wrap } from "./tensor.ts";
import type { ReduceOptions } from "./types.ts";

/** Elements and where they were, along an axis. */
export interface Found<D extends DType> {
  readonly values: Tensor<D>;
  readonly indices: Tensor<"int32">;
}

/** x sorted along an axis (the last by default); descending on request. NaN counts as the largest. Equal elements keep their order. */
export function sort<D extends DType>(x: Tensor<D>, axis = -1, options?: { readonly descending?: boolean }): Tensor<D> {
  return x.sort(axis, options);
}

/** The int32 indices that sort along an axis; equal elements keep their order. */
export function argSort<D extends DType>(x: Tensor<D>, axis = -1, options?: { readonly descending?: boolean }): Tensor<"int32"> {
  return x.argSort(axis, options);
}

/**
 * The k largest along an axis, from the largest down, and their int32 indices. NaN counts as the largest.
 *
 * @param axis default the last.
 * @param options.largest false for the k smallest, from the smallest up.
 * @throws UserError `OPTION` for a k that does not fit.
 * @example
 * topK(tensor([3, 1, 2]), 2).values;   // [3, 2]
 */
export function topK<D extends DType>(x: Tensor<D>, k: number, axis = -1, options?: { readonly largest?: boolean }): Found<D> {
  return x.topK(k, axis, options);
}

function extreme<D extends DType>(where: string, op: "argMax" | "argMin", x: Tensor<D>, axis: number, options: ReduceOptions): Found<D> {
  const [values, indices] = extremeWithIndex(where, op, x.node, axis, options.keepDimensions === true);
  return { values: wrap(values), indices: wrap(indices) };
}

/**
 * The largest element along an axis and where the first of them is; it has all of the gradient, which `max` shares among equals.
 *
 * @throws UserError `SHAPE` of an empty axis.
 * @example
 * maxWithIndex(tensor([[1, 3], [5, 2]]), 1).indices;   // [1, 0]
 */
export function maxWithIndex<D extends DType>(x: Tensor<D>, axis: number, options: ReduceOptions = {}): Found<D> {
  return extreme("maxWithIndex", "argMax", x, axis, options);
}

/** The smallest element along an axis and where the first of them is, likewise. */
export function minWithIndex<D extends DType>(x: Tensor<D>, axis: number, options: ReduceOptions = {}): Found<D> {
  return extreme("minWithIndex", "argMin", x, axis, options);
}
