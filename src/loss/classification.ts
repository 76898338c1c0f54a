// Losses for classes, from logits: the scores before softmax or sigmoid, so that nothing overflows or loses digits.

import { isFloat } from "../graph/dtype.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";
import { type LossOptions, matching, reduced, requireFloat } from "./reduction.ts";

/**
 * The cross-entropy of softmax(logits) against a class: −Σ t log softmax(x) = log Σ e^xⱼ − Σ tⱼ xⱼ.
 *
 * @param logits [..., classes], floating point
 * @param target class indices [...] (int32 or uint8), or a distribution over the classes, such as one-hot, [..., classes]
 *   (floating point or bool)
 * @param options `reduction`: `mean` over samples (default), `sum` or `none`
 * @returns a scalar, or with `none` one loss a sample, [...]
 * @throws UserError `SHAPE` when the shapes do not fit; `RANGE`, at the latest on reading, for an index that is no class
 * @example
 * const logits = tensor([[2, 0, 0], [0, 0, 3]]);
 * const loss = crossEntropy(logits, tensor([0, 2], { dtype: "int32" }));
 * console.log((await loss.item()).toFixed(4)); // 0.1674
 */
export function crossEntropy(logits: Tensor, target: AnyTensor, options: LossOptions = {}): Tensor {
  const where = "crossEntropy";
  requireFloat(where, logits);
  const { shape } = logits;
  const classes = shape[shape.length - 1];
  const samples = shape.slice(0, -1);
  const isDistribution = isFloat(target.dtype) || target.dtype === "bool";
  if (classes === undefined || !sameShape(target.shape, isDistribution ? shape : samples)) {
    const meaning = isDistribution ? `a distribution over classes (${target.dtype})` : `class indices (${target.dtype})`;
    throw mistake("SHAPE", {
      where,
      problem: "logits and target do not fit",
      got: `logits ${showShape(shape)} and target ${showShape(target.shape)}, ${meaning}`,
      expected:
        classes === undefined ? "logits [..., classes]" : `class indices ${showShape(samples)} or a distribution ${showShape(shape)}`,
    });
  }
  const weights = isDistribution ? (target.cast(logits.dtype) as Tensor) : (target as Tensor<"int32">).oneHot(classes, logits.dtype);
  // A distribution sums to one, so the normaliser counts as often as the weights say.
  const normaliser = logits.logSumExp(-1);
  const total = isDistribution ? normaliser.mul(weights.sum(-1)) : normaliser;
  return reduced(where, total.sub(logits.mul(weights).sum(-1)), options);
}

/**
 * The cross-entropy of sigmoid(logits) against 0 or 1: log(1 + eˣ) − t·x = max(x, 0) − t·x + log(1 + e^−|x|).
 *
 * @param logits any shape, floating point
 * @param target the same shape: 0, 1, or a probability between
 * @param options `reduction`: `mean` over all elements (default), `sum` or `none`
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes differ: nothing is broadcast
 * @example
 * const loss = binaryCrossEntropy(tensor([0, 100]), tensor([1, 1]), { reduction: "none" });
 * console.log(await loss.toArray()); // [ 0.6931471824645996, 0 ]
 */
export function binaryCrossEntropy(logits: Tensor, target: AnyTensor, options: LossOptions = {}): Tensor {
  const where = "binaryCrossEntropy";
  const weights = matching(where, logits, target);
  // Summed in this order, a small loss keeps its digits; and at 0 the two halves of the gradient are of one side.
  const right = logits.ge(0);
  const tail = right.where(logits.neg(), logits).exp().log1p();
  return reduced(where, right.where(logits, 0).sub(logits.mul(weights)).add(tail), options);
}
