// Running sums and their kin, norms of vectors, and sorting along any axis.

import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { gradients, type Tensor, tensor } from "../../src/index.ts";
import * as linalg from "../../src/linalg.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

const x2 = [
  [1, -2, 3],
  [0.5, 4, -1],
];
const gradientOf = (loss: Tensor, x: Tensor): Tensor => gradients(loss, [x])[0] as Tensor;

describe.each(devices)("running results on %s", (device) => {
  it("along either axis, both ways", () =>
    on(device, () => {
      const x = tensor(x2);
      expectTensor(x.cumsum(), [
        [1, -1, 2],
        [0.5, 4.5, 3.5],
      ]);
      expectTensor(d.cumsum(x, 0, { reverse: true }), [
        [1.5, 2, 2],
        [0.5, 4, -1],
      ]);
      expectTensor(d.cumprod(x, -1), [
        [1, -2, -6],
        [0.5, 2, -2],
      ]);
      expectTensor(d.cummax(x, 1), [
        [1, 1, 3],
        [0.5, 4, 4],
      ]);
      expectTensor(d.cummax(tensor([1, Number.NaN, 3])), [1, Number.NaN, Number.NaN]);
      expectTensor(d.cumsum(tensor([true, false, true])), [1, 1, 2], "int32");
      expectTensor(tensor(3).cumsum(0), 3);
      expect(d.zeros([0, 2]).cumsum(0).shape).toEqual([0, 2]);
    }));

  it("logCumSumExp neither overflows nor minds infinities", () =>
    on(device, () => {
      expectTensor(d.logCumSumExp(tensor([1000, 1000, 999])), [1000, 1000 + Math.LN2, 1000 + Math.log(2 + Math.exp(-1))]);
      expectTensor(d.logCumSumExp(tensor([-Infinity, 0, 0])), [-Infinity, 0, Math.LN2]);
      expectTensor(d.logCumSumExp(tensor([0, Infinity, 1])), [0, Infinity, Infinity]);
      expectTensor(d.logCumSumExp(tensor([3, 1, 2]), 0, { reverse: true }), [
        Math.log(Math.exp(3) + Math.exp(1) + Math.exp(2)),
        Math.log(Math.exp(1) + Math.exp(2)),
        2,
      ]);
    }));

  it("gradients, where factors are 0 too", () =>
    on(device, () => {
      const x = tensor([2, 0, 3, 0, 5]);
      // y = (2, 0, 0, 0, 0): ∂y₁/∂x₁ = 2, ∂y₂/∂x₁ = 6; everything later has another 0 in it.
      expectTensor(gradientOf(d.cumprod(x).sum(), x), [1, 2 + 6, 0, 0, 0]);
      const w = tensor([1, 2, 3, 4, 5]);
      expectTensor(gradientOf(x.cumsum().mul(w).sum(), x), [15, 14, 12, 9, 5]);
      const z = tensor([1, 3, 3, 2]);
      expectTensor(
        gradientOf(
          d
            .cummax(z)
            .mul(tensor([1, 2, 3, 4]))
            .sum(),
          z,
        ),
        [1, 2, 7, 0],
      );
      const v = tensor([0.3, -1, 2]);
      const e = [0.3, -1, 2].map((a) => Math.exp(Math.fround(a)));
      const [a, b, c] = e as [number, number, number];
      expectTensor(gradientOf(d.logCumSumExp(v).sum(), v), [
        1 + a / (a + b) + a / (a + b + c),
        b / (a + b) + b / (a + b + c),
        c / (a + b + c),
      ]);
    }));

  it("a linear recurrence, its gradients, and theirs", () =>
    on(device, () => {
      const [a, x] = [tensor([9, 0.5, 2, -1]), tensor([1, 2, 3, 4])];
      expectTensor(d.linearRecurrence(a, x), [1, 2.5, 8, -4]);
      const y = d.linearRecurrence(a, x).sum();
      const [da, dx] = gradients(y, [a, x]) as [Tensor, Tensor];
      // s = (2, 2, ... ) from the end: s₃ = 1, s₂ = 1 − 1 = 0, s₁ = 1 + 2·0 = 1, s₀ = 1 + 0.5·1.
      expectTensor(dx, [1.5, 1, 0, 1]);
      expectTensor(da, [0, 1, 0, 8]);
      expectTensor(gradientOf(dx.sum(), a), [0, 1, 0, 1 + 2 + 1]);
    }));
});

describe.each(devices)("vectors on %s", (device) => {
  it("norms of every order", () =>
    on(device, () => {
      const x = tensor([
        [3, -4],
        [0, 2],
      ]);
      expectTensor(linalg.vectorNorm(x), Math.sqrt(29));
      expectTensor(linalg.vectorNorm(x, { order: 1, axes: 1 }), [7, 2]);
      expectTensor(linalg.vectorNorm(x, { order: 3, axes: 0, keepDimensions: true }), [[3, Math.cbrt(72)]]);
      expectTensor(linalg.vectorNorm(x, { order: Infinity, axes: 1 }), [4, 2]);
      expectTensor(linalg.vectorNorm(x, { order: -Infinity, axes: 1 }), [3, 0]);
      expectTensor(linalg.vectorNorm(x, { order: 0, axes: 1 }), [2, 1]);
      expectTensor(linalg.vectorNorm(x, { order: -1, axes: 1 }), [12 / 7, 0]);
      const zero = tensor([0, 0]);
      for (const order of [0.5, 1, 2, 3]) expectTensor(gradientOf(linalg.vectorNorm(zero, { order }), zero), [0, 0]);
      const v = tensor([3, 4]);
      expectTensor(gradientOf(linalg.vectorNorm(v), v), [0.6, 0.8]);
    }));

  it("lengths of 1, angles, distances", () =>
    on(device, () => {
      expectTensor(
        linalg.normalize(
          tensor([
            [3, 4],
            [0, 0],
          ]),
        ),
        [
          [0.6, 0.8],
          [0, 0],
        ],
      );
      expectTensor(
        linalg.cosineSimilarity(
          tensor([
            [1, 0],
            [0, 0],
          ]),
          tensor([[1, 1]]),
        ),
        [Math.SQRT1_2, 0],
      );
      expectTensor(linalg.pairwiseDistance(tensor([[1, 2]]), tensor([[4, 6]]), { epsilon: 0 }), [5]);
      expectTensor(linalg.pairwiseDistance(tensor([[1, 2]]), tensor([[4, 6]]), { order: 1, epsilon: 0, keepDimensions: true }), [[7]]);
    }));

  it("the k smallest, none, and scalars", () =>
    on(device, () => {
      const x = tensor([[3, 1, 2]]);
      const { values, indices } = d.topK(x, 2, -1, { largest: false });
      expectTensor(values, [[1, 2]]);
      expectTensor(indices, [[1, 2]], "int32");
      expect(d.topK(x, 0).values.shape).toEqual([1, 0]);
      expectTensor(d.sort(tensor(5)), 5);
      expectTensor(d.topK(tensor(5), 1).indices, 0, "int32");
    }));

  it("the extreme with its place takes all of the gradient", () =>
    on(device, () => {
      const x = tensor([
        [1, 3, 3],
        [2, 0, 0],
      ]);
      const { values, indices } = d.maxWithIndex(x, 1);
      expectTensor(values, [3, 2]);
      expectTensor(indices, [1, 0], "int32");
      expectTensor(gradientOf(values.sum(), x), [
        [0, 1, 0],
        [1, 0, 0],
      ]);
      expectTensor(d.minWithIndex(x, 0, { keepDimensions: true }).values, [[1, 0, 0]]);
    }));
});

it("mistakes say what was got and expected", () => {
  const x = tensor(x2);
  expect(errorOf(() => x.cumsum(2)).message).toBe("cumsum: axis out of range; got 2, expected an integer from -2 to 1.");
  expect(errorOf(() => d.linearRecurrence(x, tensor([1, 2]))).message).toBe(
    "linearRecurrence: the factors differ in type from what is added; got float32[2,3] and float32[2], expected equal types.",
  );
  expect(errorOf(() => d.maxWithIndex(d.zeros([2, 0]), 1)).message).toMatch(/^maxWithIndex: axis 1 is empty.*got \[2,0\], expected/);
  expect(errorOf(() => linalg.cosineSimilarity(x, x, { epsilon: -1 })).message).toMatch(/^cosineSimilarity: epsilon .*got -1, expected/);
  expect(errorOf(() => linalg.vectorNorm(d.zeros([0]), { order: Infinity })).message).toMatch(/^vectorNorm: .*got \[0\], expected/);
});
