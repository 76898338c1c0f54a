// The schedule of a graph: simplified, cut into groups that each become one task, put in order, given buffers.

import type { Target } from "../graph/kernel.ts";
import { mergeScans } from "../graph/merge.ts";
import { type Node, topological } from "../graph/node.ts";
import type { Region } from "../graph/operation.ts";
import { inlineCalls } from "../graph/rewrite.ts";
import type { Schedule } from "../graph/task.ts";
import { InternalError } from "../util/errors.ts";
import { smallWork } from "./contraction.ts";
import { Emitter } from "./emit.ts";
import { fuse as fusion } from "./fuse.ts";
import { requiredStores } from "./memory.ts";
import { separate } from "./separate.ts";
import { simplify } from "./simplify.ts";

export interface ScheduleOptions {
  /** False: every node is a task of its own and nothing is simplified. For tests. Default true. */
  readonly fuse?: boolean;
  /** Contractions of up to so many multiplications become products and a sum. */
  readonly smallWork?: number;
}

/**
 * Cuts a region into tasks, in order, with buffers.
 *
 * @param donations `[parameter, result]`: result is the next value of the variable whose value is parameter, and may be written over it
 */
export function schedule(
  region: Region,
  target: Target,
  donations: readonly (readonly [number, number])[] = [],
  options: ScheduleOptions = {},
): Schedule {
  for (const node of topological(region.results))
    if (node.op === "buffer") throw new InternalError(`buffer#${node.id} was not made a parameter before scheduling`);
  if (new Set(donations.map(([parameter]) => parameter)).size !== donations.length) throw new InternalError("a parameter is donated twice");
  const fuse = options.fuse !== false;
  const plain = { parameters: region.parameters, results: mergeScans(inlineCalls(region.results)) };
  const simplified = simplify(plain, target, { patterns: fuse, smallWork: options.smallWork ?? smallWork });
  const emitter = new Emitter(simplified, target, (inner, order) => {
    const required = requiredStores(inner, order, simplified.packed);
    // What is written in place waits for all checks, so a check must not stand in the task that writes.
    const checks = inner === simplified.region && donations.length > 0 ? order.filter((node) => node.op === "checkBounds") : [];
    return fuse ? fusion(order, required, simplified.packed, new Set(checks)) : separate(order, required);
  });
  const inputs = region.parameters.length;
  const outputs = region.results.length;
  const rows = Array.from({ length: inputs + outputs }, (_, index) => emitter.buffer({ kind: "table", index }));
  const { steps, inPlace } = emitter.region(simplified.region, {
    parameters: rows.slice(0, inputs),
    result: (i) => rows[inputs + i] as (typeof rows)[number],
    donations,
    guarded: true,
  });
  const inRows = (wanted: boolean) =>
    donations.filter(([, result]) => inPlace.has(result) === wanted).map(([parameter, result]) => [parameter, inputs + result] as const);
  return {
    tasks: emitter.tasks,
    buffers: emitter.buffers,
    steps,
    inputs,
    outputs,
    inPlace: inRows(true),
    exchanges: inRows(false),
    checks: emitter.checks,
    checkOf: (node: Node<"checkBounds">) => emitter.checkOf(node),
  };
}

export { place } from "./place.ts";
