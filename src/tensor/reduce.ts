// Reductions as free functions: over the axes given (counted from either end), or over all. Reduced axes vanish, unless
// `keepDimensions` leaves them with size 1.

import type { DType } from "../graph/dtype.ts";
import * as nodes from "./nodes/reduce.ts";
import { type Tensor, wrap } from "./tensor.ts";
import type { AxesArgument, FloatOf, ReduceOptions, SumOf } from "./types.ts";

/**
 * Σ x. bool and uint8 are summed in int32.
 *
 * @param axes default all.
 * @throws UserError `AXIS` for an axis that is not there or named twice.
 * @example
 * sum(tensor([[1, 2], [3, 4]]), 0);   // [4, 6]
 */
export function sum<D extends DType>(x: Tensor<D>, axes?: AxesArgument, options?: ReduceOptions): Tensor<SumOf<D>> {
  return x.sum(axes, options);
}

/** Σ x / n; float32 for integers; NaN of no elements. */
export function mean<D extends DType>(x: Tensor<D>, axes?: AxesArgument, options?: ReduceOptions): Tensor<FloatOf<D>> {
  return x.mean(axes, options);
}

/** Π x. bool and uint8 are multiplied in int32. */
export function prod<D extends DType>(x: Tensor<D>, axes?: AxesArgument, options?: ReduceOptions): Tensor<SumOf<D>> {
  return x.prod(axes, options);
}

/** The largest element; NaN if there is one. Equal elements share the gradient. @throws UserError `SHAPE` of an empty axis. */
export function max<D extends DType>(x: Tensor<D>, axes?: AxesArgument, options?: ReduceOptions): Tensor<D> {
  return x.max(axes, options);
}

/** The smallest element; NaN if there is one. Equal elements share the gradient. @throws UserError `SHAPE` of an empty axis. */
export function min<D extends DType>(x: Tensor<D>, axes?: AxesArgument, options?: ReduceOptions): Tensor<D> {
  return x.min(axes, options);
}

/**
 * Σ(x − mean)² / (n − correction); NaN or ∞ where n ≤ correction.
 *
 * @param options.correction 0 (default) divides by n, 1 by n − 1.
 */
export function variance<D extends DType>(
  x: Tensor<D>,
  axes?: AxesArgument,
  options?: ReduceOptions & { readonly correction?: number },
): Tensor<FloatOf<D>> {
  return x.variance(axes, options);
}

/** √variance, with the same options; its gradient is 0 where it is 0. */
export function std<D extends DType>(
  x: Tensor<D>,
  axes?: AxesArgument,
  options?: ReduceOptions & { readonly correction?: number },
): Tensor<FloatOf<D>> {
  return x.std(axes, options);
}

/** The int32 index of the largest element along an axis, or in row-major order of all; the first of equals; a NaN counts as the largest. */
export function argMax<D extends DType>(x: Tensor<D>, axis?: number, options?: ReduceOptions): Tensor<"int32"> {
  return x.argMax(axis, options);
}

/** The int32 index of the smallest element, likewise; a NaN counts as the smallest. */
export function argMin<D extends DType>(x: Tensor<D>, axis?: number, options?: ReduceOptions): Tensor<"int32"> {
  return x.argMin(axis, options);
}

/** Whether any element is true, or not 0; false of none. */
export function any<D extends DType>(x: Tensor<D>, axes?: AxesArgument, options?: ReduceOptions): Tensor<"bool"> {
  return x.any(axes, options);
}

/** Whether all elements are true, or not 0; true of none. */
export function all<D extends DType>(x: Tensor<D>, axes?: AxesArgument, options?: ReduceOptions): Tensor<"bool"> {
  return x.all(axes, options);
}

/** How many elements are true, or not 0, as int32. */
export function countNonzero<D extends DType>(x: Tensor<D>, axes?: AxesArgument, options: ReduceOptions = {}): Tensor<"int32"> {
  return wrap(nodes.countNonzero(x.node, axes, options.keepDimensions === true));
}

/** log Σ eˣ = m + log Σ e^(x − m) with m = max x. */
export function logSumExp<D extends DType>(x: Tensor<D>, axes?: AxesArgument, options?: ReduceOptions): Tensor<FloatOf<D>> {
  return x.logSumExp(axes, options);
}

/** e^xᵢ / Σ e^xⱼ along an axis, without overflow. @param axis default the last. */
export function softmax<D extends DType>(x: Tensor<D>, axis = -1): Tensor<FloatOf<D>> {
  return x.softmax(axis);
}

/** log softmax along an axis: xᵢ − logSumExp(x). @param axis default the last. */
export function logSoftmax<D extends DType>(x: Tensor<D>, axis = -1): Tensor<FloatOf<D>> {
  return x.logSoftmax(axis);
}
