// Cotangents of indexing: gather and scatterAdd are adjoint, as are the dynamic blocks. Indices have none; they are
// clamped in the same way on both ways.

import {
  binary,
  cast,
  constant,
  dynamicSlice,
  dynamicUpdate,
  expand,
  gather,
  iota,
  reshape,
  scatterAdd,
  where,
} from "../../graph/build.ts";
import { inputOf, type Node } from "../../graph/node.ts";
import { div, like, mul, zerosLike } from "../arithmetic.ts";
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

/** What an update of a scatter gets of the cotangent. */
function share(node: Node<"scatterAdd">, g: Node): Node {
  const [indices, updates] = [inputOf(node, 0), inputOf(node, 1)];
  const { axis, combine } = node.attributes;
  const at = (x: Node) => gather(x, indices, axis);
  const sum = (x: Node) => scatterAdd(node.shape, indices, x, axis);
  const zero = zerosLike(updates);
  switch (combine) {
    case "sum":
      return at(g);
    case "last":
      return where(lasting(node, indices), at(g), zero);
    case "maximum":
    case "minimum": {
      // Every update that is the extreme one gets an equal share.
      const chosen = binary("eq", updates, at(node));
      return where(chosen, at(div(g, sum(cast(chosen, g.dtype)))), zero);
    }
    case "product": {
      // The product of the others: of all that are not zero, without this one; nothing where another one is zero.
      const isZero = binary("eq", updates, zero);
      const safe = where(isZero, like(updates, 1), updates);
      const zeros = at(sum(cast(isZero, g.dtype)));
      const alone = binary("eq", zeros, cast(isZero, g.dtype));
      const others = div(at(scatterAdd(node.shape, indices, safe, axis, "product")), safe);
      return where(alone, mul(at(g), others), zero);
    }
  }
}

export const indexing: ReverseRows<"index"> = {
  gather: (node, g) => {
    const [x, indices] = [inputOf(node, 0), inputOf(node, 1)];
    return [() => scatterAdd(x.shape, indices, g, node.attributes.axis), null];
  },
  scatterAdd: (node, g) => [null, () => share(node, g)],
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
