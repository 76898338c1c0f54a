// What each elementwise operation is in the loop language, for any number of lanes. uint8 and int8 compute in i32 and are wrapped
// after arithmetic; int32 and uint32 wrap by themselves; bool is a mask. The 16-bit floats are bit patterns in i32: they are moved,
// chosen and cast, never computed with.

import { type DType, isFloat, isHalf } from "../graph/dtype.ts";
import type { Expression, Scalar } from "../graph/kernel.ts";
import { isRealFunction } from "../graph/operation.ts";
import { InternalError } from "../util/errors.ts";
import * as x from "./expression.ts";
import { fromBfloat, fromHalf, toBfloat, toHalf } from "./maths/half.ts";
import { atan2Maths, powMaths, threefryMaths, unaryMaths } from "./maths.ts";
import type { OperationName } from "./value.ts";
import type { Writer } from "./writer.ts";

const scalars: Record<DType, Scalar> = {
  bool: "bool",
  uint8: "i32",
  int8: "i32",
  int32: "i32",
  uint32: "u32",
  float16: "i32",
  bfloat16: "i32",
  float32: "f32",
  float64: "f64",
};

/** What a register holds for an element of a dtype. */
export function scalarOf(dtype: DType): Scalar {
  return scalars[dtype];
}

/** Brings the result of integer arithmetic back into the dtype. */
export function wrap(dtype: DType, value: Expression): Expression {
  if (dtype === "int8") return x.shr(x.shl(value, 24), 24);
  return dtype === "uint8" ? x.and(value, 255) : value;
}

/** One operation on operands of one number of lanes. `from` is the dtype of the first operand. */
export function operate(
  op: OperationName,
  dtype: DType,
  from: DType,
  inputs: readonly Expression[],
  detail: readonly number[],
  writer: Writer,
): Expression {
  const [a, b, c] = inputs as [Expression, Expression, Expression];
  const { emit } = writer;
  if (isRealFunction(op)) return unaryMaths[op](a, writer);
  switch (op) {
    case "neg":
      return wrap(dtype, isFloat(dtype) ? x.neg(a) : x.sub(0, a));
    case "abs":
      if (dtype === "bool" || dtype === "uint8" || dtype === "uint32") return a;
      return isFloat(dtype) ? x.abs(a) : wrap(dtype, x.max(a, x.sub(0, a)));
    case "sign":
      return sign(dtype, a);
    case "sqrt":
      return x.sqrt(a);
    case "floor":
      return x.floor(a);
    case "ceil":
      return x.ceil(a);
    case "round":
      return x.nearest(a);
    case "trunc":
      return x.trunc(a);
    case "not":
      return x.not(a);
    case "stopGradient":
      return a;
    case "cast":
      return convert(a, from, dtype, emit);
    case "clamp":
      return x.max(x.min(a, detail[1] as number), detail[0] as number);
    case "add":
      return wrap(dtype, x.add(a, b));
    case "sub":
      return wrap(dtype, x.sub(a, b));
    case "mul":
      return wrap(dtype, x.mul(a, b));
    case "div":
      return dtype === "int8" ? wrap(dtype, x.div(a, b)) : x.div(a, b);
    case "pow":
      return isFloat(dtype) ? powMaths(a, b, emit) : wrap(dtype, integerPower(dtype, a, b, writer));
    case "atan2":
      return atan2Maths(a, b, emit);
    case "remainder":
      return isFloat(dtype) ? floatRemainder(a, b, writer) : integerRemainder(dtype, a, b, emit);
    case "maximum":
      return dtype === "bool" ? x.or(a, b) : x.max(a, b);
    case "minimum":
      return dtype === "bool" ? x.and(a, b) : x.min(a, b);
    case "eq":
      return from === "bool" ? x.not(x.xor(a, b)) : x.eq(a, b);
    case "ne":
      return from === "bool" ? x.xor(a, b) : x.ne(a, b);
    case "lt":
      return from === "bool" ? x.and(x.not(a), b) : x.lt(a, b);
    case "le":
      return from === "bool" ? x.or(x.not(a), b) : x.le(a, b);
    case "and":
      return x.and(a, b);
    case "or":
      return x.or(a, b);
    case "xor":
      return x.xor(a, b);
    case "shiftLeft":
      return wrap(dtype, x.shl(a, b));
    case "shiftRight":
      return x.shr(a, b);
    case "where":
      return x.select(a, b, c);
    case "threefry":
      return threefryMaths(detail[0] as 0 | 1, a, b, c, inputs[3] as Expression, emit);
    default:
      throw new InternalError(`${op} is no elementwise operation`);
  }
}

const isSigned = (dtype: DType): boolean => dtype === "int32" || dtype === "int8";

function sign(dtype: DType, a: Expression): Expression {
  const { type } = a;
  if (dtype === "bool") return a;
  if (dtype === "uint8" || dtype === "uint32") return x.min(a, 1);
  if (isSigned(dtype)) return x.max(x.min(a, 1), -1);
  // Zeros keep their sign; NaN has none.
  const zero = x.select(x.eq(a, a), a, x.constant(type, 0));
  return x.select(x.lt(0, a), x.constant(type, 1), x.select(x.lt(a, 0), x.constant(type, -1), zero));
}

/** By value, as the reference does it. */
function convert(value: Expression, from: DType, to: DType, emit: x.Emit): Expression {
  if (from === to) return value;
  if (isHalf(from)) return convert(from === "float16" ? fromHalf(value, emit) : fromBfloat(value), "float32", to, emit);
  if (isHalf(to)) {
    const single = convert(value, from, "float32", emit);
    return to === "float16" ? toHalf(single, emit) : toBfloat(single, emit);
  }
  const source = scalarOf(from);
  const target = scalarOf(to);
  if (to === "bool") return source === "bool" ? value : x.ne(value, 0);
  if (to === "uint8" || to === "int8") {
    const whole = from === "uint32" ? x.bitcast(value, "i32") : x.cast(value, "i32");
    return from === "bool" ? whole : wrap(to, whole);
  }
  if ((source === "i32" && target === "u32") || (source === "u32" && target === "i32")) return x.bitcast(value, target);
  return x.cast(value, target);
}

/**
 * The exact remainder of the magnitudes, then the signs. Each turn takes away a multiple that is surely not too large and
 * leaves less than 2⁻²¹ of what there was, without a rounding error where the engine fuses multiply and add. The quotient
 * of the largest number by the smallest has no float: such turns divide by the divisor times a power of two.
 */
function floatRemainder(a: Expression, b: Expression, writer: Writer): Expression {
  const { emit } = writer;
  const { type } = a;
  const infinity = x.constant(type, Number.POSITIVE_INFINITY);
  const magnitude = emit(x.abs(b));
  const valid = emit(x.and(x.and(x.lt(x.abs(a), infinity), x.lt(0, magnitude)), x.eq(b, b)));
  const rest = writer.mutable(x.select(valid, x.abs(a), x.constant(type, 0)));
  const active = x.and(valid, x.le(magnitude, rest));
  const raise = type.scalar === "f32" ? 2 ** 100 : 2 ** 1000;
  const far = emit(x.mul(magnitude, raise));
  const farther = emit(x.mul(far, raise));
  const divisor = x.select(x.le(farther, rest), farther, x.select(x.le(far, rest), far, magnitude));
  const quotient = x.max(x.floor(x.mul(x.div(rest, divisor), 1 - 2 ** -22)), 1);
  writer.push({
    kind: "while",
    condition: x.anyLane(active),
    body: [x.set(rest, x.select(active, x.max(x.fma(x.neg(quotient), divisor, rest), 0), rest))],
  });
  const signed = emit(x.select(x.lt(a, 0), x.neg(rest), rest));
  const wrongSide = x.and(x.ne(rest, 0), x.xor(x.lt(a, 0), x.lt(b, 0)));
  return x.select(valid, x.select(wrongSide, x.add(signed, b), signed), x.constant(type, Number.NaN));
}

function integerRemainder(dtype: DType, a: Expression, b: Expression, emit: x.Emit): Expression {
  const rest = emit(x.rem(a, b));
  if (!isSigned(dtype)) return rest;
  const wrongSide = x.and(x.ne(rest, 0), x.lt(x.xor(rest, b), 0));
  return x.select(wrongSide, x.add(rest, b), rest);
}

/** Square and multiply, wrapping. A negative power of anything but 1 and −1 is 0. */
function integerPower(dtype: DType, base: Expression, exponent: Expression, writer: Writer): Expression {
  const { type } = base;
  const bits = dtype === "uint8" || dtype === "int8" ? 8 : 32;
  const result = writer.mutable(x.constant(type, 1));
  const square = writer.mutable(base);
  const rest = writer.mutable(exponent);
  const odd = x.ne(x.and(rest, 1), 0);
  const counter = writer.mutable(x.integer(0));
  writer.push({
    kind: "while",
    condition: x.lt(counter, bits),
    body: [
      x.set(result, x.select(odd, x.mul(result, square), result)),
      x.set(square, x.mul(square, square)),
      x.set(rest, x.shr(rest, 1)),
      x.set(counter, x.add(counter, 1)),
    ],
  });
  if (!isSigned(dtype)) return result;
  const isOdd = x.ne(x.and(exponent, 1), 0);
  const unit = x.select(
    x.eq(base, 1),
    x.constant(type, 1),
    x.select(x.eq(base, -1), x.select(isOdd, x.constant(type, -1), x.constant(type, 1)), x.constant(type, 0)),
  );
  return x.select(x.lt(exponent, 0), unit, result);
}
