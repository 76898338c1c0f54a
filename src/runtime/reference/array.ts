// Flat arrays seen through strides: the index arithmetic that every rule of the reference shares.

import { allocate } from "../../graph/dtype.ts";
import { type Shape, sizeOf, stridesOf } from "../../graph/shape.ts";

/** The flat offset of each element of `shape`, in row-major order, under the given strides. */
export function offsets(shape: Shape, strides: readonly number[], base = 0): Int32Array {
  const result = allocate("int32", sizeOf(shape));
  const index = new Array<number>(shape.length).fill(0);
  let offset = base;
  for (let i = 0; i < result.length; i++) {
    result[i] = offset;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      offset += strides[axis] as number;
      if (++(index[axis] as number) < (shape[axis] as number)) break;
      offset -= (shape[axis] as number) * (strides[axis] as number);
      index[axis] = 0;
    }
  }
  return result;
}

/** The offsets that some axes of a row-major array contribute, the others held at 0. */
export function offsetsAlong(shape: Shape, axes: readonly number[]): Int32Array {
  const strides = stridesOf(shape);
  return offsets(
    axes.map((axis) => shape[axis] as number),
    axes.map((axis) => strides[axis] as number),
  );
}

/** Elements before, along and after an axis: `[outer, n, inner]`. */
export function around(shape: Shape, axis: number): [number, number, number] {
  return [sizeOf(shape.slice(0, axis)), shape[axis] as number, sizeOf(shape.slice(axis + 1))];
}
