import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mergeScans } from "../../src/graph/merge.ts";
import { printGraph } from "../../src/graph/print.ts";
import { rewrite } from "../../src/graph/rewrite.ts";
import { verifyRegion } from "../../src/graph/verify.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { consult, findWrong } from "../support/close.ts";
import { randomGraph } from "../support/random_graph.ts";
import { generator } from "../support/values.ts";

const runs = 300;

describe("random graphs with their gradients", () => {
  test("pass the verifier", () => {
    fc.assert(
      fc.property(randomGraph(), ({ region }) => verifyRegion(region)),
      { numRuns: runs, seed: 1 },
    );
  });

  test("evaluate to the same bits twice, and do not change their operands", () => {
    fc.assert(
      fc.property(randomGraph(), ({ region, parameters }) => {
        const before = parameters.map((p) => p.slice());
        expect(evaluateRegion(region, parameters)).toEqual(evaluateRegion(region, parameters));
        expect(parameters).toEqual(before);
      }),
      { numRuns: runs, seed: 2 },
    );
  });

  test("what counts as close: another device's rounding passes, an error of a thousandth does not", () => {
    let seeded = 0;
    let caught = 0;
    fc.assert(
      fc.property(randomGraph(), ({ region, parameters }) => {
        const oracle = consult(region, parameters);
        const random = generator(999);
        const round = (value: number, correctlyRounded: boolean) => {
          const rounded = Math.fround(value);
          if ((correctlyRounded && rounded === value) || !Number.isFinite(rounded)) return rounded;
          return Math.fround(value * (1 + (random() - 0.5) * 2 ** -22));
        };
        expect(findWrong(evaluateRegion(region, parameters, { round }), oracle)).toBe(null);
        const wrong = oracle.exact.map((result) => (result instanceof Float64Array ? result.map((v) => v * 1.001) : result));
        if (!wrong.some((result) => result instanceof Float64Array && result.some((v) => v !== 0 && Number.isFinite(v)))) return;
        seeded++;
        if (findWrong(wrong, oracle) !== null) caught++;
      }),
      { numRuns: runs, seed: 4 },
    );
    expect(seeded).toBeGreaterThan(runs / 2);
    expect(caught / seeded).toBeGreaterThan(0.98);
  });

  test("keep their values and types when rewritten by no rule and when twin scans merge", () => {
    fc.assert(
      fc.property(randomGraph(), ({ region, parameters }) => {
        expect(rewrite(region.results, () => null)).toEqual([...region.results]);
        const merged = { parameters: region.parameters, results: mergeScans(region.results) };
        verifyRegion(merged);
        expect(printGraph(merged.results).split("\n").length).toBeLessThanOrEqual(
          printGraph(region.results, { limit: 1e6 }).split("\n").length,
        );
        expect(evaluateRegion(merged, parameters)).toEqual(evaluateRegion(region, parameters));
      }),
      { numRuns: runs, seed: 3 },
    );
  });
});
