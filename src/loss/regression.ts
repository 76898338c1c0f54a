// Losses for numbers: squared and absolute error, what lies between them, quantiles, and likelihoods of counts and of normal
// distributions.

import { isFloat } from "../graph/dtype.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";
import { checkNumber } from "../util/options.ts";
import { checkedValues } from "./check.ts";
import { type LossOptions, matching, reduced } from "./reduction.ts";

/**
 * The squared error, (p − t)².
 *
 * @param prediction any shape, floating point
 * @param target the same shape; integers are cast
 * @param options `reduction`: `mean` over all elements (default), `sum` or `none`
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes differ: nothing is broadcast
 * @example
 * const loss = meanSquaredError(tensor([1, 2, 3]), tensor([1, 2, 5]));
 * console.log(await loss.item()); // 1.3333333730697632
 */
export function meanSquaredError(prediction: Tensor, target: AnyTensor, options: LossOptions = {}): Tensor {
  return reduced("meanSquaredError", prediction.sub(matching("meanSquaredError", prediction, target)).square(), options);
}

/** Short for `meanSquaredError`. */
export const mse: typeof meanSquaredError = meanSquaredError;

/**
 * The absolute error, |p − t|; its gradient where p = t is 0.
 *
 * @param prediction any shape, floating point
 * @param target the same shape; integers are cast
 * @param options `reduction`: `mean` over all elements (default), `sum` or `none`
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes differ: nothing is broadcast
 * @example
 * const loss = meanAbsoluteError(tensor([1, 2, 3]), tensor([1, 2, 5]), { reduction: "sum" });
 * console.log(await loss.item()); // 2
 */
export function meanAbsoluteError(prediction: Tensor, target: AnyTensor, options: LossOptions = {}): Tensor {
  return reduced("meanAbsoluteError", prediction.sub(matching("meanAbsoluteError", prediction, target)).abs(), options);
}

/**
 * The absolute error, rounded off near 0: d²/2β where |d| < β, else |d| − β/2, with d = p − t.
 *
 * @param prediction any shape, floating point
 * @param target the same shape; integers are cast
 * @param options `beta`: width of the rounding, at least 0 (the absolute error), default 1; `reduction` as everywhere
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes differ, `OPTION` for a negative beta
 * @example
 * const loss = smoothL1(tensor([0, 3]), tensor([0.5, 0]), { reduction: "none" });
 * console.log(await loss.toArray()); // [ 0.125, 2.5 ]
 */
export function smoothL1(prediction: Tensor, target: AnyTensor, options: LossOptions & { readonly beta?: number } = {}): Tensor {
  const where = "smoothL1";
  const beta = checkNumber(where, "beta", options.beta ?? 1, { least: 0 });
  const size = prediction.sub(matching(where, prediction, target)).abs();
  const losses = beta === 0 ? size : (size.lt(beta).where(size.square().mul(0.5 / beta), size.sub(beta / 2)) as Tensor);
  return reduced(where, losses, options, ["beta"]);
}

/**
 * Huber's loss: d²/2 where |d| ≤ δ, else δ(|d| − δ/2), with d = p − t.
 *
 * @param prediction any shape, floating point
 * @param target the same shape; integers are cast
 * @param options `delta`: from where on the loss is linear, above 0, default 1; `reduction` as everywhere
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes differ, `OPTION` for a delta that is not positive
 * @example
 * const loss = huber(tensor([0, 3]), tensor([0.5, 0]), { delta: 2, reduction: "none" });
 * console.log(await loss.toArray()); // [ 0.125, 4 ]
 * Source: Huber 1964, "Robust estimation of a location parameter".
 */
export function huber(prediction: Tensor, target: AnyTensor, options: LossOptions & { readonly delta?: number } = {}): Tensor {
  const where = "huber";
  const delta = checkNumber(where, "delta", options.delta ?? 1, { above: 0 });
  const size = prediction.sub(matching(where, prediction, target)).abs();
  const losses = size.le(delta).where(size.square().mul(0.5), size.sub(delta / 2).mul(delta)) as Tensor;
  return reduced(where, losses, options, ["delta"]);
}

/**
 * The quantile (pinball) loss: max(q·d, (q − 1)·d) with d = t − p. Its minimum is the q-quantile of the targets.
 *
 * @param prediction any shape, floating point; with several quantiles they stand along the last axis
 * @param target the prediction's shape, or without the last axis where there are several quantiles
 * @param options `quantile`: from 0 to 1, one number (default 0.5) or a list; `reduction` as everywhere
 * @returns a scalar, or with `none` one loss an element of the prediction
 * @throws UserError `SHAPE` when the shapes do not fit, `OPTION` for a quantile outside 0 to 1
 * @example
 * const loss = quantileLoss(tensor([1, 1]), tensor([3, 0]), { quantile: 0.75, reduction: "none" });
 * console.log(await loss.toArray()); // [ 1.5, 0.25 ]
 * Source: Koenker and Bassett 1978, "Regression quantiles".
 */
export function quantileLoss(
  prediction: Tensor,
  target: AnyTensor,
  options: LossOptions & { readonly quantile?: number | readonly number[] } = {},
): Tensor {
  const where = "quantileLoss";
  const { quantile = 0.5 } = options;
  const list = typeof quantile === "number" ? [quantile] : quantile;
  for (const q of list) checkNumber(where, "quantile", q, { least: 0, most: 1 });
  const several = typeof quantile !== "number";
  if (several && (prediction.shape[prediction.rank - 1] !== list.length || !sameShape(prediction.shape.slice(0, -1), target.shape)))
    throw mistake("SHAPE", {
      where,
      problem: "prediction and target do not fit the quantiles",
      got: `prediction ${showShape(prediction.shape)} and target ${showShape(target.shape)}`,
      expected: `prediction [...,${list.length}] and target [...]`,
    });
  const wide = several ? target.unsqueeze(-1).expand(prediction.shape) : target;
  const parts = list.map((q, i) => {
    const at = (x: Tensor) => (several ? x.at("...", i) : x);
    const error = at(matching(where, prediction, wide)).sub(at(prediction)) as Tensor;
    return error.mul(q).maximum(error.mul(q - 1)) as Tensor;
  });
  const [first, ...others] = parts as [Tensor, ...Tensor[]];
  return reduced(where, several ? first.stack(others, -1) : first, options, ["quantile"]);
}

export interface PoissonOptions extends LossOptions {
  /** Whether the prediction is the logarithm of the rate (default), or the rate. */
  readonly logInput?: boolean;
  /** Adds Stirling's approximation of log t! where t > 1; it does not depend on the prediction. Default false. */
  readonly full?: boolean;
  /** Added to a rate before its logarithm is taken. Default 1e-8. */
  readonly epsilon?: number;
}

/**
 * The negative log-likelihood of counts under Poisson distributions: eˣ − t·x, or with `logInput: false` x − t·log(x + ε).
 *
 * @param prediction logarithms of rates (or rates), any shape, floating point
 * @param target counts, the same shape
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes differ
 * @example
 * const loss = poissonLoss(tensor([0, 1]), tensor([1, 2]), { reduction: "none" });
 * console.log(await loss.toArray()); // [ 1, 0.7182817459106445 ]
 */
export function poissonLoss(prediction: Tensor, target: AnyTensor, options: PoissonOptions = {}): Tensor {
  const where = "poissonLoss";
  const { logInput = true, full = false } = options;
  const epsilon = checkNumber(where, "epsilon", options.epsilon ?? 1e-8, { least: 0 });
  const counts = matching(where, prediction, target);
  let losses: Tensor = logInput ? prediction.exp().sub(counts.mul(prediction)) : prediction.sub(counts.mul(prediction.add(epsilon).log()));
  if (full) {
    const many = counts.gt(1);
    const t = many.where(counts, 2) as Tensor;
    const factorial = t
      .mul(t.log())
      .sub(t)
      .add(
        t
          .mul(2 * Math.PI)
          .log()
          .mul(0.5),
      );
    losses = losses.add(many.where(factorial, 0)) as Tensor;
  }
  return reduced(where, losses, options, ["logInput", "full", "epsilon"]);
}

export interface GaussianOptions extends LossOptions {
  /** Adds the constant ½ log 2π. Default false. */
  readonly full?: boolean;
  /** Smaller variances count as this; their gradient stays. Default 1e-6. */
  readonly epsilon?: number;
}

/**
 * The negative log-likelihood under normal distributions with predicted mean and variance: ½ (log v + (p − t)²/v).
 *
 * @param prediction means, any shape, floating point
 * @param target the same shape
 * @param variance the same shape, or with one variance for each row: without the last axis, or with a last axis of 1
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes do not fit; `RANGE`, at the latest on reading, for a negative variance
 * @example
 * const loss = gaussianLoss(tensor([0]), tensor([2]), tensor([4]));
 * console.log((await loss.item()).toFixed(4)); // 1.1931
 * Source: Nix and Weigend 1994, "Estimating the mean and variance of the target probability distribution".
 */
export function gaussianLoss(prediction: Tensor, target: AnyTensor, variance: AnyTensor, options: GaussianOptions = {}): Tensor {
  const where = "gaussianLoss";
  const epsilon = checkNumber(where, "epsilon", options.epsilon ?? 1e-6, { above: 0 });
  const t = matching(where, prediction, target);
  const rows = prediction.shape.slice(0, -1);
  const perRow = prediction.rank > 0 && sameShape(variance.shape, rows) && !sameShape(variance.shape, prediction.shape);
  const given = perRow ? variance.unsqueeze(-1) : variance;
  const fits = sameShape(given.shape, prediction.shape) || (prediction.rank > 0 && sameShape(given.shape, [...rows, 1]));
  if (!fits || !isFloat(variance.dtype))
    throw mistake("SHAPE", {
      where,
      problem: "the variance does not fit the prediction",
      got: `variance ${variance.dtype}${showShape(variance.shape)}`,
      expected: `floats ${showShape(prediction.shape)}${prediction.rank > 0 ? `, ${showShape(rows)} or ${showShape([...rows, 1])}` : ""}`,
    });
  const v = checkedValues(given as Tensor, 0, null, `${where}: a variance is negative (here rounded down)`);
  // The limit changes the value and leaves the gradient, as in PyTorch.
  const limited = v.add(v.maximum(epsilon).sub(v).stopGradient()) as Tensor;
  const error = prediction.sub(t).square().div(limited);
  const losses = error.add(limited.log()).mul(0.5) as Tensor;
  return reduced(where, options.full === true ? losses.add(0.5 * Math.log(2 * Math.PI)) : losses, options, ["full", "epsilon"]);
}
