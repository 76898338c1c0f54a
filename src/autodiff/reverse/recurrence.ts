// Cotangents of recurrences, which are recurrences in the other direction. Of y_k = a_k · y_{k−1} + x_k: s_k = g_k + a_{k+1} · s_{k+1}
// is x's cotangent, and s_k · y_{k−1} is a's. A running product is linear in its factors with x as a, so zeros are no special case.
// A running maximum gives its cotangent to the element that it is; of equal ones, to the last that was met.

import { binary, constant, iota, pad, recurrence, reshape, scatterAdd, slice, unary, where } from "../../graph/build.ts";
import { inputOf, type Node } from "../../graph/node.ts";
import { sizeOf } from "../../graph/shape.ts";
import { like, mul } from "../arithmetic.ts";
import type { ReverseRule } from "../rule.ts";

/** Each element's successor along the axis (`by` 1) or predecessor (−1), zero where there is none. */
function neighbour(x: Node, axis: number, by: 1 | -1): Node {
  const n = x.shape[axis] as number;
  if (n === 0) return x;
  const starts = x.shape.map((_, i) => (i === axis && by === 1 ? 1 : 0));
  const kept = slice(
    x,
    starts,
    x.shape.map((size, i) => (i === axis ? n - 1 : size)),
  );
  const at = (end: 1 | -1) => x.shape.map((_, i) => (i === axis && by === end ? 1 : 0));
  return pad(kept, at(-1), at(1));
}

/** The cotangent of what is added in a linear recurrence whose factors are `a`. */
function carried(node: Node<"recurrence">, a: Node, g: Node): Node {
  const { axis, reverse } = node.attributes;
  return recurrence("linear", [neighbour(a, axis, reverse ? -1 : 1), g], axis, !reverse);
}

const before = (node: Node<"recurrence">): Node => neighbour(node, node.attributes.axis, node.attributes.reverse ? 1 : -1);

/** The first element of a running product is a factor of it, too, but has nothing before it. */
function product(node: Node<"recurrence">, g: Node): Node {
  const { axis, reverse } = node.attributes;
  const x = inputOf(node, 0);
  const first = binary("eq", iota(x.shape, axis), constant(reverse ? (x.shape[axis] as number) - 1 : 0, "int32", x.shape));
  return mul(carried(node, x, g), where(first, like(x, 1), before(node)));
}

/** Adds each cotangent at the last element that equals the maximum there. */
function maximum(node: Node<"recurrence">, g: Node): Node {
  const { axis, reverse } = node.attributes;
  const { shape } = node;
  const n = shape[axis] as number;
  const inner = sizeOf(shape.slice(axis + 1));
  const position = iota(shape, axis);
  const turn = reverse ? unary("neg", position) : position;
  const met = where(binary("eq", inputOf(node, 0), node), turn, constant(reverse ? 1 - n : 0, "int32", shape));
  const latest = recurrence("maximum", [met], axis, reverse);
  const moved = binary("mul", binary("sub", reverse ? unary("neg", latest) : latest, position), constant(inner, "int32", shape));
  const places = binary("add", reshape(iota([node.size], 0), shape), moved);
  return reshape(scatterAdd([node.size], reshape(places, [node.size]), reshape(g, [node.size]), 0), shape);
}

export const recurrenceRule: ReverseRule<"recurrence"> = (node, g) => {
  const { combine, axis, reverse } = node.attributes;
  switch (combine) {
    case "sum":
      return [() => recurrence("sum", [g], axis, !reverse)];
    case "product":
      return [() => product(node, g)];
    case "maximum":
      return [() => maximum(node, g)];
    case "linear": {
      const a = inputOf(node, 0);
      let sum: Node | null = null;
      const ofAdded = () => {
        sum ??= carried(node, a, g);
        return sum;
      };
      return [() => mul(ofAdded(), before(node)), ofAdded];
    }
  }
};
