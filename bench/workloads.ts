// The reference workloads that exist so far: one compiled training step each. Their definitions are those of the peers'
// scripts (layers, batch, loss, optimiser); the numbers in the tensors do not matter.

import { Gpt } from "../examples/models/gpt.ts";
import { ResNet8 } from "../examples/models/resnet.ts";
import {
  adam,
  adamW,
  compile,
  crossEntropy,
  Flatten,
  Linear,
  mse,
  normal,
  randomInteger,
  relu,
  Sequential,
  seed,
  sgd,
  type Tensor,
  tensor,
} from "../src/index.ts";
import { Conv2d, MaxPool2d } from "../src/nn/index.ts";

export interface Workload {
  /** One training step on its fixed batch; returns the loss. */
  step(): Tensor;
  /** `count` steps in one call; returns every loss. */
  repeat(count: number): Tensor;
}

function classes(count: number): Tensor<"int32"> {
  return tensor(
    Int32Array.from({ length: count }, (_, i) => i % 10),
    { dtype: "int32" },
  );
}

/** Linear 2 → 3, mean squared error, gradient descent, three samples. */
function tiny(): Workload {
  const model = new Linear(2, 3);
  const optimizer = sgd({ learningRate: 0.01 });
  const x = tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  const y = normal([3, 3]);
  const train = compile((x: Tensor, y: Tensor) => {
    const loss = mse(model.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  });
  return { step: () => train(x, y), repeat: (count) => train.repeat(count, [x, y]) };
}

/** 784-512-512-10, ReLU, cross-entropy, Adam, batch 128. */
function mlp(): Workload {
  const model = new Sequential(new Linear(784, 512), relu, new Linear(512, 512), relu, new Linear(512, 10));
  const optimizer = adam({ learningRate: 1e-3 });
  const x = normal([128, 784]);
  const y = classes(128);
  const train = compile((x: Tensor, y: Tensor<"int32">) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  });
  return { step: () => train(x, y), repeat: (count) => train.repeat(count, [x, y]) };
}

/** A character model on 12 blocks of 64: cross-entropy, AdamW. See examples/models. */
function gpt(): Workload {
  const model = new Gpt();
  const optimizer = adamW({ learningRate: 1e-3, weightDecay: 0.01 });
  const text = randomInteger([12, 65], { high: 65 });
  const [x, y] = [text.slice(null, [0, 64]), text.slice(null, [1, 65])];
  const train = compile((x: Tensor<"int32">, y: Tensor<"int32">) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  });
  return { step: () => train(x, y), repeat: (count) => train.repeat(count, [x, y]) };
}

/** The Keras MNIST CNN: 3×3×32, 3×3×64, 2×2 pool, dense 128, dense 10; Adam, batch 64. */
function cnn(): Workload {
  const model = new Sequential(
    new Conv2d(1, 32, 3),
    relu,
    new Conv2d(32, 64, 3),
    relu,
    new MaxPool2d(2),
    new Flatten(),
    new Linear(9216, 128),
    relu,
    new Linear(128, 10),
  );
  const optimizer = adam({ learningRate: 1e-3 });
  const x = normal([64, 1, 28, 28]);
  const y = classes(64);
  const train = compile((x: Tensor, y: Tensor<"int32">) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  });
  return { step: () => train(x, y), repeat: (count) => train.repeat(count, [x, y]) };
}

/** ResNet-8 on 32×32×3, batch 64: cross-entropy, SGD with momentum and weight decay. */
function resnet(): Workload {
  const model = new ResNet8();
  const optimizer = sgd({ learningRate: 0.1, momentum: 0.9, weightDecay: 5e-4 });
  const x = normal([64, 3, 32, 32]);
  const y = classes(64);
  const train = compile((x: Tensor, y: Tensor<"int32">) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  });
  return { step: () => train(x, y), repeat: (count) => train.repeat(count, [x, y]) };
}

export const workloads: Record<string, () => Workload> = { tiny, mlp, cnn, gpt, resnet };

/** Makes a workload with fixed random numbers. */
export function makeWorkload(name: string): Workload {
  const make = workloads[name];
  if (make === undefined) throw new Error(`bench: no workload ${name}; there are ${Object.keys(workloads).join(", ")}`);
  seed(0);
  return make();
}
