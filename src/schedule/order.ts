// The order of a region's work: operands first, and of what is ready, that which frees memory, else what the program has
// first. Decides at the same time which donated variables are written in place: a writer may overwrite the old value
// once everybody else has read it, and once every check of the program has been passed.

import type { Node } from "../graph/node.ts";
import { InternalError } from "../util/errors.ts";

/** A piece of work. Nodes are homes (memory.ts). */
export interface Work {
  readonly reads: readonly Node[];
  /** What it writes into memory: stored nodes, projections. A copy into a result's place writes no node. */
  readonly writes: readonly Node[];
  /** Whether it may flag the program. */
  readonly checks: boolean;
}

/** A wish to write a result over a parameter. */
export interface Donation {
  readonly parameter: Node;
  readonly result: number;
  /** The work that writes the result; null where the result is the parameter itself, and there is nothing to do. */
  readonly writer: number | null;
  /** Whether the writer reads the old value only where it is about to write, or not at all. */
  readonly legal: boolean;
}

export interface Arrangement {
  /** Numbers of works, and null for the guard. */
  readonly sequence: readonly (number | null)[];
  /** The results written over their parameters. */
  readonly inPlace: ReadonlySet<number>;
}

/** How many of the ready works are compared. */
const window = 32;

/**
 * @param works in the order of the program, though not necessarily operands first
 * @param guarded whether a guard follows the checks
 * @param bytes what the memory of a written node costs: 0 for results
 */
export function arrange(
  works: readonly Work[],
  donations: readonly Donation[],
  guarded: boolean,
  bytes: (node: Node) => number,
): Arrangement {
  const graph = new Dependencies(works, guarded);
  const inPlace = new Set<number>();
  for (const { parameter, result, writer, legal } of donations) {
    if (writer === null || (legal && graph.protect(parameter, writer))) inPlace.add(result);
  }
  return { sequence: graph.sequence(bytes), inPlace };
}

class Dependencies {
  private readonly works: readonly Work[];
  private readonly readers = new Map<Node, number[]>();
  private readonly after: number[][];
  private readonly before: Set<number>[];
  private readonly checks: readonly number[];
  /** The number of the guard, behind those of the works; −1 if there is none. */
  private readonly guard: number;

  constructor(works: readonly Work[], guarded: boolean) {
    this.works = works;
    const writers = new Map<Node, number>();
    works.forEach((work, i) => {
      for (const node of work.writes) writers.set(node, i);
    });
    this.checks = guarded ? works.flatMap((work, i) => (work.checks ? [i] : [])) : [];
    this.guard = this.checks.length > 0 ? works.length : -1;
    const count = works.length + 1;
    this.after = Array.from({ length: count }, () => []);
    this.before = Array.from({ length: count }, () => new Set());
    works.forEach((work, i) => {
      for (const node of work.reads) {
        const list = this.readers.get(node);
        if (list === undefined) this.readers.set(node, [i]);
        else list.push(i);
        const writer = writers.get(node);
        if (writer !== undefined) this.link(writer, i);
      }
    });
    for (const check of this.checks) this.link(check, this.guard);
  }

  private link(first: number, second: number): void {
    if (first === second || (this.before[second] as Set<number>).has(first)) return;
    (this.before[second] as Set<number>).add(first);
    (this.after[first] as number[]).push(second);
  }

  /** Makes `writer` come after all other readers of a node and after the guard; false where it cannot. */
  protect(node: Node, writer: number): boolean {
    const first = (this.readers.get(node) ?? []).filter((i) => i !== writer);
    if (this.guard >= 0) first.push(this.guard);
    if (this.reaches(writer, new Set(first))) return false;
    for (const i of first) this.link(i, writer);
    return true;
  }

  private reaches(from: number, goals: ReadonlySet<number>): boolean {
    const seen = new Set([from]);
    for (const i of seen) {
      if (goals.has(i)) return true;
      for (const next of this.after[i] as number[]) seen.add(next);
    }
    return false;
  }

  sequence(bytes: (node: Node) => number): (number | null)[] {
    const waiting = this.before.map((set) => set.size);
    const unread = new Map<Node, number>();
    for (const [node, list] of this.readers) unread.set(node, new Set(list).size);
    const written = new Set(this.works.flatMap((work) => work.writes));
    const result: (number | null)[] = [];
    const ready: number[] = [];
    const add = (i: number) => {
      // The guard goes first: what waits for it frees memory.
      let at = i === this.guard ? 0 : ready.length;
      if (i !== this.guard) while (at > 0 && (ready[at - 1] as number) > i) at--;
      ready.splice(at, 0, i);
    };
    const growth = (i: number): number => {
      const work = this.works[i];
      if (work === undefined) return Number.NEGATIVE_INFINITY;
      let grown = 0;
      for (const node of work.writes) grown += bytes(node);
      for (const node of new Set(work.reads)) if (written.has(node) && unread.get(node) === 1) grown -= bytes(node);
      return grown;
    };
    for (let i = 0; i < this.works.length; i++) if (waiting[i] === 0) ready.push(i);
    while (ready.length > 0) {
      let best = 0;
      let least = Number.POSITIVE_INFINITY;
      for (let at = 0; at < Math.min(window, ready.length); at++) {
        const grown = growth(ready[at] as number);
        if (grown < least && (grown < 0 || at === 0)) [best, least] = [at, grown];
      }
      const [next] = ready.splice(best, 1) as [number];
      result.push(next === this.guard ? null : next);
      for (const node of new Set(this.works[next]?.reads)) unread.set(node, (unread.get(node) ?? 0) - 1);
      for (const i of this.after[next] as number[]) if (--(waiting[i] as number) === 0) add(i);
    }
    if (result.length !== this.works.length + (this.guard >= 0 ? 1 : 0))
      throw new InternalError("the schedule's tasks wait for each other");
    return result;
  }
}
