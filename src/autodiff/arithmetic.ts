// Arithmetic for generated graphs: the builders, with the simplifications that keep gradients small from the start
// (numbers are folded, ones and zeros vanish). What is left to find, schedule/ finds.

import { binary, constant, expand, reduce, reshape, unary } from "../graph/build.ts";
import { computed } from "../graph/dtype.ts";
import { is, type Node } from "../graph/node.ts";
import { type Shape, sameShape } from "../graph/shape.ts";

/** The number that every element is, if the node is a constant stretched; else null. */
export function numberIn(node: Node): number | null {
  let at = node;
  while (at.op === "reshape" || at.op === "expand") at = at.inputs[0] as Node;
  return is(at, "constant") ? at.attributes.value : null;
}

/** A number in the shape and dtype of another node; float32 for a 16-bit float, as all cotangents are. */
export function like(node: Node, value: number): Node {
  return constant(value, computed(node.dtype), node.shape);
}

export function zerosLike(node: Node): Node {
  return like(node, 0);
}

export function add(a: Node, b: Node): Node {
  const [m, n] = [numberIn(a), numberIn(b)];
  if (m !== null && n !== null) return like(a, m + n);
  if (m === 0) return b;
  if (n === 0) return a;
  return binary("add", a, b);
}

export function neg(a: Node): Node {
  const n = numberIn(a);
  if (n !== null) return like(a, -n);
  return a.op === "neg" ? (a.inputs[0] as Node) : unary("neg", a);
}

/** The product. Zero times something stays a product: it may be zero times infinity. */
export function mul(a: Node, b: Node): Node {
  const [m, n] = [numberIn(a), numberIn(b)];
  if (m !== null && n !== null) return like(a, m * n);
  if (m === 1) return b;
  if (n === 1) return a;
  if (m === -1) return neg(b);
  if (n === -1) return neg(a);
  return binary("mul", a, b);
}

export function scale(a: Node, factor: number): Node {
  return mul(a, like(a, factor));
}

export function div(a: Node, b: Node): Node {
  return numberIn(b) === 1 ? a : binary("div", a, b);
}

/** The elements in another shape, of what a chain of reshapes began with. */
export function reshaped(x: Node, shape: Shape): Node {
  let from = x;
  while (from.op === "reshape") from = from.inputs[0] as Node;
  return reshape(from, shape);
}

/** Puts reduced axes back, stretched to `shape`. */
export function spread(x: Node, shape: Shape, axes: readonly number[]): Node {
  return expand(
    reshaped(
      x,
      shape.map((n, i) => (axes.includes(i) ? 1 : n)),
    ),
    shape,
  );
}

/** Sums the axes that were stretched from 1, back to `shape` (of the same rank). */
export function unspread(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  const axes = shape.flatMap((n, i) => (n === x.shape[i] ? [] : [i]));
  return reshaped(reduce("reduceSum", x, axes), shape);
}

/** The permutation that undoes another. */
export function invert(axes: readonly number[]): number[] {
  const result = new Array<number>(axes.length);
  axes.forEach((axis, i) => {
    result[axis] = i;
  });
  return result;
}
