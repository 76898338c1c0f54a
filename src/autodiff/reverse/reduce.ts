// Cotangents of reductions.

import { binary, cast, pad, permute, reduce, reshape, slice, where } from "../../graph/build.ts";
import { inputOf, type Node } from "../../graph/node.ts";
import { sizeOf } from "../../graph/shape.ts";
import { add, div, invert, mul, spread, zerosLike } from "../arithmetic.ts";
import type { ReverseRows, ReverseRule } from "../rule.ts";

/** Every element that is the extreme one gets an equal share. */
function extreme<O extends "reduceMax" | "reduceMin">(): ReverseRule<O> {
  return (node, g) => [
    () => {
      const x = inputOf(node, 0);
      const { axes } = node.attributes as { axes: readonly number[] };
      const chosen = binary("eq", x, spread(node, x.shape, axes));
      const share = div(g, reduce("reduceSum", cast(chosen, g.dtype), axes));
      return where(chosen, spread(share, x.shape, axes), zerosLike(x));
    },
  ];
}

/**
 * The product of all the other factors, without dividing, so that zeros are no special case, in any derivative: the product is
 * written as a tree of pairwise products and the cotangent goes back down the tree.
 */
const product: ReverseRule<"reduceProduct"> = (node, g) => [
  () => {
    const x = inputOf(node, 0);
    const { axes } = node.attributes;
    const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
    const order = [...kept, ...axes];
    const rows = node.size;
    const length = sizeOf(axes.map((axis) => x.shape[axis] as number));
    const moved = permute(x, order);
    const columns = (from: Node, start: number, size: number) => slice(from, [0, start], [rows, size]);
    const levels: { left: Node; right: Node; length: number }[] = [];
    let factors = reshape(moved, [rows, length]);
    for (let n = length; n > 1; n = Math.ceil(n / 2)) {
      const m = Math.ceil(n / 2);
      const even = pad(factors, [0, 0], [0, 2 * m - n], 1);
      const [left, right] = [columns(even, 0, m), columns(even, m, m)];
      levels.push({ left, right, length: n });
      factors = mul(left, right);
    }
    let cotangent = length === 0 ? factors : reshape(g, [rows, 1]);
    for (const { left, right, length: n } of levels.reverse()) {
      const m = left.shape[1] as number;
      const both = add(pad(mul(cotangent, right), [0, 0], [0, m]), pad(mul(cotangent, left), [0, m], [0, 0]));
      cotangent = columns(both, 0, n);
    }
    return permute(reshape(cotangent, moved.shape), invert(order));
  },
];

export const reductions: ReverseRows<"reduce"> = {
  reduceSum: (node, g) => [() => spread(g, inputOf(node, 0).shape, node.attributes.axes)],
  reduceProduct: product,
  reduceMax: extreme(),
  reduceMin: extreme(),
  argMax: null,
  argMin: null,
};
