// What is stored but could as well be computed again by those who read it: a few operations on one stored operand of the same
// size, and perhaps on small ones (the statistics of a row). It is then stored no longer: less is written, less kept.

import { bytesOf } from "../graph/dtype.ts";
import type { Node } from "../graph/node.ts";
import { isElementwise } from "../graph/operation.ts";
import type { Draft } from "./draft.ts";
import { costOf } from "./facts.ts";
import { type Appearance, type Fusion, isScattered } from "./fuse.ts";
import { hasMemory, isMade } from "./memory.ts";

/** Arithmetic for one element that is worth less than storing it. */
const cheapest = 6;

/** How to compute a node from what is stored. */
interface Recipe {
  readonly cost: number;
  /** The stored operand that is as large as the node. */
  readonly large: Node | null;
  /** Operands in memory, of more than one element each. */
  readonly reads: ReadonlySet<Node>;
  /** What has to be computed on the way, users before operands. */
  readonly way: readonly Node[];
}

export function recompute(fusion: Fusion): void {
  const recipes = new Map<Node, Recipe>();
  /** Nodes that are stored for the sake of those that are computed from them. */
  const kept = new Set<Node>();
  for (const node of fusion.order) {
    const home = fusion.homeOf(node);
    const isStored = home !== null && !hasMemory(node) && fusion.isNeededOutside(node, home);
    const free = isElementwise(node.op) && node.op !== "checkBounds" && !fusion.required.has(node);
    const recipe = free ? recipeOf(fusion, node, recipes, kept) : null;
    if (recipe === null) {
      if (home !== null && !isStored && serves(fusion, node, home, recipes)) kept.add(node);
    } else if (!isStored) recipes.set(node, recipe);
    else if (node.size > 1) {
      const readers = readersOf(fusion, node, home, recipe);
      if (readers === null) continue;
      recipes.set(node, recipe);
      for (const appearance of readers) spread(fusion, recipe, node, appearance);
    }
  }
}

/** Whether several stored nodes could be computed from this one, so that it had better be stored instead of them. */
function serves(fusion: Fusion, node: Node, home: Draft, recipes: ReadonlyMap<Node, Recipe>): boolean {
  if (node.size === 1 || hasMemory(node) || home.form === "alone") return false;
  const served = new Set<Node>();
  for (const { user, source } of fusion.edges.get(node) ?? []) {
    if (source.way !== "same" || !isElementwise(user.op) || user.op === "checkBounds" || fusion.required.has(user)) continue;
    if (fusion.homeOf(user) !== home || !fusion.isNeededOutside(user, home)) continue;
    const recipe = recipeOf(fusion, user, recipes, new Set([node]));
    if (recipe !== null && recipe.large === node && readersOf(fusion, user, home, recipe) !== null) served.add(user);
  }
  return served.size > 1;
}

function recipeOf(fusion: Fusion, node: Node, recipes: ReadonlyMap<Node, Recipe>, kept: ReadonlySet<Node>): Recipe | null {
  let cost = costOf(node);
  let large: Node | null = null;
  const reads = new Set<Node>();
  const way: Node[] = [node];
  for (const operand of node.inputs) {
    const { base } = fusion.sources.of(operand);
    if (isMade(base) && !fusion.required.has(base)) continue;
    const home = fusion.homeOf(base);
    const lies = hasMemory(base) || kept.has(base) || (home !== null && fusion.isNeededOutside(base, home));
    const recipe = lies ? undefined : recipes.get(base);
    const small = base.size * 4 <= node.size;
    if (recipe !== undefined && !small) {
      cost += recipe.cost;
      for (const read of recipe.reads) reads.add(read);
      way.push(...recipe.way);
    } else if (!lies && !(small && home !== null)) return null;
    else if (base.size > 1) reads.add(base);
    const next: Node | null = recipe !== undefined && !small ? recipe.large : small ? null : base;
    if (next === null) continue;
    if (large !== null && next !== large) return null;
    large = next;
  }
  return cost <= cheapest ? { cost, large, reads, way } : null;
}

/** The node in each draft that reads it, computed there; null where one cannot do that. */
function readersOf(fusion: Fusion, node: Node, home: Draft, { cost, large, reads, way }: Recipe): Appearance[] | null {
  const uses = fusion.usesOf(node);
  const others = uses.filter((u) => u.draft !== home).map((u) => u.use);
  if (isScattered(node, reads, others)) return null;
  const result: Appearance[] = [];
  for (const draft of new Set(uses.map((u) => u.draft))) {
    if (draft === home) continue;
    const here = uses.flatMap((u) => (u.draft === draft ? [u.use] : []));
    const appearance = fusion.appearanceFor(node, here, draft, cost);
    if (appearance === null || !way.every((n) => draft.acceptsFree(n, fusion.isPlain(n)))) return null;
    const reads = large === null || fusion.readersOf(large).includes(draft);
    if (!reads && bytesOf(large.dtype) > 2 * bytesOf(node.dtype)) return null;
    result.push(appearance);
  }
  return result;
}

/** Lets a reader compute a node, and what that needs. */
function spread(fusion: Fusion, recipe: Recipe, node: Node, appearance: Appearance): void {
  const { draft } = appearance;
  for (const each of recipe.way) {
    const known = fusion.appearances.get(each) ?? [];
    fusion.recomputed.add(each);
    if (known.some((a) => a.draft.current() === draft)) continue;
    draft.addFree(each, fusion.isPlain(each));
    fusion.appearances.set(each, [...known, each === node ? appearance : { ...appearance, indexed: false }]);
  }
}
