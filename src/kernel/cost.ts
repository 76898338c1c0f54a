// How much one run of a kernel computes and moves: estimates for profiles and for cutting work into slices.

import { bytesOf } from "../graph/dtype.ts";
import type { Node } from "../graph/node.ts";
import { workOf } from "../graph/work.ts";
import type { Variable } from "./index.ts";
import type { Value } from "./value.ts";

/** Instructions of one value, its operands not counted; roughly. */
export function weightOf(value: Value): number {
  if (value.kind === "operation") return value.op === "clamp" ? 2 : workOf(value.op);
  return value.kind === "constant" ? 0 : 1;
}

function product(variables: readonly Variable[]): number {
  return variables.reduce((n, v) => n * v.size, 1);
}

/** Arithmetic and memory traffic of a kernel that computes these values. */
export function costOf(values: readonly Value[], inputs: readonly Node[], outputs: readonly Node[]): { flops: number; bytes: number } {
  let flops = 0;
  const touched = new Map<number, number>();
  for (const value of values) {
    const times = product(value.variables);
    if (value.kind === "operation") flops += times * weightOf(value);
    else if (value.kind === "reduce") flops += times * product(value.over) * (value.reduce === "contract" ? 2 : 1);
    else if (value.kind === "access") touched.set(value.buffer, Math.max(touched.get(value.buffer) ?? 0, Math.min(times, value.size)));
  }
  let bytes = 0;
  for (const [buffer, elements] of touched) bytes += elements * bytesOf((inputs[buffer] as Node).dtype);
  for (const output of outputs) bytes += output.size * bytesOf(output.dtype);
  return { flops, bytes };
}
