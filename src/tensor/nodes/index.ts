// Indexing on nodes: gather, one-hot, sorting. Indices are checked where the program runs; an error names the operation.

import {
  binary,
  broadcastTo,
  argSort as builtArgSort,
  gather as builtGather,
  cast,
  checkBounds,
  constant,
  iota,
  permute,
  reshape,
  slice,
} from "../../graph/build.ts";
import type { DType } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import { normalizeAxis, sizeOf } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { indices as asIndices } from "./operands.ts";
import { readNow } from "./read.ts";

/** Sub-tensors along an axis, at indices of any shape, which stand in place of the axis. */
export function gather(x: Node, positions: Node, axis: number): Node {
  const a = normalizeAxis("gather", axis, x.shape.length);
  const size = x.shape[a] as number;
  return builtGather(x, checkBounds(asIndices("gather", positions), size, "gather: an index is outside the axis"), a);
}

/** 1 where the class is the index, on a new last axis, which is as long as the largest class asks for where nobody says. */
export function oneHot(classes: Node, given: number | undefined, dtype: DType): Node {
  const depth = given ?? depthFor(asIndices("oneHot", classes));
  if (!Number.isInteger(depth) || depth < 1)
    throw mistake("OPTION", { where: "oneHot", problem: "the depth must be a positive integer", got: depth });
  const checked = checkBounds(asIndices("oneHot", classes), depth, "oneHot: a class is outside the depth");
  const shape = [...classes.shape, depth];
  const spread = broadcastTo(reshape(checked, [...classes.shape, 1]), shape);
  return cast(binary("eq", spread, iota(shape, classes.shape.length)), dtype);
}

function depthFor(classes: Node): number {
  const values = readNow("oneHot", classes, "the depth would depend on the values of the classes", "Give the depth.");
  if (values.length === 0)
    throw mistake("OPTION", { where: "oneHot", problem: "no classes to tell the depth from", got: "an empty tensor", expected: "a depth" });
  return (values as Int32Array).reduce((most, value) => Math.max(most, value), 0) + 1;
}

/** Calls `body` on the tensor with the axis moved to the end, and moves it back in what comes out. */
function onLast(where: string, x: Node, axis: number, body: (rows: Node) => Node[]): Node[] {
  const rank = x.shape.length;
  if (rank === 0) throw mistake("AXIS", { where, problem: "a scalar has no axis to sort" });
  const a = normalizeAxis(where, axis, rank);
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
  return reshape(builtGather(reshape(rows, [rows.size]), binary("add", start, flat), 0), positions.shape);
}

export function sort(x: Node, axis: number, descending: boolean): Node {
  if (x.size === 0) return x;
  return onLast("sort", x, axis, (rows) => [takeRows(rows, builtArgSort(rows, descending))])[0] as Node;
}

/** The k largest along an axis, from the largest down, and where they are. */
export function topK(x: Node, k: number, axis: number): [values: Node, indices: Node] {
  const a = normalizeAxis("topK", axis, x.shape.length);
  const n = x.shape[a] as number;
  if (!Number.isInteger(k) || k < 1 || k > n)
    throw mistake("OPTION", {
      where: "topK",
      problem: `cannot take so many along axis ${a}`,
      got: k,
      expected: `an integer from 1 to ${n}`,
    });
  return onLast("topK", x, axis, (rows) => {
    const order = builtArgSort(rows, true);
    const starts = rows.shape.map(() => 0);
    const first = slice(order, starts, [...rows.shape.slice(0, -1), k]);
    return [takeRows(rows, first), first];
  }) as [Node, Node];
}
