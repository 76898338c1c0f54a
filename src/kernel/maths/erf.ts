// The error function in float32: x + x·p(x²) near 0; beyond, 1 − e⁻ᵍ with g = −ln(1 − erf |x|) = |x| + |x|·q(|x|).
// Its complement: 1 − erf x below ½; beyond, e^(−x²) times a polynomial, where x² is split in an exact part and a small rest.

import type { Expression } from "../../graph/kernel.ts";
import { abs, add, div, type Emit, fma, lt, mul, neg, or, select, sub } from "../expression.ts";
import { atLeast, atMost, bitsOf, floatOf, polynomial, signOf, upperHalf } from "./algebra.ts";

import { exp, expModerate, expReduced } from "./exponential.ts";

const border = 0.9;

/** erf(x)/x − 1 in x² on |x| ≤ 0.9, for a relative error below 2⁻³⁰ (our own fits). */
const near = [
  0.12837916612625122, -0.3761262893676758, 0.11283624172210693, -0.026855560019612312, 0.005191753152757883, -0.0008039752719923854,
  7.943100354168564e-5,
];

/** −ln(1 − erf t)/t − 1 on 0.9 ≤ t ≤ 3.95, for a relative error of erf below 2⁻²⁸. */
const far = [
  0.1285199522972107, 0.6356993913650513, 0.10528679192066193, -0.022905968129634857, 0.0032199483830481768, -0.000214590851101093,
];

/** erf x. */
export function erf(x: Expression, emit: Emit): Expression {
  const size = emit(atMost(emit(abs(x)), 3.95));
  const square = emit(mul(size, size));
  const small = fma(size, polynomial(square, near), size);
  const g = emit(fma(size, polynomial(size, far), size));
  const large = sub(1, expModerate(emit(mul(g, -1)), emit));
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
