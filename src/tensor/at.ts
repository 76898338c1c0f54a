// Indexing by position, range, tensor and mask, as free functions.

import { buffer } from "../graph/build.ts";
import type { DType } from "../graph/dtype.ts";
import { Storage } from "../graph/storage.ts";
import { condition } from "./nodes/operands.ts";
import { positionsWhere } from "./nodes/read.ts";
import { type IndexItem, type Tensor, wrap } from "./tensor.ts";

/**
 * The part of x at an index, one item for each axis, as in NumPy and PyTorch:
 * - a number: that position, counted from either end; the axis vanishes;
 * - `[start, end]` or `[start, end, step]`: a range, as in `slice`; null: all of the axis;
 * - `"..."`: the axes between, whole; without it, those at the end stay whole; `"new"`: a new axis of size 1;
 * - an integer tensor: the positions in it, its axes in place of the axis. Several broadcast and are taken together; they stand
 *   where the first of them is if they are neighbours, else in front;
 * - a bool tensor over one or more axes: the elements where it holds, in one axis. Its values are read, so it works outside
 *   compiled functions only.
 *
 * Positions and ranges are views; tensors gather, and their gradient is a `scatterAdd`.
 *
 * @throws UserError `RANGE` for a position outside (when it runs, for those in tensors), `AXIS` for more items than axes, `SHAPE` for a
 * mask that does not fit, `TRACED` for a mask in a compiled function.
 * @example
 * const m = arange(12).reshape([3, 4]);
 * at(m, -1);                                           // [8, 9, 10, 11]
 * at(m, [0, 2], 1);                                    // [1, 5]
 * at(m, "...", [null, null, -2]);                      // [[3, 1], [7, 5], [11, 9]]
 * at(m, tensor([2, 0], { dtype: "int32" }), 0);        // [8, 0]
 * at(m, m.gt(9));                                      // [10, 11]
 */
export function at<D extends DType>(x: Tensor<D>, ...items: readonly IndexItem[]): Tensor<D> {
  return x.at(...items);
}

/**
 * Where a mask holds: the int32 indices of its true elements, one row for each, in row-major order. Its values are read, so it works
 * outside compiled functions only.
 *
 * @throws UserError `DTYPE` for anything but bool, `TRACED` in a compiled function.
 * @example
 * nonZero(tensor([[true, false], [false, true]]));   // [[0, 0], [1, 1]]
 */
export function nonZero(mask: Tensor<"bool">): Tensor<"int32"> {
  const positions = positionsWhere("nonZero", condition("nonZero", mask.node));
  const { rank, shape } = mask;
  const places = new Int32Array(positions.length * rank);
  positions.forEach((position, i) => {
    let left = position;
    for (let axis = rank - 1; axis >= 0; axis--) {
      const n = shape[axis] as number;
      places[i * rank + axis] = left % n;
      left = Math.floor(left / n);
    }
  });
  return wrap(buffer(new Storage("int32", places.length, places), [positions.length, rank]));
}
