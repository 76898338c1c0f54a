// Reductions.

import { mistake } from "../../util/errors.ts";
import { Node } from "../node.ts";
import type { ReduceOp } from "../operation.ts";
import { normalizeAxes, normalizeAxis, showShape, sizeOf, withoutAxes } from "../shape.ts";
import { wide } from "./common.ts";

/** Reduces the axes away. `reduceSum` and `reduceProduct` of bool are refused: cast first. */
export function reduce(op: Exclude<ReduceOp, "argMax" | "argMin">, given: Node, axes?: number | readonly number[]): Node {
  const x = wide(given);
  const list = normalizeAxes(op, axes, x.shape.length);
  if (x.dtype === "bool" && (op === "reduceSum" || op === "reduceProduct"))
    throw mistake("DTYPE", { where: op, problem: "is not defined on bool", advice: "Cast to int32 first." });
  if (list.length === 0) return x;
  const shape = withoutAxes(x.shape, list);
  if ((op === "reduceMax" || op === "reduceMin") && x.size === 0 && sizeOf(shape) > 0) {
    throw mistake("SHAPE", { where: op, problem: "cannot reduce an empty axis: there is no largest element", got: showShape(x.shape) });
  }
  return new Node(op, [x], { axes: list }, shape, x.dtype);
}

/** The int32 index of the largest (or smallest) element; the first among equals; a NaN counts as the extreme. */
export function argReduce(op: "argMax" | "argMin", given: Node, axis: number): Node {
  const x = wide(given);
  const a = normalizeAxis(op, axis, x.shape.length);
  if (x.shape[a] === 0) throw mistake("SHAPE", { where: op, problem: "cannot reduce an empty axis", got: showShape(x.shape) });
  return new Node(op, [x], { axis: a }, withoutAxes(x.shape, [a]), "int32");
}
