// No fusion: every computed node is a task and is stored. Slow, and the measure of fuse.ts in tests.

import { is, type Node } from "../graph/node.ts";
import { familyOf, isRoutine } from "../graph/operation.ts";
import type { Group, Grouping } from "./group.ts";
import { isMade, isView } from "./memory.ts";

export function separate(order: readonly Node[], required: ReadonlySet<Node>): Grouping {
  const stored = new Set(required);
  const groups: Group[] = [];
  for (const node of order) {
    const family = familyOf[node.op];
    if (family === "region" || family === "project" || node.op === "input") continue;
    if ((isView(node) || isMade(node)) && !required.has(node)) continue;
    stored.add(node);
    groups.push({ members: [node], outputs: [node], hero: isHeroic(node) ? node : null, domain: node.shape, inner: [], sums: [] });
  }
  return { groups, stored };
}

/** Whether the node needs a task of its own kind. */
export function isHeroic(node: Node): boolean {
  return is(node, "contract") || isRoutine(node.op);
}
