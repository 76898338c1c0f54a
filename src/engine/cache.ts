// Programs by structure: whatever has the same key is compiled once in a process.

import type { Device } from "../graph/device.ts";
import type { Region } from "../graph/operation.ts";
import { regionKey } from "./key.ts";
import { type Observer, observer } from "./observer.ts";
import { type Donation, type Loaded, load } from "./pipeline.ts";

export type { Loaded } from "./pipeline.ts";

/** Programs kept for each device; the one unused for longest goes first. */
const limit = 1024;

const programs = new WeakMap<Device | Observer, Map<string, Loaded>>();
let compiles = 0;

/** How many programs were built so far in this process; found in the cache does not count. */
export function compileCount(): number {
  return compiles;
}

/** The program of a key, built from the region if it is not there. */
export function cached(device: Device, key: string, donations: readonly Donation[], region: () => Region, tune = false): Loaded {
  // What an observer has compiled is its own: it may have marks.
  const holder = observer.peek() ?? device;
  let known = programs.get(holder);
  if (known === undefined) {
    known = new Map();
    programs.set(holder, known);
  }
  const own = holder === device ? key : `${device.name}|${key}`;
  const found = known.get(own);
  if (found !== undefined) {
    if (known.size > limit / 2) {
      known.delete(own);
      known.set(own, found);
    }
    return found;
  }
  const loaded = load(region(), donations, device, tune);
  compiles++;
  known.set(own, loaded);
  if (known.size > limit) known.delete(known.keys().next().value as string);
  return loaded;
}

/** The program of a region, by its structure. */
export function cachedRegion(device: Device, region: Region, donations: readonly Donation[], tune = false): Loaded {
  const key = `${tune ? "tuned|" : ""}${donations.map((d) => d.join(">")).join()}|${regionKey(region)}`;
  return cached(device, key, donations, () => region, tune);
}
