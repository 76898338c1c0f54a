// Training steps and model parts as graphs, written with the builders: what the library makes for the same code.

import { gradients } from "../../src/autodiff/gradients.ts";
import { binary, broadcastTo, cast, constant, contract, input, iota, reduce, reshape, unary, where } from "../../src/graph/build.ts";
import type { TypedArray } from "../../src/graph/dtype.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Region } from "../../src/graph/operation.ts";
import type { Shape } from "../../src/graph/shape.ts";
import { elementsOf, floats, integers } from "./values.ts";

export interface Workload {
  readonly region: Region;
  readonly donations: readonly (readonly [number, number])[];
  readonly parameters: readonly TypedArray[];
}

export const add = (a: Node, b: Node): Node => binary("add", a, b);
export const sub = (a: Node, b: Node): Node => binary("sub", a, b);
export const mul = (a: Node, b: Node): Node => binary("mul", a, b);
export const div = (a: Node, b: Node): Node => binary("div", a, b);
export const number = (value: number, like: Node): Node => constant(value, like.dtype, like.shape);
export const scale = (x: Node, value: number): Node => mul(x, number(value, x));
export const spread = (x: Node, shape: Shape): Node => broadcastTo(x, shape);

/** The reduced axes back as axes of size 1, stretched. */
export function keep(op: "reduceSum" | "reduceMax", x: Node, axis: number): Node {
  const shape = x.shape.map((n, i) => (i === axis ? 1 : n));
  return spread(reshape(reduce(op, x, axis), shape), x.shape);
}

/** x [m, k] times w [n, k] transposed, as Linear stores its weight. */
export const linear = (x: Node, w: Node, b: Node): Node => {
  const z = contract(x, w, [[], []], [[1], [1]]);
  return add(z, spread(b, z.shape));
};

export const relu = (x: Node): Node => where(binary("lt", number(0, x), x), x, number(0, x));

export function softmax(x: Node): Node {
  const axis = x.shape.length - 1;
  const e = unary("exp", sub(x, keep("reduceMax", x, axis)));
  return div(e, keep("reduceSum", e, axis));
}

export function logSoftmax(x: Node): Node {
  const axis = x.shape.length - 1;
  const shifted = sub(x, keep("reduceMax", x, axis));
  return sub(shifted, unary("log", keep("reduceSum", unary("exp", shifted), axis)));
}

/** The mean over the rows of −log softmax(logits)[label]. */
export function crossEntropy(logits: Node, labels: Node): Node {
  const [rows, classes] = logits.shape as [number, number];
  const hot = binary("eq", iota([rows, classes], 1), spread(reshape(labels, [rows, 1]), [rows, classes]));
  const picked = reduce("reduceSum", where(hot, logSoftmax(logits), number(0, logits)), 1);
  return unary("neg", scale(reduce("reduceSum", picked), 1 / rows));
}

export function layerNorm(x: Node, gain: Node, bias: Node): Node {
  const axis = x.shape.length - 1;
  const width = x.shape[axis] as number;
  const centred = sub(x, scale(keep("reduceSum", x, axis), 1 / width));
  const variance = scale(keep("reduceSum", mul(centred, centred), axis), 1 / width);
  const normal = div(centred, unary("sqrt", add(variance, number(1e-5, variance))));
  return add(mul(normal, spread(gain, x.shape)), spread(bias, x.shape));
}

/** A step of Adam: [weight, m, v] after it. `step` counts from 1, in float64. */
export function adam(weight: Node, gradient: Node, m: Node, v: Node, step: Node, rate: Node): [Node, Node, Node] {
  const f64 = (value: number) => constant(value, "float64");
  const narrow = (scalar: Node) => spread(cast(scalar, "float32"), weight.shape);
  const [beta1, beta2] = [f64(0.9), f64(0.999)];
  const nextM = add(mul(m, narrow(beta1)), mul(gradient, narrow(sub(f64(1), beta1))));
  const nextV = add(mul(v, narrow(beta2)), mul(mul(gradient, gradient), narrow(sub(f64(1), beta2))));
  const meanM = div(nextM, narrow(sub(f64(1), binary("pow", beta1, step))));
  const meanV = div(nextV, narrow(sub(f64(1), binary("pow", beta2, step))));
  const change = div(meanM, add(unary("sqrt", meanV), number(1e-8, meanV)));
  return [sub(weight, mul(change, narrow(rate))), nextM, nextV];
}

/** A multi-layer perceptron on classes: cross-entropy, Adam on every parameter. Results: loss, counter, then weight, m, v of each. */
export function mlpStep(batch: number, widths: readonly number[]): Workload {
  const parameters: Node<"input">[] = [];
  const data: TypedArray[] = [];
  const parameter = (shape: Shape, name: string, low: number, high: number) => {
    const node = input(shape, "float32", name);
    parameters.push(node);
    data.push(elementsOf(floats(shape, low, high, parameters.length)));
    return node;
  };
  const x = parameter([batch, widths[0] as number], "x", -1, 1);
  const labels = input([batch], "int32", "y");
  parameters.push(labels);
  data.push(elementsOf(integers([batch], 0, (widths.at(-1) as number) - 1)));
  const step = input([], "float64", "step");
  parameters.push(step);
  data.push(Float64Array.of(3));
  const rate = input([], "float64", "rate");
  parameters.push(rate);
  data.push(Float64Array.of(1e-3));

  const trained: { value: Node; m: Node; v: Node }[] = [];
  let h: Node = x;
  for (let i = 1; i < widths.length; i++) {
    const [from, to] = [widths[i - 1] as number, widths[i] as number];
    const slot = (shape: Shape, name: string) => ({
      value: parameter(shape, name, -0.3, 0.3),
      m: parameter(shape, `m${name}`, -0.01, 0.01),
      v: parameter(shape, `v${name}`, 0.001, 0.01),
    });
    const [w, b] = [slot([to, from], `W${i}`), slot([to], `b${i}`)];
    trained.push(w, b);
    h = linear(h, w.value, b.value);
    if (i < widths.length - 1) h = relu(h);
  }
  const loss = crossEntropy(h, labels);
  const slopes = gradients(
    loss,
    trained.map((t) => t.value),
  );
  const results: Node[] = [loss, add(step, constant(1, "float64"))];
  const donations: [number, number][] = [[parameters.indexOf(step), 1]];
  trained.forEach(({ value, m, v }, i) => {
    const next = adam(value, slopes[i] as Node, m, v, step, rate);
    [value, m, v].forEach((old, j) => {
      donations.push([parameters.indexOf(old as Node<"input">), results.length]);
      results.push(next[j] as Node);
    });
  });
  return { region: { parameters, results }, donations, parameters: data };
}

/** The linear model of the first example: mean squared error, L2 penalty, gradient descent. Results: loss, W, b. */
export function tinyStep(): Workload {
  const x = input([3, 2], "float32", "x");
  const y = input([3, 3], "float32", "y");
  const w = input([2, 3], "float32", "W");
  const b = input([3], "float32", "b");
  const rate = input([], "float64", "rate");
  const lambda = input([], "float64", "lambda");
  const error = sub(add(contract(x, w, [[], []], [[1], [0]]), spread(b, [3, 3])), y);
  const fit = scale(reduce("reduceSum", mul(error, error)), 1 / 9);
  const penalty = mul(scale(reduce("reduceSum", mul(w, w)), 0.5), cast(lambda, "float32"));
  const loss = add(fit, penalty);
  const [dw, db] = gradients(loss, [w, b]) as [Node, Node];
  const descend = (value: Node, slope: Node) => sub(value, mul(slope, spread(cast(rate, "float32"), value.shape)));
  return {
    region: { parameters: [x, y, w, b, rate, lambda], results: [loss, descend(w, dw), descend(b, db)] },
    donations: [
      [2, 1],
      [3, 2],
    ],
    parameters: [
      Float32Array.of(1, 2, 3, 4, 5, 6),
      elementsOf(floats([3, 3])),
      elementsOf(floats([2, 3], -1, 1, 2)),
      elementsOf(floats([3], -1, 1, 3)),
      Float64Array.of(0.01),
      Float64Array.of(0.1),
    ],
  };
}
