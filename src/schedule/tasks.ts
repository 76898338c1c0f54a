// Groups written down as tasks: what each reads from memory, and its name.

import type { Target } from "../graph/kernel.ts";
import { inputOf, is, type Node } from "../graph/node.ts";
import { familyOf, type RoutineOp } from "../graph/operation.ts";
import type { Task } from "../graph/task.ts";
import { tileFor, tileRequest } from "../graph/tile.ts";
import { InternalError } from "../util/errors.ts";
import type { Group } from "./group.ts";
import { hasMemory, isMade } from "./memory.ts";

export interface WrittenTask {
  readonly task: Task;
  /** The bounds checks inside. */
  readonly checks: readonly Node<"checkBounds">[];
}

const longestName = 60;

/** The task of a group: walks from its outputs to what lies in memory. */
export function writeTask(group: Group, stored: ReadonlySet<Node>, packed: ReadonlyMap<Node, Node>, target: Target): WrittenTask {
  const members = new Set(group.members);
  const inputs = new Set<Node>();
  const checks: Node<"checkBounds">[] = [];
  const inside = new Set<Node>(group.outputs);
  const reach = (node: Node) => {
    if (hasMemory(node) || (stored.has(node) && !members.has(node) && !isMade(node))) inputs.add(node);
    else inside.add(node);
  };
  // The set grows while it is walked.
  for (const node of inside) {
    if (is(node, "checkBounds")) checks.push(node);
    if (node.op === "contract" && node === group.hero) {
      reach(inputOf(node, 0));
      if (!packed.has(node)) reach(inputOf(node, 1));
    } else if (is(node, "contract")) throw new InternalError(`contract#${node.id} is outside any task of its own`);
    else if (group.hero === node) for (const x of node.inputs) inputs.add(x);
    else node.inputs.forEach(reach);
  }
  const panels = group.hero === null ? undefined : packed.get(group.hero);
  if (panels !== undefined) inputs.add(panels);
  const common = { name: nameOf(inside), inputs: [...inputs], outputs: group.outputs };
  const { hero } = group;
  if (hero === null) return { task: { kind: "loops", ...common, domain: group.domain, inner: group.inner, sums: group.sums }, checks };
  if (is(hero, "contract")) {
    const tile = tileFor(
      target,
      tileRequest(hero, panels !== undefined, (node) => inputs.has(node)),
    );
    return { task: { kind: "contract", ...common, hero, packed: panels ?? null, tile }, checks };
  }
  return { task: { kind: "routine", ...common, hero: hero as Node<RoutineOp> }, checks };
}

/** The operations, inputs first, views left out unless there is nothing else. */
function nameOf(inside: ReadonlySet<Node>): string {
  const nodes = [...inside].reverse();
  const computed = nodes.filter((n) => familyOf[n.op] !== "view" && !isMade(n));
  const names = (computed.length > 0 ? computed : nodes).map((n) => (n.op === "contract" ? "matmul" : n.op));
  const distinct = [...new Set(names)];
  const name = distinct.join("+");
  return name.length <= longestName ? name : `${name.slice(0, name.lastIndexOf("+", longestName))}+…`;
}
