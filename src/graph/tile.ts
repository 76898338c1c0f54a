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

/**
 * The tile for a right operand that is read in place, in runs of so many columns: the one of the fewest instructions, remainders counted.
 */
export function tileForRuns(target: Target, m: number, run: number): Tile {
  let best: Tile = tileFor(target, m, run);
  let least = Number.POSITIVE_INFINITY;
  for (let vectors = 1; vectors <= 3; vectors++) {
    const most = Math.max(1, Math.min(mostRows, Math.floor((target.registers - vectors - 1) / vectors)));
    const rows = Math.max(1, Math.ceil(m / Math.ceil(m / most)));
    const columns = vectors * target.lanes;
    const down = parts(m, rows);
    const across = parts(Math.ceil(run / target.lanes), vectors);
    const cost = down.reduce((sum, r) => sum + across.reduce((row, v) => row + costOfStep(r, v), 0), 0);
    if (cost <= least) [best, least] = [{ rows, columns }, cost];
  }
  return best;
}

/** A length in parts of at most so many. */
function parts(length: number, most: number): number[] {
  return Array.from({ length: Math.ceil(length / most) }, (_, i) => Math.min(most, length - i * most));
}

/** Cycles of one step of k: two multiply-adds or not quite two loads in each, and no sum more often than every four. */
function costOfStep(rows: number, vectors: number): number {
  return Math.max((rows + vectors) / 1.6, (rows * vectors) / 2, 4);
}
