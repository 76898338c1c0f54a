// Random graphs with their gradients on the native device, against the reference. A call of the C compiler takes far longer
// than a graph, so many graphs make one program. A failure names the seed and the graph; DOWNHILL_SEED=… replays the program.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviceOf } from "../../src/engine/devices.ts";
import { readStorage } from "../../src/engine/memory.ts";
import { load, run } from "../../src/engine/pipeline.ts";
import type { TypedArray } from "../../src/graph/dtype.ts";
import { Storage } from "../../src/graph/storage.ts";
import { consult, findWrong } from "../support/close.ts";
import { native } from "../support/native.ts";
import { type RandomGraph, randomGraph } from "../support/random_graph.ts";
import { storagesOf } from "../support/random_runs.ts";

const first = Number(process.env.DOWNHILL_SEED ?? 4000);
const together = 25;

/** The results of every graph, computed by one program. */
function evaluateTogether(graphs: readonly RandomGraph[]): TypedArray[][] {
  const regions = graphs.map((graph) => graph.region);
  const results = regions.flatMap((region) => region.results);
  const outputs = results.map((node) => new Storage(node.dtype, node.size, null));
  const region = { parameters: regions.flatMap((r) => r.parameters), results };
  run(load(region, [], deviceOf("native")), graphs.flatMap(storagesOf), outputs);
  const read = outputs.map((storage) => readStorage(storage));
  return regions.map((r) => read.splice(0, r.results.length));
}

describe.runIf(native)("random graphs on native", () => {
  it.each(Array.from({ length: 6 }, (_, i) => first + i))("seed %i", (seed) => {
    const graphs = fc.sample(randomGraph(), { numRuns: together, seed });
    evaluateTogether(graphs).forEach((results, i) => {
      const graph = graphs[i] as RandomGraph;
      expect(findWrong(results, consult(graph.region, graph.parameters)), `graph ${i} of seed ${seed}: ${fc.stringify(graph)}`).toBeNull();
    });
  });
});
