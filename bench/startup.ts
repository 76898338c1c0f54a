// What is paid beside the steps: the first call until it runs at speed, compiling the same structure again, a small eager
// read, and what `fit` adds to a bare loop. `node bench/startup.ts [--device D] [--json]`

import { parseArgs } from "node:util";
import {
  adam,
  type Compiled,
  compile,
  crossEntropy,
  device,
  Linear,
  normal,
  relu,
  Sequential,
  seed,
  setDevice,
  type Tensor,
  tensor,
} from "../src/index.ts";
import { fit } from "../src/train/index.ts";

const { values } = parseArgs({ options: { device: { type: "string", default: "auto" }, json: { type: "boolean", default: false } } });
setDevice(values.device as "auto");
seed(0);

const samples = 128 * 40;
const images = normal([samples, 784]);
const labels = tensor(
  Int32Array.from({ length: samples }, (_, i) => i % 10),
  { dtype: "int32" },
);
const x = await settle(normal([128, 784]));
const y = await settle(labels.slice([0, 128]));
await settle(images);

async function settle<T extends Tensor | Tensor<"int32">>(value: T): Promise<T> {
  await value.data();
  return value;
}

function network(): Sequential {
  return new Sequential(new Linear(784, 512), relu, new Linear(512, 512), relu, new Linear(512, 10));
}

function makeStep(): Compiled<[Tensor, Tensor<"int32">], Tensor> {
  const model = network();
  for (const parameter of model.parameters()) parameter.dataSync();
  const optimizer = adam({ learningRate: 1e-3 });
  return compile((x: Tensor, y: Tensor<"int32">) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  });
}

function report(name: string, value: number, unit: string): void {
  if (values.json) console.log(JSON.stringify({ peer: `downhill-${device().name}`, figure: name, value, unit }));
  else console.log(`${name.padEnd(46)} ${value.toPrecision(4)} ${unit}`);
}

function median(rows: readonly number[]): number {
  return [...rows].sort((a, b) => a - b)[rows.length >> 1] as number;
}

// The first call of all, and when the step first runs within 10 % of its steady speed.
const step = makeStep();
const begin = performance.now();
const calls: { end: number; took: number }[] = [];
while (performance.now() - begin < 3000) {
  const start = performance.now();
  await step(x, y).data();
  const end = performance.now();
  calls.push({ end: end - begin, took: end - start });
}
const steady = median(calls.slice(calls.length >> 1).map((c) => c.took));
report("mlp: first call", calls[0]?.took as number, "ms");
report("mlp: steady step", steady, "ms");
report("mlp: at 1.1 x steady after", calls.find((c) => c.took <= 1.1 * steady)?.end as number, "ms");

// The same structure again, in other variables: tracing, gradients, keys and the cache; then the whole first call less a steady
// step, in which the optimiser's state (5.4 MB) is also allocated, and its pages touched for the first time.
const again: number[] = [];
const calledAgain: number[] = [];
for (let i = 0; i < 9; i++) {
  const other = makeStep();
  const start = performance.now();
  other.program(x, y);
  again.push(performance.now() - start);
  await other(x, y).data();
  calledAgain.push(performance.now() - start - steady);
}
report("mlp: same structure compiled again", median(again), "ms");
report("mlp: its first call, less a steady step", median(calledAgain), "ms");

// A small eager expression, read every time.
const a = tensor([1, 2, 3]);
const eager: number[] = [];
for (let i = 0; i < 20_000; i++) {
  const start = performance.now();
  a.mul(i).add(1).sum().itemSync();
  eager.push(performance.now() - start);
}
report("eager read, cached: a.mul(i).add(1).sum()", median(eager) * 1000, "us");

// fit against the bare loop: the same batches, cut from the same tensors.
const ratios: number[] = [];
for (let round = 0; round < 5; round++) {
  const bare = makeStep();
  const batches = samples / 128;
  const loop = async () => {
    let loss: Tensor | null = null;
    for (let i = 0; i < batches; i++) loss = bare(images.slice([i * 128, (i + 1) * 128]), labels.slice([i * 128, (i + 1) * 128]));
    await loss?.data();
  };
  await loop();
  const start = performance.now();
  for (let epoch = 0; epoch < 4; epoch++) await loop();
  const bareTime = performance.now() - start;
  const model = network();
  const marks: number[] = [];
  await fit(
    model,
    { inputs: images, targets: labels },
    {
      loss: crossEntropy,
      optimizer: adam({ learningRate: 1e-3 }),
      epochs: 5,
      batchSize: 128,
      callbacks: [{ name: "marks", epochEnd: () => void marks.push(performance.now()) }],
    },
  );
  ratios.push(((marks[4] as number) - (marks[0] as number)) / bareTime);
}
report("mlp: fit / bare loop, 4 epochs of 40 steps", median(ratios), "x");
