// sin and cos in float32 for |x| ≤ 2²¹. x = n·π/2 + r with |r| ≤ π/4. n (21 bits) is split in two halves and π/2 in parts of
// 13 bits, so that every product is exact; what the subtractions lose is kept and given back at the end, so r is right to one unit
// even where x is as near to a multiple of π/2 as a float32 can be. Beyond, where neighbouring numbers are ¼ apart and more, x
// counts as 0: no branch-free code reaches all exponents cheaply.

import type { Expression } from "../../graph/kernel.ts";
import { abs, add, and, type Emit, eq, fma, le, mul, select, shl, sub, xor } from "../expression.ts";
import { bitsOf, floatOf, polynomial, signOf } from "./algebra.ts";

import { roundingShift } from "./exponential.ts";

/** Arguments of sin and cos beyond this give what 0 gives. */
export const trigonometricBound: number = 2 ** 21;

/** π/2 = the sum; the first four have 13 bits each. */
const halfPi = [1.570556640625, 0.0002396702766418457, 1.5890691429376602e-8, 2.5632829192545614e-12, 6.123234262925839e-17] as const;

/** (sin r − r) / r³ in r², for a relative error below 2⁻³¹ on |r| ≤ 0.98 (our own fits). */
const sineTail = [-0.1666666716337204, 0.0083333570510149, -0.00019843282643705606, 2.7329840577294817e-6];

/** (cos r − 1 + r²/2) / r⁴ in r², below 2⁻²⁹. */
const cosineTail = [0.04166658595204353, -0.0013885039370507002, 2.4226319510489702e-5];

/** The quadrant in the low bits of an i32, and the rest r, a little beyond π/4 where n is large. */
function reduce(x: Expression, emit: Emit): { quadrant: Expression; r: Expression } {
  const shifted = emit(fma(x, 2 / Math.PI, roundingShift));
  const n = emit(sub(shifted, roundingShift));
  const high = emit(sub(emit(add(n, roundingShift * 2 ** 10)), roundingShift * 2 ** 10));
  const low = emit(sub(n, high));
  const [p1, p2, p3, p4, p5] = halfPi;
  const a = emit(fma(high, -p2, fma(low, -p1, fma(high, -p1, x))));
  const b = emit(fma(low, -p2, a));
  const c = emit(fma(high, -p3, b));
  const d = emit(fma(low, -p3, c));
  const e = emit(fma(high, -p4, d));
  const lost = add(add(fma(low, -p2, sub(a, b)), fma(high, -p3, sub(b, c))), add(fma(low, -p3, sub(c, d)), fma(high, -p4, sub(d, e))));
  return { quadrant: bitsOf(shifted), r: emit(add(e, fma(low, -p4, fma(n, -p5, lost)))) };
}

/** ±sin r or ±cos r by the quadrant. */
function evaluate(quadrant: Expression, r: Expression, emit: Emit): Expression {
  const square = emit(mul(r, r));
  const sine = fma(mul(square, r), polynomial(square, sineTail), r);
  const cosine = fma(mul(square, square), polynomial(square, cosineTail), fma(square, -0.5, 1));
  const even = eq(and(quadrant, 1), 0);
  return select(even, sine, cosine);
}

/** |x|, or 0 where it is too large, or NaN where it is not finite. */
function inside(x: Expression, emit: Emit): Expression {
  const size = emit(abs(x));
  return emit(select(le(size, trigonometricBound), size, mul(size, 0)));
}

/** sin x. */
export function sin(x: Expression, emit: Emit): Expression {
  const { quadrant, r } = reduce(inside(x, emit), emit);
  const bits = emit(quadrant);
  const sign = xor(and(shl(bits, 30), -0x80000000), signOf(x));
  return floatOf(xor(bitsOf(evaluate(bits, r, emit)), sign));
}

/** cos x. */
export function cos(x: Expression, emit: Emit): Expression {
  const { quadrant, r } = reduce(inside(x, emit), emit);
  const bits = emit(add(quadrant, 1));
  return floatOf(xor(bitsOf(evaluate(bits, r, emit)), and(shl(bits, 30), -0x80000000)));
}
