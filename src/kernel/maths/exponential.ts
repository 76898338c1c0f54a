// exp, expm1 and tanh in float32. One reduction serves all: x = k·ln 2 + r with |r| ≤ ½ ln 2, eʳ − 1 = r + r²·q(r), where q
// is a minimax polynomial. ln 2 is split so that k·(its upper part) is exact. Adding 1.5·2²³ rounds to an integer and leaves
// k in the low bits, from where it becomes an exponent by shifts.

import type { Expression } from "../../graph/kernel.ts";
import { abs, add, div, type Emit, fma, lt, mul, or, select, shl, shr, sub } from "../expression.ts";
import { atLeast, atMost, bitsOf, floatOf, polynomial, signOf } from "./algebra.ts";

/** Added to a float32 below 2²², leaves its nearest integer in the low bits. */
export const roundingShift = 12582912;

/** (eʳ − 1 − r) / r² on |r| ≤ ½ ln 2, for a relative error of eʳ − 1 below 2⁻³¹ (our own fit). */
const exponentialTail = [0.5, 0.1666666567325592, 0.04166649281978607, 0.008333547040820122, 0.0013932320289313793, 0.00019760787836275995];

/** The same where eʳ itself is wanted: relative error below 2⁻²⁸ with one term less. */
const shortTail = [0.4999999403953552, 0.1666652113199234, 0.04166825860738754, 0.00836866907775402, 0.0013821304310113192];

/** `bits` holds k + bias in its low bits; r is the rest. */
function reduce(x: Expression, bias: number, emit: Emit): { bits: Expression; r: Expression } {
  const shifted = emit(fma(x, Math.LOG2E, roundingShift + bias));
  const k = emit(sub(shifted, roundingShift + bias));
  return { bits: bitsOf(shifted), r: emit(fma(k, 2.1219444e-4, fma(k, -0.693359375, x))) };
}

/** eʳ for |r| ≤ ½ ln 2. */
export function expReduced(r: Expression, emit: Emit): Expression {
  return add(fma(emit(mul(r, r)), polynomial(r, shortTail), r), 1);
}

/** eʳ − 1 for |r| ≤ ½ ln 2. */
function expm1Reduced(r: Expression, emit: Emit): Expression {
  return fma(emit(mul(r, r)), polynomial(r, exponentialTail), r);
}

/** p · 2ᵏ for any −252 ≤ k ≤ 254, gradually underflowing; `bits` holds k + 254 in its low 9 bits. Two factors, as no float holds 2ᵏ. */
export function scaleWide(p: Expression, bits: Expression, emit: Emit): Expression {
  const half = emit(shl(shr(bits, 1), 23));
  return mul(mul(p, floatOf(half)), floatOf(sub(shl(bits, 23), half)));
}

/** eˣ for −80 ≤ x ≤ 80: without the ends of the range. */
export function expModerate(x: Expression, emit: Emit): Expression {
  const { bits, r } = reduce(x, 127, emit);
  return mul(expReduced(r, emit), floatOf(shl(bits, 23)));
}

/** eˣ for −80 ≤ x ≤ 0 where it is taken from 1: k·ln 2 may be wrong by as little as 1 can tell, for large k the less. */
export function expBesideOne(x: Expression, emit: Emit): Expression {
  const shifted = emit(fma(x, Math.LOG2E, roundingShift + 127));
  const r = emit(fma(emit(sub(shifted, roundingShift + 127)), -Math.LN2, x));
  return mul(expReduced(r, emit), floatOf(shl(bitsOf(shifted), 23)));
}

/** eˣ. */
export function exp(x: Expression, emit: Emit): Expression {
  const inside = emit(atLeast(emit(atMost(x, 89)), -104));
  const { bits, r } = reduce(inside, 254, emit);
  return scaleWide(expReduced(r, emit), emit(bits), emit);
}

/** eˣ − 1 = 2·(2ᵏ⁻¹·(eʳ − 1) + (2ᵏ⁻¹ − ½)), and x itself where x² does not count. */
export function expm1(x: Expression, emit: Emit): Expression {
  const inside = emit(atLeast(emit(atMost(x, 89)), -18));
  const { bits, r } = reduce(inside, 126, emit);
  const power = emit(floatOf(shl(bits, 23)));
  const half = fma(power, expm1Reduced(r, emit), sub(power, 0.5));
  return select(lt(abs(x), 2 ** -25), x, mul(half, 2));
}

/** (tanh x − x) / x³ in x² on |x| ≤ 0.55, for a relative error of tanh below 2⁻²⁹ (our own fit). */
const tanhTail = [-0.33333316445350647, 0.13332544267177582, -0.0538475476205349, 0.02105071395635605, -0.00624284939840436];

/** tanh x: near 0 a polynomial; beyond, 1 − 2 / (e²ˣ + 1) of |x|, and the sign of x. */
export function tanh(x: Expression, emit: Emit): Expression {
  const size = emit(atMost(emit(abs(x)), 9.25));
  const square = emit(mul(size, size));
  const near = fma(mul(square, size), polynomial(square, tanhTail), size);
  const far = sub(1, div(2, add(expModerate(emit(add(size, size)), emit), 1)));
  return floatOf(or(bitsOf(select(lt(size, 0.55), near, far)), signOf(x)));
}
