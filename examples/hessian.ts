// How curved is the loss where training has arrived? The largest eigenvalue of the Hessian, its sharpness, by power iteration: one
// product with the Hessian a step, which costs about two gradients and never makes the Hessian. And how much do the examples
// disagree? The norm of each example's gradient, all in one pass.
//
//   node examples/hessian.ts

import { adam, compile, crossEntropy, gradients, Linear, normal, Sequential, scan, seed, type Tensor, tanh } from "../src/index.ts";
import { hessianVectorProduct, vmap } from "../src/transforms.ts";

seed(1);
const model = new Sequential(new Linear(2, 16), tanh, new Linear(16, 2));
const parameters = model.parameters();
const points = normal([256, 2]);
const classes = points.prod(-1).gt(0).cast("int32");
const optimizer = adam({ learningRate: 0.02 });

const lossOf = (x: Tensor, y: Tensor<"int32">) => crossEntropy(model.forward(x), y);

const step = compile((x: Tensor, y: Tensor<"int32">) => {
  const loss = lossOf(x, y);
  optimizer.minimize(loss);
  return loss;
});

const sharpness = compile((x: Tensor, y: Tensor<"int32">) => {
  const loss = lossOf(x, y);
  const length = (v: readonly Tensor[]) =>
    v
      .map((t) => t.square().sum() as Tensor)
      .reduce((a, b) => a.add(b))
      .sqrt();
  const start = parameters.map((w, i) => normal(w.shape, { seed: i }));
  const [, values] = scan(
    (v: Tensor[]) => {
      const next = hessianVectorProduct(loss, parameters, v);
      const norm = length(next);
      return [next.map((t) => t.div(norm) as Tensor), norm] as [Tensor[], Tensor];
    },
    start.map((t) => t.div(length(start)) as Tensor),
    [],
    { length: 30 },
  );
  return values.at(-1);
});

const norms = compile((x: Tensor, y: Tensor<"int32">) =>
  vmap((x: Tensor, y: Tensor<"int32">) =>
    gradients(lossOf(x.unsqueeze(0), y.unsqueeze(0)), parameters)
      .map((g) => g.square().sum())
      .reduce((a, b) => a.add(b))
      .sqrt(),
  )(x, y),
);

for (let i = 0; i <= 200; i++) {
  const loss = step(points, classes);
  if (i % 50 !== 0) continue;
  const each = norms(points, classes);
  const numbers = [loss, sharpness(points, classes), each.mean(), each.max()];
  const [value, curved, mean, most] = await Promise.all(numbers.map(async (t) => (await t.item()).toFixed(4)));
  console.log(`step ${i}: loss ${value}, sharpness ${curved}, gradient norms ${mean} on average, ${most} at most`);
}
