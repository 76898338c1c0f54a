// Which nodes must have memory of their own, and how everything else is seen from there.

import { inputOf, is, type Node } from "../graph/node.ts";
import { familyOf, isRoutine, type Region } from "../graph/operation.ts";
import { walkView } from "../graph/view.ts";

/** A node's memory: reshapes are the same bytes as what they reshape. */
export function homeOf(node: Node): Node {
  let at = node;
  while (at.op === "reshape") at = inputOf(at, 0);
  return at;
}

export function isView(node: Node): boolean {
  return familyOf[node.op] === "view";
}

/** Leaves that every kernel makes for itself. */
export function isMade(node: Node): boolean {
  return node.op === "constant" || node.op === "iota";
}

/** What a node reads: its inputs, but a hero reads its right operand packed. */
export function operandsOf(node: Node, packed: ReadonlyMap<Node, Node>): readonly Node[] {
  const panels = packed.get(node);
  return panels === undefined ? node.inputs : [inputOf(node, 0), panels];
}

/** Everything that the results need, and the effects, operands before users. Iterative. */
export function nodesOf(region: Region, packed: ReadonlyMap<Node, Node>, effects: readonly Node[]): Node[] {
  const order: Node[] = [];
  const done = new Set<Node>();
  const stack: { node: Node; operands: readonly Node[]; next: number }[] = [];
  const push = (node: Node) => {
    if (done.has(node)) return;
    done.add(node);
    stack.push({ node, operands: operandsOf(node, packed), next: 0 });
  };
  for (const root of [...region.results, ...effects]) {
    push(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const operand = top.operands[top.next++];
      if (operand !== undefined) push(operand);
      else {
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
}

/**
 * The nodes that must be stored whatever the fusion: results, what routines and regions read, operands of contractions, and
 * bounds checks, which must see every element even where only some are used.
 */
export function requiredStores(region: Region, order: readonly Node[], packed: ReadonlyMap<Node, Node>): Set<Node> {
  const required = new Set<Node>();
  const dense = (node: Node) => {
    const home = homeOf(node);
    if (!hasMemory(home)) required.add(home);
  };
  for (const result of region.results) dense(result);
  for (const node of order) {
    if (is(node, "checkBounds")) required.add(node);
    if (is(node, "window")) {
      const padded = paddingUnder(node);
      if (padded !== null) required.add(padded);
    }
    if (isRoutine(node.op) || familyOf[node.op] === "region") node.inputs.forEach(dense);
    if (is(node, "contract")) {
      const panels = packed.get(node);
      if (panels !== undefined) dense(panels);
      for (const operand of inPlace(node, packed)) dense(toStore(operand, required));
    }
  }
  // A view stored for other reasons may have come between an operand and what it was to be read from.
  for (const node of order) {
    if (!is(node, "contract")) continue;
    inPlace(node, packed).forEach((operand, side) => {
      const view = walkView(operand, (x) => required.has(x) || !isView(x));
      if (view === null || (side === 1 && view.axes[2]?.at(-1)?.stride !== 1)) dense(operand);
    });
  }
  return required;
}

/** The padding that a window looks at. It is read many times: stored, the choice between elements and padding is made once. */
function paddingUnder(node: Node<"window">): Node | null {
  let base = inputOf(node, 0);
  while (isView(base) && base.op !== "pad") base = inputOf(base, 0);
  return base.op === "pad" && base.size < node.size ? base : null;
}

/** The operands of a hero that are read in place. */
function inPlace(hero: Node<"contract">, packed: ReadonlyMap<Node, Node>): Node[] {
  return packed.has(hero) ? [inputOf(hero, 0)] : [...hero.inputs];
}

/** Parameters and results of regions lie in memory without anybody's doing. */
export function hasMemory(node: Node): boolean {
  return node.op === "input" || node.op === "project";
}

/** What to store so that a hero's operand can be read in place: what it views, or itself where strides do not express it. */
function toStore(operand: Node, required: ReadonlySet<Node>): Node {
  let base = operand;
  let windowed = false;
  while (isView(base) && base.op !== "pad" && !required.has(base)) {
    windowed ||= base.op === "window";
    base = inputOf(base, 0);
  }
  const view = isMade(base) ? null : walkView(operand, (node) => node === base);
  if (view === null) return operand;
  // Turned weights: better copied than read in short runs that lie far apart, each time anew.
  if (!windowed && (view.axes[2]?.length ?? 0) > 1) {
    let copy = operand;
    while (copy.op === "reshape" || copy.op === "expand") copy = inputOf(copy, 0);
    if (copy !== base && walkView(operand, (node) => node === copy) !== null) return copy;
  }
  return base.size > 2 * operand.size && !hasMemory(base) && !required.has(base) ? operand : base;
}
