// The parts that optimisers are made of. Each says what it does to a gradient g of a parameter p.

import { zerosLike } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkNames } from "../util/options.ts";
import { keepRate, type Rate, rateAt, settable } from "./hyperparameter.ts";
import { type GradientTransform, type Slots, stateless } from "./transform.ts";

const fraction = { least: 0, below: 1 };

/** 1 − β, in double precision: in float32 it would be off by up to 1e-4. */
function complement(beta: Tensor<"float64">): Tensor<"float64"> {
  return beta.neg().add(1);
}

function slot(slots: Slots, name: string): Tensor {
  return slots[name] as Tensor;
}

/**
 * −α·g: the last of a chain, which turns a direction into an update.
 *
 * @param learningRate α, finite and at least 0, or a schedule
 * @throws UserError `OPTION`
 * @example
 * const optimizer = new Optimizer(chain(trace({ momentum: 0.9 }), scaleByLearningRate(0.1)));
 */
export function scaleByLearningRate(learningRate: Rate): GradientTransform {
  const where = "scaleByLearningRate";
  const rate = keepRate(where, "learningRate", learningRate, { least: 0 });
  return stateless(
    (gradients, context) => {
      const factor = rateAt(where, rate, context).neg();
      return gradients.map((g) => g.mul(factor));
    },
    settable({ learningRate: rate }),
  );
}

export interface TraceOptions {
  /** μ, from 0 to below 1, or a schedule. */
  readonly momentum: Rate;
  /** Look ahead: g + μ·v instead of v. Default false. */
  readonly nesterov?: boolean;
}

/**
 * Momentum: v ← μ·v + g, with v = 0 at first; the result is v.
 *
 * @throws UserError `OPTION`
 * @example
 * const optimizer = new Optimizer(chain(trace({ momentum: 0.9, nesterov: true }), scaleByLearningRate(0.1)));
 * Source: Polyak 1964; Sutskever, Martens, Dahl, Hinton 2013 for Nesterov's form.
 */
export function trace(options: TraceOptions): GradientTransform {
  checkNames("trace", options, ["momentum", "nesterov"]);
  const rate = keepRate("trace", "momentum", options.momentum, fraction);
  return {
    hyperparameters: settable({ momentum: rate }),
    init: (parameter) => ({ velocity: zerosLike(parameter) }),
    update(gradients, slots, context) {
      const momentum = rateAt("trace", rate, context);
      const velocities = gradients.map((g, i) =>
        slot(slots[i] as Slots, "velocity")
          .mul(momentum)
          .add(g),
      );
      const updates = options.nesterov === true ? velocities.map((v, i) => v.mul(momentum).add(gradients[i] as Tensor)) : velocities;
      return { updates, slots: velocities.map((velocity) => ({ velocity })) };
    },
  };
}

export interface AdamScaleOptions {
  /** β₁, decay of the mean of gradients. Default 0.9. */
  readonly beta1?: Rate;
  /** β₂, decay of the mean of squares. Default 0.999. */
  readonly beta2?: Rate;
  /** ε, added to the root. Default 1e-8. */
  readonly epsilon?: number;
}

/**
 * m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²; the result is m̂ / (√v̂ + ε) with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ), t from 1.
 *
 * @throws UserError `OPTION`
 * @example
 * const optimizer = new Optimizer(chain(scaleByAdam({ beta2: 0.99 }), scaleByLearningRate(1e-3)));
 * Source: Kingma and Ba 2015, arXiv 1412.6980.
 */
export function scaleByAdam(options: AdamScaleOptions = {}): GradientTransform {
  const where = "scaleByAdam";
  checkNames(where, options, ["beta1", "beta2", "epsilon"]);
  const rate1 = keepRate(where, "beta1", options.beta1 ?? 0.9, fraction);
  const rate2 = keepRate(where, "beta2", options.beta2 ?? 0.999, fraction);
  const rateEpsilon = keepRate(where, "epsilon", options.epsilon ?? 1e-8, { least: 0 });
  return {
    hyperparameters: settable({ beta1: rate1, beta2: rate2, epsilon: rateEpsilon }),
    init: (parameter) => ({ mean: zerosLike(parameter), square: zerosLike(parameter) }),
    update(gradients, slots, context) {
      const beta1 = rateAt(where, rate1, context);
      const beta2 = rateAt(where, rate2, context);
      const epsilon = rateAt(where, rateEpsilon, context);
      const count = context.step.add(1);
      const [gain1, gain2] = [complement(beta1), complement(beta2)];
      const correction1 = complement(beta1.pow(count)).reciprocal();
      const correction2 = complement(beta2.pow(count)).reciprocal();
      const next = gradients.map((g, i) => {
        const before = slots[i] as Slots;
        return {
          mean: slot(before, "mean").mul(beta1).add(g.mul(gain1)),
          square: slot(before, "square").mul(beta2).add(g.square().mul(gain2)),
        };
      });
      const updates = next.map(({ mean, square }) => mean.mul(correction1).div(square.mul(correction2).sqrt().add(epsilon)));
      return { updates, slots: next };
    },
  };
}

/**
 * g + λ·p. Before `scaleByAdam` or `trace` it is an L2 penalty's gradient; behind them it is decoupled weight decay.
 *
 * @param weightDecay λ, finite and at least 0, or a schedule
 * @throws UserError `OPTION`
 * @example
 * const optimizer = new Optimizer(chain(addDecayedWeights(1e-4), scaleByLearningRate(0.1)));
 * Source: Loshchilov and Hutter 2019, arXiv 1711.05101, on the difference.
 */
export function addDecayedWeights(weightDecay: Rate): GradientTransform {
  const where = "addDecayedWeights";
  const rate = keepRate(where, "weightDecay", weightDecay, { least: 0 });
  return stateless(
    (gradients, context) => {
      const factor = rateAt(where, rate, context);
      return gradients.map((g, i) => g.add((context.parameters[i] as Tensor).mul(factor)));
    },
    settable({ weightDecay: rate }),
  );
}

/**
 * Scales all gradients by min(1, c / (‖g‖ + 10⁻⁶)), ‖g‖ the 2-norm of all of them together.
 *
 * @param maxNorm c, above 0, or a schedule
 * @throws UserError `OPTION`
 * @example
 * const optimizer = new Optimizer(chain(clipByGlobalNorm(1), scaleByLearningRate(0.1)));
 * Source: Pascanu, Mikolov, Bengio 2013, arXiv 1211.5063; the 10⁻⁶ is PyTorch's.
 */
export function clipByGlobalNorm(maxNorm: Rate): GradientTransform {
  const where = "clipByGlobalNorm";
  const rate = keepRate(where, "maxNorm", maxNorm, { above: 0 });
  return stateless(
    (gradients, context) => {
      const factor = globalNorm(gradients)
        .add(1e-6)
        .reciprocal()
        .mul(rateAt(where, rate, context))
        .minimum(1) as Tensor;
      return gradients.map((g) => g.mul(factor));
    },
    settable({ maxNorm: rate }),
  );
}

/**
 * The 2-norm of some tensors taken together: √Σ x².
 *
 * @returns a scalar
 * @example
 * console.log(await globalNorm([tensor([3]), tensor([4])]).item()); // 5
 */
export function globalNorm(tensors: readonly Tensor[]): Tensor {
  return tensors
    .map((t) => t.square().sum() as Tensor)
    .reduce((sum, s) => sum.add(s))
    .sqrt();
}
