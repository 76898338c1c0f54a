// How much one run of a kernel computes and moves: estimates for profiles and for cutting work into slices.

import { bytesOf } from "../graph/dtype.ts";
import type { Node } from "../graph/node.ts";
import type { Variable } from "./index.ts";
import type { OperationName, Value } from "./value.ts";

const expensive: Partial<Record<OperationName, number>> = {
  exp: 16,
  expm1: 24,
  log: 20,
  log1p: 24,
  sin: 24,
  cos: 24,
  tanh: 28,
  erf: 30,
  erfc: 60,
  atan2: 40,
  pow: 60,
  threefry: 70,
  div: 4,
  sqrt: 4,
  remainder: 16,
};

/** Instructions of one value, its operands not counted; roughly. */
export function weightOf(value: Value): number {
  if (value.kind === "operation") return expensive[value.op] ?? 1;
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
