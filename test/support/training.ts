// Small networks with their training steps: between them every form of kernel that the workloads have.

import {
  adam,
  adamW,
  compile,
  crossEntropy,
  Flatten,
  Linear,
  normal,
  randomInteger,
  relu,
  Sequential,
  seed,
  sgd,
  type Tensor,
} from "../../src/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  Embedding,
  LayerNorm,
  MaxPool2d,
  Module,
  Residual,
  scaledDotProductAttention,
} from "../../src/nn/index.ts";

export interface Training {
  readonly model: Module;
  /** One step on a fixed batch; returns the loss. */
  step(): Tensor;
}

/** Layers with dropout; Adam. */
function mlp(): Training {
  const model = new Sequential(new Linear(37, 50), relu, new Dropout(0.2), new Linear(50, 10));
  const optimizer = adam({ learningRate: 1e-2 });
  const [x, y] = [normal([33, 37]), randomInteger([33], { high: 10 })];
  const train = compile((x: Tensor, y: Tensor<"int32">) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  });
  return { model, step: () => train(x, y) };
}

/** Convolutions, a batch norm, a residual, a pool; momentum. */
function cnn(): Training {
  const model = new Sequential(
    new Conv2d(2, 18, 3, { padding: 1 }),
    new BatchNorm2d(18),
    relu,
    new Residual(new Conv2d(18, 18, 3, { padding: 1 })),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(18 * 25, 10),
  );
  const optimizer = sgd({ learningRate: 0.05, momentum: 0.9, weightDecay: 1e-3 });
  const [x, y] = [normal([5, 2, 10, 10]), randomInteger([5], { high: 10 })];
  const train = compile((x: Tensor, y: Tensor<"int32">) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  });
  return { model, step: () => train(x, y) };
}

class Block extends Module {
  readonly norm = new LayerNorm(24);
  readonly qkv = new Linear(24, 72, { bias: false });
  readonly up = new Linear(24, 48);
  readonly down = new Linear(48, 24);

  forward(x: Tensor): Tensor {
    const [batch, places, width] = x.shape as readonly [number, number, number];
    const heads = this.qkv.forward(this.norm.forward(x)).split(3, 2);
    const [q, k, v] = heads.map((z) => z.reshape([batch, places, 3, 8]).transpose(1, 2)) as [Tensor, Tensor, Tensor];
    const attended = x.add(scaledDotProductAttention(q, k, v, { causal: true }).transpose(1, 2).reshape([batch, places, width]));
    return attended.add(this.down.forward(this.up.forward(attended).gelu()));
  }
}

class Gpt extends Module {
  readonly tokens = new Embedding(29, 24);
  readonly blocks: readonly Block[] = [new Block(), new Block()];
  readonly norm = new LayerNorm(24);
  readonly head = new Linear(24, 29, { bias: false });

  forward(x: Tensor<"int32">): Tensor {
    return this.head.forward(this.norm.forward(this.blocks.reduce((h, block) => block.forward(h), this.tokens.forward(x))));
  }
}

/** A character model: embedding, attention, layer norms, GELU; AdamW. */
function gpt(): Training {
  const model = new Gpt();
  const optimizer = adamW({ learningRate: 1e-2, weightDecay: 0.01 });
  const text = randomInteger([3, 18], { high: 29 });
  const [x, y] = [text.slice(null, [0, 17]), text.slice(null, [1, 18])];
  const train = compile((x: Tensor<"int32">, y: Tensor<"int32">) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  });
  return { model, step: () => train(x, y) };
}

export const trainings: Readonly<Record<string, () => Training>> = { mlp, cnn, gpt };

/** Trains a new model for so many steps from fixed random numbers; its losses and what it has learnt, in order. */
export async function train(name: string, steps: number): Promise<Map<string, number[]>> {
  seed(1);
  const { model, step } = (trainings[name] as () => Training)();
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) losses.push(await step().item());
  const learnt = new Map<string, number[]>([["losses", losses]]);
  for (const [path, variable] of model.variables()) learnt.set(path, Array.from(await variable.data(), Number));
  return learnt;
}
