// The device table: which devices there are, which one is in use, and why.

import type { Device, ThreadOptions, Threads } from "../graph/device.ts";
import { renderWasm } from "../render/wasm/render.ts";
import { createWasmDevice } from "../runtime/wasm/device.ts";
import { wasmSupport } from "../runtime/wasm/support.ts";
import { mistake, show } from "../util/errors.ts";
import { createNative } from "./native.ts";
import { createReference } from "./reference.ts";
import { Setting } from "./setting.ts";
import { askThreads, tellThreads, threadsOf } from "./threads.ts";

/** Devices by name; `"auto"` takes the fastest that works here. */
export type DeviceName = "reference" | "wasm" | "native";

const table: Record<DeviceName, () => Device> = {
  reference: createReference,
  wasm: () => createWasmDevice({ render: renderWasm }),
  native: createNative,
};

const created = new Map<DeviceName, Device>();

interface Choice {
  readonly name: DeviceName;
  readonly reason: string;
}

const choice = new Setting<Choice | null>(null);

/** The device of a name, made when it is first asked for. */
export function deviceOf(name: DeviceName): Device {
  let device = created.get(name);
  if (device === undefined) {
    device = table[name]();
    if (device.kind === "program") tellThreads(device);
    created.set(name, device);
  }
  return device;
}

let automaticChoice: Choice | null = null;

function automatic(): Choice {
  automaticChoice ??= decide();
  return automaticChoice;
}

function decide(): Choice {
  const { available, reason } = wasmSupport();
  if (!available) return { name: "reference", reason: `auto: ${reason}` };
  return { name: "wasm", reason: `auto: WebAssembly needs no installation${reason === null ? "" : `; ${reason}`}` };
}

/**
 * Chooses where tensors are computed from now on. Values that exist already move when they are used.
 *
 * @param name a device, or `"auto"` for the fastest that works here (the default).
 * @throws UserError `OPTION` for an unknown name.
 * @example
 * setDevice("reference");
 */
export function setDevice(name: DeviceName | "auto"): void {
  if (name !== "auto") checkName("setDevice", name);
  choice.value = name === "auto" ? null : { name, reason: "chosen by setDevice" };
}

export function checkName(where: string, name: string): asserts name is DeviceName {
  if (Object.hasOwn(table, name)) return;
  throw mistake("OPTION", { where, problem: "unknown device", got: show(name), expected: `auto, ${Object.keys(table).join(", ")}` });
}

/** The device in use and why it was chosen. */
export function device(): { readonly name: DeviceName; readonly reason: string } {
  return choice.value ?? automatic();
}

/**
 * Says how many threads programs may use from the next call on. Results have the same bits for any number.
 *
 * @param count 1 to 256, the calling thread included; or `"auto"` for the default: the environment variable
 *   `DOWNHILL_THREADS`, else one thread for each core.
 * @param options `workerUrl`: where a page finds the package's file `downhill/worker`, if its content policy forbids workers from
 *   `blob:` addresses; heeded by workers that are made from then on.
 * @throws UserError `OPTION` for another number.
 * @example
 * setThreads(1);
 */
export function setThreads(count: number | "auto", options: ThreadOptions = {}): void {
  askThreads(count === "auto" ? null : count, options, created.values());
}

/**
 * The threads of the device in use, the calling one included, and why they are fewer than asked for where they are.
 *
 * @example
 * console.log(threads().count);
 */
export function threads(): Threads {
  return threadsOf(currentDevice());
}

export function currentDevice(): Device {
  return deviceOf((choice.peek() ?? automatic()).name);
}

/** Devices that have been used. */
export function devicesInUse(): Device[] {
  return [...created.values()];
}
