// xʸ in float32 as 2^(y·log₂ x), with log₂ x and the product in pairs of floats of some 36 bits. Splitting a float into halves
// of 12 bits makes products exact, so nothing depends on a fused multiply-add.
// Source: the method of FreeBSD's e_powf.c (Sun Microsystems, 1993), made branch-free.

import type { Expression } from "../../graph/kernel.ts";
import { abs, add, and, cast, div, type Emit, eq, fma, le, lt, mul, ne, not, or, select, sub, trunc, xor } from "../expression.ts";
import { atLeast, atMost, bitsOf, float, floatOf, polynomial, signOf, upperHalf } from "./algebra.ts";

import { expReduced, roundingShift, scaleWide } from "./exponential.ts";
import { decompose } from "./logarithm.ts";

/** 3·(artanh(s)/s − 1 − s²/3)/s⁴ in s² on |s| ≤ (√2 − 1)/(√2 + 1), our own fit. */
const artanhTail = [0.6000022888183594, 0.4282063841819763, 0.35129308700561523];

/** 2/(3 ln 2) in all, its upper 12 bits, and the rest. */
const factor: number = 2 / (3 * Math.LN2);
const factorHigh = 0.961669921875;
const factorLow: number = factor - factorHigh;

/** A value as the sum of two floats, the first of 12 bits. */
interface Pair {
  readonly high: Expression;
  readonly low: Expression;
}

/** log₂ x for positive x, within 2⁻³³ of its value. log((1+s)/(1−s)) = ⅔·s·(3 + s² + s⁴·p(s²)) with s = (m − 1)/(m + 1). */
function log2(x: Expression, emit: Emit): Pair {
  const tiny = emit(lt(x, 2 ** -126));
  const { exponent, mantissa } = decompose(emit(select(tiny, mul(x, 2 ** 25), x)), emit);
  const m = emit(mantissa);
  const e = emit(add(cast(exponent, "f32"), select(tiny, float(-25, x), 0)));
  const f = emit(sub(m, 1));
  const sum = emit(add(m, 1));
  const inverse = emit(div(1, sum));
  const s = emit(mul(f, inverse));
  const sHigh = emit(upperHalf(s));
  const sumHigh = emit(upperHalf(sum));
  const sumLow = sub(m, sub(sumHigh, 1));
  const sLow = emit(mul(inverse, sub(sub(f, mul(sHigh, sumHigh)), mul(sHigh, sumLow))));
  const square = emit(mul(s, s));
  const rest = emit(fma(sLow, add(sHigh, s), mul(mul(square, square), polynomial(square, artanhTail))));
  const squareHigh = emit(mul(sHigh, sHigh));
  const seriesHigh = emit(upperHalf(emit(add(add(squareHigh, 3), rest))));
  const seriesLow = sub(rest, sub(sub(seriesHigh, 3), squareHigh));
  const product = emit(mul(sHigh, seriesHigh));
  const productRest = emit(fma(sLow, seriesHigh, mul(seriesLow, s)));
  const high = emit(upperHalf(emit(add(product, productRest))));
  const low = sub(productRest, sub(high, product));
  const scaled = emit(mul(high, factorHigh));
  const scaledRest = emit(fma(high, factorLow, mul(low, factor)));
  const total = emit(upperHalf(emit(add(add(scaled, scaledRest), e))));
  return { high: total, low: emit(sub(scaledRest, sub(sub(total, e), scaled))) };
}

/** xʸ with the special cases of IEEE 754, among them 1 for the base 1 and any y, and for the base −1 and an infinite y. */
export function pow(x: Expression, y: Expression, emit: Emit): Expression {
  const infinity = Number.POSITIVE_INFINITY;
  const size = emit(abs(x));
  const logarithm = log2(size, emit);

  // |y| ≥ 2³³ overflows or underflows whatever x is, but for 1.
  const power = emit(atLeast(emit(atMost(y, 2 ** 33)), -(2 ** 33)));
  const powerHigh = emit(upperHalf(power));
  const high = emit(mul(powerHigh, logarithm.high));
  const low = emit(fma(power, logarithm.low, mul(sub(power, powerHigh), logarithm.high)));
  const exponent = emit(atLeast(emit(atMost(emit(add(high, low)), 160)), -160));
  const shifted = emit(add(exponent, roundingShift + 254));
  const n = sub(shifted, roundingShift + 254);
  const fraction = emit(atLeast(emit(atMost(emit(add(sub(high, n), low)), 1)), -1));
  const core = scaleWide(expReduced(emit(mul(fraction, Math.LN2)), emit), emit(bitsOf(shifted)), emit);

  const whole = emit(eq(trunc(y), y));
  const halfY = emit(mul(y, 0.5));
  const odd = and(whole, ne(trunc(halfY), halfY));
  const zero = emit(eq(size, 0));
  const extreme = or(zero, eq(size, infinity));
  const atExtreme = select(xor(zero, lt(y, 0)), float(0, x), infinity);
  const signed = floatOf(xor(bitsOf(select(extreme, atExtreme, core)), select(odd, signOf(x), 0)));
  const undefinedBase = and(and(lt(x, 0), lt(size, infinity)), not(whole));
  const one = or(eq(x, 1), and(eq(size, 1), eq(abs(y), infinity)));
  const known = and(le(size, infinity), eq(y, y));
  const result = select(and(known, not(undefinedBase)), signed, Number.NaN);
  return select(or(eq(y, 0), one), 1, result);
}
