import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mergeScans } from "../../src/graph/merge.ts";
import { printGraph } from "../../src/graph/print.ts";
import { rewrite } from "../../src/graph/rewrite.ts";
import { verifyRegion } from "../../src/graph/verify.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { consult, findWrong } from "../support/close.ts";
import { randomGraph } from "../support/random_graph.ts";

const runs = 300;

describe("random graphs with their gradients", () => {
  test("pass the verifier", () => {
    fc.assert(
      fc.property(randomGraph(), ({ region }) => verifyRegion(region)),
      { numRuns: runs, seed: 1 },
    );
  });

  test("evaluate to the same bits twice, and rounded results are what rounding explains", () => {
    fc.assert(
      fc.property(randomGraph(), ({ region, parameters }) => {
        const oracle = consult(region, parameters, 8);
        expect(evaluateRegion(region, parameters)).toEqual(oracle.exact);
        expect(findWrong(oracle.rounded, oracle)).toBe(null);
      }),
      { numRuns: runs, seed: 2 },
    );
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
