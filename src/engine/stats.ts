// What the engine has done and holds, in numbers: for tests of leaks and recompiles, and for curious people.

import { compileCount } from "./cache.ts";
import { devicesInUse } from "./devices.ts";

let traces = 0;

/** One more function was traced. */
export function countTrace(): void {
  traces++;
}

export interface Stats {
  /** Programs built in this process; those found in the cache do not count. */
  readonly compiles: number;
  /** Traces of compiled functions. */
  readonly traces: number;
  /** Buffers held on devices, and their bytes. */
  readonly buffers: number;
  readonly bytes: number;
}

/**
 * Compiles, traces, and memory held on devices.
 *
 * @example
 * console.log(stats());
 */
export function stats(): Stats {
  let [buffers, bytes] = [0, 0];
  for (const device of devicesInUse()) {
    if (device.kind === "graph") continue;
    const memory = device.memory();
    buffers += memory.buffers;
    bytes += memory.bytes;
  }
  return { compiles: compileCount(), traces, buffers, bytes };
}
