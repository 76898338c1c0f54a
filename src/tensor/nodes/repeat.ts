// Repetition on nodes: the elements of an axis over and over, as views. An axis seen twice, merged with its copies, is one long axis
// that starts again; a slice of it turns (roll), wraps (circular padding) or tiles. Nothing is copied.

import { constant, expand, reshape, slice } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { normalizeAxis, type Shape, showShape } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { checkShape } from "./move.ts";

const replaced = (shape: Shape, axis: number, ...sizes: readonly number[]): number[] => [
  ...shape.slice(0, axis),
  ...sizes,
  ...shape.slice(axis + 1),
];

/** Elements `start` to `start + length − 1` of an axis that begins again at its end; `start` from 0 on, the axis not empty. */
export function around(x: Node, axis: number, start: number, length: number): Node {
  const n = x.shape[axis] as number;
  if (length === 0) return constant(0, x.dtype, replaced(x.shape, axis, 0));
  const times = Math.ceil((start + length) / n);
  const spread = expand(reshape(x, replaced(x.shape, axis, 1, n)), replaced(x.shape, axis, times, n));
  const long = reshape(spread, replaced(x.shape, axis, times * n));
  return slice(
    long,
    x.shape.map((_, i) => (i === axis ? start : 0)),
    replaced(x.shape, axis, length),
  );
}

const listOf = (x: number | readonly number[]): readonly number[] => (typeof x === "number" ? [x] : x);

/** Turns axes: what leaves at the end comes in at the start. Without axes, all elements as one row. */
export function roll(x: Node, shifts: number | readonly number[], axes: number | readonly number[] | undefined): Node {
  const by = listOf(shifts);
  if (by.length === 0 || !by.every(Number.isInteger))
    throw mistake("OPTION", {
      where: "roll",
      problem: "a shift must be an integer",
      got: shifts,
      expected: "an integer, or one for each axis",
    });
  if (axes === undefined) {
    if (by.length > 1)
      throw mistake("OPTION", {
        where: "roll",
        problem: "several shifts without axes",
        got: shifts,
        expected: "one integer",
        advice: "Name an axis for each shift.",
      });
    return reshape(turn(reshape(x, [x.size]), by[0] as number, 0), x.shape);
  }
  const list = listOf(axes).map((axis) => normalizeAxis("roll", axis, x.shape.length));
  if (list.length !== by.length)
    throw mistake("OPTION", {
      where: "roll",
      problem: "as many shifts as axes are needed",
      got: `${by.length} shifts for ${list.length} axes`,
      expected: "one shift for each axis",
    });
  return list.reduce((turned, axis, i) => turn(turned, by[i] as number, axis), x);
}

function turn(x: Node, shift: number, axis: number): Node {
  const n = x.shape[axis] as number;
  if (n < 2) return x;
  const start = ((-shift % n) + n) % n;
  return start === 0 ? x : around(x, axis, start, n);
}

/** The whole tensor so many times along each axis; with more counts than axes there are new leading axes. */
export function tile(where: string, x: Node, counts: Shape): Node {
  checkShape(where, counts);
  const rank = Math.max(x.shape.length, counts.length);
  const times = [...new Array<number>(rank - counts.length).fill(1), ...counts];
  const sizes = [...new Array<number>(rank - x.shape.length).fill(1), ...x.shape];
  const apart = sizes.flatMap((n) => [1, n]);
  const spread = sizes.flatMap((n, i) => [times[i] as number, n]);
  return reshape(
    expand(reshape(x, apart), spread),
    sizes.map((n, i) => n * (times[i] as number)),
  );
}

/** `tile` that wants a count for each axis at least. */
export function repeat(x: Node, counts: Shape): Node {
  checkShape("repeat", counts);
  if (counts.length < x.shape.length)
    throw mistake("SHAPE", {
      where: "repeat",
      problem: "fewer counts than axes",
      got: `${counts.length} counts for ${showShape(x.shape)}`,
      expected: `at least ${x.shape.length} counts`,
      advice: "Give 1 for axes that stay, or use tile.",
    });
  return tile("repeat", x, counts);
}

/** Each element of an axis so many times in a row; without an axis, of all elements as one row. */
export function repeatInterleave(x: Node, count: number, axis: number | undefined): Node {
  if (!Number.isInteger(count) || count < 0)
    throw mistake("OPTION", {
      where: "repeatInterleave",
      problem: "the count must be an integer from 0 on",
      got: count,
      expected: "0, 1, 2, …",
    });
  const from = axis === undefined ? reshape(x, [x.size]) : x;
  const a = normalizeAxis("repeatInterleave", axis ?? 0, from.shape.length);
  const n = from.shape[a] as number;
  const spread = expand(reshape(from, replaced(from.shape, a, n, 1)), replaced(from.shape, a, n, count));
  return reshape(spread, replaced(from.shape, a, n * count));
}
