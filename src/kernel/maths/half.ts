// Conversions between float32 and the 16-bit floats, whose elements are in registers as bit patterns (i32): util/half.ts in the loop
// language, without branches, so that they run in vectors on every back end.

import type { Expression } from "../../graph/kernel.ts";
import * as x from "../expression.ts";

const int = (like: Expression, value: number): Expression => x.constant({ scalar: "i32", lanes: like.type.lanes }, value);

/** float32 → half precision. */
export function toHalf(value: Expression, emit: x.Emit): Expression {
  const bits = emit(x.bitcast(value, "i32"));
  const magnitude = emit(x.and(bits, 0x7fffffff));
  const sign = x.and(x.shr(bits, 16), 0x8000);
  const normal = x.shr(x.add(x.add(magnitude, 0xfff - 0x38000000), x.and(x.shr(magnitude, 13), 1)), 13);
  const small = x.sub(x.bitcast(x.add(x.abs(value), 0.5), "i32"), 0x3f000000);
  const finite = x.select(x.lt(magnitude, int(bits, 0x38800000)), small, normal);
  const nan = x.or(x.and(x.shr(magnitude, 13), 0x3ff), 0x7e00);
  const large = x.select(x.lt(int(bits, 0x7f800000), magnitude), nan, int(bits, 0x7c00));
  return x.or(x.select(x.lt(magnitude, int(bits, 0x47800000)), finite, large), sign);
}

/** Half precision → float32. */
export function fromHalf(pattern: Expression, emit: x.Emit): Expression {
  const magnitude = emit(x.and(pattern, 0x7fff));
  const sign = x.shl(x.and(pattern, 0x8000), 16);
  const shifted = emit(x.shl(magnitude, 13));
  const small = x.bitcast(x.mul(x.cast(magnitude, "f32"), 2 ** -24), "i32");
  const normal = x.select(x.lt(magnitude, int(pattern, 0x7c00)), x.add(shifted, 0x38000000), x.or(shifted, 0x7f800000));
  return x.bitcast(x.or(x.select(x.lt(magnitude, int(pattern, 0x400)), small, normal), sign), "f32");
}

/** float32 → bfloat16. */
export function toBfloat(value: Expression, emit: x.Emit): Expression {
  const bits = emit(x.bitcast(value, "i32"));
  const upper = emit(x.and(x.shr(bits, 16), 0xffff));
  const rounded = x.and(x.shr(x.add(x.add(bits, 0x7fff), x.and(upper, 1)), 16), 0xffff);
  return x.select(x.lt(int(bits, 0x7f800000), x.and(bits, 0x7fffffff)), x.or(upper, 0x40), rounded);
}

/** bfloat16 → float32. */
export function fromBfloat(pattern: Expression): Expression {
  return x.bitcast(x.shl(pattern, 16), "f32");
}
