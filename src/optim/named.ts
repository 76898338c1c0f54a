// The optimisers by name: chains of transforms with the usual defaults.

import { mistake } from "../util/errors.ts";
import { checkNames } from "../util/options.ts";
import { checkRate, type Rate } from "./hyperparameter.ts";
import { Optimizer } from "./optimizer.ts";
import { chain } from "./transform.ts";
import { type AdamScaleOptions, addDecayedWeights, clipByGlobalNorm, scaleByAdam, scaleByLearningRate, trace } from "./transforms.ts";

interface CommonOptions {
  /** α: a number, finite and at least 0, or a schedule such as `oneCycle(1e-3)`. */
  readonly learningRate: Rate;
  /** Clips all gradients together to this 2-norm first. Default: no clipping. */
  readonly maxNorm?: Rate;
}

export interface SgdOptions extends CommonOptions {
  /** μ, from 0 to below 1. Default 0. */
  readonly momentum?: Rate;
  /** Nesterov's form of momentum. Default false. */
  readonly nesterov?: boolean;
  /** λ of the coupled decay g ← g + λ·p, for all parameters alike: the same steps as the penalty λ·½‖p‖². Default 0: none. */
  readonly weightDecay?: Rate;
}

function clipping(where: string, { maxNorm }: CommonOptions) {
  return maxNorm === undefined ? [] : [clipByGlobalNorm(checkRate(where, "maxNorm", maxNorm, { above: 0 }))];
}

/** The last transform; what is wrong is told in the optimiser's name. */
function descent(where: string, { learningRate }: CommonOptions) {
  return scaleByLearningRate(checkRate(where, "learningRate", learningRate, { least: 0 }));
}

/**
 * Gradient descent: p ← p − α·g; with momentum v ← μ·v + g, p ← p − α·v (Nesterov: p ← p − α·(g + μ·v)); with weight decay
 * g + λ·p in the place of g.
 *
 * @throws UserError `OPTION` for an unknown option, a rate that is negative, NaN or infinite, Nesterov without momentum
 * @example
 * const optimizer = sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true });
 * Source: Sutskever, Martens, Dahl, Hinton 2013; the form is PyTorch's.
 */
export function sgd(options: SgdOptions): Optimizer {
  checkNames("sgd", options, ["learningRate", "maxNorm", "momentum", "nesterov", "weightDecay"]);
  const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
  if (nesterov && momentum === 0) throw mistake("OPTION", { where: "sgd", problem: "nesterov needs momentum above 0", got: momentum });
  // Momentum 0 that could be raised later would need its slots from the beginning: give a positive one for that.
  const velocity = momentum === 0 ? [] : [trace({ momentum, nesterov })];
  const decay = weightDecay === 0 ? [] : [addDecayedWeights(weightDecay)];
  return new Optimizer(chain(...clipping("sgd", options), ...decay, ...velocity, descent("sgd", options)));
}

export interface AdamOptions extends CommonOptions, AdamScaleOptions {}

/**
 * Adam: p ← p − α·m̂ / (√v̂ + ε). See `scaleByAdam` for m̂ and v̂.
 *
 * @throws UserError `OPTION` for an unknown option, a rate that is negative, NaN or infinite, a β outside [0, 1)
 * @example
 * const optimizer = adam({ learningRate: 1e-3 });
 * Source: Kingma and Ba 2015, arXiv 1412.6980.
 */
export function adam(options: AdamOptions): Optimizer {
  checkNames("adam", options, ["learningRate", "maxNorm", "beta1", "beta2", "epsilon"]);
  return new Optimizer(chain(...clipping("adam", options), scaleByAdam(adamScale(options)), descent("adam", options)));
}

export interface AdamWOptions extends AdamOptions {
  /** λ of the decoupled decay p ← p − α·λ·p, for all parameters alike. Default 0.01. */
  readonly weightDecay?: Rate;
}

/**
 * Adam with decoupled weight decay: p ← p − α·(m̂ / (√v̂ + ε) + λ·p).
 *
 * The decay is no penalty of the loss: see docs/guide/regularisation.md.
 *
 * @throws UserError `OPTION` for an unknown option, a rate that is negative, NaN or infinite, a β outside [0, 1)
 * @example
 * const optimizer = adamW({ learningRate: oneCycle(1e-3), weightDecay: 0.05 });
 * Source: Loshchilov and Hutter 2019, arXiv 1711.05101.
 */
export function adamW(options: AdamWOptions): Optimizer {
  checkNames("adamW", options, ["learningRate", "maxNorm", "beta1", "beta2", "epsilon", "weightDecay"]);
  const decay = addDecayedWeights(options.weightDecay ?? 0.01);
  return new Optimizer(chain(...clipping("adamW", options), scaleByAdam(adamScale(options)), decay, descent("adamW", options)));
}

function adamScale({ beta1, beta2, epsilon }: AdamScaleOptions): AdamScaleOptions {
  return {
    ...(beta1 === undefined ? {} : { beta1 }),
    ...(beta2 === undefined ? {} : { beta2 }),
    ...(epsilon === undefined ? {} : { epsilon }),
  };
}
