// Shapes are plain arrays of sizes. Everything here is arithmetic on them, with the errors a user would see.

import { mistake } from "../util/errors.ts";

/** Sizes of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i] as number;
  }
  return strides;
}

/** `[2,3]`: the way shapes stand in messages. */
export function showShape(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

/**
 * The shape that two operands broadcast to: axes align at the right, and an axis of size 1 stretches.
 *
 * @throws UserError `SHAPE`, with both shapes.
 */
export function broadcastShapes(where: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const result = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const m = a[a.length - i] ?? 1;
    const n = b[b.length - i] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw mistake("SHAPE", {
        where,
        problem: `shapes do not broadcast at axis ${rank - i}`,
        got: `${showShape(a)} and ${showShape(b)}`,
        expected: "equal sizes, or 1, on every axis counted from the right",
      });
    }
    result[rank - i] = m === 1 ? n : m;
  }
  return result;
}

/** An axis counted from either end, as an index from 0. */
export function normalizeAxis(where: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw mistake("AXIS", {
      where,
      problem: "axis out of range",
      got: axis,
      expected: rank === 0 ? "no axis: the tensor is a scalar" : `an integer from ${-rank} to ${rank - 1}`,
    });
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes as increasing indices without repeats; `undefined` means all. A scalar counts as one axis of one element. */
export function normalizeAxes(where: string, axes: number | readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  if (typeof axes !== "number" && !Array.isArray(axes))
    throw mistake("AXIS", { where, problem: "an axis is a number, several are a list", got: axes });
  const list = (typeof axes === "number" ? [axes] : axes).map((axis) => normalizeAxis(where, axis, Math.max(rank, 1)));
  const sorted = [...new Set(list)].sort((a, b) => a - b);
  if (sorted.length !== list.length)
    throw mistake("AXIS", { where, problem: "an axis is named twice", got: axes, expected: "each axis once" });
  return rank === 0 ? [] : sorted;
}

/** The shape left after the axes are reduced away. */
export function withoutAxes(shape: Shape, axes: readonly number[]): number[] {
  return shape.filter((_, i) => !axes.includes(i));
}
