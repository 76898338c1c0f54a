// Reverse mode, graph to graph: walks from the outputs to the leaves and lets each operation's rule turn the cotangent of
// its result into cotangents of its inputs. The result is ordinary graph, so gradients of gradients need nothing new.
// Iterative; no node is visited that does not lie between `wrt` and the outputs; zeros are null and never built.

import { computed, isFloat, isReal } from "../graph/dtype.ts";
import { is, type Node, topological } from "../graph/node.ts";
import type { Op } from "../graph/operation.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import { InternalError, mistake } from "../util/errors.ts";
import { type Activity, activeResults, findActive } from "./activity.ts";
import { add, like } from "./arithmetic.ts";
import { reverseTable } from "./reverse/table.ts";
import type { RegionContext, RegionRule, ReverseRule } from "./rule.ts";

const flows = (op: Op): boolean => reverseTable[op] !== null;

const context: RegionContext = {
  pullback: vectorJacobian,
  activeResults: (region, active) => activeResults(region, active, flows),
};

/**
 * The gradients of a scalar (or of ⟨seed, output⟩) with respect to some nodes of its graph.
 *
 * @param output a float scalar; with `seed`, a float of any shape.
 * @param wrt float nodes of any shape, leaves or not.
 * @param options.seed the cotangent of the output, of its shape and dtype; default 1.
 * @returns for each of `wrt` a node of its shape and dtype, or null where the output does not depend on it.
 * @throws UserError `SHAPE`, `DTYPE`, or `GRADIENT` where the path goes through a `while`.
 */
export function gradients(output: Node, wrt: readonly Node[], options: { readonly seed?: Node } = {}): (Node | null)[] {
  const where = "gradients";
  if (!isFloat(output.dtype)) throw mistake("DTYPE", { where, problem: "only a float has gradients", got: `an output of ${output.dtype}` });
  for (const node of wrt)
    if (!isReal(node.dtype)) throw mistake("DTYPE", { where, problem: "cannot differentiate with respect to integers", got: node.dtype });
  const { seed } = options;
  if (seed === undefined) {
    if (output.shape.length !== 0)
      throw mistake("SHAPE", {
        where,
        problem: "the output must be a scalar",
        got: showShape(output.shape),
        advice: "Reduce it first, for example by a sum or a mean, or give a seed of its shape.",
      });
  } else if (seed.dtype !== output.dtype || !sameShape(seed.shape, output.shape)) {
    throw mistake("SHAPE", {
      where,
      problem: "the seed does not fit the output",
      got: `${seed.dtype}${showShape(seed.shape)}`,
      expected: `${output.dtype}${showShape(output.shape)}`,
    });
  }
  return vectorJacobian([output], [seed ?? like(output, 1)], wrt);
}

/**
 * Pulls cotangents of several outputs back: Σ ⟨cotangent, ∂output/∂node⟩ for each node of `wrt`. Each cotangent has its
 * output's shape and dtype. Null where no output depends on the node.
 */
export function vectorJacobian(outputs: readonly Node[], cotangents: readonly Node[], wrt: readonly Node[]): (Node | null)[] {
  const order = topological(outputs);
  const active = findActive(order, new Set(wrt), flows);
  const sums = new Map<Node, Node>();
  const results = new Map<Node, (Node | null)[]>();
  const give = (node: Node, cotangent: Node): void => {
    if (!active.values.has(node)) return;
    if (cotangent.dtype !== computed(node.dtype) || !sameShape(cotangent.shape, node.shape))
      throw new InternalError(`the cotangent of ${node.op}#${node.id} is ${cotangent.dtype}${showShape(cotangent.shape)}`);
    const before = sums.get(node);
    sums.set(node, before === undefined ? cotangent : add(before, cotangent));
  };
  outputs.forEach((output, i) => {
    give(output, cotangents[i] as Node);
  });

  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i] as Node;
    const ofResults = results.get(node);
    if (ofResults !== undefined) pullRegion(node, ofResults, active, give);
    const cotangent = sums.get(node);
    if (cotangent === undefined) continue;
    if (is(node, "project")) {
      const from = node.inputs[0] as Node;
      if (active.regions.get(from)?.[node.attributes.index] !== true) continue;
      const list = results.get(from) ?? new Array<Node | null>((from as Node<"scan">).attributes.results.length).fill(null);
      // The same result may be projected by several nodes.
      const before = list[node.attributes.index] ?? null;
      list[node.attributes.index] = before === null ? cotangent : add(before, cotangent);
      results.set(from, list);
    } else if (node.inputs.some((x) => active.values.has(x))) {
      const rule = reverseTable[node.op] as ReverseRule<Op> | null;
      rule?.(node, cotangent).forEach((thunk, j) => {
        const x = node.inputs[j] as Node;
        if (thunk !== null && active.values.has(x)) give(x, thunk());
      });
    }
  }
  return wrt.map((node) => sums.get(node) ?? null);
}

function pullRegion(node: Node, cotangents: readonly (Node | null)[], active: Activity, give: (node: Node, cotangent: Node) => void): void {
  const rule = reverseTable[node.op as "scan"] as RegionRule<"scan">;
  const needed = node.inputs.map((x) => active.values.has(x));
  rule(node as Node<"scan">, cotangents, needed, context).forEach((cotangent, i) => {
    if (cotangent !== null) give(node.inputs[i] as Node, cotangent);
  });
}
