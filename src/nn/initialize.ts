// First values of weights. An initializer is a function of a shape and a random key, so that a weight depends on the seed and its
// own name and on nothing that was drawn before it.

import type { Shape } from "../graph/shape.ts";
import { showShape } from "../graph/shape.ts";
import { full } from "../tensor/create.ts";
import * as random from "../tensor/nodes/random.ts";
import { type Tensor, wrap } from "../tensor/tensor.ts";
import { mistake } from "../util/errors.ts";
import { checkNumber } from "../util/options.ts";

/** Makes the first value of a parameter. `key` is uint32 [2]. */
export type Initializer = (shape: Shape, key: Tensor<"uint32">) => Tensor;

/** Inputs and outputs of one unit: [outputs, inputs, ...kernel]; a vector counts as inputs to one output. */
function fans(where: string, shape: Shape): { inputs: number; outputs: number } {
  if (shape.length === 0) throw mistake("SHAPE", { where, problem: "a scalar has no inputs and outputs", got: showShape(shape) });
  const [first, second = 1, ...kernel] = shape as readonly [number, ...number[]];
  const field = kernel.reduce((product, n) => product * n, 1);
  return shape.length === 1 ? { inputs: first, outputs: 1 } : { inputs: Math.max(1, second * field), outputs: Math.max(1, first * field) };
}

function streamOf(key: Tensor<"uint32">): random.Stream {
  const zero = full([], 0, { dtype: "uint32" }).node;
  const part = (i: number) => key.slice([i, i + 1]).reshape([]).node;
  return { key0: part(0), key1: part(1), low: zero, high: zero };
}

/**
 * Uniform numbers from `low` to `high`. Default −0.05 to 0.05.
 *
 * @throws UserError `OPTION` for limits that are not finite or not in order
 */
export function uniformInitializer({ low = -0.05, high = 0.05 }: { readonly low?: number; readonly high?: number } = {}): Initializer {
  checkNumber("uniformInitializer", "low", low);
  checkNumber("uniformInitializer", "high", high, { least: low });
  return (shape, key) => wrap(random.uniform(streamOf(key), shape, low, high));
}

/**
 * Normal numbers with mean and standard deviation. Default 0 and 0.05.
 *
 * @throws UserError `OPTION` for a negative or infinite deviation
 */
export function normalInitializer({ mean = 0, std = 0.05 }: { readonly mean?: number; readonly std?: number } = {}): Initializer {
  checkNumber("normalInitializer", "mean", mean);
  checkNumber("normalInitializer", "std", std, { least: 0 });
  return (shape, key) => wrap(random.normal(streamOf(key), shape, mean, std));
}

/** One number everywhere. */
export function constantInitializer(value: number): Initializer {
  checkNumber("constantInitializer", "value", value);
  return (shape) => full(shape, value);
}

/** Zeros. */
export const zerosInitializer: Initializer = (shape) => full(shape, 0);

/** Ones. */
export const onesInitializer: Initializer = (shape) => full(shape, 1);

type Spread = (fan: { inputs: number; outputs: number }) => number;

/** Uniform or normal with the variance that `spread` says. */
function scaled(where: string, kind: "uniform" | "normal", spread: Spread): Initializer {
  return (shape, key) => {
    const std = Math.sqrt(spread(fans(where, shape)));
    if (kind === "normal") return normalInitializer({ std })(shape, key);
    const limit = Math.sqrt(3) * std;
    return uniformInitializer({ low: -limit, high: limit })(shape, key);
  };
}

/**
 * Uniform with variance 2 / (inputs + outputs), for layers before tanh, sigmoid or softmax.
 * Source: Glorot and Bengio 2010.
 */
export function glorotUniform(): Initializer {
  return scaled("glorotUniform", "uniform", ({ inputs, outputs }) => 2 / (inputs + outputs));
}

/** Normal with variance 2 / (inputs + outputs). Source: Glorot and Bengio 2010. */
export function glorotNormal(): Initializer {
  return scaled("glorotNormal", "normal", ({ inputs, outputs }) => 2 / (inputs + outputs));
}

/**
 * Uniform with variance 2 / inputs, for layers before ReLU.
 * Source: He, Zhang, Ren, Sun 2015, arXiv 1502.01852.
 */
export function heUniform(): Initializer {
  return scaled("heUniform", "uniform", ({ inputs }) => 2 / inputs);
}

/** Normal with variance 2 / inputs, for layers before ReLU. Source: He, Zhang, Ren, Sun 2015, arXiv 1502.01852. */
export function heNormal(): Initializer {
  return scaled("heNormal", "normal", ({ inputs }) => 2 / inputs);
}

/** Normal with variance 1 / inputs, for self-normalising layers. Source: LeCun, Bottou, Orr, Müller 1998. */
export function lecunNormal(): Initializer {
  return scaled("lecunNormal", "normal", ({ inputs }) => 1 / inputs);
}

/** Uniform with variance 1 / inputs. Source: LeCun, Bottou, Orr, Müller 1998. */
export function lecunUniform(): Initializer {
  return scaled("lecunUniform", "uniform", ({ inputs }) => 1 / inputs);
}
