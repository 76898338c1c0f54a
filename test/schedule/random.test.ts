import fc from "fast-check";
import { expect, test } from "vitest";
import type { Target } from "../../src/graph/kernel.ts";
import { schedule } from "../../src/schedule/schedule.ts";
import { consult, findWrong } from "../support/close.ts";
import { randomGraph } from "../support/random_graph.ts";
import { runSchedule } from "../support/run_schedule.ts";

const target: Target = { name: "test", lanes: 4, registers: 16, cache: [32_768, 1_048_576] };

for (const fuse of [false, true]) {
  for (const arena of [false, true]) {
    test(`random graphs, ${fuse ? "fused" : "unfused"}, ${arena ? "in one arena" : "every buffer by itself"}`, () => {
      fc.assert(
        fc.property(randomGraph(), ({ region, parameters }) => {
          const made = schedule(region, target, [], { fuse, smallWork: 0 });
          const { results, error } = runSchedule(made, region, parameters, { arena, scratch: 100 });
          expect(error).toBeNull();
          expect(findWrong(results, consult(region, parameters))).toBeNull();
        }),
        { numRuns: 150, seed: 7 },
      );
    });
  }
}
