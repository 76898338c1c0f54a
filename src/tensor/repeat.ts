// Repetition, padding and diagonals as free functions. Repetition is a view, and so is a diagonal.

import type { DType } from "../graph/dtype.ts";
import type { Shape } from "../graph/shape.ts";
import * as diagonals from "./nodes/diagonal.ts";
import type { PadOptions, PadWidths } from "./nodes/pad.ts";
import * as nodes from "./nodes/repeat.ts";
import { type Tensor, wrap } from "./tensor.ts";
import type { AxesArgument } from "./types.ts";

/**
 * Something around the elements.
 *
 * @param widths `[before, after]` for each axis, or one such pair for all; negative widths take elements away.
 * @param options a value (default 0), or `{ mode }`: `"constant"` with a `value`, `"reflect"` (mirrored, the edge once),
 * `"replicate"` (the edge again and again), `"circular"` (from the other side).
 * @throws UserError `OPTION` for widths that fit no axis, `SHAPE` for more than the mode has elements for.
 * @example
 * pad(tensor([1, 2]), [1, 1]);                           // [0, 1, 2, 0]
 * pad(tensor([1, 2, 3]), [2, 1], { mode: "reflect" });   // [3, 2, 1, 2, 3, 2]
 */
export function pad<D extends DType>(x: Tensor<D>, widths: PadWidths, options: number | PadOptions = 0): Tensor<D> {
  return x.pad(widths, options);
}

/**
 * Elements moved along axes; what leaves at the end comes in at the start.
 *
 * @param shifts how far, one for each axis; negative ones move to the start.
 * @param axes default: all elements as one row.
 * @example
 * roll(arange(4), 1);   // [3, 0, 1, 2]
 */
export function roll<D extends DType>(x: Tensor<D>, shifts: AxesArgument, axes?: AxesArgument): Tensor<D> {
  return wrap(nodes.roll(x.node, shifts, axes));
}

/**
 * The whole tensor so many times along each axis. Fewer counts than axes are those of the last axes, more make new leading axes.
 *
 * @example
 * tile(tensor([1, 2]), [2]);   // [1, 2, 1, 2]
 */
export function tile<D extends DType>(x: Tensor<D>, counts: Shape): Tensor<D> {
  return wrap(nodes.tile("tile", x.node, counts));
}

/** `tile` with a count for each axis at least, as PyTorch has it. @throws UserError `SHAPE` for fewer. @example repeat(tensor([7]), [2, 1]);   // [[7], [7]] */
export function repeat<D extends DType>(x: Tensor<D>, counts: Shape): Tensor<D> {
  return wrap(nodes.repeat(x.node, counts));
}

/**
 * Each element of an axis so many times in a row.
 *
 * @param axis default: of all elements as one row.
 * @example
 * repeatInterleave(tensor([1, 2]), 2);   // [1, 1, 2, 2]
 */
export function repeatInterleave<D extends DType>(x: Tensor<D>, count: number, axis?: number): Tensor<D> {
  return wrap(nodes.repeatInterleave(x.node, count, axis));
}

/**
 * The elements [i, i + offset] of two axes, on a new last axis.
 *
 * @param offset default 0; positive above the main diagonal, negative below.
 * @param axes default the first two.
 * @example
 * diagonal(tensor([[1, 2], [3, 4]]), 1);   // [2]
 */
export function diagonal<D extends DType>(x: Tensor<D>, offset = 0, axes: readonly [number, number] = [0, 1]): Tensor<D> {
  return wrap(diagonals.diagonal(x.node, offset, axes[0], axes[1]));
}

/** Of a vector, the matrix with it on a diagonal and zeros beside; of a matrix, its diagonal. @example diag(tensor([1, 2]));   // [[1, 0], [0, 2]] */
export function diag<D extends DType>(x: Tensor<D>, offset = 0): Tensor<D> {
  return wrap(diagonals.diag(x.node, offset));
}

/** What is on the diagonal (`offset` above it) and below, zeros elsewhere. @example tril(tensor([[1, 2], [3, 4]]));   // [[1, 0], [3, 4]] */
export function tril<D extends DType>(x: Tensor<D>, offset = 0): Tensor<D> {
  return wrap(diagonals.triangle("tril", x.node, offset));
}

/** What is on the diagonal (`offset` above it) and above, zeros elsewhere. @example triu(tensor([[1, 2], [3, 4]]));   // [[1, 2], [0, 4]] */
export function triu<D extends DType>(x: Tensor<D>, offset = 0): Tensor<D> {
  return wrap(diagonals.triangle("triu", x.node, offset));
}
