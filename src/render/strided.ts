// Gathers along one stride, which need an address and constant offsets only.

import type { Expression } from "../graph/kernel.ts";

/** The index `splat(first) + ramp(0) * stride`, as scalars; null for any other. */
export function stridedIndex(index: Expression): { first: Expression; stride: number } | null {
  if (index.kind !== "binary" || index.operation !== "add" || index.left.kind !== "splat") return null;
  const { right } = index;
  if (right.kind !== "binary" || right.operation !== "mul" || right.left.kind !== "ramp") return null;
  const stride = constantValue(right.right);
  return constantValue(right.left.value) !== 0 || stride === null ? null : { first: index.left.value, stride };
}

/** The number that an expression is in every lane, if it is written down. */
export function constantValue(e: Expression): number | null {
  if (e.kind === "constant") return e.value;
  return e.kind === "splat" ? constantValue(e.value) : null;
}
