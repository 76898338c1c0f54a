// Who frees what. A storage's bytes on a device are given back as soon as the engine knows that nobody can ask for them
// (the old value of a variable, a temporary of a call); the garbage collector's word comes late, and never inside a
// synchronous loop, so small results do not stay on the device at all.

import type { Device, ProgramDevice } from "../graph/device.ts";
import { allocate, bytesOf, type TypedArray } from "../graph/dtype.ts";
import { type Resident, Storage } from "../graph/storage.ts";
import { InternalError } from "../util/errors.ts";

/** Results of at most so many bytes are copied to JavaScript at once. */
const smallBytes = 4096;
/** Above so many bytes, what was uploaded is not kept in JavaScript as well. */
const keepBytes = 1 << 16;

const abandoned = new FinalizationRegistry<Resident>((resident) => resident.release());

const tracked = new WeakMap<Storage, Resident>();

/** Has the bytes on the device freed when the storage is collected, at the latest. */
export function track(storage: Storage): void {
  const { resident } = storage;
  if (resident === null || tracked.get(storage) === resident) return;
  abandoned.unregister(storage);
  abandoned.register(storage, resident, storage);
  tracked.set(storage, resident);
}

/** Gives the storage's bytes on its device back. */
export function release(storage: Storage): void {
  const { resident } = storage;
  if (resident === null) return;
  storage.resident = null;
  if (tracked.delete(storage)) abandoned.unregister(storage);
  resident.release();
}

/** Brings a storage where the device can use it. Nothing happens where it is there already. */
export function bring(storage: Storage, device: Device): void {
  if (storage.error !== null) throw storage.error;
  if (device.kind === "graph") {
    hostOf(storage);
    return;
  }
  const { resident } = storage;
  if (resident !== null) {
    if (resident.device === device.name) return;
    storage.host ??= resident.read();
    release(storage);
  }
  storage.resident = device.upload(storage.dtype, plain(storage, hostOf(storage)));
  track(storage);
  if (storage.length * bytesOf(storage.dtype) > keepBytes) storage.host = null;
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

/** After a run: small results move to JavaScript, larger ones are watched. */
export function settleResult(storage: Storage): void {
  const { resident } = storage;
  if (resident === null) return;
  if (storage.length * bytesOf(storage.dtype) > smallBytes) {
    track(storage);
    return;
  }
  storage.host = resident.read();
  storage.resident = null;
  resident.release();
}

/** A storage of its own with the same elements, on the device. */
export function duplicate(storage: Storage, device: ProgramDevice): Storage {
  const copy = new Storage(storage.dtype, storage.length, null);
  copy.resident = device.upload(storage.dtype, storage.resident === null ? plain(storage, hostOf(storage)) : storage.resident.read());
  track(copy);
  return copy;
}
