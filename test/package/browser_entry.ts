// The listing of the README and of design.md, as a page would load it. Leaves its answers in `globalThis.result`.

import { compile, device, l2, mse, normal, seed, sgd, type Tensor, tensor, variable, zeros } from "../../src/index.ts";

async function main(): Promise<unknown> {
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
  return { losses, weights: [...(await W.data())], bias: [...(await b.data())], device: device().name };
}

main().then(
  (value) => Object.assign(globalThis, { result: value }),
  (error: unknown) => Object.assign(globalThis, { result: { error: String((error as Error).stack ?? error) } }),
);
