// What every device with threads promises: the same bits, whatever their number.

import { expect } from "vitest";
import { deviceOf } from "../../src/engine/devices.ts";
import type { ProgramDevice } from "../../src/graph/device.ts";
import type { Kernel } from "../../src/graph/kernel.ts";
import { setDevice, setThreads, threads } from "../../src/index.ts";
import { shareEverything } from "./sharing.ts";
import { train } from "./training.ts";

/** Trains a network of training.ts on several numbers of threads, every kernel shared. */
export async function expectSameBits(device: "wasm" | "native", name: string): Promise<void> {
  setDevice(device);
  const shared: Kernel[] = [];
  shareEverything(deviceOf(device) as ProgramDevice, (program) => shared.push(...program.kernels));
  try {
    const results = [];
    for (const count of [1, 2, 3, 7]) {
      setThreads(count);
      expect(threads()).toEqual({ count, reason: null });
      results.push(await train(name, 12));
    }
    expect(shared.filter(({ extent, grain }) => extent > (grain ?? 1)).length).toBeGreaterThan(5);
    expect(new Set(results[0]?.get("losses")).size).toBeGreaterThan(10);
    for (const result of results.slice(1)) expect(result).toEqual(results[0]);
  } finally {
    setThreads(1);
    setDevice("auto");
  }
}
