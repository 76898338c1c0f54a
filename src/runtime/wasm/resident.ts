// Storages' elements in WASM memory, and how much of it they may hold.
// In a synchronous loop nothing tells that a storage is garbage: finalizers wait for the loop to end, and a WeakRef would keep its
// target alive until then. So under pressure the device moves what was not used lately to JavaScript arrays and forgets it: the
// arrays hang on their storages alone, and the collector takes both. What is used again comes back, and the budget grows with it.
//
//   storage ──▶ WasmResident (the handle, watched by a finalizer) ──▶ Cell ◀── the device, while the elements are in WASM memory

import { type DType, type TypedArray, viewOf } from "../../graph/dtype.ts";
import { padded } from "../../graph/kernel.ts";
import type { Resident } from "../../graph/storage.ts";
import { InternalError } from "../../util/errors.ts";
import type { Heap } from "./heap.ts";

/** The cells' share of memory at first. */
const firstBudget = 16 * 2 ** 20;
const largestBudget = 3 * 2 ** 30;

/** Runs for which something used once, or more often, is not moved. */
const patience = { once: 2, often: 64 };

/** Elements in WASM memory, or moved out of it. */
export interface Cell {
  readonly dtype: DType;
  readonly length: number;
  readonly bytes: number;
  /** 0 where the elements are not in WASM memory. */
  address: number;
  /** The elements in JavaScript memory, where they are there; never written to. */
  copy: TypedArray | null;
  /** Whether `copy` belongs to a storage as well, and costs nothing to keep. */
  borrowed: boolean;
  /** The run that used it last, and how many did. */
  lastUse: number;
  uses: number;
  /** What the finalizer of the handle will release; emptied when that is done otherwise, or the copy would live as long. */
  ticket: Ticket;
}

interface Ticket {
  cell: Cell | null;
  readonly owner: Residents;
}

// One for all devices: V8 13.6 stops calling back where several registries became garbage together.
const finalizers = new FinalizationRegistry<Ticket>(({ cell, owner }) => {
  if (cell !== null) owner.release(cell);
});

export class WasmResident implements Resident {
  readonly device = "wasm";
  readonly owner: Residents;
  readonly cell: Cell;

  constructor(owner: Residents, cell: Cell) {
    this.owner = owner;
    this.cell = cell;
  }

  read(): TypedArray {
    return this.owner.read(this.cell);
  }

  release(): void {
    this.owner.release(this.cell);
  }
}

export class Residents {
  readonly heap: Heap;
  private readonly held = new Set<Cell>();
  private heldBytes = 0;
  private budget = firstBudget;
  private run = 0;

  constructor(heap: Heap) {
    this.heap = heap;
  }

  get bytes(): number {
    return this.heldBytes;
  }

  get buffers(): number {
    return this.held.size;
  }

  view(dtype: DType, address: number, length: number): TypedArray {
    // Not `memory.buffer`: asking the memory takes longer than making the view.
    return viewOf(dtype, this.heap.bytes.buffer, address, length);
  }

  /** Begins a run: what it uses stays until it ends. */
  begin(): void {
    this.run++;
    if (this.heldBytes > this.budget) this.relieve();
  }

  /** Takes over a block of `padded` size that holds the elements of a new storage. */
  adopt(dtype: DType, length: number, bytes: number, address: number): WasmResident {
    const cell: Cell = {
      dtype,
      length,
      bytes,
      address,
      copy: null,
      borrowed: false,
      lastUse: 0,
      uses: 0,
      ticket: { cell: null, owner: this },
    };
    const resident = new WasmResident(this, cell);
    this.hold(resident);
    return resident;
  }

  /** Brings elements in. `borrowed` data will not change, and need not be copied when they are moved out again. */
  upload(dtype: DType, data: TypedArray, borrowed = false): WasmResident {
    const bytes = padded(data.byteLength);
    const address = this.heap.allocate(bytes);
    this.view(dtype, address, data.length).set(data);
    const resident = this.adopt(dtype, data.length, bytes, address);
    if (borrowed) {
      resident.cell.copy = data;
      resident.cell.borrowed = true;
    }
    return resident;
  }

  /** The address of elements that the current run uses, brought back where they were moved out. */
  use(resident: WasmResident): number {
    const { cell } = resident;
    if (cell.address === 0) this.bringBack(resident);
    if (cell.lastUse !== this.run) {
      cell.lastUse = this.run;
      cell.uses++;
    }
    return cell.address;
  }

  /** Says that a run wrote new elements. */
  written(resident: WasmResident): void {
    resident.cell.copy = null;
    resident.cell.borrowed = false;
  }

  read({ address, copy, dtype, length }: Cell): TypedArray {
    if (address !== 0) return this.view(dtype, address, length).slice();
    if (copy === null) throw new InternalError("A released buffer of the wasm device was read");
    return copy.slice();
  }

  release(cell: Cell): void {
    if (cell.address !== 0) this.drop(cell);
    cell.copy = null;
  }

  private bringBack(resident: WasmResident): void {
    const { cell } = resident;
    if (cell.copy === null) throw new InternalError("A released buffer of the wasm device was used");
    cell.address = this.heap.allocate(cell.bytes);
    this.view(cell.dtype, cell.address, cell.length).set(cell.copy);
    if (!cell.borrowed) cell.copy = null;
    this.hold(resident);
    this.budget = Math.min(this.budget + 2 * cell.bytes, largestBudget);
  }

  private hold(resident: WasmResident): void {
    const { cell } = resident;
    cell.lastUse = this.run;
    cell.uses++;
    cell.ticket = { cell, owner: this };
    this.held.add(cell);
    this.heldBytes += cell.bytes;
    finalizers.register(resident, cell.ticket, cell.ticket);
  }

  private drop(cell: Cell): void {
    this.heap.release(cell.address, cell.bytes);
    this.held.delete(cell);
    this.heldBytes -= cell.bytes;
    cell.address = 0;
    cell.ticket.cell = null;
    finalizers.unregister(cell.ticket);
  }

  /** Moves what was not used lately to JavaScript, down to half the budget; where all is in use, the budget grows. */
  private relieve(): void {
    const often = (cell: Cell): number => (cell.uses > 1 ? 1 : 0);
    const idle = [...this.held].filter((cell) => this.run - cell.lastUse > (cell.uses > 1 ? patience.often : patience.once));
    idle.sort((a, b) => often(a) - often(b) || a.lastUse - b.lastUse);
    for (const cell of idle) {
      if (this.heldBytes <= this.budget / 2) break;
      cell.copy ??= this.view(cell.dtype, cell.address, cell.length).slice();
      this.drop(cell);
    }
    if (this.heldBytes > this.budget / 2) this.budget = Math.min(2 * this.heldBytes, largestBudget);
  }
}
