// Norms and distances of vectors, as free functions.

import type { DType } from "../graph/dtype.ts";
import * as nodes from "./nodes/vector.ts";
import { type Tensor, unwrap, wrap } from "./tensor.ts";
import type { AxesArgument, FloatOf, Joined, Operand, ReduceOptions } from "./types.ts";

/**
 * (Σ |x|ᵖ)^(1/p) over axes, with gradient 0 at 0.
 *
 * @param options.order p; default 2. Infinity: the largest |x|; -Infinity: the smallest; 0: how many are not 0.
 * @param options.axes default all.
 * @throws UserError `AXIS` for an axis that is not there, `SHAPE` of no elements where the order is ±Infinity or negative.
 * @example
 * vectorNorm(tensor([3, 4]));   // 5
 */
export function vectorNorm<D extends DType>(
  x: Tensor<D>,
  options: ReduceOptions & { readonly order?: number; readonly axes?: AxesArgument } = {},
): Tensor<FloatOf<D>> {
  return wrap(nodes.vectorNorm("vectorNorm", x.node, options.order ?? 2, options.axes, options.keepDimensions === true));
}

/**
 * x / max(‖x‖, ε): vectors of length 1.
 *
 * @param options.order of the norm, default 2.
 * @param options.axes along which vectors lie; default 1.
 * @param options.epsilon ε, default 1e-12.
 * @example
 * normalize(tensor([[3, 4]]));   // [[0.6, 0.8]]
 */
export function normalize<D extends DType>(
  x: Tensor<D>,
  options: { readonly order?: number; readonly axes?: AxesArgument; readonly epsilon?: number } = {},
): Tensor<FloatOf<D>> {
  return wrap(nodes.normalize(x.node, options.order ?? 2, options.axes ?? 1, options.epsilon ?? 1e-12));
}

/**
 * a·b / (max(‖a‖, ε) · max(‖b‖, ε)) along an axis; a and b broadcast.
 *
 * @param options.axis default 1.
 * @param options.epsilon ε, default 1e-8.
 * @example
 * cosineSimilarity(tensor([[1, 0]]), tensor([[1, 1]]));   // [0.70710677]
 */
export function cosineSimilarity<A extends Operand, B extends Operand>(
  a: A,
  b: B,
  options: { readonly axis?: number; readonly epsilon?: number } = {},
): Tensor<FloatOf<Joined<A, B>>> {
  return wrap(nodes.cosineSimilarity(unwrap(a), unwrap(b), options.axis ?? 1, options.epsilon ?? 1e-8));
}

/**
 * ‖a − b + ε‖ over the last axis; a and b broadcast.
 *
 * @param options.order of the norm, default 2.
 * @param options.epsilon ε, default 1e-6.
 * @example
 * pairwiseDistance(tensor([[0, 0]]), tensor([[3, 4]]));   // [5]
 */
export function pairwiseDistance<A extends Operand, B extends Operand>(
  a: A,
  b: B,
  options: ReduceOptions & { readonly order?: number; readonly epsilon?: number } = {},
): Tensor<FloatOf<Joined<A, B>>> {
  const { order = 2, epsilon = 1e-6, keepDimensions = false } = options;
  return wrap(nodes.pairwiseDistance(unwrap(a), unwrap(b), order, epsilon, keepDimensions));
}
