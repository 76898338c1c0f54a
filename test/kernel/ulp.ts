// Measuring float32 results in units in the last place, and the numbers to measure at.

import type { Expression, Kernel, Scalar, Statement } from "../../src/graph/kernel.ts";
import type { Lowered } from "../../src/graph/task.ts";
import { type Emit, integer, load, mul, typeOf, variable } from "../../src/kernel/expression.ts";
import type { Writer } from "../../src/kernel/writer.ts";

/** A kernel that computes one value from each row of its inputs; all of one type. Lengths are multiples of the lanes. */
export function columnKernel(
  build: (inputs: readonly Expression[], emit: Emit, writer: Writer) => Expression,
  inputs: number,
  length: number,
  lanes: number,
  scalar: Scalar & ("f32" | "f64" | "u32") = "f32",
): Lowered {
  const statements: Statement[] = [];
  let names = 0;
  const writerOf = (list: Statement[]): Writer => {
    const declare = (value: Expression) => {
      const name = `v${names++}`;
      list.push({ kind: "let", name, value });
      return { kind: "variable", name, type: value.type } as const;
    };
    return {
      emit: (value) => (value.kind === "constant" || value.kind === "variable" ? value : declare(value)),
      mutable: declare,
      push: (statement) => list.push(statement),
      block: (write) => {
        const inner: Statement[] = [];
        write(writerOf(inner));
        return inner;
      },
    };
  };
  const writer = writerOf(statements);
  const { emit } = writer;
  const at = mul(variable("i", integer(0).type), lanes);
  const type = typeOf(scalar, lanes);
  const value = build(
    Array.from({ length: inputs }, (_, i) => emit(load(i, type, at))),
    emit,
    writer,
  );
  const body: Statement[] = [...statements, { kind: "store", buffer: inputs, index: at, value }];
  const kernel: Kernel = {
    name: "maths",
    buffers: [
      ...Array.from({ length: inputs }, () => ({ memory: scalar, access: "read" as const })),
      { memory: scalar, access: "write" as const },
    ],
    extent: length / lanes,
    body: [
      { kind: "loop", variable: "i", start: variable("begin", integer(0).type), end: variable("end", integer(0).type), step: 1, body },
    ],
    cost: { flops: length * 20, bytes: length * 8 },
  };
  return { kernel, scratch: [] };
}

/** Every float32 whose bits are a multiple of `stride` (but for a few of the last, to fill vectors), both signs, infinities and NaN among them. */
export function everyNth(stride: number): Float32Array {
  const length = Math.floor(2 ** 32 / stride / 16) * 16;
  const bits = new Uint32Array(length);
  for (let i = 0; i < length; i++) bits[i] = i * stride;
  return new Float32Array(bits.buffer);
}

/** The numbers, their opposites, and `count` neighbours on each side of each. */
export function neighbours(centres: readonly number[], count: number): Float32Array {
  const result: number[] = [];
  const word = new DataView(new ArrayBuffer(4));
  for (const centre of centres) {
    word.setFloat32(0, Math.abs(centre));
    const bits = word.getUint32(0);
    for (let i = Math.max(0, bits - count); i <= Math.min(0x7fc00000, bits + count); i++) {
      word.setUint32(0, i);
      result.push(word.getFloat32(0), -word.getFloat32(0));
    }
  }
  while (result.length % 4 !== 0) result.push(1);
  return Float32Array.from(result);
}

const units = Float64Array.from({ length: 2048 }, (_, e) => 2 ** (Math.min(Math.max(e - 1023, -126), 127) - 23));
const word = new Float64Array(1);
const halves = new Uint32Array(word.buffer);
const limit = 2 ** 128;

/** The distance of a float32 from a real number in units in the last place of that number. ∞ stands for 2¹²⁸. */
export function ulpError(got: number, exact: number): number {
  if (Number.isNaN(exact) || Number.isNaN(got)) return Number.isNaN(exact) && Number.isNaN(got) ? 0 : Infinity;
  const bounded = exact > limit ? limit : exact < -limit ? -limit : exact;
  word[0] = bounded;
  const unit = units[((halves[1] as number) >>> 20) & 0x7ff] as number;
  return Math.abs((got > limit ? limit : got < -limit ? -limit : got) - bounded) / unit;
}

/** The largest error, and where. */
export function worst(inputs: Float32Array, results: ArrayLike<number>, exact: ArrayLike<number>): { error: number; at: number } {
  let error = 0;
  let at = 0;
  for (let i = 0; i < inputs.length; i++) {
    const e = ulpError(results[i] as number, exact[i] as number);
    if (e > error) {
      error = e;
      at = inputs[i] as number;
    }
  }
  return { error, at };
}
