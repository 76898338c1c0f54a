// When a result may be written over the old value of its variable: the writer reads that value only at the element it is
// about to write, before it writes it, and nobody else needs it later (order.ts sees to that).

import { is, type Node } from "../graph/node.ts";
import { isElementwise } from "../graph/operation.ts";
import type { Task } from "../graph/task.ts";
import { homeOf } from "./memory.ts";

/** Whether the task may write `output` over `parameter`, as far as its own reads go. */
export function canOverwrite(task: Task, parameter: Node, output: Node): boolean {
  if (parameter.dtype !== output.dtype || parameter.size !== output.size) return false;
  const read = task.inputs.filter((x) => homeOf(x) === parameter);
  if (read.length === 0) return true;
  if (task.kind === "routine") return false;
  if (task.kind === "contract" && (task.packed === null || homeOf(task.packed) === parameter || read.length > 1)) return false;
  const inputs = new Set(task.inputs);
  const rows = task.kind === "loops" && task.inner.length > 0;
  for (const root of task.outputs) {
    // In rows, another output may read the old value in a loop of its own, after this one is written.
    const same = root.size === output.size && (!rows || root === output);
    if (!readsOnlySame(root, same, parameter, inputs)) return false;
  }
  return true;
}

/** Whether all ways from a root to the parameter keep the index. */
function readsOnlySame(root: Node, startsSame: boolean, parameter: Node, inputs: ReadonlySet<Node>): boolean {
  const same = new Set<Node>();
  const moved = new Set<Node>();
  (startsSame ? same : moved).add(root);
  const isInput = (node: Node) => inputs.has(node) && node !== root;
  for (const node of same) {
    if (isInput(node)) continue;
    const kept = keepsIndex(node);
    node.inputs.forEach((x, i) => {
      if (kept === "all" || kept === i) same.add(x);
      else moved.add(x);
    });
  }
  for (const node of moved) {
    if (homeOf(node) === parameter) return false;
    if (!isInput(node)) for (const x of node.inputs) moved.add(x);
  }
  return true;
}

/** Which inputs are read at the index of the result: all, one, or none (−1). */
function keepsIndex(node: Node): "all" | number {
  if (isElementwise(node.op) || node.op === "reshape") return "all";
  return node.op === "dynamicUpdate" ? 0 : -1;
}

/** The carry of a loop whose result may be kept in the parameter's memory: it starts from the parameter, which nothing else there reads. */
export function carryOver(node: Node, index: number, parameter: Node): boolean {
  const reads = node.inputs.flatMap((x, i) => (homeOf(x) === parameter ? [i] : []));
  if (is(node, "scan")) return index < node.attributes.carries && reads.length === 1 && reads[0] === node.attributes.constants + index;
  if (is(node, "while")) return reads.length === 1 && reads[0] === node.attributes.constants + index;
  return false;
}

/** Whether a region operation may write its result `index` into the parameter's memory. */
export function canOverwriteByRegion(node: Node, index: number, parameter: Node): boolean {
  return node.inputs.every((x) => homeOf(x) !== parameter) || carryOver(node, index, parameter);
}
