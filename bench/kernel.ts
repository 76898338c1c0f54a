// One kernel at a time on one thread of the device that `--device` names (wasm unless it is given): the least time of several runs,
// each a program that repeats its kernel inside one call, and the multiply-adds that registers alone allow.

import { parseArgs } from "node:util";
import { deviceOf } from "../src/engine/devices.ts";
import type { ProgramDevice } from "../src/graph/device.ts";
import { type Expression, type Kernel, type Program, padded, type Statement } from "../src/graph/kernel.ts";
import { Storage } from "../src/graph/storage.ts";
import type { Lowered } from "../src/graph/task.ts";
import { constant, fma, integer, typeOf, variable } from "../src/kernel/expression.ts";
import { clock } from "./clock.ts";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { device: { type: "string", default: "wasm" } } });

/** Which rows to measure. */
export const pattern: RegExp = new RegExp(positionals[0] ?? "");
export const device: ProgramDevice = deviceOf(values.device as "wasm" | "native") as ProgramDevice;
export const target: ProgramDevice["target"] = device.target;
device.setThreads(1);

// ---- Timing

/** Inputs and outputs in the table, scratch in the arena, one call. */
function programOf({ kernel, scratch }: Lowered, inputs: number): Program {
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
    inputs,
    outputs: rows - inputs,
    exchanges: [],
    checks: [],
  };
}

/** Least seconds of one run of the kernel. */
export function time(lowered: Lowered, inputs: readonly Storage[], outputs: readonly Storage[]): number {
  const executable = device.load(programOf(lowered, inputs.length));
  const rows = (storages: readonly Storage[]) => storages.map((storage) => ({ storage, strideBytes: 0 }));
  const [from, to] = [rows(inputs), rows(outputs)];
  const once = (repeat: number) => {
    const start = clock();
    executable.run(from, to, repeat);
    return clock() - start;
  };
  once(1);
  const repeat = Math.max(1, Math.min(100_000, Math.ceil(0.02 / Math.max(once(1), 1e-7))));
  let least = Infinity;
  for (let i = 0; i < 12; i++) least = Math.min(least, once(repeat) / repeat);
  return least;
}

/** Multiply-adds on registers alone: `count` chains of vectors. */
function chains(count: number): number {
  const type = typeOf("f32", target.lanes);
  const sums = Array.from({ length: count }, (_, i) => variable(`s${i}`, type));
  const turns = 100_000;
  const body: Statement[] = [
    ...sums.map((s, i): Statement => ({ kind: "let", name: (s as { name: string }).name, value: constant(type, i) })),
    {
      kind: "loop",
      variable: "i",
      start: integer(0),
      end: integer(turns),
      step: 1,
      body: sums.map((s): Statement => ({ kind: "set", name: (s as { name: string }).name, value: fma(s, 0.999, 0.001) })),
    },
    ...sums.map((s, i): Statement => ({ kind: "store", buffer: 0, index: integer(i * target.lanes), value: s as Expression })),
  ];
  const kernel: Kernel = {
    name: "peak",
    buffers: [{ memory: "f32", access: "write" }],
    extent: 1,
    body,
    cost: { flops: turns * count * target.lanes * 2, bytes: 0 },
  };
  const output = new Storage("float32", count * target.lanes, null);
  return (turns * count * target.lanes * 2) / time({ kernel, scratch: [] }, [], [output]) / 1e9;
}

/** The most GFLOP/s of one thread. */
export function peak(): number {
  return Math.max(...[8, 10, 12].map(chains));
}
