// Normalisations: a mean is subtracted, and what is left divided by its root mean square, over axes that differ from one kind to the
// next. Variances are computed from differences, in two passes.

import { isFloat } from "../graph/dtype.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import { mistake } from "../util/errors.ts";
import { checkNames, checkNumber } from "../util/options.ts";
import type { Tensor } from "./tensor.ts";
import type { AnyTensor } from "./types.ts";
import { assignAll, Variable } from "./variable.ts";

export interface ScaleOptions {
  /** What the normalised values are multiplied by. Default nothing. */
  readonly weight?: Tensor | null;
  /** What is added then. Default nothing. */
  readonly bias?: Tensor | null;
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
}

function requireFloat(where: string, x: AnyTensor): void {
  if (!isFloat(x.dtype))
    throw mistake("DTYPE", {
      where,
      problem: "x must be floating point",
      got: `x ${x.dtype}`,
      expected: "float32",
      advice: 'Cast it first: x.cast("float32").',
    });
}

function requireRank(where: string, x: AnyTensor, least: number, expected: string): void {
  if (x.rank < least) throw mistake("SHAPE", { where, problem: "x has too few axes", got: `x ${showShape(x.shape)}`, expected });
}

function requireFit(where: string, name: string, t: AnyTensor | null | undefined, shape: readonly number[]): void {
  if (t != null && !sameShape(t.shape, shape))
    throw mistake("SHAPE", { where, problem: `${name} does not fit x`, got: `${name} ${showShape(t.shape)}`, expected: showShape(shape) });
}

/** A row of one number for each channel, along axis 1 of a tensor of some rank. */
function perChannel(row: AnyTensor, rank: number): Tensor {
  return row.reshape([row.size, ...new Array<number>(Math.max(0, rank - 2)).fill(1)]) as Tensor;
}

function scaled(x: Tensor, weight: Tensor | null | undefined, bias: Tensor | null | undefined): Tensor {
  const product = weight == null ? x : (x.mul(weight) as Tensor);
  return bias == null ? product : (product.add(bias) as Tensor);
}

/** Mean and variance over some axes, which stay with size 1, and x − mean. */
function moments(x: Tensor, axes: readonly number[]): { centred: Tensor; mean: Tensor; variance: Tensor } {
  const mean = x.mean(axes, { keepDimensions: true });
  const centred = x.sub(mean) as Tensor;
  return { centred, mean, variance: centred.square().mean(axes, { keepDimensions: true }) as Tensor };
}

/** (x − mean) / √(variance + ε) over some axes, and both moments with the axes kept. */
function standardised(x: Tensor, axes: readonly number[], epsilon: number): { y: Tensor; mean: Tensor; variance: Tensor } {
  const { centred, mean, variance } = moments(x, axes);
  return { y: centred.div(variance.add(epsilon).sqrt()) as Tensor, mean, variance };
}

const product = (sizes: readonly number[]): number => sizes.reduce((n, m) => n * m, 1);

export interface RunningOptions extends ScaleOptions {
  /** [channels]; a `Variable` is brought up to date when batch statistics are used. */
  readonly runningMean?: Tensor | null;
  /** [channels]; a `Variable` is brought up to date, with the unbiased variance, when batch statistics are used. */
  readonly runningVariance?: Tensor | null;
  /** The weight of the new statistics in the running ones, a number or a scalar. Default 0.1. */
  readonly momentum?: number | Tensor;
}

export interface BatchNormOptions extends RunningOptions {
  /** Normalises by the batch's own statistics and updates the running ones; else by the running ones. Default false. */
  readonly training?: boolean;
}

const scaleNames = ["weight", "bias", "epsilon"];
const runningNames = [...scaleNames, "runningMean", "runningVariance", "momentum"];

/** Moves running statistics towards new ones, as one program. */
function update(where: string, options: RunningOptions, mean: Tensor, variance: Tensor): void {
  const { momentum = 0.1 } = options;
  if (typeof momentum === "number") checkNumber(where, "momentum", momentum);
  const list: Variable[] = [];
  const values: Tensor[] = [];
  for (const [old, now] of [
    [options.runningMean, mean],
    [options.runningVariance, variance],
  ] as const) {
    if (!(old instanceof Variable)) continue;
    list.push(old);
    values.push(
      old.mul(typeof momentum === "number" ? 1 - momentum : momentum.neg().add(1)).add(now.stopGradient().mul(momentum)) as Tensor,
    );
  }
  if (list.length > 0) assignAll(list, values);
}

/** By fixed statistics of each channel. */
function byRunning(where: string, x: Tensor, options: RunningOptions, epsilon: number): Tensor {
  const { runningMean, runningVariance, weight, bias } = options;
  if (runningMean == null || runningVariance == null)
    throw mistake("OPTION", {
      where,
      problem: "without batch statistics runningMean and runningVariance are needed",
      got: "none",
      expected: `two of ${showShape([x.shape[1] as number])}`,
    });
  const at = (row: AnyTensor) => perChannel(row, x.rank);
  // The division is done on the channels, so that one multiplication and one addition an element are left.
  const scale = runningVariance.add(epsilon).sqrt().reciprocal();
  const factor = weight == null ? scale : scale.mul(weight);
  const y = x.sub(at(runningMean)).mul(at(factor)) as Tensor;
  return bias == null ? y : (y.add(at(bias)) as Tensor);
}

function checkChannels(where: string, x: Tensor, options: RunningOptions): void {
  const channels = [x.shape[1] as number];
  for (const name of ["runningMean", "runningVariance", "weight", "bias"] as const) requireFit(where, name, options[name], channels);
}

/**
 * Batch normalisation: each channel (axis 1) minus its mean, divided by √(variance + ε), over the batch and all places; times a
 * weight plus a bias for each channel.
 *
 * @param x [batch, channels, ...], float32
 * @param options `training` takes the batch's statistics and updates running ones that are variables (the variance with n − 1);
 *   else the running ones are taken
 * @returns the shape of x
 * @throws UserError `SHAPE` where statistics, weight or bias do not have one number a channel, or a channel has a single value
 * @example
 * batchNorm(tensor([[1, 2], [3, 6]]), { training: true, epsilon: 0 });   // [[-1, -1], [1, 1]]
 * Source: Ioffe and Szegedy 2015, arXiv 1502.03167.
 */
export function batchNorm(x: Tensor, options: BatchNormOptions = {}): Tensor {
  const where = "batchNorm";
  checkNames(where, options, [...runningNames, "training"]);
  requireFloat(where, x);
  if (x.size === 0) return x;
  requireRank(where, x, 2, "[batch, channels, ...]");
  checkChannels(where, x, options);
  const { weight, bias } = options;
  const epsilon = checkNumber(where, "epsilon", options.epsilon ?? 1e-5, { least: 0 });
  if (options.training !== true) return byRunning(where, x, options, epsilon);
  const [batch, , ...places] = x.shape as readonly [number, number, ...number[]];
  const count = batch * product(places);
  if (count <= 1)
    throw mistake("SHAPE", {
      where,
      problem: "a batch's statistics need more than one value for each channel",
      got: `x ${showShape(x.shape)}`,
      expected: "a larger batch, or evaluation mode",
    });
  const { y, mean, variance } = standardised(x, [0, ...places.map((_, i) => i + 2)], epsilon);
  const row = (t: Tensor) => t.reshape([t.size]);
  update(where, options, row(mean), row(variance).mul(count / (count - 1)) as Tensor);
  const at = (t: Tensor | null | undefined) => (t == null ? t : perChannel(t, x.rank));
  return scaled(y, at(weight), at(bias));
}

export interface InstanceNormOptions extends RunningOptions {
  /** Normalises by each sample's own statistics (and updates the running ones); else by the running ones. Default true. */
  readonly inputStatistics?: boolean;
}

/**
 * Instance normalisation: like `batchNorm`, with the statistics of each sample alone.
 *
 * @param x [batch, channels, ...places], float32
 * @returns the shape of x
 * @throws UserError `SHAPE` where statistics, weight or bias do not have one number a channel, or there is a single place
 * @example
 * instanceNorm(tensor([[[1, 3]]]), { epsilon: 0 });   // [[[-1, 1]]]
 * Source: Ulyanov, Vedaldi, Lempitsky 2016, arXiv 1607.08022.
 */
export function instanceNorm(x: Tensor, options: InstanceNormOptions = {}): Tensor {
  const where = "instanceNorm";
  checkNames(where, options, [...runningNames, "inputStatistics"]);
  requireFloat(where, x);
  requireRank(where, x, 2, "[batch, channels, ...places]");
  checkChannels(where, x, options);
  const { epsilon = 1e-5, weight, bias } = options;
  if (options.inputStatistics === false) return byRunning(where, x, options, epsilon);
  const places = x.shape.slice(2);
  const count = product(places);
  if (count <= 1 && x.size > 0)
    throw mistake("SHAPE", {
      where,
      problem: "a sample's statistics need more than one place",
      got: `x ${showShape(x.shape)}`,
      expected: "[batch, channels, ...places] with several places",
    });
  if (x.size === 0) return x;
  const { y, mean, variance } = standardised(
    x,
    places.map((_, i) => i + 2),
    epsilon,
  );
  const overBatch = (t: Tensor) => t.reshape(x.shape.slice(0, 2)).mean(0) as Tensor;
  update(where, options, overBatch(mean), overBatch(variance.mul(count / (count - 1)) as Tensor));
  const at = (t: Tensor | null | undefined) => (t == null ? t : perChannel(t, x.rank));
  return scaled(y, at(weight), at(bias));
}

/** The last axes of x, which must have a given shape. */
function lastAxes(where: string, x: Tensor, shape: number | readonly number[]): { axes: number[]; sizes: readonly number[] } {
  const sizes = typeof shape === "number" ? [shape] : shape;
  if (!Array.isArray(sizes) || sizes.length === 0)
    throw mistake("OPTION", {
      where,
      problem: "the normalised shape names no axis",
      got: `shape ${showShape(sizes)}`,
      expected: "at least one size",
    });
  if (sizes.length > x.rank || !sameShape(x.shape.slice(x.rank - sizes.length), sizes))
    throw mistake("SHAPE", {
      where,
      problem: "the last axes of x are not the normalised shape",
      got: `x ${showShape(x.shape)}`,
      expected: `[...,${sizes.join(",")}]`,
    });
  return { axes: sizes.map((_, i) => x.rank - sizes.length + i), sizes };
}

/**
 * Layer normalisation: the last axes minus their mean, divided by √(variance + ε), times a weight plus a bias for each element.
 *
 * @param x [..., ...shape], float32
 * @param shape sizes of the last axes; a number for one
 * @param options `weight` and `bias` of that shape, `epsilon` (default 1e-5)
 * @returns the shape of x
 * @throws UserError `SHAPE` where the last axes, the weight or the bias do not have the shape
 * @example
 * layerNorm(tensor([[1, 3], [2, 8]]), 2, { epsilon: 0 });   // [[-1, 1], [-1, 1]]
 * Source: Ba, Kiros, Hinton 2016, arXiv 1607.06450.
 */
export function layerNorm(x: Tensor, shape: number | readonly number[], options: ScaleOptions = {}): Tensor {
  const where = "layerNorm";
  checkNames(where, options, scaleNames);
  requireFloat(where, x);
  const { axes, sizes } = lastAxes(where, x, shape);
  requireFit(where, "weight", options.weight, sizes);
  requireFit(where, "bias", options.bias, sizes);
  if (x.size === 0) return x;
  const { centred, variance } = moments(x, axes);
  // One division a row: products for its elements keep up with memory.
  return scaled(centred.mul(variance.add(options.epsilon ?? 1e-5).rsqrt()) as Tensor, options.weight, options.bias);
}

/**
 * Root-mean-square normalisation: x / √(mean x² + ε) over the last axes, times a weight.
 *
 * @param x [..., ...shape], float32
 * @param shape sizes of the last axes; a number for one
 * @param options `weight` of that shape, `epsilon` (default 2⁻²³, float32's own)
 * @returns the shape of x
 * @throws UserError `SHAPE` where the last axes or the weight do not have the shape
 * @example
 * rmsNorm(tensor([[2, 2], [0, -3]]), 2, { epsilon: 0, weight: tensor([1, 2]) });   // [[1, 2], [0, -2.8284271]]
 * Source: Zhang and Sennrich 2019, arXiv 1910.07467.
 */
export function rmsNorm(
  x: Tensor,
  shape: number | readonly number[],
  options: { readonly weight?: Tensor | null; readonly epsilon?: number } = {},
): Tensor {
  const where = "rmsNorm";
  checkNames(where, options, ["weight", "epsilon"]);
  requireFloat(where, x);
  const { axes, sizes } = lastAxes(where, x, shape);
  requireFit(where, "weight", options.weight, sizes);
  if (x.size === 0) return x;
  const size = x
    .square()
    .mean(axes, { keepDimensions: true })
    .add(options.epsilon ?? 2 ** -23)
    .sqrt();
  return scaled(x.div(size) as Tensor, options.weight, null);
}

/**
 * Group normalisation: the channels (axis 1) in groups, each minus its mean over its channels and all places, divided by
 * √(variance + ε); times a weight plus a bias for each channel.
 *
 * @param x [batch, channels, ...], float32
 * @param groups how many; divides the channels
 * @param options `weight` and `bias` [channels], `epsilon` (default 1e-5)
 * @returns the shape of x
 * @throws UserError `SHAPE` where the groups do not divide the channels, or weight or bias do not fit
 * @example
 * groupNorm(tensor([[1, 3, 5, 9]]), 2, { epsilon: 0 });   // [[-1, 1, -1, 1]]
 * Source: Wu and He 2018, arXiv 1803.08494.
 */
export function groupNorm(x: Tensor, groups: number, options: ScaleOptions = {}): Tensor {
  const where = "groupNorm";
  checkNames(where, options, scaleNames);
  requireFloat(where, x);
  requireRank(where, x, 2, "[batch, channels, ...]");
  const [batch, channels] = x.shape as readonly [number, number];
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw mistake("SHAPE", {
      where,
      problem: "the groups do not divide the channels",
      got: `${groups} groups for x ${showShape(x.shape)}`,
      expected: `a number that divides ${channels}`,
    });
  requireFit(where, "weight", options.weight, [channels]);
  requireFit(where, "bias", options.bias, [channels]);
  if (x.size === 0) return x;
  const rows = x.reshape([batch, groups, x.size / (batch * groups)]);
  const y = standardised(rows, [2], options.epsilon ?? 1e-5).y.reshape(x.shape);
  const at = (t: Tensor | null | undefined) => (t == null ? t : perChannel(t, x.rank));
  return scaled(y, at(options.weight), at(options.bias));
}

export interface LocalResponseOptions {
  /** Default 1e-4. */
  readonly alpha?: number;
  /** Default 0.75. */
  readonly beta?: number;
  /** Default 1. */
  readonly k?: number;
}

/**
 * Local response normalisation: x / (k + α · mean of x² over `size` neighbouring channels)^β; beyond the channels are zeros.
 *
 * @param x [batch, channels, ...places], float32
 * @param size how many channels, ⌊size/2⌋ of them before
 * @returns the shape of x
 * @throws UserError `SHAPE` for fewer than three axes, `OPTION` for a size that is no positive integer
 * @example
 * localResponseNorm(tensor([[[1], [2]]]), 1, { alpha: 1, beta: 1 });   // [[[0.5], [0.4]]]
 * Source: Krizhevsky, Sutskever, Hinton 2012.
 */
export function localResponseNorm(x: Tensor, size: number, options: LocalResponseOptions = {}): Tensor {
  const where = "localResponseNorm";
  checkNames(where, options, ["alpha", "beta", "k"]);
  requireFloat(where, x);
  checkNumber(where, "size", size, { least: 1, integer: true });
  requireRank(where, x, 3, "[batch, channels, ...places]");
  if (x.size === 0) return x;
  const { alpha = 1e-4, beta = 0.75, k = 1 } = options;
  const channels = x.shape[1] as number;
  const widths = x.shape.map((_, i) => (i === 1 ? ([Math.floor(size / 2), Math.floor((size - 1) / 2)] as const) : ([0, 0] as const)));
  const squares = x.square().pad(widths);
  const windows = Array.from({ length: size }, (_, i) => squares.slice(null, [i, i + channels]));
  const sum = windows.reduce((total, window) => total.add(window) as Tensor);
  return x.div(
    sum
      .mul(alpha / size)
      .add(k)
      .pow(beta),
  ) as Tensor;
}
