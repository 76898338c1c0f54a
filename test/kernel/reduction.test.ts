// Reductions of every size around the vector widths, over any axes, in all forms, against the reference.

import { describe, expect, test } from "vitest";
import * as b from "../../src/graph/build.ts";
import type { DType } from "../../src/graph/dtype.ts";
import type { Node } from "../../src/graph/node.ts";
import { lower } from "../../src/kernel/lower.ts";
import { check, execute, loopsTask, random, sample, target } from "./check.ts";

const ops = ["reduceSum", "reduceProduct", "reduceMax", "reduceMin"] as const;

function subsets(rank: number): number[][] {
  return Array.from({ length: 2 ** rank - 1 }, (_, m) => Array.from({ length: rank }, (_, i) => i).filter((i) => ((m + 1) >> i) & 1));
}

describe("one reduction", () => {
  test("of a row, for every length around multiples of 4 and 16", () => {
    const next = random(1);
    for (const n of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 19, 31, 32, 33, 36, 47, 48, 49, 100]) {
      for (const dtype of ["float32", "int32", "uint8", "float64"] as const) {
        const x = b.input([3, n], dtype);
        const data = [sample(dtype, x.size, next)];
        for (const op of ops)
          check(loopsTask([x], [b.reduce(op, x, [1])]), data, {
            what: `${op} ${dtype} [3,${n}]`,
            tolerance: op === "reduceProduct" ? 1e-4 : 1e-5,
          });
      }
    }
  });

  test("over any axes of a tensor of rank 4", () => {
    const next = random(2);
    const x = b.input([3, 5, 2, 6], "float32");
    const data = [sample("float32", x.size, next)];
    for (const axes of subsets(4))
      check(loopsTask([x], [b.reduce("reduceSum", x, axes)]), data, { what: `sum over ${axes}`, lanes: [1, 4, 8] });
  });

  test("down the columns, for every width", () => {
    const next = random(3);
    for (const n of [1, 2, 3, 4, 5, 8, 13, 15, 16, 17, 20, 33, 65]) {
      const x = b.input([7, n], "float32");
      const data = [sample("float32", x.size, next)];
      for (const op of ops) check(loopsTask([x], [b.reduce(op, x, [0])]), data, { what: `${op} [7,${n}] over 0`, tolerance: 1e-4 });
    }
  });

  test("gives the same bits for every number of lanes", () => {
    const next = random(4);
    for (const n of [3, 10, 16, 23, 64, 70]) {
      const x = b.input([2, n], "float32");
      const data = [Float32Array.from({ length: x.size }, () => next() - 0.5)];
      const task = loopsTask([x], [b.reduce("reduceSum", x, [1])]);
      const results = [1, 2, 4, 8, 16].map((lanes) => execute(lower(task, { ...target, lanes }, () => 0).kernel, task, data).results[0]);
      for (const r of results) expect(r).toEqual(results[0]);
    }
  });

  test("takes a NaN along, and the first of equal extremes", () => {
    const next = random(5);
    for (const dtype of ["float32", "float64", "int32", "uint32", "uint8", "bool"] as DType[]) {
      for (const n of [1, 3, 4, 10, 16, 21, 40]) {
        const x = b.input([4, n], dtype);
        const data = [sample(dtype, x.size, next, true)];
        const what = `${dtype} [4,${n}]`;
        for (const axis of [0, 1]) {
          check(loopsTask([x], [b.argReduce("argMax", x, axis)]), data, { what: `argMax ${what} over ${axis}`, lanes: [1, 4, 8] });
          check(loopsTask([x], [b.argReduce("argMin", x, axis)]), data, { what: `argMin ${what} over ${axis}`, lanes: [1, 4, 8] });
          check(loopsTask([x], [b.reduce("reduceMax", x, [axis])]), data, { what: `max ${what} over ${axis}` });
          check(loopsTask([x], [b.reduce("reduceMin", x, [axis])]), data, { what: `min ${what} over ${axis}` });
        }
      }
    }
    const flat = b.input([6], "float32");
    check(loopsTask([flat], [b.argReduce("argMax", flat, 0)]), [new Float32Array(6).fill(Number.NEGATIVE_INFINITY)]);
  });

  test("of nothing is the neutral element", () => {
    const x = b.input([3, 0], "float32");
    check(loopsTask([x], [b.reduce("reduceSum", x, [1])]), [new Float32Array(0)]);
    check(loopsTask([x], [b.reduce("reduceProduct", x, [1])]), [new Float32Array(0)]);
  });
});

describe("several reductions", () => {
  test("over the same axes share a task: mean and variance of columns and rows", () => {
    const next = random(6);
    for (const axis of [0, 1]) {
      const x = b.input([9, 21], "float32");
      const kept = [axis === 0 ? 21 : 9];
      const n = b.constant(x.shape[axis] as number, "float32", kept);
      const mean = b.binary("div", b.reduce("reduceSum", x, [axis]), n);
      const square = b.reduce("reduceSum", b.binary("mul", x, x), [axis]);
      const variance = b.binary("sub", b.binary("div", square, n), b.binary("mul", mean, mean));
      check(loopsTask([x], [mean, variance]), [sample("float32", x.size, next)]);
    }
  });

  test("in rows: softmax, log-sum-exp and layer norm", () => {
    const next = random(7);
    for (const [m, n] of [
      [5, 1],
      [5, 3],
      [5, 10],
      [3, 16],
      [3, 50],
      [1, 64],
    ] as [number, number][]) {
      const x = b.input([m, n], "float32");
      const data = [sample("float32", x.size, next)];
      const row = (v: Node) => b.expand(b.reshape(v, [m, 1]), [m, n]);
      const max = b.reduce("reduceMax", x, [1]);
      const exp = b.unary("exp", b.binary("sub", x, row(max)));
      const sum = b.reduce("reduceSum", exp, [1]);
      const softmax = b.binary("div", exp, row(sum));
      const logSum = b.binary("add", b.unary("log", sum), max);
      check(loopsTask([x], [softmax, logSum], [m], [n]), data, { what: `softmax [${m},${n}]`, lanes: [1, 4, 8] });
      const size = b.constant(n, "float32", [m]);
      const mean = b.binary("div", b.reduce("reduceSum", x, [1]), size);
      const centred = b.binary("sub", x, row(mean));
      const variance = b.binary("div", b.reduce("reduceSum", b.binary("mul", centred, centred), [1]), size);
      const scale = b.unary("sqrt", b.binary("add", variance, b.constant(1e-3, "float32", [m])));
      check(loopsTask([x], [b.binary("div", centred, row(scale))], [m], [n]), data, { what: `layer norm [${m},${n}]`, tolerance: 1e-4 });
    }
  });

  test("of reductions, and of products (small contractions)", () => {
    const next = random(8);
    const x = b.input([4, 5, 6], "float32");
    const inner = b.reduce("reduceMax", x, [2]);
    const outer = b.reduce("reduceSum", b.binary("mul", inner, inner), [1]);
    check(loopsTask([x], [outer]), [sample("float32", x.size, next)]);
    for (const [m, k, n] of [
      [3, 7, 5],
      [1, 20, 9],
      [6, 33, 1],
      [2, 1, 3],
    ] as [number, number, number][]) {
      const a = b.input([m, k], "float32");
      const c = b.input([k, n], "float32");
      const data = [sample("float32", a.size, next), sample("float32", c.size, next)];
      check(loopsTask([a, c], [b.contract(a, c, [[], []], [[1], [0]])]), data, { what: `contract ${m},${k},${n}` });
    }
    const a = b.input([2, 3, 4], "float64");
    const c = b.input([2, 5, 4], "float64");
    check(loopsTask([a, c], [b.contract(a, c, [[0], [0]], [[2], [2]])]), [sample("float64", 24, next), sample("float64", 40, next)], {
      tolerance: 1e-12,
    });
  });

  test("of views: a window's sum and a transposed mean", () => {
    const next = random(9);
    const x = b.input([6, 20], "float32");
    const data = [sample("float32", x.size, next)];
    const t = b.permute(x, [1, 0]);
    check(loopsTask([x], [b.reduce("reduceSum", t, [1])]), data);
    check(loopsTask([x], [b.reduce("reduceSum", t, [0])]), data);
    check(loopsTask([x], [b.reduce("reduceSum", b.reshape(x, [3, 8, 5]), [1])]), data);
    check(loopsTask([x], [b.reduce("reduceSum", b.pad(x, [1, 2], [0, 3], 1), [0])]), data);
    check(loopsTask([x], [b.reduce("reduceSum", b.pad(x, [1, 2], [0, 3], 1), [1])]), data);
    check(loopsTask([x], [b.reduce("reduceMax", b.slice(x, [5, 19], [3, 7], [-2, -3]), [1])]), data);
  });
});
