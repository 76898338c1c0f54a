// Functions of real numbers, as free functions: floats keep their dtype, integers give float32. How exact they are:
// docs/guide/operations-accuracy.md.

import type { DType } from "../graph/dtype.ts";
import * as primitives from "./nodes/elementwise.ts";
import * as nodes from "./nodes/maths.ts";
import { type Tensor, unwrap, wrap } from "./tensor.ts";
import type { FloatOf, Joined, Operand } from "./types.ts";

/** eˣ. */
export function exp<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(primitives.exp(x.node));
}

/** eˣ − 1, accurate near 0. */
export function expm1<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(primitives.expm1(x.node));
}

/** The natural logarithm: −∞ at 0, NaN below. */
export function log<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(primitives.log(x.node));
}

/** log(1 + x), accurate near 0. */
export function log1p<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(primitives.log1p(x.node));
}

/** √x; NaN below 0. */
export function sqrt<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(primitives.sqrt(x.node));
}

/** 1 / √x. */
export function rsqrt<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(primitives.rsqrt(x.node));
}

/** The sine of x in radians. */
export function sin<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(primitives.sin(x.node));
}

/** The cosine of x in radians. */
export function cos<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(primitives.cos(x.node));
}

/** The hyperbolic tangent. */
export function tanh<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(primitives.tanh(x.node));
}

/** The error function, 2/√π ∫₀ˣ exp(−t²) dt. */
export function erf<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(primitives.erf(x.node));
}

/** 1 − erf(x), relatively accurate where erf(x) is near 1. */
export function erfc<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(primitives.erfc(x.node));
}

/**
 * The inverse of the error function: ±∞ at ±1, NaN beyond. √2 · erfinv(2p − 1) is the normal distribution's quantile of p.
 *
 * @example
 * erfinv(tensor([0, 0.5]));   // [0, 0.47693628]
 */
export function erfinv<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(primitives.erfinv(x.node));
}

/** 2ˣ, exact for whole x. */
export function exp2<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.exp2(x.node));
}

/** The logarithm to base 2. */
export function log2<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.log2(x.node));
}

/** The logarithm to base 10. */
export function log10<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.log10(x.node));
}

/** The tangent of x in radians. */
export function tan<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.tan(x.node));
}

/** The angle in [−π/2, π/2] whose sine is x; NaN outside [−1, 1]. */
export function asin<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.asin(x.node));
}

/** The angle in [0, π] whose cosine is x; NaN outside [−1, 1]. */
export function acos<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.acos(x.node));
}

/** The angle in (−π/2, π/2) whose tangent is x. */
export function atan<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.atan(x.node));
}

/** The hyperbolic sine, accurate near 0. */
export function sinh<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.sinh(x.node));
}

/** The hyperbolic cosine. */
export function cosh<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.cosh(x.node));
}

/** The number whose hyperbolic sine is x. */
export function asinh<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.asinh(x.node));
}

/** The number ≥ 0 whose hyperbolic cosine is x; NaN below 1. */
export function acosh<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.acosh(x.node));
}

/** The number whose hyperbolic tangent is x; NaN outside [−1, 1]. */
export function atanh<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.atanh(x.node));
}

/**
 * log(x / (1 − x)), the inverse of the sigmoid.
 *
 * @param epsilon brings x into [epsilon, 1 − epsilon] first, with gradient 0 outside; from 0 to ½. Without it, x outside [0, 1] gives NaN.
 * @throws UserError `OPTION` for another epsilon.
 * @example
 * logit(tensor([0.5, 0.75]));   // [0, 1.0986123]
 */
export function logit<D extends DType>(x: Tensor<D>, epsilon?: number): Tensor<FloatOf<D>> {
  return wrap(nodes.logit(x.node, epsilon));
}

/** The angle of the point (x, y) from the x axis, in (−π, π]. @example atan2(tensor([1]), -1);   // [2.3561945] */
export function atan2<A extends Operand, B extends Operand>(y: A, x: B): Tensor<FloatOf<Joined<A, B>>> {
  return wrap(nodes.atan2(unwrap(y), unwrap(x)));
}

/** √(a² + b²), also where the squares would leave the range. @example hypot(tensor([3]), 4);   // [5] */
export function hypot<A extends Operand, B extends Operand>(a: A, b: B): Tensor<FloatOf<Joined<A, B>>> {
  return wrap(nodes.hypot(unwrap(a), unwrap(b)));
}

/** log(eᵃ + eᵇ) without overflow. @example logAddExp(tensor([1000]), 1000);   // [1000.693] */
export function logAddExp<A extends Operand, B extends Operand>(a: A, b: B): Tensor<FloatOf<Joined<A, B>>> {
  return wrap(nodes.logAddExp(unwrap(a), unwrap(b)));
}

/** a · log b, and 0 where a is 0 (unless b is NaN). @example xlogy(tensor([0, 1]), tensor([0, 1]));   // [0, 0] */
export function xlogy<A extends Operand, B extends Operand>(a: A, b: B): Tensor<FloatOf<Joined<A, B>>> {
  return wrap(nodes.xlogy(unwrap(a), unwrap(b)));
}
