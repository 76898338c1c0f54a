// Batching, graph to graph: the graph of one example becomes that of many at once. Examples stand along a new axis 0; what does
// not depend on what differs between them is computed once, for all. Each operation's rule says how it takes the new axis along.

import { barrier, rebuild, reshape, slice } from "../graph/build.ts";
import { is, type Node, topological } from "../graph/node.ts";
import { familyOf, type Op } from "../graph/operation.ts";
import { creationOrder } from "../graph/rewrite.ts";
import { batchTable } from "./batch/table.ts";
import type { BatchRegionRule, BatchRule, Mapped } from "./rule.ts";

/**
 * What some nodes become for `size` examples at once.
 *
 * @param given what leaves (or other nodes) become: batched, with the examples along axis 0, or the same for all.
 */
export function batchGraph(roots: readonly Node[], given: ReadonlyMap<Node, Mapped>, size: number): Mapped[] {
  const memo = new Map<Node, Mapped>(given);
  const ofResults = new Map<Node, readonly Mapped[]>();
  for (const node of creationOrder(topological(roots, (n) => given.has(n)))) {
    if (memo.has(node)) continue;
    const results = is(node, "project") ? ofResults.get(node.inputs[0] as Node) : undefined;
    if (results !== undefined) {
      memo.set(node, results[(node as Node<"project">).attributes.index] as Mapped);
      continue;
    }
    const inputs = node.inputs.map((x) => memo.get(x) as Mapped);
    if (is(node, "barrier") && !inputs[0]?.batched && inputs[1]?.batched) {
      // What it waits for does not make its value another one for each example.
      const token = inputs[1].node;
      const first =
        size === 0
          ? inputs[0]?.node
          : slice(
              token,
              token.shape.map(() => 0),
              [1, ...node.shape],
            );
      memo.set(node, { node: barrier(inputs[0]?.node as Node, reshape(first as Node, node.shape)), batched: false });
      continue;
    }
    if (familyOf[node.op] === "region" && inputs.some((x) => x.batched)) {
      const rule = batchTable[node.op] as BatchRegionRule<"scan">;
      ofResults.set(node, rule(node as Node<"scan">, inputs, size, batchGraph));
      memo.set(node, { node, batched: false });
    } else if (inputs.some((x) => x.batched)) {
      memo.set(node, { node: (batchTable[node.op] as BatchRule<Op>)(node, inputs, size), batched: true });
    } else {
      memo.set(node, {
        node: rebuild(
          node,
          inputs.map((x) => x.node),
        ),
        batched: false,
      });
    }
  }
  return roots.map((root) => memo.get(root) as Mapped);
}
