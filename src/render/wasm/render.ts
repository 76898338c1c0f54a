// A program as one WebAssembly module: each kernel a function, kernels that differ in nothing but their pointers one function, and `run`
// over all of them. Imports, all from "host": the memory, and the double-precision functions that the kernels name.
// Exports: `run(table, repeat)`, and `kernel0`, `kernel1`, … (pointers…, begin, end) for profiling and for warming up.

import type { Expression, HostFunction, Kernel, Program, Statement } from "../../graph/kernel.ts";
import { InternalError } from "../../util/errors.ts";
import { type MemoryImport, ModuleBuilder, type Signature } from "./assembler.ts";
import { operandsOf } from "./intern.ts";
import { writeKernel } from "./kernel.ts";
import { runSignature, type TableLayout, tableLayout, writeRun } from "./program.ts";
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
  /** Names to import from `host`, besides `memory`. */
  readonly hostFunctions: readonly HostFunction[];
  /** For each kernel the number of the first one that shares its function (`kernel<number>` is exported for each). */
  readonly functions: readonly number[];
}

/** Renders a program. The same program gives the same bytes. */
export function renderWasm(program: Program, options: WasmOptions): RenderedProgram {
  const module = new ModuleBuilder(options.memory);
  const { hosts, odd } = survey(program.kernels);
  const imported = new Map(hosts.map((name) => [name as string, module.import(name, hostSignature(name))]));
  const statusGlobal = module.global();
  const abilities = {
    simd: options.simd,
    relaxed: options.simd && options.relaxed,
    host: (name: string): number => imported.get(name) as number,
    statusGlobal,
  };

  const byText = new Map<string, number>();
  const byBytes = new Map<string, number>();
  const firsts = new Map<number, number>();
  const indices: number[] = [];
  const functions: number[] = [];
  for (const [number, kernel] of program.kernels.entries()) {
    if (kernel.buffers.length > 900) throw new InternalError(`Kernel ${kernel.name} has ${kernel.buffers.length} buffers`);
    const text = odd.has(kernel) ? null : JSON.stringify([kernel.buffers.map((b) => b.memory), kernel.body]);
    let index = text === null ? undefined : byText.get(text);
    if (index === undefined) {
      const { signature, body } = writeKernel(kernel, abilities);
      const bytes = `${kernel.buffers.length} ${latin.decode(body.bytes)}`;
      index = byBytes.get(bytes) ?? module.function(kernel.name, signature, body);
      byBytes.set(bytes, index);
      if (text !== null) byText.set(text, index);
    }
    if (!firsts.has(index)) firsts.set(index, number);
    indices.push(index);
    functions.push(firsts.get(index) as number);
    module.export(`kernel${number}`, index);
  }
  module.export("run", module.function("run", runSignature, writeRun(program, indices, statusGlobal).encode()));

  return {
    bytes: module.encode(),
    layout: tableLayout,
    tableBytes: tableLayout.rows + tableLayout.rowBytes * (program.inputs + program.outputs),
    lowestAddress,
    hostFunctions: hosts,
    functions,
  };
}

const latin = new TextDecoder("latin1");

function hostSignature(name: HostFunction): Signature {
  return { parameters: name === "pow" ? ["f64", "f64"] : ["f64"], results: ["f64"] };
}

/** Which host functions the kernels call, and which kernels have constants that JSON cannot tell apart. */
function survey(kernels: readonly Kernel[]): { readonly hosts: readonly HostFunction[]; readonly odd: ReadonlySet<Kernel> } {
  const hosts = new Set<HostFunction>();
  const odd = new Set<Kernel>();
  for (const kernel of kernels) {
    const seen = new Set<Expression>();
    const expression = (e: Expression): void => {
      if (seen.has(e)) return;
      seen.add(e);
      if (e.kind === "host") hosts.add(e.function);
      if (e.kind === "constant" && (!Number.isFinite(e.value) || Object.is(e.value, -0))) odd.add(kernel);
      for (const operand of operandsOf(e)) expression(operand);
    };
    const statements = (list: readonly Statement[]): void => {
      for (const s of list) {
        for (const e of expressionsOf(s)) expression(e);
        if (s.kind === "loop" || s.kind === "while") statements(s.body);
        if (s.kind === "if") {
          statements(s.then);
          statements(s.otherwise);
        }
      }
    };
    statements(kernel.body);
  }
  return { hosts: [...hosts].sort(), odd };
}

function expressionsOf(s: Statement): readonly Expression[] {
  switch (s.kind) {
    case "let":
    case "set":
      return [s.value];
    case "store":
      return s.count === undefined ? [s.index, s.value] : [s.index, s.value, s.count];
    case "loop":
      return [s.start, s.end];
    case "while":
    case "if":
      return [s.condition];
    case "flag":
      return [s.condition, s.value];
  }
}
