// Operations at computed indices and along an axis.

import { InternalError, mistake } from "../../util/errors.ts";
import { Node } from "../node.ts";
import type { Combine, Running } from "../operation.ts";
import { normalizeAxis, type Shape, sameShape, showShape } from "../shape.ts";
import { none, wide } from "./common.ts";

/** Slices of `x` along `axis`, at int32 `indices` of any shape, which stand in place of the axis. Indices are clamped. */
export function gather(x: Node, indices: Node, axis: number): Node {
  const a = normalizeAxis("gather", axis, x.shape.length);
  if (indices.dtype !== "int32") throw mistake("DTYPE", { where: "gather", problem: "indices must be int32", got: indices.dtype });
  checkNotEmpty("gather", x.shape, a, indices);
  return new Node("gather", [x, indices], { axis: a }, [...x.shape.slice(0, a), ...indices.shape, ...x.shape.slice(a + 1)], x.dtype);
}

/**
 * Adjoint of gather: zeros of `shape`, plus `updates` added at `indices` along `axis`, in the order of the indices; or what
 * another `combine` makes of the updates at each place.
 */
export function scatterAdd(shape: Shape, indices: Node, given: Node, axis: number, combine: Combine = "sum"): Node {
  const updates = combine === "last" ? given : wide(given);
  const a = normalizeAxis("scatterAdd", axis, shape.length);
  const expected = [...shape.slice(0, a), ...indices.shape, ...shape.slice(a + 1)];
  if (indices.dtype !== "int32") throw mistake("DTYPE", { where: "scatterAdd", problem: "indices must be int32", got: indices.dtype });
  if (updates.dtype === "bool" && combine !== "sum" && combine !== "last")
    throw mistake("DTYPE", { where: "scatterAdd", problem: `has no ${combine} of bool`, got: updates.dtype });
  if (!sameShape(updates.shape, expected))
    throw mistake("SHAPE", {
      where: "scatterAdd",
      problem: "updates have the wrong shape",
      got: showShape(updates.shape),
      expected: showShape(expected),
    });
  checkNotEmpty("scatterAdd", shape, a, indices);
  return new Node("scatterAdd", [indices, updates], { axis: a, combine }, [...shape], updates.dtype);
}

function checkNotEmpty(where: string, shape: Shape, axis: number, indices: Node): void {
  if (shape[axis] === 0 && indices.size > 0)
    throw mistake("SHAPE", {
      where,
      problem: `axis ${axis} is empty, so no index is inside it`,
      got: showShape(shape),
      expected: "no indices",
    });
}

function checkStarts(where: string, x: Node, starts: readonly Node[]): void {
  if (starts.length !== x.shape.length || starts.some((s) => s.dtype !== "int32" || s.shape.length !== 0)) {
    throw mistake("SHAPE", {
      where,
      problem: "needs one int32 scalar start for each axis",
      got: `${starts.length} starts`,
      expected: `${x.shape.length}`,
    });
  }
}

/** A block of `sizes` at computed starts, each clamped so that the block lies inside. */
export function dynamicSlice(x: Node, starts: readonly Node[], sizes: Shape): Node {
  checkStarts("dynamicSlice", x, starts);
  if (sizes.length !== x.shape.length || sizes.some((n, i) => n > (x.shape[i] as number)))
    throw mistake("SHAPE", {
      where: "dynamicSlice",
      problem: "the block is larger than the tensor",
      got: showShape(sizes),
      expected: `at most ${showShape(x.shape)}`,
    });
  return new Node("dynamicSlice", [x, ...starts], none, [...sizes], x.dtype);
}

/** `x` with the block at computed starts (clamped likewise) replaced by `update`. */
export function dynamicUpdate(x: Node, update: Node, starts: readonly Node[]): Node {
  checkStarts("dynamicUpdate", x, starts);
  if (update.dtype !== x.dtype)
    throw mistake("DTYPE", { where: "dynamicUpdate", problem: "the update has another dtype", got: update.dtype, expected: x.dtype });
  if (update.shape.length !== x.shape.length || update.shape.some((n, i) => n > (x.shape[i] as number)))
    throw mistake("SHAPE", {
      where: "dynamicUpdate",
      problem: "the block is larger than the tensor",
      got: showShape(update.shape),
      expected: `at most ${showShape(x.shape)}`,
    });
  return new Node("dynamicUpdate", [x, update, ...starts], none, x.shape, x.dtype);
}

/** The int32 indices that sort the last axis; equal elements keep their order; NaN is the largest. */
export function argSort(given: Node, descending = false): Node {
  const x = wide(given);
  if (x.shape.length === 0) throw mistake("AXIS", { where: "argSort", problem: "a scalar has no axis to sort" });
  return new Node("argSort", [x], { descending }, x.shape, "int32");
}

/** Each element from the one before it along an axis; `inputs` are [x], or [a, x] for `linear`. */
export function recurrence(combine: Running, given: readonly Node[], axis: number, reverse = false): Node {
  const inputs = given.map(wide);
  const x = inputs[inputs.length - 1];
  if (x === undefined || inputs.length !== (combine === "linear" ? 2 : 1)) throw new InternalError(`recurrence of ${inputs.length} inputs`);
  const a = normalizeAxis("recurrence", axis, x.shape.length);
  if (x.dtype === "bool")
    throw mistake("DTYPE", { where: "recurrence", problem: "is not defined on bool", advice: "Cast to int32 first." });
  if (inputs.some((n) => n.dtype !== x.dtype || !sameShape(n.shape, x.shape)))
    throw new InternalError("recurrence: operands differ in type");
  return new Node("recurrence", inputs, { combine, axis: a, reverse }, x.shape, x.dtype);
}
