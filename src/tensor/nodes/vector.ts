// Norms and distances of vectors on nodes, along axes.

import { binary, where as select } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { normalizeAxes, showShape } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { checkNumber } from "../../util/options.ts";
import { abs, add, div, maximum, mul, ne, pow, square, stopGradient, sub } from "./elementwise.ts";
import { align, fill, floating, type Operand } from "./operands.ts";
import { type Axes, countOf, max, min, safeRoot, sum } from "./reduce.ts";

/** xᵖ for x ≥ 0, with gradient 0 where x is 0. */
function safePower(x: Node, p: number): Node {
  const zero = binary("eq", x, fill(x, 0));
  return select(zero, fill(x, 0 ** p), pow(select(zero, fill(x, 1), x), p));
}

/** (Σ |x|ᵖ)^(1/p); the largest |x| for ∞, the smallest for −∞, how many are not 0 for 0. At 0 the gradient is 0. */
export function vectorNorm(where: string, v: Node, order: number, axes: Axes, keepDimensions: boolean): Node {
  const x = floating(v);
  if (typeof order !== "number" || Number.isNaN(order))
    throw mistake("OPTION", { where, problem: "order is no number", got: String(order), expected: "a number, Infinity or -Infinity" });
  if (order <= 0 || order === Number.POSITIVE_INFINITY) {
    const list = normalizeAxes(where, axes, x.shape.length);
    if (order !== 0 && countOf(x, list) === 0 && x.shape.length > 0)
      throw mistake("SHAPE", {
        where,
        problem: `the norm of order ${order} of no elements is not defined`,
        got: showShape(x.shape),
        expected: "at least one element along the axes",
      });
  }
  if (order === Number.POSITIVE_INFINITY) return max(abs(x), axes, keepDimensions);
  if (order === Number.NEGATIVE_INFINITY) return min(abs(x), axes, keepDimensions);
  if (order === 0) return sum(select(ne(x, 0), fill(x, 1), fill(x, 0)), axes, keepDimensions);
  if (order === 1) return sum(abs(x), axes, keepDimensions);
  if (order === 2) return safeRoot(sum(square(x), axes, keepDimensions));
  return safePower(sum(safePower(abs(x), order), axes, keepDimensions), 1 / order);
}

/** x / max(‖x‖, ε) along axes. */
export function normalize(v: Node, order: number, axes: Axes, epsilon: number): Node {
  const x = floating(v);
  return div(x, maximumOf(vectorNorm("normalize", x, order, axes, true), epsilon));
}

/** The larger of x and a number; where the number is, the gradient is 0. */
function maximumOf(x: Node, least: number): Node {
  return select(binary("lt", x, fill(x, least)), fill(x, least), x);
}

/** Σ a b / (max(‖a‖, ε) max(‖b‖, ε)) along an axis; the gradient is that without the limit, as PyTorch's. */
export function cosineSimilarity(first: Operand, second: Operand, axis: number, epsilon: number): Node {
  checkNumber("cosineSimilarity", "epsilon", epsilon, { least: 0 });
  const [a, b] = align("cosineSimilarity", first, second).map(floating) as [Node, Node];
  const unit = (x: Node) => {
    const norm = vectorNorm("cosineSimilarity", x, 2, axis, true);
    return div(x, add(norm, stopGradient(sub(maximum(norm, epsilon), norm))));
  };
  return sum(mul(unit(a), unit(b)), axis, false);
}

/** ‖a − b + ε‖ over the last axis. */
export function pairwiseDistance(first: Operand, second: Operand, order: number, epsilon: number, keepDimensions: boolean): Node {
  const [a, b] = align("pairwiseDistance", first, second).map(floating) as [Node, Node];
  return vectorNorm("pairwiseDistance", add(sub(a, b), epsilon), order, -1, keepDimensions);
}
