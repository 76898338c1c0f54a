// Functions of each element, as free functions. Operands broadcast: axes align at the right, and axes of size 1 stretch.
// They meet in one dtype: bool < uint8 < int32 < float32 < float64; a number takes the dtype of the tensor beside it, but a
// fraction beside integers makes float32; a float64 scalar beside a float32 tensor gives float32.

import { cast as castNode } from "../graph/build.ts";
import type { DType } from "../graph/dtype.ts";
import type { Node } from "../graph/node.ts";
import * as nodes from "./nodes/elementwise.ts";
import { nodeOf } from "./nodes/operands.ts";
import { type Tensor, unwrap, wrap } from "./tensor.ts";
import type { AnyTensor, FloatOf, Joined, Operand } from "./types.ts";

const one = (x: Operand): Node => nodeOf(unwrap(x));

/**
 * a + b, element by element.
 *
 * @throws UserError `SHAPE` where the shapes do not broadcast, with both.
 * @example
 * add(tensor([1, 2]), 0.5);   // [1.5, 2.5]
 */
export function add<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.add(unwrap(a), unwrap(b)));
}

/** a − b. @example sub(1, tensor([0.25]));   // [0.75] */
export function sub<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.sub(unwrap(a), unwrap(b)));
}

/** a · b. @example mul(tensor([1, 2]), tensor([[3], [4]]));   // [[3, 6], [4, 8]] */
export function mul<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.mul(unwrap(a), unwrap(b)));
}

/** a / b in floating point: integers give float32. @example div(tensor([1, 2]), 4);   // [0.25, 0.5] */
export function div<A extends Operand, B extends Operand>(a: A, b: B): Tensor<FloatOf<Joined<A, B>>> {
  return wrap(nodes.div(unwrap(a), unwrap(b)));
}

/**
 * a to the power of b; NaN for a negative base and a fractional exponent. Exponents ±½, −1 and 0 to 4, given as numbers,
 * become products and roots. Integers wrap.
 *
 * @example
 * pow(tensor([1, 2, 3]), 2);   // [1, 4, 9]
 */
export function pow<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.pow(unwrap(a), unwrap(b)));
}

/** a − ⌊a / b⌋ · b, with the sign of b as in Python. @example remainder(tensor([-1, 4]), 3);   // [2, 1] */
export function remainder<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.remainder(unwrap(a), unwrap(b)));
}

/** The larger of both; NaN where either is; at a tie each has half of the gradient. @example maximum(tensor([1, 3]), 2);   // [2, 3] */
export function maximum<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.maximum(unwrap(a), unwrap(b)));
}

/** The smaller of both; NaN where either is; at a tie each has half of the gradient. @example minimum(tensor([1, 3]), 2);   // [1, 2] */
export function minimum<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.minimum(unwrap(a), unwrap(b)));
}

/** −x. */
export function neg<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.neg(x.node));
}

/** |x|, with gradient 0 at 0. */
export function abs<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.abs(x.node));
}

/** −1, 0 or 1; NaN of NaN. */
export function sign<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.sign(x.node));
}

/** eˣ. Like the other functions of real numbers it gives float32 for integers. */
export function exp<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.exp(x.node));
}

/** eˣ − 1, accurate near 0. */
export function expm1<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.expm1(x.node));
}

/** The natural logarithm: −∞ at 0, NaN below. */
export function log<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.log(x.node));
}

/** log(1 + x), accurate near 0. */
export function log1p<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.log1p(x.node));
}

/** √x; NaN below 0. */
export function sqrt<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.sqrt(x.node));
}

/** 1 / √x. */
export function rsqrt<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.rsqrt(x.node));
}

/** x². */
export function square<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.square(x.node));
}

/** 1 / x. */
export function reciprocal<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.reciprocal(x.node));
}

/** The sine of x in radians. */
export function sin<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.sin(x.node));
}

/** The cosine of x in radians. */
export function cos<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.cos(x.node));
}

/** The hyperbolic tangent. */
export function tanh<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.tanh(x.node));
}

/** The error function, 2/√π ∫₀ˣ exp(−t²) dt. */
export function erf<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.erf(x.node));
}

/** The largest integer that is not above x, in x's dtype. */
export function floor<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.floor(x.node));
}

/** The smallest integer that is not below x, in x's dtype. */
export function ceil<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.ceil(x.node));
}

/** The nearest integer, halves to the even one. @example round(tensor([0.5, 1.5, 2.5]));   // [0, 2, 2] */
export function round<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.round(x.node));
}

/** x without its fraction. */
export function trunc<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.trunc(x.node));
}

/**
 * The nearest value in [low, high]. The gradient is 1 inside and on the limits, 0 outside; NaN stays.
 *
 * @throws UserError `OPTION` where low > high.
 * @example
 * clamp(tensor([-1, 0.5, 2]), 0, 1);   // [0, 0.5, 1]
 */
export function clamp<D extends DType>(x: Tensor<D>, low?: Operand, high?: Operand): Tensor<D> {
  return x.clamp(low, high);
}

/** The same value, which gradients take for a constant. @example x.sub(stopGradient(x.max())); */
export function stopGradient<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.stopGradient(x.node));
}

/**
 * The same values as another dtype: floats lose their fraction, integers wrap, bool is whether they are not 0.
 *
 * @param dtype float64 for anything but scalars lives on the reference device only.
 * @example
 * cast(tensor([1.7, -1.7]), "int32");   // [1, -1]
 */
export function cast<D extends DType>(x: AnyTensor, dtype: D): Tensor<D> {
  return wrap(castNode(x.node, dtype));
}

// ---- Activations

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

/** log(1 + eˣ), without overflow. */
export function softplus<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.softplus(x.node));
}

// ---- Comparisons and logic; results are bool

/** a = b. */
export function eq(a: Operand, b: Operand): Tensor<"bool"> {
  return wrap(nodes.eq(unwrap(a), unwrap(b)));
}

/** a ≠ b; true of NaN. */
export function ne(a: Operand, b: Operand): Tensor<"bool"> {
  return wrap(nodes.ne(unwrap(a), unwrap(b)));
}

/** a < b. */
export function lt(a: Operand, b: Operand): Tensor<"bool"> {
  return wrap(nodes.lt(unwrap(a), unwrap(b)));
}

/** a ≤ b. */
export function le(a: Operand, b: Operand): Tensor<"bool"> {
  return wrap(nodes.le(unwrap(a), unwrap(b)));
}

/** a > b. */
export function gt(a: Operand, b: Operand): Tensor<"bool"> {
  return wrap(nodes.gt(unwrap(a), unwrap(b)));
}

/** a ≥ b. */
export function ge(a: Operand, b: Operand): Tensor<"bool"> {
  return wrap(nodes.ge(unwrap(a), unwrap(b)));
}

/** Both (bool), or bit by bit (integers). */
export function and<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.and(unwrap(a), unwrap(b)));
}

/** Either (bool), or bit by bit (integers). */
export function or<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.or(unwrap(a), unwrap(b)));
}

/** Exactly one (bool), or bit by bit (integers). */
export function xor<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.xor(unwrap(a), unwrap(b)));
}

/** True where x (bool) is false. */
export function not(x: Tensor<"bool">): Tensor<"bool"> {
  return wrap(nodes.not(x.node));
}

/**
 * `yes` where the condition holds, else `no`, element by element; all three broadcast. Gradients flow to the side taken.
 *
 * @param condition bool.
 * @example
 * where(x.gt(0), x, 0);
 */
export function where<A extends Operand, B extends Operand>(condition: Tensor<"bool">, yes: A, no: B): Tensor<Joined<A, B>> {
  return wrap(nodes.where(condition.node, unwrap(yes), unwrap(no)));
}

/** Whether each element is not a number. */
export function isNaN(x: Operand): Tensor<"bool"> {
  return wrap(nodes.isNaN(one(x)));
}

/** Whether each element is neither NaN nor infinite. */
export function isFinite(x: Operand): Tensor<"bool"> {
  return wrap(nodes.isFinite(one(x)));
}
