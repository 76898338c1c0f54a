// Margin losses: what is right must score better than what is wrong by a margin.

import { normalizeAxis, sameShape, showShape } from "../graph/shape.ts";
import { arange } from "../tensor/create.ts";
import { where as select } from "../tensor/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";
import { checkNumber } from "../util/options.ts";
import { type LossOptions, matching, reduced, requireFloat, requireShape } from "./reduction.ts";

export interface MarginOptions extends LossOptions {
  /** Default 1. */
  readonly margin?: number;
}

/**
 * For distances of pairs: x where the pair belongs together (t = 1), max(0, margin − x) where it does not (t = −1).
 *
 * @param prediction distances, any shape, floating point
 * @param target 1 or −1, the same shape
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes differ
 * @example
 * const loss = hingeEmbedding(tensor([0.5, 0.25]), tensor([1, -1]), { reduction: "none" });
 * console.log(await loss.toArray()); // [ 0.5, 0.75 ]
 */
export function hingeEmbedding(prediction: Tensor, target: AnyTensor, options: MarginOptions = {}): Tensor {
  const where = "hingeEmbedding";
  const margin = checkNumber(where, "margin", options.margin ?? 1);
  const t = matching(where, prediction, target);
  const apart = t.ne(1).where(prediction.neg().add(margin).clamp(0), 0);
  return reduced(where, apart.add(t.ne(-1).where(prediction, 0)) as Tensor, options, ["margin"]);
}

/**
 * For scores of pairs: max(0, −t (a − b) + margin), where t says whether the first (1) or the second (−1) must be higher.
 *
 * @param first scores, any shape, floating point
 * @param second the same shape
 * @param target 1 or −1, the same shape
 * @param options `margin`, default 0; `reduction` as everywhere
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes differ
 * @example
 * const loss = marginRanking(tensor([2, 1]), tensor([1, 3]), tensor([1, 1]), { reduction: "none" });
 * console.log(await loss.toArray()); // [ 0, 2 ]
 */
export function marginRanking(first: Tensor, second: Tensor, target: AnyTensor, options: MarginOptions = {}): Tensor {
  const where = "marginRanking";
  const margin = checkNumber(where, "margin", options.margin ?? 0);
  requireShape(where, "second", second, first.shape, "must have the shape of the first");
  const t = matching(where, first, target);
  return reduced(where, t.neg().mul(first.sub(second)).add(margin).clamp(0) as Tensor, options, ["margin"]);
}

/**
 * log(1 + e^(−t·x)): the logistic loss for targets 1 and −1.
 *
 * @param prediction scores, any shape, floating point
 * @param target 1 or −1, the same shape
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes differ
 * @example
 * const loss = softMargin(tensor([0]), tensor([-1]));
 * console.log(await loss.item()); // 0.6931471824645996
 */
export function softMargin(prediction: Tensor, target: AnyTensor, options: LossOptions = {}): Tensor {
  const where = "softMargin";
  return reduced(where, matching(where, prediction, target).neg().mul(prediction).softplus() as Tensor, options);
}

export interface MultiMarginOptions extends MarginOptions {
  /** 1 or 2. Default 1. */
  readonly power?: number;
  /** A weight for each class, [classes]. */
  readonly weights?: Tensor;
}

/** Scores as rows [samples, classes]: a scalar and a vector are one sample. */
function asRows(where: string, prediction: Tensor): Tensor {
  requireFloat(where, prediction);
  if (prediction.rank > 2 || prediction.shape[prediction.rank - 1] === 0)
    throw mistake("SHAPE", {
      where,
      problem: "prediction is no list of classes, or rows of them",
      got: `prediction ${showShape(prediction.shape)}`,
      expected: "[samples, classes] or [classes], with at least one class",
    });
  return prediction.rank === 2 ? prediction : prediction.reshape([1, prediction.size]);
}

/**
 * The multi-class hinge loss: Σ over the wrong classes of max(0, margin − x_right + x_wrong)^power, divided by the number of
 * classes.
 *
 * @param prediction scores, [samples, classes] or [classes], floating point
 * @param target class indices, [samples], int32 or uint8
 * @returns a scalar, or with `none` one loss a sample
 * @throws UserError `SHAPE` when the shapes do not fit, `OPTION` for another power than 1 or 2; `RANGE`, at the latest on reading,
 *   for an index that is no class
 * @example
 * const loss = multiMargin(tensor([[0.25, 1]]), tensor([1], { dtype: "int32" }));
 * console.log(await loss.item()); // 0.125
 * Source: Crammer and Singer 2001.
 */
export function multiMargin(prediction: Tensor, target: AnyTensor, options: MultiMarginOptions = {}): Tensor {
  const where = "multiMargin";
  const { power = 1, weights } = options;
  const margin = checkNumber(where, "margin", options.margin ?? 1);
  if (power !== 1 && power !== 2) throw mistake("OPTION", { where, problem: "unknown power", got: power, expected: "1 or 2" });
  const rows = asRows(where, prediction);
  const [samples, classes] = rows.shape as [number, number];
  const single = prediction.rank < 2 && target.size === 1 && target.rank < 2;
  if (!single) requireShape(where, "target", target, [samples], "must have one class index for each sample");
  if (weights !== undefined) requireShape(where, "weights", weights, [classes], "must have one number for each class");
  const right = (target.reshape([samples]) as Tensor<"int32">).oneHot(classes, "bool");
  const best = right.where(rows, 0).sum(-1, { keepDimensions: true });
  const short = rows.sub(best).add(margin).clamp(0) as Tensor;
  const own = power === 2 ? short.square() : short;
  const scaled = weights === undefined ? own : own.mul(right.where(weights, 0).sum(-1, { keepDimensions: true }));
  const losses = right.where(0, scaled).sum(-1).div(Math.max(1, classes)) as Tensor;
  return reduced(where, single && target.rank === 0 ? losses.reshape([]) : losses, options, ["margin", "power", "weights"]);
}

/**
 * The hinge loss for samples with several classes: Σ over right classes y and other classes i of max(0, 1 − x_y + x_i), divided by
 * the number of classes.
 *
 * @param prediction scores, [samples, classes] or [classes], floating point
 * @param target the right classes of each sample from the front, then −1; the prediction's shape, int32
 * @returns a scalar, or with `none` one loss a sample
 * @throws UserError `SHAPE` when the shapes differ; `RANGE`, at the latest on reading, for an index that is no class
 * @example
 * const right = tensor([[1, -1, 0]], { dtype: "int32" });   // class 1 alone
 * const loss = multiLabelMargin(tensor([[0, 1, 0.5]]), right);
 * console.log((await loss.item()).toFixed(4)); // 0.1667
 */
export function multiLabelMargin(prediction: Tensor, target: AnyTensor, options: LossOptions = {}): Tensor {
  const where = "multiLabelMargin";
  const rows = asRows(where, prediction);
  requireShape(where, "target", target, prediction.shape, "must have the shape of the prediction");
  const [samples, classes] = rows.shape as [number, number];
  const list = target.reshape([samples, classes]).cast("int32") as Tensor<"int32">;
  // Row j of [samples, j, k]: whether the list has ended by j.
  const before = arange(classes).unsqueeze(0).le(arange(classes).unsqueeze(1));
  const listed = before.and(list.unsqueeze(1).lt(0)).any(-1).not();
  const hot = select(listed, list, 0).oneHot(classes, "bool").and(listed.unsqueeze(-1)) as Tensor<"bool">;
  const right = hot.any(1);
  const scores = hot.where(rows.unsqueeze(1), 0).sum(-1, { keepDimensions: true });
  const short = rows.unsqueeze(1).sub(scores).add(1).clamp(0);
  const counted = listed.unsqueeze(-1).and(right.not().unsqueeze(1)) as Tensor<"bool">;
  const losses = counted.where(short, 0).sum([1, 2]).div(Math.max(1, classes)) as Tensor;
  return reduced(where, prediction.rank < 2 ? losses.reshape([]) : losses, options);
}

export interface TripletOptions extends MarginOptions {
  /** Which norm measures the distance. Default 2. */
  readonly power?: number;
  /** Added to each difference. Default 1e-6. */
  readonly epsilon?: number;
  /** Takes the positive's distance to the negative where it is smaller than the anchor's. Default false. */
  readonly swap?: boolean;
}

/** (Σ |a − b + ε|^p)^(1/p) over the last axis. */
function distance(a: Tensor, b: Tensor, power: number, epsilon: number): Tensor {
  const apart = a.sub(b).add(epsilon) as Tensor;
  if (power === 2) return apart.square().sum(-1).sqrt() as Tensor;
  if (power === 1) return apart.abs().sum(-1) as Tensor;
  if (power === Number.POSITIVE_INFINITY) return apart.abs().max(-1) as Tensor;
  return apart
    .abs()
    .pow(power)
    .sum(-1)
    .pow(1 / power) as Tensor;
}

/**
 * max(0, d(anchor, positive) − d(anchor, negative) + margin): the positive must be nearer than the negative by a margin.
 *
 * @param anchor [..., features], floating point
 * @param positive the same shape
 * @param negative the same shape
 * @returns a scalar, or with `none` one loss a row, [...]
 * @throws UserError `SHAPE` when the shapes differ, `OPTION` for a margin that is not positive
 * @example
 * const loss = tripletMargin(tensor([[0, 0]]), tensor([[3, 4]]), tensor([[0, 5]]), { epsilon: 0 });
 * console.log(await loss.item()); // 1
 * Source: Balntas, Riba, Ponsa, Mikolajczyk 2016.
 */
export function tripletMargin(anchor: Tensor, positive: Tensor, negative: Tensor, options: TripletOptions = {}): Tensor {
  const where = "tripletMargin";
  requireFloat(where, anchor);
  if (anchor.rank === 0)
    throw mistake("SHAPE", { where, problem: "anchor has no axis of features", got: "anchor []", expected: "[..., features]" });
  requireShape(where, "positive", positive, anchor.shape, "must have the shape of the anchor");
  requireShape(where, "negative", negative, anchor.shape, "must have the shape of the anchor");
  const margin = checkNumber(where, "margin", options.margin ?? 1, { above: 0 });
  const { power = 2, swap = false } = options;
  if (power !== Number.POSITIVE_INFINITY) checkNumber(where, "power", power, { above: 0 });
  const epsilon = checkNumber(where, "epsilon", options.epsilon ?? 1e-6);
  const near = distance(anchor, positive, power, epsilon);
  const direct = distance(anchor, negative, power, epsilon);
  const far = swap ? (direct.minimum(distance(positive, negative, power, epsilon)) as Tensor) : direct;
  return reduced(where, near.sub(far).add(margin).clamp(0) as Tensor, options, ["margin", "power", "epsilon", "swap"]);
}

/**
 * For pairs of vectors: 1 − cos where they belong together (t = 1), max(0, cos − margin) where they do not (t = −1).
 *
 * @param first [..., features], floating point
 * @param second the same shape
 * @param target 1 or −1, [...]
 * @param options `margin`, default 0; `reduction` as everywhere
 * @returns a scalar, or with `none` one loss a pair, [...]
 * @throws UserError `SHAPE` when the shapes do not fit
 * @example
 * const loss = cosineEmbedding(tensor([[1, 0]]), tensor([[0, 1]]), tensor([1]));
 * console.log(await loss.item()); // 1
 */
export function cosineEmbedding(first: Tensor, second: Tensor, target: AnyTensor, options: MarginOptions = {}): Tensor {
  const where = "cosineEmbedding";
  requireFloat(where, first);
  const margin = checkNumber(where, "margin", options.margin ?? 0);
  requireShape(where, "second", second, first.shape, "must have the shape of the first");
  requireShape(where, "target", target, first.shape.slice(0, -1), "must have one number for each pair");
  const size = (x: Tensor) => x.square().sum(-1).add(1e-12);
  const cosine = first
    .mul(second)
    .sum(-1)
    .div(size(first).mul(size(second)).sqrt()) as Tensor;
  const together = target.eq(1).where(cosine.neg().add(1), 0);
  const apart = target.eq(-1).where(cosine.sub(margin).clamp(0), 0);
  return reduced(where, together.add(apart) as Tensor, options, ["margin"]);
}

/**
 * For distances of pairs: t d²/2 + (1 − t) max(0, margin − d)²/2, t = 1 where the pair belongs together, 0 where it does not.
 *
 * @param distances any shape, floating point
 * @param target 1 or 0, the same shape
 * @returns a scalar, or with `none` one loss a pair
 * @throws UserError `SHAPE` when the shapes differ
 * @example
 * const loss = contrastiveLoss(tensor([1, 0.5]), tensor([1, 0]), { reduction: "none" });
 * console.log(await loss.toArray()); // [ 0.5, 0.125 ]
 * Source: Hadsell, Chopra, LeCun 2006.
 */
export function contrastiveLoss(distances: Tensor, target: AnyTensor, options: MarginOptions = {}): Tensor {
  const where = "contrastiveLoss";
  const margin = checkNumber(where, "margin", options.margin ?? 1, { least: 0 });
  const t = matching(where, distances, target);
  const apart = distances.neg().add(margin).clamp(0).square();
  const losses = t.mul(distances.square()).add(t.neg().add(1).mul(apart)).mul(0.5) as Tensor;
  return reduced(where, losses, options, ["margin"]);
}

export interface InfoNceOptions extends LossOptions {
  /** What the similarities are divided by. Default 0.1. */
  readonly temperature?: number;
  /** Means the losses of both directions, as CLIP does. Default false. */
  readonly symmetric?: boolean;
}

/**
 * InfoNCE: row i of the queries must be most alike row i of the keys, among all keys: the cross-entropy of the cosine similarities
 * over a temperature.
 *
 * @param queries [samples, features], floating point
 * @param keys the same shape
 * @returns a scalar, or with `none` one loss a sample
 * @throws UserError `SHAPE` when the shapes do not fit, `OPTION` for a temperature that is not positive
 * @example
 * const loss = infoNce(queries, keys, { temperature: 0.07, symmetric: true });
 * Source: van den Oord, Li, Vinyals 2018, arXiv 1807.03748; both directions, Radford et al. 2021, arXiv 2103.00020.
 */
export function infoNce(queries: Tensor, keys: Tensor, options: InfoNceOptions = {}): Tensor {
  const where = "infoNce";
  requireFloat(where, queries);
  const temperature = checkNumber(where, "temperature", options.temperature ?? 0.1, { above: 0 });
  if (queries.rank !== 2 || !sameShape(queries.shape, keys.shape))
    throw mistake("SHAPE", {
      where,
      problem: "queries and keys do not fit",
      got: `queries ${showShape(queries.shape)} and keys ${showShape(keys.shape)}`,
      expected: "two of one shape [samples, features]",
    });
  const unit = (x: Tensor) =>
    x.div(
      x
        .square()
        .sum(normalizeAxis(where, -1, 2), { keepDimensions: true })
        .sqrt()
        .maximum(1e-8),
    ) as Tensor;
  const alike = unit(queries).matmul(unit(keys).transpose()).div(temperature) as Tensor;
  const samples = queries.shape[0] as number;
  const own = arange(samples).unsqueeze(1).eq(arange(samples));
  const right = own.where(alike, 0).sum(1);
  const oneWay = (axis: number) => alike.logSumExp(axis).sub(right) as Tensor;
  const losses = options.symmetric === true ? (oneWay(1).add(oneWay(0)).mul(0.5) as Tensor) : oneWay(1);
  return reduced(where, losses, options, ["temperature", "symmetric"]);
}
