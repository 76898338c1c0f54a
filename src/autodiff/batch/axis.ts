// The batch axis: axis 0 of what is batched.

import { expand, permute, reshape } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import type { Mapped } from "../rule.ts";

/** The node with the examples along axis 0, all alike where it was one for all. */
export function full({ node, batched }: Mapped, size: number): Node {
  if (batched) return node;
  return expand(reshape(node, [1, ...node.shape]), [size, ...node.shape]);
}

/** Axes behind the batch axis. */
export const shifted = (axes: readonly number[]): number[] => axes.map((axis) => axis + 1);

/** The node with one axis moved to another place, the others in their order. */
export function moveAxis(node: Node, from: number, to: number): Node {
  const order = node.shape.map((_, i) => i).filter((i) => i !== from);
  order.splice(to, 0, from);
  return permute(node, order);
}
