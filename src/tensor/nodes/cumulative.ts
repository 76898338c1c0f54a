// Running sums and their kin on nodes, along one axis; a scalar counts as one element.

import { pad, recurrence, reshape, where as select, slice } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { normalizeAxis, sameShape, showShape } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { add, exp, isFinite, log, stopGradient, sub } from "./elementwise.ts";
import { fill, floating } from "./operands.ts";
import { countable } from "./reduce.ts";

/** Calls `body` with a tensor that has the axis; a scalar has one of size 1. */
function along(where: string, x: Node, axis: number, body: (x: Node, axis: number) => Node): Node {
  if (x.shape.length > 0) return body(x, normalizeAxis(where, axis, x.shape.length));
  return reshape(body(reshape(x, [1]), normalizeAxis(where, axis, 1)), []);
}

export function cumsum(x: Node, axis: number, reverse: boolean): Node {
  return along("cumsum", countable(x), axis, (v, a) => recurrence("sum", [v], a, reverse));
}

export function cumprod(x: Node, axis: number, reverse: boolean): Node {
  return along("cumprod", countable(x), axis, (v, a) => recurrence("product", [v], a, reverse));
}

export function cummax(x: Node, axis: number, reverse: boolean): Node {
  return along("cummax", countable(x), axis, (v, a) => recurrence("maximum", [v], a, reverse));
}

/**
 * log Σ e^x up to each element: with the running maximum m, s_k = s_{k−1} · e^(m_{k−1} − m_k) + e^(x_k − m_k) is a linear recurrence whose
 * terms are at most 1, and the result m + log s.
 */
export function logCumSumExp(v: Node, axis: number, reverse: boolean): Node {
  return along("logCumSumExp", floating(v), axis, (x, a) => {
    const n = x.shape[a] as number;
    if (n === 0) return x;
    const running = stopGradient(recurrence("maximum", [x], a, reverse));
    // Where the maximum is infinite so far, differences from it have no meaning: differences from 0 do.
    const top = select(isFinite(running), running, fill(x, 0));
    const at = (start: number) => x.shape.map((_, i) => (i === a ? start : 0));
    const rest = x.shape.map((size, i) => (i === a ? n - 1 : size));
    const before = pad(slice(top, at(reverse ? 1 : 0), rest), at(reverse ? 0 : 1), at(reverse ? 1 : 0));
    const sums = recurrence("linear", [exp(sub(before, top)), exp(sub(x, top))], a, reverse);
    return add(log(sums), top);
  });
}

/** y_k = a_k · y_{k−1} + x_k along an axis, from y₀ = x₀ on. */
export function linearRecurrence(a: Node, x: Node, axis: number, reverse: boolean): Node {
  const type = (n: Node) => `${n.dtype}${showShape(n.shape)}`;
  if (a.dtype !== x.dtype || !sameShape(a.shape, x.shape))
    throw mistake(a.dtype === x.dtype ? "SHAPE" : "DTYPE", {
      where: "linearRecurrence",
      problem: "the factors differ in type from what is added",
      got: `${type(a)} and ${type(x)}`,
      expected: "equal types",
    });
  return recurrence("linear", [a, x], normalizeAxis("linearRecurrence", axis, x.shape.length), reverse);
}
