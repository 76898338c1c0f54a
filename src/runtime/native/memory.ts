// Memory of the native device: JavaScript ArrayBuffers, whose addresses do not move. The garbage collector frees them,
// also inside a loop that never yields, so nothing has to be released by hand. Small blocks are cut from slabs, because an
// ArrayBuffer of their own costs 0.7 µs; large ones that are released early are kept for the next block of that size.

import type { DType, TypedArray } from "../../graph/dtype.ts";
import { bytesOf, viewOf } from "../../graph/dtype.ts";
import { alignment, padded } from "../../graph/kernel.ts";
import type { Resident } from "../../graph/storage.ts";
import type { Koffi } from "./node.ts";

const slabBytes = 64 << 10;
/** The largest block that is cut from a slab. */
const smallBytes = 2 << 10;
/** Released memory that may wait for its next use. */
const pooledLimit = 256 << 20;

/** Aligned memory: `bytes` from `offset` in `buffer`, at `address`. */
export interface Block {
  readonly buffer: ArrayBuffer;
  readonly offset: number;
  readonly address: number;
  readonly bytes: number;
}

export class Allocator {
  private readonly koffi: Koffi;
  private slab: Block | null = null;
  private used = 0;
  private readonly pool = new Map<number, Block[]>();
  /** Bytes that wait in the pool. */
  pooled = 0;
  /** Given out and not released. What is dropped without a release is freed all the same, but not counted off. */
  readonly live: { bytes: number; buffers: number } = { bytes: 0, buffers: 0 };

  constructor(koffi: Koffi) {
    this.koffi = koffi;
  }

  /** Memory for so many bytes, padded as every buffer is. Its contents are arbitrary. */
  allocate(bytes: number): Block {
    const size = padded(bytes);
    this.live.bytes += size;
    this.live.buffers++;
    if (size > smallBytes) return this.take(size) ?? this.fresh(size);
    if (this.slab === null || this.used + size > slabBytes) {
      this.slab = this.fresh(slabBytes);
      this.used = 0;
    }
    const { buffer, offset, address } = this.slab;
    const at = this.used;
    this.used += size;
    return { buffer, offset: offset + at, address: address + at, bytes: size };
  }

  /** Gives memory back. Without this the garbage collector does it, only later. */
  release(block: Block): void {
    const { bytes } = block;
    this.live.bytes -= bytes;
    this.live.buffers--;
    if (bytes <= smallBytes || bytes > pooledLimit) return;
    if (this.pooled + bytes > pooledLimit) {
      this.pool.clear();
      this.pooled = 0;
    }
    const same = this.pool.get(bytes);
    if (same === undefined) this.pool.set(bytes, [block]);
    else same.push(block);
    this.pooled += bytes;
  }

  /** New memory, all zero. */
  fresh(size: number): Block {
    const buffer = new ArrayBuffer(size + alignment);
    const start = Number(this.koffi.address(buffer));
    const offset = (alignment - (start % alignment)) % alignment;
    return { buffer, offset, address: start + offset, bytes: size };
  }

  private take(size: number): Block | null {
    const block = this.pool.get(size)?.pop();
    if (block === undefined) return null;
    this.pooled -= size;
    return block;
  }
}

/** A storage's elements in native memory. */
export class NativeResident implements Resident {
  readonly device = "native";
  readonly dtype: DType;
  readonly length: number;
  readonly block: Block;
  private readonly allocator: Allocator;
  private released = false;

  constructor(allocator: Allocator, dtype: DType, length: number) {
    this.allocator = allocator;
    this.dtype = dtype;
    this.length = length;
    this.block = allocator.allocate(length * bytesOf(dtype));
  }

  /** The elements, where they lie. */
  view(): TypedArray {
    return viewOf(this.dtype, this.block.buffer, this.block.offset, this.length);
  }

  copy(): NativeResident {
    const copy = new NativeResident(this.allocator, this.dtype, this.length);
    copy.view().set(this.view());
    return copy;
  }

  read(): TypedArray {
    return this.view().slice();
  }

  release(): void {
    if (!this.released) this.allocator.release(this.block);
    this.released = true;
  }
}
