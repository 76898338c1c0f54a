// Where the time of a program goes: kernel by kernel, with what each does in a second and how much of the machine's own peak that is,
// and stage by stage of the compiler. `downhill/profile`; the command is `downhill profile`.

import { type Compilation, measured, type Observer, observer } from "../engine/observer.ts";
import type { ProgramDevice } from "../graph/device.ts";
import type { Kernel, Step } from "../graph/kernel.ts";
import type { Node } from "../graph/node.ts";
import { mistake } from "../util/errors.ts";
import { type Peak, peakOf } from "./peak.ts";

/** All calls of one kernel. */
export interface KernelTime {
  /** The operations fused in it, such as `matmul+add+maximum`; `copy` for a copy. */
  readonly name: string;
  /** The variables and other named tensors that it reads, such as `layers.0.weight`. */
  readonly reads: readonly string[];
  readonly calls: number;
  readonly seconds: number;
  /** Arithmetic and bytes moved by one call, as the compiler counts them: a multiply-add is two operations. */
  readonly flops: number;
  readonly bytes: number;
}

/** What `profile` found. */
export interface Profile {
  readonly device: string;
  readonly threads: number;
  /** The most that the device does, measured on these threads. */
  readonly peak: Peak;
  /** The dearest first. */
  readonly kernels: readonly KernelTime[];
  /** Programs compiled, and the seconds that each stage of the compiler took for all of them. */
  readonly programs: number;
  readonly compile: Compilation["seconds"];
  /** A table for people; at most `rows` kernels (30 unless given). */
  print(rows?: number): string;
}

/** Keeps what was compiled while it looked on. */
class Profiler implements Observer {
  readonly marks = true;
  readonly compilations: Compilation[] = [];

  compiled(compilation: Compilation): void {
    this.compilations.push(compilation);
  }
}

/** Starts to take times; the function that it returns stops, and tells what was found. */
export function startProfile(): () => Profile {
  if (observer.peek() !== null)
    throw mistake("OPTION", {
      where: "profile",
      problem: "another profile is being taken, or DOWNHILL_DEBUG is set",
      advice: "Wait for it to end, or unset the variable.",
    });
  const profiler = new Profiler();
  observer.value = profiler;
  return () => {
    observer.value = null;
    return profileOf(profiler.compilations);
  };
}

/**
 * Runs a function and tells where the time of its compiled programs went. Programs are compiled anew for it, with a clock reading after
 * each kernel (some tens of nanoseconds each); afterwards everything is as before.
 *
 * @param body what to look at: a few training steps, say. The first call of each compiled function compiles; times are summed over all calls.
 * @throws UserError `OPTION` where another profile is being taken, DOWNHILL_DEBUG is set, or no program ran.
 * @example
 * const { kernels } = await profile(async () => {
 *   for (let i = 0; i < 20; i++) await step(x, y).data();
 * });
 * console.log(kernels[0]);
 */
export async function profile(body: () => unknown): Promise<Profile> {
  const stop = startProfile();
  try {
    await body();
  } catch (error) {
    observer.value = null;
    throw error;
  }
  return stop();
}

function profileOf(compilations: readonly Compilation[]): Profile {
  const [first] = compilations;
  if (first === undefined)
    throw mistake("OPTION", {
      where: "profile",
      problem: "no program ran",
      advice: "Call a compiled function, or read a tensor, on the wasm or native device.",
    });
  const device = first.device as ProgramDevice;
  const kernels = new Map<string, { -readonly [K in keyof KernelTime]: KernelTime[K] }>();
  const compile = { schedule: 0, lower: 0, place: 0, load: 0 };
  for (const compilation of compilations) {
    for (const stage of Object.keys(compile) as (keyof typeof compile)[]) compile[stage] += compilation.seconds[stage];
    const { program, executable } = compilation;
    measured(program.steps).forEach((step, slot) => {
      const calls = executable.marks?.[2 * slot + 1] ?? 0;
      if (calls === 0) return;
      const row = { ...describe(compilation, step), calls, seconds: executable.marks?.[2 * slot] as number };
      const key = `${row.name}|${row.flops}|${row.bytes}`;
      const known = kernels.get(key);
      if (known === undefined) kernels.set(key, row);
      else {
        known.calls += calls;
        known.seconds += row.seconds;
        known.reads = [...new Set([...known.reads, ...row.reads])];
      }
    });
  }
  const facts = {
    device: device.name,
    threads: device.threads.count,
    peak: peakOf(device),
    kernels: [...kernels.values()].sort((a, b) => b.seconds - a.seconds),
    programs: compilations.length,
    compile,
  };
  return { ...facts, print: (rows = 30) => table(facts, rows) };
}

function describe({ schedule, program }: Compilation, step: Step): Omit<KernelTime, "calls" | "seconds"> {
  if (step.kind !== "call") return { name: "copy", reads: [], flops: 0, bytes: 2 * (step as Step & { kind: "copy" }).bytes };
  const { name, cost } = program.kernels[step.kernel] as Kernel;
  const reads = (schedule.tasks[step.kernel]?.inputs ?? []).flatMap((node) => (node as Node<"input">).attributes.name || []);
  return { name, reads: [...new Set(reads)], ...cost };
}

function table({ device, threads, peak, kernels, programs, compile }: Omit<Profile, "print">, rows: number): string {
  const total = kernels.reduce((sum, k) => sum + k.seconds, 0);
  const head = ["time", "share", "calls", "each", "GFLOP/s", "of peak", "GB/s", "of a copy", "kernel"];
  const cells = kernels.slice(0, rows).map(({ name, reads, calls, seconds, flops, bytes }) => {
    const [work, traffic] = [(flops * calls) / seconds, (bytes * calls) / seconds];
    return [
      milliseconds(seconds),
      percent(seconds / total),
      String(calls),
      milliseconds(seconds / calls),
      (work / 1e9).toFixed(1),
      percent(work / peak.flops),
      (traffic / 1e9).toFixed(1),
      percent(traffic / peak.bytes),
      reads.length === 0 ? name : `${name} (${shortened(reads)})`,
    ];
  });
  const lines = [head, ...cells];
  const widths = head.map((_, i) => Math.max(...lines.map((line) => (line[i] as string).length)));
  const stages = Object.entries(compile).map(([stage, seconds]) => `${stage} ${milliseconds(seconds)}`);
  const rest = kernels.length > rows ? [`and ${kernels.length - rows} more kernels`] : [];
  return [
    `${device}, ${threads} ${threads === 1 ? "thread" : "threads"}; peak ${(peak.flops / 1e9).toFixed(0)} GFLOP/s, copy ${(peak.bytes / 1e9).toFixed(1)} GB/s`,
    "",
    ...lines.map((line) => line.map((cell, i) => (i === line.length - 1 ? cell : cell.padStart(widths[i] as number))).join("  ")),
    ...rest,
    "",
    `${milliseconds(total)} in kernels; ${programs} ${programs === 1 ? "program" : "programs"} compiled: ${stages.join(", ")}`,
  ].join("\n");
}

const shortened = (names: readonly string[]) => (names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")}, …`);
const percent = (share: number) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

function milliseconds(seconds: number): string {
  return seconds < 1e-3 ? `${(seconds * 1e6).toPrecision(3)} µs` : `${(seconds * 1e3).toPrecision(4)} ms`;
}
