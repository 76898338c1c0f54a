// Bounds checks are effects: they run whether or not a result needs what they guard, so that a mistake in the data never
// depends on what the compiler found out about the program.

import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { cachedRegion } from "../../src/engine/cache.ts";
import { deviceOf } from "../../src/engine/devices.ts";
import { readStorage } from "../../src/engine/memory.ts";
import { run } from "../../src/engine/pipeline.ts";
import { checkBounds, gather, rebuild } from "../../src/graph/build.ts";
import type { TypedArray } from "../../src/graph/dtype.ts";
import { is, type Node } from "../../src/graph/node.ts";
import { rewrite } from "../../src/graph/rewrite.ts";
import { type Shape, sameShape } from "../../src/graph/shape.ts";
import { Storage } from "../../src/graph/storage.ts";
import { compile, concat, cond, ones, scan, setDevice, type Tensor, tensor, variable, zeros } from "../../src/index.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { UserError } from "../../src/util/errors.ts";
import { randomGraph } from "../support/random_graph.ts";

type Indices = Tensor<"int32">;
const int = (...values: number[]) => tensor(values, { dtype: "int32" });
const x = tensor([1, 2]);

/** Programs of indices into two elements that need no index, or not all of them. */
const programs: Record<string, (indices: Indices) => unknown> = {
  "all elements are equal": (i) => zeros([2]).gather(i),
  "multiplied by zero": (i) => x.cast("int32").gather(i).mul(0),
  "only a slice is used": (i) => x.gather(i).slice([0, 1]),
  "nothing is left": (i) => x.gather(i).slice([0, 0]),
  "cut off again": (i) => concat([x.gather(i), x]).slice([3, 5]),
  "a class that is never looked at": (i) => i.oneHot(2).slice(null, [1, 2]),
  "in a branch whose result is dropped": (i) =>
    cond(
      x.sum().gt(0),
      () => [x.gather(i).sum(), x],
      () => [x.sum(), x],
    )[1],
  "in a branch that is known": (i) =>
    cond(
      ones([], { dtype: "bool" }),
      () => zeros([2]).gather(i),
      () => zeros([3]),
    ),
  "in a loop whose output is dropped": (i) =>
    scan((c: Tensor, k: Indices) => [c.add(1), x.gather(k.reshape([1]) as Indices)] as never, tensor(0), i as never)[0],
  "in a loop that only assigns": (i) => {
    const count = variable(0, "count");
    scan(
      (c: Tensor, k: Indices) => {
        count.assign(count.add(zeros([2]).gather(k)));
        return [c, undefined] as never;
      },
      tensor(0),
      i as never,
    );
    return count.mul(1);
  },
};

describe.each(["reference", "wasm"] as const)("on %s", (device) => {
  beforeEach(() => {
    setDevice(device);
    return () => setDevice("auto");
  });

  it.each(Object.entries(programs))("%s", (_, program) => {
    const f = compile((indices: Indices) => program(indices) as Tensor);
    expect(() => f(int(0, 1, 2)).dataSync()).toThrow("got 2, expected 0 to 1");
    expect(() => f(int(1, 0, 1)).dataSync()).not.toThrow();
    expect(() => (program(int(0, 1, -1)) as Tensor).dataSync()).toThrow("got -1");
  });

  it("a step commits nothing when a check fails whose value it does not need", () => {
    const w = variable(ones([3]), "w");
    const step = compile((i: Indices) => {
      const kept = zeros([2]).gather(i).sum();
      w.assign(w.add(1).add(kept));
    });
    step(int(1));
    expect(() => step(int(2))).toThrow("got 2");
    expect(w.toArraySync()).toEqual([2, 2, 2]);
  });
});

/** The graph with bounds checks on indices and on every other integer. */
function checked(results: readonly Node[]): Node[] {
  let integers = 0;
  return rewrite(results, (node, inputs) => {
    const [x, indices] = inputs as [Node, Node];
    if (is(node, "gather")) return gather(x, checkBounds(indices, x.shape[node.attributes.axis] as number, "gather"), node.attributes.axis);
    const computed = node.dtype === "int32" && node.op !== "constant" && node.op !== "input";
    return computed && ++integers % 2 === 0 ? checkBounds(rebuild(node, inputs), 6, "integer") : null;
  });
}

it("random graphs with checks fail where the reference fails, and change nothing then", () => {
  let failed = 0;
  fc.assert(
    fc.property(randomGraph(), ({ region: plain, parameters }) => {
      const region = { parameters: plain.parameters, results: checked(plain.results) };
      const expected = attempt(() => evaluateRegion(region, parameters));
      const at = region.results.findIndex((r) => r.dtype === "float32" && sameShape(r.shape, region.parameters[0]?.shape as Shape));
      const loaded = cachedRegion(deviceOf("wasm"), region, at < 0 ? [] : [[0, at]]);
      const inputs = region.parameters.map((node, i) => new Storage(node.dtype, node.size, (parameters[i] as TypedArray).slice()));
      const outputs = region.results.map((node) => new Storage(node.dtype, node.size, null));
      if (loaded.inPlace.has(at)) outputs[at] = inputs[0] as Storage;
      expect(attempt(() => run(loaded, inputs, outputs))).toBe(expected);
      if (expected) return;
      failed++;
      expect(inputs.map((storage) => readStorage(storage))).toEqual(parameters);
    }),
    { numRuns: 300, seed: 3 },
  );
  expect(failed).toBeGreaterThan(20);
});

/** Whether it goes well; false where a check fails. */
function attempt(body: () => unknown): boolean {
  try {
    body();
    return true;
  } catch (error) {
    if (error instanceof UserError && error.code === "RANGE") return false;
    throw error;
  }
}
