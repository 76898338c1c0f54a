// Test data: the same numbers every time, exact in float32, apart from one another and off the kinks.

import { type DType, encode, isFloat, type TypedArray, viewOf } from "../../src/graph/dtype.ts";
import { type Shape, sizeOf } from "../../src/graph/shape.ts";

/** An operand as plain data. */
export interface Operand {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: readonly number[];
}

/** A generator of numbers in [0, 1): 32-bit xorshift. */
export function generator(seed: number): () => number {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ 0x85ebca6b) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Different numbers between low and high, evenly spaced, in a shuffled order. */
export function distinct(count: number, low: number, high: number, seed: number): number[] {
  const random = generator(seed);
  const values = Array.from({ length: count }, (_, i) => Math.fround(low + ((high - low) * (i + 0.3)) / count));
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [values[i], values[j]] = [values[j] as number, values[i] as number];
  }
  return values;
}

/** A float32 operand with different values, none of them an integer or 0 by default. */
export function floats(shape: Shape, low = -2.13, high = 1.92, seed = 1): Operand {
  return { shape, dtype: "float32", data: distinct(sizeOf(shape), low, high, seed) };
}

/** Integers (or bools) from low to high, both included. */
export function integers(shape: Shape, low: number, high: number, seed = 1, dtype: DType = "int32"): Operand {
  const random = generator(seed);
  return { shape, dtype, data: Array.from({ length: sizeOf(shape) }, () => low + Math.floor(random() * (high - low + 1))) };
}

/** The values given, as a vector. */
export function vector(dtype: DType, ...data: number[]): Operand {
  return { shape: [data.length], dtype, data };
}

/** The elements in the dtype's typed array; with `double`, floats in a Float64Array. */
export function elementsOf(operand: Operand, double = false): TypedArray {
  if (isFloat(operand.dtype) && double) return Float64Array.from(operand.data);
  const array = viewOf(operand.dtype, new ArrayBuffer(operand.data.length * 8), 0, operand.data.length);
  array.set(operand.data.map((value) => encode(operand.dtype, value)));
  return array;
}

// ---- Values at which operations are hard

export const special: Operand = vector(
  "float32",
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  1e-20,
  -1e-20,
  1e20,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
);
export const words: Operand = vector("int32", 0, 1, -1, 2, -2, 7, -7, 100, 255, 256, 2 ** 31 - 1, -(2 ** 31), 65_537, -65_537);
export const unsigned: Operand = vector("uint32", 0, 1, 2, 7, 255, 256, 65_537, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1);
export const bytes: Operand = vector("uint8", 0, 1, 2, 7, 100, 127, 128, 200, 255);
export const bools: Operand = vector("bool", 0, 1, 1, 0, 1);
