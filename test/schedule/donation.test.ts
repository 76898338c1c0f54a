// Variables written in place: random graphs whose parameters are donated to results of their type, simulated by the reference
// and lowered for real. Overwriting too early, or in a task that still reads elsewhere, gives wrong numbers.

import fc from "fast-check";
import { expect, test } from "vitest";
import { binary } from "../../src/graph/build.ts";
import { allocate, type TypedArray, viewOf } from "../../src/graph/dtype.ts";
import type { Target } from "../../src/graph/kernel.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Region } from "../../src/graph/operation.ts";
import { sameShape } from "../../src/graph/shape.ts";
import { lower } from "../../src/kernel/lower.ts";
import { place, schedule } from "../../src/schedule/schedule.ts";
import { consult, findWrong } from "../support/close.ts";
import { block, interpretProgram } from "../support/interpret.ts";
import { randomGraph } from "../support/random_graph.ts";
import { runSchedule } from "../support/run_schedule.ts";

const target: Target = { name: "test", lanes: 4, registers: 16, cache: [32_768, 1_048_576] };

/** Every parameter with the first result of its type that is not taken yet. */
function donationsOf({ parameters, results }: Region): [number, number][] {
  const taken = new Set<number>();
  return parameters.flatMap((p, i): [number, number][] => {
    const j = results.findIndex((r, k) => !taken.has(k) && r.dtype === p.dtype && sameShape(r.shape, p.shape));
    if (j < 0) return [];
    taken.add(j);
    return [[i, j]];
  });
}

/** More results, so that there is something to donate to. */
function withUpdates({ parameters, results }: Region): Region {
  const updates = parameters.flatMap((p): Node[] => {
    const like = results.find((r) => r.dtype === p.dtype && sameShape(r.shape, p.shape));
    const sum = results.find((r) => r.dtype === p.dtype && r.shape.length === 0);
    if (like !== undefined) return [binary("add", p, like)];
    return sum === undefined || p.shape.length > 0 ? [] : [binary("mul", p, sum)];
  });
  return { parameters, results: [...updates, ...results, ...parameters.slice(0, 1)] };
}

test("random graphs with donated parameters", () => {
  let overwritten = 0;
  let exchanged = 0;
  fc.assert(
    fc.property(randomGraph(), ({ region: plain, parameters }) => {
      const region = withUpdates(plain);
      const donations = donationsOf(region);
      const made = schedule(region, target, donations, { smallWork: 0 });
      overwritten += made.inPlace.length;
      exchanged += made.exchanges.length;
      expect(made.inPlace.length + made.exchanges.length).toBe(donations.length);
      const oracle = consult(region, parameters);
      expect(findWrong(runSchedule(made, region, parameters).results, oracle), "simulated").toBeNull();

      const program = place(
        made,
        made.tasks.map((task) => lower(task, target, made.checkOf)),
      );
      const table = [...parameters.map(block), ...region.results.map((n) => block(allocate(n.dtype, n.size)))];
      for (const [from, to] of made.inPlace) table[to] = table[from] as Uint8Array;
      expect(interpretProgram(program, table, 1, [], { fused: true })).toBeNull();
      const results = region.results.map((n, i) => viewOf(n.dtype, (table[made.inputs + i] as Uint8Array).buffer, 0, n.size));
      expect(findWrong(results as TypedArray[], oracle), "lowered").toBeNull();
    }),
    { numRuns: 200, seed: 3 },
  );
  expect(overwritten).toBeGreaterThan(200);
  expect(exchanged).toBeGreaterThan(20);
});
