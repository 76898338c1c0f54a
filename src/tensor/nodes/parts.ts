// Cutting axes into parts, on nodes: views of one tensor.

import { binary, slice as builtSlice, checkBounds, constant, dynamicSlice, expand, reshape, where, window } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { normalizeAxis, showShape, sizeOf } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { checkPosition, permute } from "./move.ts";
import { indices as asIndices } from "./operands.ts";

/** So many equal parts, parts of given sizes, or parts of one size of which the last may be smaller. */
export type Parts = number | readonly number[] | { readonly size: number };

const isSize = (n: unknown): boolean => typeof n === "number" && Number.isInteger(n) && n >= 0;

/** `length` elements of an axis from `start` on. */
function part(x: Node, axis: number, start: number, length: number): Node {
  return builtSlice(
    x,
    x.shape.map((_, i) => (i === axis && length > 0 ? start : 0)),
    x.shape.map((n, i) => (i === axis ? length : n)),
  );
}

/** Sizes that add up to n, each `size` but the last. */
function evenSizes(n: number, size: number): number[] {
  if (n === 0) return [0];
  return Array.from({ length: Math.ceil(n / size) }, (_, i) => Math.min(size, n - i * size));
}

export function split(x: Node, parts: Parts, axis: number): Node[] {
  const a = normalizeAxis("split", axis, x.shape.length);
  const n = x.shape[a] as number;
  if (typeof parts === "object" && "size" in parts) {
    const { size } = parts;
    if (!isSize(size) || (size === 0 && n > 0))
      throw mistake("OPTION", {
        where: "split",
        problem: "the size of the parts must be a positive integer",
        got: size,
        expected: "an integer from 1 on",
      });
    return partsOf(x, evenSizes(n, size), a);
  }
  const sizes = typeof parts === "number" ? new Array<number>(Math.max(0, Math.trunc(parts))).fill(n / parts) : parts;
  if (sizes.length === 0 || !sizes.every(isSize) || sizes.reduce((sum, s) => sum + s, 0) !== n)
    throw mistake("SHAPE", {
      where: "split",
      problem: `axis ${a} does not divide so`,
      got: `${typeof parts === "number" ? parts : showShape(parts)} parts of ${showShape(x.shape)}`,
      expected: `a number that divides ${n}, or sizes that add up to ${n}`,
    });
  return partsOf(x, sizes, a);
}

function partsOf(x: Node, sizes: readonly number[], axis: number): Node[] {
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return part(x, axis, start - size, size);
  });
}

/** At most so many parts, of one size but the last. */
export function chunk(x: Node, count: number, axis: number): Node[] {
  const a = normalizeAxis("chunk", axis, x.shape.length);
  if (!Number.isInteger(count) || count < 1)
    throw mistake("OPTION", {
      where: "chunk",
      problem: "the count must be a positive integer",
      got: count,
      expected: "an integer from 1 on",
    });
  const n = x.shape[a] as number;
  return n === 0 ? partsOf(x, new Array<number>(count).fill(0), a) : partsOf(x, evenSizes(n, Math.ceil(n / count)), a);
}

/** `length` elements of an axis from a start on, which may be computed. */
export function narrow(x: Node, axis: number, start: number | Node, length: number): Node {
  const a = normalizeAxis("narrow", axis, x.shape.length);
  const n = x.shape[a] as number;
  if (!isSize(length) || length > n)
    throw mistake("OPTION", {
      where: "narrow",
      problem: `the length does not fit axis ${a}`,
      got: length,
      expected: `an integer from 0 to ${n}`,
    });
  if (typeof start === "number") {
    const from = start < 0 ? start + n : start;
    if (!Number.isInteger(start) || from < 0 || from + length > n)
      throw mistake("RANGE", {
        where: "narrow",
        problem: `the start is outside axis ${a}`,
        got: `start ${start}, length ${length} for ${showShape(x.shape)}`,
        expected: `a start from ${-n} to ${n - length}`,
      });
    return part(x, a, from, length);
  }
  if (start.shape.length > 0)
    throw mistake("SHAPE", {
      where: "narrow",
      problem: "the start must be one index",
      got: showShape(start.shape),
      expected: "a number or a scalar",
    });
  const given = asIndices("narrow", start);
  const zero = constant(0, "int32");
  const from = where(binary("lt", given, zero), binary("add", given, constant(n, "int32")), given);
  const checked = checkBounds(from, n - length + 1, `narrow: the start is outside axis ${a}`);
  return dynamicSlice(
    x,
    x.shape.map((_, i) => (i === a ? checked : zero)),
    x.shape.map((m, i) => (i === a ? length : m)),
  );
}

/** The part at one position of an axis, without the axis. */
export function select(x: Node, axis: number, index: number): Node {
  const a = normalizeAxis("select", axis, x.shape.length);
  const from = checkPosition("select", index, x.shape[a] as number, a);
  return reshape(
    part(x, a, from, 1),
    x.shape.filter((_, i) => i !== a),
  );
}

/** All blocks of `size` neighbours along an axis, one every `step`; the places in the blocks make a new last axis. */
export function slidingWindow(x: Node, size: number, axis: number, step: number): Node {
  const a = normalizeAxis("slidingWindow", axis, x.shape.length);
  const n = x.shape[a] as number;
  if (!Number.isInteger(size) || size < 0 || size > n)
    throw mistake("OPTION", {
      where: "slidingWindow",
      problem: `the size does not fit axis ${a}`,
      got: size,
      expected: `an integer from 0 to ${n}`,
    });
  if (!Number.isInteger(step) || step < 1)
    throw mistake("OPTION", {
      where: "slidingWindow",
      problem: "the step must be a positive integer",
      got: step,
      expected: "an integer from 1 on",
    });
  if (size === 0) return constant(0, x.dtype, [...x.shape.slice(0, a), Math.floor(n / step) + 1, ...x.shape.slice(a + 1), 0]);
  return window(x, [a], [size], [step], [1]);
}

/** The axis as several, whose sizes multiply up to its own; one may be −1. */
export function unflatten(x: Node, axis: number, sizes: readonly number[]): Node {
  const a = normalizeAxis("unflatten", axis, x.shape.length);
  const n = x.shape[a] as number;
  const known = sizeOf(sizes.filter((s) => s !== -1));
  const unknown = sizes.filter((s) => s === -1).length;
  const list = sizes.map((s) => (s === -1 ? n / known : s));
  if (sizes.length === 0 || unknown > 1 || !list.every(isSize) || sizeOf(list) !== n)
    throw mistake("SHAPE", {
      where: "unflatten",
      problem: `the sizes do not multiply up to axis ${a}`,
      got: `${showShape(sizes)} for ${showShape(x.shape)}`,
      expected: `sizes whose product is ${n}, at most one of them −1`,
    });
  return reshape(x, [...x.shape.slice(0, a), ...list, ...x.shape.slice(a + 1)]);
}

/** Vectors as the axes of a grid: the values of each on the whole grid. */
export function meshgrid(vectors: readonly Node[], indexing: "ij" | "xy"): Node[] {
  if (vectors.length === 0)
    throw mistake("OPTION", { where: "meshgrid", problem: "needs at least one vector", got: "an empty list", expected: "vectors" });
  if (indexing !== "ij" && indexing !== "xy")
    throw mistake("OPTION", { where: "meshgrid", problem: "there is no such indexing", got: indexing, expected: '"ij" or "xy"' });
  const bad = vectors.find((v) => v.shape.length > 1);
  if (bad !== undefined)
    throw mistake("SHAPE", { where: "meshgrid", problem: "needs vectors", got: showShape(bad.shape), expected: "at most one axis each" });
  const shape = vectors.map((v) => v.size);
  const grids = vectors.map((v, k) => {
    const column = reshape(
      v,
      shape.map((n, i) => (i === k ? n : 1)),
    );
    return expand(column, shape);
  });
  return indexing === "xy" && vectors.length > 1 ? grids.map((g) => permute(g, [1, 0, ...vectors.slice(2).map((_, i) => i + 2)])) : grids;
}
