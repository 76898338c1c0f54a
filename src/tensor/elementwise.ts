// Arithmetic, comparisons and logic of each element, as free functions. Operands broadcast: axes align at the right, and axes of size 1 stretch.
// They meet in one dtype: bool < uint8, int8 < int32 < float32 < float64, where 16-bit floats count as float32; a number takes the dtype of the tensor beside it, but a
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
 * ⌊a / b⌋ as in Python, from the exact remainder; its gradient is 0. Integers stay integers.
 *
 * @example
 * floorDivide(tensor([7, -7]), 2);   // [3, -4]
 */
export function floorDivide<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.floorDivide(unwrap(a), unwrap(b)));
}

/** a / b without its fraction; its gradient is 0. Integers stay integers. @example truncDivide(tensor([7, -7]), 2);   // [3, -3] */
export function truncDivide<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.truncDivide(unwrap(a), unwrap(b)));
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

/** The remainder of a / b with the sign of a, as C's fmod and JavaScript's %. @example fmod(tensor([-1, 4]), 3);   // [-1, 1] */
export function fmod<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.fmod(unwrap(a), unwrap(b)));
}

/** The larger of both; NaN where either is; at a tie each has half of the gradient. @example maximum(tensor([1, 3]), 2);   // [2, 3] */
export function maximum<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.maximum(unwrap(a), unwrap(b)));
}

/** The smaller of both; NaN where either is; at a tie each has half of the gradient. @example minimum(tensor([1, 3]), 2);   // [1, 2] */
export function minimum<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.minimum(unwrap(a), unwrap(b)));
}

/** The larger of both, or the other where one is NaN; at a tie a has all of the gradient. @example fmax(tensor([Number.NaN]), 2);   // [2] */
export function fmax<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.fmax(unwrap(a), unwrap(b)));
}

/** The smaller of both, or the other where one is NaN; at a tie a has all of the gradient. */
export function fmin<A extends Operand, B extends Operand>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.fmin(unwrap(a), unwrap(b)));
}

/** a + weight · (b − a). @example lerp(tensor([0, 10]), tensor([1, 20]), 0.25);   // [0.25, 12.5] */
export function lerp<A extends Operand, B extends Operand>(a: A, b: B, weight: Operand): Tensor<Joined<A, B>> {
  return wrap(nodes.lerp(unwrap(a), unwrap(b), unwrap(weight)));
}

/** x + scale · a · b. @param scale default 1. @example addcmul(tensor([1]), tensor([2]), tensor([3]), 0.5);   // [4] */
export function addcmul<D extends DType>(x: Tensor<D>, a: Operand, b: Operand, scale = 1): Tensor<D> {
  const product = nodes.mul(unwrap(a), unwrap(b));
  return wrap(nodes.add(x.node, scale === 1 ? product : nodes.mul(product, scale)));
}

/** x + scale · a / b. @param scale default 1. @example addcdiv(tensor([1]), tensor([2]), tensor([4]), 3);   // [2.5] */
export function addcdiv<D extends DType>(x: Tensor<D>, a: Operand, b: Operand, scale = 1): Tensor<FloatOf<D>> {
  const quotient = nodes.div(unwrap(a), unwrap(b));
  return wrap(nodes.add(x.node, scale === 1 ? quotient : nodes.mul(quotient, scale)));
}

/** −x. */
export function neg<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.neg(x.node));
}

/** |x|, with gradient 0 at 0. */
export function abs<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.abs(x.node));
}

/** −1, 0 or 1; 0 of NaN. */
export function sign<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.sign(x.node));
}

/** x². */
export function square<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.square(x.node));
}

/** 1 / x. */
export function reciprocal<D extends DType>(x: Tensor<D>): Tensor<FloatOf<D>> {
  return wrap(nodes.reciprocal(x.node));
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

/** x − trunc(x), with the sign of x. @example frac(tensor([1.25, -1.25]));   // [0.25, -0.25] */
export function frac<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(nodes.frac(x.node));
}

/**
 * Numbers in place of NaN and the infinities, whose gradient is 0 there.
 *
 * @param options.nan default 0.
 * @param options.positive in place of ∞; default the largest float32.
 * @param options.negative in place of −∞; default the smallest.
 * @example
 * nanToNumber(tensor([Number.NaN, 1]));   // [0, 1]
 */
export function nanToNumber<D extends DType>(
  x: Tensor<D>,
  options: { readonly nan?: number; readonly positive?: number; readonly negative?: number } = {},
): Tensor<D> {
  const largest = x.dtype === "float64" ? Number.MAX_VALUE : 3.4028234663852886e38;
  return wrap(nodes.nanToNumber(x.node, options.nan ?? 0, options.positive ?? largest, options.negative ?? -largest));
}

/**
 * The nearest value in [low, high], and high where low > high. The gradient is 1 inside and on the limits, 0 outside; NaN stays.
 *
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
 * @example
 * cast(tensor([1.7, -1.7]), "int32");   // [1, -1]
 */
export function cast<D extends DType>(x: AnyTensor, dtype: D): Tensor<D> {
  return wrap(castNode(x.node, dtype));
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

/** Whether both are not 0, for any dtypes. */
export function logicalAnd(a: Operand, b: Operand): Tensor<"bool"> {
  return wrap(nodes.logicalAnd(unwrap(a), unwrap(b)));
}

/** Whether either is not 0, for any dtypes. */
export function logicalOr(a: Operand, b: Operand): Tensor<"bool"> {
  return wrap(nodes.logicalOr(unwrap(a), unwrap(b)));
}

/** Whether exactly one is not 0, for any dtypes. */
export function logicalXor(a: Operand, b: Operand): Tensor<"bool"> {
  return wrap(nodes.logicalXor(unwrap(a), unwrap(b)));
}

/** Whether x is 0, for any dtype. @example logicalNot(tensor([0, 2]));   // [true, false] */
export function logicalNot(x: Operand): Tensor<"bool"> {
  return wrap(nodes.logicalNot(one(x)));
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

/** Whether each element is ∞ or −∞. */
export function isInfinite(x: Operand): Tensor<"bool"> {
  return wrap(nodes.isInfinite(one(x)));
}
