// The device's one WebAssembly memory and who has which part of it. Free blocks lie in lists by size; a request takes a block of its
// size, else the smallest larger one, cut; before the memory would grow, neighbouring free blocks are joined.

import { alignment } from "../../graph/kernel.ts";
import { UnsupportedError } from "../../util/errors.ts";
import { type Limits, makeMemory } from "./memory.ts";

const page = 65536;

export class Heap {
  readonly memory: WebAssembly.Memory;
  readonly limits: Limits;
  /** Why the memory is not shared with other threads; null where it is. */
  readonly unshared: string | null;
  /** Views of the memory; made anew when it grows, so never keep one. */
  bytes: Uint8Array;
  words: Int32Array;
  private readonly free = new Map<number, number[]>();
  private freeBytes = 0;
  private freedSinceJoin = false;
  /** Everything from here on was never given out. */
  private top: number;

  /** Blocks lie at `lowest` or above. */
  constructor(lowest: number) {
    const { memory, limits, unshared } = makeMemory(lowest / page);
    this.memory = memory;
    this.limits = limits;
    this.unshared = unshared;
    this.top = lowest;
    this.bytes = new Uint8Array(this.memory.buffer);
    this.words = new Int32Array(this.memory.buffer);
  }

  get capacity(): number {
    return this.bytes.byteLength;
  }

  /** The address of a block of so many bytes, a multiple of `alignment`. Its contents are arbitrary. */
  allocate(size: number): number {
    const list = this.free.get(size);
    const address = list?.pop();
    if (address !== undefined) {
      this.freeBytes -= size;
      return address;
    }
    return this.cut(size) ?? (this.needsGrowth(size) && this.join() ? this.cut(size) : null) ?? this.extend(size);
  }

  release(address: number, size: number): void {
    const list = this.free.get(size);
    if (list === undefined) this.free.set(size, [address]);
    else list.push(address);
    this.freeBytes += size;
    this.freedSinceJoin = true;
  }

  /** A block from the smallest free one that is larger. */
  private cut(size: number): number | null {
    if (this.freeBytes < size) return null;
    let best = Number.POSITIVE_INFINITY;
    for (const [candidate, list] of this.free) {
      if (list.length === 0) this.free.delete(candidate);
      else if (candidate >= size && candidate < best) best = candidate;
    }
    const address = this.free.get(best)?.pop();
    if (address === undefined) return null;
    this.freeBytes -= size;
    const rest = best - size;
    if (rest > 0) {
      const list = this.free.get(rest);
      if (list === undefined) this.free.set(rest, [address + size]);
      else list.push(address + size);
    }
    return address;
  }

  private needsGrowth(size: number): boolean {
    return this.top + size > this.capacity;
  }

  /** Joins free neighbours, and gives back what lies at the end. Returns whether anything may have changed. */
  private join(): boolean {
    if (!this.freedSinceJoin) return false;
    this.freedSinceJoin = false;
    const blocks: { address: number; size: number }[] = [];
    for (const [size, list] of this.free) for (const address of list) blocks.push({ address, size });
    blocks.sort((a, b) => a.address - b.address);
    this.free.clear();
    this.freeBytes = 0;
    for (let i = 0; i < blocks.length; ) {
      const { address } = blocks[i] as { address: number };
      let end = address;
      while (i < blocks.length && blocks[i]?.address === end) end += blocks[i++]?.size as number;
      if (end === this.top) this.top = address;
      else {
        this.release(address, end - address);
        this.freedSinceJoin = false;
      }
    }
    return true;
  }

  private extend(size: number): number {
    if (this.needsGrowth(size)) this.grow(this.top + size - this.capacity);
    const address = this.top;
    this.top += size;
    return address;
  }

  private grow(bytes: number): void {
    const needed = Math.ceil(bytes / page);
    const generous = Math.min(Math.max(needed, Math.ceil(this.capacity / page / 4), 16), this.limits.maximum - this.capacity / page);
    if (!this.tryGrow(Math.max(generous, needed)) && !this.tryGrow(needed))
      throw new UnsupportedError(
        "MEMORY",
        `wasm: out of memory; got a request for ${bytes} bytes more, with ${this.capacity} held. Use smaller batches, release results with dispose(), or another device.`,
      );
    this.bytes = new Uint8Array(this.memory.buffer);
    this.words = new Int32Array(this.memory.buffer);
  }

  private tryGrow(pages: number): boolean {
    try {
      this.memory.grow(pages);
      return true;
    } catch {
      return false;
    }
  }
}

/** Rounds up to a whole number of units of `alignment`. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
