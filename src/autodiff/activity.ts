// Which values depend differentiably on some sources: floats reached through operations that have a derivative. What is not
// active gets no cotangent (nor, in forward mode, a tangent), which keeps generated graphs small.

import { isFloat, isReal } from "../graph/dtype.ts";
import { is, type Node, topological } from "../graph/node.ts";
import { familyOf, type Op, type Region, type RegionOp } from "../graph/operation.ts";

/** Whether an operation has a derivative that is not zero everywhere. */
export type Flows = (op: Op) => boolean;

export interface Activity {
  /** Active values; of a region operation, its active `project`s. */
  readonly values: ReadonlySet<Node>;
  /** For each region operation with an active result: which results are. */
  readonly regions: ReadonlyMap<Node, readonly boolean[]>;
}

export function findActive(order: readonly Node[], sources: ReadonlySet<Node>, flows: Flows): Activity {
  const values = new Set<Node>();
  const regions = new Map<Node, readonly boolean[]>();
  for (const node of order) {
    if (familyOf[node.op] === "region") {
      const inputs = node.inputs.map((x) => values.has(x));
      if (!inputs.includes(true)) continue;
      const results = regionResults(node as Node<RegionOp>, inputs, flows);
      if (results.includes(true)) regions.set(node, results);
    } else if (isReal(node.dtype)) {
      const reached = is(node, "project")
        ? regions.get(node.inputs[0] as Node)?.[node.attributes.index] === true
        : flows(node.op) && node.inputs.some((x) => values.has(x));
      if (reached || sources.has(node)) values.add(node);
    }
  }
  return { values, regions };
}

/** Which results of a region depend differentiably on the marked parameters. */
export function activeResults(region: Region, active: readonly boolean[], flows: Flows): boolean[] {
  const sources = new Set<Node>(region.parameters.filter((_, i) => active[i]));
  const { values } = findActive(topological(region.results), sources, flows);
  return region.results.map((result) => values.has(result));
}

function regionResults(node: Node<RegionOp>, inputs: readonly boolean[], flows: Flows): boolean[] {
  if (is(node, "call")) {
    const { body, backward, targets, results } = node.attributes;
    if (backward === null) return activeResults(body, inputs, flows);
    return results.map((r) => isFloat(r.dtype) && targets.some((i) => inputs[i]));
  }
  if (is(node, "cond")) {
    const operands = inputs.slice(1);
    const otherwise = activeResults(node.attributes.otherwise, operands, flows);
    return activeResults(node.attributes.then, operands, flows).map((a, i) => a || otherwise[i] === true);
  }
  const { body, constants } = node.attributes as { body: Region; constants: number };
  const carries = is(node, "scan") ? node.attributes.carries : inputs.length - constants;
  return activeLoop(body, constants, carries, inputs, (active) => activeResults(body, active, flows)).results;
}

/** The fixed point of activity around a loop: a carry is active where it starts active or becomes so in some iteration. */
export function activeLoop(
  body: Region,
  constants: number,
  carries: number,
  inputs: readonly boolean[],
  step: (active: readonly boolean[]) => boolean[],
): { parameters: boolean[]; results: boolean[] } {
  const parameters = body.parameters.map((p, i) => isFloat(p.dtype) && inputs[i] === true);
  for (;;) {
    const results = step(parameters);
    let changed = false;
    for (let k = 0; k < carries; k++) {
      if (!results[k]) {
        // A carry that starts active stays active where no iteration runs.
        results[k] = parameters[constants + k] as boolean;
      } else if (!parameters[constants + k]) {
        parameters[constants + k] = true;
        changed = true;
      }
    }
    if (!changed) return { parameters, results };
  }
}
