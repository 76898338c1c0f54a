// Offsets for lifetimes: two that overlap in time never overlap in memory. One after the other, each into the tightest gap that
// holds it. Which comes first matters: largest first is good, and where it is far from the least possible, what ended up on top is put
// in front and all is placed again. Programs with very many buffers go in order of time instead, which needs no search through all that
// is placed.

import { padded } from "../graph/kernel.ts";

/** A number of bytes that must lie somewhere from one step to another, both included. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Arena {
  readonly offsets: readonly number[];
  readonly bytes: number;
}

/** Beyond this many buffers, placing largest first (quadratic) would cost more than it saves. */
const manyBuffers = 3000;

/** An arrangement this near to the least possible is good enough. */
const near = 1.02;
/** How often a better one is looked for, and how many buffers are placed for it in all. */
const mostTries = 40;
const mostWork = 5000;

export function arrangeArena(lifetimes: readonly Lifetime[]): Arena {
  if (lifetimes.length > manyBuffers) return inOrderOfTime(lifetimes);
  const enough = near * mostAlive(lifetimes);
  const bytesOf = (i: number) => (lifetimes[i] as Lifetime).bytes;
  const order = lifetimes.map((_, i) => i).sort((a, b) => bytesOf(b) - bytesOf(a) || a - b);
  let best = inOrder(lifetimes, order);
  let last = best;
  for (let i = Math.min(mostTries, mostWork / lifetimes.length); i >= 1 && best.bytes > enough; i--) {
    const top = order.findIndex((j) => (last.offsets[j] as number) + padded(bytesOf(j)) === last.bytes);
    order.unshift(...order.splice(top, 1));
    last = inOrder(lifetimes, order);
    if (last.bytes < best.bytes) best = last;
  }
  return best;
}

interface Placed {
  readonly offset: number;
  readonly end: number;
  readonly first: number;
  readonly last: number;
}

function inOrder(lifetimes: readonly Lifetime[], order: readonly number[]): Arena {
  const offsets = new Array<number>(lifetimes.length).fill(0);
  const placed: Placed[] = [];
  let bytes = 0;
  for (const i of order) {
    const { first, last, bytes: size } = lifetimes[i] as Lifetime;
    const need = padded(size);
    let offset = 0;
    let tightest = Number.POSITIVE_INFINITY;
    let end = 0;
    for (const other of placed) {
      if (other.last < first || other.first > last) continue;
      const gap = other.offset - end;
      if (gap >= need && gap < tightest) [offset, tightest] = [end, gap];
      end = Math.max(end, other.end);
    }
    if (tightest === Number.POSITIVE_INFINITY) offset = end;
    offsets[i] = offset;
    bytes = Math.max(bytes, offset + need);
    insert(placed, { offset, end: offset + need, first, last });
  }
  return { offsets, bytes };
}

/** Keeps the list in order of offset. */
function insert(placed: Placed[], item: Placed): void {
  let low = 0;
  let high = placed.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((placed[middle] as Placed).offset < item.offset) low = middle + 1;
    else high = middle;
  }
  placed.splice(low, 0, item);
}

function inOrderOfTime(lifetimes: readonly Lifetime[]): Arena {
  const starts = lifetimes.map((_, i) => i).sort((a, b) => (lifetimes[a] as Lifetime).first - (lifetimes[b] as Lifetime).first || a - b);
  const ends = [...starts].sort((a, b) => (lifetimes[a] as Lifetime).last - (lifetimes[b] as Lifetime).last || a - b);
  const offsets = new Array<number>(lifetimes.length).fill(0);
  /** Free ranges below `bytes`, in order of offset. */
  const gaps: { offset: number; end: number }[] = [];
  let bytes = 0;
  let ended = 0;
  for (const i of starts) {
    const { first, bytes: size } = lifetimes[i] as Lifetime;
    for (; ended < ends.length && (lifetimes[ends[ended] as number] as Lifetime).last < first; ended++) {
      const gone = ends[ended] as number;
      release(gaps, offsets[gone] as number, (offsets[gone] as number) + padded((lifetimes[gone] as Lifetime).bytes));
    }
    const need = padded(size);
    let best = -1;
    for (const [g, gap] of gaps.entries()) {
      const room = gap.end - gap.offset;
      if (
        room >= need &&
        (best < 0 || room < (gaps[best] as { offset: number; end: number }).end - (gaps[best] as { offset: number }).offset)
      )
        best = g;
    }
    const gap = gaps[best];
    const last = gaps.at(-1);
    if (gap !== undefined) {
      offsets[i] = gap.offset;
      gap.offset += need;
      if (gap.offset === gap.end) gaps.splice(best, 1);
    } else if (last !== undefined && last.end === bytes) {
      // The free end of the arena grows.
      offsets[i] = last.offset;
      bytes = last.offset + need;
      gaps.pop();
    } else {
      offsets[i] = bytes;
      bytes += need;
    }
  }
  return { offsets, bytes };
}

function release(gaps: { offset: number; end: number }[], offset: number, end: number): void {
  let at = gaps.findIndex((gap) => gap.offset > offset);
  if (at < 0) at = gaps.length;
  const before = gaps[at - 1];
  const after = gaps[at];
  const joinsBefore = before !== undefined && before.end === offset;
  const joinsAfter = after !== undefined && after.offset === end;
  if (joinsBefore && joinsAfter) {
    before.end = after.end;
    gaps.splice(at, 1);
  } else if (joinsBefore) before.end = end;
  else if (joinsAfter) after.offset = offset;
  else gaps.splice(at, 0, { offset, end });
}

/** The most bytes alive at one time. */
export function mostAlive(lifetimes: readonly Lifetime[]): number {
  const changes = new Map<number, number>();
  for (const { bytes, first, last } of lifetimes) {
    changes.set(first, (changes.get(first) ?? 0) + padded(bytes));
    changes.set(last + 1, (changes.get(last + 1) ?? 0) - padded(bytes));
  }
  let alive = 0;
  let most = 0;
  for (const [, change] of [...changes].sort(([a], [b]) => a - b)) {
    alive += change;
    most = Math.max(most, alive);
  }
  return most;
}
