// Many random graphs in one run: in tests of a few seconds each (a worker that is silent for a minute is ended by Vitest), each
// with a seed of its own. A failure prints its seed and path; DOWNHILL_SEED=… and DOWNHILL_PATH=… replay it alone, DOWNHILL_SEED
// and DOWNHILL_RUNS choose others.

import fc from "fast-check";
import { expect, it } from "vitest";
import type { TypedArray } from "../../src/graph/dtype.ts";
import { Storage } from "../../src/graph/storage.ts";
import { consult, findWrong } from "./close.ts";
import { type RandomGraph, randomGraph } from "./random_graph.ts";

const { DOWNHILL_SEED, DOWNHILL_PATH, DOWNHILL_RUNS } = process.env;
const perTest = 250;

/** The operands of a graph, as fresh storages. */
export function storagesOf({ region, parameters }: RandomGraph): Storage[] {
  return region.parameters.map((node, i) => new Storage(node.dtype, node.size, parameters[i] as TypedArray));
}

/** Tests that random graphs come out as the reference says. */
export function testRandomGraphs(count: number, firstSeed: number, evaluate: (graph: RandomGraph) => TypedArray[]): void {
  const property = fc.property(randomGraph(), (graph) => {
    expect(findWrong(evaluate(graph), consult(graph.region, graph.parameters))).toBeNull();
  });
  const first = Number(DOWNHILL_SEED ?? firstSeed);
  if (DOWNHILL_PATH !== undefined) {
    it(`seed ${first}, path ${DOWNHILL_PATH}`, () => fc.assert(property, { seed: first, path: DOWNHILL_PATH, endOnFailure: true }));
    return;
  }
  const runs = Number(DOWNHILL_RUNS ?? count);
  it.each(Array.from({ length: Math.ceil(runs / perTest) }, (_, i) => first + i))("seed %i", (seed) => {
    fc.assert(property, { numRuns: Math.min(perTest, runs - (seed - first) * perTest), seed });
  });
}
