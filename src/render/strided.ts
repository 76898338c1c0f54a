// Gathers of regular patterns, which need an address and constant offsets only.

import type { Expression } from "../graph/kernel.ts";

/** The index `splat(first) + ramp(0) * stride`, as scalars; null for any other. */
export function stridedIndex(index: Expression): { first: Expression; stride: number } | null {
  if (index.kind !== "binary" || index.operation !== "add" || index.left.kind !== "splat") return null;
  const { right } = index;
  if (right.kind !== "binary" || right.operation !== "mul" || right.left.kind !== "ramp") return null;
  const stride = constantValue(right.right);
  return constantValue(right.left.value) !== 0 || stride === null ? null : { first: index.left.value, stride };
}

/** The index `splat(first) + (ramp(0) >> shift)`, as scalars: each element 2^shift times. Null for any other. */
export function repeatedIndex(index: Expression): { first: Expression; shift: number } | null {
  if (index.kind !== "binary" || index.operation !== "add" || index.left.kind !== "splat") return null;
  const { right } = index;
  if (right.kind !== "binary" || right.operation !== "shr" || right.left.kind !== "ramp") return null;
  const shift = constantValue(right.right);
  return constantValue(right.left.value) !== 0 || shift === null ? null : { first: index.left.value, shift };
}

/** The number that an expression is in every lane, if it is written down. */
export function constantValue(e: Expression): number | null {
  if (e.kind === "constant") return e.value;
  return e.kind === "splat" ? constantValue(e.value) : null;
}
