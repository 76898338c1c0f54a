// Movement on nodes: shapes, axes, slices, padding, joining. Nothing here computes; concat adds blocks padded with −0, which
// leaves every bit as it was.

import {
  binary,
  broadcastTo as builtBroadcast,
  pad as builtPad,
  permute as builtPermute,
  reshape as builtReshape,
  slice as builtSlice,
  cast,
} from "../../graph/build.ts";
import { isFloat, isHalf } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import { normalizeAxes, normalizeAxis, type Shape, sameShape, showShape, sizeOf } from "../../graph/shape.ts";
import { mistake, show } from "../../util/errors.ts";

/** One axis of a slice: all of it, or `[start, end]` or `[start, end, step]`; negative positions count from the end. */
export type Range = readonly [start: number | null, end?: number | null, step?: number] | null;

/** Refuses anything but a list of sizes. */
export function checkShape(where: string, shape: Shape, allowUnknown = false): void {
  const bad = (n: unknown) => typeof n !== "number" || !Number.isInteger(n) || n < (allowUnknown ? -1 : 0);
  if (!Array.isArray(shape) || shape.some(bad))
    throw mistake("SHAPE", {
      where,
      problem: "a shape is a list of sizes",
      got: shape,
      expected: `integers from 0 on${allowUnknown ? ", or one −1" : ""}`,
    });
}

export function reshape(x: Node, shape: Shape): Node {
  checkShape("reshape", shape, true);
  const unknown = shape.indexOf(-1);
  if (unknown < 0) return builtReshape(x, shape);
  const known = sizeOf(shape.filter((n) => n !== -1));
  if (shape.lastIndexOf(-1) !== unknown || known === 0 || x.size % known !== 0)
    throw mistake("SHAPE", {
      where: "reshape",
      problem: "the size of −1 cannot be told",
      got: `${showShape(x.shape)} to ${showShape(shape)}`,
      expected: `one −1, and other sizes whose product divides ${x.size}`,
    });
  return builtReshape(
    x,
    shape.map((n) => (n === -1 ? x.size / known : n)),
  );
}

/** Makes one axis of the axes from `start` to `end` (inclusive). */
export function flatten(x: Node, start: number, end: number): Node {
  const sizes = x.shape.length === 0 ? [1] : x.shape;
  const from = normalizeAxis("flatten", start, sizes.length);
  const to = normalizeAxis("flatten", end, sizes.length);
  if (from > to)
    throw mistake("AXIS", {
      where: "flatten",
      problem: "the first axis comes after the last",
      got: `${start} and ${end}`,
      expected: "start at or before end",
    });
  return builtReshape(x, [...sizes.slice(0, from), sizeOf(sizes.slice(from, to + 1)), ...sizes.slice(to + 1)]);
}

/** Exchanges two axes; the last two by default. */
export function transpose(x: Node, a: number | undefined, b: number | undefined): Node {
  const rank = x.shape.length;
  if (a === undefined && rank < 2)
    throw mistake("AXIS", {
      where: "transpose",
      problem: "needs two axes",
      got: showShape(x.shape),
      advice: "Name the axes, or unsqueeze first.",
    });
  const first = normalizeAxis("transpose", a ?? -2, rank);
  const second = normalizeAxis("transpose", b ?? -1, rank);
  const axes = x.shape.map((_, i) => (i === first ? second : i === second ? first : i));
  return builtPermute(x, axes);
}

export function permute(x: Node, axes: readonly number[]): Node {
  return builtPermute(x, axes);
}

export function broadcastTo(x: Node, shape: Shape): Node {
  checkShape("broadcastTo", shape);
  return stretch("broadcastTo", x, shape);
}

function stretch(where: string, x: Node, shape: Shape): Node {
  const lead = shape.length - x.shape.length;
  if (lead < 0)
    throw mistake("SHAPE", {
      where,
      problem: "the result has fewer axes",
      got: `${showShape(x.shape)} to ${showShape(shape)}`,
      expected: `at least ${x.shape.length} axes`,
    });
  const axis = x.shape.findIndex((n, i) => n !== 1 && n !== shape[lead + i]);
  if (axis >= 0)
    throw mistake("SHAPE", {
      where,
      problem: "only axes of size 1 can stretch",
      got: `${showShape(x.shape)} to ${showShape(shape)}`,
      expected: `${x.shape[axis]} at axis ${lead + axis}`,
    });
  return builtBroadcast(x, shape);
}

/** Stretches axes of size 1; −1 keeps an axis. */
export function expand(x: Node, shape: Shape): Node {
  checkShape("expand", shape, true);
  const lead = shape.length - x.shape.length;
  const target = shape.map((n, i) => (n === -1 && i >= lead ? (x.shape[i - lead] as number) : n));
  checkShape("expand", target);
  return stretch("expand", x, target);
}

export function squeeze(x: Node, axes: number | readonly number[] | undefined): Node {
  const list = axes === undefined ? undefined : normalizeAxes("squeeze", axes, x.shape.length);
  for (const a of list ?? []) {
    if (x.shape[a] !== 1)
      throw mistake("SHAPE", {
        where: "squeeze",
        problem: `axis ${a} is not of size 1`,
        got: showShape(x.shape),
        expected: "axes of size 1",
      });
  }
  return builtReshape(
    x,
    x.shape.filter((n, i) => (list === undefined ? n !== 1 : !list.includes(i))),
  );
}

/** A new axis of size 1, at this position of the result. */
export function unsqueeze(x: Node, axis: number): Node {
  const a = normalizeAxis("unsqueeze", axis, x.shape.length + 1);
  return builtReshape(x, [...x.shape.slice(0, a), 1, ...x.shape.slice(a)]);
}

/** Python's slices: ends are cut to the axis, negative positions count from the end, a negative step walks backwards. */
export function slice(x: Node, ranges: readonly Range[]): Node {
  if (ranges.length > x.shape.length)
    throw mistake("AXIS", {
      where: "slice",
      problem: "more ranges than axes",
      got: `${ranges.length} for ${showShape(x.shape)}`,
      expected: `at most ${x.shape.length}`,
    });
  const [starts, sizes, steps]: [number[], number[], number[]] = [[], [], []];
  x.shape.forEach((n, axis) => {
    const [start, size, step] = rangeOf("slice", ranges[axis] ?? null, n, axis);
    starts.push(start);
    sizes.push(size);
    steps.push(step);
  });
  return builtSlice(x, starts, sizes, steps);
}

/** A range of an axis of n elements, as start, size and step. */
export function rangeOf(where: string, range: Range, n: number, axis: number): [start: number, size: number, step: number] {
  if (range === null) return [0, n, 1];
  const ok = (v: unknown) => v === null || v === undefined || Number.isInteger(v);
  if (!Array.isArray(range) || range.length > 3 || !range.every(ok) || range[2] === 0)
    throw mistake("OPTION", {
      where,
      problem: `the range of axis ${axis} is not one`,
      got: range,
      expected: "null, [start, end] or [start, end, step] with integers, the step not 0",
    });
  const step = range[2] ?? 1;
  const place = (v: number | null | undefined, otherwise: number) => {
    if (v === null || v === undefined) return otherwise;
    const from = v < 0 ? v + n : v;
    return step > 0 ? Math.max(0, Math.min(n, from)) : Math.max(-1, Math.min(n - 1, from));
  };
  const start = place(range[0], step > 0 ? 0 : n - 1);
  const end = place(range[1], step > 0 ? n : -1);
  const size = Math.max(0, Math.ceil((end - start) / step));
  return [size === 0 ? 0 : start, size, step];
}

/** A position on an axis of n elements, counted from either end, from 0 on. */
export function checkPosition(where: string, index: number, n: number, axis: number): number {
  if (!Number.isInteger(index) || index < -n || index >= n)
    throw mistake("RANGE", {
      where,
      problem: `index outside axis ${axis}`,
      got: index,
      expected: n === 0 ? "nothing: the axis is empty" : `an integer from ${-n} to ${n - 1}`,
    });
  return index < 0 ? index + n : index;
}

export function flip(x: Node, axes: number | readonly number[] | undefined): Node {
  const list = normalizeAxes("flip", axes, x.shape.length);
  return slice(
    x,
    x.shape.map((_, i) => (list.includes(i) ? ([null, null, -1] as const) : null)),
  );
}

/** Axes moved to new places; the others keep their order. */
export function moveAxis(x: Node, from: number | readonly number[], to: number | readonly number[]): Node {
  const listOf = (axes: number | readonly number[]) => (typeof axes === "number" ? [axes] : axes);
  const rank = x.shape.length;
  const [source, target] = [from, to].map((axes) => listOf(axes).map((a) => normalizeAxis("moveAxis", a, rank))) as [number[], number[]];
  if (source.length !== target.length)
    throw mistake("AXIS", {
      where: "moveAxis",
      problem: "as many places as axes are needed",
      got: `axes ${show(from)} to ${show(to)}`,
      expected: "lists of one length",
    });
  for (const [name, list] of [
    ["axes", source],
    ["places", target],
  ] as const) {
    if (new Set(list).size !== list.length)
      throw mistake("AXIS", { where: "moveAxis", problem: `${name} repeat`, got: list, expected: "each axis once" });
  }
  const rest = [...x.shape.keys()].filter((a) => !source.includes(a));
  const order = x.shape.map((_, i) => {
    const k = target.indexOf(i);
    return k < 0 ? (rest.shift() as number) : (source[k] as number);
  });
  return builtPermute(x, order);
}

/** Turns two axes by right angles, from the first towards the second. */
export function rot90(x: Node, times: number, axes: readonly number[]): Node {
  const rank = x.shape.length;
  if (!Array.isArray(axes) || axes.length !== 2)
    throw mistake("AXIS", { where: "rot90", problem: "a plane has two axes", got: axes, expected: "two axes" });
  if (!Number.isInteger(times))
    throw mistake("OPTION", { where: "rot90", problem: "turns are counted", got: times, expected: "an integer" });
  const [a, b] = axes.map((axis) => normalizeAxis("rot90", axis, rank)) as [number, number];
  if (a === b) throw mistake("AXIS", { where: "rot90", problem: "the two axes are the same", got: axes, expected: "two different axes" });
  switch (((times % 4) + 4) % 4) {
    case 1:
      return transpose(flip(x, b), a, b);
    case 2:
      return flip(x, [a, b]);
    case 3:
      return flip(transpose(x, a, b), b);
    default:
      return x;
  }
}

export function concat(parts: readonly Node[], axis: number): Node {
  const first = parts[0];
  if (first === undefined)
    throw mistake("OPTION", { where: "concat", problem: "needs at least one tensor", got: "an empty list", expected: "tensors" });
  const a = normalizeAxis("concat", axis, first.shape.length);
  const rest = (shape: Shape) => shape.filter((_, i) => i !== a);
  for (const part of parts) {
    if (part.shape.length !== first.shape.length || !sameShape(rest(part.shape), rest(first.shape)))
      throw mistake("SHAPE", {
        where: "concat",
        problem: `shapes differ beside axis ${a}`,
        got: parts.map((p) => showShape(p.shape)).join(", "),
        expected: "equal sizes on all other axes",
      });
    if (part.dtype !== first.dtype)
      throw mistake("DTYPE", {
        where: "concat",
        problem: "dtypes differ",
        got: [...new Set(parts.map((p) => p.dtype))].join(", "),
        expected: "one dtype",
        advice: "Cast them first.",
      });
  }
  if (parts.length === 1) return first;
  // Blocks are added, and 16-bit floats are added in float32, exactly.
  if (isHalf(first.dtype))
    return cast(
      concat(
        parts.map((part) => cast(part, "float32")),
        a,
      ),
      first.dtype,
    );
  const total = parts.reduce((n, p) => n + (p.shape[a] as number), 0);
  let start = 0;
  const blocks = parts.map((part) => {
    const n = part.shape[a] as number;
    const low = part.shape.map((_, i) => (i === a ? start : 0));
    const high = part.shape.map((_, i) => (i === a ? total - start - n : 0));
    start += n;
    return builtPad(part, low, high, isFloat(part.dtype) ? -0 : 0);
  });
  const join = first.dtype === "bool" ? "or" : "add";
  return blocks.reduce((sum, block) => binary(join, sum, block));
}

export function stack(parts: readonly Node[], axis: number): Node {
  const first = parts[0];
  if (first === undefined)
    throw mistake("OPTION", { where: "stack", problem: "needs at least one tensor", got: "an empty list", expected: "tensors" });
  for (const part of parts) {
    if (!sameShape(part.shape, first.shape))
      throw mistake("SHAPE", {
        where: "stack",
        problem: "shapes differ",
        got: parts.map((p) => showShape(p.shape)).join(", "),
        expected: "equal shapes",
      });
  }
  const a = normalizeAxis("stack", axis, first.shape.length + 1);
  return concat(
    parts.map((p) => unsqueeze(p, a)),
    a,
  );
}
