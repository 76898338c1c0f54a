// A storage is the realised value of a tensor: elements in a typed array, on a device, or both.
// It is the handle that crosses from the runtime to the graph and back; only runtimes look inside `resident`.

import type { DType, TypedArray } from "./dtype.ts";

/** Where a device keeps a storage's bytes; each runtime has its own subclass of this. */
export interface Resident {
  /** The device that owns the bytes, such as `"wasm"`. */
  readonly device: string;
  /** Copies the elements out. The result is the caller's. */
  read(): TypedArray;
  /** Gives the bytes back to the device. The storage must not be used through this resident again. */
  release(): void;
}

export class Storage {
  readonly dtype: DType;
  /** Number of elements. */
  readonly length: number;
  /** The elements in JavaScript memory, where they are there. Never written to once the storage is visible. */
  host: TypedArray | null;
  /** The elements on a device, where they are there. */
  resident: Resident | null = null;
  /** True once somebody other than the owning variable may look at this value: it must not be overwritten in place. */
  shared = false;
  /** Set when computing this value failed: reading throws it. */
  error: Error | null = null;

  constructor(dtype: DType, length: number, host: TypedArray | null) {
    this.dtype = dtype;
    this.length = length;
    this.host = host;
  }
}
