// What the functions of this folder share: bit patterns, cheap limits, polynomials.

import type { Expression } from "../../graph/kernel.ts";
import { and, bitcast, constant, fma, lt, type Operand, sameLanes, select } from "../expression.ts";

/** A float32 constant in as many lanes as another value. */
export function float(value: number, like: Expression): Expression {
  return constant(sameLanes(like.type, "f32"), value);
}

export function bitsOf(x: Expression): Expression {
  return bitcast(x, "i32");
}

export function floatOf(bits: Expression): Expression {
  return bitcast(bits, "f32");
}

/** The sign bit, in place. */
export function signOf(x: Expression): Expression {
  return and(bitsOf(x), -0x80000000);
}

/** The smaller of the value and a limit; NaN stays NaN. This form is one instruction (WASM's `pmin`) where `min` is several. */
export function atMost(x: Expression, limit: number): Expression {
  return select(lt(limit, x), limit, x);
}

/** The larger of the value and a limit; NaN stays NaN. */
export function atLeast(x: Expression, limit: number): Expression {
  return select(lt(x, limit), limit, x);
}

/** A polynomial by Horner's rule, the constant coefficient first. */
export function polynomial(x: Expression, coefficients: readonly number[]): Expression {
  let sum: Operand = coefficients[coefficients.length - 1] as number;
  for (let i = coefficients.length - 2; i >= 0; i--) sum = fma(sum, x, coefficients[i] as number);
  return sum as Expression;
}

/** The upper 12 of the 24 significant bits: products of two such numbers are exact. */
export function upperHalf(x: Expression): Expression {
  return floatOf(and(bitsOf(x), -4096));
}
