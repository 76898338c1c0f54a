// A program as one WebAssembly module: each kernel a function, kernels that differ in nothing but their pointers one function, and `run`
// over all of them. Imports, all from "host": the memory, the double-precision functions that the kernels name, `mark(slot)` where the
// program has marks, `share` where threads share kernels (share.ts).
// Exports: `run(table, repeat)`, `part0`, `part1`, … for the shared kernels, and `kernel0`, `kernel1`, … (pointers…, begin, end).

import type { HostFunction, Kernel, Program } from "../../graph/kernel.ts";
import { partOf } from "../../graph/parts.ts";
import { InternalError } from "../../util/errors.ts";
import { type MemoryImport, ModuleBuilder, type Signature } from "./assembler.ts";
import { writeKernel } from "./kernel.ts";
import { runSignature, type TableLayout, tableLayout, writeRun } from "./program.ts";
import { Sharing } from "./share.ts";
import { lowestAddress } from "./writer.ts";

export interface WasmOptions {
  /** Whether the engine has 128-bit vectors; without, kernels must have one lane. */
  readonly simd: boolean;
  /** Whether it has relaxed multiply-add. */
  readonly relaxed: boolean;
  readonly memory: MemoryImport;
}

export interface RenderedProgram {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The call table that `run` takes. */
  readonly layout: TableLayout;
  readonly tableBytes: number;
  /** Buffers, arena and table must lie at or above this address. */
  readonly lowestAddress: number;
  /** For each kernel the number of the first one that shares its function (`kernel<number>` is exported for each). */
  readonly functions: readonly number[];
  /** How many functions `part<number>` there are, for kernels that threads share. */
  readonly parts: number;
}

/** What no worker has: `Math` lacks them, and kernels that call them stay on the calling thread. */
const callerOnly: readonly HostFunction[] = ["erf", "erfc"];

/** Renders a program. The same program gives the same bytes. */
export function renderWasm(program: Program, options: WasmOptions): RenderedProgram {
  const module = new ModuleBuilder(options.memory);
  const hosts = new Map<HostFunction, number>();
  let sharable = true;
  const host = (name: HostFunction): number => {
    if (callerOnly.includes(name)) sharable = false;
    const index = hosts.get(name) ?? module.importFunction(name, hostSignature(name));
    hosts.set(name, index);
    return index;
  };
  const mark = program.marks === undefined ? null : module.importFunction("mark", { parameters: ["i32"], results: [] });
  const statusGlobal = module.global();
  const abilities = { simd: options.simd, relaxed: options.simd && options.relaxed, host, statusGlobal };

  const worthSharing = options.memory.shared && program.kernels.some((kernel) => partOf(kernel) < kernel.extent);
  const sharing = worthSharing ? new Sharing(module, statusGlobal) : null;

  // Equal text finds most equal kernels without writing them, equal bytes the rest.
  const alike = new Map<string, number>();
  for (const kernel of program.kernels) alike.set(likeness(kernel), (alike.get(likeness(kernel)) ?? 0) + 1);
  const byText = new Map<string, number>();
  const byBytes = new Map<string, number>();
  const firsts = new Map<number, number>();
  const written: number[] = [];
  const bound = new Set<number>();
  const functions: number[] = [];
  for (const [number, kernel] of program.kernels.entries()) {
    if (kernel.buffers.length > mostBuffers) throw new InternalError(`Kernel ${kernel.name} has ${kernel.buffers.length} buffers`);
    const text = alike.get(likeness(kernel)) === 1 ? "" : JSON.stringify([kernel.buffers.map((b) => b.memory), kernel.body]);
    const twin = text === "" ? undefined : byText.get(text);
    let index: number;
    if (twin !== undefined && same(kernel.body, program.kernels[twin]?.body)) index = written[twin] as number;
    else {
      sharable = true;
      const { signature, body } = writeKernel(kernel, abilities);
      const bytes = `${kernel.buffers.length} ${latin.decode(body.bytes)}`;
      index = byBytes.get(bytes) ?? module.function(kernel.name, signature, body);
      byBytes.set(bytes, index);
      byText.set(text, number);
      if (!sharable) bound.add(index);
    }
    if (!firsts.has(index)) firsts.set(index, number);
    written.push(index);
    functions.push(firsts.get(index) as number);
    module.export(`kernel${number}`, index);
  }
  const kernels = written.map((index) => ({ index: module.indexOf(index), sharable: !bound.has(index) }));
  const run = writeRun(program, kernels, statusGlobal, sharing, mark);
  module.export("run", module.function("run", runSignature, run.encode()));

  return {
    bytes: module.encode(),
    layout: tableLayout,
    tableBytes: tableLayout.rows + tableLayout.rowBytes * (program.inputs + program.outputs),
    lowestAddress,
    functions,
    parts: sharing?.count ?? 0,
  };
}

/** What equal kernels have in common, at a glance. */
function likeness({ buffers, extent, body, cost }: Kernel): string {
  return `${buffers.length} ${extent} ${body.length} ${cost.flops} ${cost.bytes}`;
}

/** WebAssembly engines allow 1,000 parameters. */
const mostBuffers = 998;

const latin = new TextDecoder("latin1");

/** Whether plain data is the same to the last constant: JSON has one word for all that is not finite, and none for −0. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
  const keys = Object.keys(a) as (keyof typeof a)[];
  return keys.length === Object.keys(b).length && keys.every((key) => same(a[key], b[key]));
}

function hostSignature(name: HostFunction): Signature {
  return { parameters: name === "pow" || name === "atan2" ? ["f64", "f64"] : ["f64"], results: ["f64"] };
}
