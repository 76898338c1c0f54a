// The wasm device: programs rendered to WebAssembly modules that share one memory, one scratch arena and one call table.
// A run writes the table, calls the module once, and takes the outputs; it allocates no JavaScript objects but small results.
// The renderer is passed in, because render/ and runtime/ do not know each other.

import type { Executable, ProgramDevice, ThreadOptions, Threads } from "../../graph/device.ts";
import type { DType, TypedArray } from "../../graph/dtype.ts";
import { type HostFunction, type Program, padded, type Target } from "../../graph/kernel.ts";
import type { Resident } from "../../graph/storage.ts";
import { InternalError, UnsupportedError } from "../../util/errors.ts";
import { erf, erfc, power } from "../../util/special.ts";
import { type ProgramHost, type Start, type TableLayout, WasmExecutable } from "./executable.ts";
import { Heap } from "./heap.ts";
import type { SharedProgram, Thunk } from "./job.ts";
import { Marks } from "./marks.ts";
import { withOptimisingCompiler } from "./node.ts";
import { Pool } from "./pool.ts";
import { Residents } from "./resident.ts";
import { type WasmSupport, wasmSupport } from "./support.ts";

/** A program as a renderer gives it: see render/wasm/render.ts. */
export interface RenderedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly layout: TableLayout;
  readonly tableBytes: number;
  readonly lowestAddress: number;
  /** How many functions `part<number>` the module exports for the kernels that threads share. */
  readonly parts: number;
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

const { exp, expm1, log, log1p, sin, cos, tanh, atan2 } = Math;
const host: Record<HostFunction, (...x: number[]) => number> = {
  exp,
  expm1,
  log,
  log1p,
  sin,
  cos,
  tanh,
  pow: power,
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
  /** Null where the memory is not shared. */
  private readonly pool: Pool | null = this.heap.unshared === null ? new Pool(this.heap) : null;
  private programs = 0;

  constructor(render: WasmRenderer, support: WasmSupport) {
    this.render = render;
    this.support = support;
    this.target = { name: "wasm", lanes: support.simd ? 4 : 1, registers: 15, cache: [32 * 1024, 1024 * 1024] };
  }

  get threads(): Threads {
    return this.pool?.threads ?? { count: 1, reason: this.heap.unshared };
  }

  setThreads(count: number, options: ThreadOptions = {}): void {
    this.pool?.setThreads(count, options.workerUrl ?? null);
  }

  load(program: Program): Executable {
    const { simd, relaxed } = this.support;
    const rendered = this.render(program, { simd, relaxed, memory: this.heap.limits });
    if (rendered.lowestAddress > lowest) throw new InternalError("The wasm renderer asks for more low memory than the device keeps");
    const module = withOptimisingCompiler(() => new WebAssembly.Module(rendered.bytes));
    const marks = program.marks === undefined ? null : new Marks(program.marks);
    const shared: SharedProgram = { number: ++this.programs, module, thunks: [], generation: 0 };
    const { exports } = new WebAssembly.Instance(module, {
      host: {
        ...host,
        memory: this.heap.memory,
        mark: (slot: number) => marks?.mark(slot),
        share: (status: number, thunk: number, extent: number, part: number, slice: number) =>
          this.pool?.job.share(shared, status, thunk, extent, part, slice),
      },
    });
    for (let i = 0; i < rendered.parts; i++) shared.thunks.push(exports[`part${i}`] as Thunk);
    this.reserve(this.arena, program.arenaBytes);
    this.reserve(this.table, rendered.tableBytes);
    return new WasmExecutable(this, program, rendered.layout, exports.run as Start, rendered.parts > 0 ? shared : null, marks);
  }

  upload(dtype: DType, data: TypedArray): Resident {
    return this.residents.upload(dtype, data);
  }

  memory(): { readonly bytes: number; readonly buffers: number; readonly capacity: number } {
    return { bytes: this.residents.bytes, buffers: this.residents.buffers, capacity: this.heap.capacity };
  }

  prepare(program: SharedProgram): void {
    this.pool?.prepare(program);
  }

  recover(): void {
    this.pool?.job.recover();
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
