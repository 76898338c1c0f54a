// Dropout.

import { bernoulli } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkNumber } from "../util/options.ts";
import { Module } from "./module.ts";

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
    this.probability = checkNumber("Dropout", "probability", probability, { least: 0, below: 1 });
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.probability === 0) return x;
    const keep = 1 - this.probability;
    return bernoulli(x.shape, { probability: keep }).where(x.mul(1 / keep), 0);
  }
}
