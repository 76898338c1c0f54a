// Views of every kind, alone and in random compositions, and indexing at computed places, against the reference.

import { describe, expect, test } from "vitest";
import * as b from "../../src/graph/build.ts";
import type { TypedArray } from "../../src/graph/dtype.ts";
import type { Node } from "../../src/graph/node.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { lower } from "../../src/kernel/lower.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { check, loopsTask, random, sample, target } from "./check.ts";

const integer = (next: () => number, low: number, high: number) => low + Math.floor(next() * (high - low + 1));

function factorizations(n: number, next: () => number): number[] {
  const shape: number[] = [];
  let rest = n;
  for (let p = 2; rest > 1; ) {
    if (rest % p !== 0) {
      p++;
      continue;
    }
    if (next() < 0.5 || shape.length === 0) shape.push(p);
    else shape[shape.length - 1] = (shape[shape.length - 1] as number) * p;
    rest /= p;
  }
  if (next() < 0.3) shape.splice(integer(next, 0, shape.length), 0, 1);
  return shape;
}

/** A random view of a node. */
function randomView(x: Node, next: () => number): Node {
  const rank = x.shape.length;
  switch (integer(next, 0, 6)) {
    case 0:
      return b.reshape(x, factorizations(x.size, next));
    case 1: {
      const axes = Array.from({ length: rank }, (_, i) => i);
      for (let i = rank - 1; i > 0; i--) {
        const j = integer(next, 0, i);
        [axes[i], axes[j]] = [axes[j] as number, axes[i] as number];
      }
      return b.permute(x, axes);
    }
    case 2:
      return x.size > 200
        ? x
        : b.expand(
            x,
            x.shape.map((n) => (n === 1 ? integer(next, 1, 3) : n)),
          );
    case 3: {
      const steps = x.shape.map(() => [1, 1, 2, -1, -2, 3][integer(next, 0, 5)] as number);
      const sizes = x.shape.map((n, i) => integer(next, 1, Math.max(1, Math.ceil(n / Math.abs(steps[i] as number)))));
      const starts = x.shape.map((n, i) => {
        const span = ((sizes[i] as number) - 1) * Math.abs(steps[i] as number);
        const low = integer(next, 0, n - 1 - span);
        return (steps[i] as number) > 0 ? low : low + span;
      });
      return b.slice(x, starts, sizes, steps);
    }
    case 4: {
      if (x.size > 300) return x;
      const some = () => x.shape.map(() => (next() < 0.5 ? 0 : integer(next, 0, 3)));
      return b.pad(x, some(), some(), integer(next, -1, 1), next() < 0.4 ? x.shape.map(() => integer(next, 0, 2)) : undefined);
    }
    case 5:
      return x.size > 200 ? x : b.expand(b.reshape(x, [1, ...x.shape]), [2, ...x.shape]);
    default:
      return b.unary("neg", x);
  }
}

describe("views", () => {
  test("one of each, along every kind of access", () => {
    const next = random(1);
    const x = b.input([6, 10], "float32");
    const data = [sample("float32", 60, next)];
    const views: Record<string, Node> = {
      transpose: b.permute(x, [1, 0]),
      reshape: b.reshape(x, [4, 15]),
      flip: b.slice(x, [5, 9], [6, 10], [-1, -1]),
      columns: b.slice(x, [0, 3], [6, 5]),
      steps: b.slice(x, [1, 0], [2, 4], [3, 3]),
      "pad low": b.pad(x, [2, 3], [0, 0], 7),
      "pad high": b.pad(x, [0, 0], [1, 6], 7),
      interior: b.pad(x, [1, 0], [0, 1], 7, [2, 1]),
      interleaved: b.permute(b.reshape(x, [2, 3, 2, 5]), [1, 3, 0, 2]),
      "transposed reshape": b.reshape(b.permute(x, [1, 0]), [12, 5]),
      packed: b.permute(b.reshape(b.pad(x, [0, 0], [0, 6]), [6, 2, 8]), [1, 0, 2]),
      windows: b.reshape(b.expand(b.reshape(x, [6, 1, 10]), [6, 3, 10]), [6, 30]),
    };
    for (const [what, view] of Object.entries(views)) check(loopsTask([x], [view]), data, { what, tolerance: 0, lanes: [1, 4, 8, 16] });
  });

  test("each element several times, and every other one, for every rest of a vector", () => {
    const next = random(11);
    for (const columns of [8, 9, 12, 15, 16, 17, 21, 24, 40]) {
      const x = b.input([3, columns], "float32");
      const data = [sample("float32", 3 * columns, next)];
      for (const times of [2, 3, 4, 8]) {
        const spread = b.reshape(b.expand(b.reshape(x, [3, columns, 1]), [3, columns, times]), [3, columns * times]);
        check(loopsTask([x], [spread]), data, { what: `${columns} × ${times}`, tolerance: 0, lanes: [1, 4, 8, 16] });
      }
      const even = b.slice(x, [0, 0], [3, Math.ceil(columns / 2)], [1, 2]);
      const odd = b.slice(x, [0, 1], [3, Math.floor(columns / 2)], [1, 2]);
      const thirds = b.slice(x, [0, 0], [3, Math.ceil(columns / 3)], [1, 3]);
      for (const view of [even, odd, thirds])
        check(loopsTask([x], [view]), data, { what: `${view.shape} of ${columns}`, tolerance: 0, lanes: [1, 4, 8, 16] });
    }
  });

  test("elements that stand several times are loaded once and shuffled", () => {
    const x = b.input([4, 8], "float32");
    const doubled = b.reshape(b.expand(b.reshape(x, [4, 8, 1]), [4, 8, 2]), [4, 16]);
    const y = b.input([4, 16], "float32");
    const { kernel } = lower(loopsTask([x, y], [b.binary("add", doubled, y)], [4, 16]), { ...target, lanes: 16 }, () => 0);
    expect(printKernel(kernel)).toContain("(ramp(0) >> 1)");
  });

  test("transposes of all sizes around the tiles, with arithmetic and rows that are shared", () => {
    const next = random(6);
    for (const [m, n] of [
      [16, 8],
      [17, 9],
      [33, 16],
      [40, 31],
      [64, 48],
      [16, 70],
    ] as [number, number][]) {
      const [x, y, row] = [b.input([2, n, m], "float32"), b.input([2, m, n], "float32"), b.input([m], "float32")];
      const spread = b.broadcastTo(b.reshape(row, [1, m, 1]), [2, m, n]);
      const sum = b.binary("add", b.binary("mul", b.permute(x, [0, 2, 1]), spread), y);
      const data = [x, y, row].map((v) => sample("float32", v.size, next));
      check(loopsTask([x, y, row], [sum, b.permute(x, [0, 2, 1])]), data, { what: `${m}×${n}`, tolerance: 0, lanes: [1, 4, 8, 16] });
    }
  });

  test("long rows are divided", () => {
    const next = random(7);
    for (const n of [4096, 5003]) {
      const [x, y] = [b.input([2, n], "float32"), b.input([2], "float32")];
      const sum = b.binary("add", x, b.expand(b.reshape(y, [2, 1]), [2, n]));
      const task = loopsTask([x, y], [sum]);
      expect(lower(task, target, () => 0).kernel.extent).toBeGreaterThan(2);
      check(task, [sample("float32", 2 * n, next), sample("float32", 2, next)], { what: `rows of ${n}`, tolerance: 0 });
    }
  });

  test("every dtype moves unchanged", () => {
    const next = random(2);
    for (const dtype of ["bool", "uint8", "int32", "uint32", "float64"] as const) {
      const x = b.input([5, 9], dtype);
      const data = [sample(dtype, 45, next, true)];
      for (const view of [b.permute(x, [1, 0]), b.pad(x, [1, 2], [0, 5], 1), b.slice(x, [4, 1], [3, 4], [-2, 2])]) {
        check(loopsTask([x], [view]), data, { what: `${dtype} ${view.op}`, tolerance: 0 });
      }
    }
  });

  test("random compositions, with arithmetic between them", () => {
    for (let seed = 0; seed < 250; seed++) {
      const next = random(seed);
      const x = b.input(factorizations([24, 36, 60, 7, 64][seed % 5] as number, next), "float32");
      let y: Node = x;
      const count = integer(next, 1, 5);
      for (let i = 0; i < count; i++) y = randomView(y, next);
      if (next() < 0.3 && y.shape.length > 0) y = b.reduce("reduceSum", y, integer(next, 0, y.shape.length - 1));
      const twice = next() < 0.3 ? b.binary("add", y, b.reshape(x, x.shape).size === y.size ? b.reshape(x, y.shape) : y) : y;
      if (twice === x) continue;
      check(loopsTask([x], [twice]), [sample("float32", x.size, next)], { what: `seed ${seed}`, lanes: [4, 8], seed });
    }
  });

  test("a wrong domain's shape only costs time: any reshape of the output will do", () => {
    const next = random(3);
    const [x, bias] = [b.input([6, 8], "float32"), b.input([8], "float32")];
    const y = b.binary("add", x, b.broadcastTo(bias, [6, 8]));
    const data = [sample("float32", 48, next), sample("float32", 8, next)];
    for (const domain of [[48], [6, 8], [3, 16], [2, 3, 2, 4], [16, 3]])
      check(loopsTask([x, bias], [y], domain), data, { what: `domain ${domain}` });
    for (const [domain, inner] of [
      [[6], [8]],
      [
        [2, 3],
        [4, 2],
      ],
      [[], [48]],
    ] as [number[], number[]][]) {
      check(loopsTask([x, bias], [y], domain, inner), data, { what: `domain ${domain} inner ${inner}` });
    }
  });

  test("accesses that are contiguous collapse into one flat loop", () => {
    const [x, y] = [b.input([4, 8, 16], "float32"), b.input([32, 16], "float32")];
    const { kernel } = lower(loopsTask([x, y], [b.binary("add", x, b.reshape(y, [4, 8, 16]))]), target, () => 0);
    // One loop over vectors: the whole tensor is a multiple of the block.
    expect(kernel.body.map((s) => s.kind)).toEqual(["loop"]);
    expect(sizeOf([4, 8, 16]) / kernel.extent).toBe(16);
  });
});

describe("indexing", () => {
  const int32 = (...values: number[]): TypedArray => Int32Array.from(values);

  test("gather along every axis, clamped", () => {
    const next = random(4);
    const x = b.input([4, 5, 6], "float32");
    const indices = b.input([2, 3], "int32");
    const data = [sample("float32", 120, next), int32(0, 3, -7, 99, 2, 1)];
    for (const axis of [0, 1, 2])
      check(loopsTask([x, indices], [b.gather(x, indices, axis)]), data, { what: `axis ${axis}`, lanes: [1, 4, 8] });
    const twice = b.gather(b.gather(x, indices, 0), b.reshape(b.slice(indices, [0, 0], [1, 3]), [3]), 3);
    check(loopsTask([x, indices], [twice]), data, { what: "gather of a gather" });
    const computed = b.gather(b.binary("mul", x, x), b.binary("add", indices, indices), 1);
    check(loopsTask([x, indices], [b.reduce("reduceSum", computed, [1])]), data, { what: "sum of gathered products" });
  });

  test("one-hot and its sum", () => {
    const labels = b.input([7], "int32");
    const hot = b.binary("eq", b.expand(b.reshape(labels, [7, 1]), [7, 10]), b.iota([7, 10], 1));
    const data = [int32(0, 9, 3, 3, 11, -1, 5)];
    check(loopsTask([labels], [hot]), data, { what: "one-hot" });
    check(loopsTask([labels], [b.reduce("reduceSum", b.cast(hot, "float32"), [0])]), data, { what: "counts" });
  });

  test("iota through views", () => {
    for (const view of [
      b.permute(b.iota([5, 6], 0), [1, 0]),
      b.reshape(b.iota([5, 6], 1), [10, 3]),
      b.pad(b.iota([6], 0), [3], [2], -1),
      b.slice(b.iota([20], 0), [19], [7], [-3]),
    ])
      check(loopsTask([], [b.binary("mul", view, view)]), [], { what: view.op });
  });

  test("blocks at computed starts, clamped, read and replaced", () => {
    const next = random(5);
    const x = b.input([6, 9], "float32");
    const update = b.input([2, 4], "float32");
    const starts = [b.input([], "int32"), b.input([], "int32")];
    for (const [i, j] of [
      [0, 0],
      [1, 3],
      [4, 5],
      [-3, 99],
      [5, 6],
    ] as [number, number][]) {
      const data = [sample("float32", 54, next), int32(i), int32(j)];
      check(loopsTask([x, ...starts], [b.dynamicSlice(x, starts, [3, 5])]), data, { what: `slice at ${i},${j}`, lanes: [1, 4] });
      const more = [data[0] as TypedArray, sample("float32", 8, next), int32(i), int32(j)];
      const updated = b.dynamicUpdate(x, update, starts);
      check(loopsTask([x, update, ...starts], [updated]), more, { what: `update at ${i},${j}`, lanes: [1, 4, 8] });
      check(loopsTask([x, update, ...starts], [b.reduce("reduceSum", updated, [0])]), more, { what: `sum of update at ${i},${j}` });
    }
  });
});
