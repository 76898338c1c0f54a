import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AnyTensor, gradients, setDevice, type Tensor, tensor, zeros } from "../../src/index.ts";
import { binaryCrossEntropy, crossEntropy, meanAbsoluteError, meanSquaredError, mse } from "../../src/loss/index.ts";

beforeAll(() => setDevice("reference"));
afterAll(() => setDevice("auto"));

const int = (values: number[], shape = [values.length]) => tensor(Int32Array.from(values), { shape });
const exact = (t: Tensor) => [...t.dataSync({ exact: true })];

/** Losses of each sample in float64, with the obvious formulas. */
const softmaxLoss = (x: number[], t: number) => Math.log(x.reduce((s, v) => s + Math.exp(v), 0)) - (x[t] as number);
const sigmoidLoss = (x: number, t: number) => -t * Math.log(1 / (1 + Math.exp(-x))) - (1 - t) * Math.log(1 - 1 / (1 + Math.exp(-x)));

/** Central differences of a loss, in float64. */
function numeric(loss: (p: Tensor) => Tensor, values: number[], shape: number[]): number[] {
  const at = (v: number[]) => loss(tensor(v, { shape, dtype: "float64" }) as unknown as Tensor).dataSync({ exact: true })[0] as number;
  return values.map((v, i) => {
    const [up, down] = [1e-5, -1e-5].map((h) => at(values.map((w, j) => (j === i ? v + h : w)))) as [number, number];
    return (up - down) / 2e-5;
  });
}

function expectGradient(loss: (p: Tensor) => Tensor, values: number[], shape: number[]): void {
  const p = tensor(values, { shape, dtype: "float64" }) as unknown as Tensor;
  const [g] = gradients(loss(p), [p]);
  const analytic = exact(g as Tensor);
  for (const [i, n] of numeric(loss, values, shape).entries()) expect(analytic[i]).toBeCloseTo(n, 7);
}

const logits = [
  [1.5, -0.5, 0.25],
  [-2, 3, 0.5],
];
const labels = [2, 1];

describe("values", () => {
  test("squared and absolute error, each reduction", () => {
    const [p, t] = [tensor([1, 2, 4]), tensor([1, 4, 3])];
    expect(meanSquaredError(p, t).itemSync()).toBeCloseTo(5 / 3, 6);
    expect(mse(p, t, { reduction: "sum" }).itemSync()).toBe(5);
    expect(mse(p, t, { reduction: "none" }).toArraySync()).toEqual([0, 4, 1]);
    expect(meanAbsoluteError(p, t).itemSync()).toBe(1);
    expect(mse(p, int([1, 4, 3])).itemSync()).toBeCloseTo(5 / 3, 6);
  });

  test("cross-entropy: indices, bytes and one-hot give the same, and the formula's value", () => {
    const x = tensor(logits);
    const expected = logits.map((row, i) => softmaxLoss(row, labels[i] as number));
    const mean = ((expected[0] as number) + (expected[1] as number)) / 2;
    for (const target of [int(labels), tensor(Uint8Array.from(labels)), int(labels).oneHot(3), int(labels).oneHot(3, "bool")]) {
      expect(crossEntropy(x, target as AnyTensor).itemSync()).toBeCloseTo(mean, 6);
      const each = crossEntropy(x, target as AnyTensor, { reduction: "none" });
      expect(each.shape).toEqual([2]);
      expect(each.dataSync()[1]).toBeCloseTo(expected[1] as number, 6);
    }
  });

  test("cross-entropy against a distribution, also one that does not sum to one", () => {
    const t = [0.2, 0.3, 0.1];
    const row = logits[0] as number[];
    const expected = t.reduce((s, w, i) => s + w * softmaxLoss(row, i), 0);
    expect(crossEntropy(tensor(row), tensor(t)).itemSync()).toBeCloseTo(expected, 6);
  });

  test("cross-entropy of sequences takes the classes from the last axis", () => {
    const x = tensor([logits, logits]);
    expect(crossEntropy(x, int([2, 1, 2, 1], [2, 2]), { reduction: "none" }).shape).toEqual([2, 2]);
  });

  test("binary cross-entropy", () => {
    const [x, t] = [
      [0.5, -3, 2],
      [1, 0, 0.25],
    ] as const;
    const loss = binaryCrossEntropy(tensor([...x]), tensor([...t]), { reduction: "none" });
    for (const [i, v] of [...loss.dataSync()].entries()) expect(v).toBeCloseTo(sigmoidLoss(x[i] as number, t[i] as number), 6);
  });

  test("huge logits neither overflow nor lose the small loss", () => {
    expect(crossEntropy(tensor([[1e4, 0]]), int([1])).itemSync()).toBe(1e4);
    expect(crossEntropy(tensor([[1e4, 0]]), int([0])).itemSync()).toBe(0);
    expect(binaryCrossEntropy(tensor([-1e4, 1e4]), tensor([1, 1]), { reduction: "none" }).toArraySync()).toEqual([1e4, 0]);
    expect(binaryCrossEntropy(tensor([20]), tensor([1])).itemSync()).toBeCloseTo(Math.log1p(Math.exp(-20)), 14);
    expect(binaryCrossEntropy(tensor([-20]), tensor([0])).itemSync()).toBeCloseTo(Math.log1p(Math.exp(-20)), 14);
  });
});

describe("gradients against finite differences", () => {
  const target64 = tensor([0.3, -1, 2, 0.1, 0.4, 1], { shape: [2, 3] });
  test("squared error", () => expectGradient((p) => mse(p, target64), logits.flat(), [2, 3]));
  test("absolute error", () => expectGradient((p) => meanAbsoluteError(p, target64), logits.flat(), [2, 3]));
  test("cross-entropy", () => expectGradient((p) => crossEntropy(p, int(labels)), logits.flat(), [2, 3]));
  test("cross-entropy of a distribution", () => expectGradient((p) => crossEntropy(p, target64.abs()), logits.flat(), [2, 3]));
  test("binary cross-entropy", () => expectGradient((p) => binaryCrossEntropy(p, target64.sigmoid()), logits.flat(), [2, 3]));

  test("binary cross-entropy at 0, where training begins: ½ − t", () => {
    const x = zeros([2]);
    const [g] = gradients(binaryCrossEntropy(x, tensor([0, 1]), { reduction: "sum" }), [x]);
    expect(g?.toArraySync()).toEqual([0.5, -0.5]);
  });

  test("absolute error at 0: 0", () => {
    const x = zeros([1]);
    expect(gradients(meanAbsoluteError(x, zeros([1])), [x])[0]?.itemSync()).toBe(0);
  });
});

describe("refusals", () => {
  test("a column of targets is never broadcast against a matrix of predictions: both shapes are named", () => {
    for (const loss of [meanSquaredError, meanAbsoluteError, binaryCrossEntropy]) {
      expect(() => loss(zeros([3, 3]), zeros([3, 1]))).toThrow(
        `${loss.name}: prediction and target differ in shape, and a loss does not broadcast; got prediction [3,3] and target [3,1], expected equal shapes. Give the model as many outputs as a target has numbers.`,
      );
    }
    expect(() => mse(zeros([3, 1]), zeros([3]))).toThrow("Reshape one of them, for example target.reshape([3,1]).");
  });

  test("cross-entropy says what it got", () => {
    expect(() => crossEntropy(zeros([4, 3]), int([0, 1, 2]))).toThrow(
      "crossEntropy: logits and target do not fit; got logits [4,3] and target [3], class indices (int32), expected class indices [4] or a distribution [4,3].",
    );
    expect(() => crossEntropy(zeros([4, 3]), zeros([4]))).toThrow("target [4], a distribution over classes (float32)");
    expect(() => crossEntropy(tensor(1), int([0]))).toThrow("expected logits [..., classes]");
    expect(() => crossEntropy(int([1, 2]) as unknown as Tensor, int([0]))).toThrow("the prediction must be floating point; got int32");
  });

  test("class indices that are floats, and what is no tensor, are told what to become", () => {
    const scores = zeros([2, 3]);
    expect(() => crossEntropy(scores, zeros([2]))).toThrow('Class indices are whole numbers: cast them, cast("int32").');
    expect(() => crossEntropy(scores, [0, 1] as never)).toThrow(
      /^crossEntropy: the target must be a tensor; got .*Make one first: tensor\(data\)\.$/,
    );
    expect(() => mse([1] as never, [1] as never)).toThrow("meanSquaredError: the prediction must be a tensor");
    expect(() => mse(zeros([1]), 1 as never)).toThrow("meanSquaredError: the target must be a tensor; got 1.");
    expect(() => crossEntropy(scores, tensor(Int32Array.of(0, 3))).itemSync()).toThrow(
      "crossEntropy: a target is no class; got 3, expected 0 to 2.",
    );
  });

  test("an index that is no class is an error, at the latest on reading", () => {
    expect(() => crossEntropy(zeros([2, 3]), int([0, 3])).itemSync()).toThrow("got 3, expected 0 to 2");
    expect(() => crossEntropy(zeros([2, 3]), int([-1, 0])).itemSync()).toThrow("got -1");
  });

  test("unknown options", () => {
    expect(() => mse(zeros([1]), zeros([1]), { reduce: "sum" } as never)).toThrow('there is no option "reduce". Did you mean "reduction"?');
    expect(() => mse(zeros([1]), zeros([1]), { reduction: "average" as never })).toThrow(
      "unknown reduction; got average, expected mean, sum or none",
    );
  });
});
