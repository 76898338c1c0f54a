// How a kernel is divided among threads: by its cost alone, so that every back end cuts the same parts, and none where handing them
// over would cost more than it gains. The thread that is free takes the next part, so parts are several times more than threads.

import type { Kernel } from "./kernel.ts";

/** More threads than this are never asked for. */
export const mostThreads = 256;

/** What one thread does in a second, roughly; the slower of the two bounds a kernel. */
const pace = { flops: 3e10, bytes: 1e10 };
/** Seconds below which a kernel stays on one thread. */
const worthSharing = 15e-6;
/** Seconds that a part should take: long beside the taking of the next one, short beside the waiting for the last. */
const partSeconds = 12.5e-6;
const mostParts = 64;

/** Length of each part of a kernel's extent, the last one excepted; the whole extent where one thread should run it. */
export function partOf({ extent, cost, grain = 1 }: Pick<Kernel, "extent" | "cost" | "grain">): number {
  const seconds = Math.max(cost.flops / pace.flops, cost.bytes / pace.bytes);
  if (seconds < worthSharing || extent <= grain) return extent;
  // An even number, because two threads are the most common.
  const parts = Math.min(mostParts, 2 * Math.max(1, Math.round(seconds / partSeconds / 2)));
  return Math.max(1, Math.ceil(extent / parts / grain)) * grain;
}
