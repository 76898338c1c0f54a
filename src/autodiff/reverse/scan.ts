// The cotangent of a scan: a scan in the other direction, over the values that its steps need.
//
// The body is pulled back as it stands. What the result needs of the forward step, and cannot have from constants and
// sequences, is saved: the carries at the start of the step, and the outcome of costly operations (contractions, reductions,
// inner loops), while cheap work in between is done again. Saving means that the forward scan is built once more with these as
// further stacked outputs, on the same body nodes; graph/merge.ts makes one scan of the two. Cotangents of
// constants are summed in carries.

import { constant, input, project, scan } from "../../graph/build.ts";
import { inputOf, type Node, topological } from "../../graph/node.ts";
import { familyOf, isRoutine, type Region } from "../../graph/operation.ts";
import { substitute } from "../../graph/rewrite.ts";
import { activeLoop } from "../activity.ts";
import { add, zerosLike } from "../arithmetic.ts";
import type { RegionContext, RegionRule } from "../rule.ts";

/** A parameter of the backward body, and the operand that it stands for. */
interface Slot {
  readonly parameter: Node<"input">;
  readonly operand: Node;
}

const freshInput = ({ shape, dtype }: Node): Node<"input"> => input(shape, dtype);

export const scanRule: RegionRule<"scan"> = (node, cotangents, needed, context) => {
  const { body, constants, carries, length, reverse } = node.attributes;
  const parameter = (i: number) => body.parameters[i] as Node<"input">;
  const result = (i: number) => body.results[i] as Node;

  const carried = liveCarries(node, cotangents, needed, context).map((k) => {
    const operand = cotangents[k] ?? zerosLike(inputOf(node, constants + k));
    return { k, parameter: freshInput(operand), operand };
  });
  const stacked = cotangents
    .slice(carries)
    .flatMap((g, j) => (g === null ? [] : [{ j: carries + j, parameter: freshInput(result(carries + j)), operand: g }]));
  const asked = needed.flatMap((n, i) => (n && (i < constants || i >= constants + carries) ? [i] : []));
  const grads = context.pullback(
    [...carried.map((c) => result(c.k)), ...stacked.map((s) => result(s.j))],
    [...carried, ...stacked].map((c) => c.parameter),
    [...carried.map((c) => constants + c.k), ...asked].map(parameter),
  );

  const carriedResults = carried.map((c, n) => grads[n] ?? zerosLike(c.parameter));
  const found = asked.flatMap((i, n) => {
    const grad = grads[carried.length + n];
    return grad == null ? [] : [{ i, grad }];
  });
  const sums = found
    .filter(({ i }) => i < constants)
    .map(({ i, grad }) => {
      const sum = freshInput(grad);
      return { i, parameter: sum, operand: constant(0, sum.dtype, sum.shape), result: add(sum, grad) };
    });
  const slices = found.filter(({ i }) => i >= constants);

  const backward = [...carriedResults, ...sums.map((s) => s.result), ...slices.map((s) => s.grad)];
  const given = [...carried, ...sums, ...stacked].map((slot) => slot.parameter);
  const { fixed, saved } = fromForward(node, backward, given);

  // The backward body gets parameters of its own for all that it takes from the forward step.
  const replaced = new Map<Node, Node>();
  const bind = (taken: { node: Node; operand: Node }): Slot => {
    const fresh = freshInput(taken.node);
    replaced.set(taken.node, fresh);
    return { parameter: fresh, operand: taken.operand };
  };
  const used = new Set(topological(backward));
  const first = fixed.map(bind);
  const state: Slot[] = [...carried, ...sums];
  const sequences: Slot[] = [...saved.map(bind), ...stacked.filter((s) => used.has(s.parameter))];
  const region: Region = {
    parameters: [...first, ...state, ...sequences].map((slot) => slot.parameter),
    results: substitute(backward, replaced),
  };
  const operands = (slots: readonly Slot[]) => slots.map((slot) => slot.operand);
  const out = scan(region, operands(first), operands(state), operands(sequences), length, !reverse);

  const byInput = new Map<number, Node>();
  [...carried.map((c) => constants + c.k), ...sums.map((s) => s.i), ...slices.map((s) => s.i)].forEach((i, n) => {
    byInput.set(i, out[n] as Node);
  });
  return node.inputs.map((_, i) => (needed[i] ? (byInput.get(i) ?? null) : null));
};

/** The carries that depend on an asked input and on which a result with a cotangent depends. */
function liveCarries(
  node: Node<"scan">,
  cotangents: readonly (Node | null)[],
  needed: readonly boolean[],
  { activeResults }: RegionContext,
): number[] {
  const { body, constants, carries } = node.attributes;
  const { parameters } = activeLoop(body, constants, carries, needed, (active) => activeResults(body, active));
  const useful = cotangents.map((g) => g !== null);
  for (let changed = true; changed; ) {
    changed = false;
    for (let k = 0; k < carries; k++) {
      if (useful[k] || !parameters[constants + k]) continue;
      const reached = activeResults(
        body,
        body.parameters.map((_, i) => i === constants + k),
      );
      useful[k] = reached.some((r, i) => r && useful[i]);
      changed ||= useful[k] === true;
    }
  }
  return Array.from({ length: carries }, (_, k) => k).filter((k) => useful[k] && parameters[constants + k]);
}

/** A node of the forward body that the backward body needs, and where its value comes from outside. */
interface Taken {
  readonly node: Node;
  readonly operand: Node;
}

/** What the backward results need of the forward step: constants, and values for each step (stacked along axis 0). */
function fromForward(node: Node<"scan">, backward: readonly Node[], given: readonly Node[]): { fixed: Taken[]; saved: Taken[] } {
  const { body, constants, carries } = node.attributes;
  const order = topological(backward);
  const dependOn = (sources: readonly Node[]) => {
    const set = new Set(sources);
    for (const n of order) if (n.inputs.some((x) => set.has(x))) set.add(n);
    return set;
  };
  const pulled = dependOn(given);
  const varying = dependOn(body.parameters.slice(constants));
  const positions = new Map<Node, number>(body.parameters.map((p, i) => [p, i]));
  const outputs = new Map<Node, number>(body.results.flatMap((r, j) => (j < carries ? [] : [[r, j] as const])));

  const fixed: Taken[] = [];
  const saved: Taken[] = [];
  const missing: Node[] = [];
  const wanted = new Set<Node>(backward);
  // Users stand behind their inputs in the order, so that walking it backwards meets every wish before the node.
  for (let i = order.length - 1; i >= 0; i--) {
    const n = order[i] as Node;
    if (!wanted.has(n)) continue;
    const position = positions.get(n);
    const output = outputs.get(n);
    if (pulled.has(n) || (position === undefined && !varying.has(n))) for (const x of n.inputs) wanted.add(x);
    else if (position !== undefined && position < constants) fixed.push({ node: n, operand: inputOf(node, position) });
    else if (position !== undefined && position >= constants + carries) saved.push({ node: n, operand: inputOf(node, position) });
    else if (output !== undefined) saved.push({ node: n, operand: project(node, output) });
    else if (position !== undefined || isCostly(n)) missing.push(n);
    else for (const x of n.inputs) wanted.add(x);
  }
  const stacks = stackedValues(node, missing);
  return { fixed, saved: [...saved, ...missing.map((n, i) => ({ node: n, operand: stacks[i] as Node }))] };
}

function isCostly(node: Node): boolean {
  const family = familyOf[node.op];
  return family === "contract" || family === "reduce" || family === "project" || isRoutine(node.op);
}

/** The values of some nodes of the forward body at each step. */
function stackedValues(node: Node<"scan">, nodes: readonly Node[]): Node[] {
  if (nodes.length === 0) return [];
  const { body, constants, carries, length, reverse } = node.attributes;
  const all = scan(
    { parameters: body.parameters, results: [...body.results, ...nodes] },
    node.inputs.slice(0, constants),
    node.inputs.slice(constants, constants + carries),
    node.inputs.slice(constants + carries),
    length,
    reverse,
  );
  return all.slice(body.results.length);
}
