// What one element becomes, for every elementwise operation. Arguments arrive as JavaScript numbers; integers wrap to
// their dtype, float32 results are rounded (or not) by the caller.

import { coerce, type DType, decode, encode, isFloat, isHalf } from "../../graph/dtype.ts";
import type { BinaryOp, PlainUnaryOp } from "../../graph/operation.ts";
import { erf, erfc, erfinv, power, roundHalfEven } from "../../util/special.ts";

/** Unary operations that need nothing but the value and its dtype. */
export const unaryFunctions: Record<PlainUnaryOp, (x: number, dtype: DType) => number> = {
  neg: (x, dtype) => coerceInteger(dtype, -x),
  abs: (x, dtype) => coerceInteger(dtype, Math.abs(x)),
  sign: (x) => (Number.isNaN(x) ? 0 : Math.sign(x)),
  exp: (x) => Math.exp(x),
  expm1: (x) => Math.expm1(x),
  log: (x) => Math.log(x),
  log1p: (x) => Math.log1p(x),
  sqrt: (x) => Math.sqrt(x),
  sin: (x) => Math.sin(x),
  cos: (x) => Math.cos(x),
  tanh: (x) => Math.tanh(x),
  erf: (x) => erf(x),
  erfc: (x) => erfc(x),
  erfinv: (x) => erfinv(x),
  floor: (x) => Math.floor(x),
  ceil: (x) => Math.ceil(x),
  round: (x) => roundHalfEven(x),
  trunc: (x) => Math.trunc(x),
  not: (x) => 1 - x,
  stopGradient: (x) => x,
};

export const binaryFunctions: Record<BinaryOp, (a: number, b: number, dtype: DType) => number> = {
  add: (a, b, dtype) => coerceInteger(dtype, a + b),
  sub: (a, b, dtype) => coerceInteger(dtype, a - b),
  mul: (a, b, dtype) => (isFloat(dtype) ? a * b : coerce(dtype, Math.imul(a, b))),
  div: (a, b, dtype) => {
    if (isFloat(dtype)) return a / b;
    return b === 0 ? 0 : coerce(dtype, Math.trunc(a / b));
  },
  pow: (a, b, dtype) => (isFloat(dtype) ? power(a, b) : integerPower(a, b, dtype)),
  atan2: (a, b) => Math.atan2(a, b),
  remainder: (a, b, dtype) => {
    if (b === 0 && !isFloat(dtype)) return 0;
    const rest = a % b;
    return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
  },
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
  lt: (a, b) => Number(a < b),
  le: (a, b) => Number(a <= b),
  and: (a, b, dtype) => coerce(dtype, a & b),
  or: (a, b, dtype) => coerce(dtype, a | b),
  xor: (a, b, dtype) => coerce(dtype, a ^ b),
  shiftLeft: (a, b, dtype) => coerce(dtype, a << b),
  shiftRight: (a, b, dtype) => coerce(dtype, dtype === "int32" || dtype === "int8" ? a >> b : a >>> b),
};

function coerceInteger(dtype: DType, value: number): number {
  return isFloat(dtype) ? value : coerce(dtype, value);
}

/** Wraps at every multiplication. A negative power of anything but 1 and −1 is 0. */
function integerPower(base: number, exponent: number, dtype: DType): number {
  if (exponent < 0) return base === 1 || (base === -1 && exponent % 2 === 0) ? 1 : base === -1 ? -1 : 0;
  let result = 1;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = Math.imul(result, square);
    square = Math.imul(square, square);
  }
  return coerce(dtype, result);
}

/** The element as one of another dtype: integers wrap, floats truncate and saturate to integers, bool is `!= 0`. */
export function convert(element: number, from: DType, to: DType): number {
  if (isHalf(to)) return encode(to, decode(from, element));
  if (isHalf(from)) return convert(decode(from, element), "float32", to);
  return convertPlain(element, from, to);
}

function convertPlain(value: number, from: DType, to: DType): number {
  if (to === "bool") return Number(value !== 0);
  if (isFloat(to)) return value;
  if (!isFloat(from)) return coerce(to, value);
  if (Number.isNaN(value)) return 0;
  if (to === "uint32") return Math.trunc(Math.min(Math.max(value, 0), 2 ** 32 - 1));
  return coerce(to, Math.trunc(Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1)));
}
