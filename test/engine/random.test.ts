// Random graphs with their gradients through the whole pipeline on WASM, each compiled as one program, against the reference.

import { cachedRegion } from "../../src/engine/cache.ts";
import { deviceOf } from "../../src/engine/devices.ts";
import { readStorage } from "../../src/engine/memory.ts";
import { run } from "../../src/engine/pipeline.ts";
import { Storage } from "../../src/graph/storage.ts";
import { storagesOf, testRandomGraphs } from "../support/random_runs.ts";

const device = deviceOf("wasm");

testRandomGraphs(2000, 2000, (graph) => {
  const outputs = graph.region.results.map((node) => new Storage(node.dtype, node.size, null));
  run(cachedRegion(device, graph.region, []), storagesOf(graph), outputs);
  return outputs.map((storage) => readStorage(storage));
});
