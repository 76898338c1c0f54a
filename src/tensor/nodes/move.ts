// Movement on nodes: shapes, axes, slices, padding, joining. Nothing here computes; concat adds blocks padded with −0, which
// leaves every bit as it was.

import {
  binary,
  broadcastTo as builtBroadcast,
  pad as builtPad,
  permute as builtPermute,
  reshape as builtReshape,
  slice as builtSlice,
} from "../../graph/build.ts";
import { isFloat } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import { normalizeAxes, normalizeAxis, type Shape, sameShape, showShape, sizeOf } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";

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
  if (x.shape.length === 0) return builtReshape(x, [1]);
  const from = normalizeAxis("flatten", start, x.shape.length);
  const to = normalizeAxis("flatten", end, x.shape.length);
  if (from > to) throw mistake("AXIS", { where: "flatten", problem: "the first axis comes after the last", got: `${start} and ${end}` });
  return builtReshape(x, [...x.shape.slice(0, from), sizeOf(x.shape.slice(from, to + 1)), ...x.shape.slice(to + 1)]);
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
  return builtBroadcast(x, shape);
}

/** Stretches axes of size 1; −1 keeps an axis. */
export function expand(x: Node, shape: Shape): Node {
  checkShape("expand", shape, true);
  const lead = shape.length - x.shape.length;
  const target = shape.map((n, i) => (n === -1 && i >= lead ? (x.shape[i - lead] as number) : n));
  checkShape("expand", target);
  return builtBroadcast(x, target);
}

export function squeeze(x: Node, axes: number | readonly number[] | undefined): Node {
  const list = axes === undefined ? undefined : normalizeAxes("squeeze", axes, x.shape.length);
  for (const a of list ?? []) {
    if (x.shape[a] !== 1) throw mistake("SHAPE", { where: "squeeze", problem: `axis ${a} is not of size 1`, got: showShape(x.shape) });
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
    const [start, size, step] = rangeOf(ranges[axis] ?? null, n, axis);
    starts.push(start);
    sizes.push(size);
    steps.push(step);
  });
  return builtSlice(x, starts, sizes, steps);
}

function rangeOf(range: Range, n: number, axis: number): [number, number, number] {
  if (range === null) return [0, n, 1];
  const ok = (v: unknown) => v === null || v === undefined || Number.isInteger(v);
  if (!Array.isArray(range) || range.length > 3 || !range.every(ok) || range[2] === 0)
    throw mistake("OPTION", {
      where: "slice",
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

/** The sub-tensor at one position of an axis. */
export function at(x: Node, index: number, axis: number): Node {
  const a = normalizeAxis("at", axis, x.shape.length);
  const n = x.shape[a] as number;
  if (!Number.isInteger(index) || index < -n || index >= n)
    throw mistake("RANGE", {
      where: "at",
      problem: `index outside axis ${a}`,
      got: index,
      expected: n === 0 ? "nothing: the axis is empty" : `an integer from ${-n} to ${n - 1}`,
    });
  const starts = x.shape.map((_, i) => (i === a ? (index < 0 ? index + n : index) : 0));
  const sizes = x.shape.map((m, i) => (i === a ? 1 : m));
  return builtReshape(
    builtSlice(x, starts, sizes),
    x.shape.filter((_, i) => i !== a),
  );
}

export function flip(x: Node, axes: number | readonly number[] | undefined): Node {
  const list = normalizeAxes("flip", axes, x.shape.length);
  return slice(
    x,
    x.shape.map((_, i) => (list.includes(i) ? ([null, null, -1] as const) : null)),
  );
}

/** `[before, after]` for each axis, or one pair for all. */
export function pad(x: Node, widths: readonly (readonly [number, number])[] | readonly [number, number], value: number): Node {
  const pairs = (typeof widths[0] === "number" ? x.shape.map(() => widths) : widths) as readonly (readonly [number, number])[];
  if (pairs.length !== x.shape.length || pairs.some((p) => !Array.isArray(p) || p.length !== 2))
    throw mistake("OPTION", {
      where: "pad",
      problem: "needs a pair [before, after] for each axis",
      got: widths,
      expected: `${x.shape.length} pairs, for ${showShape(x.shape)}`,
    });
  return builtPad(
    x,
    pairs.map((p) => p[0]),
    pairs.map((p) => p[1]),
    value,
  );
}

export function concat(parts: readonly Node[], axis: number): Node {
  const first = parts[0];
  if (first === undefined) throw mistake("OPTION", { where: "concat", problem: "needs at least one tensor", got: "an empty list" });
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
  if (first === undefined) throw mistake("OPTION", { where: "stack", problem: "needs at least one tensor", got: "an empty list" });
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

/** Equal parts (a number of them, dividing the axis), or parts of given sizes. */
export function split(x: Node, parts: number | readonly number[], axis: number): Node[] {
  const a = normalizeAxis("split", axis, x.shape.length);
  const n = x.shape[a] as number;
  const sizes = typeof parts === "number" ? new Array<number>(Math.max(0, Math.trunc(parts))).fill(n / parts) : parts;
  if (sizes.length === 0 || sizes.some((s) => !Number.isInteger(s) || s < 0) || sizes.reduce((sum, s) => sum + s, 0) !== n)
    throw mistake("SHAPE", {
      where: "split",
      problem: `axis ${a} does not divide so`,
      got: `${parts} parts of ${showShape(x.shape)}`,
      expected: `a number that divides ${n}, or sizes that add up to ${n}`,
    });
  let start = 0;
  return sizes.map((size) => {
    const starts = x.shape.map((_, i) => (i === a ? start : 0));
    start += size;
    return builtSlice(
      x,
      starts,
      x.shape.map((m, i) => (i === a ? size : m)),
    );
  });
}
