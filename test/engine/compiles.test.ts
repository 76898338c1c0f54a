// How often the compiler runs: the exact number, where a user would expect it.

import { beforeEach, describe, expect, it } from "vitest";
import {
  compile,
  gradients,
  Setting,
  scalar,
  setDevice,
  stats,
  type Tensor,
  tensor,
  variable,
  variablesOf,
  zeros,
} from "../../src/index.ts";

const compiles = (body: () => void): number => {
  const before = stats().compiles;
  body();
  return stats().compiles - before;
};

describe.each(["reference", "wasm"] as const)("on %s", (device) => {
  beforeEach(() => {
    setDevice(device);
    return () => setDevice("auto");
  });

  it("two epochs with slices, a changing learning rate, train and eval, and a partial last batch", () => {
    const data = tensor(
      Array.from({ length: 11 }, (_, i) => [i, i * i, 1]),
      { dtype: "float32" },
    );
    const targets = tensor(Array.from({ length: 11 }, (_, i) => [i % 2]));
    const w = variable(zeros([3, 1]), "w");
    const rate = scalar(0.01, "rate");
    const training = new Setting(true);
    const step = compile((x: Tensor, y: Tensor) => {
      const loss = x.matmul(w).sub(y).square().mean();
      const parameters = variablesOf(loss);
      const gs = gradients(loss, parameters);
      parameters.forEach((p, i) => {
        p.assign(p.sub((gs[i] as Tensor).mul(rate)));
      });
      return training.value ? loss : loss.mul(2);
    });
    const evaluate = compile((x: Tensor, y: Tensor) => {
      const error = x.matmul(w).sub(y);
      return training.value ? error.square().mean() : error.abs().mean();
    });
    const epoch = () => {
      training.value = true;
      for (let i = 0; i < 11; i += 4) {
        step(data.slice([i, i + 4]), targets.slice([i, i + 4]));
        rate.value *= 0.9;
      }
      training.value = false;
      return evaluate(data, targets).itemSync();
    };
    // First epoch: w's zeros; the step for 4 and for 3 rows; both slices of 4 in one program, both of 3 in another; evaluation.
    expect(compiles(() => void epoch())).toBe(6);
    expect(compiles(() => void epoch())).toBe(0);
    expect(step.traces).toBe(2);
    expect(evaluate.traces).toBe(1);
  });

  it("eager loops over batches, positions and numbers compile once", () => {
    const x = tensor(Array.from({ length: 40 }, (_, i) => [i, 2 * i]));
    const sums: number[] = [];
    expect(
      compiles(() => {
        for (let i = 0; i < 40; i += 4)
          sums.push(
            x
              .slice([i, i + 4])
              .mul(i)
              .add(0.5)
              .sum()
              .itemSync(),
          );
      }),
    ).toBe(1);
    expect(sums).toEqual(Array.from({ length: 10 }, (_, b) => [0, 1, 2, 3].reduce((s, k) => s + 3 * (4 * b + k) * 4 * b + 1, 0)));
    expect(
      compiles(() => {
        for (let i = 0; i < 40; i++) expect(x.at(i).dataSync()[1]).toBe(2 * i);
      }),
    ).toBe(1);
  });

  it("the same structure compiles once, whoever wrote it", () => {
    const make = () => {
      const w = variable(tensor([[1.5, 2.5, 3.5]]), "w");
      return compile((x: Tensor) => {
        w.assign(w.add(x));
        return w.mul(7).sum();
      });
    };
    const x = tensor([[1, 1, 1]]);
    expect(compiles(() => make()(x))).toBe(1);
    expect(compiles(() => make()(x))).toBe(0);
  });

  it("structures that differ in a constant, an axis or a dtype do not share a program", () => {
    const x = tensor([
      [1, -2],
      [3, 4],
    ]);
    const results = [
      compile((x: Tensor) => x.mul(3).sum(0)),
      compile((x: Tensor) => x.mul(5).sum(0)),
      compile((x: Tensor) => x.mul(3).sum(1)),
      compile((x: Tensor) => x.cast("int32").mul(3).sum(1)),
      compile((x: Tensor) => x.mul(0).sum(1)),
      compile((x: Tensor) => x.mul(-0).sum(1)),
      compile((x: Tensor) => x.pad([1, 0], 1).slice([0, 1], [0, 2]).sum(0)),
      compile((x: Tensor) => x.pad([1, 0], 2).slice([0, 1], [0, 2]).sum(0)),
    ].map((f) => f(x).toArraySync());
    expect(results).toEqual([
      [12, 6],
      [20, 10],
      [-3, 21],
      [-3, 21],
      [0, 0],
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
  });

  it("variables' first values are computed together, in one program", () => {
    const ws = [3, 4, 5, 6].map((n) => variable(zeros([n, 2]).add(n), `w${n}`));
    const f = compile(() => ws.map((w) => w.sum()));
    expect(compiles(() => expect(f().map((t) => t.itemSync())).toEqual([18, 32, 50, 72]))).toBe(2);
  });
});

it("a chain of 10,000 operations works, and its middle is computed on the way", () => {
  let x = tensor([1]);
  expect(
    compiles(() => {
      for (let i = 0; i < 10_000; i++) x = x.add(1);
    }),
  ).toBeGreaterThan(0);
  expect(x.itemSync()).toBe(10_001);
  const f = compile((y: Tensor) => {
    let z = y;
    for (let i = 0; i < 3000; i++) z = z.add(1);
    return z;
  });
  expect(f(tensor([0])).itemSync()).toBe(3000);
});
