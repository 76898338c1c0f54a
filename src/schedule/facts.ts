// What fusion knows of each node before it decides: how much arithmetic one element is, and what the node could be computed
// from again.

import { is, type Node } from "../graph/node.ts";
import { familyOf, isElementwise } from "../graph/operation.ts";
import { workOf } from "../graph/work.ts";
import { hasMemory, isMade } from "./memory.ts";
import type { Sources } from "./source.ts";

/** On float64 the host computes what needs a formula. */
const hostCost = 100;

/** Nodes of at most so many operations, on one large operand in memory, are computed again rather than stored. */
const lightCost = 8;

interface Again {
  readonly cost: number;
  readonly large: Node | null;
  /** Operands in memory, of more than one element each. */
  readonly reads: ReadonlySet<Node>;
}

export interface Fact {
  /** Arithmetic for one element. */
  readonly cost: number;
  /**
   * The arithmetic for one element from memory, and the one operand as large as the node (or null) that it reads there; null
   * where it takes more to compute it again.
   */
  readonly again: Again | null;
  /** The arithmetic for one element if it is made from nothing but counters and scalars (random bits, mostly); else null. */
  readonly madeFor: number | null;
  /** The width of the rows that the node, or what it is computed from at the same index, reduces; 0 if none. */
  readonly rowWidth: number;
}

export function costOf(node: Node): number {
  const cost = workOf(node.op);
  return node.dtype === "float64" && cost >= 20 ? hostCost : cost;
}

/** The width of the rows that a reduction reduces if they are the last axes; 0 for any other node. */
export function rowWidthOf(node: Node): number {
  const reduced = reducedAxes(node);
  const x = node.inputs[0];
  if (reduced === null || x === undefined || node.size === 0) return 0;
  let last = x.shape.length - 1;
  for (const axis of [...reduced].reverse()) {
    while (last > axis && x.shape[last] === 1) last--;
    if (axis !== last && x.shape[axis] !== 1) return 0;
    if (axis === last) last--;
  }
  return x.size / node.size;
}

/** The axes that a reduction reduces, or null. */
export function reducedAxes(node: Node): readonly number[] | null {
  if (is(node, "argMax") || is(node, "argMin")) return [node.attributes.axis];
  return familyOf[node.op] === "reduce" ? (node as Node<"reduceSum">).attributes.axes : null;
}

/** The facts of every node that is neither a view nor a leaf. */
export function factsOf(order: readonly Node[], sources: Sources, required: ReadonlySet<Node>): Map<Node, Fact> {
  const facts = new Map<Node, Fact>();
  for (const node of order) {
    const family = familyOf[node.op];
    if (family === "reduce") facts.set(node, { cost: 1, again: null, madeFor: null, rowWidth: rowWidthOf(node) });
    else if (isElementwise(node.op)) facts.set(node, elementwiseFact(node, facts, sources, required));
    else if (family === "index") facts.set(node, { cost: costOf(node), again: null, madeFor: null, rowWidth: 0 });
  }
  return facts;
}

function elementwiseFact(node: Node, facts: ReadonlyMap<Node, Fact>, sources: Sources, required: ReadonlySet<Node>): Fact {
  const cost = costOf(node);
  let again: Again | null = cost <= lightCost && node.op !== "checkBounds" ? { cost, large: null, reads: new Set() } : null;
  let madeFor: number | null = node.op === "checkBounds" ? null : cost;
  let rowWidth = 0;
  // What a barrier waits for is not read.
  for (const operand of node.op === "barrier" ? node.inputs.slice(0, 1) : node.inputs) {
    const { base, way } = sources.of(operand);
    if (isMade(base)) continue;
    const fact = facts.get(base);
    const lies = hasMemory(base) || required.has(base);
    if (again !== null) {
      const small = base.size * 4 <= node.size;
      const read = { cost: 0, large: small ? null : base, reads: new Set(base.size > 1 ? [base] : []) };
      const from = lies ? read : (fact?.again ?? (small ? read : null));
      const large = from?.large ?? null;
      if (from === null || (large !== null && again.large !== null && large !== again.large)) again = null;
      else again = { cost: again.cost + from.cost, large: large ?? again.large, reads: new Set([...again.reads, ...from.reads]) };
      if (again !== null && again.cost > lightCost) again = null;
    }
    if (madeFor !== null && base.size > 1) {
      const made = lies ? null : (fact?.madeFor ?? null);
      madeFor = made === null ? null : Math.min(madeFor + made, 1e6);
    }
    if (way === "same" && rowWidth === 0) rowWidth = fact?.rowWidth ?? 0;
  }
  return { cost, again, madeFor, rowWidth };
}
