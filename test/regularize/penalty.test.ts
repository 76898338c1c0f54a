import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile, gradients, setDevice, type Tensor, tensor, variable, zeros } from "../../src/index.ts";
import { binaryCrossEntropy, crossEntropy, mse } from "../../src/loss/index.ts";
import { Linear, Module, parameter, Sequential } from "../../src/nn/index.ts";
import { sgd } from "../../src/optim/index.ts";
import { elasticNet, l1, l2 } from "../../src/regularize/index.ts";

beforeAll(() => setDevice("reference"));
afterAll(() => setDevice("auto"));

const w = tensor([
  [3, -4],
  [0, 1],
]);
const v = tensor([2]);

test("values: ½Σw², Σ|w|, and their mixture, summed over all tensors", () => {
  expect(l2(0.1)(w, v).itemSync()).toBeCloseTo(0.1 * 0.5 * (9 + 16 + 1 + 4), 6);
  expect(l1(0.1)(w, v).itemSync()).toBeCloseTo(0.1 * (3 + 4 + 1 + 2), 6);
  expect(elasticNet(2, { ratio: 0.25 })(w).itemSync()).toBeCloseTo(2 * (0.25 * 8 + 0.75 * 13), 5);
  expect(elasticNet(2)(w).itemSync()).toBeCloseTo(2 * (0.5 * 8 + 0.5 * 13), 5);
});

test("gradients: λw and λ sign(w), 0 at 0", () => {
  expect(gradients(l2(0.5)(w), [w])[0]?.toArraySync()).toEqual([
    [1.5, -2],
    [0, 0.5],
  ]);
  expect(gradients(l1(0.5)(w), [w])[0]?.toArraySync()).toEqual([
    [0.5, -0.5],
    [0, 0.5],
  ]);
});

test("λ can be set between steps without recompiling", () => {
  const penalty = l2(1);
  const f = compile((x: Tensor) => penalty(x));
  expect(f(w).itemSync()).toBe(13);
  penalty.lambda = 0.5;
  expect(f(w).itemSync()).toBe(6.5);
  expect(f.traces).toBe(1);
  expect(penalty.lambda).toBe(0.5);
  for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => {
      penalty.lambda = bad;
    }).toThrow(`l2: lambda is out of range; got ${bad}, expected a finite number at least 0.`);
});

class Named extends Module {
  W = variable([[2]], "W");
  b = variable([3], "b");
  vector = parameter([2], () => tensor([1, 1]));
  layer = new Linear(1, 1, { weightInitializer: () => tensor([[5]]), biasInitializer: () => tensor([7]) });
  forward(x: Tensor) {
    return x;
  }
}

describe("of a model", () => {
  test("takes weights, leaves biases out: by the layer's word, else by name", () => {
    const model = new Named();
    expect(l2(1).selected(model)).toEqual(["W", "vector", "layer.weight"]);
    expect(l2(2).of(model)?.itemSync()).toBe(4 + 1 + 1 + 25);
  });

  test("takes what the user selects; nothing is null", () => {
    const model = new Named();
    expect(
      l1(1, { select: (path) => path.startsWith("layer.") })
        .of(model)
        ?.itemSync(),
    ).toBe(12);
    expect(l1(1, { select: (_, p) => p.rank === 1 }).selected(model)).toEqual(["b", "vector", "layer.bias"]);
    expect(l1(1, { select: () => false }).of(model)).toBeNull();
  });
});

test("bad strengths and options are refused", () => {
  for (const make of [l1, l2, elasticNet]) {
    expect(() => make(-0.1)).toThrow(`${make.name}: lambda is out of range; got -0.1`);
    expect(() => make(Number.NaN)).toThrow("got NaN");
    expect(() => make("1" as never)).toThrow('lambda is not a number; got "1"');
    expect(() => make(1, { selects: () => true } as never)).toThrow('Did you mean "select"?');
    expect(() => make(1)()).toThrow("needs at least one tensor");
  }
  expect(() => elasticNet(1, { ratio: 1.5 })).toThrow("ratio is out of range; got 1.5");
});

// ---- The table of docs/guide/regularisation.md: minimising our J and the other library's objective gives the same weights.

/** Gradient descent in float64 on a function given by its gradient. */
function minimise(gradient: (w: number[]) => number[], size: number, rate: number, steps: number): number[] {
  let at = new Array<number>(size).fill(0);
  for (let i = 0; i < steps; i++) {
    const g = gradient(at);
    at = at.map((x, j) => x - rate * (g[j] as number));
  }
  return at;
}

describe("conversions", () => {
  const n = 12;
  const X = Array.from({ length: n }, (_, i) => [Math.sin(3 * i + 1), Math.cos(5 * i)]);
  const y = X.map(([a, b], i) => 1.5 * (a as number) - 0.8 * (b as number) + 0.3 * Math.sin(17 * i));
  const classes = y.map((t) => Number(t > 0));
  const lambda = 0.3;
  const dot = (row: number[], at: number[]) => row.reduce((s, x, j) => s + x * (at[j] as number), 0);
  /** Σᵢ weightᵢ xᵢ. */
  const combine = (weights: number[]) => [0, 1].map((j) => weights.reduce((s, c, i) => s + c * ((X[i] as number[])[j] as number), 0));

  /** Our minimum, by our own gradients. */
  function ours(loss: (p: Tensor) => Tensor, penalty: (w: Tensor) => Tensor, steps = 3000): number[] {
    const x = tensor(X);
    const W = variable(zeros([2]), "W");
    const step = compile(() => {
      const total = loss(x.matmul(W)).add(penalty(W));
      sgdStep.minimize(total);
      return total;
    });
    const sgdStep = sgd({ learningRate: 0.2 });
    for (let i = 0; i < steps; i++) step();
    return [...W.dataSync({ exact: true })];
  }
  const near = (a: number[], b: number[]) => a.forEach((v, i) => void expect(v).toBeCloseTo(b[i] as number, 5));

  test("Ridge: α = nλ/2", () => {
    const alpha = (n * lambda) / 2;
    const theirs = minimise(
      (at) => combine(X.map((row, i) => 2 * (dot(row, at) - (y[i] as number)))).map((g, j) => g + 2 * alpha * (at[j] as number)),
      2,
      0.01,
      3000,
    );
    near(
      ours((p) => mse(p, tensor(y)), l2(lambda)),
      theirs,
    );
  });

  test("Lasso: α = λ/2", () => {
    const alpha = lambda / 2;
    const theirs = minimise(
      (at) => combine(X.map((row, i) => (dot(row, at) - (y[i] as number)) / n)).map((g, j) => g + alpha * Math.sign(at[j] as number)),
      2,
      0.2,
      3000,
    );
    near(
      ours((p) => mse(p, tensor(y)), l1(lambda)),
      theirs,
    );
  });

  test("ElasticNet: α = λ/2, l1_ratio = ratio", () => {
    const [alpha, ratio] = [lambda / 2, 0.4];
    const theirs = minimise(
      (at) =>
        combine(X.map((row, i) => (dot(row, at) - (y[i] as number)) / n)).map(
          (g, j) => g + alpha * ratio * Math.sign(at[j] as number) + alpha * (1 - ratio) * (at[j] as number),
        ),
      2,
      0.2,
      3000,
    );
    near(
      ours((p) => mse(p, tensor(y)), elasticNet(lambda, { ratio })),
      theirs,
    );
  });

  test("LogisticRegression: C = 1/(nλ)", () => {
    const C = 1 / (n * lambda);
    const theirs = minimise(
      (at) =>
        combine(X.map((row, i) => C * (1 / (1 + Math.exp(-dot(row, at))) - (classes[i] as number)))).map((g, j) => g + (at[j] as number)),
      2,
      0.1,
      3000,
    );
    const target = tensor(classes);
    near(
      ours((p) => p.softplus().sub(p.mul(target)).mean(), l2(lambda)),
      theirs,
    );
  });

  test("two classes with a score each: the same answer at twice the λ", () => {
    const one = ours((p) => binaryCrossEntropy(p, tensor(classes)), l2(lambda));
    const W = variable(zeros([2, 2]), "W");
    const optimizer = sgd({ learningRate: 0.2 });
    const [x, penalty] = [tensor(X), l2(2 * lambda)];
    const step = compile(() => optimizer.minimize(crossEntropy(x.matmul(W), tensor(Int32Array.from(classes))).add(penalty(W))));
    for (let i = 0; i < 3000; i++) step();
    const [a, b] = W.toArraySync() as [[number, number], [number, number]];
    near([a[1] - a[0], b[1] - b[0]], one);
  });

  test("PyTorch's weight_decay in SGD is our λ, step by step", () => {
    const W = variable([1, -2], "W");
    const optimizer = sgd({ learningRate: 0.1 });
    const wd = 0.3;
    let at = [1, -2];
    for (let i = 0; i < 20; i++) {
      optimizer.minimize(
        W.sub(tensor([0.5, 0.5]))
          .square()
          .sum()
          .add(l2(wd)(W)),
      );
      at = at.map((v) => v - 0.1 * (2 * (v - 0.5) + wd * v));
    }
    near([...W.dataSync()], at);
  });

  test("Keras: l2(λ) is λΣw², so our λ is twice theirs", () => {
    expect(l2(2 * 0.07)(w).itemSync()).toBeCloseTo(0.07 * 26, 6);
    expect(new Sequential(new Linear(1, 1)).parameterCount()).toBe(2);
  });
});
