// What every loss shares: equal shapes, checked at the call and never broadcast, and the way it sums up.

import { isFloat } from "../graph/dtype.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";
import { checkNames } from "../util/options.ts";

/** `mean` over all elements, their `sum`, or `none`: one loss an element. */
export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  /** Default `mean`. */
  readonly reduction?: Reduction;
}

/** Refuses options that the loss does not have, and reductions that are none. */
export function checkOptions(where: string, options: { readonly reduction?: unknown }, names: readonly string[] = []): void {
  checkNames(where, options, ["reduction", ...names]);
  const { reduction = "mean" } = options;
  if (reduction !== "mean" && reduction !== "sum" && reduction !== "none")
    throw mistake("OPTION", { where, problem: "unknown reduction", got: reduction, expected: "mean, sum or none" });
}

/** Sums up the losses of the elements. `names` are the loss's own options. */
export function reduced(where: string, losses: Tensor, options: LossOptions, names: readonly string[] = []): Tensor {
  checkOptions(where, options, names);
  const { reduction = "mean" } = options;
  if (reduction === "none") return losses;
  return reduction === "sum" ? losses.sum() : losses.mean();
}

/** The target in the prediction's dtype. */
export function matching(where: string, prediction: AnyTensor, target: AnyTensor): Tensor {
  requireFloat(where, prediction);
  requireTensor(where, "the target", target);
  if (!sameShape(prediction.shape, target.shape)) {
    throw mistake("SHAPE", {
      where,
      problem: "prediction and target differ in shape, and a loss does not broadcast",
      got: `prediction ${showShape(prediction.shape)} and target ${showShape(target.shape)}`,
      expected: "equal shapes",
      advice:
        prediction.size === target.size
          ? `Reshape one of them, for example target.reshape(${showShape(prediction.shape)}).`
          : "Give the model as many outputs as a target has numbers.",
    });
  }
  return target.cast(prediction.dtype) as Tensor;
}

/** Refuses what is no tensor, such as an array. */
export function requireTensor(where: string, name: string, value: AnyTensor): void {
  if (value instanceof Tensor) return;
  throw mistake("OPTION", { where, problem: `${name} must be a tensor`, got: value, advice: "Make one first: tensor(data)." });
}

export function requireFloat(where: string, prediction: AnyTensor): void {
  requireTensor(where, "the prediction", prediction);
  if (!isFloat(prediction.dtype))
    throw mistake("DTYPE", { where, problem: "the prediction must be floating point", got: prediction.dtype, advice: "Cast it first." });
}

/** Refuses an argument of another shape than expected. */
export function requireShape(where: string, name: string, got: AnyTensor, expected: readonly number[], why: string): void {
  if (!sameShape(got.shape, expected))
    throw mistake("SHAPE", { where, problem: `${name} ${why}`, got: `${name} ${showShape(got.shape)}`, expected: showShape(expected) });
}
