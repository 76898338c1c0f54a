// Indexing on nodes: gather, one-hot. Indices are checked where the program runs; an error names the operation.

import { binary, broadcastTo, gather as builtGather, cast, checkBounds, iota, reshape } from "../../graph/build.ts";
import type { DType } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import { normalizeAxis } from "../../graph/shape.ts";
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
export function oneHot(classes: Node, given: number | undefined, dtype: DType, message = "oneHot: a class is outside the depth"): Node {
  const depth = given ?? depthFor(asIndices("oneHot", classes));
  if (!Number.isInteger(depth) || depth < 1)
    throw mistake("OPTION", { where: "oneHot", problem: "the depth is wrong", got: depth, expected: "a positive integer" });
  const checked = checkBounds(asIndices("oneHot", classes), depth, message);
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
