// What a page trains: the listing of the README and of design.md, and a network whose kernels are worth sharing. Leaves its answers in
// `globalThis.result`.

import {
  adam,
  compile,
  crossEntropy,
  device,
  Linear,
  l2,
  mse,
  normal,
  relu,
  Sequential,
  seed,
  setThreads,
  sgd,
  type Tensor,
  type Threads,
  tensor,
  threads,
  variable,
  zeros,
} from "../../src/index.ts";
import { slot, slotOf } from "../../src/runtime/wasm/job.ts";

/** Memories that are made from now on. */
function watchMemories(): WebAssembly.Memory[] {
  const memories: WebAssembly.Memory[] = [];
  WebAssembly.Memory = class extends WebAssembly.Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      memories.push(this);
    }
  };
  return memories;
}

/** Durations of the main thread's tasks over 50 ms, in milliseconds; filled as they are noticed. */
function watchTasks(): number[] {
  const durations: number[] = [];
  if (PerformanceObserver.supportedEntryTypes.includes("longtask"))
    new PerformanceObserver((list) => durations.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask" });
  return durations;
}

async function listing(): Promise<Result["listing"]> {
  seed(7);
  const X = tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  const Y = tensor([
    [1, 0, 2],
    [0, 1, 1],
    [2, 1, 0],
  ]);
  const W = variable(normal([2, 3], { std: 0.1 }), "W");
  const b = variable(zeros([3]), "b");
  const optimizer = sgd({ learningRate: 0.01 });
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = mse(x.matmul(W).add(b), y).add(l2(0.1)(W));
    optimizer.minimize(loss);
    return loss;
  });
  const losses: number[] = [];
  for (let i = 0; i < 1000; i++) {
    const loss = step(X, Y);
    if (i % 100 === 0) losses.push(await loss.item());
  }
  return { losses, weights: [...(await W.data())], bias: [...(await b.data())] };
}

/** 784-512-512-10 on a batch of 128: the losses, and the bits of all weights in one number. */
async function mlp(): Promise<Result["mlp"]> {
  seed(7);
  const model = new Sequential(new Linear(784, 512), relu, new Linear(512, 512), relu, new Linear(512, 10));
  const x = normal([128, 784]);
  const y = tensor(
    Int32Array.from({ length: 128 }, (_, i) => i % 10),
    { dtype: "int32" },
  );
  const optimizer = adam({ learningRate: 1e-3 });
  const step = compile((x: Tensor, y: Tensor<"int32">) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  });
  const losses: number[] = [];
  for (let i = 0; i < 60; i++) {
    losses.push(await step(x, y).item());
    // Workers of a page only start while it rests.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  let weights = 0;
  for (const [, parameter] of model.variables()) {
    const data = (await parameter.data()) as Float32Array;
    for (const bits of new Int32Array(data.buffer, data.byteOffset, data.length)) weights = (Math.imul(weights, 31) + bits) | 0;
  }
  return { losses, weights };
}

export interface Result {
  readonly listing: { readonly losses: readonly number[]; readonly weights: readonly number[]; readonly bias: readonly number[] };
  readonly mlp: { readonly losses: readonly number[]; readonly weights: number };
  readonly device: string;
  readonly threads: Threads;
  /** Whether a worker took part in a kernel. */
  readonly helped: boolean;
  readonly longTasks: number[];
  readonly error?: string;
}

async function main(): Promise<Result> {
  const memories = watchMemories();
  const longTasks = watchTasks();
  // The page of this name has a content policy that forbids workers from blob: addresses.
  const path = (globalThis as { location?: Location }).location?.pathname;
  setThreads(2, path === "/strict" ? { workerUrl: "/worker.js" } : {});
  const answers = { listing: await listing(), mlp: await mlp() };
  const [memory] = memories as [WebAssembly.Memory];
  const helped = new Int32Array(memory.buffer)[slotOf(1) + slot.seen] !== 0;
  return { ...answers, device: device().name, threads: threads(), helped, longTasks };
}

main().then(
  (value) => Object.assign(globalThis, { result: value }),
  (error: unknown) => Object.assign(globalThis, { result: { error: String((error as Error).stack ?? error) } }),
);
