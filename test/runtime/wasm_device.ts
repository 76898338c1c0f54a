// The device under test, and short words for calling programs.

import type { CallRow, ProgramDevice } from "../../src/graph/device.ts";
import type { DType, TypedArray } from "../../src/graph/dtype.ts";
import { Storage } from "../../src/graph/storage.ts";
import { renderWasm } from "../../src/render/wasm/render.ts";
import { createWasmDevice } from "../../src/runtime/wasm/device.ts";

export function newDevice(): ProgramDevice {
  return createWasmDevice({ render: renderWasm });
}

export function given(dtype: DType, data: TypedArray): Storage {
  return new Storage(dtype, data.length, data);
}

export function fresh(dtype: DType, length: number): Storage {
  return new Storage(dtype, length, null);
}

export function row(storage: Storage, strideBytes = 0): CallRow {
  return { storage, strideBytes };
}

/** A storage's elements, wherever they are. */
export function valueOf(storage: Storage): TypedArray {
  const value = storage.host ?? storage.resident?.read();
  if (value === undefined) throw new Error("a storage without elements");
  return value;
}
