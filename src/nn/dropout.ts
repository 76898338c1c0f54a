// Dropout and its kin: they differ in what is dropped together.

import { showShape } from "../graph/shape.ts";
import { bernoulli } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { mistake } from "../util/errors.ts";
import { checkNumber } from "../util/options.ts";
import { Module } from "./module.ts";

/** Sets groups of elements to 0, one draw for each element of a shape that broadcasts to x, and divides the others by what is kept. */
function drop(x: Tensor, probability: number, shape: readonly number[]): Tensor {
  const keep = 1 - probability;
  return bernoulli(shape, { probability: keep }).where(x.mul(1 / keep), 0);
}

const checkProbability = (where: string, probability: number): number =>
  checkNumber(where, "probability", probability, { least: 0, below: 1 });

/**
 * In training, sets each element to 0 with a probability and divides the others by what is kept on average, so that evaluation
 * needs no change: x · m / (1 − p), m ~ Bernoulli(1 − p).
 *
 * @example
 * const model = new Sequential(new Linear(784, 128), relu, new Dropout(0.2), new Linear(128, 10));
 * Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014.
 */
export class Dropout extends Module {
  /** The probability of a 0. */
  readonly probability: number;

  /** @throws UserError `OPTION` for a probability outside [0, 1) */
  constructor(probability = 0.5) {
    super();
    this.probability = checkProbability("Dropout", probability);
  }

  forward(x: Tensor): Tensor {
    return this.training && this.probability > 0 ? drop(x, this.probability, x.shape) : x;
  }
}

/**
 * Drops whole channels, axis 1 of [batch, channels, ...places]: neighbouring places are so alike that single ones hide nothing.
 *
 * @example
 * const layer = new SpatialDropout(0.1);
 * Source: Tompson, Goroshin, Jain, LeCun, Bregler 2015, arXiv 1411.4280.
 */
export class SpatialDropout extends Module {
  /** The probability that a channel is dropped. */
  readonly probability: number;

  /** @throws UserError `OPTION` for a probability outside [0, 1) */
  constructor(probability = 0.5) {
    super();
    this.probability = checkProbability("SpatialDropout", probability);
  }

  /** @throws UserError `SHAPE` for fewer than two axes */
  forward(x: Tensor): Tensor {
    if (x.rank < 2)
      throw mistake("SHAPE", {
        where: "SpatialDropout",
        problem: "x has no channels",
        got: showShape(x.shape),
        expected: "[batch, channels, ...]",
      });
    if (!this.training || this.probability === 0) return x;
    return drop(
      x,
      this.probability,
      x.shape.map((n, i) => (i < 2 ? n : 1)),
    );
  }
}

/**
 * Stochastic depth: drops whole samples (axis 0), for the end of a residual branch, whose block is then skipped.
 *
 * @example
 * const block = new Residual(new Sequential(new Linear(64, 64), relu, new DropPath(0.1)));
 * Source: Huang, Sun, Liu, Sedra, Weinberger 2016, arXiv 1603.09382.
 */
export class DropPath extends Module {
  /** The probability that a sample is dropped. */
  readonly probability: number;

  /** @throws UserError `OPTION` for a probability outside [0, 1) */
  constructor(probability = 0.1) {
    super();
    this.probability = checkProbability("DropPath", probability);
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.probability === 0) return x;
    return drop(
      x,
      this.probability,
      x.shape.map((n, i) => (i === 0 ? n : 1)),
    );
  }
}

/**
 * Dropout for self-normalising networks (`selu`): dropped elements get selu's lower limit, and a scale and a shift keep mean and
 * variance.
 *
 * @example
 * const layer = new AlphaDropout(0.1);
 * Source: Klambauer, Unterthiner, Mayr, Hochreiter 2017, arXiv 1706.02515.
 */
export class AlphaDropout extends Module {
  /** The probability that an element is dropped. */
  readonly probability: number;

  /** @throws UserError `OPTION` for a probability outside [0, 1) */
  constructor(probability = 0.5) {
    super();
    this.probability = checkProbability("AlphaDropout", probability);
  }

  forward(x: Tensor): Tensor {
    const p = this.probability;
    if (!this.training || p === 0) return x;
    const lowest = -1.7580993408473766;
    const scale = 1 / Math.sqrt((1 - p) * (1 + p * lowest ** 2));
    const kept = bernoulli(x.shape, { probability: 1 - p }).where(x, lowest);
    return kept.mul(scale).add(-scale * p * lowest) as Tensor;
  }
}
