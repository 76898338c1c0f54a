// The register tile of a contraction: how much of the result is held in registers at once, and in vectors of how many lanes. It
// follows from the target and the result's shape alone, and never changes the order of a sum.

import { lanesOf, type Target } from "./kernel.ts";
import type { Tile } from "./task.ts";

const mostRows = 14;
/** Vectors of columns to try. Of equals the last one is taken: two need the fewest loads and leave registers to spare. */
const widths = [1, 3, 2];

/**
 * The tile for a result of `m` rows by so many runs of `run` columns, each of which begins a new vector: the one of the fewest cycles for one step of k,
 * remainders counted. A packed operand has no shorter tiles at its end.
 *
 * Where the target's vectors are wider than 8 lanes, half of them is tried too: it wastes less of a short run, and many processors do
 * two halves in the time of a whole one.
 */
export function tileFor(
  target: Target,
  m: number,
  run: number,
  runs: number,
  { packed, doubles }: { packed: boolean; doubles: boolean },
): Tile {
  const widest = lanesOf(target, doubles);
  let best: Tile = { rows: 1, columns: widest, lanes: widest };
  let least = Number.POSITIVE_INFINITY;
  for (const lanes of widest > 8 ? [widest / 2, widest] : [widest]) {
    for (const vectors of widths) {
      const needed = Math.max(1, Math.ceil(run / lanes) * runs);
      if (vectors > needed) continue;
      // Registers for one row of the right operand and one number of the left are needed beside the accumulators.
      const most = Math.max(1, Math.min(mostRows, Math.floor((target.registers - vectors - 1) / vectors)));
      const across = parts(packed ? Math.ceil(needed / vectors) * vectors : needed, vectors);
      for (const rows of heights(m, most)) {
        const cost = parts(m, rows).reduce((sum, r) => sum + across.reduce((row, v) => row + costOfStep(r, v, lanes), 0), 0);
        if (cost <= least) [best, least] = [{ rows, columns: vectors * lanes, lanes }, cost];
      }
    }
  }
  return best;
}

/** Rows of a tile to try: evened out, so that the last tile is not much smaller than the others, and such that all are alike, which is less code. */
function heights(m: number, most: number): number[] {
  const even = Math.max(1, Math.ceil(m / Math.ceil(Math.max(1, m) / most)));
  for (let rows = most; rows > most / 2; rows--) if (m % rows === 0) return [even, rows];
  return [even];
}

/** A length in parts of at most so many. */
function parts(length: number, most: number): number[] {
  return Array.from({ length: Math.ceil(length / most) }, (_, i) => Math.min(most, length - i * most));
}

/**
 * Cycles of one step of k: two multiply-adds of up to 8 lanes or one of more; two loads, but that a vector may lie across two lines of
 * cache, and a wide one nearly always does; and no sum more often than every four.
 */
function costOfStep(rows: number, vectors: number, lanes: number): number {
  const wide = lanes > 8;
  return Math.max((rows + vectors * (wide ? 3 : 1.5)) / 1.6, rows * vectors * (wide ? 1 : 0.5), 4);
}
