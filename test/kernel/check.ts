// Runs a task through `lower` and the interpreter of the loop language, in random slices, beside the reference.

import { expect } from "vitest";
import { allocate, type DType, encode, isFloat, isHalf, type TypedArray, viewOf } from "../../src/graph/dtype.ts";
import type { Kernel, Target } from "../../src/graph/kernel.ts";
import { padded } from "../../src/graph/kernel.ts";
import { is, type Node } from "../../src/graph/node.ts";
import type { Shape } from "../../src/graph/shape.ts";
import type { LoopsTask, Task } from "../../src/graph/task.ts";
import { lower } from "../../src/kernel/lower.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { block, interpretKernel, type Status } from "../support/interpret.ts";

export const target: Target = { name: "test", lanes: 4, registers: 16, cache: [32768, 1048576] };

/** A small generator: the same numbers in every run. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Elements of a dtype, with the awkward ones among them. */
export function sample(dtype: DType, length: number, next: () => number, special = false): TypedArray {
  const data = allocate(dtype, length);
  const awkward: Record<DType, number[]> = {
    bool: [0, 1],
    uint8: [0, 255, 128, 1],
    int32: [0, -1, 1, 2147483647, -2147483648, 31, 32],
    int8: [0, -1, 127, -128, 1],
    uint32: [0, 1, 4294967295, 2147483648],
    // Patterns: zeros, the smallest, the largest, infinities, NaN.
    float16: [0, 0x8000, 1, 0x3ff, 0x400, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0xfe01],
    bfloat16: [0, 0x8000, 1, 0x7f, 0x80, 0x7f7f, 0xff7f, 0x7f80, 0xff80, 0x7fc0, 0xffc1],
    float32: [0, -0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.5, 1.5, 2.5, -0.5, 3e9, -3e9, 300],
    float64: [0, -0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, 0.5, 2.5],
  };
  for (let i = 0; i < length; i++) {
    const list = awkward[dtype];
    if (special && next() < 0.4) data[i] = list[Math.floor(next() * list.length)] as number;
    else if (dtype === "bool") data[i] = next() < 0.5 ? 1 : 0;
    else if (isFloat(dtype)) data[i] = Math.round((next() * 8 - 4) * 64) / 64;
    else if (isHalf(dtype)) data[i] = encode(dtype, Math.round((next() * 8 - 4) * 64) / 64);
    else data[i] = dtype === "int32" || dtype === "int8" ? Math.floor(next() * 40 - 20) : Math.floor(next() * 40);
  }
  return data;
}

export function loopsTask(inputs: readonly Node[], outputs: readonly Node[], domain?: Shape, inner: Shape = []): LoopsTask {
  return { kind: "loops", name: "test", inputs, outputs, domain: domain ?? (outputs[0] as Node).shape, inner };
}

/** Runs a kernel over memory made of the arrays; the whole, or cut at the given points. */
export function execute(
  kernel: Kernel,
  task: Task,
  data: readonly TypedArray[],
  cuts: readonly number[] = [],
  scratch: readonly number[] = [],
): { results: TypedArray[]; status: Status } {
  const inputs = data.map(block);
  const outputs = task.outputs.map((n) => block(allocate(n.dtype, n.size)));
  // What lies around results must stay as it was.
  for (const o of outputs) o.fill(0xa5);
  const memory = [...inputs, ...outputs, ...scratch.map((bytes) => new Uint8Array(padded(bytes)))];
  const points = [0, ...cuts, kernel.extent];
  const order = points.slice(1).map((end, i) => [points[i] as number, end] as const);
  const status: Status = { status: 0, detail: 0 };
  for (const [begin, end] of order.reverse()) interpretKernel(kernel, memory, begin, end, status, { fused: true });
  const results = task.outputs.map((n, i) => {
    const bytes = outputs[i] as Uint8Array;
    const array = viewOf(n.dtype, bytes.buffer, 0, n.size);
    for (let at = array.byteLength; at < bytes.length; at++)
      if (bytes[at] !== 0xa5) throw new Error(`output ${i} was written behind its end`);
    return array;
  });
  return { results, status };
}

/** `tolerance` is relative to the larger of 1 and the value, for floats. */
export function compare(got: TypedArray, expected: TypedArray, dtype: DType, tolerance: number, what: string): void {
  for (let i = 0; i < expected.length; i++) {
    const [g, e] = [got[i] as number, expected[i] as number];
    const want = dtype === "float32" ? Math.fround(e) : e;
    if (Object.is(g, want) || g === want) continue;
    if (isFloat(dtype) && Math.abs(g - e) <= tolerance * Math.max(1, Math.abs(e))) continue;
    expect.fail(`${what}: element ${i} is ${g}, the reference says ${want}`);
  }
}

/** Lowers and runs a task on given data for several targets and partitions; compares with the reference. */
export function check(
  task: Task,
  data: readonly TypedArray[],
  options: { tolerance?: number; what?: string; lanes?: readonly number[]; seed?: number; reference?: readonly TypedArray[] } = {},
): void {
  const { tolerance = 1e-5, what = task.name, lanes = [4], seed = 1 } = options;
  const parameters = task.inputs.map((n) => {
    if (!is(n, "input")) throw new Error("inputs of a tested task are placeholders");
    return n;
  });
  const expected = options.reference ?? evaluateRegion({ parameters, results: task.outputs }, data);
  const next = random(seed);
  for (const width of lanes) {
    const { kernel, scratch } = lower(task, { ...target, lanes: width }, () => 0);
    const whole = execute(kernel, task, data, [], scratch);
    task.outputs.forEach((n, i) => {
      compare(whole.results[i] as TypedArray, expected[i] as TypedArray, n.dtype, tolerance, `${what} (output ${i}, ${width} lanes)`);
    });
    const { extent, grain = 1 } = kernel;
    const cuts = Array.from({ length: 3 }, () => Math.floor(next() * (extent / grain + 1)) * grain).sort((a, b) => a - b);
    const parts = execute(kernel, task, data, cuts, scratch);
    expect(parts.results, `${what}: cut at ${cuts} of ${kernel.extent}`).toEqual(whole.results);
  }
}
