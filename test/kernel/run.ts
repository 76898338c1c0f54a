// Running a lowered kernel in tests: typed arrays in, typed arrays out, on the interpreter of the loop language.

import { type DType, type TypedArray, viewOf } from "../../src/graph/dtype.ts";
import { type Kernel, padded } from "../../src/graph/kernel.ts";
import type { Lowered } from "../../src/graph/task.ts";
import { block, type InterpretOptions, interpretKernel } from "../support/interpret.ts";

/** Parts `[begin, end)` of the outer loop, in the order in which they run. */
export type Slices = readonly (readonly [number, number])[];

/** Runs a kernel with one output; `slices` is the whole by default. */
export function interpretLowered(
  lowered: Lowered,
  inputs: readonly TypedArray[],
  dtype: DType,
  length: number,
  slices: Slices = [[0, lowered.kernel.extent]],
): TypedArray {
  const output = new Uint8Array(padded(length * 8)).fill(0xa5);
  const scratch = lowered.scratch.map((bytes) => new Uint8Array(padded(bytes)).fill(0x5a));
  for (const [begin, end] of slices) interpretKernel(lowered.kernel, [...inputs.map(block), output, ...scratch], begin, end);
  return viewOf(dtype, output.buffer, 0, length).slice();
}

/** Runs an elementwise kernel of float32 columns on the interpreter. */
export function interpretColumns(kernel: Kernel, columns: readonly Float32Array[], options: InterpretOptions = {}): Float32Array {
  const length = columns[0]?.length ?? 0;
  const output = new Uint8Array(padded(length * 4));
  interpretKernel(kernel, [...columns.map(block), output], 0, kernel.extent, { status: 0, detail: 0 }, options);
  return new Float32Array(output.buffer, 0, length).slice();
}
