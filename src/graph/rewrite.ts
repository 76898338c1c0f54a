// Rewriting: walks a graph from the leaves to the roots and replaces nodes, also inside the bodies of loops and branches.
// Iterative along chains (only the nesting of regions recurses), each node once, and what does not change keeps its identity.

import { InternalError } from "../util/errors.ts";
import { rebuild } from "./build.ts";
import { is, Node, topological } from "./node.ts";
import { type Attributes, familyOf, type Op, type Region } from "./operation.ts";

/**
 * What becomes of a node whose inputs have become `inputs` (same types as before): another node of the same type, or null
 * to keep the operation. Rules look at `inputs`, not at `node.inputs`. A region operation comes with its regions rewritten.
 */
export type Rule = (node: Node, inputs: readonly Node[]) => Node | null;

export interface RewriteOptions {
  /**
   * Apply the rule again to what it returned, until it returns null. Only the returned node is seen again, not the other nodes
   * made on the way. Default false.
   */
  readonly repeat?: boolean;
}

const repetitions = 1000;

/**
 * Rewrites all that the roots need, bottom-up, each node once. Nodes that no rule touches and whose inputs stay are
 * returned as they are. Parameters of regions are never offered to the rule.
 */
export function rewrite(roots: readonly Node[], rule: Rule, options: RewriteOptions = {}): Node[] {
  const memo = new Map<Node, Node>();
  const regions = new Map<Region, Region>();

  const renew = (node: Node): Node => {
    const inputs = node.inputs.map((x) => memo.get(x) as Node);
    const current = mapRegions(node, renewRegion);
    let result = rule(current, inputs);
    if (result === null) return rebuild(current, inputs);
    if (options.repeat !== true) return result;
    for (let i = 0; i < repetitions; i++) {
      const next = rule(result, result.inputs);
      if (next === null) return result;
      result = next;
    }
    throw new InternalError(`a rewriting rule does not come to rest at ${node.op}#${node.id}`);
  };

  const walk = (from: readonly Node[]): Node[] => {
    for (const node of topological(from, (n) => memo.has(n))) if (!memo.has(node)) memo.set(node, renew(node));
    return from.map((root) => memo.get(root) as Node);
  };

  const renewRegion = (region: Region): Region => {
    const known = regions.get(region);
    if (known !== undefined) return known;
    for (const parameter of region.parameters) memo.set(parameter, parameter);
    const results = walk(region.results);
    const renewed = results.every((r, i) => r === region.results[i]) ? region : { parameters: region.parameters, results };
    regions.set(region, renewed);
    return renewed;
  };

  return walk(roots);
}

/** The roots with some nodes replaced by others of the same types. Regions have no free variables, so they are not entered. */
export function substitute(roots: readonly Node[], replacements: ReadonlyMap<Node, Node>): Node[] {
  if (replacements.size === 0) return [...roots];
  const memo = new Map<Node, Node>(replacements);
  for (const node of creationOrder(topological(roots, (n) => replacements.has(n)))) {
    if (!memo.has(node)) {
      memo.set(
        node,
        rebuild(
          node,
          node.inputs.map((x) => memo.get(x) as Node),
        ),
      );
    }
  }
  return roots.map((root) => memo.get(root) as Node);
}

/** A region's results with its parameters replaced by operands of the same types: the body, written out in place. */
export function inline(region: Region, operands: readonly Node[]): Node[] {
  if (operands.length !== region.parameters.length)
    throw new InternalError(`inline: ${operands.length} operands for ${region.parameters.length} parameters`);
  return substitute(region.results, new Map(region.parameters.map((parameter, i) => [parameter, operands[i] as Node])));
}

/** The graph with the bodies of calls written out in their places, in regions too. */
export function inlineCalls(roots: readonly Node[]): Node[] {
  const memo = new Map<Node, Node>();
  const bodies = new Map<Node, readonly Node[]>();
  const renewRegion = (region: Region): Region => {
    const results = inlineCalls(region.results);
    return results.every((r, i) => r === region.results[i]) ? region : { parameters: region.parameters, results };
  };
  for (const node of creationOrder(topological(roots))) {
    const inputs = node.inputs.map((x) => memo.get(x) as Node);
    const from = node.inputs[0];
    if (is(node, "call")) bodies.set(node, inlineCalls(inline(node.attributes.body, inputs)));
    const results = from === undefined || node.op !== "project" ? undefined : bodies.get(from);
    if (results !== undefined) memo.set(node, results[(node as Node<"project">).attributes.index] as Node);
    else memo.set(node, node.op === "call" ? node : rebuild(mapRegions(node, renewRegion), inputs));
  }
  return roots.map((root) => memo.get(root) as Node);
}

/** Sorts nodes as they were made, which is operands first too, so that what is made from them in turn keeps the order of the program. */
export function creationOrder(nodes: Node[]): Node[] {
  return nodes.sort((a, b) => a.id - b.id);
}

/** The regions that a node carries: branches, a loop's condition and body, what a call runs. */
export function regionsOf(node: Node): Region[] {
  switch (node.op) {
    case "cond": {
      const { then, otherwise } = node.attributes as Attributes["cond"];
      return [then, otherwise];
    }
    case "while": {
      const { condition, body } = node.attributes as Attributes["while"];
      return [condition, body];
    }
    case "scan":
      return [(node.attributes as Attributes["scan"]).body];
    case "call": {
      const { body, backward } = node.attributes as Attributes["call"];
      return backward === null ? [body] : [body, backward];
    }
    default:
      return [];
  }
}

/** The node with its regions replaced by others of the same types; the node itself where none changes. */
export function mapRegions(node: Node, change: (region: Region) => Region): Node {
  if (familyOf[node.op] !== "region") return node;
  const attributes: Record<string, unknown> = { ...node.attributes };
  let changed = false;
  const renew = (name: string) => {
    const before = attributes[name] as Region;
    const after = change(before);
    attributes[name] = after;
    changed ||= after !== before;
  };
  if (node.op === "cond") for (const name of ["then", "otherwise"]) renew(name);
  else if (node.op === "while") for (const name of ["condition", "body"]) renew(name);
  else if (node.op === "scan") renew("body");
  else if (node.op === "call") for (const name of ["body", ...(attributes.backward === null ? [] : ["backward"])]) renew(name);
  if (!changed) return node;
  return new Node<Op>(node.op, node.inputs, attributes as unknown as Attributes[Op], node.shape, node.dtype);
}

/**
 * Calls the visitor on the nodes that the roots need (inputs before users), then on the nodes of every region inside, at any
 * depth, each region once. `region` is null for the outermost graph.
 */
export function walkRegions(roots: readonly Node[], visit: (order: readonly Node[], region: Region | null) => void): void {
  const seen = new Set<Region>();
  const waiting: (Region | null)[] = [null];
  for (let region = waiting.shift(); region !== undefined; region = waiting.shift()) {
    const order = topological(region === null ? roots : region.results);
    visit(order, region);
    for (const node of order) {
      for (const inner of regionsOf(node)) {
        if (seen.has(inner)) continue;
        seen.add(inner);
        waiting.push(inner);
      }
    }
  }
}
