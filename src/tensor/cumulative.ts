// Running results along an axis, as free functions: element k of the result is that of elements 0 to k.

import type { DType } from "../graph/dtype.ts";
import * as nodes from "./nodes/cumulative.ts";
import { type Tensor, wrap } from "./tensor.ts";
import type { FloatOf, SumOf } from "./types.ts";

export interface CumulativeOptions {
  /** From the end of the axis to its start; default false. */
  readonly reverse?: boolean;
}

/**
 * The sum up to each element. bool and uint8 are summed in int32.
 *
 * @param axis default the last.
 * @throws UserError `AXIS` for an axis that is not there.
 * @example
 * cumsum(tensor([1, 2, 3]));   // [1, 3, 6]
 */
export function cumsum<D extends DType>(x: Tensor<D>, axis = -1, options: CumulativeOptions = {}): Tensor<SumOf<D>> {
  return wrap(nodes.cumsum(x.node, axis, options.reverse === true));
}

/** The product up to each element; gradients are right also where there are zeros. @example cumprod(tensor([2, 3, 4]));   // [2, 6, 24] */
export function cumprod<D extends DType>(x: Tensor<D>, axis = -1, options: CumulativeOptions = {}): Tensor<SumOf<D>> {
  return wrap(nodes.cumprod(x.node, axis, options.reverse === true));
}

/** The largest up to each element, NaN from the first NaN on; the last of equal ones has the gradient. @example cummax(tensor([1, 3, 2]));   // [1, 3, 3] */
export function cummax<D extends DType>(x: Tensor<D>, axis = -1, options: CumulativeOptions = {}): Tensor<SumOf<D>> {
  return wrap(nodes.cummax(x.node, axis, options.reverse === true));
}

/** log Σ eˣ up to each element, without overflow. @example logCumSumExp(tensor([1000, 1000]));   // [1000, 1000.6931] */
export function logCumSumExp<D extends DType>(x: Tensor<D>, axis = -1, options: CumulativeOptions = {}): Tensor<FloatOf<D>> {
  return wrap(nodes.logCumSumExp(x.node, axis, options.reverse === true));
}

/**
 * y with y₀ = x₀ and y_k = a_k · y_{k−1} + x_k along an axis: moving averages, discounted sums, linear state spaces.
 *
 * @param a of x's shape and dtype; its first element along the axis is not used.
 * @param axis default the last.
 * @throws UserError `SHAPE` or `DTYPE` where a and x differ.
 * @example
 * linearRecurrence(tensor([0, 0.5, 0.5]), tensor([1, 1, 1]));   // [1, 1.5, 1.75]
 */
export function linearRecurrence<D extends DType>(a: Tensor<D>, x: Tensor<D>, axis = -1, options: CumulativeOptions = {}): Tensor<D> {
  return wrap(nodes.linearRecurrence(a.node, x.node, axis, options.reverse === true));
}
