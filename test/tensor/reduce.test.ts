import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { countNonzero, gradients, type Tensor, tensor, zeros } from "../../src/index.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

const rows = [
  [1, -2, 3],
  [0.5, 4, -1],
];
const sum = (list: readonly number[]) => list.reduce((s, x) => s + x, 0);
const mean = (list: readonly number[]) => sum(list) / list.length;
const variance = (list: readonly number[], correction = 0) => sum(list.map((x) => (x - mean(list)) ** 2)) / (list.length - correction);
const columns = [0, 1, 2].map((j) => rows.map((r) => r[j] as number));

type Reduction = "sum" | "mean" | "prod" | "max" | "min" | "variance" | "std" | "logSumExp";
const answers: Record<Reduction, (list: readonly number[]) => number> = {
  sum,
  mean,
  prod: (list) => list.reduce((p, x) => p * x, 1),
  max: (list) => Math.max(...list),
  min: (list) => Math.min(...list),
  variance: (list) => variance(list),
  std: (list) => Math.sqrt(variance(list)),
  logSumExp: (list) => Math.log(sum(list.map(Math.exp))),
};

const free: Record<Reduction, (x: Tensor, axes?: number, options?: d.ReduceOptions) => Tensor> = d;

describe.each(devices)("reductions on %s", (device) => {
  it.each(Object.keys(answers) as Reduction[])("%s over all, either axis, both, with dimensions kept", async (name) => {
    await on(device, () => {
      const answer = answers[name];
      const x = tensor(rows);
      expectTensor(x[name](), answer(rows.flat()));
      expectTensor(x[name](0), columns.map(answer));
      expectTensor(x[name](-1), rows.map(answer));
      expectTensor(x[name]([1, 0]), answer(rows.flat()));
      expectTensor(x[name]([]), name === "variance" || name === "std" ? rows.map((r) => r.map(() => 0)) : rows);
      expectTensor(
        x[name](1, { keepDimensions: true }),
        rows.map((r) => [answer(r)]),
      );
      expectTensor(free[name](x, 0), columns.map(answer));
      expectTensor(free[name](x, undefined, { keepDimensions: true }), [[answer(rows.flat())]]);
    });
  });

  it("argMax and argMin: first of equals, NaN wins, over all in row-major order", () =>
    on(device, () => {
      const x = tensor([
        [3, 1, 3],
        [0, 0, 5],
      ]);
      expectTensor(x.argMax(1), [0, 2], "int32");
      expectTensor(x.argMin(1), [1, 0], "int32");
      expectTensor(x.argMax(), 5, "int32");
      expectTensor(d.argMin(x, 0, { keepDimensions: true }), [[1, 1, 0]], "int32");
      expectTensor(d.argMax(tensor([1, Number.NaN, 9])), 1, "int32");
      expectTensor(x.argMax(undefined, { keepDimensions: true }), [[5]], "int32");
    }));

  it("any and all, of nothing too", () =>
    on(device, () => {
      const x = tensor([
        [true, false],
        [true, true],
      ]);
      expectTensor(x.any(1), [true, true], "bool");
      expectTensor(x.all(1), [false, true], "bool");
      expectTensor(d.any(x.not()), true, "bool");
      expectTensor(d.all(x, 0, { keepDimensions: true }), [[true, false]], "bool");
      const none = zeros([0, 2], { dtype: "bool" });
      expectTensor(none.any(0), [false, false], "bool");
      expectTensor(none.all(), true, "bool");
    }));

  it("sums of integers stay integers; a NaN is the maximum", () =>
    on(device, () => {
      expectTensor(tensor([1, 2, 3], { dtype: "int32" }).sum(), 6, "int32");
      expectTensor(tensor([true, true, false]).sum(), 2, "int32");
      expectTensor(tensor([200, 100], { dtype: "uint8" }).sum(), 300, "int32");
      expectTensor(tensor([1, Number.NaN]).max(), Number.NaN);
      expectTensor(tensor([5, -7], { dtype: "int32" }).min(), -7, "int32");
    }));

  it("variance and std with correction", () =>
    on(device, () => {
      expectTensor(
        tensor(rows).variance(1, { correction: 1 }),
        rows.map((r) => variance(r, 1)),
      );
      expectTensor(
        d.std(tensor(rows), 1, { correction: 1, keepDimensions: true }),
        rows.map((r) => [Math.sqrt(variance(r, 1))]),
      );
    }));

  it("softmax and logSoftmax along either axis, far from overflow", () =>
    on(device, () => {
      const soft = (list: readonly number[]) => list.map((x) => Math.exp(x) / sum(list.map(Math.exp)));
      const x = tensor(rows);
      expectTensor(x.softmax(), rows.map(soft));
      expectTensor(
        d.logSoftmax(x),
        rows.map((r) => soft(r).map(Math.log)),
      );
      const byColumn = columns.map(soft);
      expectTensor(
        d.softmax(x, 0),
        rows.map((r, i) => r.map((_, j) => byColumn[j]?.[i] as number)),
      );
      expectTensor(
        x.logSoftmax(0).exp(),
        rows.map((r, i) => r.map((_, j) => byColumn[j]?.[i] as number)),
      );
      expectTensor(tensor([1000, 1000]).softmax(), [0.5, 0.5]);
      expectTensor(tensor([1000, -1000]).logSoftmax(), [0, -2000]);
      expectTensor(tensor([1e4, 1e4]).logSumExp(), 1e4 + Math.log(2));
      expectTensor(tensor([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]).logSumExp(), Number.NEGATIVE_INFINITY);
      expectTensor(tensor([Number.POSITIVE_INFINITY, 0]).logSumExp(), Number.POSITIVE_INFINITY);
    }));

  it("softmax and logSoftmax next to infinities", () =>
    on(device, () => {
      const { NaN: none, NEGATIVE_INFINITY: low, POSITIVE_INFINITY: high } = Number;
      const x = tensor([
        [low, 0, 0],
        [low, low, low],
        [high, 0, low],
      ]);
      const nothing = [none, none, none];
      expectTensor(x.softmax(), [[0, 0.5, 0.5], nothing, nothing]);
      expectTensor(x.logSoftmax(), [[low, -Math.LN2, -Math.LN2], nothing, nothing]);
    }));

  it("empty axes: sums are 0, products 1", () =>
    on(device, () => {
      expectTensor(zeros([2, 0]).sum(1), [0, 0]);
      expectTensor(zeros([0]).prod(), 1);
      expectTensor(zeros([0, 3]).max(1), []);
    }));
});

describe("at the edges", () => {
  it.each(devices)("there is no mean of nothing, and no variance of too few: NaN on %s", (device) =>
    on(device, () => {
      expectTensor(zeros([0]).mean(), Number.NaN);
      expectTensor(zeros([2, 0]).mean(1), [Number.NaN, Number.NaN]);
      expectTensor(tensor([1]).variance(0, { correction: 1 }), Number.NaN);
      expectTensor(tensor([1, 3]).variance(0, { correction: 5 }), Number.POSITIVE_INFINITY);
      expectTensor(tensor([1, 3]).variance(0, { correction: -2 }), 0.5);
    }),
  );

  it.each(devices)("a scalar is one axis of one element on %s", (device) =>
    on(device, () => {
      expectTensor(tensor(3).sum(0), 3);
      expectTensor(tensor(3).max(-1, { keepDimensions: true }), 3);
      expectTensor(tensor(3).softmax(), 1);
      expectTensor(tensor(3).argMax(0), 0, "int32");
      expect(() => tensor(3).sum(1)).toThrow(/^sum: axis out of range; got 1, expected/);
    }),
  );

  it.each(devices)("what is not 0 is true on %s", (device) =>
    on(device, () => {
      expectTensor(tensor([0, 2]).any(), true, "bool");
      expectTensor(tensor([0, 2]).all(), false, "bool");
      expectTensor(
        countNonzero(
          tensor([
            [0, 2],
            [Number.NaN, 1],
          ]),
          1,
        ),
        [1, 2],
        "int32",
      );
    }),
  );

  it("the gradient of a standard deviation of 0 is 0", () => {
    const x = tensor([2, 2, 2]);
    expectTensor(gradients(x.std(), [x])[0] as Tensor, [0, 0, 0]);
  });
});

describe("mistakes", () => {
  const x = tensor(rows);
  it.each([
    ["an axis that is not there", () => x.sum(2), "AXIS", "sum: axis out of range; got 2, expected an integer from -2 to 1."],
    ["an axis named twice", () => x.mean([0, -2]), "AXIS", "mean: an axis is named twice; got [0,-2], expected each axis once."],
    [
      "the maximum of nothing",
      () => zeros([2, 0]).max(1),
      "SHAPE",
      "max: an empty axis has no largest or smallest element; got [2,0], expected at least one element along the reduced axes.",
    ],
  ] as const)("%s", (_, body, code, message) => {
    const error = errorOf(body);
    expect(error.code).toBe(code);
    expect(error.message).toBe(message);
  });
});
