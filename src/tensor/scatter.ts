// Indexing element by element, and writing at indices, as free functions. A tensor does not change: the result is another.

import type { DType } from "../graph/dtype.ts";
import type { ScatterReduction } from "./nodes/scatter.ts";
import * as nodes from "./nodes/scatter.ts";
import { type Tensor, unwrap, wrap } from "./tensor.ts";

type Indices = Tensor<"int32" | "uint8">;

/** What is written: a tensor of the same dtype, or one number. */
type Updates<D extends DType> = Tensor<D> | number;

/**
 * Element [i, indices[i, j]] at [i, j], with axis 1; PyTorch's `gather`, ONNX's GatherElements.
 *
 * @param indices as many axes as x, and beside the axis at most as many elements; the result has its shape.
 * @param axis default 0.
 * @throws UserError `RANGE` when it runs, for an index outside the axis; `SHAPE`.
 * @example
 * gatherElements(tensor([[1, 2], [3, 4]]), tensor([[1], [0]], { dtype: "int32" }), 1);   // [[2], [3]]
 */
export function gatherElements<D extends DType>(x: Tensor<D>, indices: Indices, axis = 0): Tensor<D> {
  return wrap(nodes.gatherElements(x.node, indices.node, axis));
}

/**
 * `gatherElements` where sizes beside the axis broadcast and negative indices count from the end: what `argSort` and `argMax` with kept axes give fits.
 *
 * @param axis default: both as one row.
 * @example
 * takeAlongAxis(tensor([[5, 1], [2, 9]]), tensor([[1, 0]], { dtype: "int32" }), 1);   // [[1, 5], [9, 2]]
 */
export function takeAlongAxis<D extends DType>(x: Tensor<D>, indices: Indices, axis?: number): Tensor<D> {
  return wrap(nodes.takeAlongAxis(x.node, indices.node, axis));
}

/**
 * x with updates in place of elements: [i, indices[i, j]] becomes updates[i, j], with axis 1. Of several for one element the last
 * one stays, in row-major order, and only it has a gradient.
 *
 * @param indices as many axes as x, and beside the axis at most as many elements.
 * @param updates at least as many elements on every axis as the indices, or one number.
 * @throws UserError `RANGE` when it runs, for an index outside the axis; `SHAPE`; `DTYPE`.
 * @example
 * scatter(tensor([1, 2, 3]), 0, tensor([2, 0], { dtype: "int32" }), tensor([8, 9]));   // [9, 2, 8]
 */
export function scatter<D extends DType>(x: Tensor<D>, axis: number, indices: Indices, updates: Updates<D>): Tensor<D> {
  return wrap(nodes.scatter(x.node, axis, indices.node, unwrap(updates)));
}

/**
 * `scatter` that adds the updates, all of them, in order.
 *
 * @example
 * scatterAdd(tensor([1, 2]), 0, tensor([1, 1], { dtype: "int32" }), tensor([10, 20]));   // [1, 32]
 */
export function scatterAdd<D extends DType>(x: Tensor<D>, axis: number, indices: Indices, updates: Updates<D>): Tensor<D> {
  return wrap(nodes.scatterAdd(x.node, axis, indices.node, unwrap(updates)));
}

/**
 * x with its elements at indices reduced together with the updates for them; PyTorch's `scatter_reduce`. Largest and smallest
 * elements that are equal share the gradient evenly. A product has right second derivatives only where no factor is zero.
 *
 * @param reduction `sum`, `prod`, `mean`, `max` or `min`.
 * @param options.includeSelf default true; false: x's own elements do not take part where there are updates.
 * @throws UserError `RANGE` when it runs, for an index outside the axis; `SHAPE`; `DTYPE`; `OPTION` for another reduction.
 * @example
 * scatterReduce(tensor([1, 2]), 0, tensor([1, 1], { dtype: "int32" }), tensor([10, 20]), "prod");   // [1, 400]
 */
export function scatterReduce<D extends DType>(
  x: Tensor<D>,
  axis: number,
  indices: Indices,
  updates: Updates<D>,
  reduction: ScatterReduction,
  options: { readonly includeSelf?: boolean } = {},
): Tensor<D> {
  return wrap(nodes.scatterReduce(x.node, axis, indices.node, unwrap(updates), reduction, options.includeSelf ?? true));
}

/**
 * x with α · source added to its parts at indices along an axis.
 *
 * @param indices [n], or a scalar.
 * @param source x's shape, with n in place of the axis.
 * @param options.alpha default 1.
 * @throws UserError `RANGE` when it runs, for an index outside the axis; `SHAPE`; `DTYPE`.
 * @example
 * indexAdd(tensor([1, 2, 3]), 0, tensor([0, 0], { dtype: "int32" }), tensor([10, 20]));   // [31, 2, 3]
 */
export function indexAdd<D extends DType>(
  x: Tensor<D>,
  axis: number,
  indices: Indices,
  source: Tensor<D>,
  options: { readonly alpha?: number } = {},
): Tensor<D> {
  return wrap(nodes.indexAdd(x.node, axis, indices.node, source.node, options.alpha ?? 1));
}

/**
 * x with one value in its parts at indices along an axis; negative indices count from the end.
 *
 * @example
 * indexFill(tensor([1, 2, 3]), 0, tensor([1], { dtype: "int32" }), 0);   // [1, 0, 3]
 */
export function indexFill<D extends DType>(x: Tensor<D>, axis: number, indices: Indices, value: Updates<D>): Tensor<D> {
  return wrap(nodes.indexFill(x.node, axis, indices.node, unwrap(value)));
}

/**
 * The value where the mask holds, x elsewhere; mask and x broadcast.
 *
 * @param value a number, or a scalar.
 * @example
 * maskedFill(tensor([1, 2]), tensor([true, false]), -1);   // [-1, 2]
 */
export function maskedFill<D extends DType>(x: Tensor<D>, mask: Tensor<"bool">, value: Updates<D>): Tensor<D> {
  return wrap(nodes.maskedFill(x.node, mask.node, unwrap(value)));
}
