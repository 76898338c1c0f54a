// What is measured beside the loss: a mean over samples, as a scalar tensor.

import { isFloat } from "../graph/dtype.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";

/** (prediction, target) → scalar: a mean over the samples, so that batches can be put together. */
// A method's parameters are compared both ways, so that a function of float32 targets is a metric too.
export type Metric = { call(prediction: Tensor, target: AnyTensor): Tensor }["call"];

/**
 * The share of samples whose largest score is that of the target's class.
 *
 * @param scores [..., classes]
 * @param target class indices [...], or one-hot [..., classes]
 * @throws UserError `SHAPE`
 * @example
 * const share = accuracy(tensor([[1, 2], [4, 3]]), tensor(Int32Array.of(1, 1)));
 * console.log(await share.item()); // 0.5
 */
export const accuracy: Metric = (scores, target) => {
  const classes = isFloat(target.dtype) || target.dtype === "bool" ? target.argMax(-1) : target.cast("int32");
  const samples = scores.shape.slice(0, -1);
  if (scores.rank === 0 || !sameShape(classes.shape, samples))
    throw mistake("SHAPE", {
      where: "accuracy",
      problem: "scores and target do not fit",
      got: `scores ${showShape(scores.shape)} and target ${showShape(target.shape)}`,
      expected: `class indices ${showShape(samples)} or one-hot ${showShape(scores.shape)}`,
    });
  return scores.argMax(-1).eq(classes).cast("float32").mean();
};

/**
 * The share of elements where logit > 0 agrees with target > ½.
 *
 * @param logits any shape
 * @param target the same shape, 0 or 1
 * @throws UserError `SHAPE`
 * @example
 * const share = binaryAccuracy(tensor([-2, 3, 1]), tensor([0, 1, 0]));
 * console.log((await share.item()).toFixed(2)); // 0.67
 */
export const binaryAccuracy: Metric = (logits, target) => {
  if (!sameShape(logits.shape, target.shape))
    throw mistake("SHAPE", {
      where: "binaryAccuracy",
      problem: "logits and target differ in shape",
      got: `logits ${showShape(logits.shape)} and target ${showShape(target.shape)}`,
    });
  return logits.gt(0).eq(target.cast("float32").gt(0.5)).cast("float32").mean();
};
