// The error function in float32: x + x·p(x²) near 0; beyond, 1 − e⁻ᵍ with g = −ln(1 − erf |x|) = |x| + |x|·q(|x|).
// Its complement: 1 − erf x below ½; beyond, e^(−x²) times a polynomial, where x² is split in an exact part and a small rest.

import type { Expression } from "../../graph/kernel.ts";
import { abs, add, div, type Emit, fma, lt, mul, neg, or, select, sub } from "../expression.ts";
import { atLeast, atMost, bitsOf, floatOf, polynomial, signOf, upperHalf } from "./algebra.ts";

import { exp, expBesideOne, expReduced } from "./exponential.ts";

const border = 0.84;

/** erf(x)/x − 1 in x² on |x| ≤ 0.84, for a relative error below 2⁻²⁷ (our own fits). */
const near = [
  0.12837916612625122, -0.3761257827281952, 0.1128280907869339, -0.026806598529219627, 0.005058301612734795, -0.0006359560647979379,
];

/** ln(1 − erf t)/t + 1 on 0.84 ≤ t ≤ 3.95, for a relative error of erf below 2⁻²⁸. */
const far = [
  -0.12853080034255981, -0.6356620192527771, -0.10533694177865982, 0.022938640788197517, -0.003230287926271558, 0.00021586190268862993,
];

/** erf x. */
export function erf(x: Expression, emit: Emit): Expression {
  const size = emit(atMost(emit(abs(x)), 3.95));
  const square = emit(mul(size, size));
  const small = fma(size, polynomial(square, near), size);
  const logarithm = emit(fma(size, polynomial(size, far), neg(size)));
  const large = sub(1, expBesideOne(logarithm, emit));
  return floatOf(or(bitsOf(select(lt(size, border), small, large)), signOf(x)));
}

/** erfc(x)·e^(x²)·(1 + 2x) in (x − 3)/(x + 3) on ½ ≤ x ≤ 10.1, for a relative error below 2⁻²⁴ (our own fit). */
const complement = [
  1.2530080080032349, -0.1356211006641388, -0.04755735769867897, 0.12964577972888947, -0.11935027688741684, 0.06828155368566513,
  -0.02338005229830742, 0.0027333779726177454, 0.0012268060818314552, -0.0011655394919216633,
];

/** 1 − erf x, relatively accurate where erf x is near 1. */
export function erfc(x: Expression, emit: Emit): Expression {
  const near = emit(sub(1, erf(x, emit)));
  const t = emit(atMost(emit(atLeast(x, 0.5)), 10.5));
  const high = emit(upperHalf(t));
  const rest = emit(neg(mul(sub(t, high), add(t, high))));
  const factor = emit(div(polynomial(emit(div(sub(t, 3), add(t, 3))), complement), add(add(t, t), 1)));
  const far = mul(exp(emit(neg(mul(high, high))), emit), emit(mul(factor, expReduced(rest, emit))));
  return select(lt(x, 0.5), near, far);
}
