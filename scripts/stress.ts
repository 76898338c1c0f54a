// node scripts/stress.ts [--device native|wasm] [--count N] [--seed S]: so many random programs, small graphs and training steps of
// random sizes, every kernel of which is cut into as many parts as there may be. Each runs a few times on random numbers of threads
// and must give the bits and the failures that it gives on one. At the end no thread may be left, and the process must end by itself.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { load } from "../src/engine/pipeline.ts";
import type { ProgramDevice, ProgramFailure } from "../src/graph/device.ts";
import type { TypedArray } from "../src/graph/dtype.ts";
import type { Region } from "../src/graph/operation.ts";
import { Storage } from "../src/graph/storage.ts";
import { renderC } from "../src/render/c/program.ts";
import { renderWasm } from "../src/render/wasm/render.ts";
import { createNativeDevice } from "../src/runtime/native/device.ts";
import { createWasmDevice } from "../src/runtime/wasm/device.ts";
import { randomGraph } from "../test/support/random_graph.ts";
import { shareEverything } from "../test/support/sharing.ts";
import { generator } from "../test/support/values.ts";
import { mlpStep } from "../test/support/workloads.ts";

const { values } = parseArgs({
  options: {
    device: { type: "string", default: "native" },
    count: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
  },
});
const [count, seed] = [Number(values.count), Number(values.seed)];
const random = generator(seed);
const upTo = (most: number) => 1 + Math.floor(random() * most);

/** Thousands of programs would push the user's own out of his cache. */
const cache = mkdtempSync(join(tmpdir(), "downhill-stress-"));
process.env.DOWNHILL_CACHE = cache;
process.once("exit", () => rmSync(cache, { recursive: true, force: true }));

/** One device that has a single thread, and the one that is put to the test. */
const [single, device] = [0, 1].map(() => {
  const made = values.device === "wasm" ? createWasmDevice({ render: renderWasm }) : createNativeDevice({ render: renderC });
  made.setThreads(1);
  shareEverything(made);
  return made;
}) as [ProgramDevice, ProgramDevice];
/** Threads of this process, where the system tells. */
const alive = () => (process.platform === "linux" ? readdirSync("/proc/self/task").length : 0);

interface Case {
  readonly region: Region;
  readonly parameters: readonly TypedArray[];
}

function outcome(executable: ReturnType<typeof load>["executable"], { region, parameters }: Case): [ProgramFailure | null, string[]] {
  const inputs = parameters.map((data, i) => new Storage(region.parameters[i]?.dtype ?? "float32", data.length, data.slice()));
  const outputs = region.results.map(({ dtype, size }) => new Storage(dtype, size, null));
  const row = (storage: Storage) => ({ storage, strideBytes: 0 });
  const failure = executable.run(inputs.map(row), outputs.map(row), 1);
  const bits = outputs.map(({ host, resident }) => {
    const { buffer, byteOffset, byteLength } = host ?? resident?.read() ?? new Uint8Array(0);
    return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
  });
  for (const { resident } of [...inputs, ...outputs]) resident?.release();
  return [failure, failure === null ? bits : []];
}

const before = alive();
const graphs = fc.sample(randomGraph(), { numRuns: count, seed });
let runs = 0;
let failures = 0;
let threads = 1;
for (const [i, graph] of graphs.entries()) {
  const made: Case = i % 20 === 0 ? mlpStep(upTo(200), [upTo(100), upTo(150), upTo(20)]) : graph;
  const expected = outcome(load(made.region, [], single).executable, made);
  if (expected[0] !== null) failures++;
  const { executable } = load(made.region, [], device);
  for (let turn = 0; turn < 4; turn++) {
    // A worker of the wasm device is a while in coming, and comes and goes only while this thread rests.
    if (values.device === "native" || i % 10 === 0) threads = upTo(12);
    device.setThreads(threads);
    if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const got = outcome(executable, made);
    runs++;
    if (JSON.stringify(got) !== JSON.stringify(expected)) throw new Error(`program ${i} of seed ${seed} differs on ${threads} threads`);
  }
  if (i % 100 === 99) console.log(`${i + 1} programs`);
}
device.setThreads(1);
for (let i = 0; i < 100 && alive() > before; i++) await new Promise((resolve) => setTimeout(resolve, 20));
const left = alive() - before;
if (left > 0) throw new Error(`${left} threads are left`);
console.log(`${count} programs, ${runs} runs on 1 to 12 threads, ${failures} programs with failures: no difference, ${left} threads left`);
