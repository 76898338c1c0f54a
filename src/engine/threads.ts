// How many threads programs may use: what the user asked for, else DOWNHILL_THREADS, else one for each core.

import type { Device, ProgramDevice, ThreadOptions, Threads } from "../graph/device.ts";
import { mostThreads } from "../graph/parts.ts";
import { mistake, show } from "../util/errors.ts";

let asked: number | null = null;
let making: ThreadOptions = {};

/** Cores that this process may use, as Node or the browser counts them. */
function cores(): number {
  const node = (globalThis as { process?: NodeJS.Process }).process?.getBuiltinModule?.("node:os");
  return node?.availableParallelism() ?? (globalThis as { navigator?: Navigator }).navigator?.hardwareConcurrency ?? 1;
}

/** The number that devices are asked for. */
function threadsWanted(): number {
  if (asked !== null) return asked;
  const text = (globalThis as { process?: NodeJS.Process }).process?.env?.DOWNHILL_THREADS;
  if (text === undefined || text === "") return cores();
  const count = Number(text);
  checkCount("DOWNHILL_THREADS", count, text);
  return count;
}

/** Remembers the number, or with null the default, and tells devices. */
export function askThreads(count: number | null, options: ThreadOptions, devices: Iterable<Device>): void {
  if (count !== null) checkCount("setThreads", count, count);
  asked = count;
  making = { ...making, ...options };
  for (const device of devices) if (device.kind === "program") tellThreads(device);
}

/** Tells a device what is wanted. */
export function tellThreads(device: ProgramDevice): void {
  device.setThreads(threadsWanted(), making);
}

/** A device's threads; what evaluates graphs has one. */
export function threadsOf(device: Device): Threads {
  return device.kind === "program" ? device.threads : { count: 1, reason: `the ${device.name} device evaluates graphs on one thread` };
}

function checkCount(where: string, count: number, got: unknown): void {
  if (Number.isInteger(count) && count >= 1 && count <= mostThreads) return;
  throw mistake("OPTION", { where, problem: "a number of threads is an integer", got: show(got), expected: `1 to ${mostThreads}` });
}
