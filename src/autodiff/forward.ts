// Forward mode, graph to graph: walks from the leaves to the outputs and lets each operation's rule turn the tangents of its
// inputs into the tangent of its result. The same activity analysis as in reverse mode; zeros are null and never built.

import { is, type Node, topological } from "../graph/node.ts";
import { familyOf, type Op } from "../graph/operation.ts";
import { creationOrder } from "../graph/rewrite.ts";
import { activeResults, findActive } from "./activity.ts";
import { forwardTable } from "./forward/table.ts";
import type { ForwardContext, ForwardRegionRule, ForwardRule } from "./rule.ts";

const flows = (op: Op): boolean => forwardTable[op] !== null;

const context: ForwardContext = {
  pushforward,
  activeResults: (region, active) => activeResults(region, active, flows),
};

/**
 * Pushes tangents of some float nodes forward: Σ ∂output/∂node · tangent for each output, of its shape and dtype. A node of
 * `wrt` has the tangent that is given, whatever it was made from. Null where an output depends on none of them.
 */
export function pushforward(outputs: readonly Node[], wrt: readonly Node[], tangents: readonly Node[]): (Node | null)[] {
  const given = new Map<Node, Node>(wrt.map((node, i) => [node, tangents[i] as Node]));
  const order = creationOrder(topological(outputs, (node) => given.has(node)));
  const active = findActive(order, new Set(wrt), flows);
  const memo = new Map<Node, Node>(given);
  const ofResults = new Map<Node, readonly (Node | null)[]>();
  for (const node of order) {
    if (memo.has(node)) continue;
    const results = active.regions.get(node);
    if (results === undefined && !active.values.has(node)) continue;
    if (is(node, "project")) {
      const tangent = ofResults.get(node.inputs[0] as Node)?.[node.attributes.index];
      if (tangent != null) memo.set(node, tangent);
      continue;
    }
    const inputs = node.inputs.map((x) => memo.get(x) ?? null);
    if (familyOf[node.op] === "region")
      ofResults.set(node, (forwardTable[node.op] as ForwardRegionRule<"scan">)(node as Node<"scan">, inputs, results ?? [], context));
    else memo.set(node, (forwardTable[node.op] as ForwardRule<Op>)(node, inputs));
  }
  return outputs.map((output) => memo.get(output) ?? null);
}
