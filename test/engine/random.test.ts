// Random graphs with their gradients through the whole pipeline on WASM, against the reference: compiled as one program, and
// evaluated eagerly, where constants and starts of slices are arguments. A failure prints its seed and path;
// DOWNHILL_SEED=… and DOWNHILL_RUNS=… choose others.

import fc from "fast-check";
import { expect, it } from "vitest";
import { cachedRegion } from "../../src/engine/cache.ts";
import { deviceOf } from "../../src/engine/devices.ts";
import { readStorage } from "../../src/engine/memory.ts";
import { run } from "../../src/engine/pipeline.ts";
import { evaluate } from "../../src/engine/realize.ts";
import { buffer } from "../../src/graph/build.ts";
import type { TypedArray } from "../../src/graph/dtype.ts";
import type { Node } from "../../src/graph/node.ts";
import { substitute } from "../../src/graph/rewrite.ts";
import { Storage } from "../../src/graph/storage.ts";
import { consult, findWrong } from "../support/close.ts";
import { type RandomGraph, randomGraph } from "../support/random_graph.ts";

const seed = Number(process.env.DOWNHILL_SEED ?? 20);
const numRuns = Number(process.env.DOWNHILL_RUNS ?? 300);
const device = deviceOf("wasm");

const storages = ({ region, parameters }: RandomGraph) =>
  region.parameters.map((node, i) => new Storage(node.dtype, node.size, parameters[i] as TypedArray));

function compiled(graph: RandomGraph): TypedArray[] {
  const outputs = graph.region.results.map((node) => new Storage(node.dtype, node.size, null));
  run(cachedRegion(device, graph.region, []), storages(graph), outputs);
  return outputs.map((storage) => readStorage(storage));
}

function eager(graph: RandomGraph): TypedArray[] {
  const { parameters, results } = graph.region;
  const realised = storages(graph).map((storage, i) => buffer(storage, (parameters[i] as Node).shape));
  const roots = substitute(results, new Map(parameters.map((parameter, i) => [parameter as Node, realised[i] as Node])));
  return evaluate(roots, device).map((storage) => readStorage(storage));
}

it.each([
  { way: "compiled", evaluateBy: compiled, seed },
  { way: "eager", evaluateBy: eager, seed: seed + 1 },
])("random graphs, $way", ({ evaluateBy, seed }) => {
  fc.assert(
    fc.property(randomGraph(), (graph) => {
      expect(findWrong(evaluateBy(graph), consult(graph.region, graph.parameters))).toBeNull();
    }),
    { numRuns, seed },
  );
});
