import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { gradients, type Tensor, tensor, zeros } from "../../src/index.ts";
import { vmap } from "../../src/transforms.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

const int = (values: d.Data) => tensor(values, { dtype: "int32" });
const numbers = (...shape: number[]) =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7) % 11) - 5),
    { shape },
  );

// PyTorch's scatter_reduce(0, [0, 0, 1, 2, 2], …) of [2, 3, 5, 7] with [4, 4, 0, 3, 3], and its gradients for weights 1, 10, 100, 1000.
interface Reduction {
  readonly reduction: d.ScatterReduction;
  readonly includeSelf: boolean;
  readonly answer: number[];
  readonly slopes: readonly [number[], number[]];
}
const reductions: readonly Reduction[] = [
  {
    reduction: "sum",
    includeSelf: true,
    answer: [10.0, 3.0, 11.0, 7.0],
    slopes: [
      [1.0, 10.0, 100.0, 1000.0],
      [1.0, 1.0, 10.0, 100.0, 100.0],
    ],
  },
  {
    reduction: "sum",
    includeSelf: false,
    answer: [8.0, 0.0, 6.0, 7.0],
    slopes: [
      [0.0, 0.0, 0.0, 1000.0],
      [1.0, 1.0, 10.0, 100.0, 100.0],
    ],
  },
  {
    reduction: "prod",
    includeSelf: true,
    answer: [32.0, 0.0, 45.0, 7.0],
    slopes: [
      [16.0, 0.0, 900.0, 1000.0],
      [8.0, 8.0, 30.0, 1500.0, 1500.0],
    ],
  },
  {
    reduction: "prod",
    includeSelf: false,
    answer: [16.0, 0.0, 9.0, 7.0],
    slopes: [
      [0.0, 0.0, 0.0, 1000.0],
      [4.0, 4.0, 10.0, 300.0, 300.0],
    ],
  },
  {
    reduction: "mean",
    includeSelf: true,
    answer: [3.3333333, 1.5, 3.6666667, 7.0],
    slopes: [
      [0.3333333, 5.0, 33.3333321, 1000.0],
      [0.3333333, 0.3333333, 5.0, 33.3333321, 33.3333321],
    ],
  },
  {
    reduction: "mean",
    includeSelf: false,
    answer: [4.0, 0.0, 3.0, 7.0],
    slopes: [
      [0.0, 0.0, 0.0, 1000.0],
      [0.5, 0.5, 10.0, 50.0, 50.0],
    ],
  },
  {
    reduction: "max",
    includeSelf: true,
    answer: [4.0, 3.0, 5.0, 7.0],
    slopes: [
      [0.0, 10.0, 100.0, 1000.0],
      [0.5, 0.5, 0.0, 0.0, 0.0],
    ],
  },
  {
    reduction: "max",
    includeSelf: false,
    answer: [4.0, 0.0, 3.0, 7.0],
    slopes: [
      [0.0, 0.0, 0.0, 1000.0],
      [0.5, 0.5, 10.0, 50.0, 50.0],
    ],
  },
  {
    reduction: "min",
    includeSelf: true,
    answer: [2.0, 0.0, 3.0, 7.0],
    slopes: [
      [1.0, 0.0, 0.0, 1000.0],
      [0.0, 0.0, 10.0, 50.0, 50.0],
    ],
  },
  {
    reduction: "min",
    includeSelf: false,
    answer: [4.0, 0.0, 3.0, 7.0],
    slopes: [
      [0.0, 0.0, 0.0, 1000.0],
      [0.5, 0.5, 10.0, 50.0, 50.0],
    ],
  },
];

describe.each(devices)("element by element on %s", (device) => {
  it("gatherElements and takeAlongAxis", () =>
    on(device, () => {
      const x = tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      expectTensor(d.gatherElements(x, int([[1, 0]]), 0), [[4, 2]]);
      expectTensor(
        d.gatherElements(
          x,
          int([
            [2, 2],
            [0, 1],
          ]),
          -1,
        ),
        [
          [3, 3],
          [4, 5],
        ],
      );
      expectTensor(d.takeAlongAxis(x, int([[-1, 0]]), 1), [
        [3, 1],
        [6, 4],
      ]);
      expectTensor(d.takeAlongAxis(x, x.argSort(1, { descending: true }), 1), [
        [3, 2, 1],
        [6, 5, 4],
      ]);
      expectTensor(d.takeAlongAxis(x, int([5, 0])), [6, 1]);
      expect(d.gatherElements(x, int(new Int32Array(0)).reshape([0, 3]), 0).shape).toEqual([0, 3]);
      const deep = numbers(2, 3, 4);
      const values = deep.toArraySync() as number[][][];
      expectTensor(d.gatherElements(deep, int([[[3, 0]], [[1, 1]]]), 2), [
        [[values[0]?.[0]?.[3], values[0]?.[0]?.[0]]],
        [[values[1]?.[0]?.[1], values[1]?.[0]?.[1]]],
      ]);
    }));

  it("the last of several writes stays, and only it has a gradient", () =>
    on(device, () => {
      const x = tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]);
      const where = int([
        [2, 0],
        [2, 1],
      ]);
      const updates = tensor([
        [10, 20],
        [30, 40],
      ]);
      const y = d.scatter(x, 0, where, updates);
      expectTensor(y, [
        [1, 20],
        [3, 40],
        [30, 6],
      ]);
      const weights = tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]);
      const [dx, du] = gradients(y.mul(weights).sum(), [x, updates]) as [Tensor, Tensor];
      expectTensor(dx, [
        [1, 0],
        [3, 0],
        [0, 6],
      ]);
      expectTensor(du, [
        [0, 2],
        [5, 4],
      ]);
      expectTensor(d.scatter(x, 1, int([[1]]), -1), [
        [1, -1],
        [3, 4],
        [5, 6],
      ]);
      expectTensor(d.scatter(tensor([Number.NaN, 1]), 0, int([0, 0]), tensor([Number.POSITIVE_INFINITY, 7])), [7, 1]);
      expectTensor(d.scatter(int([1, 2, 3]), 0, int([1]), int([9])), [1, 9, 3], "int32");
      expectTensor(d.scatter(x, 0, int(new Int32Array(0)).reshape([0, 2]), updates), x.toArraySync());
    }));

  it("many writes agree with a loop", () =>
    on(device, () => {
      const n = 500;
      const places = Int32Array.from({ length: n }, (_, i) => (i * 7919) % 41);
      const values = Float32Array.from({ length: n }, (_, i) => i);
      const [last, sum] = [new Float32Array(50).fill(-1), new Float32Array(50).fill(-1)];
      places.forEach((p, i) => {
        last[p] = i;
        sum[p] = (sum[p] as number) + i;
      });
      const x = d.full([50], -1);
      expectTensor(d.scatter(x, 0, tensor(places), tensor(values)), [...last]);
      expectTensor(d.scatterAdd(x, 0, tensor(places), tensor(values)), [...sum]);
    }));

  it.each(reductions)(
    "scatterReduce by $reduction, own elements $includeSelf",
    ({ reduction, includeSelf, answer, slopes: [own, given] }) =>
      on(device, () => {
        const [x, updates] = [tensor([2, 3, 5, 7]), tensor([4, 4, 0, 3, 3])];
        const y = d.scatterReduce(x, 0, int([0, 0, 1, 2, 2]), updates, reduction, { includeSelf });
        expectTensor(y, answer);
        const weights = tensor([1, 10, 100, 1000]);
        const [gx, gu] = gradients(y.mul(weights).sum(), [x, updates]) as [Tensor, Tensor];
        expectTensor(gx, own);
        expectTensor(gu, given);
      }),
  );

  it("scatterReduce along an axis, of integers, with NaN, and batched", () =>
    on(device, () => {
      const x = numbers(2, 3);
      const where = int([[1], [1]]);
      const doubled = (x.toArraySync() as number[][]).map(([a, b, c]) => [a, 2 * (b as number), c] as number[]);
      expectTensor(d.scatterReduce(x, 1, where, 2, "prod"), doubled);
      expectTensor(d.scatterReduce(int([7, 1]), 0, int([0, 0]), int([2, 1]), "mean"), [3, 1], "int32");
      expectTensor(d.scatterReduce(tensor([1, 2]), 0, int([0, 1]), tensor([Number.NaN, 5]), "max"), [Number.NaN, 5]);
      expectTensor(d.scatterReduce(x, 0, int(new Int32Array(0)).reshape([0, 3]), 1, "min"), x.toArraySync());
      const zeros = tensor([0, 0, 0, 4]);
      const product = d.scatterReduce(tensor([3, 3]), 0, int([0, 0, 1, 1]), zeros, "prod");
      expectTensor(gradients(product.sum(), [zeros])[0] as Tensor, [0, 0, 12, 0]);
      const rows = vmap((row: Tensor) => d.scatterReduce(row, 0, int([2, 2]), tensor([-9, 9]), "min"))(x);
      expectTensor(
        rows,
        (x.toArraySync() as number[][]).map(([a, b]) => [a as number, b as number, -9]),
      );
    }));

  it("scatterReduce names what it cannot do", () =>
    on(device, () => {
      const reduce = (reduction: string) => d.scatterReduce(tensor([1]), 0, int([0]), tensor([2]), reduction as d.ScatterReduction);
      expect(errorOf(() => reduce("amax")).message).toBe("scatterReduce: unknown reduction; got amax, expected sum, prod, mean, max, min.");
    }));

  it("scatterAdd, indexAdd, indexFill, maskedFill", () =>
    on(device, () => {
      const x = zeros([2, 3]);
      const updates = tensor([
        [1, 2],
        [3, 4],
      ]);
      expectTensor(
        d.scatterAdd(
          x,
          1,
          int([
            [0, 0],
            [2, 1],
          ]),
          updates,
        ),
        [
          [3, 0, 0],
          [0, 4, 3],
        ],
      );
      const y = d.indexAdd(x, 1, int([2, 2]), updates, { alpha: 2 });
      expectTensor(y, [
        [0, 0, 6],
        [0, 0, 14],
      ]);
      const [du] = gradients(y.mul(tensor([1, 2, 3])).sum(), [updates]) as [Tensor];
      expectTensor(du, [
        [6, 6],
        [6, 6],
      ]);
      expectTensor(d.indexAdd(tensor([1, 2]), 0, int(1), tensor([5])), [1, 7]);
      const value = tensor(9);
      const filled = d.indexFill(x, -1, int([0, -1, 0]), value);
      expectTensor(filled, [
        [9, 0, 9],
        [9, 0, 9],
      ]);
      const [dx, dv] = gradients(filled.sum(), [x, value]) as [Tensor, Tensor];
      expectTensor(dx, [
        [0, 1, 0],
        [0, 1, 0],
      ]);
      expectTensor(dv, 4);
      expectTensor(
        d.maskedFill(
          tensor([1, 2]),
          tensor([
            [true, false],
            [false, false],
          ]),
          -1,
        ),
        [
          [-1, 2],
          [1, 2],
        ],
      );
      expectTensor(d.maskedFill(int([1, 2]), tensor([true, false]), 7), [7, 2], "int32");
    }));

  it("embedding: the gradient adds up, leaves padding out, and is divided by how often a row occurs", () =>
    on(device, () => {
      const table = numbers(4, 2);
      const rows = int([1, 3, 1, 2]);
      const gradientOf = (options: d.EmbeddingOptions) =>
        (
          gradients(
            d
              .embedding(rows, table, options)
              .mul(tensor([[1], [2], [4], [8]]))
              .sum(),
            [table],
          ) as [Tensor]
        )[0];
      expectTensor(d.embedding(int([[3, 0]]), table), [[table.at(3).toArraySync(), table.at(0).toArraySync()]]);
      const both = (values: number[]) => values.map((v) => [v, v]);
      expectTensor(gradientOf({}), both([0, 5, 8, 2]));
      expectTensor(gradientOf({ paddingIndex: -2 }), both([0, 5, 0, 2]));
      expectTensor(gradientOf({ scaleGradientByFrequency: true }), both([0, 2.5, 8, 2]));
      expectTensor(d.embedding(rows, table, { paddingIndex: 1, scaleGradientByFrequency: true }), d.embedding(rows, table).toArraySync());
      expect(errorOf(() => d.embedding(int([4]), table).dataSync()).message).toBe(
        "embedding: an index is outside the table; got 4, expected 0 to 3.",
      );
    }));

  it("oneHot of as many classes as there are", () =>
    on(device, () => {
      expectTensor(d.oneHot(int([2, 0])), [
        [0, 0, 1],
        [1, 0, 0],
      ]);
    }));

  it("indices outside are errors when it runs", () =>
    on(device, () => {
      const x = tensor([1, 2]);
      const message = (name: string) => `${name}: an index is outside axis 0; got 2, expected 0 to 1.`;
      expect(errorOf(() => d.gatherElements(x, int([2])).dataSync()).message).toBe(message("gatherElements"));
      expect(errorOf(() => d.scatter(x, 0, int([2]), 0).dataSync()).message).toBe(message("scatter"));
      expect(errorOf(() => d.scatterAdd(x, 0, int([2]), 0).dataSync()).message).toBe(message("scatterAdd"));
      expect(errorOf(() => d.indexAdd(x, 0, int([2]), tensor([0])).dataSync()).message).toBe(message("indexAdd"));
      expect(errorOf(() => d.indexFill(x, 0, int([2]), 0).dataSync()).message).toBe(message("indexFill"));
    }));
});

describe("mistakes", () => {
  const x = zeros([2, 3]);
  it.each<[string, () => unknown, string, string]>([
    [
      "ranks",
      () => d.gatherElements(x, int([0])),
      "SHAPE",
      "gatherElements: the indices must have as many axes as the tensor; got [2,3], [1], expected 2 axes.",
    ],
    [
      "too many",
      () => d.gatherElements(x, int([[0, 0, 0, 0]]), 0),
      "SHAPE",
      "gatherElements: more indices than elements on axis 1; got indices [1,4] for [2,3], expected at most 3.",
    ],
    [
      "updates",
      () => d.scatter(x, 0, int([[0, 1]]), zeros([1, 1])),
      "SHAPE",
      "scatter: more indices than elements on axis 1; got indices [1,2] for [2,3] and updates [1,1], expected at most 1.",
    ],
    [
      "updates' ranks",
      () => d.scatterAdd(x, 0, int([[0, 1]]), zeros([1])),
      "SHAPE",
      "scatterAdd: the indices and updates must have as many axes as the tensor; got [2,3], [1,2], [1], expected 2 axes.",
    ],
    [
      "dtypes",
      () => d.scatter(x, 0, int([[0]]), int([[0]]) as never),
      "DTYPE",
      "scatter: the updates have another dtype; got int32, expected float32. Cast them first.",
    ],
    [
      "a source",
      () => d.indexAdd(x, 0, int([0]), zeros([2])),
      "SHAPE",
      "indexAdd: the source has the wrong shape; got [2], expected [1,3].",
    ],
    [
      "a matrix of indices",
      () => d.indexFill(x, 0, int([[0]]), 0),
      "SHAPE",
      "indexFill: the indices must be a list; got [1,1], expected [n] or [].",
    ],
    [
      "a fill of several",
      () => d.maskedFill(x, tensor([true, true, true]), tensor([1, 2])),
      "SHAPE",
      "maskedFill: the value must be one number; got [2], expected a number or a scalar.",
    ],
    [
      "an empty axis",
      () => d.scatter(zeros([0]), 0, int([0]), 1),
      "SHAPE",
      "scatter: axis 0 is empty, so no index is inside it; got [0], expected no indices.",
    ],
    [
      "a vector as table",
      () => d.embedding(int([0]), zeros([3])),
      "SHAPE",
      "embedding: the weight must be a table; got [3], expected [rows,columns].",
    ],
    [
      "padding",
      () => d.embedding(int([0]), x, { paddingIndex: 2 }),
      "OPTION",
      "embedding: paddingIndex is outside the table; got 2, expected an integer from -2 to 1.",
    ],
    [
      "no classes",
      () => d.oneHot(int(new Int32Array(0))),
      "OPTION",
      "oneHot: no classes to tell the depth from; got an empty tensor, expected a depth.",
    ],
  ])("%s", (_, body, code, message) => {
    const error = errorOf(body);
    expect(error.message).toBe(message);
    expect(error.code).toBe(code);
  });
});
