// Cotangents of indexing: gather and scatterAdd are adjoint, as are the dynamic blocks. Indices have none; they are
// clamped in the same way on both ways.

import { binary, constant, dynamicSlice, dynamicUpdate, expand, gather, iota, reshape, scatterAdd, where } from "../../graph/build.ts";
import { inputOf, type Node } from "../../graph/node.ts";
import { zerosLike } from "../arithmetic.ts";
import type { ReverseRows } from "../rule.ts";
import { recurrenceRule } from "./recurrence.ts";

/** Which updates of a scatter that keeps the last one are still there in the end, in the updates' shape. */
function lasting(node: Node<"scatterAdd">, indices: Node): Node {
  const { axis } = node.attributes;
  const turn = reshape(iota([indices.size], 0), indices.shape);
  const last = gather(scatterAdd([node.shape[axis] as number], indices, turn, 0, "last"), indices, 0);
  const { shape } = inputOf(node, 1);
  const beside = shape.map((n, i) => (i < axis || i >= axis + indices.shape.length ? 1 : n));
  return expand(reshape(binary("eq", last, turn), beside), shape);
}

export const indexing: ReverseRows<"index"> = {
  gather: (node, g) => {
    const [x, indices] = [inputOf(node, 0), inputOf(node, 1)];
    return [() => scatterAdd(x.shape, indices, g, node.attributes.axis), null];
  },
  scatterAdd: (node, g) => {
    const indices = inputOf(node, 0);
    const { axis, combine } = node.attributes;
    const back = () => gather(g, indices, axis);
    return [null, combine === "sum" ? back : () => where(lasting(node, indices), back(), zerosLike(inputOf(node, 1)))];
  },
  dynamicSlice: (node, g) => {
    const starts = node.inputs.slice(1);
    return [() => dynamicUpdate(zerosLike(inputOf(node, 0)), g, starts), ...starts.map(() => null)];
  },
  dynamicUpdate: (node, g) => {
    const [update, starts] = [inputOf(node, 1), node.inputs.slice(2)];
    return [
      () => dynamicUpdate(g, constant(0, g.dtype, update.shape), starts),
      () => dynamicSlice(g, starts, update.shape),
      ...starts.map(() => null),
    ];
  },
  argSort: null,
  recurrence: recurrenceRule,
};
