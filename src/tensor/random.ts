// Random tensors from counters: a draw is a function of a key and a position, so it is the same on every device, and reading
// it twice gives the same numbers. The generator is a variable that holds the key and where to go on; inside a compiled
// function it advances as part of the program, and a checkpoint that holds it goes on with the same numbers.

import { context } from "../engine/context.ts";
import { hostOf } from "../engine/memory.ts";
import { argSort } from "../graph/build.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import { Storage } from "../graph/storage.ts";
import { mistake } from "../util/errors.ts";
import { checkNames } from "../util/options.ts";
import { threefry2x32 } from "../util/threefry.ts";
import { checkShape } from "./nodes/move.ts";
import { nodeOf } from "./nodes/operands.ts";
import * as nodes from "./nodes/random.ts";
import { type Tensor, unwrap, wrap } from "./tensor.ts";
import { type Variable, variable } from "./variable.ts";

/** Two words of a key, as `fold` gives them. */
export type Key = readonly [number, number];

export interface RandomOptions {
  /** Makes the draw a function of this alone, and leaves the generator where it is. */
  readonly seed?: number | Key;
  /** Default the one that `seed` sets. */
  readonly generator?: Generator;
}

const drawOptions: readonly string[] = ["seed", "generator"];

function keyOf(where: string, seed: number | Key): Key {
  if (typeof seed !== "number") return seed;
  if (!Number.isSafeInteger(seed)) throw mistake("OPTION", { where, problem: "the seed must be an integer below 2⁵³", got: seed });
  return [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
}

/**
 * A key of its own for each name: of a parameter's path, a fold, an epoch.
 *
 * @example
 * normal([3, 4], { seed: fold(1, "layers.0.weight") });
 */
export function fold(seed: number | Key, name: string): Key {
  let key = threefry2x32(...keyOf("fold", seed), name.length, 0x666f6c64);
  for (let i = 0; i < name.length; i += 2)
    key = threefry2x32(key[0], key[1], name.charCodeAt(i), i + 1 < name.length ? name.charCodeAt(i + 1) : 0x10000);
  return key;
}

/** A source of random numbers that goes on where it stopped. */
export class Generator {
  /** uint32[4]: the key, and the position as low and high word. Part of a checkpoint. */
  readonly state: Variable<"uint32">;

  constructor(seed: number | Key = 0) {
    const [key0, key1] = keyOf("Generator", seed);
    this.state = variable([key0, key1, 0, 0], { dtype: "uint32", name: "generator", trainable: false });
  }

  /** Starts again, at the beginning of a seed's numbers. */
  seed(seed: number | Key): void {
    const [key0, key1] = keyOf("seed", seed);
    this.state.assign([key0, key1, 0, 0]);
  }

  /** Where the next `count` numbers come from; in a function mapped over examples, each example's. */
  draw(count: number): nodes.Stream {
    const { cell } = this.state;
    if (context.recorder !== null) {
      const state = cell.read();
      let stream = nodes.streamFrom(state);
      let span = count;
      for (const { size, index } of context.recorder.examples()) {
        stream = nodes.further(stream, index, span);
        span *= size;
      }
      cell.assign(nodes.advanced(state, span));
      return stream;
    }
    const [key0, key1, low, high] = hostOf(cell.value()) as unknown as [number, number, number, number];
    const next = low + count;
    cell.take(new Storage("uint32", 4, Uint32Array.of(key0, key1, next, high + Math.floor(next / 2 ** 32))));
    return nodes.streamOf(key0, key1, low, high);
  }
}

let standard: Generator | null = null;

/** The generator that random functions use when they are given none; it starts at seed 0. */
export function defaultGenerator(): Generator {
  standard ??= new Generator(0);
  return standard;
}

/**
 * Sets the default generator to the beginning of a seed's numbers.
 *
 * @param value an integer below 2⁵³.
 * @example
 * seed(7);
 */
export function seed(value: number): void {
  defaultGenerator().seed(value);
}

function streamOf(where: string, options: RandomOptions, count: number): nodes.Stream {
  if (options.seed === undefined) return (options.generator ?? defaultGenerator()).draw(count);
  return nodes.streamOf(...keyOf(where, options.seed));
}

function finite(where: string, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values))
    if (typeof value !== "number" || !Number.isFinite(value))
      throw mistake("OPTION", { where, problem: `${name} must be a finite number`, got: value });
}

/**
 * Numbers uniform in [low, high), from 24 random bits each.
 *
 * @param options.low default 0.
 * @param options.high default 1.
 * @example
 * uniform([2, 3], { low: -1, high: 1 });
 */
export function uniform(shape: Shape, options: RandomOptions & { readonly low?: number; readonly high?: number } = {}): Tensor {
  checkNames("uniform", options, [...drawOptions, "low", "high"]);
  const { low = 0, high = 1 } = options;
  checkShape("uniform", shape);
  finite("uniform", { low, high });
  if (low > high) throw mistake("OPTION", { where: "uniform", problem: "low is above high", got: `${low} and ${high}` });
  return wrap(nodes.uniform(streamOf("uniform", options, sizeOf(shape)), shape, low, high));
}

/**
 * Normally distributed numbers.
 *
 * @param options.mean default 0.
 * @param options.std default 1.
 * @example
 * normal([784, 128], { std: 0.05 });
 * Source: Box and Muller, "A note on the generation of random normal deviates", 1958.
 */
export function normal(shape: Shape, options: RandomOptions & { readonly mean?: number; readonly std?: number } = {}): Tensor {
  checkNames("normal", options, [...drawOptions, "mean", "std"]);
  const { mean = 0, std = 1 } = options;
  checkShape("normal", shape);
  finite("normal", { mean, std });
  if (std < 0) throw mistake("OPTION", { where: "normal", problem: "std must not be negative", got: std });
  return wrap(nodes.normal(streamOf("normal", options, sizeOf(shape)), shape, mean, std));
}

/**
 * true with a probability, independently.
 *
 * @param options.probability a number or a scalar tensor, from 0 to 1; default 0.5.
 * @example
 * const keep = bernoulli(x.shape, { probability: 0.8 });
 */
export function bernoulli(
  shape: Shape,
  options: RandomOptions & { readonly probability?: number | Tensor<"float32"> | Tensor<"float64"> } = {},
): Tensor<"bool"> {
  checkNames("bernoulli", options, [...drawOptions, "probability"]);
  const { probability = 0.5 } = options;
  checkShape("bernoulli", shape);
  if (typeof probability === "number" && !(probability >= 0 && probability <= 1))
    throw mistake("OPTION", { where: "bernoulli", problem: "the probability is none", got: probability, expected: "a number from 0 to 1" });
  return wrap(nodes.bernoulli(streamOf("bernoulli", options, sizeOf(shape)), shape, nodeOf(unwrap(probability))));
}

/**
 * Integers from `low` (default 0) to `high` − 1, each as likely up to a bias of (high − low) / 2³².
 *
 * @example
 * randomInteger([5], { high: 10 });
 */
export function randomInteger(shape: Shape, options: RandomOptions & { readonly low?: number; readonly high: number }): Tensor<"int32"> {
  checkNames("randomInteger", options, [...drawOptions, "low", "high"]);
  const { low = 0, high } = options;
  checkShape("randomInteger", shape);
  if (!Number.isInteger(low) || !Number.isInteger(high) || high <= low || low < -(2 ** 31) || high > 2 ** 31)
    throw mistake("OPTION", { where: "randomInteger", problem: "needs int32 limits with low < high", got: `${low} and ${high}` });
  return wrap(nodes.integers(streamOf("randomInteger", options, sizeOf(shape)), shape, low, high));
}

/**
 * The integers 0 to n − 1 in random order.
 *
 * @example
 * const order = permutation(60000);
 */
export function permutation(n: number, options: RandomOptions = {}): Tensor<"int32"> {
  checkNames("permutation", options, drawOptions);
  if (!Number.isInteger(n) || n < 0) throw mistake("OPTION", { where: "permutation", problem: "n must be a non-negative integer", got: n });
  return wrap(argSort(nodes.sortKeys(streamOf("permutation", options, n), n)));
}
