// Normalisations: what the conformance cases do not say. Each is compared with plain loops.

import { describe, expect, it } from "vitest";
import { compile, normal, type Tensor, tensor, variable, zeros } from "../../src/index.ts";
import { batchNorm, groupNorm, instanceNorm, layerNorm, localResponseNorm, rmsNorm } from "../../src/nn/functional.ts";
import { devices, errorOf, expectClose, on } from "./values.ts";

const x = () => normal([4, 6, 5], { seed: 3 }).mul(3).add(10) as Tensor;
const moments = (values: number[]) => {
  const mean = values.reduce((s, v) => s + v, 0) / values.length;
  return { mean, variance: values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length };
};

describe.each(devices)("on %s", (device) => {
  it("each kind has mean 0 and variance 1 over its own axes", () =>
    on(device, () => {
      const rows = (y: Tensor, axes: readonly number[]) => {
        const count = axes.reduce((n, a) => n * (y.shape[a] as number), 1);
        const order = [...[0, 1, 2].filter((a) => !axes.includes(a)), ...axes];
        const flat = [...y.permute(order).dataSync()];
        return Array.from({ length: flat.length / count }, (_, i) => moments(flat.slice(i * count, (i + 1) * count)));
      };
      const all = [
        ...rows(batchNorm(x(), { training: true }), [0, 2]),
        ...rows(instanceNorm(x()), [2]),
        ...rows(layerNorm(x(), [6, 5]), [1, 2]),
        ...rows(layerNorm(x(), 5), [2]),
      ];
      for (const { mean, variance } of all) {
        expect(Math.abs(mean)).toBeLessThan(1e-5);
        expect(Math.abs(variance - 1)).toBeLessThan(1e-4);
      }
      expectClose(groupNorm(x(), 6).toArraySync(), instanceNorm(x()).toArraySync(), 1e-5);
      expectClose(groupNorm(x(), 1).toArraySync(), layerNorm(x(), [6, 5]).toArraySync(), 1e-5);
    }));

  it("running statistics move once for each call of a compiled function", () =>
    on(device, () => {
      const [mean, variance] = [variable(zeros([6]), { trainable: false }), variable(zeros([6]), { trainable: false })];
      const step = compile((v: Tensor) =>
        batchNorm(v, { training: true, runningMean: mean, runningVariance: variance, momentum: 0.5 }).sum(),
      );
      const input = x();
      step(input);
      step(input);
      const channel = [...(input.transpose(0, 1).reshape([6, 20]).slice([2, 3]).dataSync() as Float32Array)];
      const expected = moments(channel);
      expect(mean.dataSync()[2]).toBeCloseTo(0.75 * expected.mean, 4);
      expect(variance.dataSync()[2]).toBeCloseTo((0.75 * expected.variance * 20) / 19, 4);
    }));

  it("evaluation uses the running statistics and leaves them alone", () =>
    on(device, () => {
      const [mean, variance] = [variable([1, 2], { trainable: false }), variable([4, 9], { trainable: false })];
      const y = batchNorm(tensor([[3, 5]]), {
        runningMean: mean,
        runningVariance: variance,
        weight: tensor([2, 1]),
        bias: tensor([0, 1]),
        epsilon: 0,
      });
      expectClose(y.toArraySync(), [[2, 2]]);
      expect([...mean.dataSync()]).toEqual([1, 2]);
    }));

  it("plain tensors as running statistics are read, never changed", () =>
    on(device, () => {
      const mean = tensor([5, 5]);
      expectClose(
        batchNorm(
          tensor([
            [1, 2],
            [3, 6],
          ]),
          { training: true, runningMean: mean, runningVariance: tensor([1, 1]), epsilon: 0 },
        ).toArraySync(),
        [
          [-1, -1],
          [1, 1],
        ],
      );
      expect([...mean.dataSync()]).toEqual([5, 5]);
    }));

  it("root mean squares, and neighbours of channels", () =>
    on(device, () => {
      expectClose(rmsNorm(tensor([[3, 4]]), 2, { epsilon: 0, weight: tensor([1, 2]) }).toArraySync(), [
        [3 / Math.sqrt(12.5), 8 / Math.sqrt(12.5)],
      ]);
      const y = localResponseNorm(tensor([[[1], [2], [3], [4]]]) as Tensor, 3, { alpha: 3, beta: 1, k: 1 });
      expectClose(y.toArraySync(), [[[1 / 6], [2 / 15], [3 / 30], [4 / 26]]]);
      const even = localResponseNorm(tensor([[[1], [2], [3]]]) as Tensor, 2, { alpha: 2, beta: 1, k: 0 });
      expectClose(even.toArraySync(), [[[1], [2 / 5], [3 / 13]]]);
    }));
});

describe("errors", () => {
  it("name the operation, the argument, what was got and expected", () => {
    expect(errorOf(() => batchNorm(x(), { training: true, weight: zeros([5]) })).message).toBe(
      "batchNorm: weight does not fit x; got weight [5], expected [6].",
    );
    expect(errorOf(() => batchNorm(x())).message).toContain("without batch statistics runningMean and runningVariance are needed");
    expect(errorOf(() => batchNorm(zeros([1, 3]), { training: true })).message).toContain(
      "more than one value for each channel; got x [1,3]",
    );
    expect(errorOf(() => layerNorm(x(), [5, 6])).message).toBe(
      "layerNorm: the last axes of x are not the normalised shape; got x [4,6,5], expected [...,5,6].",
    );
    expect(errorOf(() => groupNorm(x(), 4)).message).toContain("4 groups for x [4,6,5], expected a number that divides 6");
    expect(errorOf(() => localResponseNorm(zeros([2, 3]), 2)).message).toContain("x has too few axes; got x [2,3]");
    expect(errorOf(() => batchNorm(x(), { training: true, epsilon: -1 })).message).toMatch(/^batchNorm: epsilon .*got -1, expected/);
    expect(errorOf(() => layerNorm(x(), 5, { eps: 1 } as never)).message).toContain('no option "eps"');
  });
});
