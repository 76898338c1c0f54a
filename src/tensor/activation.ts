// Activations, as free functions. At kinks the gradient is PyTorch's.

import type { DType } from "../graph/dtype.ts";
import * as nodes from "./nodes/activation.ts";
import { softmin as softminNode } from "./nodes/reduce.ts";
import { type Tensor, wrap } from "./tensor.ts";
import type { FloatOf } from "./types.ts";

/** 1 / (1 + e⁻ˣ), exact to the last places on both sides. */
export function sigmoid<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.sigmoid(x.node));
}

/** max(x, 0), with gradient 0 at 0. */
export function relu<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.relu(x.node));
}

/** x where positive, else slope · x. @param slope default 0.01. */
export function leakyRelu<D extends DType>(x: Tensor<D>, slope = 0.01): Tensor<FloatOf<D>> {
  return wrap(nodes.leakyRelu(x.node, slope));
}

/** x where positive, else α (eˣ − 1). @param alpha default 1. Source: Clevert, Unterthiner, Hochreiter, 2015. */
export function elu<D extends DType>(x: Tensor<D>, alpha = 1): Tensor<FloatOf<D>> {
  return wrap(nodes.elu(x.node, alpha));
}

/**
 * x · Φ(x) = x/2 · (1 + erf(x/√2)), or its approximation by tanh.
 *
 * @param approximate default `"none"`.
 * Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.
 */
export function gelu<D extends DType>(x: Tensor<D>, approximate: "none" | "tanh" = "none"): Tensor<FloatOf<D>> {
  return wrap(nodes.gelu(x.node, approximate));
}

/** x · sigmoid(x), also called swish. */
export function silu<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.silu(x.node));
}

/**
 * log(1 + e^(βx)) / β, without overflow.
 *
 * @param options.beta β, default 1.
 * @param options.threshold x itself where βx is above it; default none.
 */
export function softplus<D extends DType>(
  x: Tensor<D>,
  options: { readonly beta?: number; readonly threshold?: number } = {},
): Tensor<FloatOf<D>> {
  const { beta = 1, threshold } = options;
  return wrap(beta === 1 && threshold === undefined ? nodes.softplus(x.node) : nodes.softplusOf(x.node, beta, threshold ?? Infinity));
}

/** log(1 / (1 + e⁻ˣ)), without overflow. */
export function logSigmoid<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.logSigmoid(x.node));
}

/** x · tanh(log(1 + eˣ)). Source: Misra, 2019. */
export function mish<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.mish(x.node));
}

/** x / (1 + |x|). */
export function softSign<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.softSign(x.node));
}

/** x − tanh x. */
export function tanhShrink<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.tanhShrink(x.node));
}

/** x between the limits, else the limit; on the limits the gradient is 0. @param low default −1. @param high default 1. @throws UserError `OPTION` where low > high. */
export function hardTanh<D extends DType>(x: Tensor<D>, low = -1, high = 1): Tensor<D> {
  return wrap(nodes.hardTanh(x.node, low, high));
}

/** max(0, min(x, 6)); at 0 and 6 the gradient is 0. */
export function relu6<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.relu6(x.node));
}

/** (x + 3) / 6 between 0 and 1. */
export function hardSigmoid<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.hardSigmoid(x.node));
}

/** x · hardSigmoid(x). Source: Howard and others, "Searching for MobileNetV3", 2019. */
export function hardSwish<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.hardSwish(x.node));
}

/** λ · elu(x, α), with the λ and α that keep mean 0 and variance 1. Source: Klambauer and others, 2017. */
export function selu<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.selu(x.node));
}

/** x where positive, else α (e^(x/α) − 1). @param alpha default 1. Source: Barron, 2017. */
export function celu<D extends DType>(x: Tensor<D>, alpha = 1): Tensor<FloatOf<D>> {
  return wrap(nodes.celu(x.node, alpha));
}

/** x where above the limit, else the value. */
export function threshold<D extends DType>(x: Tensor<D>, limit: number, value: number): Tensor<D> {
  return wrap(nodes.threshold(x.node, limit, value));
}

/** x where |x| > λ, else 0. @param lambda default 0.5. */
export function hardShrink<D extends DType>(x: Tensor<D>, lambda = 0.5): Tensor<D> {
  return wrap(nodes.hardShrink(x.node, lambda));
}

/** x moved towards 0 by λ. @param lambda default 0.5. @throws UserError `OPTION` for a negative λ. */
export function softShrink<D extends DType>(x: Tensor<D>, lambda = 0.5): Tensor<FloatOf<D>> {
  return wrap(nodes.softShrink(x.node, lambda));
}

/**
 * x where positive, else weight · x, with a weight that is learnt.
 *
 * @param weight a scalar or [1], or one for each channel, [x.shape[1]].
 * @throws UserError `SHAPE` for another.
 * Source: He, Zhang, Ren, Sun, 2015.
 */
export function prelu<D extends DType>(x: Tensor<D>, weight: Tensor<DType>): Tensor<FloatOf<D>> {
  return wrap(nodes.prelu(x.node, weight.node));
}

/**
 * The first half of an axis times the sigmoid of the second.
 *
 * @param axis default the last; its size must be even.
 * @throws UserError `SHAPE` where it is odd.
 * Source: Dauphin, Fan, Auli, Grangier, 2016.
 */
export function glu<D extends DType>(x: Tensor<D>, axis = -1): Tensor<FloatOf<D>> {
  return wrap(nodes.glu(x.node, axis));
}

/** softmax of −x. @param axis default the last. */
export function softmin<D extends DType>(x: Tensor<D>, axis = -1): Tensor<FloatOf<D>> {
  return wrap(softminNode(x.node, axis));
}
