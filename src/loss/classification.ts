// Losses for classes. Those that start from logits (the scores before softmax or sigmoid) neither overflow nor lose digits;
// those that start from probabilities or their logarithms say so in their names.

import { isFloat } from "../graph/dtype.ts";
import { broadcastShapes, normalizeAxis, sameShape, showShape } from "../graph/shape.ts";
import { where as select } from "../tensor/elementwise.ts";
import { oneHot } from "../tensor/nodes/index.ts";
import { type Tensor, wrap } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";
import { checkNumber } from "../util/options.ts";
import { checkedValues } from "./check.ts";
import { checkOptions, type LossOptions, matching, reduced, requireFloat, requireShape, requireTensor } from "./reduction.ts";

export interface ClassOptions extends LossOptions {
  /** The axis of the classes. Default the last; PyTorch's is 1. */
  readonly axis?: number;
  /** A weight for each class, [classes]. With class indices, `mean` then divides by the sum of the samples' weights. */
  readonly weights?: Tensor;
  /** Samples of this class index count nothing. Default none; PyTorch's is −100. */
  readonly ignoreIndex?: number;
}

export interface CrossEntropyOptions extends ClassOptions {
  /** The share of each target that is spread evenly over all classes, from 0 to 1. Default 0. */
  readonly labelSmoothing?: number;
}

/** Scores with the classes last, their number, and the shape of the samples. */
interface Scores {
  readonly rows: Tensor;
  readonly classes: number;
  readonly samples: readonly number[];
  readonly axis: number;
}

function scoresOf(where: string, name: string, scores: Tensor, axis: number | undefined): Scores {
  requireFloat(where, scores);
  if (scores.rank === 0)
    throw mistake("SHAPE", { where, problem: `${name} have no axis of classes`, got: `${name} []`, expected: `${name} [..., classes]` });
  const a = normalizeAxis(where, axis ?? -1, scores.rank);
  const rows = a === scores.rank - 1 ? scores : toLast(scores, a);
  return { rows, classes: scores.shape[a] as number, samples: scores.shape.filter((_, i) => i !== a), axis: a };
}

/** The same tensor with an axis moved to the end. */
function toLast(x: Tensor, axis: number): Tensor {
  return x.permute([...x.shape.keys()].filter((i) => i !== axis).concat(axis));
}

function classWeights(where: string, weights: Tensor | undefined, classes: number): Tensor | null {
  if (weights === undefined) return null;
  requireShape(where, "weights", weights, [classes], "must have one number for each class");
  return weights;
}

interface Chosen {
  /** Where each sample's class is, [..., classes]. */
  readonly hot: Tensor<"bool">;
  /** The samples that count, or null for all. */
  readonly counted: Tensor<"bool"> | null;
}

function choose(where: string, target: AnyTensor, classes: number, ignore: number | undefined): Chosen {
  const indices = target.cast("int32") as Tensor<"int32">;
  const hotOf = (at: Tensor<"int32">): Tensor<"bool"> => wrap(oneHot(at.node, classes, "bool", `${where}: a target is no class`));
  if (ignore === undefined) return { hot: hotOf(indices), counted: null };
  checkNumber(where, "ignoreIndex", ignore, { integer: true });
  const counted = indices.ne(ignore);
  return { hot: hotOf(select(counted, indices, 0) as Tensor<"int32">), counted };
}

const zeroUnless = (test: Tensor<"bool"> | null, x: Tensor): Tensor => (test === null ? x : (test.where(x, 0) as Tensor));

/** Sums up losses of class indices: `mean` divides by the weights of the samples that count. */
function weighted(where: string, losses: Tensor, chosen: Chosen, weights: Tensor | null, options: LossOptions, names: readonly string[]) {
  checkOptions(where, options, names);
  const { reduction = "mean" } = options;
  if (reduction === "none") return losses;
  if (reduction === "sum") return losses.sum();
  if (weights === null && chosen.counted === null) return losses.mean();
  return losses.sum().div(weightOf(chosen, weights, losses).sum()) as Tensor;
}

/** Each sample's weight; 0 for those that do not count. */
function weightOf({ hot, counted }: Chosen, weights: Tensor | null, like: Tensor): Tensor {
  const own = weights === null ? null : (hot.where(weights, 0).sum(-1) as Tensor);
  if (own !== null) return zeroUnless(counted, own);
  return (counted as Tensor<"bool">).cast(like.dtype) as Tensor;
}

const classNames = ["axis", "weights", "ignoreIndex"];

/**
 * The cross-entropy of softmax(logits) against a class: −Σ t log softmax(x) = log Σ e^xⱼ − Σ tⱼ xⱼ.
 *
 * @param logits [..., classes], floating point
 * @param target class indices [...] (int32 or uint8), or a distribution over the classes, such as one-hot, [..., classes]
 *   (floating point or bool)
 * @param options `axis` of the classes, class `weights`, `ignoreIndex`, `labelSmoothing`, and `reduction`: `mean` over samples
 *   (default), `sum` or `none`
 * @returns a scalar, or with `none` one loss a sample, [...]
 * @throws UserError `SHAPE` when the shapes do not fit; `RANGE`, at the latest on reading, for an index that is no class
 * @example
 * const logits = tensor([[2, 0, 0], [0, 0, 3]]);
 * const loss = crossEntropy(logits, tensor([0, 2], { dtype: "int32" }));
 * console.log((await loss.item()).toFixed(4)); // 0.1672
 * Source: label smoothing, Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2016, arXiv 1512.00567.
 */
export function crossEntropy(logits: Tensor, target: AnyTensor, options: CrossEntropyOptions = {}): Tensor {
  const where = "crossEntropy";
  const names = [...classNames, "labelSmoothing"];
  const { rows, classes, samples, axis } = scoresOf(where, "logits", logits, options.axis);
  const smoothing = checkNumber(where, "labelSmoothing", options.labelSmoothing ?? 0, { least: 0, most: 1 });
  const weights = classWeights(where, options.weights, classes);
  requireTensor(where, "the target", target);
  const isDistribution = isFloat(target.dtype) || target.dtype === "bool";
  if (!sameShape(target.shape, isDistribution ? logits.shape : samples)) {
    const meaning = isDistribution ? `a distribution over classes (${target.dtype})` : `class indices (${target.dtype})`;
    throw mistake("SHAPE", {
      where,
      problem: "logits and target do not fit",
      got: `logits ${showShape(logits.shape)} and target ${showShape(target.shape)}, ${meaning}`,
      expected: `class indices ${showShape(samples)} or a distribution ${showShape(logits.shape)}`,
      ...(isDistribution && sameShape(target.shape, samples)
        ? { advice: 'Class indices are whole numbers: cast them, cast("int32").' }
        : {}),
    });
  }
  if (isDistribution) {
    const given = target.cast(logits.dtype) as Tensor;
    const shares = axis === logits.rank - 1 ? given : toLast(given, axis);
    const smooth = smoothing === 0 ? shares : shares.mul(1 - smoothing).add(smoothing / classes);
    const parts = weights === null ? smooth : smooth.mul(weights);
    // A distribution sums to one, so the normaliser counts as often as the weights say.
    return reduced(where, rows.logSumExp(-1).mul(parts.sum(-1)).sub(rows.mul(parts).sum(-1)) as Tensor, options, names);
  }
  const chosen = choose(where, target, classes, options.ignoreIndex);
  const normaliser = rows.logSumExp(-1);
  const plain = normaliser.sub(chosen.hot.where(rows, 0).sum(-1)) as Tensor;
  const own = weights === null ? null : (chosen.hot.where(weights, 0).sum(-1) as Tensor);
  let losses = own === null ? plain : (plain.mul(own) as Tensor);
  if (smoothing > 0) {
    const parts = weights ?? null;
    const even = parts === null ? normaliser.mul(classes).sub(rows.sum(-1)) : normaliser.mul(parts.sum()).sub(rows.mul(parts).sum(-1));
    losses = losses.mul(1 - smoothing).add(even.mul(smoothing / classes)) as Tensor;
  }
  return weighted(where, zeroUnless(chosen.counted, losses), chosen, weights, options, names);
}

/**
 * The negative log-likelihood of classes, −log p at each sample's class, from logarithms of probabilities, such as `logSoftmax`
 * gives. `crossEntropy` does both at once.
 *
 * @param logProbabilities [..., classes], floating point
 * @param target class indices, [...] (int32 or uint8)
 * @param options `axis` of the classes, class `weights`, `ignoreIndex`, and `reduction`
 * @returns a scalar, or with `none` one loss a sample, [...]
 * @throws UserError `SHAPE` when the shapes do not fit; `RANGE`, at the latest on reading, for an index that is no class
 * @example
 * const loss = negativeLogLikelihood(tensor([[-0.5, -1]]), tensor([1], { dtype: "int32" }));
 * console.log(await loss.item()); // 1
 */
export function negativeLogLikelihood(logProbabilities: Tensor, target: AnyTensor, options: ClassOptions = {}): Tensor {
  const where = "negativeLogLikelihood";
  const { rows, classes, samples } = scoresOf(where, "logProbabilities", logProbabilities, options.axis);
  const weights = classWeights(where, options.weights, classes);
  requireIndices(where, target, samples, "must have one class index for each sample");
  const chosen = choose(where, target, classes, options.ignoreIndex);
  const scaled = weights === null ? rows : rows.mul(weights);
  const losses = zeroUnless(chosen.counted, chosen.hot.where(scaled, 0).sum(-1).neg() as Tensor);
  return weighted(where, losses, chosen, weights, options, classNames);
}

function requireIndices(where: string, target: AnyTensor, shape: readonly number[], why: string): void {
  requireShape(where, "target", target, shape, why);
  if (target.dtype !== "int32" && target.dtype !== "uint8")
    throw mistake("DTYPE", { where, problem: "target must hold class indices", got: `target ${target.dtype}`, expected: "int32 or uint8" });
}

export interface BinaryOptions extends LossOptions {
  /** A weight for each element; it broadcasts to the prediction. */
  readonly weights?: Tensor;
}

/** Losses times weights that broadcast to them. */
function weigh(where: string, losses: Tensor, weights: Tensor | undefined, name = "weights"): Tensor {
  if (weights === undefined) return losses;
  requireBroadcast(where, losses, weights, name);
  return losses.mul(weights) as Tensor;
}

function requireBroadcast(where: string, prediction: AnyTensor, weights: AnyTensor, name: string): void {
  if (weights.rank > prediction.rank || !sameShape(broadcastShapes(where, prediction.shape, weights.shape), prediction.shape))
    throw mistake("SHAPE", {
      where,
      problem: `${name} do not broadcast to the prediction`,
      got: `${name} ${showShape(weights.shape)}`,
      expected: `what broadcasts to ${showShape(prediction.shape)}`,
    });
}

export interface BinaryCrossEntropyOptions extends BinaryOptions {
  /** A weight of the targets that are 1, for example for each class; it broadcasts to the prediction. */
  readonly positiveWeights?: Tensor;
}

/**
 * The cross-entropy of sigmoid(logits) against 0 or 1: log(1 + eˣ) − t·x = max(x, 0) − t·x + log(1 + e^−|x|).
 *
 * @param logits any shape, floating point
 * @param target the same shape: 0, 1, or a probability between
 * @param options `weights`, `positiveWeights`, and `reduction`: `mean` over all elements (default), `sum` or `none`
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes differ: nothing is broadcast
 * @example
 * const loss = binaryCrossEntropy(tensor([0, 200]), tensor([1, 1]), { reduction: "none" });
 * console.log(await loss.toArray()); // [ 0.6931471824645996, 0 ]
 */
export function binaryCrossEntropy(logits: Tensor, target: AnyTensor, options: BinaryCrossEntropyOptions = {}): Tensor {
  const where = "binaryCrossEntropy";
  const { weights, positiveWeights } = options;
  const t = matching(where, logits, target);
  // Summed in this order, a small loss keeps its digits; and at 0 the two halves of the gradient are of one side.
  const right = logits.ge(0);
  const tail = right.where(logits.neg(), logits).exp().log1p();
  let losses: Tensor;
  if (positiveWeights === undefined) losses = right.where(logits, 0).sub(logits.mul(t)).add(tail) as Tensor;
  else {
    requireBroadcast(where, logits, positiveWeights, "positiveWeights");
    // (1 − t)·x + (1 + (w − 1)·t) · log(1 + e⁻ˣ).
    const factor = positiveWeights.sub(1).mul(t).add(1);
    const positive = right.where(0, logits.neg()).add(tail);
    losses = logits.sub(logits.mul(t)).add(factor.mul(positive)) as Tensor;
  }
  return reduced(where, weigh(where, losses, weights), options, ["weights", "positiveWeights"]);
}

/**
 * The cross-entropy of probabilities against 0 or 1: −t log p − (1 − t) log(1 − p), each logarithm at least −100. From logits,
 * `binaryCrossEntropy` is more accurate.
 *
 * @param probabilities any shape, floating point, from 0 to 1
 * @param target the same shape: 0, 1, or a probability between
 * @param options `weights`, and `reduction`: `mean` over all elements (default), `sum` or `none`
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes differ; `RANGE`, at the latest on reading, for a probability or a target outside 0 to 1
 * @example
 * const loss = binaryCrossEntropyOfProbabilities(tensor([0.5]), tensor([1]));
 * console.log((await loss.item()).toFixed(4)); // 0.6931
 */
export function binaryCrossEntropyOfProbabilities(probabilities: Tensor, target: AnyTensor, options: BinaryOptions = {}): Tensor {
  const where = "binaryCrossEntropyOfProbabilities";
  const t = checkedValues(matching(where, probabilities, target), 0, 1, `${where}: a target is outside 0 to 1 (here rounded outwards)`);
  const p = checkedValues(probabilities, 0, 1, `${where}: a probability is outside 0 to 1 (here rounded outwards)`);
  // At 0 the logarithm is −100 with PyTorch's slope, 1e12.
  const logarithm = (x: Tensor) => {
    const positive = x.gt(0);
    return positive.where((positive.where(x, 1) as Tensor).log().maximum(-100), x.mul(1e12).sub(100)) as Tensor;
  };
  const [yes, no] = [logarithm(p), logarithm(p.neg().add(1) as Tensor)];
  const losses = t.sub(1).mul(no).sub(t.mul(yes)) as Tensor;
  return reduced(where, weigh(where, losses, options.weights), options, ["weights"]);
}

export interface FocalOptions extends LossOptions {
  /** How much easy elements count less. Default 2. */
  readonly gamma?: number;
  /** Weight of the targets that are 1, those that are 0 get 1 − α; null for none. Default 0.25. */
  readonly alpha?: number | null;
}

/**
 * The focal loss, α (1 − p)^γ times the binary cross-entropy, with p the probability of what is right: where few things are to
 * be found among many.
 *
 * @param logits any shape, floating point
 * @param target the same shape: 0 or 1
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes differ, `OPTION` for a negative gamma or an alpha outside 0 to 1
 * @example
 * const loss = focalLoss(tensor([0, 4]), tensor([1, 1]), { reduction: "none" });
 * Source: Lin, Goyal, Girshick, He, Dollár 2017, arXiv 1708.02002.
 */
export function focalLoss(logits: Tensor, target: AnyTensor, options: FocalOptions = {}): Tensor {
  const where = "focalLoss";
  const gamma = checkNumber(where, "gamma", options.gamma ?? 2, { least: 0 });
  const { alpha = 0.25 } = options;
  if (alpha !== null) checkNumber(where, "alpha", alpha, { least: 0, most: 1 });
  const t = matching(where, logits, target);
  const p = logits.sigmoid();
  // 1 − p of what is right: 1 − p where t = 1, p where t = 0.
  const wrong = p.add(t).sub(p.mul(t).mul(2)) as Tensor;
  let losses = binaryCrossEntropy(logits, t, { reduction: "none" }).mul(wrong.pow(gamma)) as Tensor;
  if (alpha !== null) losses = losses.mul(t.mul(2 * alpha - 1).add(1 - alpha)) as Tensor;
  return reduced(where, losses, options, ["gamma", "alpha"]);
}

/**
 * Kullback and Leibler's divergence of a target distribution from a predicted one: t (log t − x), where t = 0 it is 0.
 *
 * @param logProbabilities logarithms of the predicted probabilities, any shape, floating point
 * @param target probabilities of the same shape, or with `logTarget` their logarithms
 * @param options `logTarget`, and `reduction`: `mean` over all elements (default), `batchMean` over the first axis (the
 *   divergence itself), `sum` or `none`
 * @returns a scalar, or with `none` one summand an element
 * @throws UserError `SHAPE` when the shapes differ
 * @example
 * const loss = klDivergence(tensor([[0.5, 0.5]]).log(), tensor([[1, 0]]), { reduction: "batchMean" });
 * console.log((await loss.item()).toFixed(4)); // 0.6931
 */
export function klDivergence(
  logProbabilities: Tensor,
  target: AnyTensor,
  options: { readonly logTarget?: boolean; readonly reduction?: "mean" | "batchMean" | "sum" | "none" } = {},
): Tensor {
  const where = "klDivergence";
  const t = matching(where, logProbabilities, target);
  const positive = t.gt(0);
  const losses = (
    options.logTarget === true
      ? t.exp().mul(t.sub(logProbabilities))
      : select(positive, t.mul(select(positive, t, 1).log()), 0).sub(t.mul(logProbabilities))
  ) as Tensor;
  const { reduction, ...others } = options;
  if (reduction !== "batchMean") return reduced(where, losses, options as LossOptions, ["logTarget"]);
  const sum = reduced(where, losses, { ...others, reduction: "sum" }, ["logTarget"]);
  return sum.div(Math.max(1, logProbabilities.shape[0] ?? 1)) as Tensor;
}
