// The angle of a point in float32. With s ≤ b the smaller and the larger of |x| and |y|, the angle in the first eighth of the
// circle is atan(s/b); above tan(π/8) it is π/4 + atan((s − b)/(s + b)), so that the polynomial has short arguments. Then the angle is
// k·π/4 ± that, with π/4 in two parts, the first of 20 bits, so that its multiples are exact.

import type { Expression } from "../../graph/kernel.ts";
import { abs, add, and, div, type Emit, eq, fma, lt, max, min, mul, or, select, sub, xor } from "../expression.ts";
import { bitsOf, float, floatOf, polynomial, signOf } from "./algebra.ts";

/** (atan q − q) / q³ in q² on |q| ≤ 0.4143, for a relative error of atan below 2⁻³⁰ (our own fit). */
const arctangentTail = [-0.33333316445350647, 0.19998528063297272, -0.14244388043880463, 0.10599120706319809, -0.06089867651462555];

/** π/4 = the sum. */
const quarterHigh = 0.7853975296020508;
const quarterLow = 6.337954232549237e-7;

/** The angle of (x, y) from the x axis, in (−π, π], with −π where y is −0 and x negative. */
export function atan2(y: Expression, x: Expression, emit: Emit): Expression {
  const [height, width] = [emit(abs(y)), emit(abs(x))];
  const largest = emit(max(height, width));
  // Neither sums nor quotients may leave the range: two infinities are as good as two ones, two zeros as 0 and 1.
  const scale = emit(select(lt(2 ** 126, largest), float(0.25, x), 1));
  const both = emit(eq(min(height, width), Number.POSITIVE_INFINITY));
  const small = emit(select(both, float(1, x), mul(min(height, width), scale)));
  const large = emit(select(both, float(1, x), select(eq(largest, 0), float(1, x), mul(largest, scale))));

  const far = emit(lt(mul(large, Math.SQRT2 - 1), small));
  const quotient = emit(div(select(far, sub(small, large), small), select(far, add(small, large), large)));
  const square = emit(mul(quotient, quotient));
  const angle = emit(fma(mul(square, quotient), polynomial(square, arctangentTail), quotient));

  const steep = emit(lt(width, height));
  const left = emit(lt(bitsOf(x), 0));
  const eighth = emit(select(far, float(1, x), 0));
  const upper = emit(select(steep, sub(2, eighth), eighth));
  const turns = emit(select(left, sub(4, upper), upper));
  const flipped = emit(xor(steep, left));
  const signed = select(flipped, floatOf(xor(bitsOf(angle), -0x80000000)), angle);
  const total = fma(turns, quarterHigh, fma(turns, quarterLow, signed));
  return floatOf(or(and(bitsOf(total), 0x7fffffff), signOf(y)));
}
