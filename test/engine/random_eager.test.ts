// Random graphs with their gradients, evaluated eagerly on WASM, where constants and starts of slices are arguments, against the
// reference.

import { deviceOf } from "../../src/engine/devices.ts";
import { readStorage } from "../../src/engine/memory.ts";
import { evaluate } from "../../src/engine/realize.ts";
import { buffer } from "../../src/graph/build.ts";
import type { Node } from "../../src/graph/node.ts";
import { substitute } from "../../src/graph/rewrite.ts";
import type { Storage } from "../../src/graph/storage.ts";
import { storagesOf, testRandomGraphs } from "../support/random_runs.ts";

const device = deviceOf("wasm");

testRandomGraphs(500, 3000, (graph) => {
  const { parameters, results } = graph.region;
  const realised = storagesOf(graph).map((storage: Storage, i) => buffer(storage, (parameters[i] as Node).shape));
  const roots = substitute(results, new Map(parameters.map((parameter, i) => [parameter as Node, realised[i] as Node])));
  return evaluate(roots, device).map((storage) => readStorage(storage));
});
