import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { gradients, type Tensor, tensor, zeros } from "../../src/index.ts";
import { devices, errorOf, expectClose, expectTensor, on } from "./values.ts";

/** Deterministic numbers. */
const numbers = (n: number, by = 7) => Array.from({ length: n }, (_, i) => ((i * by) % 11) - 5);

function product(a: number[][], b: number[][]): number[][] {
  return a.map((row) => (b[0] as number[]).map((_, j) => row.reduce((s, x, k) => s + x * (b[k]?.[j] as number), 0)));
}

describe.each(devices)("products on %s", (device) => {
  it("matmul of every mixture of ranks", () =>
    on(device, () => {
      const [a, b] = [tensor(numbers(6), { shape: [2, 3] }), tensor(numbers(12, 5), { shape: [3, 4] })];
      const expected = product(a.toArraySync() as number[][], b.toArraySync() as number[][]);
      expectTensor(a.matmul(b), expected);
      expectTensor(d.matmul(a, b), expected);
      const v = tensor([1, -2, 3]);
      expectTensor(a.matmul(v), product(a.toArraySync() as number[][], [[1], [-2], [3]]).flat());
      expectTensor(v.matmul(b), product([[1, -2, 3]], b.toArraySync() as number[][])[0]);
      expectTensor(v.matmul(v), 14);
      expect(zeros([5, 2, 3]).matmul(b).shape).toEqual([5, 2, 4]);
      expect(zeros([6, 1, 2, 3]).matmul(zeros([5, 3, 4])).shape).toEqual([6, 5, 2, 4]);
      expect(v.matmul(zeros([5, 3, 4])).shape).toEqual([5, 4]);
      expect(zeros([5, 2, 3]).matmul(v).shape).toEqual([5, 2]);
    }));

  it("matmul broadcasts leading axes", () =>
    on(device, () => {
      const a = tensor(numbers(12), { shape: [2, 1, 2, 3] });
      const b = tensor(numbers(36, 5), { shape: [3, 3, 4] });
      const result = a.matmul(b).toArraySync() as number[][][][];
      const [as, bs] = [a.toArraySync() as number[][][][], b.toArraySync() as number[][][]];
      for (let i = 0; i < 2; i++)
        for (let j = 0; j < 3; j++) expectClose(result[i]?.[j], product(as[i]?.[0] as number[][], bs[j] as number[][]));
      const rows = tensor([1, 2, 3]).matmul(b).toArraySync() as number[][];
      for (let j = 0; j < 3; j++) expectClose(rows[j], product([[1, 2, 3]], bs[j] as number[][])[0]);
    }));

  it("dot and outer", () =>
    on(device, () => {
      const [a, b] = [tensor([1, 2, 3]), tensor([4, 5, 6])];
      expectTensor(a.dot(b), 32);
      expectTensor(d.dot(a, b), 32);
      expectTensor(a.outer(tensor([1, -1])), [
        [1, -1],
        [2, -2],
        [3, -3],
      ]);
      expectTensor(d.outer(a, b).sum(), 90);
    }));

  it("gradients of matmul", () =>
    on(device, () => {
      const [a, b] = [tensor(numbers(6), { shape: [2, 3] }), tensor(numbers(12, 5), { shape: [3, 4] })];
      const [da, db] = gradients(a.matmul(b).sum(), [a, b]) as [Tensor, Tensor];
      const ones = (m: number, n: number) => Array.from({ length: m }, () => new Array<number>(n).fill(1));
      const t = (m: number[][]) => (m[0] as number[]).map((_, j) => m.map((r) => r[j] as number));
      expectTensor(da, product(ones(2, 4), t(b.toArraySync() as number[][])));
      expectTensor(db, product(t(a.toArraySync() as number[][]), ones(2, 4)));
    }));
});

describe("mistakes", () => {
  it.each([
    [
      "inner sizes",
      () => zeros([2, 3]).matmul(zeros([4, 3])),
      "SHAPE",
      "matmul: axis 1 of the left (3) and axis 0 of the right (4) differ; got [2,3] and [4,3], expected […,m,k] and […,k,n].",
    ],
    ["a scalar", () => zeros([2, 3]).matmul(tensor(1)), "SHAPE", /^matmul: a scalar has no axis .* Multiply a scalar with mul\.$/],
    ["leading axes", () => zeros([2, 2, 3]).matmul(zeros([3, 3, 1])), "SHAPE", /^matmul: shapes do not broadcast/],
    [
      "integers",
      () => zeros([2, 2], { dtype: "int32" }).matmul(zeros([2, 2], { dtype: "int32" })),
      "DTYPE",
      /^matmul: needs floating-point tensors; got int32 and int32\. Cast them/,
    ],
    ["dot", () => tensor([1]).dot(tensor([1, 2])), "SHAPE", "dot: the vectors differ in length; got [1] and [2], expected equal lengths."],
    ["outer", () => zeros([1, 1]).outer(tensor([1])), "SHAPE", /^outer: needs two vectors; got \[1,1\] and \[1\]/],
  ] as const)("%s", (_, body, code, message) => {
    const error = errorOf(body);
    expect(error.code).toBe(code);
    if (typeof message === "string") expect(error.message).toBe(message);
    else expect(error.message).toMatch(message);
  });
});
