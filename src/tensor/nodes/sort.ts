// Sorting on nodes, along any axis: the axis is moved to the end, where argSort works on rows. A scalar is a row of one element.

import { argReduce, binary, argSort as builtArgSort, constant, gather, iota, permute, reshape, slice } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { normalizeAxis, showShape, sizeOf } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";

/** Calls `body` on the tensor with the axis moved to the end, and moves it back in what comes out. */
function onLast(where: string, x: Node, axis: number, body: (rows: Node) => Node[]): Node[] {
  const rank = x.shape.length;
  const a = normalizeAxis(where, axis, Math.max(rank, 1));
  if (rank === 0) return body(reshape(x, [1])).map((y) => (y.size === 1 ? reshape(y, []) : y));
  const order = [...x.shape.keys()].filter((i) => i !== a);
  const forward = [...order, a];
  const back = forward.map((_, i) => forward.indexOf(i));
  return body(permute(x, forward)).map((y) => permute(y, back));
}

export function argSort(x: Node, axis: number, descending: boolean): Node {
  return onLast("argSort", x, axis, (rows) => [builtArgSort(rows, descending)])[0] as Node;
}

/** Elements of each row at that row's positions, which are known to be inside. */
function takeRows(rows: Node, positions: Node): Node {
  const n = rows.shape[rows.shape.length - 1] as number;
  const count = sizeOf(rows.shape.slice(0, -1));
  const k = positions.shape[positions.shape.length - 1] as number;
  const flat = reshape(positions, [count, k]);
  const start = binary("mul", iota([count, k], 0), constant(n, "int32", [count, k]));
  return reshape(gather(reshape(rows, [rows.size]), binary("add", start, flat), 0), positions.shape);
}

export function sort(x: Node, axis: number, descending: boolean): Node {
  return onLast("sort", x, axis, (rows) => [takeRows(rows, builtArgSort(rows, descending))])[0] as Node;
}

/** The k largest along an axis, from the largest down (or the smallest, from the smallest up), and where they are. */
export function topK(x: Node, k: number, axis: number, largest: boolean): [values: Node, indices: Node] {
  const a = normalizeAxis("topK", axis, Math.max(x.shape.length, 1));
  const n = x.shape[a] ?? 1;
  if (!Number.isInteger(k) || k < 0 || k > n)
    throw mistake("OPTION", {
      where: "topK",
      problem: `k: cannot take so many along axis ${a}`,
      got: k,
      expected: `an integer from 0 to ${n}`,
    });
  return onLast("topK", x, axis, (rows) => {
    const order = builtArgSort(rows, largest);
    const starts = rows.shape.map(() => 0);
    const first = slice(order, starts, [...rows.shape.slice(0, -1), k]);
    return [takeRows(rows, first), first];
  }) as [Node, Node];
}

/** The largest (or smallest) element along an axis and where the first of them is, which has all of the gradient. */
export function extremeWithIndex(
  where: string,
  op: "argMax" | "argMin",
  x: Node,
  axis: number,
  keepDimensions: boolean,
): [values: Node, indices: Node] {
  const a = normalizeAxis(where, axis, Math.max(x.shape.length, 1));
  if (x.shape[a] === 0)
    throw mistake("SHAPE", {
      where,
      problem: `axis ${a} is empty, so nothing in it is largest or smallest`,
      got: showShape(x.shape),
      expected: "at least one element",
    });
  const found = onLast(where, x, axis, (rows) => {
    const index = argReduce(op, rows, rows.shape.length - 1);
    const kept = reshape(index, [...index.shape, 1]);
    return [takeRows(rows, kept), kept];
  });
  const shape = x.shape.filter((_, i) => i !== a);
  return (keepDimensions ? found : found.map((y) => reshape(y, shape))) as [Node, Node];
}
