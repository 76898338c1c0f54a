// Normalising layers: the functions of tensor/norm.ts with their weights, and the running statistics of batch normalisation.

import { showShape } from "../graph/shape.ts";
import { ones, zeros } from "../tensor/create.ts";
import { batchNorm, groupNorm, instanceNorm, layerNorm, localResponseNorm, rmsNorm } from "../tensor/norm.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Variable, variable } from "../tensor/variable.ts";
import { mistake } from "../util/errors.ts";
import { checkNames, checkNumber } from "../util/options.ts";
import { onesInitializer, zerosInitializer } from "./initialize.ts";
import { Module } from "./module.ts";
import { type Parameter, parameter } from "./parameter.ts";

const weightOf = (shape: readonly number[], used: boolean): Parameter | null =>
  used ? parameter(shape, onesInitializer, { penalized: false }) : null;
const biasOf = (shape: readonly number[], used: boolean): Parameter | null =>
  used ? parameter(shape, zerosInitializer, { penalized: false }) : null;

export interface RunningNormOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
  /** The share of a batch in the running statistics; null for the mean of all batches so far. Default 0.1. */
  readonly momentum?: number | null;
  /** Whether each channel has a weight and a bias. */
  readonly affine?: boolean;
  /** Whether running statistics are kept; without them, evaluation normalises by the batch too. */
  readonly running?: boolean;
}

const runningNames = ["epsilon", "momentum", "affine", "running"];
const runningFiles: Readonly<Record<string, string>> = {
  runningMean: "running_mean",
  runningVariance: "running_var",
  batches: "num_batches_tracked",
};

/** What batch and instance normalisation share: weights, and statistics that training moves and evaluation uses. */
abstract class RunningNorm extends Module {
  readonly channels: number;
  readonly epsilon: number;
  readonly momentum: number | null;
  /** [channels], or null. Penalties leave it out. */
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  /** [channels], or null. */
  readonly runningMean: Variable | null;
  readonly runningVariance: Variable | null;
  /** How many batches the running statistics have seen. */
  readonly batches: Variable<"int32"> | null;

  constructor(where: string, channels: number, options: RunningNormOptions, affine: boolean, running: boolean) {
    super();
    checkNames(where, options, runningNames);
    this.channels = checkNumber(where, "channels", channels, { least: 1, integer: true });
    this.epsilon = checkNumber(where, "epsilon", options.epsilon ?? 1e-5, { least: 0 });
    const { momentum = 0.1 } = options;
    this.momentum = momentum === null ? null : checkNumber(where, "momentum", momentum, { least: 0, most: 1 });
    this.weight = weightOf([channels], options.affine ?? affine);
    this.bias = biasOf([channels], options.affine ?? affine);
    const kept = options.running ?? running;
    this.runningMean = kept ? variable(zeros([channels]), { name: "runningMean", trainable: false }) : null;
    this.runningVariance = kept ? variable(ones([channels]), { name: "runningVariance", trainable: false }) : null;
    this.batches = kept ? variable(zeros([], { dtype: "int32" }), { name: "batches", trainable: false }) : null;
  }

  override stateName(path: string): string {
    return runningFiles[path] ?? path;
  }

  protected check(x: Tensor, axes: readonly number[], expected: string): void {
    if (axes.includes(x.rank) && x.shape[1] === this.channels) return;
    throw mistake("SHAPE", {
      where: `${this.constructor.name}(${this.channels})`,
      problem: "the input has the wrong shape",
      got: showShape(x.shape),
      expected,
    });
  }

  /** Whether the input's own statistics count now; if so, they are about to be noted. */
  protected takesBatch(counts: boolean): boolean {
    if (!this.training) return this.runningMean === null;
    if (counts) this.batches?.assign(this.batches.add(1));
    return true;
  }

  protected settings(): Parameters<typeof batchNorm>[1] {
    const { weight, bias, epsilon, runningMean, runningVariance, momentum, batches } = this;
    const share = momentum ?? (batches === null ? 0 : (batches.cast("float32").reciprocal() as Tensor));
    return { weight, bias, epsilon, runningMean, runningVariance, momentum: share };
  }
}

/**
 * Batch normalisation (see `batchNorm`) with a running mean and variance for evaluation. In training each call moves them once.
 * State-dict names are PyTorch's: weight, bias, running_mean, running_var, num_batches_tracked.
 */
abstract class BatchNorm extends RunningNorm {
  protected abstract readonly ranks: readonly number[];

  forward(x: Tensor): Tensor {
    const places = ["", ", length", ", height, width", ", depth, height, width"];
    this.check(x, this.ranks, this.ranks.map((n) => `[batch, ${this.channels}${places[n - 2]}]`).join(" or "));
    const training = this.takesBatch(true);
    return batchNorm(x, { ...this.settings(), training });
  }
}

/**
 * Batch normalisation of [batch, channels] or [batch, channels, length]. See `batchNorm`.
 *
 * @example
 * const layer = new BatchNorm1d(64);
 */
export class BatchNorm1d extends BatchNorm {
  protected override readonly ranks: readonly number[] = [2, 3];
  constructor(channels: number, options: RunningNormOptions = {}) {
    super("BatchNorm1d", channels, options, true, true);
  }
}

/**
 * Batch normalisation of images, [batch, channels, height, width]. See `batchNorm`.
 *
 * @example
 * const layer = new BatchNorm2d(16);
 */
export class BatchNorm2d extends BatchNorm {
  protected override readonly ranks: readonly number[] = [4];
  constructor(channels: number, options: RunningNormOptions = {}) {
    super("BatchNorm2d", channels, options, true, true);
  }
}

/** Batch normalisation of [batch, channels, depth, height, width]. See `batchNorm`. */
export class BatchNorm3d extends BatchNorm {
  protected override readonly ranks: readonly number[] = [5];
  constructor(channels: number, options: RunningNormOptions = {}) {
    super("BatchNorm3d", channels, options, true, true);
  }
}

/**
 * Instance normalisation of [batch, channels, ...places] (see `instanceNorm`); as in PyTorch without weights and without running
 * statistics unless `affine` and `running` ask for them.
 *
 * @example
 * const layer = new InstanceNorm(16, { affine: true });
 */
export class InstanceNorm extends RunningNorm {
  constructor(channels: number, options: RunningNormOptions = {}) {
    super("InstanceNorm", channels, options, false, false);
  }

  forward(x: Tensor): Tensor {
    this.check(x, [3, 4, 5], `[batch, ${this.channels}, ...places]`);
    // PyTorch counts batches here only to have something under the name.
    const inputStatistics = this.takesBatch(this.momentum === null);
    return instanceNorm(x, { ...this.settings(), inputStatistics });
  }
}

export interface NormOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
  /** Whether there is a weight. Default true. */
  readonly weight?: boolean;
  /** Whether there is a bias, where there is a weight. Default true. */
  readonly bias?: boolean;
}

const normNames = ["epsilon", "weight", "bias"];

/**
 * Layer normalisation over the last axes. See `layerNorm`.
 *
 * @example
 * const layer = new LayerNorm(128);
 */
export class LayerNorm extends Module {
  readonly shape: readonly number[];
  readonly epsilon: number;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;

  /** @param shape sizes of the last axes; a number for one */
  constructor(shape: number | readonly number[], options: NormOptions = {}) {
    super();
    checkNames("LayerNorm", options, normNames);
    this.shape = typeof shape === "number" ? [shape] : shape;
    this.epsilon = options.epsilon ?? 1e-5;
    this.weight = weightOf(this.shape, options.weight !== false);
    this.bias = biasOf(this.shape, options.weight !== false && options.bias !== false);
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.shape, { weight: this.weight, bias: this.bias, epsilon: this.epsilon });
  }
}

/**
 * Root-mean-square normalisation over the last axes. See `rmsNorm`.
 *
 * @example
 * const layer = new RMSNorm(128);
 */
export class RMSNorm extends Module {
  readonly shape: readonly number[];
  readonly epsilon: number;
  readonly weight: Parameter | null;

  /** @param shape sizes of the last axes; a number for one */
  constructor(shape: number | readonly number[], options: Omit<NormOptions, "bias"> = {}) {
    super();
    checkNames("RMSNorm", options, ["epsilon", "weight"]);
    this.shape = typeof shape === "number" ? [shape] : shape;
    this.epsilon = options.epsilon ?? 2 ** -23;
    this.weight = weightOf(this.shape, options.weight !== false);
  }

  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.shape, { weight: this.weight, epsilon: this.epsilon });
  }
}

/**
 * Group normalisation of [batch, channels, ...]. See `groupNorm`.
 *
 * @example
 * const layer = new GroupNorm(8, 64);
 */
export class GroupNorm extends Module {
  readonly groups: number;
  readonly channels: number;
  readonly epsilon: number;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;

  /** @throws UserError `OPTION` where the groups do not divide the channels */
  constructor(groups: number, channels: number, options: NormOptions = {}) {
    super();
    checkNames("GroupNorm", options, normNames);
    this.groups = checkNumber("GroupNorm", "groups", groups, { least: 1, integer: true });
    this.channels = checkNumber("GroupNorm", "channels", channels, { least: 1, integer: true });
    if (channels % groups !== 0)
      throw mistake("OPTION", {
        where: "GroupNorm",
        problem: "the groups do not divide the channels",
        got: groups,
        expected: `a divisor of ${channels}`,
      });
    this.epsilon = options.epsilon ?? 1e-5;
    this.weight = weightOf([channels], options.weight !== false);
    this.bias = biasOf([channels], options.weight !== false && options.bias !== false);
  }

  forward(x: Tensor): Tensor {
    return groupNorm(x, this.groups, { weight: this.weight, bias: this.bias, epsilon: this.epsilon });
  }
}

/** Local response normalisation over neighbouring channels. See `localResponseNorm`. */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly options: NonNullable<Parameters<typeof localResponseNorm>[2]>;

  constructor(size: number, options: NonNullable<Parameters<typeof localResponseNorm>[2]> = {}) {
    super();
    this.size = checkNumber("LocalResponseNorm", "size", size, { least: 1, integer: true });
    checkNames("LocalResponseNorm", options, ["alpha", "beta", "k"]);
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return localResponseNorm(x, this.size, this.options);
  }
}
