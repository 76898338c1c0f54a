// Runs a kernel as WebAssembly in a memory of its own, with bytes around each buffer that nobody may touch.

import type { Kernel } from "../../src/graph/kernel.ts";
import { renderWasm } from "../../src/render/wasm/render.ts";
import type { Status } from "../support/interpret.ts";

const hosts: Record<string, (...x: number[]) => number> = {
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  pow: Math.pow,
  atan2: Math.atan2,
  erf: (x) => x,
  erfc: (x) => x,
};

const gap = 192;
const guard = 0xa5;

export interface MachineOptions {
  readonly simd?: boolean;
  readonly relaxed?: boolean;
}

/** Runs the slices in order; the buffers are changed in place. Throws where a byte outside them changed. */
export function runWasmKernel(
  kernel: Kernel,
  buffers: readonly Uint8Array[],
  slices: readonly (readonly [number, number])[] = [[0, kernel.extent]],
  { simd = true, relaxed = true }: MachineOptions = {},
): Status {
  const program = { kernels: [kernel], buffers: [], steps: [], arenaBytes: 0, inputs: 0, outputs: 0, exchanges: [], checks: [] };
  const limits = { minimum: 17, maximum: 65536, shared: false };
  const { bytes, lowestAddress } = renderWasm(program, { simd, relaxed, memory: limits });
  let top = lowestAddress + gap;
  const pointers = buffers.map((buffer) => {
    const pointer = top;
    top += Math.ceil(buffer.length / 64) * 64 + gap;
    return pointer;
  });
  const memory = new WebAssembly.Memory({ initial: Math.ceil(top / 65536), maximum: limits.maximum });
  const all = new Uint8Array(memory.buffer);
  all.fill(guard, lowestAddress);
  for (const [i, buffer] of buffers.entries()) all.set(buffer, pointers[i]);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { host: { memory, ...hosts } });
  const run = exports.kernel0 as (...x: number[]) => void;
  for (const [from, to] of slices) run(...pointers, from, to);
  let last = lowestAddress;
  for (const [i, buffer] of buffers.entries()) {
    const pointer = pointers[i] as number;
    if (!all.subarray(last, pointer).every((b) => b === guard)) throw new Error(`bytes before buffer ${i} were written`);
    buffer.set(all.subarray(pointer, pointer + buffer.length));
    last = pointer + buffer.length;
  }
  if (!all.subarray(last, top).every((b) => b === guard)) throw new Error("bytes after the last buffer were written");
  // A kernel that `run` did not call finds its status word at address 0.
  const words = new Int32Array(memory.buffer);
  return { status: words[0] as number, detail: words[1] as number };
}
