// Running a lowered kernel in tests: typed arrays in, typed arrays out, on the interpreter of the loop language or on the wasm device.

import type { ProgramDevice } from "../../src/graph/device.ts";
import { type DType, type TypedArray, viewOf } from "../../src/graph/dtype.ts";
import { type Kernel, type Program, padded } from "../../src/graph/kernel.ts";
import { Storage } from "../../src/graph/storage.ts";
import type { Lowered } from "../../src/graph/task.ts";
import { renderWasm } from "../../src/render/wasm/render.ts";
import { createWasmDevice } from "../../src/runtime/wasm/device.ts";
import { wasmSupport } from "../../src/runtime/wasm/support.ts";
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

/** The wasm devices that the engine allows: with and without a multiply-add that rounds once. */
export function wasmDevices(): { name: string; device: ProgramDevice }[] {
  const support = wasmSupport();
  const plain = { name: "wasm", device: createWasmDevice({ render: renderWasm, support: { ...support, relaxed: false } }) };
  return support.relaxed ? [{ name: "wasm, fused", device: createWasmDevice({ render: renderWasm, support }) }, plain] : [plain];
}

/** A program of one kernel: its inputs and one output in the table, scratch in the arena. */
export function programOf({ kernel, scratch }: Lowered): Program {
  const rows = kernel.buffers.length - scratch.length;
  let arenaBytes = 0;
  const arena = scratch.map((bytes) => {
    const offset = arenaBytes;
    arenaBytes += padded(bytes);
    return { kind: "arena", offset } as const;
  });
  return {
    kernels: [kernel],
    buffers: [...Array.from({ length: rows }, (_, index) => ({ kind: "table", index }) as const), ...arena],
    steps: [{ kind: "call", kernel: 0, operands: kernel.buffers.map((_, buffer) => ({ buffer })) }],
    arenaBytes,
    inputs: rows - 1,
    outputs: 1,
    exchanges: [],
    checks: [],
  };
}

const dtypeOf = (array: TypedArray): DType =>
  array instanceof Float32Array
    ? "float32"
    : array instanceof Float64Array
      ? "float64"
      : array instanceof Int32Array
        ? "int32"
        : array instanceof Uint32Array
          ? "uint32"
          : "uint8";

/** Runs a kernel with one output on a device. */
export function runLowered(
  device: ProgramDevice,
  lowered: Lowered,
  inputs: readonly TypedArray[],
  dtype: DType,
  length: number,
): TypedArray {
  const row = (storage: Storage) => ({ storage, strideBytes: 0 });
  const output = new Storage(dtype, length, null);
  const rows = inputs.map((array) => row(new Storage(dtypeOf(array), array.length, array)));
  const failure = device.load(programOf(lowered)).run(rows, [row(output)], 1);
  if (failure !== null) throw new Error(`check ${failure.check} failed`);
  const result = (output.host ?? output.resident?.read())?.slice() as TypedArray;
  for (const { storage } of [...rows, row(output)]) storage.resident?.release();
  return result;
}

/** Runs an elementwise kernel of float32 columns on the interpreter. */
export function interpretColumns(kernel: Kernel, columns: readonly Float32Array[], options: InterpretOptions = {}): Float32Array {
  const length = columns[0]?.length ?? 0;
  const output = new Uint8Array(padded(length * 4));
  interpretKernel(kernel, [...columns.map(block), output], 0, kernel.extent, { status: 0, detail: 0 }, options);
  return new Float32Array(output.buffer, 0, length).slice();
}
