// Batching of indexing. Indices that are the same for all examples take the batch axis along; where each example has its own, its
// slices lie at an offset in the examples' slices laid end to end.

import {
  binary,
  constant,
  dynamicSlice,
  dynamicUpdate,
  expand,
  gather,
  iota,
  permute,
  reshape,
  scatterAdd,
  where,
} from "../../graph/build.ts";
import { inputOf, type Node } from "../../graph/node.ts";
import type { BatchRows, Mapped } from "../rule.ts";
import { full, moveAxis } from "./axis.ts";

const integer = (value: number, like: Node): Node => constant(value, "int32", like.shape);

const clamp = (x: Node, high: number): Node => binary("maximum", binary("minimum", x, integer(high, x)), integer(0, x));

/** Indices of each example, [B, …], in n·B slices of which each example has n in a row. */
function offset(indices: Node, n: number): Node {
  return binary("add", clamp(indices, n - 1), binary("mul", iota(indices.shape, 0), integer(n, indices)));
}

/** gather for examples that have indices of their own, [B, …]. */
function gatherEach(x: Mapped, indices: Node, axis: number, size: number): Node {
  if (!x.batched) return moveAxis(gather(x.node, indices, axis), axis, 0);
  const [n, ...rest] = [x.node.shape[axis + 1] as number, ...x.node.shape.filter((_, i) => i !== 0 && i !== axis + 1)];
  const rows = reshape(moveAxis(x.node, axis + 1, 1), [size * n, ...rest]);
  const found = gather(rows, offset(indices, n), 0);
  // [B, indices, before, after] to [B, before, indices, after]
  const width = indices.shape.length - 1;
  const order = found.shape.map((_, i) => i);
  return permute(found, [0, ...order.slice(1 + width, 1 + width + axis), ...order.slice(1, 1 + width), ...order.slice(1 + width + axis)]);
}

/** The positions along an axis of a block that starts where each example says: [B, count]. */
function positions(start: Node, count: number, n: number, size: number): Node {
  const first = expand(reshape(clamp(start, n - count), [size, 1]), [size, count]);
  return binary("add", first, iota([size, count], 1));
}

export const indexing: Omit<BatchRows<"index">, "argSort" | "recurrence"> = {
  gather: (node, [x, indices], size) => {
    const [from, at] = [x as Mapped, indices as Mapped];
    const { axis } = node.attributes;
    return at.batched ? gatherEach(from, at.node, axis, size) : gather(from.node, at.node, axis + 1);
  },

  scatterAdd: (node, [indices, updates], size) => {
    const at = indices as Mapped;
    const { axis, combine } = node.attributes;
    const given = full(updates as Mapped, size);
    if (!at.batched) return scatterAdd([size, ...node.shape], at.node, given, axis + 1, combine);
    const width = at.node.shape.length - 1;
    const n = node.shape[axis] as number;
    const rest = node.shape.filter((_, i) => i !== axis);
    // [B, before, indices, after] to [B, indices, before, after]
    const order = given.shape.map((_, i) => i);
    const moved = permute(given, [
      0,
      ...order.slice(1 + axis, 1 + axis + width),
      ...order.slice(1, 1 + axis),
      ...order.slice(1 + axis + width),
    ]);
    const sums = scatterAdd([size * n, ...rest], offset(at.node, n), moved, 0, combine);
    return moveAxis(reshape(sums, [size, n, ...rest]), 1, axis + 1);
  },

  dynamicSlice: (node, [x, ...starts], size) => {
    let from = x as Mapped;
    const shape = [...inputOf(node, 0).shape];
    const zero = constant(0, "int32");
    // First the axes on which all examples start alike, then one after the other those on which they do not.
    const common = starts.map((s) => (s.batched ? zero : s.node));
    const sizes = shape.map((n, i) => (starts[i]?.batched ? n : (node.shape[i] as number)));
    from = from.batched
      ? { node: dynamicSlice(from.node, [zero, ...common], [size, ...sizes]), batched: true }
      : { node: dynamicSlice(from.node, common, sizes), batched: false };
    starts.forEach((start, axis) => {
      if (!start.batched) return;
      const at = positions(start.node, node.shape[axis] as number, shape[axis] as number, size);
      from = { node: gatherEach(from, at, axis, size), batched: true };
    });
    return from.node;
  },

  dynamicUpdate: (node, [x, update, ...starts], size) => {
    const [to, block] = [full(x as Mapped, size), update as Mapped];
    const zero = constant(0, "int32");
    if (!starts.some((s) => s.batched)) return dynamicUpdate(to, full(block, size), [zero, ...starts.map((s) => s.node)]);
    const { shape } = inputOf(node, 1);
    if (block.node.size === 0) return to;
    // Every place asks which element of the block it is.
    let inside: Node | null = null;
    let found = block;
    starts.forEach((start, axis) => {
      const [n, count] = [node.shape[axis] as number, shape[axis] as number];
      const first = expand(reshape(clamp(full(start, size), n - count), [size, 1]), [size, n]);
      const at = binary("sub", iota([size, n], 1), first);
      const here = binary("and", binary("le", integer(0, at), at), binary("lt", at, integer(count, at)));
      const wide = expand(reshape(here, [size, ...node.shape.map((m, i) => (i === axis ? m : 1))]), to.shape);
      inside = inside === null ? wide : binary("and", inside, wide);
      found = { node: gatherEach(found, clamp(at, count - 1), axis, size), batched: true };
    });
    return inside === null ? found.node : where(inside, found.node, to);
  },
};
