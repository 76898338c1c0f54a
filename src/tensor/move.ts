// Movement as free functions: the same elements elsewhere. Nothing is copied until a program needs it in another order. Parts are in
// parts.ts, repetition and padding in repeat.ts, single places in at.ts.

import type { DType } from "../graph/dtype.ts";
import type { Shape } from "../graph/shape.ts";
import * as nodes from "./nodes/move.ts";
import { type Tensor, wrap } from "./tensor.ts";
import type { AxesArgument } from "./types.ts";

/**
 * The same elements in the same order under another shape.
 *
 * @param shape its product must be the number of elements; one size may be −1 and is worked out.
 * @throws UserError `SHAPE`.
 * @example
 * reshape(arange(6), [2, -1]);   // [[0, 1, 2], [3, 4, 5]]
 */
export function reshape<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> {
  return x.reshape(shape);
}

/** One axis in place of those from `start` to `end`, inclusive; all by default. */
export function flatten<D extends DType>(x: Tensor<D>, start = 0, end = -1): Tensor<D> {
  return x.flatten(start, end);
}

/** Two axes exchanged, the last two by default. */
export function transpose<D extends DType>(x: Tensor<D>, a?: number, b?: number): Tensor<D> {
  return x.transpose(a, b);
}

/** Axis i of the result is axis `axes[i]` of x. */
export function permute<D extends DType>(x: Tensor<D>, axes: readonly number[]): Tensor<D> {
  return x.permute(axes);
}

/** Axes of size 1 stretched to the shape; −1 keeps an axis. */
export function expand<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> {
  return x.expand(shape);
}

/** x stretched to a shape that it broadcasts to, with new leading axes if there are more. */
export function broadcastTo<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> {
  return x.broadcastTo(shape);
}

/** Without axes of size 1: those named (they must have size 1), or all. */
export function squeeze<D extends DType>(x: Tensor<D>, axes?: AxesArgument): Tensor<D> {
  return x.squeeze(axes);
}

/** With a new axis of size 1 at this position of the result; −1 is the last. */
export function unsqueeze<D extends DType>(x: Tensor<D>, axis: number): Tensor<D> {
  return x.unsqueeze(axis);
}

/**
 * A part of each axis, as Python slices: `[start, end]`, `[start, end, step]`, or null for all of it. Negative positions count
 * from the end, ends beyond the axis are cut, a negative step walks backwards; axes that are not named stay whole.
 *
 * @throws UserError `OPTION` for a range that is none, `AXIS` for more ranges than axes.
 * @example
 * slice(x, [0, 32]);                    // the first 32 rows
 * slice(x, null, [-2, null]);           // the last two columns
 */
export function slice<D extends DType>(x: Tensor<D>, ...ranges: readonly nodes.Range[]): Tensor<D> {
  return x.slice(...ranges);
}

/** Axes reversed: those named, or all. */
export function flip<D extends DType>(x: Tensor<D>, axes?: AxesArgument): Tensor<D> {
  return x.flip(axes);
}

/**
 * Tensors one behind the other along an axis.
 *
 * @param parts of one dtype and equal sizes on all other axes.
 * @example
 * concat([tensor([1]), tensor([2, 3])]);   // [1, 2, 3]
 */
export function concat<D extends DType>(parts: readonly Tensor<D>[], axis = 0): Tensor<D> {
  return wrap(
    nodes.concat(
      parts.map((t) => t.node),
      axis,
    ),
  );
}

/** Tensors of one shape and dtype along a new axis. @example stack([tensor([1, 2]), tensor([3, 4])]);   // [[1, 2], [3, 4]] */
export function stack<D extends DType>(parts: readonly Tensor<D>[], axis = 0): Tensor<D> {
  return wrap(
    nodes.stack(
      parts.map((t) => t.node),
      axis,
    ),
  );
}

/**
 * Axes moved to other places; the others keep their order.
 *
 * @param from one axis, or several.
 * @param to where they are in the result.
 * @throws UserError `AXIS` for axes that are not there or repeat.
 * @example
 * moveAxis(tensor([[1, 2], [3, 4]]), 0, -1);   // [[1, 3], [2, 4]]
 */
export function moveAxis<D extends DType>(x: Tensor<D>, from: AxesArgument, to: AxesArgument): Tensor<D> {
  return wrap(nodes.moveAxis(x.node, from, to));
}

/**
 * Turned by `times` right angles in the plane of two axes, from the first towards the second.
 *
 * @param times default 1; negative turns go back.
 * @param axes default the first two.
 * @example
 * rot90(tensor([[1, 2], [3, 4]]));   // [[2, 4], [1, 3]]
 */
export function rot90<D extends DType>(x: Tensor<D>, times = 1, axes: readonly [number, number] = [0, 1]): Tensor<D> {
  return wrap(nodes.rot90(x.node, times, axes));
}
