// Cotangents of indexing: gather and scatterAdd are adjoint, as are the dynamic blocks. Indices have none; they are
// clamped in the same way on both ways.

import { constant, dynamicSlice, dynamicUpdate, gather, scatterAdd } from "../../graph/build.ts";
import { inputOf } from "../../graph/node.ts";
import { zerosLike } from "../arithmetic.ts";
import type { ReverseRows } from "../rule.ts";

export const indexing: ReverseRows<"index"> = {
  gather: (node, g) => {
    const [x, indices] = [inputOf(node, 0), inputOf(node, 1)];
    return [() => scatterAdd(x.shape, indices, g, node.attributes.axis), null];
  },
  scatterAdd: (node, g) => [null, () => gather(g, inputOf(node, 0), node.attributes.axis)],
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
};
