// Tiles by the clock: every tile worth a try is timed for each contraction of a region, by itself, and the winner is used from then on:
// in this process, and in others, from a file beside the other caches. A tile never changes the order of a sum, so a tuned program gives
// the bits of any other. Bundlers take tune.browser.ts in this file's place: a page has nowhere to keep the winners.

import { input } from "../graph/build.ts";
import type { ProgramDevice } from "../graph/device.ts";
import type { Target } from "../graph/kernel.ts";
import { type Node, topological } from "../graph/node.ts";
import { familyOf, type Region } from "../graph/operation.ts";
import { substitute } from "../graph/rewrite.ts";
import { Storage } from "../graph/storage.ts";
import type { ContractTask, Tile } from "../graph/task.ts";
import { tileCandidates, tileKey, tileRequest } from "../graph/tile.ts";
import { lower } from "../kernel/lower.ts";
import { place, schedule } from "../schedule/schedule.ts";
import { readWinners, writeWinners } from "./winners.ts";

/** Milliseconds that one tile is timed for. */
const patience = 20;

const known = new WeakMap<ProgramDevice, Map<string, Tile>>();

/** The device's target with the timed tiles of all contractions in a region; those that are not known yet are timed now. */
export function tunedTarget(region: Region, device: ProgramDevice): Target {
  const { target } = device;
  const tiles = known.get(device) ?? readWinners(target);
  known.set(device, tiles);
  const before = tiles.size;
  for (const task of schedule(region, target, []).tasks) {
    if (task.kind !== "contract") continue;
    const request = tileRequest(task.hero, task.packed !== null, (node) => task.inputs.includes(node));
    const key = tileKey(request);
    if (!tiles.has(key)) tiles.set(key, fastest(task, tileCandidates(target, request), key, device));
  }
  if (tiles.size > before) writeWinners(target, tiles);
  return { ...target, tiles };
}

function fastest(task: ContractTask, candidates: readonly Tile[], key: string, device: ProgramDevice): Tile {
  const region = alone(task.hero);
  let [best, least] = [task.tile, Infinity];
  for (const tile of candidates) {
    const seconds = timeOf(region, { ...device.target, tiles: new Map([[key, tile]]) }, device);
    if (seconds < least) [best, least] = [tile, seconds];
  }
  return best;
}

/** The contraction by itself: what its operands are views of comes from outside. */
function alone(hero: Node<"contract">): Region {
  const bases = topological(hero.inputs, (node) => familyOf[node.op] !== "view").filter((node) => familyOf[node.op] !== "view");
  const parameters = bases.map((node) => input(node.shape, node.dtype) as Node<"input">);
  const results = substitute([hero], new Map(bases.map((node, i) => [node, parameters[i] as Node])));
  return { parameters, results };
}

/** Least seconds of a run of a region, packing included. */
function timeOf(region: Region, target: Target, device: ProgramDevice): number {
  const plan = schedule(region, target, []);
  const kernels = plan.tasks.map((task) => lower(task, target, plan.checkOf));
  const executable = device.load(place(plan, kernels));
  const rows = (nodes: readonly Node[]) => nodes.map(({ dtype, size }) => ({ storage: new Storage(dtype, size, null), strideBytes: 0 }));
  const [inputs, outputs] = [rows(region.parameters), rows(region.results)];
  for (const { storage } of inputs)
    storage.host = storage.dtype === "float64" ? new Float64Array(storage.length) : new Float32Array(storage.length);
  let least = Infinity;
  const end = performance.now() + patience;
  for (let runs = 0; runs < 3 || performance.now() < end; runs++) {
    const start = performance.now();
    executable.run(inputs, outputs, 1);
    least = Math.min(least, performance.now() - start);
  }
  for (const { storage } of [...inputs, ...outputs]) storage.resident?.release();
  return least / 1000;
}
