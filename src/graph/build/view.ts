// Views: the same elements in other places.

import { InternalError, mistake } from "../../util/errors.ts";
import { coerce } from "../dtype.ts";
import { Node } from "../node.ts";
import { normalizeAxis, type Shape, sameShape, showShape, sizeOf } from "../shape.ts";
import { none } from "./common.ts";

export function reshape(x: Node, shape: Shape): Node {
  if (sizeOf(shape) !== x.size)
    throw mistake("SHAPE", {
      where: "reshape",
      problem: "the number of elements changes",
      got: `${showShape(x.shape)} to ${showShape(shape)}`,
      expected: `${x.size} elements`,
    });
  return sameShape(x.shape, shape) ? x : new Node("reshape", [x], none, [...shape], x.dtype);
}

export function permute(x: Node, axes: readonly number[]): Node {
  if (!Array.isArray(axes)) throw mistake("AXIS", { where: "permute", problem: "axes must be a list", got: axes });
  const list = axes.map((a) => normalizeAxis("permute", a, x.shape.length));
  if (list.length !== x.shape.length || new Set(list).size !== list.length) {
    throw mistake("AXIS", {
      where: "permute",
      problem: "axes must name every axis once",
      got: axes,
      expected: `a permutation of ${x.shape.length} axes`,
    });
  }
  if (list.every((a, i) => a === i)) return x;
  return new Node(
    "permute",
    [x],
    { axes: list },
    list.map((a) => x.shape[a] as number),
    x.dtype,
  );
}

/** Stretches axes of size 1; the rank stays. */
export function expand(x: Node, shape: Shape): Node {
  if (x.shape.length !== shape.length || !x.shape.every((n, i) => n === shape[i] || n === 1)) {
    throw mistake("SHAPE", {
      where: "expand",
      problem: "only axes of size 1 can stretch",
      got: `${showShape(x.shape)} to ${showShape(shape)}`,
    });
  }
  return sameShape(x.shape, shape) ? x : new Node("expand", [x], none, [...shape], x.dtype);
}

/** Adds leading axes of size 1 and stretches: NumPy's `broadcast_to`. */
export function broadcastTo(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  if (x.shape.length > shape.length)
    throw mistake("SHAPE", {
      where: "broadcastTo",
      problem: "the result has fewer axes",
      got: `${showShape(x.shape)} to ${showShape(shape)}`,
    });
  const lead = new Array<number>(shape.length - x.shape.length).fill(1);
  return expand(reshape(x, [...lead, ...x.shape]), shape);
}

/** Elements `start, start + step, …` of every axis, `sizes` of them; a negative step walks backwards. */
export function slice(x: Node, starts: readonly number[], sizes: readonly number[], steps?: readonly number[]): Node {
  const by = steps ?? starts.map(() => 1);
  if (starts.length !== x.shape.length || sizes.length !== x.shape.length || by.length !== x.shape.length)
    throw new InternalError("slice needs one start, size and step for each axis");
  x.shape.forEach((n, i) => {
    const [start, size, step] = [starts[i] as number, sizes[i] as number, by[i] as number];
    const last = start + (size - 1) * step;
    if (size < 0 || step === 0 || (size > 0 && (start < 0 || start >= n || last < 0 || last >= n))) {
      throw mistake("RANGE", {
        where: "slice",
        problem: `elements outside axis ${i}`,
        got: `start ${start}, size ${size}, step ${step}`,
        expected: `elements of 0 to ${n - 1}`,
      });
    }
  });
  if (x.shape.every((n, i) => starts[i] === 0 && sizes[i] === n && by[i] === 1)) return x;
  return new Node("slice", [x], { starts: [...starts], steps: [...by] }, [...sizes], x.dtype);
}

/** `value` around the elements and, with `interior`, between them. */
export function pad(x: Node, low: readonly number[], high: readonly number[], value = 0, interior?: readonly number[]): Node {
  const between = interior ?? low.map(() => 0);
  if ([low, high, between].some((l) => l.length !== x.shape.length || l.some((n) => !Number.isInteger(n) || n < 0))) {
    throw mistake("OPTION", {
      where: "pad",
      problem: "needs a non-negative integer for each side of each axis",
      got: `low ${showShape(low)}, high ${showShape(high)}`,
      expected: `${x.shape.length} axes`,
    });
  }
  const shape = x.shape.map((n, i) => n + (low[i] as number) + (high[i] as number) + Math.max(0, n - 1) * (between[i] as number));
  if (sameShape(shape, x.shape)) return x;
  return new Node("pad", [x], { low: [...low], high: [...high], interior: [...between], value: coerce(x.dtype, value) }, shape, x.dtype);
}

/**
 * The blocks of `sizes` along `axes`, one every `strides` elements, their elements `dilations` apart: element o·stride + k·dilation of
 * an axis stands at o on that axis, and at k on a new last axis (one for each listed axis, in their order).
 */
export function window(
  x: Node,
  axes: readonly number[],
  sizes: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
): Node {
  const shape = [...x.shape];
  axes.forEach((axis, i) => {
    const [size, stride, dilation] = [sizes[i] as number, strides[i] as number, dilations[i] as number];
    const n = x.shape[axis] as number;
    const reach = (size - 1) * dilation + 1;
    if (![size, stride, dilation].every((v) => Number.isInteger(v) && v >= 1) || reach > n)
      throw mistake("SHAPE", {
        where: "window",
        problem: `no block fits axis ${axis}`,
        got: `size ${size}, stride ${stride}, dilation ${dilation} on ${showShape(x.shape)}`,
        expected: "positive integers, and a block no longer than the axis",
      });
    shape[axis] = Math.floor((n - reach) / stride) + 1;
  });
  const attributes = { axes: [...axes], sizes: [...sizes], strides: [...strides], dilations: [...dilations] };
  return new Node("window", [x], attributes, [...shape, ...sizes], x.dtype);
}
