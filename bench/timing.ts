// How a step is timed: twenty groups of steps that together fill about `seconds`, the loss read at the end of each group,
// as the peers' scripts do.

import type { Tensor } from "../src/index.ts";

export interface Timing {
  /** Median and least milliseconds of one step. */
  readonly median: number;
  readonly least: number;
}

/** Times `step`; one call stands for `steps` training steps. */
export async function timed(step: () => Tensor, seconds: number, steps = 1): Promise<Timing> {
  for (let i = 0; i < 5; i++) await step().data();
  const before = performance.now();
  await step().data();
  const once = Math.max(performance.now() - before, 1e-3);
  const group = Math.max(1, Math.round((seconds * 1000) / 20 / once));
  const rows: number[] = [];
  for (let row = 0; row < 20; row++) {
    const start = performance.now();
    let loss = step();
    for (let i = 1; i < group; i++) loss = step();
    await loss.data();
    rows.push((performance.now() - start) / group / steps);
  }
  rows.sort((a, b) => a - b);
  return { median: ((rows[9] as number) + (rows[10] as number)) / 2, least: rows[0] as number };
}
