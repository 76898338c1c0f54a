// The register tile of a contraction: how much of the result is held in registers at once, and in vectors of how many lanes. It
// follows from the target and the result's shape alone, and never changes the order of a sum.

import { lanesOf, type Target } from "./kernel.ts";
import { inputOf, type Node } from "./node.ts";
import type { Tile } from "./task.ts";
import { walkView } from "./view.ts";

const mostRows = 14;
/** Tiles that a tuner times for one result. */
const mostCandidates = 6;

/** What a tile is for: a result of `m` rows by so many runs of `run` columns, each of which begins a new vector. */
export interface TileRequest {
  readonly m: number;
  readonly run: number;
  readonly runs: number;
  /** Whether the right operand lies packed in panels. */
  readonly packed: boolean;
  /** Whether the elements are float64. */
  readonly doubles: boolean;
}

/** The request for a contraction: its right operand is packed, or a view, with columns in runs, of what `stored` accepts. */
export function tileRequest(hero: Node<"contract">, packed: boolean, stored: (node: Node) => boolean): TileRequest {
  const [, m, n] = hero.shape as [number, number, number];
  const run = packed ? n : (walkView(inputOf(hero, 1), stored)?.axes[2]?.at(-1)?.size ?? n);
  return { m, run, runs: n / run, packed, doubles: hero.dtype === "float64" };
}

/** Vectors of columns to try. Of those about alike the last one is taken: two need few loads and leave registers to spare. */
const widths = [1, 3, 2];
const alike = 1.02;

/**
 * The tile for a result: the one that was timed, else that of the fewest cycles for one step of k, remainders counted. A packed operand has no shorter tiles at its end.
 *
 * Where the target's vectors are wider than 8 lanes, half of them is tried too: it wastes less of a short run, and many processors do
 * two halves in the time of a whole one.
 */
export function tileFor(target: Target, request: TileRequest): Tile {
  const timed = target.tiles?.get(tileKey(request));
  if (timed !== undefined) return timed;
  const widest = lanesOf(target, request.doubles);
  let best: Tile = { rows: 1, columns: widest, lanes: widest };
  let least = Number.POSITIVE_INFINITY;
  for (const { tile, cost } of estimates(target, request)) if (cost <= alike * least) [best, least] = [tile, cost];
  return best;
}

/** By what a tile is chosen, as text. */
export function tileKey({ m, run, runs, packed, doubles }: TileRequest): string {
  return `${m}×${run}×${runs}${packed ? " packed" : ""}${doubles ? " float64" : ""}`;
}

/** The tiles worth timing for a result: the model's choice, then those of the least estimates. Each gives the same bits. */
export function tileCandidates(target: Target, request: TileRequest): Tile[] {
  const byCost = [...estimates(target, request)].sort((a, b) => a.cost - b.cost).map(({ tile }) => tile);
  const all = [tileFor(target, request), ...byCost];
  const distinct = new Map(all.map((tile) => [`${tile.rows} ${tile.columns} ${tile.lanes}`, tile]));
  return [...distinct.values()].slice(0, mostCandidates);
}

/** Every tile to think of, and its cycles for one step of k over the whole result. */
function* estimates(
  target: Target,
  { m, run, runs, packed, doubles }: TileRequest,
): Generator<{ readonly tile: Tile; readonly cost: number }> {
  const widest = lanesOf(target, doubles);
  for (const lanes of widest > 8 ? [widest / 2, widest] : [widest]) {
    for (const vectors of widths) {
      const needed = Math.max(1, Math.ceil(run / lanes) * runs);
      if (vectors > needed) continue;
      // Registers for one row of the right operand and one number of the left are needed beside the accumulators, and one to spare:
      // with none, V8 keeps accumulators in memory, at half the speed.
      const most = Math.max(1, Math.min(mostRows, Math.floor((target.registers - vectors - 2) / vectors)));
      const across = parts(packed ? Math.ceil(needed / vectors) * vectors : needed, vectors);
      for (const rows of heights(m, most)) {
        const cost = parts(m, rows).reduce((sum, r) => sum + across.reduce((row, v) => row + costOfStep(r, v, lanes), 0), 0);
        yield { tile: { rows, columns: vectors * lanes, lanes }, cost };
      }
    }
  }
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
