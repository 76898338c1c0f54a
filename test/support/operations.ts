// The operation table: for every primitive, graphs and operands that exercise it. Plain data, so that each test that knows
// how to evaluate a graph (reference, WASM, C, gradients) runs over all of it.

import type { TypedArray } from "../../src/graph/dtype.ts";
import type { Op } from "../../src/graph/operation.ts";
import type { OperationCase } from "./operations/case.ts";
import { elementwiseRows } from "./operations/elementwise.ts";
import { movementRows } from "./operations/movement.ts";
import { reductionRows } from "./operations/reduction.ts";
import { regionRows } from "./operations/region.ts";
import { elementsOf } from "./values.ts";

export { type BuiltCase, buildCase, type OperationCase } from "./operations/case.ts";

export const operations: Record<Op, readonly OperationCase[]> = { ...elementwiseRows, ...reductionRows, ...movementRows, ...regionRows };

/** All cases, each with the name of its operation. */
export function allCases(): { readonly op: Op; readonly row: OperationCase; readonly title: string }[] {
  return Object.entries(operations).flatMap(([op, rows]) => rows.map((row) => ({ op: op as Op, row, title: `${op}: ${row.name}` })));
}

/** The operands' elements, in their dtypes' arrays. */
export function operandsOf(row: OperationCase): TypedArray[] {
  return row.inputs.map((operand) => elementsOf(operand));
}
