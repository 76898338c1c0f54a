// Element types: what they are called, how wide they are, and which one two operands meet in.

import { mistake } from "../util/errors.ts";

export const dtypes = ["bool", "uint8", "int32", "uint32", "float32", "float64"] as const;

/** The type of a tensor's elements. `float64` tensors live on the reference device and in scalar arithmetic. */
export type DType = (typeof dtypes)[number];

/** The typed array that holds elements of a dtype; `bool` is a byte, 0 or 1. */
export interface TypedArrayOf {
  bool: Uint8Array;
  uint8: Uint8Array;
  int32: Int32Array;
  uint32: Uint32Array;
  float32: Float32Array;
  float64: Float64Array;
}

export type TypedArray = TypedArrayOf[DType];

const constructors: {
  [D in DType]: { new (length: number): TypedArrayOf[D]; new (buffer: ArrayBufferLike, offset: number, length: number): TypedArrayOf[D] };
} = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
};

/** A new zero-filled array for `length` elements. */
export function allocate<D extends DType>(dtype: D, length: number): TypedArrayOf[D] {
  return new constructors[dtype](length);
}

/** A view on `length` elements of a buffer. */
export function viewOf<D extends DType>(dtype: D, buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArrayOf[D] {
  return new constructors[dtype](buffer, byteOffset, length);
}

const widths: Record<DType, number> = { bool: 1, uint8: 1, int32: 4, uint32: 4, float32: 4, float64: 8 };

/** Bytes of one element. */
export function bytesOf(dtype: DType): number {
  return widths[dtype];
}

export function isFloat(dtype: DType): dtype is "float32" | "float64" {
  return dtype === "float32" || dtype === "float64";
}

export function isInteger(dtype: DType): dtype is "uint8" | "int32" | "uint32" {
  return dtype === "uint8" || dtype === "int32" || dtype === "uint32";
}

const ranks: Record<DType, number> = { bool: 0, uint8: 1, int32: 2, uint32: 2, float32: 3, float64: 4 };

/**
 * The dtype in which two operands meet: bool < uint8 < int32 < float32 < float64. `uint32` (random bits) does not mix
 * with `int32`. A 0-d float64 beside any float32 gives float32: such scalars are hyper-parameters and counters, kept
 * in full precision until they meet a tensor.
 *
 * @throws UserError `DTYPE` for int32 with uint32.
 */
export function promote(where: string, a: DType, b: DType, aIsScalar = false, bIsScalar = false): DType {
  if (a === b) return a;
  if (a === "float64" && aIsScalar && b === "float32") return "float32";
  if (b === "float64" && bIsScalar && a === "float32") return "float32";
  if (ranks[a] === ranks[b]) {
    throw mistake("DTYPE", {
      where,
      problem: "int32 and uint32 have no common dtype",
      got: `${a} and ${b}`,
      advice: "Cast one operand first.",
    });
  }
  return ranks[a] > ranks[b] ? a : b;
}

/** What a stored value becomes when written as `dtype`: wrapped, clamped by the typed array, or rounded once. */
export function coerce(dtype: DType, value: number): number {
  switch (dtype) {
    case "bool":
      return value === 0 ? 0 : 1;
    case "uint8":
      return value & 255;
    case "int32":
      return value | 0;
    case "uint32":
      return value >>> 0;
    case "float32":
      return Math.fround(value);
    case "float64":
      return value;
  }
}
