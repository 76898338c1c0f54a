// Fusion: which nodes are stored, and which are computed together in one task.
//
// Nodes are placed from the results backwards, so that the uses of a node are known when its turn comes. A node whose uses
// all lie in one draft (draft.ts) is computed there; one that several drafts use joins the first of them if it runs over
// the same elements, and is stored there for the others; what is cheap and reads memory anyway is computed by each. What fits
// nowhere begins a draft of its own. Ranks keep the drafts free of cycles: a draft has a higher rank than all that read it.
// A second pass (regroup.ts) then joins what is independent and alike, and moves work to where less has to be stored.

import { inputOf, is, type Node } from "../graph/node.ts";
import { familyOf, isElementwise, isRoutine } from "../graph/operation.ts";
import { Draft, type Need } from "./draft.ts";
import { costOf, type Fact, factsOf, reducedAxes } from "./facts.ts";
import type { Grouping } from "./group.ts";
import { hasMemory, isMade, isView, operandsOf } from "./memory.ts";
import { regroup } from "./regroup.ts";
import { type Source, Sources } from "./source.ts";

/** Where a node is computed. */
export interface Appearance {
  readonly draft: Draft;
  /** It has a value for each element (or row) of the draft, in that order; else it is computed wherever it is needed. */
  readonly indexed: boolean;
  /** How many times one run computes it, all elements together. */
  readonly evaluations: number;
  /** Arithmetic that this appearance repeats for each of its uses: that of the node and of what it is computed for. */
  readonly repeated: number;
}

/** An operand of a user. */
export interface Edge {
  readonly user: Node;
  readonly position: number;
  readonly operand: Node;
  readonly source: Source;
  /** The user needs the base in memory. */
  readonly memory: boolean;
}

export interface Use {
  readonly edge: Edge;
  readonly need: Need;
  readonly evaluations: number;
  readonly repeated: number;
}

/** A node may be computed this many times as often as it has elements before that counts as recomputing. */
const slack = 1.5;
/** Arithmetic that may be repeated for each use, rather than stored. */
const repeatable = 6;
/** The same for scalars, which a kernel computes once. */
const repeatableScalar = 16;
/** An epilogue reads and writes at most so many operands and results of full size. */
const mostStreams = 3;
/** Drafts made one for the sake of one node. */
const mostMerged = 8;
/** Of fewer elements, several operands may be read in any order: the first cache has them. */
const scatteredReads = 65_536;
/** Random bits and the like are stored where they cost more than this. */
const dearlyMade = 60;

export class Fusion {
  readonly order: readonly Node[];
  readonly required: ReadonlySet<Node>;
  readonly sources: Sources;
  readonly facts: ReadonlyMap<Node, Fact>;
  /** Who reads a node that is no view. */
  readonly edges: Map<Node, Edge[]> = new Map();
  readonly appearances: Map<Node, Appearance[]> = new Map();
  readonly drafts: Draft[] = [];
  /** Nodes that every reader computes for itself, though one draft has them indexed. */
  readonly recomputed: Set<Node> = new Set();
  private readonly packed: ReadonlyMap<Node, Node>;
  private readonly apart: ReadonlySet<Node>;

  constructor(order: readonly Node[], required: ReadonlySet<Node>, packed: ReadonlyMap<Node, Node>, apart: ReadonlySet<Node>) {
    this.order = order;
    this.required = required;
    this.apart = apart;
    this.packed = packed;
    this.sources = new Sources(required);
    this.facts = factsOf(order, this.sources, required);
    for (const node of order) this.collectEdges(node);
    for (let i = order.length - 1; i >= 0; i--) this.place(order[i] as Node);
  }

  /** Operands of a node that is computed: not of views, which are looked through, unless they are stored. */
  private collectEdges(user: Node): void {
    const add = (operand: Node, position: number, source: Source, memory: boolean) => {
      if (isMade(source.base) && !this.required.has(source.base)) return;
      const edge = { user, position, operand, source, memory };
      const list = this.edges.get(source.base);
      if (list === undefined) this.edges.set(source.base, [edge]);
      else list.push(edge);
    };
    if (isView(user)) {
      if (this.required.has(user)) add(user, 0, this.sources.through(user), false);
      return;
    }
    const family = familyOf[user.op];
    const memory = family === "contract" || family === "region" || isRoutine(user.op) || family === "project";
    operandsOf(user, this.packed).forEach((operand, i) => {
      add(operand, i, this.sources.of(operand), memory);
    });
  }

  /** Decides where a node is computed; all of its users have been placed. */
  private place(node: Node): void {
    if (hasMemory(node) || (!this.required.has(node) && (isView(node) || isMade(node)))) return;
    const uses = this.usesOf(node);
    const drafts = [...new Set(uses.map(({ draft }) => draft))];
    if (familyOf[node.op] === "region") {
      const own = this.begin(node, drafts, 0);
      own.form = "alone";
      return;
    }
    const all = uses.map((u) => u.use);
    if (!this.required.has(node) && drafts.length > 0) {
      if (drafts.length > 1 && this.repeat(node, uses, drafts)) return;
      if (drafts.length === 1 && this.joinOnly(node, all, drafts[0] as Draft)) return;
    }
    if (drafts.length > 0 && !this.apart.has(node) && this.joinFirst(node, uses, drafts)) return;
    this.begin(node, drafts, node.size);
  }

  private begin(node: Node, readers: readonly Draft[], size: number): Draft {
    const draft = new Draft(
      readers.reduce((most, d) => Math.max(most, d.rank + 1), 0),
      size,
    );
    draft.begin(node, this.isPlain(node));
    draft.sealed = this.apart.has(node);
    this.drafts.push(draft);
    this.appear(node, { draft, indexed: true, evaluations: node.size, repeated: 0 });
    return draft;
  }

  private appear(node: Node, ...list: Appearance[]): void {
    this.appearances.set(node, list);
  }

  /** The uses of a node, in the drafts where its users appear. A region operation is used through its projections. */
  usesOf(node: Node): { draft: Draft; use: Use }[] {
    const result: { draft: Draft; use: Use }[] = [];
    for (const edge of this.edges.get(node) ?? []) {
      if (edge.user.op === "project") {
        result.push(...this.usesOf(edge.user));
        continue;
      }
      for (const appearance of this.appearances.get(edge.user) ?? []) {
        const draft = appearance.draft.current();
        const need = needIn(edge, appearance, draft);
        let { evaluations } = appearance;
        if (reducedAxes(edge.user) !== null) evaluations *= edge.operand.size / Math.max(1, edge.user.size);
        if (need === "same" || need === "row") evaluations = node.size;
        // A scalar is computed once, before the loops.
        if (node.size === 1) evaluations = 1;
        result.push({ draft, use: { edge, need, evaluations, repeated: appearance.repeated } });
      }
    }
    return result;
  }

  /** Cheap work on what is in memory anyway: each of its users does it. */
  private repeat(node: Node, uses: readonly { draft: Draft; use: Use }[], drafts: readonly Draft[]): boolean {
    const again = this.facts.get(node)?.again ?? null;
    if (again === null) return false;
    const all = uses.map((u) => u.use);
    if (isScattered(node, again.reads, all)) return false;
    const plain = this.isPlain(node);
    const list: Appearance[] = [];
    for (const draft of drafts) {
      const here = uses.filter((u) => u.draft === draft).map((u) => u.use);
      const appearance = this.appearanceFor(node, here, draft, costOf(node));
      if (appearance === null || !draft.acceptsFree(node, plain)) return false;
      list.push(appearance);
    }
    for (const draft of drafts) draft.addFree(node, plain);
    this.appear(node, ...list);
    return true;
  }

  /** The node computed in a draft for its uses there, which need not be stored; null where that repeats too much. */
  appearanceFor(node: Node, uses: readonly Use[], draft: Draft, cost: number): Appearance | null {
    const need = common(uses);
    if (uses.some((u) => u.need === "memory")) return null;
    const evaluations = need === "row" && node.size > 1 ? draft.points : total(uses);
    const repeated = Math.max(...uses.map((u) => u.repeated)) + cost;
    if (evaluations > slack * node.size && repeated > repeatable) return null;
    return { draft, indexed: need === "same", evaluations, repeated };
  }

  /** All uses lie in one draft, and it need not be stored. */
  private joinOnly(node: Node, uses: readonly Use[], draft: Draft): boolean {
    const plain = this.isPlain(node);
    const fact = this.facts.get(node);
    if (this.isDearlyMade(node)) return false;
    const need = common(uses);
    if (need === "memory" || (is(node, "contract") && !this.isEpilogue(draft))) return false;
    if (need !== "free") {
      if (!draft.accept(node, need, plain, fact?.rowWidth ?? 0, (member) => this.isNeededOutside(member, draft))) {
        if (need === "same" || !draft.acceptsFree(node, plain)) return false;
      } else {
        this.unindex(draft);
        draft.add(node, plain);
        this.appear(node, { draft, indexed: true, evaluations: node.size, repeated: 0 });
        return true;
      }
    }
    if (reducedAxes(node) !== null || !isFreeWork(node) || !draft.acceptsFree(node, plain)) return false;
    let evaluations = total(uses);
    if (need === "row" && node.size > 1) evaluations = Math.max(evaluations, draft.points);
    const cost = costOf(node);
    const repeats = evaluations > slack * node.size;
    const repeated = repeats || node.size === 1 ? Math.max(...uses.map((u) => u.repeated)) + cost : 0;
    if (repeated > (node.size === 1 ? repeatableScalar : repeatable)) return false;
    draft.addFree(node, plain);
    this.appear(node, { draft, indexed: false, evaluations, repeated });
    return true;
  }

  /** Uses in several drafts, or stored in any case: joins the draft that runs first, or the ones that could run together. */
  private joinFirst(node: Node, uses: readonly { draft: Draft; use: Use }[], drafts: readonly Draft[]): boolean {
    if (this.isDearlyMade(node)) return false;
    const rank = Math.max(...drafts.map((d) => d.rank));
    const firsts = drafts.filter((d) => d.rank === rank);
    const draft = firsts[0] as Draft;
    const needs = firsts.map((d) => common(uses.filter((u) => u.draft === d).map((u) => u.use)));
    const need = needs[0] as Need;
    if (needs.some((n) => n !== need) || (firsts.length > 1 && need !== "same")) return false;
    const plain = this.isPlain(node);
    if (!mergeable(firsts) || (is(node, "contract") && !firsts.every((d) => this.isEpilogue(d)))) return false;
    for (const other of firsts.slice(1)) draft.absorb(other);
    const fact = this.facts.get(node);
    if (!draft.accept(node, need, plain, fact?.rowWidth ?? 0, (member) => this.isNeededOutside(member, draft))) return false;
    this.unindex(draft);
    draft.add(node, plain);
    this.appear(node, { draft, indexed: true, evaluations: node.size, repeated: 0 });
    return true;
  }

  /** In a mixed draft, only what has a value for each result keeps its place. */
  private unindex(draft: Draft): void {
    if (draft.form !== "mixed") return;
    for (const member of [...draft.members]) {
      if (member.size === draft.outer) continue;
      const [appearance] = this.appearances.get(member) as [Appearance];
      this.appear(member, { ...appearance, indexed: false });
      draft.members.delete(member);
    }
  }

  /** Whether a member has to be stored: it is required, or another draft reads it. */
  isNeededOutside(member: Node, draft: Draft): boolean {
    if (this.recomputed.has(member)) return false;
    return this.required.has(member) || this.readersOf(member).some((d) => d !== draft);
  }

  /** The draft that stores a node, if it were needed in memory; null for parameters and for what is computed wherever it is needed. */
  homeOf(node: Node): Draft | null {
    const draft = this.appearances.get(node.op === "project" ? inputOf(node, 0) : node)?.[0]?.draft.current();
    if (draft === undefined) return null;
    return node.op === "project" || draft.members.has(node) ? draft : null;
  }

  /** The drafts that compute something from a node. */
  readersOf(node: Node): Draft[] {
    return (this.edges.get(node) ?? []).flatMap((e) => (this.appearances.get(e.user) ?? []).map((a) => a.draft.current()));
  }

  /** Whether a contraction goes through the draft's operands and results of full size well, tile by tile: only through few of them. */
  isEpilogue(draft: Draft, other: Draft | null = null): boolean {
    return draft.isSmall() || this.streamsOf(draft) + (other === null ? 0 : this.streamsOf(other) - 1) <= mostStreams;
  }

  private streamsOf(draft: Draft): number {
    const streams = new Set<Node>();
    for (const member of draft.members) {
      if (member !== draft.hero && this.isNeededOutside(member, draft)) streams.add(member);
      for (const x of isView(member) ? [] : member.inputs) {
        const { base } = this.sources.of(x);
        if (!isMade(base) && base.size * 2 > draft.points && !draft.members.has(base)) streams.add(base);
      }
    }
    if (draft.hero !== null) for (const x of draft.hero.inputs) streams.delete(this.sources.of(x).base);
    return streams.size;
  }

  /** Work that an epilogue may hold. */
  isPlain(node: Node): boolean {
    if (!isElementwise(node.op)) return false;
    return node.inputs.every((x) => {
      const { base, way } = this.sources.of(x);
      return way !== "other" && base.op !== "iota";
    });
  }

  /** Random bits, where they leave the nodes that are made from nothing: stored, so that nobody makes them twice. */
  private isDearlyMade(node: Node): boolean {
    const made = this.facts.get(node)?.madeFor ?? null;
    if (made === null || made < dearlyMade || node.size === 1) return false;
    return (this.edges.get(node) ?? []).some((e) => (this.facts.get(e.user)?.madeFor ?? null) === null);
  }
}

/** Whether a node is read in other orders than its own: then each operand that it is computed from costs as much as it would, stored. */
export function isScattered(node: Node, reads: ReadonlySet<Node>, uses: readonly Use[]): boolean {
  return reads.size > 1 && node.size > scatteredReads && uses.every(({ need }) => need === "free");
}

/** How a user needs its operand, seen from the draft where it appears. */
export function needIn({ user, position, source, memory }: Edge, { indexed }: Appearance, draft: Draft): Need {
  if (memory) return "memory";
  if (!indexed || source.way === "affine" || source.way === "other") return "free";
  if (user.op === "gather" || user.op === "dynamicSlice" || (user.op === "dynamicUpdate" && position > 0)) return "free";
  if (reducedAxes(user) !== null) {
    if (draft.form !== "rows") return "free";
  } else if (source.way === "rows" && user.size !== draft.points) return "free";
  if (source.way === "same") return "same";
  if (draft.form === "rows") return source.base.size === draft.outer ? "row" : "free";
  return draft.form === "open" ? "row" : "free";
}

function isFreeWork(node: Node): boolean {
  return isElementwise(node.op) || node.op === "gather" || node.op === "dynamicSlice" || node.op === "dynamicUpdate";
}

/** The one way in which all uses need the node; where they differ, free. */
function common(uses: readonly Use[]): Need {
  if (uses.some((u) => u.need === "memory")) return uses.every((u) => u.need === "memory") ? "memory" : "free";
  const [first] = uses;
  return uses.every((u) => u.need === first?.need) ? (first as Use).need : "free";
}

/** Evaluations for all uses; uses through the same view are one. */
function total(uses: readonly Use[]): number {
  const seen = new Map<Node, number>();
  let indexed = 0;
  for (const { edge, evaluations, need } of uses) {
    if (need === "same" || need === "row") indexed = evaluations;
    else seen.set(edge.operand, Math.max(seen.get(edge.operand) ?? 0, evaluations));
  }
  return [...seen.values()].reduce((a, b) => a + b, indexed);
}

function mergeable(drafts: readonly Draft[]): boolean {
  return drafts.length <= mostMerged && drafts.every((a, i) => drafts.every((b, j) => j <= i || a.fits(b)));
}

/**
 * Cuts a region into groups.
 *
 * @param order all nodes, operands before users
 * @param required the nodes to store in any case
 * @param packed the packed operand of every contraction
 * @param apart of those, the ones that are computed before whatever uses them
 */
export function fuse(
  order: readonly Node[],
  required: ReadonlySet<Node>,
  packed: ReadonlyMap<Node, Node>,
  apart: ReadonlySet<Node>,
): Grouping {
  return regroup(new Fusion(order, required, packed, apart));
}
