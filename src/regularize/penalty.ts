// Penalties: λ·J₂ of some weights, to be added to a loss. λ is data, so changing it never recompiles.

import type { Module } from "../nn/module.ts";
import { Parameter } from "../nn/parameter.ts";
import { Hyperparameter } from "../optim/hyperparameter.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import type { Variable } from "../tensor/variable.ts";
import { mistake } from "../util/errors.ts";
import { checkNames, checkNumber } from "../util/options.ts";

/** Whether a penalty takes a parameter. */
export type Select = (path: string, parameter: Variable) => boolean;

export interface PenaltyOptions {
  /** Which parameters of a model are penalised. Default: all but biases. */
  readonly select?: Select;
}

/**
 * A penalty of a given strength. Call it with tensors to get λ·J₂ of them, or give it to `fit`.
 *
 * @example
 * const penalty = l2(0.1);
 * const total = mse(x.matmul(W).add(b), y).add(penalty(W));
 * penalty.lambda = 0.01;   // from the next step on, without recompiling
 */
export interface Penalty {
  /** λ·J₂ summed over some tensors, a scalar. */
  (...weights: readonly AnyTensor[]): Tensor;
  /** λ. Setting it never recompiles. */
  lambda: number;
  /** λ·J₂ of the selected parameters of a model; null when it selects none. */
  of(model: Module): Tensor | null;
  /** The names of the parameters that are selected. */
  selected(model: Module): string[];
}

/** Whether a parameter is no bias: as its layer says, or else by its name. */
const notBias: Select = (path, parameter) => (parameter instanceof Parameter ? parameter.penalized : !/(^|\.)(b|bias|biases)$/i.test(path));

function penalty(where: string, lambda: number, options: PenaltyOptions, measure: (w: Tensor) => Tensor): Penalty {
  const strength = new Hyperparameter(where, "lambda", lambda, { least: 0 });
  const select = options.select ?? notBias;
  const total = (weights: readonly AnyTensor[]): Tensor => {
    if (weights.length === 0) throw mistake("OPTION", { where, problem: "needs at least one tensor" });
    return weights
      .map((w) => measure(w as Tensor))
      .reduce((sum, term) => sum.add(term))
      .mul(strength);
  };
  const chosen = (model: Module) => [...model.namedParameters()].filter(([path, p]) => select(path, p));
  const call = (...weights: readonly AnyTensor[]): Tensor => total(weights);
  return Object.defineProperties(call, {
    name: { value: where },
    lambda: {
      get: () => strength.value,
      set: (value: number) => {
        strength.value = value;
      },
      enumerable: true,
    },
    of: {
      value: (model: Module) => {
        const weights = chosen(model).map(([, p]) => p);
        return weights.length === 0 ? null : total(weights);
      },
    },
    selected: { value: (model: Module) => chosen(model).map(([path]) => path) },
  }) as unknown as Penalty;
}

/**
 * λ·½Σw².
 *
 * @param lambda λ, finite and at least 0
 * @throws UserError `OPTION`
 * @example
 * console.log(await l2(0.1)(tensor([3, 4])).item()); // 1.25
 * Source: Hoerl and Kennard 1970. See docs/guide/regularisation.md for scikit-learn's α and C and PyTorch's weight_decay.
 */
export function l2(lambda: number, options: PenaltyOptions = {}): Penalty {
  checkNames("l2", options, ["select"]);
  return penalty("l2", lambda, options, (w) => w.square().sum().mul(0.5));
}

/**
 * λ·Σ|w|. Its gradient at 0 is 0.
 *
 * @param lambda λ, finite and at least 0
 * @throws UserError `OPTION`
 * @example
 * console.log(await l1(0.5)(tensor([3, -4])).item()); // 3.5
 * Source: Tibshirani 1996.
 */
export function l1(lambda: number, options: PenaltyOptions = {}): Penalty {
  checkNames("l1", options, ["select"]);
  return penalty("l1", lambda, options, (w) => w.abs().sum());
}

export interface ElasticNetOptions extends PenaltyOptions {
  /** ρ, the share of L1, from 0 to 1. Default 0.5. */
  readonly ratio?: number;
}

/**
 * λ·(ρ·Σ|w| + (1 − ρ)·½Σw²).
 *
 * @param lambda λ, finite and at least 0
 * @throws UserError `OPTION`
 * @example
 * console.log(await elasticNet(1, { ratio: 0.5 })(tensor([3, -4])).item()); // 9.75
 * Source: Zou and Hastie 2005.
 */
export function elasticNet(lambda: number, options: ElasticNetOptions = {}): Penalty {
  checkNames("elasticNet", options, ["select", "ratio"]);
  const ratio = checkNumber("elasticNet", "ratio", options.ratio ?? 0.5, { least: 0, most: 1 });
  return penalty("elasticNet", lambda, options, (w) =>
    w
      .abs()
      .sum()
      .mul(ratio)
      .add(
        w
          .square()
          .sum()
          .mul((1 - ratio) / 2),
      ),
  );
}
