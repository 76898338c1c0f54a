// Indexing and sorting as free functions.

import type { DType } from "../graph/dtype.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Parts of x along an axis, at indices of any shape, which stand in place of the axis.
 *
 * @param indices int32 or uint8, from 0 to the size of the axis − 1.
 * @param axis default 0.
 * @throws UserError `RANGE` when it runs, for an index outside the axis.
 * @example
 * gather(tensor([10, 20, 30]), tensor([2, 0], { dtype: "int32" }));   // [30, 10]
 */
export function gather<D extends DType>(x: Tensor<D>, indices: Tensor<"int32" | "uint8">, axis = 0): Tensor<D> {
  return x.gather(indices, axis);
}

/**
 * 1 at each class on a new last axis of size `depth`, 0 elsewhere.
 *
 * @param classes int32 or uint8, from 0 to depth − 1.
 * @param dtype default float32.
 * @throws UserError `RANGE` when it runs, for a class outside.
 * @example
 * oneHot(tensor([1, 0], { dtype: "int32" }), 3);   // [[0, 1, 0], [1, 0, 0]]
 */
export function oneHot<D extends DType = "float32">(classes: Tensor<"int32" | "uint8">, depth: number, dtype?: D): Tensor<D> {
  return classes.oneHot(depth, dtype);
}

/** x sorted along an axis (the last by default), NaN at the end; descending on request. */
export function sort<D extends DType>(x: Tensor<D>, axis = -1, options?: { readonly descending?: boolean }): Tensor<D> {
  return x.sort(axis, options);
}

/** The int32 indices that sort along an axis; equal elements keep their order. */
export function argSort<D extends DType>(x: Tensor<D>, axis = -1, options?: { readonly descending?: boolean }): Tensor<"int32"> {
  return x.argSort(axis, options);
}

/** The k largest along an axis, from the largest down, and their int32 indices. @throws UserError `OPTION` for a k that does not fit. */
export function topK<D extends DType>(
  x: Tensor<D>,
  k: number,
  axis = -1,
): { readonly values: Tensor<D>; readonly indices: Tensor<"int32"> } {
  return x.topK(k, axis);
}
