// sin and cos in float32. x = n·π/2 + r with |r| ≤ π/4. For |x| ≤ 2²¹, n is split in two halves and π/2 in parts of 13 bits, so
// that every product is exact; what the subtractions lose is kept and given back at the end, so r is right to one unit
// even where x is as near to a multiple of π/2 as a float32 can be. Beyond, where neighbouring numbers are ¼ apart and more, the
// product of x and 2/π is formed in integers, of those bits of 2/π alone that count modulo 4 (Payne and Hanek, 1983): a branch
// that is seldom taken.

import type { Expression } from "../../graph/kernel.ts";
import {
  abs,
  add,
  and,
  anyLane,
  cast,
  constant,
  type Emit,
  eq,
  fma,
  le,
  lt,
  mul,
  or,
  sameLanes,
  select,
  set,
  shl,
  shr,
  sub,
  trunc,
  xor,
} from "../expression.ts";
import type { Writer } from "../writer.ts";
import { bitsOf, float, floatOf, polynomial, signOf } from "./algebra.ts";

import { roundingShift } from "./exponential.ts";

/** Arguments of sin and cos beyond this take the branch of the large. */
export const trigonometricBound: number = 2 ** 21;

/** π/2 = the sum; the first four have 13 bits each. */
const halfPi = [1.570556640625, 0.0002396702766418457, 1.5890691429376602e-8, 2.5632829192545614e-12, 6.123234262925839e-17] as const;

/** (sin r − r) / r³ in r², for a relative error below 2⁻³¹ on |r| ≤ 0.98 (our own fits). */
const sineTail = [-0.1666666716337204, 0.0083333570510149, -0.00019843282643705606, 2.7329840577294817e-6];

/** (cos r − 1 + r²/2) / r⁴ in r², below 2⁻²⁹. */
const cosineTail = [0.04166658595204353, -0.0013885039370507002, 2.4226319510489702e-5];

/** n, in the low bits of an i32, and r, a little beyond π/4 where n is large. */
interface Reduced {
  readonly quadrant: Expression;
  readonly r: Expression;
}

function reduceModerate(x: Expression, emit: Emit): Reduced {
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

/** 1/(2π) in digits of 12 bits. */
const inverseTurn = [651, 3680, 3513, 913, 84, 2687, 157, 1524, 2004, 3383, 1795, 1752, 2646, 1615, 270, 1040, 2041];
const digitBits = 12;

/**
 * For 2²¹ ≤ x < 2¹²⁸. With 4x = m · 2¹²ᵠ, m of three digits, the digits of 1/(2π) from number q − 1 on are those whose products with m
 * count modulo 4; seven columns of them leave an error below 2⁻⁵⁸.
 */
function reduceLarge(x: Expression, emit: Emit): Reduced {
  const type = sameLanes(x.type, "i32");
  // ⌊(exponent − 21) / 12⌋ by a multiplication.
  const q = emit(shr(mul(sub(shr(bitsOf(x), 23), 127 + 21), 171), 11));
  const m = emit(mul(x, floatOf(shl(sub(129, mul(q, digitBits)), 23))));
  const top = emit(trunc(mul(m, 2 ** -24)));
  const rest = emit(sub(m, mul(top, 2 ** 24)));
  const middle = emit(trunc(mul(rest, 2 ** -12)));
  const digits = [sub(rest, mul(middle, 2 ** 12)), middle, top].map((digit) => emit(cast(digit, "i32"))) as [
    Expression,
    Expression,
    Expression,
  ];

  const digit = (place: number): Expression => {
    let value: Expression = constant(type, inverseTurn[place - 1] ?? 0);
    for (let j = 1; j <= 8; j++) value = select(le(j, q), inverseTurn[place - 1 + j] as number, value);
    return emit(value);
  };
  const window = Array.from({ length: 9 }, (_, i) => digit(i));
  const column = (i: number): Expression =>
    [0, 1, 2].map((j) => mul(digits[j] as Expression, window[i + j] as Expression)).reduce((sum, product) => add(sum, product));

  // Carries, from the last column to the first, whose sum is n before rounding.
  let carry: Expression = constant(type, 0);
  const fraction: Expression[] = [];
  for (let i = 6; i > 0; i--) {
    const sum = emit(add(column(i), carry));
    fraction.unshift(and(sum, 4095));
    carry = emit(shr(sum, digitBits));
  }
  const whole = add(column(0), carry);
  const pair = (i: number): Expression => emit(or(shl(fraction[i] as Expression, digitBits), fraction[i + 1] as Expression));
  const [high, mid, low] = [pair(0), pair(2), pair(4)];
  const up = emit(le(2 ** 23, high));
  const first = emit(mul(cast(emit(select(up, sub(high, 2 ** 24), high)), "f32"), 2 ** -24));
  const second = emit(mul(cast(mid, "f32"), 2 ** -48));
  const sum = emit(add(first, second));
  const lost = add(sub(second, sub(sum, first)), mul(cast(low, "f32"), 2 ** -72));
  const r = fma(sum, halfPiHigh, fma(sum, halfPiLow, mul(lost, halfPiHigh)));
  return { quadrant: add(whole, select(up, constant(type, 1), 0)), r };
}

/** π/2 as a float32, and the rest. */
const halfPiHigh = 1.5707963705062866;
const halfPiLow = -4.371138828673793e-8;

/** Of |x|; NaN where x is not finite. */
function reduce(x: Expression, writer: Writer): Reduced {
  const { emit } = writer;
  const size = emit(abs(x));
  const large = emit(and(lt(trigonometricBound, size), lt(size, Number.POSITIVE_INFINITY)));
  const moderate = reduceModerate(emit(select(le(size, trigonometricBound), size, mul(size, 0))), emit);
  const quadrant = writer.mutable(moderate.quadrant);
  const r = writer.mutable(moderate.r);
  const then = writer.block((inner) => {
    const found = reduceLarge(inner.emit(select(large, size, float(2 ** 22, size))), inner.emit);
    const [n, rest] = [inner.emit(found.quadrant), inner.emit(found.r)];
    inner.push(set(quadrant, select(large, n, quadrant)));
    inner.push(set(r, select(large, rest, r)));
  });
  writer.push({ kind: "if", condition: anyLane(large), then, otherwise: [] });
  return { quadrant, r };
}

/** ±sin r or ±cos r by the quadrant. */
function evaluate(quadrant: Expression, r: Expression, emit: Emit): Expression {
  const square = emit(mul(r, r));
  const sine = fma(mul(square, r), polynomial(square, sineTail), r);
  const cosine = fma(mul(square, square), polynomial(square, cosineTail), fma(square, -0.5, 1));
  const even = eq(and(quadrant, 1), 0);
  return select(even, sine, cosine);
}

/** sin x. */
export function sin(x: Expression, emit: Emit, writer: Writer): Expression {
  const { quadrant, r } = reduce(x, writer);
  const sign = xor(and(shl(quadrant, 30), -0x80000000), signOf(x));
  return floatOf(xor(bitsOf(evaluate(quadrant, r, emit)), sign));
}

/** cos x. */
export function cos(x: Expression, emit: Emit, writer: Writer): Expression {
  const { quadrant, r } = reduce(x, writer);
  const bits = emit(add(quadrant, 1));
  return floatOf(xor(bitsOf(evaluate(bits, r, emit)), and(shl(bits, 30), -0x80000000)));
}
