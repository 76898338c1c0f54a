// A loaded program's runs: writes the table, calls the module once, takes the outputs. A failed run leaves no trace.

import type { CallRow, Executable, ProgramFailure } from "../../graph/device.ts";
import { bytesOf, type TypedArray } from "../../graph/dtype.ts";
import { type Program, padded } from "../../graph/kernel.ts";
import type { Storage } from "../../graph/storage.ts";
import { InternalError } from "../../util/errors.ts";
import type { Heap } from "./heap.ts";
import type { SharedProgram } from "./job.ts";
import type { Marks } from "./marks.ts";
import { type Cell, type Residents, WasmResident } from "./resident.ts";

/** What programs use of their device. */
export interface ProgramHost {
  readonly heap: Heap;
  readonly residents: Residents;
  readonly arena: { readonly address: number };
  readonly table: { readonly address: number };
  /** Before a run: gets the workers ready to help with the program. */
  prepare(program: SharedProgram): void;
  /** After a trap: waits until no worker is inside the program any more. */
  recover(): void;
}

/** Fresh results up to this many bytes go to JavaScript at once, and inputs up to it are brought in for each run. */
const smallBytes = 4096;

/** Byte offsets in the call table: see render/wasm/program.ts. A row is a pointer and a stride. */
export interface TableLayout {
  readonly status: number;
  readonly arena: number;
  readonly strided: number;
  readonly rows: number;
  readonly rowBytes: number;
}

export type Start = (table: number, repeat: number) => number;

/** A block of memory that belongs to the current run: an output not yet adopted, an input brought in for once, a copy. */
interface Block {
  address: number;
  bytes: number;
}

export class WasmExecutable implements Executable {
  readonly marks?: Float64Array;
  private readonly device: ProgramHost;
  private readonly program: Program;
  private readonly layout: TableLayout;
  private readonly start: Start;
  /** For each output, the memory made for it in this run; address 0 where it had some. */
  private readonly fresh: readonly Block[];
  private readonly shared: SharedProgram | null;
  /** For each output, whether its value takes an input's place between repetitions. */
  private readonly exchanged: readonly boolean[];
  private readonly temporary: Block[] = [];
  private readonly clock: Marks | null;

  /** `start` is what the module exports as `run`; `shared` is how workers can help, if they can. */
  constructor(device: ProgramHost, program: Program, layout: TableLayout, start: Start, shared: SharedProgram | null, marks: Marks | null) {
    this.device = device;
    this.program = program;
    this.layout = layout;
    this.start = start;
    this.shared = shared;
    this.clock = marks;
    if (marks !== null) this.marks = marks.slots;
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
      if (this.shared !== null) device.prepare(this.shared);
      const table = device.table.address;
      this.clock?.begin();
      const done = this.start(table, repeat);
      if (done < repeat) {
        const at = (table + layout.status) >>> 2;
        const { words } = device.heap;
        this.undo(backups);
        return { check: (words[at] as number) - 1, value: words[at + 1] as number, repetition: done };
      }
    } catch (error) {
      this.undo(backups);
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      device.recover();
      throw new InternalError(`A wasm program trapped: ${error.message}`, { cause: error });
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
