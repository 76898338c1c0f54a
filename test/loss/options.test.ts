// Options of losses, and losses that PyTorch does not have, against formulas in float64. PyTorch's own are in the conformance cases.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gradients, setDevice, type Tensor, tensor, zeros } from "../../src/index.ts";
import {
  binaryCrossEntropy,
  binaryCrossEntropyOfProbabilities,
  contrastiveLoss,
  crossEntropy,
  focalLoss,
  gaussianLoss,
  huber,
  infoNce,
  klDivergence,
  multiLabelMargin,
  multiMargin,
  negativeLogLikelihood,
  quantileLoss,
  smoothL1,
  tripletMargin,
} from "../../src/loss/index.ts";

beforeAll(() => setDevice("reference"));
afterAll(() => setDevice("auto"));

const int = (values: number[], shape = [values.length]) => tensor(Int32Array.from(values), { shape });
const list = (t: Tensor) => [...t.dataSync()];
const near = (actual: Iterable<number>, expected: readonly number[]) => {
  const values = [...actual];
  expect(values).toHaveLength(expected.length);
  expected.forEach((e, i) => {
    expect(values[i]).toBeCloseTo(e, 5);
  });
};
const logits = [
  [1.5, -0.5, 0.25],
  [-2, 3, 0.5],
  [0, 0.1, 0.2],
];
const logSoftmax = (row: number[]) => {
  const norm = Math.log(row.reduce((s, v) => s + Math.exp(v), 0));
  return row.map((v) => v - norm);
};
const log = logits.map(logSoftmax);
const labels = [2, 1, 0];
const at = (i: number, c: number) => -(log[i] as number[])[c]! as number;

describe("cross-entropy", () => {
  test("class weights: the mean divides by the weights of the samples", () => {
    const weights = [1, 2, 0.5];
    const each = labels.map((y, i) => (weights[y] as number) * at(i, y));
    const total = labels.reduce((s, y) => s + (weights[y] as number), 0);
    const loss = (reduction: "mean" | "sum" | "none") => crossEntropy(tensor(logits), int(labels), { weights: tensor(weights), reduction });
    near(list(loss("none")), each);
    near(list(loss("mean")), [each.reduce((s, v) => s + v) / total]);
    near(list(negativeLogLikelihood(tensor(log), int(labels), { weights: tensor(weights) })), [each.reduce((s, v) => s + v) / total]);
  });

  test("ignored samples count nothing, whatever their index, and get no gradient", () => {
    const x = tensor(logits);
    const target = int([2, -100, 0]);
    const loss = crossEntropy(x, target, { ignoreIndex: -100 });
    expect(loss.itemSync()).toBeCloseTo((at(0, 2) + at(2, 0)) / 2, 6);
    const g = gradients(loss, [x])[0] as Tensor;
    near(list(g).slice(3, 6), [0, 0, 0]);
    near(list(crossEntropy(x, target, { ignoreIndex: -100, reduction: "none" })), [at(0, 2), 0, at(2, 0)]);
    expect(() => crossEntropy(x, target).itemSync()).toThrow("got -100, expected 0 to 2");
  });

  test("label smoothing is the cross-entropy with smoothed targets", () => {
    const smoothed = labels.map((y) => [0, 1, 2].map((c) => (c === y ? 0.8 : 0) + 0.2 / 3));
    const a = crossEntropy(tensor(logits), int(labels), { labelSmoothing: 0.2 });
    expect(a.itemSync()).toBeCloseTo(crossEntropy(tensor(logits), tensor(smoothed)).itemSync(), 6);
    const b = crossEntropy(tensor(logits), int(labels).oneHot(3), { labelSmoothing: 0.2 });
    expect(b.itemSync()).toBeCloseTo(a.itemSync(), 6);
    expect(() => crossEntropy(tensor(logits), int(labels), { labelSmoothing: 1.5 })).toThrow("labelSmoothing is out of range");
  });

  test("classes on another axis", () => {
    const wide = tensor([logits, logits]).transpose(1, 2) as Tensor;
    const loss = crossEntropy(wide, int([...labels, ...labels], [2, 3]), { axis: 1, reduction: "none" });
    near(
      list(loss),
      [0, 1, 2, 0, 1, 2].map((i) => at(i, labels[i] as number)),
    );
    const masked = tensor([[0, Number.NEGATIVE_INFINITY, 0]]);
    expect(crossEntropy(masked, int([0])).itemSync()).toBeCloseTo(Math.log(2), 6);
  });
});

describe("binary", () => {
  test("weights of elements and of positive targets", () => {
    const [x, t] = [
      [0.5, -1, 2],
      [1, 0, 1],
    ];
    const softplus = (v: number) => Math.log1p(Math.exp(v));
    const expected = x.map((v, i) => 2 * (3 * (t[i] as number) * softplus(-v) + (1 - (t[i] as number)) * softplus(v)));
    near(
      list(binaryCrossEntropy(tensor(x), tensor(t), { weights: tensor([2]), positiveWeights: tensor([3]), reduction: "none" })),
      expected,
    );
    expect(() => binaryCrossEntropy(tensor(x), tensor(t), { weights: tensor([1, 2]) })).toThrow();
  });

  test("probabilities: finite at the ends, refused beyond", () => {
    const p = tensor([0, 1, 0.25, 1]);
    const loss = binaryCrossEntropyOfProbabilities(p, tensor([0, 1, 1, 0]), { reduction: "none" });
    near(list(loss), [0, 0, Math.log(4), 100]);
    const g = list(gradients(loss.sum(), [p])[0] as Tensor);
    expect(g[2]).toBeCloseTo(-4, 5);
    expect(g.every(Number.isFinite)).toBe(true);
    for (const wrong of [-0.25, 1.25])
      expect(() => binaryCrossEntropyOfProbabilities(tensor([wrong]), tensor([0])).itemSync()).toThrow("a probability is outside 0 to 1");
    expect(() => binaryCrossEntropyOfProbabilities(tensor([0.5]), tensor([1.5])).itemSync()).toThrow("a target is outside 0 to 1");
  });

  test("focal loss", () => {
    const [x, t] = [
      [0.5, -1],
      [1, 0],
    ];
    const expected = x.map((v, i) => {
      const p = t[i] === 1 ? 1 / (1 + Math.exp(-v)) : 1 - 1 / (1 + Math.exp(-v));
      return -(t[i] === 1 ? 0.3 : 0.7) * (1 - p) ** 1.5 * Math.log(p);
    });
    near(list(focalLoss(tensor(x), tensor(t), { gamma: 1.5, alpha: 0.3, reduction: "none" })), expected);
    near(
      list(focalLoss(tensor(x), tensor(t), { gamma: 0, alpha: null, reduction: "none" })),
      list(binaryCrossEntropy(tensor(x), tensor(t), { reduction: "none" })),
    );
  });
});

describe("numbers", () => {
  test("several quantiles along the last axis", () => {
    const p = tensor([
      [1, 2],
      [0, -1],
    ]);
    const loss = quantileLoss(p, tensor([3, -2]), { quantile: [0.1, 0.9], reduction: "none" });
    expect(loss.shape).toEqual([2, 2]);
    near(list(loss), [0.2, 0.9, 1.8, 0.1]);
    expect(() => quantileLoss(p, tensor([1, 2]), { quantile: [0.5] })).toThrow("prediction and target do not fit the quantiles");
    expect(() => quantileLoss(tensor([1]), tensor([1]), { quantile: 1.1 })).toThrow("quantile is out of range");
  });

  test("the 0.75 quantile is where the loss is least", () => {
    const targets = tensor([1, 2, 3, 4, 5, 6, 7, 8]);
    const at = (v: number) => quantileLoss(targets.mul(0).add(v), targets, { quantile: 0.75 }).itemSync();
    expect(Math.min(at(5.5), at(7.5))).toBeGreaterThan(at(6.5));
  });

  test("huber and smooth L1 differ by their scale", () => {
    const [p, t] = [tensor([0.2, 3, -4]), tensor([0, 0, 0])];
    near(list(huber(p, t, { delta: 2, reduction: "none" })), [0.02, 4, 6]);
    near(list(smoothL1(p, t, { beta: 2, reduction: "none" })), [0.01, 2, 3]);
    expect(() => huber(p, t, { delta: 0 })).toThrow("delta is out of range; got 0, expected a finite number above 0");
  });

  test("a negative variance is refused when it is read", () => {
    expect(() => gaussianLoss(tensor([1]), tensor([1]), tensor([-0.5])).itemSync()).toThrow("a variance is negative");
    expect(gaussianLoss(tensor([[1, 2]]), tensor([[1, 2]]), tensor([1])).itemSync()).toBe(0);
  });

  test("divergence: 0 where the target is 0, mean over the batch", () => {
    const x = tensor([[Math.log(0.5), Math.log(0.5)]]);
    expect(klDivergence(x, tensor([[1, 0]]), { reduction: "batchMean" }).itemSync()).toBeCloseTo(Math.log(2), 6);
    const t = tensor([[0.25, 0.75]]);
    const g = list(gradients(klDivergence(x, tensor([[0, 1]]), { reduction: "sum" }), [x])[0] as Tensor);
    near(g, [-0, -1]);
    near(list(klDivergence(x, t.log(), { logTarget: true, reduction: "none" })), list(klDivergence(x, t, { reduction: "none" })));
  });
});

describe("margins", () => {
  test("several right classes end at the first −1", () => {
    const x = tensor([[0.1, 0.2, 0.4, 0.8]]);
    // Classes 3 and 0 are right: PyTorch's own example.
    expect(multiLabelMargin(x, int([3, 0, -1, 1], [1, 4])).itemSync()).toBeCloseTo(0.85, 6);
  });

  test("a power of 2 and class weights", () => {
    const x = tensor([[0.5, 0.25, 1]]);
    const expected = (((1 - 0.25 + 0.5) ** 2 + (1 - 0.25 + 1) ** 2) / 3) * 2;
    expect(multiMargin(x, int([1]), { power: 2, weights: tensor([1, 2, 3]) }).itemSync()).toBeCloseTo(expected, 5);
  });

  test("triplets: other norms, and the swap", () => {
    const [a, p, n] = [tensor([[0, 0]]), tensor([[3, 4]]), tensor([[3, 5]])];
    const options = { epsilon: 0, reduction: "none" } as const;
    near(list(tripletMargin(a, p, n, { ...options, power: 1 })), [0]);
    near(list(tripletMargin(a, p, n, { ...options, swap: true })), [5]);
    near(list(tripletMargin(a, p, n, { ...options, power: 3, margin: 2 })), [(27 + 64) ** (1 / 3) - (27 + 125) ** (1 / 3) + 2]);
    near(list(tripletMargin(a, p, n, { ...options, power: Number.POSITIVE_INFINITY, margin: 2 })), [1]);
  });

  test("contrastive pairs", () => {
    near(list(contrastiveLoss(tensor([2, 0.5, 3]), tensor([1, 0, 0]), { margin: 2, reduction: "none" })), [2, 1.125, 0]);
  });

  test("InfoNCE is the cross-entropy of similarities, in one direction or both", () => {
    const q = [
      [1, 0],
      [0.6, 0.8],
    ];
    const k = [
      [0, 2],
      [3, 0],
    ];
    const similar = [
      [0, 1],
      [0.8, 0.6],
    ].map((row) => row.map((v) => v / 0.5));
    const forward = similar.map((row, i) => -(logSoftmax(row)[i] as number));
    const columns = [0, 1].map((j) => similar.map((row) => row[j] as number));
    const backward = columns.map((row, i) => -(logSoftmax(row)[i] as number));
    near(list(infoNce(tensor(q), tensor(k), { temperature: 0.5, reduction: "none" })), forward);
    near(
      list(infoNce(tensor(q), tensor(k), { temperature: 0.5, symmetric: true, reduction: "none" })),
      forward.map((f, i) => (f + (backward[i] as number)) / 2),
    );
    expect(() => infoNce(tensor(q), tensor([1, 2]))).toThrow("queries and keys do not fit");
  });

  test("no classes, or too many axes, are refused", () => {
    for (const x of [zeros([5, 0]), zeros([0]), zeros([2, 3, 4])])
      for (const call of [() => multiMargin(x, int([0])), () => multiLabelMargin(x, x.cast("int32"))])
        expect(call).toThrow("expected [samples, classes] or [classes], with at least one class");
  });

  test("unknown options and reductions are refused", () => {
    expect(() => tripletMargin(tensor([[1]]), tensor([[1]]), tensor([[1]]), { reduction: "abc" as never })).toThrow(
      "tripletMargin: unknown reduction; got abc, expected mean, sum or none",
    );
    expect(() => huber(tensor([1]), tensor([1]), { detla: 2 } as never)).toThrow('there is no option "detla". Did you mean "delta"?');
  });
});
