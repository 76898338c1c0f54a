// What a row of the operation table is, and how rows are written.

import { input } from "../../../src/graph/build.ts";
import type { DType } from "../../../src/graph/dtype.ts";
import type { Node } from "../../../src/graph/node.ts";
import type { Family, OpsOf, Region } from "../../../src/graph/operation.ts";
import type { Shape } from "../../../src/graph/shape.ts";
import type { Operand } from "../values.ts";

export interface OperationCase {
  readonly name: string;
  readonly inputs: readonly Operand[];
  /** The roots, on `input` nodes of the inputs' types. */
  readonly build: (parameters: readonly Node[]) => readonly Node[];
  /** Whether gradients with respect to the float inputs agree with finite differences at this point. */
  readonly differentiable: boolean;
  /** Whether second derivatives do, too. */
  readonly smooth: boolean;
}

/** A case with its graph built. */
export interface BuiltCase {
  readonly region: Region;
  readonly inputs: readonly Operand[];
}

export function buildCase(row: OperationCase): BuiltCase {
  const parameters = row.inputs.map(({ shape, dtype }, i) => input(shape, dtype, `input${i}`));
  return { region: { parameters, results: row.build(parameters) }, inputs: row.inputs };
}

type Build = (parameters: readonly Node[]) => Node | readonly Node[];

export function row(kind: "plain" | "differentiable" | "smooth", name: string, inputs: readonly Operand[], build: Build): OperationCase {
  const list = (result: Node | readonly Node[]): readonly Node[] => (Array.isArray(result) ? result : [result as Node]);
  return {
    name,
    inputs,
    build: (parameters) => list(build(parameters)),
    differentiable: kind !== "plain",
    smooth: kind === "smooth",
  };
}

export const plain = (name: string, inputs: readonly Operand[], build: Build): OperationCase => row("plain", name, inputs, build);
export const smooth = (name: string, inputs: readonly Operand[], build: Build): OperationCase => row("smooth", name, inputs, build);

/** Rows of some families. */
export type Rows<F extends Family> = Record<OpsOf<F>, readonly OperationCase[]>;

/** A region from its parameters' types and its results. */
export function regionOf(
  types: readonly { shape: Shape; dtype: DType }[],
  results: (parameters: readonly Node[]) => readonly Node[],
): Region {
  const parameters = types.map(({ shape, dtype }) => input(shape, dtype));
  return { parameters, results: results(parameters) };
}

/** An int32 scalar. */
export const start = (value: number): Operand => ({ shape: [], dtype: "int32", data: [value] });
