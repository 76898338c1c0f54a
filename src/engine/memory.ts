// Where a value lies and who frees it. Devices free what is garbage; the engine gives bytes back as soon as it knows that
// nobody can ask for them (the old value of a variable, a temporary of a call), because the garbage collector comes late.

import type { Device } from "../graph/device.ts";
import { allocate, type TypedArray } from "../graph/dtype.ts";
import { Storage } from "../graph/storage.ts";
import { InternalError } from "../util/errors.ts";

/** Gives the storage's bytes on its device back. */
export function release(storage: Storage): void {
  const { resident } = storage;
  if (resident === null) return;
  storage.resident = null;
  resident.release();
}

/** Makes a storage one that the device can use: on no other device, and in the dtype's own array. The device itself uploads it. */
export function bring(storage: Storage, device: Device): void {
  if (storage.error !== null) throw storage.error;
  const { resident } = storage;
  if (device.kind === "graph") {
    hostOf(storage);
    return;
  }
  if (resident === null) {
    storage.host = plain(storage, hostOf(storage));
    return;
  }
  if (resident.device === device.name) return;
  storage.host ??= resident.read();
  release(storage);
}

/** The elements in JavaScript, kept there; not to be changed. */
export function hostOf(storage: Storage): TypedArray {
  if (storage.error !== null) throw storage.error;
  storage.host ??= storage.resident?.read() ?? null;
  if (storage.host === null) throw new InternalError("a storage has no elements");
  return storage.host;
}

/** A copy of the elements in the dtype's own array; `exact` leaves the doubles of the reference device as they are. */
export function readStorage(storage: Storage, exact = false): TypedArray {
  if (storage.error !== null) throw storage.error;
  const { host, resident } = storage;
  if (host === null) {
    if (resident === null) throw new InternalError("a storage has no elements");
    return resident.read();
  }
  if (exact) return host.slice();
  const own = plain(storage, host);
  return own === host ? host.slice() : own;
}

/** The elements in the dtype's own array: the reference device keeps float32 in double precision. */
function plain(storage: Storage, host: TypedArray): TypedArray {
  if (storage.dtype !== "float32" || host instanceof Float32Array) return host;
  const array = allocate("float32", storage.length);
  array.set(host);
  return array;
}

/** A storage of its own with the same elements. */
export function duplicate(storage: Storage): Storage {
  // Elements in JavaScript are never written to, so both may hold them.
  return new Storage(storage.dtype, storage.length, storage.host ?? readStorage(storage));
}
