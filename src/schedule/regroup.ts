// The second pass of fusion, on the drafts that the first has made: drafts that are alike and independent become one, work
// moves to where its operands are made if less has to be stored then, and the groups are written down.

import { bytesOf } from "../graph/dtype.ts";
import type { Node } from "../graph/node.ts";
import { isElementwise } from "../graph/operation.ts";
import type { Draft } from "./draft.ts";
import { type Appearance, type Fusion, needIn } from "./fuse.ts";
import type { Group, Grouping } from "./group.ts";
import { hasMemory, isMade, isView } from "./memory.ts";
import { recompute } from "./recompute.ts";
import { chunkedLoops, joinRows } from "./sums.ts";

export function regroup(fusion: Fusion): Grouping {
  const levels = mergeSiblings(fusion);
  mergeIntoProducers(fusion, levels);
  joinRows(fusion, living(fusion), levels, readsOf(fusion));
  hoist(fusion);
  recompute(fusion);
  return writeDown(fusion);
}

function living(fusion: Fusion): Draft[] {
  return [...new Set(fusion.drafts.map((d) => d.current()))].filter((d) => d.members.size > 0);
}

// ---- Siblings

/** What each draft reads from memory. */
function readsOf(fusion: Fusion): Map<Draft, Set<Node>> {
  const reads = new Map<Draft, Set<Node>>();
  for (const base of fusion.edges.keys()) {
    const home = fusion.homeOf(base);
    if (home === null && !hasMemory(base)) continue;
    for (const reader of fusion.readersOf(base)) {
      if (reader === home) continue;
      const known = reads.get(reader);
      if (known === undefined) reads.set(reader, new Set([base]));
      else known.add(base);
    }
  }
  return reads;
}

/** Drafts at one level, the longest path from the parameters, cannot depend on each other. Returns the levels. */
function mergeSiblings(fusion: Fusion): Map<Draft, number> {
  const reads = readsOf(fusion);
  const levels = new Map<Draft, number>();
  const alike = new Map<string, Draft>();
  // What is read has the higher rank, so its level is known.
  for (const draft of living(fusion).sort((a, b) => b.rank - a.rank)) {
    let level = 0;
    const read = reads.get(draft) ?? new Set<Node>();
    for (const node of read) {
      const home = fusion.homeOf(node);
      if (home !== null && home !== draft) level = Math.max(level, (levels.get(home) ?? 0) + 1);
    }
    levels.set(draft, level);
    if (draft.form === "alone" || draft.form === "contract" || [...draft.members].every(isView)) continue;
    const scalar = draft.form === "open" && draft.points === 1;
    const large = [...read].filter((n) => n.size > 1 && n.size >= draft.outer).map((n) => n.id);
    for (const id of scalar ? ["scalar"] : large) {
      const key = `${level}|${draft.form}|${draft.points}|${draft.outer}|${id}`;
      const current = draft.current();
      const other = alike.get(key)?.current();
      if (other === undefined) alike.set(key, current);
      else if (other !== current && other.fits(current)) {
        other.absorb(current);
        levels.set(other, level);
      }
    }
  }
  return levels;
}

// ---- Producers

/** A draft joins one that it reads at the same index, if all else that it reads is there before that one. */
function mergeIntoProducers(fusion: Fusion, levels: ReadonlyMap<Draft, number>): void {
  const levelOf = (draft: Draft) => levels.get(draft) as number;
  for (const draft of living(fusion).sort((a, b) => levelOf(a) - levelOf(b))) {
    if (draft.form === "alone" || draft.form === "contract") continue;
    const producer = producerOf(fusion, draft, levelOf);
    if (producer === null || !producer.fits(draft)) continue;
    if (producer.form !== "contract" || fusion.isEpilogue(producer, draft)) producer.absorb(draft);
  }
}

/** Of the drafts that a draft reads, the one on the highest level; null if that is not one, or not read at the same index. */
function producerOf(fusion: Fusion, draft: Draft, levelOf: (draft: Draft) => number): Draft | null {
  let producer: Draft | null = null;
  let aligned = true;
  const seen = new Set<Node>(draft.members);
  for (const node of seen) {
    for (const [position, x] of node.inputs.entries()) {
      const source = isView(node) ? fusion.sources.through(node) : fusion.sources.of(x);
      const { base } = source;
      if (base.op === "input" || (isMade(base) && !fusion.required.has(base))) continue;
      const home = fusion.homeOf(base);
      if (home === draft) continue;
      if (home === null) {
        // Computed where it is needed: look at what that reads.
        seen.add(base);
        continue;
      }
      if (producer !== null && producer !== home && levelOf(home) < levelOf(producer)) continue;
      if (producer !== home) aligned = producer === null || levelOf(producer) < levelOf(home);
      producer = home;
      const appearance = (fusion.appearances.get(node) ?? []).find((a) => a.draft.current() === draft);
      const need =
        appearance === undefined ? "free" : needIn({ user: node, position, operand: x, source, memory: false }, appearance, draft);
      aligned &&= need === "same" || need === "row";
    }
  }
  return aligned && producer?.form !== "alone" ? producer : null;
}

// ---- Hoisting

const bytes = (node: Node): number => node.size * bytesOf(node.dtype);

/**
 * Where a stored node would not have to be stored if what reads it elsewhere were computed beside it, and that costs no more
 * memory than it saves, it is: the sign of an activation is stored instead of the activation.
 */
function hoist(fusion: Fusion): void {
  for (const node of fusion.order) {
    const home = fusion.homeOf(node);
    if (home === null || home.form === "alone" || hasMemory(node) || fusion.required.has(node)) continue;
    const moving = new Set<Node>();
    let possible = true;
    for (const { user } of fusion.edges.get(node) ?? []) {
      const appearances = fusion.appearances.get(user) ?? [];
      if (appearances.every(({ draft }) => draft.current() === home)) continue;
      possible &&= appearances.length === 1 && canMove(fusion, user, home);
      moving.add(user);
    }
    if (!possible || moving.size === 0) continue;
    const draftOf = (user: Node) => (fusion.appearances.get(user) as [Appearance])[0].draft.current();
    let gain = bytes(node);
    for (const user of moving) if (!fusion.isNeededOutside(user, draftOf(user))) gain -= bytes(user);
    if (gain < 0) continue;
    for (const user of moving) {
      const from = draftOf(user);
      from.remove(user);
      home.add(user, fusion.isPlain(user));
      fusion.appearances.set(user, [{ draft: home, indexed: true, evaluations: user.size, repeated: 0 }]);
    }
  }
}

/** Whether a node could be computed in a draft from what that computes, and from parameters. */
function canMove(fusion: Fusion, node: Node, to: Draft): boolean {
  if (!isElementwise(node.op) || node.op === "checkBounds" || to.sealed || to.isFull()) return false;
  if (to.form === "contract" && !to.acceptsFree(node, fusion.isPlain(node))) return false;
  return node.inputs.every((x) => {
    const { base, way } = fusion.sources.of(x);
    if (base.op === "input" || (isMade(base) && !fusion.required.has(base))) return true;
    if (fusion.homeOf(base) !== to) return false;
    return way === "same" || (way === "rows" && to.form === "rows" && base.size === to.outer && node.size === to.points);
  });
}

// ---- Groups

function writeDown(fusion: Fusion): Grouping {
  const stored = new Set(fusion.required);
  const position = new Map(fusion.order.map((node, i) => [node, i] as const));
  const groups: Group[] = [];
  for (const draft of living(fusion)) {
    if (draft.form === "alone" && draft.hero === null) continue;
    const members = [...draft.members].sort((a, b) => (position.get(a) as number) - (position.get(b) as number));
    const outputs = members.filter((node) => fusion.isNeededOutside(node, draft));
    if (outputs.length === 0) continue;
    for (const node of outputs) stored.add(node);
    groups.push({ members, outputs, hero: draft.hero, ...loopsOf(fusion, draft, outputs) });
  }
  return { groups, stored };
}

function loopsOf(fusion: Fusion, draft: Draft, outputs: readonly Node[]): Pick<Group, "domain" | "inner" | "sums"> {
  const chunked = chunkedLoops(draft, outputs);
  if (chunked !== null) return chunked;
  const sums = outputs.filter((node) => draft.sums.has(node));
  if (draft.form === "columns" || draft.form === "mixed") return { domain: draft.kept, inner: [], sums };
  if (draft.form !== "rows") return { domain: outputs[0]?.shape ?? [], inner: [], sums };
  // Rows are needed where elements are stored, or depend on what was reduced from the row.
  const depend = (node: Node) =>
    node.size === draft.outer &&
    (fusion.edges.get(node) ?? []).some(
      ({ user, source }) => source.way === "rows" && (fusion.appearances.get(user) ?? []).some((a) => a.draft.current() === draft),
    );
  const rows = sums.length > 0 || outputs.some((node) => node.size === draft.points) || [...draft.members].some(depend);
  return { domain: draft.kept, inner: rows ? draft.reduced : [], sums };
}
