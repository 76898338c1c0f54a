// The reference workloads: one compiled training step of each network on its batch, and one prediction for a single example (`mlp-1`, …).
// Their definitions are those of the peers' scripts (layers, batch, loss, optimiser); the numbers in the tensors do not matter.

import { Gpt } from "../examples/models/gpt.ts";
import { ResNet8 } from "../examples/models/resnet.ts";
import {
  adam,
  adamW,
  type Compiled,
  compile,
  crossEntropy,
  Flatten,
  Linear,
  type Module,
  mse,
  normal,
  type Optimizer,
  type ProgramInfo,
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
  /** One step on the fixed batch; returns the loss, or the prediction. */
  step(): Tensor;
  /** `count` steps in one call; returns what each returned. */
  repeat(count: number): Tensor;
  /** The program of a step. */
  program(): ProgramInfo;
}

/** A network with the batch and the optimiser that it is trained with. */
interface Network {
  readonly model: Module;
  /** What the model makes of so many examples, which are drawn once and stay. */
  readonly examples: (batch: number) => () => Tensor;
  readonly batch: number;
  readonly targets: (batch: number) => Tensor<"int32">;
  readonly optimizer: () => Optimizer;
}

/** The examples of a model that takes float32 tensors of this shape. */
function images(model: Module & { forward(x: Tensor): Tensor }, ...shape: number[]): Pick<Network, "model" | "examples"> {
  return {
    model,
    examples: (batch) => {
      const x = normal([batch, ...shape]);
      return () => model.forward(x);
    },
  };
}

const classes = (count: number) =>
  tensor(
    Int32Array.from({ length: count }, (_, i) => i % 10),
    { dtype: "int32" },
  );

const networks: Record<string, () => Network> = {
  /** 784-512-512-10, ReLU. */
  mlp: () => ({
    ...images(new Sequential(new Linear(784, 512), relu, new Linear(512, 512), relu, new Linear(512, 10)), 784),
    batch: 128,
    targets: classes,
    optimizer: () => adam({ learningRate: 1e-3 }),
  }),
  /** The Keras MNIST CNN: 3×3×32, 3×3×64, 2×2 pool, dense 128, dense 10. */
  cnn: () => {
    const features = [new Conv2d(1, 32, 3), relu, new Conv2d(32, 64, 3), relu, new MaxPool2d(2), new Flatten()];
    const model = new Sequential(...features, new Linear(9216, 128), relu, new Linear(128, 10));
    return { ...images(model, 1, 28, 28), batch: 64, targets: classes, optimizer: () => adam({ learningRate: 1e-3 }) };
  },
  /** A character model on 12 blocks of 64; see examples/models. */
  gpt: () => {
    const model = new Gpt();
    const text = (batch: number) => randomInteger([batch, 64], { high: 65 });
    const examples = (batch: number) => {
      const x = text(batch);
      return () => model.forward(x);
    };
    return { model, examples, batch: 12, targets: text, optimizer: () => adamW({ learningRate: 1e-3, weightDecay: 0.01 }) };
  },
  /** ResNet-8 on 32×32×3. */
  resnet: () => ({
    ...images(new ResNet8(), 3, 32, 32),
    batch: 64,
    targets: classes,
    optimizer: () => sgd({ learningRate: 0.1, momentum: 0.9, weightDecay: 5e-4 }),
  }),
};

/** A compiled function as a workload; the tensors that it closes over are its inputs. */
function workload(run: Compiled<[], Tensor>): Workload {
  return { step: () => run(), repeat: (count) => run.repeat(count, []), program: () => run.program() };
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
  const train = compile((x: Tensor, y: Tensor) => {
    const loss = mse(model.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  });
  const y = normal([3, 3]);
  return { step: () => train(x, y), repeat: (count) => train.repeat(count, [x, y]), program: () => train.program(x, y) };
}

function training({ examples, batch, targets, optimizer }: Network): Workload {
  const rule = optimizer();
  const [predict, y] = [examples(batch), targets(batch)];
  return workload(
    compile(() => {
      const loss = crossEntropy(predict(), y);
      rule.minimize(loss);
      return loss;
    }),
  );
}

function prediction({ model, examples }: Network): Workload {
  model.eval();
  return workload(compile(examples(1)));
}

export const workloads: Record<string, () => Workload> = {
  tiny,
  ...Object.fromEntries(Object.entries(networks).map(([name, make]) => [name, () => training(make())])),
  ...Object.fromEntries(Object.entries(networks).map(([name, make]) => [`${name}-1`, () => prediction(make())])),
};

/** Makes a workload with fixed random numbers. */
export function makeWorkload(name: string): Workload {
  const make = workloads[name];
  if (make === undefined) throw new Error(`bench: no workload ${name}; there are ${Object.keys(workloads).join(", ")}`);
  seed(0);
  return make();
}
