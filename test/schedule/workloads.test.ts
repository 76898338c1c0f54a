// Whole training steps and model parts, simulated: fused and unfused, in one arena, against the reference.

import { describe, expect, test } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import { input, reduce } from "../../src/graph/build.ts";
import type { TypedArray } from "../../src/graph/dtype.ts";
import type { Target } from "../../src/graph/kernel.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Region } from "../../src/graph/operation.ts";
import { place } from "../../src/schedule/place.ts";
import { schedule } from "../../src/schedule/schedule.ts";
import { consult, findWrong } from "../support/close.ts";
import { pretendLowered, runSchedule } from "../support/run_schedule.ts";
import { elementsOf, floats } from "../support/values.ts";
import { crossEntropy, layerNorm, linear, mlpStep, mul, relu, softmax, tinyStep } from "../support/workloads.ts";

const target: Target = { name: "test", lanes: 4, registers: 16, cache: [32_768, 1_048_576] };

function compare(region: Region, parameters: readonly TypedArray[], donations: readonly (readonly [number, number])[] = []): void {
  const oracle = consult(region, parameters);
  for (const fuse of [true, false]) {
    for (const smallWork of [0, 4096]) {
      const made = schedule(region, target, donations, { fuse, smallWork });
      const { results, error } = runSchedule(made, region, parameters, { scratch: 64 });
      expect(error).toBeNull();
      expect(findWrong(results, oracle), fuse ? "fused" : "unfused").toBeNull();
    }
  }
}

describe("against the reference", () => {
  test("the tiny step", () => {
    const { region, parameters, donations } = tinyStep();
    compare(region, parameters, donations);
  });
  test("a multi-layer perceptron's step with Adam", () => {
    const { region, parameters, donations } = mlpStep(12, [20, 17, 9, 5]);
    compare(region, parameters, donations);
  });
  test("softmax, cross-entropy and layer norm with their gradients", () => {
    const x = input([9, 14], "float32", "x");
    const gain = input([14], "float32", "gain");
    const bias = input([14], "float32", "bias");
    const w = input([11, 14], "float32", "w");
    const b = input([11], "float32", "b");
    const y = input([9], "int32", "y");
    const h = relu(linear(layerNorm(x, gain, bias), w, b));
    const loss = crossEntropy(h, y);
    const sharp = reduce("reduceSum", mul(softmax(h), softmax(h)));
    const results = [loss, ...gradients(loss, [x, gain, bias, w, b]), ...gradients(sharp, [x, gain])] as Node[];
    const data = [x, gain, bias, w, b].map((p, i) => elementsOf(floats(p.shape, -1, 1, i)));
    compare({ parameters: [x, gain, bias, w, b, y], results }, [...data, Int32Array.from({ length: 9 }, (_, i) => (i * 5) % 11)]);
  });
});

test("memory: the arena of a training step is near the least possible", () => {
  const { region, donations } = mlpStep(128, [784, 512, 512, 10]);
  const made = schedule(region, target, donations);
  const { arenaBytes, lowerBoundBytes } = place(
    made,
    made.tasks.map((task) => pretendLowered(task)),
  );
  expect(arenaBytes).toBeLessThanOrEqual(1.1 * lowerBoundBytes);
  // Two activations with their masks, two packed operands and two gradients: far less than everything that is computed.
  expect(arenaBytes).toBeLessThan(4_000_000);
});
