// Threads on small programs: a test is too small for any of its kernels to be worth sharing.

import type { ProgramDevice } from "../../src/graph/device.ts";
import type { Program } from "../../src/graph/kernel.ts";

/** The same program with kernels that claim to be long, so that each is cut into as many parts as there may be. */
export function laborious(program: Program): Program {
  return { ...program, kernels: program.kernels.map((kernel) => ({ ...kernel, cost: { flops: 1e12, bytes: 0 } })) };
}

/** From now on the device shares every kernel of the programs that it loads; it shows them to `see`. */
export function shareEverything(device: ProgramDevice, see: (program: Program) => void = () => {}): void {
  const load = device.load.bind(device);
  device.load = (program) => {
    const shared = laborious(program);
    see(shared);
    return load(shared);
  };
}
