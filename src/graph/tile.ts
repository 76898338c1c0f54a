// The register tile of a contraction: how much of the result is held in registers at once. It follows from the target's
// vectors alone, and never changes the order of a sum.

import type { Target } from "./kernel.ts";
import type { Tile } from "./task.ts";

const mostRows = 14;

/**
 * The tile for a result of `m` rows by `n` columns. Two vectors of columns where n is wider than one; as many rows as
 * leave registers for the accumulators, one row of the right operand and one number of the left; then rows evened out, so that
 * the last tile is not much smaller than the others.
 */
export function tileFor(target: Target, m: number, n: number): Tile {
  const vectors = n <= target.lanes ? 1 : 2;
  const most = Math.max(1, Math.min(mostRows, Math.floor((target.registers - vectors - 1) / vectors)));
  const rows = Math.max(1, Math.ceil(m / Math.ceil(Math.max(1, m) / most)));
  return { rows, columns: vectors * target.lanes };
}
