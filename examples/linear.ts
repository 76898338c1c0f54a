// A linear model, y = xW + b with W [2,3] and b [3], by gradient descent on the mean squared error and an L2 penalty
// λ·½‖W‖². The whole step (forward, penalty, backward, update) is one compiled program.
//
//   node examples/linear.ts
//
// The second input is the first plus one, so the inputs are collinear with the bias: the weights move along a flat valley, and
// 1,000 steps are far from its end.

import { compile, l2, mse, normal, seed, sgd, type Tensor, tensor, variable, zeros } from "../src/index.ts";

seed(1);
const W = variable(normal([2, 3], { std: 0.1 }), "W");
const b = variable(zeros([3]), "b");

const inputs = tensor([
  [1, 2],
  [3, 4],
  [5, 6],
]);
// One row for each sample, one column for each output. A [3,1] column here would be refused: losses never broadcast.
const targets = tensor([
  [1, 0, 2],
  [2, 1, 1],
  [3, 1, 0],
]);

const penalty = l2(0.1);
const optimizer = sgd({ learningRate: 0.01 });

const step = compile((x: Tensor, y: Tensor) => {
  const loss = mse(x.matmul(W).add(b), y).add(penalty(W));
  optimizer.minimize(loss);
  return loss;
});

for (let i = 1; i <= 1000; i++) {
  const loss = step(inputs, targets);
  if (i % 100 !== 0) continue;
  console.log(`step ${i}: loss ${(await loss.item()).toFixed(6)}`);
  console.log(`W = ${W}`);
  console.log(`b = ${b}`);
}
