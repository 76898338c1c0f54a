// Reductions on nodes: sums and means, extremes, moments, and the softmax family.

import { argReduce, binary, broadcastTo, cast, constant, reduce, reshape, where as select, unary } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import type { ReduceOp } from "../../graph/operation.ts";
import { normalizeAxes, normalizeAxis, showShape } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { div, exp, isFinite, log, sqrt, square, sub, truth } from "./elementwise.ts";
import { fill, floating } from "./operands.ts";

export type Axes = number | readonly number[] | undefined;

/** Puts reduced axes back as axes of size 1. */
function keep(reduced: Node, x: Node, axes: readonly number[], keepDimensions: boolean): Node {
  if (!keepDimensions) return reduced;
  return reshape(
    reduced,
    x.shape.map((n, i) => (axes.includes(i) ? 1 : n)),
  );
}

function emptyExtreme(where: string, x: Node): Error {
  return mistake("SHAPE", {
    where,
    problem: "an empty axis has no largest or smallest element",
    got: showShape(x.shape),
    expected: "at least one element along the reduced axes",
  });
}

function along(where: string, op: Exclude<ReduceOp, "argMax" | "argMin">, x: Node, axes: Axes, keepDimensions: boolean): Node {
  const list = normalizeAxes(where, axes, x.shape.length);
  if ((op === "reduceMax" || op === "reduceMin") && list.some((a) => x.shape[a] === 0)) throw emptyExtreme(where, x);
  return keep(reduce(op, x, list), x, list, keepDimensions);
}

/** Small integers and bool are counted in int32. */
export const countable = (x: Node): Node => (x.dtype === "bool" || x.dtype === "uint8" || x.dtype === "int8" ? cast(x, "int32") : x);

export function sum(x: Node, axes: Axes, keepDimensions: boolean): Node {
  return along("sum", "reduceSum", countable(x), axes, keepDimensions);
}

export function prod(x: Node, axes: Axes, keepDimensions: boolean): Node {
  return along("prod", "reduceProduct", countable(x), axes, keepDimensions);
}

export function max(x: Node, axes: Axes, keepDimensions: boolean): Node {
  return along("max", "reduceMax", x, axes, keepDimensions);
}

export function min(x: Node, axes: Axes, keepDimensions: boolean): Node {
  return along("min", "reduceMin", x, axes, keepDimensions);
}

export function any(x: Node, axes: Axes, keepDimensions: boolean): Node {
  return anyOrAll("any", "reduceMax", x, axes, keepDimensions);
}

export function all(x: Node, axes: Axes, keepDimensions: boolean): Node {
  return anyOrAll("all", "reduceMin", x, axes, keepDimensions);
}

/** Of no elements, any is false and all is true. What is not 0 counts as true. */
function anyOrAll(where: "any" | "all", op: "reduceMax" | "reduceMin", x: Node, axes: Axes, keepDimensions: boolean): Node {
  const test = truth(x);
  const list = normalizeAxes(where, axes, x.shape.length);
  const shape = x.shape.flatMap((n, i) => (list.includes(i) ? (keepDimensions ? [1] : []) : [n]));
  if (list.some((a) => x.shape[a] === 0)) return constant(where === "all" ? 1 : 0, "bool", shape);
  return keep(reduce(op, test, list), x, list, keepDimensions);
}

/** Elements along some axes. */
export function countOf(x: Node, axes: readonly number[]): number {
  return axes.reduce((n, a) => n * (x.shape[a] as number), 1);
}

export function mean(v: Node, axes: Axes, keepDimensions: boolean): Node {
  const x = floating(v);
  const list = normalizeAxes("mean", axes, x.shape.length);
  return div(keep(reduce("reduceSum", x, list), x, list, keepDimensions), countOf(x, list));
}

/** Σ(x − mean)² / max(n − correction, 0). */
export function variance(v: Node, axes: Axes, keepDimensions: boolean, correction: number): Node {
  const x = floating(v);
  const list = normalizeAxes("variance", axes, x.shape.length);
  const n = countOf(x, list);
  const squares = square(sub(x, mean(x, list, true)));
  return div(keep(reduce("reduceSum", squares, list), x, list, keepDimensions), Math.max(n - correction, 0));
}

/** √variance; where that is 0 the gradient is 0. */
export function std(v: Node, axes: Axes, keepDimensions: boolean, correction: number): Node {
  return safeRoot(variance(v, axes, keepDimensions, correction));
}

/** √x with gradient 0 at 0. */
export function safeRoot(x: Node): Node {
  const zero = binary("eq", x, fill(x, 0));
  return select(zero, x, sqrt(select(zero, fill(x, 1), x)));
}

export function countNonzero(x: Node, axes: Axes, keepDimensions: boolean): Node {
  return sum(truth(x), axes, keepDimensions);
}

/** Along one axis, or over all elements as one row. */
export function argExtreme(op: "argMax" | "argMin", x: Node, axis: number | undefined, keepDimensions: boolean): Node {
  if (axis === undefined || x.shape.length === 0) {
    if (axis !== undefined) normalizeAxis(op, axis, 1);
    if (x.size === 0) throw emptyExtreme(op, x);
    const index = argReduce(op, reshape(x, [x.size]), 0);
    return keepDimensions
      ? reshape(
          index,
          x.shape.map(() => 1),
        )
      : index;
  }
  const a = normalizeAxis(op, axis, x.shape.length);
  if (x.shape[a] === 0) throw emptyExtreme(op, x);
  return keep(argReduce(op, x, a), x, [a], keepDimensions);
}

/** The largest element along some axes as a constant for gradients, with the axes kept. */
function top(x: Node, axes: readonly number[], where: string): Node {
  return unary("stopGradient", along(where, "reduceMax", x, axes, true));
}

export function logSumExp(v: Node, axes: Axes, keepDimensions: boolean): Node {
  const x = floating(v);
  const list = normalizeAxes("logSumExp", axes, x.shape.length);
  if (countOf(x, list) === 0) return log(keep(reduce("reduceSum", x, list), x, list, keepDimensions));
  // Not shifted by an infinity: ∞ − ∞ is no number, and the logarithm has an answer.
  const largest = top(x, list, "logSumExp");
  const shift = select(isFinite(largest), largest, fill(largest, 0));
  const total = reduce("reduceSum", exp(sub(x, shift)), list);
  const result = binary("add", log(total), reshape(shift, total.shape));
  return keep(result, x, list, keepDimensions);
}

/** Calls `body` with floats that have the axis; a scalar has one of size 1. */
function alongOne(where: string, v: Node, axis: number, body: (x: Node, list: readonly number[]) => Node): Node {
  const x = v.shape.length === 0 ? reshape(floating(v), [1]) : floating(v);
  const list = [normalizeAxis(where, axis, x.shape.length)];
  return x.size === 0 ? x : reshape(body(x, list), v.shape);
}

export function softmax(v: Node, axis: number): Node {
  return alongOne("softmax", v, axis, (x, list) => {
    const e = exp(sub(x, top(x, list, "softmax")));
    return binary("div", e, broadcastTo(keep(reduce("reduceSum", e, list), x, list, true), x.shape));
  });
}

export function logSoftmax(v: Node, axis: number): Node {
  return alongOne("logSoftmax", v, axis, (x, list) => {
    const shifted = sub(x, top(x, list, "logSoftmax"));
    const total = keep(reduce("reduceSum", exp(shifted), list), x, list, true);
    return sub(shifted, log(total));
  });
}

export function softmin(v: Node, axis: number): Node {
  return softmax(unary("neg", floating(v)), axis);
}
