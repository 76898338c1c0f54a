// log and log1p in float32. x = 2ᵉ·(1 + f) with 1 + f in [√½, √2); log(1 + f) = f − f²/2 + f³·p(f), p a minimax polynomial;
// ln 2 is split so that e·(its upper part) is exact.

import type { Expression } from "../../graph/kernel.ts";
import { add, and, cast, type Emit, eq, fma, lt, mul, or, select, shl, shr, sub } from "../expression.ts";
import { bitsOf, float, floatOf, polynomial, signOf } from "./algebra.ts";

/** (log(1 + f) − f + f²/2) / f³, for a relative error of the logarithm below 2⁻³⁰ (our own fit). */
const logarithmTail = [
  0.3333331346511841, -0.25000008940696716, 0.2000207155942917, -0.16667987406253815, 0.14220353960990906, -0.1240626722574234,
  0.11883646249771118, -0.11669929325580597, 0.06748788803815842,
];

const rootHalfBits = 0x3f3504f3;

/** Positive normal x = 2ᵉ·m with m in [√½, √2). */
export function decompose(x: Expression, emit: Emit): { exponent: Expression; mantissa: Expression } {
  const bits = emit(sub(bitsOf(x), rootHalfBits));
  return { exponent: shr(bits, 23), mantissa: floatOf(add(and(bits, 0x7fffff), rootHalfBits)) };
}

/** e·ln 2 + log(1 + f). */
function assemble(e: Expression, f: Expression, emit: Emit): Expression {
  const square = emit(mul(f, f));
  const tail = fma(square, -0.5, fma(mul(square, f), polynomial(f, logarithmTail), mul(e, -2.1219444e-4)));
  return fma(e, 0.693359375, add(f, tail));
}

/** The result where x is positive and finite; else ∞, NaN, or −∞ at zero. */
function withEdges(x: Expression, result: Expression): Expression {
  const special = select(eq(x, 0), float(Number.NEGATIVE_INFINITY, x), Number.NaN);
  return select(lt(0, x), select(lt(x, Number.POSITIVE_INFINITY), result, x), special);
}

/** ln x. */
export function log(x: Expression, emit: Emit): Expression {
  const tiny = emit(lt(x, 2 ** -126));
  const { exponent, mantissa } = decompose(emit(select(tiny, mul(x, 2 ** 25), x)), emit);
  const e = emit(add(cast(exponent, "f32"), select(tiny, float(-25, x), 0)));
  return withEdges(x, assemble(e, emit(sub(mantissa, 1)), emit));
}

/** ln(1 + x): the rounding error c of u = 1 + x, scaled like u, joins f. */
export function log1p(x: Expression, emit: Emit): Expression {
  const u = emit(add(x, 1));
  const { exponent, mantissa } = decompose(u, emit);
  const e = emit(exponent);
  const c = sub(x, sub(u, 1));
  // Beyond 2⁶⁴ the error does not count, and 2⁻ᵉ would leave the range.
  const scale = floatOf(sub(127 << 23, shl(select(lt(e, 64), e, 64), 23)));
  const f = emit(fma(c, scale, sub(mantissa, 1)));
  const result = assemble(emit(cast(e, "f32")), f, emit);
  return floatOf(or(bitsOf(withEdges(u, result)), signOf(x)));
}
