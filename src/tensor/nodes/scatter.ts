// Element by element indexing on nodes: each index stands for one element, beside it the place along one axis. The tensor is taken as
// one row, so that a gather or a scatter over that row does it.

import {
  binary,
  broadcastTo,
  gather as builtGather,
  scatterAdd as builtScatter,
  slice as builtSlice,
  cast,
  checkBounds,
  constant,
  iota,
  reshape,
  where as select,
} from "../../graph/build.ts";
import { isFloat } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import type { Combine } from "../../graph/operation.ts";
import { broadcastShapes, normalizeAxis, type Shape, sameShape, showShape, stridesOf } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { wrapped } from "./at.ts";
import { div, floorDivide } from "./elementwise.ts";
import { concat } from "./move.ts";
import { indices as asIndices, condition, fill } from "./operands.ts";

/** Indices along an axis of `shape`, checked for what can be told now; the rest when it runs. */
function checkIndices(where: string, shape: Shape, indices: Node, axis: number): Node {
  const positions = asIndices(where, indices);
  const n = shape[axis] as number;
  if (n === 0 && positions.size > 0)
    throw mistake("SHAPE", {
      where,
      problem: `axis ${axis} is empty, so no index is inside it`,
      got: showShape(shape),
      expected: "no indices",
    });
  return checkBounds(positions, n, `${where}: an index is outside axis ${axis}`);
}

/** Refuses indices that reach beyond the tensor beside the axis, or beyond the updates anywhere. */
function checkElements(where: string, x: Node, indices: Node, axis: number, updates?: Node): void {
  const rank = x.shape.length;
  if (indices.shape.length !== rank || (updates !== undefined && updates.shape.length !== rank))
    throw mistake("SHAPE", {
      where,
      problem: `the indices${updates === undefined ? "" : " and updates"} must have as many axes as the tensor`,
      got: [x, indices, ...(updates === undefined ? [] : [updates])].map((n) => showShape(n.shape)).join(", "),
      expected: `${rank} axes`,
    });
  indices.shape.forEach((n, i) => {
    const limits = [...(i === axis ? [] : [x.shape[i] as number]), ...(updates === undefined ? [] : [updates.shape[i] as number])];
    const limit = Math.min(...limits);
    if (n > limit)
      throw mistake("SHAPE", {
        where,
        problem: `more indices than elements on axis ${i}`,
        got: `indices ${showShape(indices.shape)} for ${showShape(x.shape)}${updates === undefined ? "" : ` and updates ${showShape(updates.shape)}`}`,
        expected: `at most ${limit}`,
      });
  });
}

/** Where each indexed element stands in the tensor as one row. */
function flatPositions(shape: Shape, indices: Node, axis: number): Node {
  const strides = stridesOf(shape);
  const scaled = (positions: Node, stride: number) =>
    stride === 1 ? positions : binary("mul", positions, constant(stride, "int32", positions.shape));
  const along = scaled(indices, strides[axis] as number);
  return strides.reduce(
    (sum, stride, i) => (i === axis || indices.shape[i] === 1 ? sum : binary("add", sum, scaled(iota(indices.shape, i), stride))),
    along,
  );
}

const row = (x: Node): Node => reshape(x, [x.size]);

/** Element [i, indices[i, j], …] at [i, j, …]. */
export function gatherElements(x: Node, indices: Node, axis: number): Node {
  const a = normalizeAxis("gatherElements", axis, x.shape.length);
  checkElements("gatherElements", x, indices, a);
  return builtGather(row(x), flatPositions(x.shape, checkIndices("gatherElements", x.shape, indices, a), a), 0);
}

/** `gatherElements` that broadcasts beside the axis; without an axis, of both as rows. */
export function takeAlongAxis(x: Node, indices: Node, axis: number | undefined): Node {
  if (axis === undefined) return takeAlongAxis(row(x), row(indices), 0);
  const rank = x.shape.length;
  const a = normalizeAxis("takeAlongAxis", axis, rank);
  if (indices.shape.length !== rank)
    throw mistake("SHAPE", {
      where: "takeAlongAxis",
      problem: "the indices must have as many axes as the tensor",
      got: `${showShape(x.shape)} and ${showShape(indices.shape)}`,
      expected: `${rank} axes`,
    });
  const beside = (shape: Shape, n: number) => shape.map((m, i) => (i === a ? n : m));
  const common = broadcastShapes("takeAlongAxis", beside(x.shape, 1), beside(indices.shape, 1));
  const from = broadcastTo(x, beside(common, x.shape[a] as number));
  const positions = wrapped("takeAlongAxis", indices, x.shape[a] as number, a);
  return builtGather(row(from), flatPositions(from.shape, broadcastTo(positions, beside(common, indices.shape[a] as number)), a), 0);
}

function meetUpdates(where: string, x: Node, updates: Node): Node {
  if (updates.dtype !== x.dtype)
    throw mistake("DTYPE", {
      where,
      problem: "the updates have another dtype",
      got: updates.dtype,
      expected: x.dtype,
      advice: "Cast them first.",
    });
  return updates;
}

interface Scattering {
  readonly positions: Node;
  readonly updates: Node;
}

function scattering(where: string, x: Node, axis: number, indices: Node, updates: Node | number): Scattering {
  const a = normalizeAxis(where, axis, x.shape.length);
  const given = typeof updates === "number" ? constant(updates, x.dtype, indices.shape) : meetUpdates(where, x, updates);
  checkElements(where, x, indices, a, given);
  const used = builtSlice(
    given,
    given.shape.map(() => 0),
    indices.shape,
  );
  return { positions: row(flatPositions(x.shape, checkIndices(where, x.shape, indices, a), a)), updates: row(used) };
}

/** x with updates in place of elements; the last of several for one element stays, and only it has a gradient. */
export function scatter(x: Node, axis: number, indices: Node, updates: Node | number): Node {
  const { positions, updates: values } = scattering("scatter", x, axis, indices, updates);
  if (positions.size === 0) return x;
  // Which update an element keeps, counted from 1.
  const count = [positions.size];
  const turn = binary("add", iota(count, 0), constant(1, "int32", count));
  const kept = reshape(builtScatter([x.size], positions, turn, 0, "last"), x.shape);
  const zero = fill(kept, 0);
  const place = binary("maximum", binary("sub", kept, fill(kept, 1)), zero);
  return select(binary("lt", zero, kept), builtGather(values, place, 0), x);
}

/** x with updates added to elements. */
export function scatterAdd(x: Node, axis: number, indices: Node, updates: Node | number): Node {
  const { positions, updates: values } = scattering("scatterAdd", x, axis, indices, updates);
  return binary("add", x, reshape(builtScatter([x.size], positions, values, 0), x.shape));
}

export type ScatterReduction = keyof typeof combinations;

const combinations = { sum: "sum", prod: "product", mean: "sum", max: "maximum", min: "minimum" } as const;

/** The elements of x and the updates for them reduced, or of the updates alone where there are any. */
export function scatterReduce(
  x: Node,
  axis: number,
  indices: Node,
  updates: Node | number,
  reduction: ScatterReduction,
  includeSelf: boolean,
): Node {
  if (!Object.hasOwn(combinations, reduction))
    throw mistake("OPTION", {
      where: "scatterReduce",
      problem: "unknown reduction",
      got: String(reduction),
      expected: Object.keys(combinations).join(", "),
    });
  const { positions, updates: given } = scattering("scatterReduce", x, axis, indices, updates);
  if (positions.size === 0) return x;
  // x's own elements are updates like the others, so that ties share gradients evenly.
  const own = iota([x.size], 0);
  const [places, values] = includeSelf ? [concat([own, positions], 0), concat([row(x), given], 0)] : [positions, given];
  const at = (updates: Node, combine: Combine) => reshape(builtScatter([x.size], places, updates, 0, combine), x.shape);
  const counts = at(constant(1, "int32", places.shape), "sum");
  const reduced = at(values, combinations[reduction]);
  const most = binary("maximum", counts, fill(counts, 1));
  const result =
    reduction !== "mean" ? reduced : isFloat(x.dtype) ? div(reduced, cast(most, x.dtype)) : floorDivide(reduced, cast(most, x.dtype));
  return includeSelf ? result : select(binary("lt", fill(counts, 0), counts), result, x);
}

/** Indices in one row, or one alone. */
function list(where: string, indices: Node): Node {
  if (indices.shape.length > 1)
    throw mistake("SHAPE", { where, problem: "the indices must be a list", got: showShape(indices.shape), expected: "[n] or []" });
  return row(indices);
}

/** x with α · source added to its parts at indices along an axis. */
export function indexAdd(x: Node, axis: number, indices: Node, source: Node, alpha: number): Node {
  const a = normalizeAxis("indexAdd", axis, x.shape.length);
  const positions = checkIndices("indexAdd", x.shape, list("indexAdd", indices), a);
  const shape = x.shape.map((n, i) => (i === a ? positions.size : n));
  if (!sameShape(meetUpdates("indexAdd", x, source).shape, shape))
    throw mistake("SHAPE", {
      where: "indexAdd",
      problem: "the source has the wrong shape",
      got: showShape(source.shape),
      expected: showShape(shape),
    });
  const updates = alpha === 1 ? source : binary("mul", source, fill(source, alpha));
  return binary("add", x, builtScatter(x.shape, positions, updates, a));
}

/** x with a value in its parts at indices along an axis. */
export function indexFill(x: Node, axis: number, indices: Node, value: Node | number): Node {
  const a = normalizeAxis("indexFill", axis, x.shape.length);
  const positions = wrapped("indexFill", list("indexFill", indices), x.shape[a] as number, a);
  const n = x.shape[a] as number;
  const hits = builtScatter([n], positions, fill(positions, 1), 0);
  const beside = x.shape.map((_, i) => (i === a ? n : 1));
  const hit = broadcastTo(reshape(binary("lt", fill(hits, 0), hits), beside), x.shape);
  return select(hit, one("indexFill", x, value), x);
}

/** A number, or a scalar, in the shape and dtype of x. */
function one(where: string, x: Node, value: Node | number): Node {
  if (typeof value === "number") return fill(x, value);
  if (value.shape.length > 0)
    throw mistake("SHAPE", {
      where,
      problem: "the value must be one number",
      got: showShape(value.shape),
      expected: "a number or a scalar",
    });
  return broadcastTo(cast(value, x.dtype), x.shape);
}

/** The value where the mask holds, else x; both broadcast. */
export function maskedFill(x: Node, mask: Node, value: Node | number): Node {
  const shape = broadcastShapes("maskedFill", x.shape, condition("maskedFill", mask).shape);
  const from = broadcastTo(x, shape);
  return select(broadcastTo(mask, shape), one("maskedFill", from, value), from);
}
