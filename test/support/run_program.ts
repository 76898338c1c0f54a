// Programs on a device and on the interpreter, from the same bytes, with results that can be compared bit for bit.

import type { Executable, ProgramFailure } from "../../src/graph/device.ts";
import { type DType, type TypedArray, viewOf } from "../../src/graph/dtype.ts";
import type { Expression, Kernel, Memory, Program, Statement } from "../../src/graph/kernel.ts";
import { Storage } from "../../src/graph/storage.ts";
import { block, type InterpretOptions, interpretProgram } from "./interpret.ts";

export const dtypeOfMemory: Record<Memory, DType> = {
  f32: "float32",
  f64: "float64",
  i32: "int32",
  u32: "uint32",
  u16: "float16",
  u8: "uint8",
  i8: "int8",
  bool: "bool",
};

/** One row of a call: its type, what it holds before, and the bytes to step by. */
export interface Row {
  readonly dtype: DType;
  readonly data: readonly number[] | TypedArray;
  readonly strideBytes?: number;
  /** An output that is the input of this number, updated in place. */
  readonly inPlace?: number;
}

export interface Outcome {
  readonly failure: ProgramFailure | null;
  readonly outputs: readonly TypedArray[];
  readonly inputs: readonly TypedArray[];
}

function arrayOf(row: Row): TypedArray {
  const array = viewOf(row.dtype, new ArrayBuffer(row.data.length * 8), 0, row.data.length);
  array.set(row.data);
  return array;
}

/** Runs on a device; outputs start from the data given. */
export function runOn(executable: Executable, inputs: readonly Row[], outputs: readonly Row[], repeat = 1): Outcome {
  const row = (r: Row) => ({ storage: new Storage(r.dtype, r.data.length, arrayOf(r)), strideBytes: r.strideBytes ?? 0 });
  const given = inputs.map(row);
  const taken = outputs.map((r) => (r.inPlace === undefined ? row(r) : (given[r.inPlace] as ReturnType<typeof row>)));
  const failure = executable.run(given, taken, repeat);
  const read = ({ storage }: { storage: Storage }) => (storage.host ?? storage.resident?.read())?.slice() as TypedArray;
  return { failure, outputs: taken.map(read), inputs: given.map(read) };
}

/** Runs on the interpreter; after an even number of repetitions exchanged rows are taken from the other array. */
export function interpretOn(
  program: Program,
  inputs: readonly Row[],
  outputs: readonly Row[],
  repeat = 1,
  options: InterpretOptions = {},
): Outcome {
  const given = inputs.map((r) => block(arrayOf(r)));
  const taken = outputs.map((r) => (r.inPlace === undefined ? block(arrayOf(r)) : (given[r.inPlace] as Uint8Array)));
  const strides = [...inputs, ...outputs].map((r) => r.strideBytes ?? 0);
  const failure = interpretProgram(program, [...given, ...taken], repeat, strides, options);
  if (repeat % 2 === 0) for (const [i, o] of program.exchanges) taken[o - program.inputs] = given[i] as Uint8Array;
  const read = (rows: readonly Row[], blocks: readonly Uint8Array[]) =>
    rows.map((r, i) => viewOf(r.dtype, (blocks[i] as Uint8Array).buffer, 0, r.data.length).slice());
  return { failure, outputs: read(outputs, taken), inputs: read(inputs, given) };
}

/** The first element in which two arrays differ; any NaN is as good as another, −0 is not 0. */
export function difference(actual: TypedArray, expected: TypedArray): string | null {
  if (actual.length !== expected.length) return `${actual.length} elements instead of ${expected.length}`;
  for (let i = 0; i < actual.length; i++) {
    if (!Object.is(actual[i], expected[i])) return `element ${i} is ${show(actual[i])} instead of ${show(expected[i])}`;
  }
  return null;
}

const show = (v: number | undefined) => (Object.is(v, -0) ? "-0" : String(v));

/**
 * The same kernel with `begin` and `end` read from one more buffer, the last: two i32. Called in a loop whose counter strides
 * along a list of bounds, it runs in any partition.
 */
export function sliced(kernel: Kernel): Kernel {
  const buffer = kernel.buffers.length;
  const bound = (at: number): Expression => ({
    kind: "load",
    type: { scalar: "i32", lanes: 1 },
    buffer,
    index: { kind: "constant", type: { scalar: "i32", lanes: 1 }, value: at },
  });
  const body: Statement[] = [
    { kind: "let", name: "first of part", value: bound(0) },
    { kind: "let", name: "end of part", value: bound(1) },
    ...renamed(kernel.body),
  ];
  return { ...kernel, name: `${kernel.name} in parts`, buffers: [...kernel.buffers, { memory: "i32", access: "read" }], extent: 1, body };
}

const names: Record<string, string> = { begin: "first of part", end: "end of part" };

/** Variables renamed in statements and expressions: both are plain data. */
function renamed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(renamed) as T;
  if (typeof value !== "object" || value === null) return value;
  const copy: Record<string, unknown> = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, renamed(inner)]));
  if (copy.kind === "variable") copy.name = names[copy.name as string] ?? copy.name;
  return copy as T;
}
