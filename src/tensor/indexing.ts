// Indexing as free functions.

import type { DType } from "../graph/dtype.ts";
import { type EmbeddingOptions, embedding as embeddingNode } from "./nodes/embedding.ts";
import { type Indices, type Tensor, wrap } from "./tensor.ts";

/**
 * Parts of x along an axis, at indices of any shape, which stand in place of the axis.
 *
 * @param indices int32 or uint8, from 0 to the size of the axis − 1; a list of numbers, such as `batchIndices` and
 *   `splitSamples` give, will do.
 * @param axis default 0.
 * @throws UserError `RANGE` when it runs, for an index outside the axis.
 * @example
 * gather(tensor([10, 20, 30]), tensor([2, 0], { dtype: "int32" }));   // [30, 10]
 * gather(tensor([10, 20, 30]), Int32Array.of(1, 1));   // [20, 20]
 */
export function gather<D extends DType>(x: Tensor<D>, indices: Indices, axis = 0): Tensor<D> {
  return x.gather(indices, axis);
}

/**
 * 1 at each class on a new last axis of size `depth`, 0 elsewhere.
 *
 * @param classes int32 or uint8, from 0 to depth − 1.
 * @param depth default: the largest class + 1, which is read; outside compiled functions only.
 * @param dtype default float32.
 * @throws UserError `RANGE` when it runs, for a class outside.
 * @example
 * oneHot(tensor([1, 0], { dtype: "int32" }), 3);   // [[0, 1, 0], [1, 0, 0]]
 */
export function oneHot<D extends DType = "float32">(classes: Tensor<"int32" | "uint8">, depth?: number, dtype?: D): Tensor<D> {
  return classes.oneHot(depth, dtype);
}

/**
 * Rows of a table at indices of any shape; a new last axis holds the rows. Their gradient is added up in the table.
 *
 * @param indices int32 or uint8, from 0 to rows − 1.
 * @param weight [rows, columns].
 * @param options.paddingIndex a row that gets no gradient.
 * @param options.scaleGradientByFrequency divides each row's gradient by how often it occurs; default false.
 * @throws UserError `RANGE` when it runs, for an index outside; `SHAPE`.
 * @example
 * embedding(tensor([1, 0], { dtype: "int32" }), tensor([[1, 2], [3, 4]]));   // [[3, 4], [1, 2]]
 */
export function embedding<D extends DType>(
  indices: Tensor<"int32" | "uint8">,
  weight: Tensor<D>,
  options: EmbeddingOptions = {},
): Tensor<D> {
  return wrap(embeddingNode(indices.node, weight.node, options));
}
