// The wasm device: programs rendered to WebAssembly modules that share one memory, one scratch arena and one call table.
// A run writes the table, calls the module once, and takes the outputs; it allocates no JavaScript objects but small results.
// The renderer is passed in, because render/ and runtime/ do not know each other.

import type { CallRow, Executable, ProgramDevice, ProgramFailure, Threads } from "../../graph/device.ts";
import { bytesOf, type DType, type TypedArray } from "../../graph/dtype.ts";
import { type HostFunction, type Program, padded, type Target } from "../../graph/kernel.ts";
import type { Resident, Storage } from "../../graph/storage.ts";
import { InternalError, UnsupportedError } from "../../util/errors.ts";
import { erf, erfc } from "../../util/special.ts";
import { Heap } from "./heap.ts";
import { withOptimisingCompiler } from "./node.ts";
import { type Cell, Residents, WasmResident } from "./resident.ts";
import { type WasmSupport, wasmSupport } from "./support.ts";

/** A program as a renderer gives it: see render/wasm/render.ts. */
export interface RenderedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Byte offsets in the call table; a row is a pointer and a stride. */
  readonly layout: {
    readonly status: number;
    readonly arena: number;
    readonly strided: number;
    readonly rows: number;
    readonly rowBytes: number;
  };
  readonly tableBytes: number;
  readonly lowestAddress: number;
  readonly hostFunctions: readonly HostFunction[];
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

/** Fresh results up to this many bytes go to JavaScript at once, and inputs up to it are brought in for each run. */
const smallBytes = 4096;

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

class WasmDevice implements ProgramDevice {
  readonly kind = "program";
  readonly name = "wasm";
  readonly target: Target;
  readonly threads: Threads = { count: 1, reason: "programs run on the calling thread" };
  readonly heap: Heap = new Heap(lowest);
  readonly residents: Residents = new Residents(this.heap);
  private readonly render: WasmRenderer;
  private readonly support: WasmSupport;
  /** One for all programs, as large as the largest needs: only one runs at a time. */
  readonly arena = { address: 0, bytes: 0 };
  readonly table = { address: 0, bytes: 0 };

  constructor(render: WasmRenderer, support: WasmSupport) {
    this.render = render;
    this.support = support;
    this.target = { name: "wasm", lanes: support.simd ? 4 : 1, registers: 15, cache: [32 * 1024, 1024 * 1024] };
  }

  setThreads(_count: number): void {}

  load(program: Program): Executable {
    const { simd, relaxed } = this.support;
    const rendered = this.render(program, { simd, relaxed, memory: this.heap.limits });
    if (rendered.lowestAddress > lowest) throw new InternalError("The wasm renderer asks for more low memory than the device keeps");
    const module = withOptimisingCompiler(() => new WebAssembly.Module(rendered.bytes));
    const imports: WebAssembly.ModuleImports = { memory: this.heap.memory };
    for (const name of rendered.hostFunctions) imports[name] = host[name];
    const instance = new WebAssembly.Instance(module, { host: imports });
    this.reserve(this.arena, program.arenaBytes);
    this.reserve(this.table, rendered.tableBytes);
    return new WasmExecutable(this, program, rendered, instance);
  }

  upload(dtype: DType, data: TypedArray): Resident {
    return this.residents.upload(dtype, data);
  }

  memory(): { readonly bytes: number; readonly buffers: number; readonly capacity: number } {
    return { bytes: this.residents.bytes, buffers: this.residents.buffers, capacity: this.heap.capacity };
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

/** A block of memory that belongs to the current run: an output not yet adopted, an input brought in for once, a copy. */
interface Block {
  address: number;
  bytes: number;
}

class WasmExecutable implements Executable {
  private readonly device: WasmDevice;
  private readonly program: Program;
  private readonly layout: RenderedModule["layout"];
  private readonly start: (table: number, repeat: number) => number;
  /** For each output, the memory made for it in this run; address 0 where it had some. */
  private readonly fresh: readonly Block[];
  /** For each output, whether its value takes an input's place between repetitions. */
  private readonly exchanged: readonly boolean[];
  private readonly temporary: Block[] = [];

  constructor(device: WasmDevice, program: Program, rendered: RenderedModule, instance: WebAssembly.Instance) {
    this.device = device;
    this.program = program;
    this.layout = rendered.layout;
    this.start = instance.exports.run as (table: number, repeat: number) => number;
    this.fresh = Array.from({ length: program.outputs }, () => ({ address: 0, bytes: 0 }));
    this.exchanged = Array.from({ length: program.outputs }, (_, i) => program.exchanges.some(([, row]) => row === program.inputs + i));
  }

  run(inputs: readonly CallRow[], outputs: readonly CallRow[], repeat: number): ProgramFailure | null {
    const { program, device, layout } = this;
    if (inputs.length !== program.inputs || outputs.length !== program.outputs || !(repeat >= 1))
      throw new InternalError(`A program of ${program.inputs} inputs and ${program.outputs} outputs was run wrongly`);
    device.residents.begin();
    const backups = repeat > 1 && program.checks.length > 0 ? new Map<Cell, Block>() : null;
    try {
      this.prepare(inputs, outputs, repeat, backups);
      const table = device.table.address;
      const done = this.start(table, repeat);
      if (done < repeat) {
        const at = (table + layout.status) >>> 2;
        const { words } = device.heap;
        this.undo(backups);
        return { check: (words[at] as number) - 1, value: words[at + 1] as number, repetition: done };
      }
    } catch (error) {
      this.undo(backups);
      if (error instanceof WebAssembly.RuntimeError) throw new InternalError(`A wasm program trapped: ${error.message}`, { cause: error });
      throw error;
    }
    this.finish(outputs, repeat);
    this.releaseTemporary();
    return null;
  }

  /** Gives every row its memory and writes the call table. */
  private prepare(inputs: readonly CallRow[], outputs: readonly CallRow[], repeat: number, backups: Map<Cell, Block> | null): void {
    const { device, layout } = this;
    const { heap, residents } = device;
    const first = this.program.inputs;
    let strided = 0;
    // Outputs first: a storage that is updated in place must have memory that stays before it is met as an input.
    for (let i = 0; i < outputs.length; i++) {
      const { storage, strideBytes } = outputs[i] as CallRow;
      const resident = this.residentOf(storage);
      let address: number;
      if (resident !== null) address = residents.use(resident);
      else if (storage.host !== null) address = residents.use(this.settle(storage, storage.host));
      else {
        const block = this.fresh[i] as Block;
        block.bytes = padded(storage.length * bytesOf(storage.dtype));
        block.address = heap.allocate(block.bytes);
        address = block.address;
      }
      strided |= strideBytes;
      this.row(first + i, address, strideBytes);
    }
    for (let i = 0; i < inputs.length; i++) {
      const { storage, strideBytes } = inputs[i] as CallRow;
      strided |= strideBytes;
      this.row(i, this.inputAddress(storage), strideBytes);
    }
    if (backups !== null) this.backUp(inputs, outputs, backups);
    if (repeat > 1) this.spareExchanged(inputs);
    const base = device.table.address;
    heap.words[(base + layout.status) >>> 2] = 0;
    heap.words[(base + layout.status + 4) >>> 2] = 0;
    heap.words[(base + layout.arena) >>> 2] = device.arena.address;
    heap.words[(base + layout.strided) >>> 2] = strided;
  }

  private row(row: number, address: number, stride: number): void {
    const { layout, device } = this;
    const at = (device.table.address + layout.rows + row * layout.rowBytes) >>> 2;
    device.heap.words[at] = address;
    device.heap.words[at + 1] = stride;
  }

  private rowAddress(row: number): number {
    const { layout, device } = this;
    return (device.heap.words[(device.table.address + layout.rows + row * layout.rowBytes) >>> 2] as number) >>> 0;
  }

  /** What a storage has here. What another device holds comes by way of JavaScript, and leaves that device. */
  private residentOf(storage: Storage): WasmResident | null {
    const { resident } = storage;
    if (resident === null || (resident instanceof WasmResident && resident.owner === this.device.residents)) return resident;
    storage.host ??= resident.read();
    storage.resident = null;
    return null;
  }

  private inputAddress(storage: Storage): number {
    const { residents } = this.device;
    const resident = this.residentOf(storage);
    if (resident !== null) return residents.use(resident);
    const data = storage.host;
    if (data === null) throw new InternalError("A program's input has no elements");
    if (data.byteLength > smallBytes) return residents.use(this.settle(storage, data));
    const address = this.take(padded(data.byteLength));
    residents.view(storage.dtype, address, data.length).set(data);
    return address;
  }

  /** Brings a storage in to stay. */
  private settle(storage: Storage, data: TypedArray): WasmResident {
    const resident = this.device.residents.upload(storage.dtype, data, true);
    storage.resident = resident;
    return resident;
  }

  /** Memory until the run ends. */
  private take(bytes: number): number {
    const address = this.device.heap.allocate(bytes);
    this.temporary.push({ address, bytes });
    return address;
  }

  /** Copies what is updated in place, since a later repetition may fail. */
  private backUp(inputs: readonly CallRow[], outputs: readonly CallRow[], backups: Map<Cell, Block>): void {
    const updated = new Set(outputs.map((row) => row.storage));
    for (const { storage } of inputs) {
      const cell = updated.has(storage) ? this.residentOf(storage)?.cell : undefined;
      if (cell === undefined || backups.has(cell)) continue;
      const block = { address: this.take(cell.bytes), bytes: cell.bytes };
      this.device.heap.bytes.copyWithin(block.address, cell.address, cell.address + block.bytes);
      backups.set(cell, block);
    }
  }

  /** Exchanged rows write to where the input lay: let that be a copy, so that the input keeps its value. */
  private spareExchanged(inputs: readonly CallRow[]): void {
    const { layout, device } = this;
    for (const [input, output] of this.program.exchanges) {
      const from = this.rowAddress(input);
      if (from === this.rowAddress(output)) continue;
      const { storage } = inputs[input] as CallRow;
      const bytes = padded(storage.length * bytesOf(storage.dtype));
      const address = this.take(bytes);
      device.heap.bytes.copyWithin(address, from, from + bytes);
      device.heap.words[(device.table.address + layout.rows + input * layout.rowBytes) >>> 2] = address;
    }
  }

  /** Hands the outputs over. */
  private finish(outputs: readonly CallRow[], repeat: number): void {
    const { residents, heap } = this.device;
    if (repeat % 2 === 0) this.settleExchanged(outputs);
    for (let i = 0; i < outputs.length; i++) {
      const { storage } = outputs[i] as CallRow;
      const block = this.fresh[i] as Block;
      if (block.address === 0) {
        storage.host = null;
        residents.written(storage.resident as WasmResident);
        continue;
      }
      const { address, bytes } = block;
      block.address = 0;
      if (bytes <= smallBytes && !this.exchanged[i]) {
        storage.host = residents.view(storage.dtype, address, storage.length).slice();
        heap.release(address, bytes);
      } else {
        storage.resident = residents.adopt(storage.dtype, storage.length, bytes, address);
      }
    }
  }

  /** After an even number of repetitions an exchanged value lies where its input lay: the output takes that memory. */
  private settleExchanged(outputs: readonly CallRow[]): void {
    for (const [, output] of this.program.exchanges) {
      const i = output - this.program.inputs;
      const block = this.fresh[i] as Block;
      const holder = block.address !== 0 ? block : ((outputs[i] as CallRow).storage.resident as WasmResident).cell;
      // Rows were exchanged repeat − 1 times, an odd number: the last output is in this row.
      const address = this.rowAddress(output);
      const spare = this.temporary.find((t) => t.address === address);
      if (spare === undefined) continue;
      spare.address = holder.address;
      holder.address = address;
    }
  }

  private releaseTemporary(): void {
    for (const { address, bytes } of this.temporary) this.device.heap.release(address, bytes);
    this.temporary.length = 0;
  }

  /** Makes as if the run had not been. */
  private undo(backups: Map<Cell, Block> | null): void {
    const { heap } = this.device;
    for (const [cell, { address, bytes }] of backups ?? []) heap.bytes.copyWithin(cell.address, address, address + bytes);
    for (const block of this.fresh) {
      if (block.address !== 0) heap.release(block.address, block.bytes);
      block.address = 0;
    }
    this.releaseTemporary();
  }
}
