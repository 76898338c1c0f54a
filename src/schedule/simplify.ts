// Simplification before scheduling: bottom-up, every node once, equal nodes made one, patterns.ts applied until nothing
// changes. Contractions come out as heroes with packed operands, or written out (contraction.ts). Iterative along chains;
// only the nesting of regions recurses.

import { rebuild } from "../graph/build.ts";
import type { Target } from "../graph/kernel.ts";
import { is, type Node, topological } from "../graph/node.ts";
import type { Attributes, Op, Region } from "../graph/operation.ts";
import { mapRegions, regionsOf } from "../graph/rewrite.ts";
import { isHero, isSmall, normalizeContraction, packRight } from "./contraction.ts";
import { improve } from "./patterns.ts";

/** A graph ready for scheduling. */
export interface Simplified {
  readonly region: Region;
  /** The packed right operand of every hero, here and in the regions inside. */
  readonly packed: ReadonlyMap<Node, Node>;
  /** The place of each node in the program as it was written. */
  readonly rank: ReadonlyMap<Node, number>;
  /** What runs in each region though nobody may need its values: bounds checks, and region operations with checks inside. */
  readonly effects: ReadonlyMap<Region, readonly Node[]>;
}

export interface SimplifyOptions {
  /** False: only what scheduling needs (contractions in their forms); the nodes stay as they are otherwise. */
  readonly patterns: boolean;
  /** Contractions of up to so many multiplications are written out as products and a sum. */
  readonly smallWork: number;
}

export function simplify(region: Region, target: Target, options: SimplifyOptions): Simplified {
  const packed = new Map<Node, Node>();
  const rank = new Map<Node, number>();
  const effects = new Map<Region, readonly Node[]>();
  return { region: simplifyRegion(region, { target, options, packed, rank, effects, regions: new Map() }), packed, rank, effects };
}

interface Shared {
  readonly target: Target;
  readonly options: SimplifyOptions;
  readonly packed: Map<Node, Node>;
  readonly rank: Map<Node, number>;
  readonly effects: Map<Region, readonly Node[]>;
  readonly regions: Map<Region, Region>;
}

function simplifyRegion(region: Region, shared: Shared): Region {
  const known = shared.regions.get(region);
  if (known !== undefined) return known;
  const rewriter = new Rewriter(shared);
  // In the order of creation, so that ranks tell the order of the program and not that of the results.
  for (const node of topological(region.results).sort((a, b) => a.id - b.id)) rewriter.final(node);
  const results = region.results.map((r) => rewriter.final(r));
  const renewed = { parameters: region.parameters, results };
  shared.regions.set(region, renewed);
  shared.effects.set(renewed, rewriter.effects);
  return renewed;
}

class Rewriter {
  private readonly shared: Shared;
  /** What a node has become; final nodes map to themselves. */
  private readonly done = new Map<Node, Node>();
  /** What a pattern made of a node, not yet final itself. */
  private readonly replaced = new Map<Node, Node>();
  /** Final nodes by structure. */
  private readonly known = new Map<string, Node>();
  /** Final nodes that run whether or not a result needs them. */
  readonly effects: Node[] = [];

  constructor(shared: Shared) {
    this.shared = shared;
  }

  /** The simplest form of a node. */
  final(root: Node): Node {
    const stack: Node[] = [root];
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      if (this.done.has(node)) {
        stack.pop();
        continue;
      }
      const target = this.replaced.get(node);
      const waiting = target === undefined ? node.inputs.filter((x) => !this.done.has(x)) : this.done.has(target) ? [] : [target];
      if (waiting.length > 0) {
        for (let i = waiting.length - 1; i >= 0; i--) stack.push(waiting[i] as Node);
        continue;
      }
      stack.pop();
      if (target !== undefined) this.done.set(node, this.done.get(target) as Node);
      else this.settle(node, stack);
    }
    return this.done.get(root) as Node;
  }

  /** All inputs are final: finds the equal node, or applies a pattern, or declares the node final. */
  private settle(node: Node, stack: Node[]): void {
    const inputs = node.inputs.map((x) => this.done.get(x) as Node);
    const current = rebuild(
      mapRegions(node, (region) => simplifyRegion(region, this.shared)),
      inputs,
    );
    const key = keyOf(current);
    const equal = key === null ? undefined : this.known.get(key);
    if (equal !== undefined) {
      this.done.set(node, equal);
      return;
    }
    const next = this.apply(current);
    if (next === null) {
      if (key !== null) this.known.set(key, current);
      this.done.set(node, current);
      this.done.set(current, current);
      this.shared.rank.set(current, this.shared.rank.size);
      if (this.hasEffect(current)) this.effects.push(current);
      const panels = is(current, "contract") ? packRight(current, this.shared.target) : null;
      if (panels !== null) this.shared.packed.set(current, this.final(panels));
      return;
    }
    this.replaced.set(node, next);
    stack.push(node);
    if (current !== node) this.replaced.set(current, next);
  }

  private hasEffect(node: Node): boolean {
    return is(node, "checkBounds") || regionsOf(node).some((inner) => (this.shared.effects.get(inner) as readonly Node[]).length > 0);
  }

  private apply(node: Node): Node | null {
    const { patterns, smallWork } = this.shared.options;
    if (is(node, "contract")) return isHero(node) && !isSmall(node, smallWork) ? null : normalizeContraction(node, smallWork);
    return patterns ? improve(node) : null;
  }
}

const commutative: ReadonlySet<Op> = new Set<Op>(["add", "mul", "maximum", "minimum", "eq", "ne", "and", "or", "xor"]);

/** A text that is equal for nodes that compute the same thing, or null for what is never the same. */
function keyOf(node: Node): string | null {
  const attributes = attributesKey(node);
  if (attributes === null) return null;
  let operands = "";
  const [a, b] = node.inputs;
  if (a !== undefined && b !== undefined && commutative.has(node.op)) operands = a.id < b.id ? `${a.id},${b.id}` : `${b.id},${a.id}`;
  else for (const x of node.inputs) operands += `${x.id},`;
  return `${node.op}(${operands})${attributes}:${node.dtype}[${node.shape}]`;
}

function attributesKey(node: Node): string | null {
  switch (node.op) {
    case "input":
    case "cond":
    case "while":
    case "scan":
      return null;
    case "buffer":
      return null;
    case "constant": {
      const { value } = node.attributes as Attributes["constant"];
      return Object.is(value, -0) ? "-0" : String(value);
    }
    default: {
      let text = "";
      for (const value of Object.values(node.attributes as object)) text += `|${Object.is(value, -0) ? "-0" : value}`;
      return text;
    }
  }
}
