// The wasm device: programs rendered to WebAssembly modules that share one memory, one scratch arena and one call table.
// A run writes the table, calls the module once, and takes the outputs; it allocates no JavaScript objects but small results.
// The renderer is passed in, because render/ and runtime/ do not know each other.

import type { Executable, ProgramDevice, ThreadOptions, Threads } from "../../graph/device.ts";
import type { DType, TypedArray } from "../../graph/dtype.ts";
import { type HostFunction, type Program, padded, type Target } from "../../graph/kernel.ts";
import type { Resident } from "../../graph/storage.ts";
import { InternalError, UnsupportedError } from "../../util/errors.ts";
import { erf, erfc } from "../../util/special.ts";
import { type ProgramHost, type Start, type TableLayout, WasmExecutable } from "./executable.ts";
import { Heap } from "./heap.ts";
import { Marks } from "./marks.ts";
import { withOptimisingCompiler } from "./node.ts";
import { Pool, type SharedProgram, type ShareLayout } from "./pool.ts";
import { Residents } from "./resident.ts";
import { type WasmSupport, wasmSupport } from "./support.ts";

/** A program as a renderer gives it: see render/wasm/render.ts. */
export interface RenderedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly layout: TableLayout;
  readonly tableBytes: number;
  readonly lowestAddress: number;
  readonly hostFunctions: readonly (HostFunction | "mark")[];
  /** Where threads meet, if any kernel is to be shared. */
  readonly sharing: ShareLayout | null;
}

export type WasmRenderer = (
  program: Program,
  options: { readonly simd: boolean; readonly relaxed: boolean; readonly memory: Heap["limits"] },
) => RenderedModule;

export interface WasmDeviceOptions {
  readonly render: WasmRenderer;
  /** What to use of the engine's abilities; all of them by default. */
  readonly support?: WasmSupport;
}

/** Buffers must lie at or above the renderer's lowest address, which is at most this. */
const lowest = 1 << 20;

const { exp, expm1, log, log1p, sin, cos, tanh, pow, atan2 } = Math;
const host: Record<HostFunction, (...x: number[]) => number> = {
  exp,
  expm1,
  log,
  log1p,
  sin,
  cos,
  tanh,
  pow,
  erf,
  erfc,
  atan2,
} as Record<HostFunction, (...x: number[]) => number>;

/**
 * Makes the wasm device.
 *
 * @throws UnsupportedError `WASM` where there is no WebAssembly.
 */
export function createWasmDevice(options: WasmDeviceOptions): ProgramDevice {
  const support = options.support ?? wasmSupport();
  if (!support.available) throw new UnsupportedError("WASM", `wasm: ${support.reason}. Use the reference device.`);
  return new WasmDevice(options.render, support);
}

class WasmDevice implements ProgramDevice, ProgramHost {
  readonly kind = "program";
  readonly name = "wasm";
  readonly target: Target;
  readonly heap: Heap = new Heap(lowest);
  readonly residents: Residents = new Residents(this.heap);
  private readonly render: WasmRenderer;
  private readonly support: WasmSupport;
  /** One for all programs, as large as the largest needs: only one runs at a time. */
  readonly arena = { address: 0, bytes: 0 };
  readonly table = { address: 0, bytes: 0 };
  private pool: Pool | null = null;
  private sharing: ShareLayout | null = null;
  private threadsWanted = 1;
  private workerUrl: string | URL | null = null;
  private programs = 0;

  constructor(render: WasmRenderer, support: WasmSupport) {
    this.render = render;
    this.support = support;
    this.target = { name: "wasm", lanes: support.simd ? 4 : 1, registers: 15, cache: [32 * 1024, 1024 * 1024] };
  }

  get threads(): Threads {
    const { unshared } = this.heap;
    if (unshared !== null) return { count: 1, reason: unshared };
    return this.pool?.threads ?? { count: this.threadsWanted, reason: null };
  }

  setThreads(count: number, { workerUrl }: ThreadOptions = {}): void {
    this.threadsWanted = count;
    this.workerUrl = workerUrl ?? null;
    this.pool?.resize(count, this.workerUrl);
  }

  load(program: Program): Executable {
    const { simd, relaxed } = this.support;
    const rendered = this.render(program, { simd, relaxed, memory: this.heap.limits });
    if (rendered.lowestAddress > lowest) throw new InternalError("The wasm renderer asks for more low memory than the device keeps");
    const module = withOptimisingCompiler(() => new WebAssembly.Module(rendered.bytes));
    const imports: WebAssembly.ModuleImports = { memory: this.heap.memory };
    const marks = program.marks === undefined ? null : new Marks(program.marks);
    for (const name of rendered.hostFunctions) imports[name] = name === "mark" ? (slot: number) => marks?.mark(slot) : host[name];
    const instance = new WebAssembly.Instance(module, { host: imports });
    this.reserve(this.arena, program.arenaBytes);
    this.reserve(this.table, rendered.tableBytes);
    const { sharing, hostFunctions } = rendered;
    this.sharing ??= sharing;
    const shared = sharing === null ? null : { number: ++this.programs, module, hostFunctions, generation: 0 };
    return new WasmExecutable(this, program, rendered.layout, instance.exports.run as Start, shared, marks);
  }

  upload(dtype: DType, data: TypedArray): Resident {
    return this.residents.upload(dtype, data);
  }

  memory(): { readonly bytes: number; readonly buffers: number; readonly capacity: number } {
    return { bytes: this.residents.bytes, buffers: this.residents.buffers, capacity: this.heap.capacity };
  }

  prepare(program: SharedProgram): void {
    if (this.pool === null && this.threadsWanted > 1) {
      this.pool = new Pool(this.heap, this.sharing as ShareLayout);
      this.pool.resize(this.threadsWanted, this.workerUrl);
    }
    this.pool?.prepare(program);
  }

  recover(): void {
    this.pool?.recover();
  }

  private reserve(area: { address: number; bytes: number }, bytes: number): void {
    const needed = padded(bytes);
    if (area.bytes >= needed) return;
    if (area.bytes > 0) this.heap.release(area.address, area.bytes);
    area.bytes = 0;
    area.address = this.heap.allocate(needed);
    area.bytes = needed;
  }
}
