// float64 as people use it, on every device: digits that float32 has not, in products, gradients, training, files and print.

import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { type AnyTensor, compile, gradients, type Tensor, tensor, variable, zeros } from "../../src/index.ts";
import { assignTensors, decodeSafetensors, weightsOf } from "../../src/io/index.ts";
import { adam, sgd } from "../../src/optim/index.ts";
import { native } from "../support/native.ts";

const devices = ["reference", "wasm", ...(native ? (["native"] as const) : [])] as const;

type Double = Tensor<"float64">;

const sines = (shape: readonly number[], scale: number): Double =>
  tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(scale * (i + 1))),
    { dtype: "float64", shape },
  );

function on(device: d.DeviceName, body: () => void): void {
  d.setDevice(device);
  try {
    body();
  } finally {
    d.setDevice("auto");
  }
}

function expectDoubles(t: AnyTensor, expected: ArrayLike<number>, tolerance = 1e-14): void {
  expect(t.dtype).toBe("float64");
  const data = t.dataSync();
  expect(data).toBeInstanceOf(Float64Array);
  expect(data.length).toBe(expected.length);
  for (const [i, value] of data.entries())
    expect(Math.abs(value - (expected[i] as number)), `element ${i}`).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(expected[i] as number)),
    );
}

describe.each(devices)("float64 on %s", (device) => {
  it("products of matrices of every remainder", () =>
    on(device, () => {
      for (const [m, k, n] of [
        [33, 70, 37],
        [64, 64, 64],
        [5, 300, 3],
      ] as const) {
        const [a, b] = [sines([m, k], 1.1), sines([k, n], 0.7)];
        const [x, y] = [a.dataSync(), b.dataSync()];
        const expected = Float64Array.from({ length: m * n }, (_, at) => {
          let sum = 0;
          for (let i = 0; i < k; i++) sum += (x[Math.floor(at / n) * k + i] as number) * (y[i * n + (at % n)] as number);
          return sum;
        });
        expectDoubles(a.matmul(b), expected);
        expectDoubles(b.transpose().matmul(a.transpose()).transpose(), expected);
      }
    }));

  it("gradients to the digits of a central difference", () =>
    on(device, () => {
      const weights = sines([4, 3], 0.9);
      const f = (x: Double) =>
        x
          .matmul(weights)
          .tanh()
          .softmax()
          .log()
          .mul(sines([5, 3], 2.3))
          .sum() as Double;
      const x = sines([5, 4], 1.7);
      const [g] = gradients(f(x), [x]) as [Double];
      const direction = sines([5, 4], 3.1);
      const h = 1e-5;
      const slope = (f(x.add(direction.mul(h)) as Double).itemSync() - f(x.sub(direction.mul(h)) as Double).itemSync()) / (2 * h);
      expect(g.dtype).toBe("float64");
      expect(Math.abs(g.mul(direction).sum().itemSync() - slope)).toBeLessThan(1e-9);
    }));

  it("training beyond float32, the optimiser's state included", () =>
    on(device, () => {
      const x = sines([50, 4], 1.3);
      const truth = tensor([1.1, -2.3, 0.7, 0.001], { dtype: "float64", shape: [4, 1] });
      const y = x.matmul(truth);
      for (const optimizer of [sgd({ learningRate: 0.3, momentum: 0.9 }), adam({ learningRate: 0.05 })]) {
        const w = variable(zeros([4, 1], { dtype: "float64" }), "w");
        const step = compile((x: Double, y: Double) => {
          const loss = x.matmul(w).sub(y).square().mean();
          optimizer.minimize(loss);
          return loss;
        });
        let loss = Number.POSITIVE_INFINITY;
        for (let i = 0; i < 600; i++) loss = step(x, y).itemSync();
        expect(loss).toBeLessThan(1e-15);
        expect(w.dtype).toBe("float64");
      }
    }));

  it("meets float32 in float64, and integers keep all their digits", () =>
    on(device, () => {
      const third = tensor([1 / 3, 1], { dtype: "float64" });
      expectDoubles(third.add(tensor([0.5, 0.1])), [1 / 3 + 0.5, 1 + Math.fround(0.1)]);
      expectDoubles(tensor([2 ** 31 - 1, 1], { dtype: "int32" }).add(third), [2 ** 31 - 1 + 1 / 3, 2]);
      expectDoubles(d.where(third.lt(0.5), third, 0.1), [1 / 3, 0.1]);
    }));

  it("files hold it as it is, and print tells it", async () => {
    const [saved, loaded] = [sines([3, 5], 1), zeros([3, 5], { dtype: "float64" })].map((t) => variable(t, "W"));
    const bytes = await weightsOf({ variables: () => new Map([["W", saved as d.Variable<"float64">]]) });
    const { tensors } = decodeSafetensors(bytes);
    expect(tensors.get("W")?.dtype).toBe("float64");
    on(device, () => {
      assignTensors("file", new Map([["W", loaded as d.Variable<"float64">]]), tensors);
      expect(loaded?.dataSync()).toEqual(saved?.dataSync());
      expect(`${tensor([1e-9, 1 / 3], { dtype: "float64" })}`).toBe("tensor([1.0000e-9, 3.3333e-1], float64 [2])");
    });
  });
});
