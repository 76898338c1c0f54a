// Reductions on nodes: sums and means, extremes, moments, and the softmax family.

import { argReduce, binary, broadcastTo, cast, constant, reduce, reshape, where as select, unary } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import type { ReduceOp } from "../../graph/operation.ts";
import { normalizeAxes, normalizeAxis, showShape } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { div, exp, isFinite, log, square, sub } from "./elementwise.ts";
import { condition, fill, floating } from "./operands.ts";

export type Axes = number | readonly number[] | undefined;

/** Puts reduced axes back as axes of size 1. */
function keep(reduced: Node, x: Node, axes: readonly number[], keepDimensions: boolean): Node {
  if (!keepDimensions) return reduced;
  return reshape(
    reduced,
    x.shape.map((n, i) => (axes.includes(i) ? 1 : n)),
  );
}

function along(where: string, op: Exclude<ReduceOp, "argMax" | "argMin">, x: Node, axes: Axes, keepDimensions: boolean): Node {
  const list = normalizeAxes(where, axes, x.shape.length);
  if ((op === "reduceMax" || op === "reduceMin") && list.some((a) => x.shape[a] === 0))
    throw mistake("SHAPE", { where, problem: "an empty axis has no largest or smallest element", got: showShape(x.shape) });
  return keep(reduce(op, x, list), x, list, keepDimensions);
}

/** Small integers and bool are counted in int32. */
const countable = (x: Node): Node => (x.dtype === "bool" || x.dtype === "uint8" ? cast(x, "int32") : x);

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
  return truth("any", "reduceMax", x, axes, keepDimensions);
}

export function all(x: Node, axes: Axes, keepDimensions: boolean): Node {
  return truth("all", "reduceMin", x, axes, keepDimensions);
}

/** Of no elements, any is false and all is true. */
function truth(where: "any" | "all", op: "reduceMax" | "reduceMin", x: Node, axes: Axes, keepDimensions: boolean): Node {
  const test = condition(where, x);
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
  const n = countOf(x, list);
  if (n === 0) throw mistake("SHAPE", { where: "mean", problem: "there is no mean of no elements", got: showShape(x.shape) });
  return div(keep(reduce("reduceSum", x, list), x, list, keepDimensions), n);
}

/** Σ(x − mean)² / (n − correction). */
export function variance(v: Node, axes: Axes, keepDimensions: boolean, correction: number): Node {
  const x = floating(v);
  const list = normalizeAxes("variance", axes, x.shape.length);
  const n = countOf(x, list);
  if (n - correction <= 0)
    throw mistake("SHAPE", {
      where: "variance",
      problem: "too few elements",
      got: `${n} along the axes with correction ${correction}`,
      expected: `at least ${correction + 1}`,
    });
  const squares = square(sub(x, mean(x, list, true)));
  return div(keep(reduce("reduceSum", squares, list), x, list, keepDimensions), n - correction);
}

/** Along one axis, or over all elements as one row. */
export function argExtreme(op: "argMax" | "argMin", x: Node, axis: number | undefined, keepDimensions: boolean): Node {
  if (axis === undefined) {
    const index = argReduce(op, reshape(x, [x.size]), 0);
    return keepDimensions
      ? reshape(
          index,
          x.shape.map(() => 1),
        )
      : index;
  }
  const a = normalizeAxis(op, axis, x.shape.length);
  return keep(argReduce(op, x, a), x, [a], keepDimensions);
}

/** The largest element along some axes as a constant for gradients, with the axes kept; 0 of nothing and in place of an infinity. */
function shift(x: Node, axes: readonly number[], where: string): Node {
  if (axes.some((a) => x.shape[a] === 0)) {
    const kept = x.shape.map((n, i) => (axes.includes(i) ? 1 : n));
    return constant(0, x.dtype, kept);
  }
  const top = unary("stopGradient", along(where, "reduceMax", x, axes, true));
  return select(isFinite(top), top, fill(top, 0));
}

export function logSumExp(v: Node, axes: Axes, keepDimensions: boolean): Node {
  const x = floating(v);
  const list = normalizeAxes("logSumExp", axes, x.shape.length);
  const top = shift(x, list, "logSumExp");
  const total = reduce("reduceSum", exp(sub(x, top)), list);
  const result = binary("add", log(total), reshape(top, total.shape));
  return keep(result, x, list, keepDimensions);
}

export function softmax(v: Node, axis: number): Node {
  const x = floating(v);
  const list = [normalizeAxis("softmax", axis, x.shape.length)];
  const e = exp(sub(x, shift(x, list, "softmax")));
  return binary("div", e, broadcastTo(keep(reduce("reduceSum", e, list), x, list, true), x.shape));
}

export function logSoftmax(v: Node, axis: number): Node {
  const x = floating(v);
  const list = [normalizeAxis("logSoftmax", axis, x.shape.length)];
  const shifted = sub(x, shift(x, list, "logSoftmax"));
  const total = keep(reduce("reduceSum", exp(shifted), list), x, list, true);
  return sub(shifted, log(total));
}
