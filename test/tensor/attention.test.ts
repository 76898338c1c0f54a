// Attention against plain loops; masks, groups and rotary positions.

import { describe, expect, it } from "vitest";
import { gradients, normal, ones, type Tensor, tensor, zeros } from "../../src/index.ts";
import { rotary, scaledDotProductAttention } from "../../src/nn/functional.ts";
import { devices, errorOf, expectClose, on } from "./values.ts";

const [batch, heads, queries, keys, features] = [2, 2, 3, 4, 6];
const q = () => normal([batch, heads, queries, features], { seed: 1 });
const k = () => normal([batch, heads, keys, features], { seed: 2 });
const v = () => normal([batch, heads, keys, 5], { seed: 3 });

type Matrix = number[][];

/** Loops over one head; `bias(i, j)` is added to the scores. */
function byLoops(q: Matrix, k: Matrix, v: Matrix, bias: (i: number, j: number) => number, scale: number): Matrix {
  return q.map((row, i) => {
    const scores = k.map((key, j) => key.reduce((s, x, f) => s + x * (row[f] as number), 0) * scale + bias(i, j));
    const e = scores.map((s) => Math.exp(s));
    const total = e.reduce((s, x) => s + x, 0);
    return (v[0] as number[]).map((_, f) => e.reduce((s, x, j) => s + (x * (v[j] as number[])[f]!) / total, 0));
  });
}

function expected(bias: (i: number, j: number) => number, scale = 1 / Math.sqrt(features)) {
  const [a, b, c] = [q(), k(), v()].map((t) => t.toArraySync()) as unknown as [Matrix[][], Matrix[][], Matrix[][]];
  return a.map((sample, n) => sample.map((head, h) => byLoops(head, b[n]![h] as Matrix, c[n]![h] as Matrix, bias, scale)));
}

describe.each(devices)("on %s", (device) => {
  it("plain, causal, scaled", () =>
    on(device, () => {
      expectClose(
        scaledDotProductAttention(q(), k(), v()).toArraySync(),
        expected(() => 0),
        1e-5,
      );
      const causal = scaledDotProductAttention(q(), k(), v(), { causal: true, scale: 2 });
      expectClose(
        causal.toArraySync(),
        expected((i, j) => (j <= i ? 0 : Number.NEGATIVE_INFINITY), 2),
        1e-5,
      );
    }));

  it("masks of bool and of numbers, alone and with the causal one", () =>
    on(device, () => {
      const seen = [
        [true, false, true, true],
        [true, true, false, false],
        [false, false, false, true],
      ];
      const mask = tensor(seen) as Tensor<"bool">;
      const hide = (i: number, j: number) => ((seen[i] as boolean[])[j] ? 0 : Number.NEGATIVE_INFINITY);
      expectClose(scaledDotProductAttention(q(), k(), v(), { mask }).toArraySync(), expected(hide), 1e-5);
      const added = tensor([[0.5, -1, 2, 0]]);
      expectClose(
        scaledDotProductAttention(q(), k(), v(), { mask: added }).toArraySync(),
        expected((_, j) => [0.5, -1, 2, 0][j] as number),
        1e-5,
      );
      const both = scaledDotProductAttention(q(), k(), v(), { mask: added, causal: true });
      expectClose(
        both.toArraySync(),
        expected((i, j) => (j <= i ? ([0.5, -1, 2, 0][j] as number) : Number.NEGATIVE_INFINITY)),
        1e-5,
      );
    }));

  it("a query that sees nothing gets 0, and finite gradients", () =>
    on(device, () => {
      const a = q();
      const mask = tensor([[true], [false], [true]]) as Tensor<"bool">;
      const y = scaledDotProductAttention(a, k(), v(), { mask });
      expect([...y.slice(null, null, [1, 2]).dataSync()].every((x) => x === 0)).toBe(true);
      const g = gradients(y.square().sum(), [a])[0] as Tensor;
      expect([...g.dataSync()].every(Number.isFinite)).toBe(true);
    }));

  it("grouped heads are heads that repeat", () =>
    on(device, () => {
      const many = normal([batch, 6, queries, features], { seed: 4 });
      const mask = normal([6, queries, keys], { seed: 5 });
      const repeated = (t: Tensor) =>
        t
          .unsqueeze(2)
          .expand([batch, heads, 3, keys, t.shape[3] as number])
          .reshape([batch, 6, keys, -1]);
      const grouped = scaledDotProductAttention(many, k(), v(), { groupedQuery: true, causal: true, mask });
      const plain = scaledDotProductAttention(many, repeated(k()), repeated(v()), { causal: true, mask });
      expectClose(grouped.toArraySync(), plain.toArraySync(), 1e-5);
    }));

  it("dropout keeps the mean of the values", () =>
    on(device, () => {
      const y = scaledDotProductAttention(zeros([1, 2000, 4]), zeros([1, 8, 4]), ones([1, 8, 1]), { dropout: 0.5 });
      const values = [...y.dataSync()];
      const mean = values.reduce((s, x) => s + x, 0) / values.length;
      expect(Math.abs(mean - 1)).toBeLessThan(0.05);
      expect(new Set(values).size).toBeGreaterThan(3);
    }));

  it("rotary positions: products depend on the distance alone, and pair i turns by its own frequency", () =>
    on(device, () => {
      const [a, b] = [normal([1, 8], { seed: 6 }), normal([1, 8], { seed: 7 })];
      for (const interleaved of [false, true]) {
        const product = (i: number, j: number) =>
          rotary(a, { positions: i, interleaved })
            .mul(rotary(b, { positions: j, interleaved }))
            .sum()
            .itemSync();
        expect(product(3, 1)).toBeCloseTo(product(12, 10), 4);
        expect(Math.abs(product(3, 1) - product(3, 2))).toBeGreaterThan(1e-3);
      }
      const turned = rotary(tensor([[1, 0, 0, 0]]), { positions: 2, base: 100 }).toArraySync();
      expectClose(turned, [[Math.cos(2), 0, Math.sin(2), 0]]);
      const second = rotary(tensor([[0, 0, 1, 0]]), { positions: tensor(Int32Array.of(2)), base: 100, interleaved: true });
      expectClose(second.toArraySync(), [[0, 0, Math.cos(0.2), Math.sin(0.2)]]);
    }));
});

describe("errors", () => {
  it("name what does not fit", () => {
    expect(errorOf(() => scaledDotProductAttention(q(), zeros([4, 5]), v())).message).toBe(
      "scaledDotProductAttention: query and key differ in features, the last axis; got query [2,2,3,6], key [4,5], value [2,2,4,5], expected one size.",
    );
    expect(errorOf(() => scaledDotProductAttention(q(), k(), v(), { mask: zeros([4, 3]) })).message).toContain("mask");
    expect(
      errorOf(() => scaledDotProductAttention(normal([1, 3, 2, 4]), normal([1, 2, 2, 4]), normal([1, 2, 2, 4]), { groupedQuery: true }))
        .message,
    ).toContain("the heads of key and value do not divide those of the query");
    expect(errorOf(() => rotary(zeros([2, 3]))).message).toContain("an even number of features; got x [2,3]");
    expect(errorOf(() => rotary(zeros([2, 4]), { positions: zeros([3]) })).message).toContain(
      "positions do not fit x; got positions [3], expected [2]",
    );
  });
});
