// The memory of whole training steps: intermediate values take little more than the most that is alive at one time, and what a
// program says of itself is so.

import { expect, it } from "vitest";
import { makeWorkload } from "../../bench/workloads.ts";
import { compile, setDevice, type Tensor, zeros } from "../../src/index.ts";

it.each(["mlp", "cnn", "gpt", "resnet"])("the arena of a step of %s is at most 1.15 times the least possible", (name) => {
  setDevice("wasm");
  const { arena, lowerBound } = makeWorkload(name).program().memory();
  expect(lowerBound).toBeGreaterThan(1_000_000);
  expect(arena).toBeGreaterThanOrEqual(lowerBound);
  expect(arena).toBeLessThanOrEqual(1.15 * lowerBound);
  setDevice("auto");
});

it("a program reports what goes in, comes out, and lies between", () => {
  const square = (x: Tensor) => x.matmul(x).sub(1).matmul(x);
  const f = compile(square, { device: "wasm" });
  const { inputs, outputs, arena, lowerBound } = f.program(zeros([64, 64])).memory();
  expect([inputs, outputs]).toEqual([64 * 64 * 4, 64 * 64 * 4]);
  // The first product, at the least.
  expect(lowerBound).toBeGreaterThanOrEqual(64 * 64 * 4);
  expect(arena).toBeGreaterThanOrEqual(lowerBound);
  const { arena: none } = compile(square, { device: "reference" })
    .program(zeros([64, 64]))
    .memory();
  expect(none).toBe(0);
});
