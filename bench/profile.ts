// node bench/profile.ts [--device native] [--top N] [workload…]: the kernels of each workload's training step, each timed by itself on one
// thread: the step's program is loaded, run, and then each of its calls again, many times, on the memory that the step left. Caches
// are warmer than in the step, so the sum is somewhat below the step's own time, which stands in the last line.

import { parseArgs } from "node:util";
import { deviceOf } from "../src/engine/devices.ts";
import type { CallRow, Executable, ProgramDevice } from "../src/graph/device.ts";
import type { Kernel, Program, Step } from "../src/graph/kernel.ts";
import { Storage } from "../src/graph/storage.ts";
import { setDevice } from "../src/index.ts";
import { clock } from "./clock.ts";
import { makeWorkload, workloads } from "./workloads.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { device: { type: "string", default: "native" }, top: { type: "string", default: "25" } },
});
const name = values.device as "native" | "wasm";
const device = deviceOf(name) as ProgramDevice;
device.setThreads(1);
setDevice(name);

type Call = Step & { readonly kind: "call" };

/** A program, and operands of its own like those of its first run. */
interface Seen {
  readonly program: Program;
  readonly executable: Executable;
  inputs: readonly CallRow[];
  outputs: readonly CallRow[];
}
const seen: Seen[] = [];
const load = device.load.bind(device);
device.load = (program): Executable => {
  const executable = load(program);
  const entry: Seen = { program, executable, inputs: [], outputs: [] };
  seen.push(entry);
  return {
    run(inputs, outputs, repeat) {
      if (entry.inputs.length === 0) [entry.inputs, entry.outputs] = copied(inputs, outputs);
      return executable.run(inputs, outputs, repeat);
    },
  };
};

/** The same operands in other memory; what is one storage stays one. */
function copied(inputs: readonly CallRow[], outputs: readonly CallRow[]): [CallRow[], CallRow[]] {
  const copies = new Map<Storage, Storage>();
  const copy = ({ storage, strideBytes }: CallRow): CallRow => {
    const { dtype, length, host, resident } = storage;
    const own = copies.get(storage) ?? new Storage(dtype, length, resident?.read() ?? host?.slice() ?? null);
    copies.set(storage, own);
    return { storage: own, strideBytes };
  };
  return [inputs.map(copy), outputs.map(copy)];
}

/** Every call among the steps, and how often it is made in one run. */
function callsOf(steps: readonly Step[], times = 1): { call: Call; times: number }[] {
  return steps.flatMap((step) => {
    if (step.kind === "call") return [{ call: step, times }];
    return step.kind === "loop" ? callsOf(step.body, times * step.count) : [];
  });
}

/** Least seconds of one turn of something that can repeat itself. */
function least(once: (repeat: number) => void): number {
  const timed = (repeat: number) => {
    const start = clock();
    once(repeat);
    return (clock() - start) / repeat;
  };
  timed(1);
  const repeat = Math.max(1, Math.min(10_000, Math.ceil(0.01 / Math.max(timed(1), 1e-7))));
  return Math.min(...Array.from({ length: 8 }, () => timed(repeat)));
}

function timeOf({ program, inputs, outputs }: Seen, { kernel, operands }: Call): number {
  // Inside its loop a call would meet other slices of its operands: the first will do.
  const plain = operands.map(({ buffer }) => ({ buffer }));
  const only = { ...program, kernels: [program.kernels[kernel] as Kernel], exchanges: [], checks: [] };
  const executable = load({ ...only, steps: [{ kind: "call", kernel: 0, operands: plain }] });
  return least((repeat) => executable.run(inputs, outputs, repeat));
}

function profile(workload: string): void {
  seen.length = 0;
  const made = makeWorkload(workload);
  for (let i = 0; i < 3; i++) made.step().dispose();
  const step = least((repeat) => {
    for (let i = 0; i < repeat; i++) made.step().dispose();
  });
  const whole = seen.reduce((a, b) => (a.program.kernels.length > b.program.kernels.length ? a : b));
  whole.executable.run(whole.inputs, whole.outputs, 1);
  const rows = callsOf(whole.program.steps).map(({ call, times }) => {
    const kernel = whole.program.kernels[call.kernel] as Kernel;
    return { kernel, times, seconds: timeOf(whole, call) };
  });
  const sum = rows.reduce((total, { seconds, times }) => total + seconds * times, 0);
  rows.sort((a, b) => b.seconds * b.times - a.seconds * a.times);
  console.log(`\n${workload} on ${name}`);
  for (const { kernel, times, seconds } of rows.slice(0, Number(values.top))) {
    const { flops, bytes } = kernel.cost;
    const cells = [
      `${(seconds * times * 1e3).toFixed(3)} ms`.padStart(11),
      `${((100 * seconds * times) / sum).toFixed(1)} %`.padStart(7),
      `${(flops / seconds / 1e9).toFixed(1)} GFLOP/s`.padStart(15),
      `${(bytes / seconds / 1e9).toFixed(1)} GB/s`.padStart(11),
    ];
    console.log(`${cells.join("")}  ${times > 1 ? `${times} × ` : ""}${kernel.name}`);
  }
  console.log(`${(sum * 1e3).toFixed(3)} ms in ${rows.length} calls by themselves, ${(step * 1e3).toFixed(3)} ms a step`);
}

for (const workload of positionals.length > 0 ? positionals : Object.keys(workloads)) profile(workload);
