// Element types: what they are called, how wide they are, and which one two operands meet in.

import { mistake, outOfMemory } from "../util/errors.ts";
import { bfloatOf, halfOf, numberOfBfloat, numberOfHalf } from "../util/half.ts";

export const dtypes = ["bool", "uint8", "int8", "int32", "uint32", "float16", "bfloat16", "float32", "float64"] as const;

/**
 * The type of a tensor's elements. `float16` and `bfloat16` are for storage: such tensors are made, moved, indexed and cast, and what
 * computes with them computes in float32.
 */
export type DType = (typeof dtypes)[number];

/** The typed array that holds elements of a dtype; `bool` is a byte, 0 or 1; the 16-bit floats are bit patterns. */
export interface TypedArrayOf {
  bool: Uint8Array;
  uint8: Uint8Array;
  int8: Int8Array;
  int32: Int32Array;
  uint32: Uint32Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  float32: Float32Array;
  float64: Float64Array;
}

export type TypedArray = TypedArrayOf[DType];

const constructors: {
  [D in DType]: { new (length: number): TypedArrayOf[D]; new (buffer: ArrayBufferLike, offset: number, length: number): TypedArrayOf[D] };
} = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
};

/** A new zero-filled array for `length` elements. */
export function allocate<D extends DType>(dtype: D, length: number): TypedArrayOf[D] {
  try {
    return new constructors[dtype](length);
  } catch (cause) {
    throw outOfMemory("JavaScript", length * bytesOf(dtype), cause);
  }
}

/** A view on `length` elements of a buffer. */
export function viewOf<D extends DType>(dtype: D, buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArrayOf[D] {
  return new constructors[dtype](buffer, byteOffset, length);
}

const widths: Record<DType, number> = {
  bool: 1,
  uint8: 1,
  int8: 1,
  int32: 4,
  uint32: 4,
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
};

/** Bytes of one element. */
export function bytesOf(dtype: DType): number {
  return widths[dtype];
}

/** Whether the dtype is computed with in floating point; the 16-bit floats are not. */
export function isFloat(dtype: DType): dtype is "float32" | "float64" {
  return dtype === "float32" || dtype === "float64";
}

export function isInteger(dtype: DType): dtype is "uint8" | "int8" | "int32" | "uint32" {
  return dtype === "uint8" || dtype === "int8" || dtype === "int32" || dtype === "uint32";
}

/** Whether elements are 16-bit floats. */
export function isHalf(dtype: DType): dtype is "float16" | "bfloat16" {
  return dtype === "float16" || dtype === "bfloat16";
}

/** Whether elements are real numbers, of whatever width. */
export function isReal(dtype: DType): dtype is "float16" | "bfloat16" | "float32" | "float64" {
  return isFloat(dtype) || isHalf(dtype);
}

/** The dtype to compute in. */
export function computed(dtype: DType): DType {
  return isHalf(dtype) ? "float32" : dtype;
}

const ranks: Record<Exclude<DType, "float16" | "bfloat16">, number> = {
  bool: 0,
  uint8: 1,
  int8: 1,
  int32: 2,
  uint32: 2,
  float32: 3,
  float64: 4,
};

/**
 * The dtype in which two operands meet: bool < uint8, int8 < int32 < float32 < float64. uint8 and int8 meet in int32; 16-bit floats
 * are float32 as soon as they meet anything. `uint32` (random bits) does not mix with signed integers. A 0-d float64 beside any
 * float32 gives float32: such scalars are hyper-parameters and counters, kept in full precision until they meet a tensor.
 *
 * @throws UserError `DTYPE` for int32 or int8 with uint32.
 */
export function promote(where: string, a: DType, b: DType, aIsScalar = false, bIsScalar = false): DType {
  if (isHalf(a) || isHalf(b)) return promote(where, computed(a), computed(b), aIsScalar, bIsScalar);
  if (a === b) return a;
  if (a === "float64" && aIsScalar && b === "float32") return "float32";
  if (b === "float64" && bIsScalar && a === "float32") return "float32";
  const signed = a === "uint32" ? b : b === "uint32" ? a : null;
  if (signed === "int32" || signed === "int8") {
    throw mistake("DTYPE", {
      where,
      problem: `${signed} and uint32 have no common dtype`,
      got: `${a} and ${b}`,
      advice: "Cast one operand first.",
    });
  }
  if (ranks[a] === ranks[b]) return "int32";
  return ranks[a] > ranks[b] ? a : b;
}

/** What a stored value becomes when written as `dtype`: wrapped, clamped by the typed array, or rounded once. */
export function coerce(dtype: DType, value: number): number {
  switch (dtype) {
    case "bool":
      return value === 0 ? 0 : 1;
    case "uint8":
      return value & 255;
    case "int8":
      return (value << 24) >> 24;
    case "int32":
      return value | 0;
    case "uint32":
      return value >>> 0;
    case "float16":
    case "bfloat16":
      return decode(dtype, encode(dtype, value));
    case "float32":
      return Math.fround(value);
    case "float64":
      return value;
  }
}

/** The element that stands for a number in the dtype's array: the number, or the pattern of a 16-bit float. */
export function encode(dtype: DType, value: number): number {
  return dtype === "float16" ? halfOf(value) : dtype === "bfloat16" ? bfloatOf(value) : value;
}

/** The number that an element stands for. */
export function decode(dtype: DType, element: number): number {
  return dtype === "float16" ? numberOfHalf(element) : dtype === "bfloat16" ? numberOfBfloat(element) : element;
}

const integerLimits: { readonly [D in DType]?: readonly [number, number] } = {
  bool: [0, 1],
  uint8: [0, 255],
  int8: [-128, 127],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
};

/** The least and the greatest number of a dtype; infinite for floats. */
export function limitsOf(dtype: DType): readonly [number, number] {
  return integerLimits[dtype] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
}
