// The error function in float32: x + x·p(x²) near 0; beyond, 1 − e⁻ᵍ with g = −ln(1 − erf |x|) = |x| + |x|·q(|x|).

import type { Expression } from "../../graph/kernel.ts";
import { abs, type Emit, fma, lt, mul, or, select, sub } from "../expression.ts";
import { atMost, bitsOf, floatOf, polynomial, signOf } from "./algebra.ts";

import { expModerate } from "./exponential.ts";

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
