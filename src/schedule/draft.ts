// A draft: a group in the making. Knows which index space it runs over and which nodes fit into it.
//
// A draft runs over `points` elements. Its indexed members have that many elements, or, once it has rows, `outer` many: one
// for each row. Everything else in it (free nodes) is computed wherever it is needed and cannot be stored.

import { is, type Node } from "../graph/node.ts";
import { isElementwise, isRoutine } from "../graph/operation.ts";
import { type Shape, withoutAxes } from "../graph/shape.ts";
import { costOf, reducedAxes, rowWidthOf } from "./facts.ts";

/**
 * `open`: elementwise so far. `rows`: reductions of whole rows, and work on elements and rows. `columns`: reductions of other
 * axes, all the same, and work on their results. `mixed`: small reductions of any kind with results of one size.
 * `contract`: a contraction and its epilogue. `alone`: a routine or a region operation.
 */
export type Form = "open" | "rows" | "columns" | "mixed" | "contract" | "alone";

/** How a node is needed in a draft: at a member's index, once for a row of it, at any other index, or in memory. */
export type Need = "same" | "row" | "free" | "memory";

/** More nodes than this make kernels that are slow to compile. */
export const mostNodes = 200;
/** Arithmetic for one element that an epilogue may hold: more of it runs faster in a task of its own, where loops are longer. */
const epilogueCost = 16;
/** Of small results, a task of its own would take longer to call than to run. */
const smallResult = 4096;
/** Reductions of up to so many elements may share a task with any others. */
const tinyReduction = 1024;
/** A single row is no use for parallel work if it is longer than this. */
const longestSingleRow = 16_384;

export class Draft {
  /** Drafts that depend on each other have different ranks: what reads has the lower one. */
  readonly rank: number;
  form: Form = "open";
  points: number;
  outer: number;
  hero: Node | null = null;
  /** Nothing in it but elementwise work on affine views: an epilogue. */
  plain: boolean = true;
  /** Takes no work that follows what it computes. */
  sealed = false;
  nodes = 0;
  /** Arithmetic for one element, of everything in it. */
  private cost = 0;
  readonly members: Set<Node> = new Set();
  /** Of a draft of rows, members that are sums over chunks of rows (sums.ts). */
  readonly sums: Set<Node> = new Set();
  /** Of the first reduction. */
  kept: Shape = [];
  reduced: Shape = [];
  private key = "";
  private mergedInto: Draft | null = null;

  constructor(rank: number, size: number) {
    this.rank = rank;
    this.points = size;
    this.outer = size;
  }

  /** The draft that this one has become part of, or itself. */
  current(): Draft {
    let draft: Draft = this;
    while (draft.mergedInto !== null) draft = draft.mergedInto;
    return draft;
  }

  isFull(): boolean {
    return this.nodes >= mostNodes;
  }

  /** Adds an indexed member. */
  add(node: Node, plain: boolean): void {
    this.members.add(node);
    this.addFree(node, plain);
  }

  /** Adds a node that is computed wherever it is needed. */
  addFree(node: Node, plain: boolean): void {
    this.nodes++;
    if (node !== this.hero) this.cost += costOf(node);
    if (!plain) this.plain = false;
  }

  /** Takes a member or free node out again. */
  remove(node: Node): void {
    this.members.delete(node);
    this.nodes--;
    this.cost -= costOf(node);
  }

  isSmall(): boolean {
    return this.points <= smallResult;
  }

  /** Whether an epilogue would still be short with this much more arithmetic. */
  private staysShort(cost: number): boolean {
    return this.isSmall() || this.cost + cost <= epilogueCost;
  }

  /** Starts the draft with a node of any kind. */
  begin(node: Node, plain: boolean): void {
    if (is(node, "contract")) {
      this.form = "contract";
      this.hero = node;
    } else if (isRoutine(node.op)) {
      this.form = "alone";
      this.hero = node;
    } else if (reducedAxes(node) !== null) this.takeReduction(node);
    this.add(node, plain || node === this.hero);
  }

  /** Makes room for a node that is needed in this way; false where it does not fit. Does not add it. `rowWidth`: facts.ts. */
  accept(node: Node, need: Need, plain: boolean, rowWidth: number, isFlatNeeded: (member: Node) => boolean): boolean {
    if (need === "free" || need === "memory" || this.form === "alone" || this.isFull()) return false;
    if (is(node, "contract")) return this.acceptHero(node, need);
    if (isRoutine(node.op)) return false;
    if (reducedAxes(node) !== null) return this.acceptReduction(node, need, isFlatNeeded);
    if (this.form === "contract" && !(plain && this.staysShort(costOf(node)))) return false;
    return need === "same" || this.acceptRow(node, rowWidth);
  }

  /** Whether a free node may stand in it. */
  acceptsFree(node: Node, plain: boolean): boolean {
    if (this.form === "alone" || this.isFull()) return false;
    if (this.form === "contract") return plain && this.staysShort(costOf(node));
    return isElementwise(node.op) || node.op === "gather" || node.op === "dynamicSlice" || node.op === "dynamicUpdate" || !isComputed(node);
  }

  private acceptHero(node: Node, need: Need): boolean {
    if (need !== "same" || this.form !== "open" || !this.plain || !this.staysShort(0) || node.size !== this.points) return false;
    this.form = "contract";
    this.hero = node;
    return true;
  }

  private acceptRow(node: Node, rowWidth: number): boolean {
    if (this.form === "rows") return node.size === this.outer;
    if (this.form !== "open" || rowWidth * node.size !== this.points || rowWidth < 2) return false;
    if (node.size === 1 && this.points > longestSingleRow) return false;
    this.form = "rows";
    this.outer = node.size;
    this.kept = node.shape;
    this.reduced = [rowWidth];
    return true;
  }

  private acceptReduction(node: Node, need: Need, isFlatNeeded: (member: Node) => boolean): boolean {
    const width = rowWidthOf(node);
    if (need === "row") {
      if (width < 2 || !this.acceptRow(node, width) || width !== this.points / this.outer) return false;
      this.takeShapes(node);
      return true;
    }
    if (this.form === "open") {
      if (node.size !== this.points) return false;
      this.takeReduction(node);
      return true;
    }
    if (node.size !== this.outer) return false;
    if (this.form === "rows" && width === this.points / this.outer) return true;
    if (this.form === "columns" && this.key === keyOf(node)) return true;
    return this.becomeMixed(node, isFlatNeeded);
  }

  private becomeMixed(node: Node, isFlatNeeded: (member: Node) => boolean): boolean {
    const tiny = (reduction: Node) => (reduction.inputs[0] as Node).size <= tinyReduction;
    if (this.form === "contract" || !tiny(node)) return false;
    for (const member of this.members) {
      if (reducedAxes(member) !== null && !tiny(member)) return false;
      if (member.size !== this.outer && isFlatNeeded(member)) return false;
    }
    this.form = "mixed";
    this.points = this.outer;
    return true;
  }

  private takeReduction(node: Node): void {
    const width = rowWidthOf(node);
    this.outer = this.points;
    this.takeShapes(node);
    if (width > 0) {
      this.form = "rows";
      this.points = this.outer * width;
    } else {
      this.form = "columns";
      this.key = keyOf(node);
    }
  }

  private takeShapes(node: Node): void {
    const x = node.inputs[0] as Node;
    const axes = reducedAxes(node) as readonly number[];
    this.kept = withoutAxes(x.shape, axes);
    this.reduced = axes.map((a) => x.shape[a] as number);
  }

  /** Whether two drafts run over the same elements and could be one. */
  fits(other: Draft): boolean {
    if (this.form === "alone" || other.form === "alone" || this.sealed !== other.sealed) return false;
    if (this.nodes + other.nodes > mostNodes) return false;
    if (this.form === "contract" || other.form === "contract") {
      if (this.form === other.form) return false;
      const [contract, open] = this.form === "contract" ? [this, other] : [other, this];
      return open.form === "open" && open.plain && open.points === contract.points && contract.staysShort(open.cost);
    }
    if (this.form === "open" || other.form === "open") {
      const [open, any] = this.form === "open" ? [this, other] : [other, this];
      return open.points === any.points || open.points === any.outer;
    }
    if (this.form === "rows" && other.form === "rows") return this.points === other.points && this.outer === other.outer;
    return this.form === "columns" && other.form === "columns" && this.key === other.key;
  }

  /** Takes over all of a draft that fits. */
  absorb(other: Draft): void {
    if (this.form === "open") {
      this.form = other.form;
      this.points = other.points;
      this.outer = other.outer;
      this.kept = other.kept;
      this.reduced = other.reduced;
      this.key = other.key;
    }
    this.hero ??= other.hero;
    this.plain &&= other.plain;
    this.nodes += other.nodes;
    this.cost += other.cost;
    for (const node of other.members) this.members.add(node);
    for (const node of other.sums) this.sums.add(node);
    other.members.clear();
    other.mergedInto = this;
  }
}

function isComputed(node: Node): boolean {
  return reducedAxes(node) !== null || is(node, "contract") || isRoutine(node.op);
}

/** What columns must have in common: the elements and the axes. */
function keyOf(reduction: Node): string {
  const x = reduction.inputs[0] as Node;
  return `${x.shape}|${reducedAxes(reduction)}`;
}
