// The product of one tile: accumulators in registers while k runs. For each k, one load for each vector of the right operand,
// and for each row one number of the left, spread over the lanes. Between the chunks of a long k, accumulators wait in memory.

import type { DType } from "../../graph/dtype.ts";
import type { Expression } from "../../graph/kernel.ts";
import { type Builder, registerOf } from "../builder.ts";
import * as x from "../expression.ts";
import type { Frame } from "../frames.ts";
import type { Depth } from "../walk.ts";
import type { Mutable, Place, Start } from "./place.ts";
import type { Plan } from "./plan.ts";

/** Steps of k in one turn of the loop, by the multiply-adds of each: enough to make the loop cheap, no more code than that. */
function unrolledFor(fused: number): number {
  return fused > 14 ? 2 : 4;
}
/** Runs of k up to so long are written out whole. */
const writtenOut = 12;

/** What the products of a kernel have in common. */
export interface Product {
  readonly dtype: DType;
  readonly plan: Plan;
  /** The right operand's buffer, and that of the accumulators that wait. */
  readonly rightBuffer: number;
  readonly waiting: number;
  /** Which chunk of k it is. */
  readonly chunk: Expression;
}

/** Numbers that a tile's accumulators take in memory. */
export function accumulatorsOf({ rows, vectors, lanes }: Plan): number {
  return rows * vectors * lanes;
}

/** Where the accumulators of a tile wait for the next chunk. */
function eachWaiting(
  builder: Builder,
  plan: Plan,
  frame: Frame,
  { slot, inBlock }: Place,
  sums: readonly (readonly Mutable[])[],
  visit: (sum: Mutable, index: Expression) => void,
): void {
  const start = builder.let(frame, x.mul(x.add(x.mul(slot, plan.block), inBlock), accumulatorsOf(plan)));
  sums.forEach((vectors, r) => {
    vectors.forEach((sum, j) => {
      visit(sum, x.add(start, (r * plan.vectors + j) * plan.lanes));
    });
  });
}

/** Stores the accumulators of a tile whose product goes on in another chunk. */
export function writeWaiting(builder: Builder, { plan, waiting }: Product, frame: Frame, place: Place, sums: Mutable[][]): void {
  eachWaiting(builder, plan, frame, place, sums, (value, index) => {
    frame.statements.push({ kind: "store", buffer: waiting, index, value });
  });
}

/** Writes the product of a tile, or one chunk of it; gives the accumulators of each row. */
export function writeProduct(builder: Builder, product: Product, frame: Frame, place: Place, rows: number, vectors: number): Mutable[][] {
  const { dtype, plan, rightBuffer, waiting, chunk } = product;
  const unrolled = unrolledFor(rows * vectors);
  const scalar = registerOf(dtype, 1);
  const vector = registerOf(dtype, builder.lanes);
  const sums = Array.from({ length: rows }, () =>
    Array.from({ length: vectors }, (): Mutable => builder.mutable(frame, x.constant(vector, 0), "sum")),
  );

  if (plan.chunks > 1) {
    const before = builder.inside(frame);
    eachWaiting(builder, plan, before, place, sums, (sum, index) => {
      before.statements.push(x.set(sum, x.load(waiting, vector, index)));
    });
    frame.statements.push(x.branch(x.lt(0, chunk), before.statements));
  }

  /** The places moved on by a distance. */
  const moved = (to: Frame, starts: readonly Start[], by: Expression): Start[] => {
    const known = new Map<Expression, Expression>();
    return starts.map(({ from, beyond }) => {
      const there = known.get(from) ?? builder.let(to, x.add(from, by));
      known.set(from, there);
      return { from: there, beyond };
    });
  };
  /** Multiplies and adds at so many positions of k, whose distances from `left` and `right` are known. */
  const steps = (to: Frame, leftBy: Expression, rightBy: Expression, positions: readonly { left: number; right: number }[]) => {
    const starts = moved(to, place.rows.slice(0, rows), leftBy);
    const columns = moved(to, place.columns.slice(0, vectors), rightBy);
    for (const position of positions) {
      const values = columns.map(({ from, beyond }) => builder.let(to, x.load(rightBuffer, vector, x.add(from, position.right + beyond))));
      starts.forEach(({ from, beyond }, r) => {
        const spread = builder.let(to, x.splat(x.load(place.buffer, scalar, x.add(from, position.left + beyond)), builder.lanes));
        values.forEach((value, j) => {
          const sum = sums[r]?.[j] as Mutable;
          to.statements.push(x.set(sum, x.fma(spread, value, sum)));
        });
      });
    }
  };
  const { outer, looped, inner } = splitDepths(place.depths);
  const walk = (to: Frame, left: Expression, right: Expression, rest: readonly Depth[]): void => {
    const [depth, ...more] = rest;
    if (depth !== undefined) {
      builder.loop(to, 0, depth.size, 1, (body, i) =>
        walk(body, x.add(left, x.mul(i, depth.left)), x.add(right, x.mul(i, depth.right)), more),
      );
      return;
    }
    if (looped === null) {
      steps(to, left, right, positionsOf(inner));
      return;
    }
    const some = (count: number) => positionsOf([{ ...looped, size: count }]);
    const along = (i: Expression) => [x.add(left, x.mul(i, looped.left)), x.add(right, x.mul(i, looped.right))] as const;
    const odd = looped.size % unrolled;
    const size = looped.size - odd;
    // All chunks but the last one are as long as each other, and of whole turns.
    const start = builder.let(to, x.mul(chunk, plan.chunk));
    const whole = plan.chunks === 1 ? x.integer(size) : builder.let(to, x.min(x.sub(size, start), plan.chunk));
    if (size > 0) builder.loop(to, 0, whole, unrolled, (body, i) => steps(body, ...along(i), some(unrolled)));
    if (odd === 0) return;
    const end = builder.inside(to);
    steps(end, ...along(whole), some(odd));
    if (plan.chunks === 1) to.statements.push(...end.statements);
    else to.statements.push(x.branch(x.eq(chunk, plan.chunks - 1), end.statements));
  };
  walk(frame, x.integer(0), x.integer(0), outer);
  return sums;
}

/**
 * How the runs of k are written: `outer` as loops, then either the last run as a loop of a few steps a turn (`looped`), or all of
 * the `inner` ones written out.
 */
function splitDepths(depths: readonly Depth[]): { outer: readonly Depth[]; looped: Depth | null; inner: readonly Depth[] } {
  const last = depths.at(-1);
  if (last === undefined || last.size > writtenOut || depths.length === 1)
    return { outer: depths.slice(0, -1), looped: last ?? null, inner: [] };
  let first = depths.length - 1;
  let product = last.size;
  for (; first > 0 && product * (depths[first - 1] as Depth).size <= writtenOut; first--) product *= (depths[first - 1] as Depth).size;
  return { outer: depths.slice(0, first), looped: null, inner: depths.slice(first) };
}

/** The distances of all positions of some runs. */
function positionsOf(depths: readonly Depth[]): { left: number; right: number }[] {
  return depths.reduce(
    (positions, d) =>
      positions.flatMap((p) => Array.from({ length: d.size }, (_, i) => ({ left: p.left + i * d.left, right: p.right + i * d.right }))),
    [{ left: 0, right: 0 }],
  );
}
