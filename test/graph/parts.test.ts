// How kernels are cut for threads.

import { describe, expect, it } from "vitest";
import { partOf } from "../../src/graph/parts.ts";

const lasting = (seconds: number, extent: number, grain?: number) => ({
  extent,
  cost: { flops: seconds * 3e10, bytes: 0 },
  ...(grain === undefined ? {} : { grain }),
});
const count = (kernel: ReturnType<typeof lasting>) => Math.ceil(kernel.extent / partOf(kernel));

describe("parts of a kernel", () => {
  it("are one where it is short, has nothing to do, or cannot be cut", () => {
    for (const kernel of [lasting(1e-6, 1000), lasting(0, 0), lasting(1, 1), lasting(1, 16, 16), lasting(1, 9, 16)])
      expect(partOf(kernel)).toBe(kernel.extent);
  });

  it("begin at multiples of the grain, cover everything, and are 64 at most", () => {
    for (const seconds of [15e-6, 40e-6, 1e-4, 1e-3, 1])
      for (const extent of [2, 3, 17, 64, 65, 1000, 2 ** 31 - 1])
        for (const grain of [1, 3, 16, 64]) {
          const kernel = lasting(seconds, extent, grain);
          const part = partOf(kernel);
          expect(part === extent || part % grain === 0).toBe(true);
          expect(part).toBeGreaterThan(0);
          expect(count(kernel)).toBeLessThanOrEqual(64);
        }
  });

  it("grow in number with the work, in twos, whichever of arithmetic and memory takes longer", () => {
    const counts = [15e-6, 24e-6, 50e-6, 100e-6, 200e-6, 1e-3].map((seconds) => count(lasting(seconds, 1 << 20)));
    expect(counts).toEqual([2, 2, 4, 8, 16, 64]);
    const bound = { extent: 1 << 20, cost: { flops: 1, bytes: 1e6 } };
    expect(Math.ceil(bound.extent / partOf(bound))).toBe(8);
  });
});
