// Sums down many rows: cut into chunks, beside the rows' own work where that is possible, and right either way.

import { afterAll, describe, expect, test } from "vitest";
import * as b from "../../src/graph/build.ts";
import type { Node } from "../../src/graph/node.ts";
import { compile, gradients, setDevice, setThreads, type Tensor, tensor, variable } from "../../src/index.ts";
import { layerNorm } from "../../src/nn/functional.ts";
import { schedule } from "../../src/schedule/schedule.ts";
import { random, target } from "../kernel/check.ts";

const rows = 8192;
const width = 130;

const placeholder = () => b.input([rows, width], "float32") as Node<"input">;
const across = (row: Node) => b.broadcastTo(b.reshape(row, [rows, 1]), [rows, width]);
const down = (column: Node) => b.broadcastTo(b.reshape(column, [1, width]), [rows, width]);

/** How many tasks read a parameter. */
function readersOf(parameters: readonly Node<"input">[], results: readonly Node[], parameter: Node): number {
  return schedule({ parameters, results }, target).tasks.filter((task) => task.inputs.includes(parameter)).length;
}

describe("sums down many rows", () => {
  test("are cut into chunks that kernels can share", () => {
    const x = placeholder();
    const { tasks } = schedule({ parameters: [x], results: [b.reduce("reduceSum", x, 0)] }, target);
    expect(tasks.map((task) => task.kind === "loops" && [task.domain, task.inner])).toEqual([
      [[32, 256], [width]],
      [[width], []],
    ]);
  });

  test("go through the rows together with what is computed for each of them", () => {
    const [x, g] = [placeholder(), placeholder()];
    const shifted = b.binary("sub", x, across(b.reduce("reduceSum", x, 1)));
    const results = [b.binary("mul", shifted, g), b.reduce("reduceSum", b.binary("mul", g, shifted), 0), b.reduce("reduceSum", g, 0)];
    expect(readersOf([x, g], results, g)).toBe(1);
    expect(readersOf([x, g], results, x)).toBe(1);
  });

  test("come first where the rows need them", () => {
    const x = placeholder();
    const shifted = b.binary("sub", x, down(b.reduce("reduceSum", x, 0)));
    expect(readersOf([x], [b.reduce("reduceMax", shifted, 1), shifted], x)).toBe(2);
  });
});

describe("the gradients of a layer norm over many rows", () => {
  afterAll(() => {
    setThreads("auto");
    setDevice("auto");
  });

  test("are right, and the same for any number of threads", async () => {
    setDevice("wasm");
    const next = random(3);
    const data = () => Float32Array.from({ length: rows * width }, () => next() * 2 - 1);
    const [values, factors] = [data(), data()];
    const x = variable(tensor(values).reshape([rows, width]));
    const weight = variable(tensor(Float32Array.from({ length: width }, (_, i) => 1 + i / width)));
    const bias = variable(tensor(new Float32Array(width)));
    const run = async () => {
      const step = compile((g: Tensor) => gradients(layerNorm(x, width, { weight, bias }).mul(g).sum(), [x, weight, bias]));
      const found = step(tensor(factors).reshape([rows, width])) as Tensor[];
      return Promise.all(found.map((t) => t.data() as Promise<Float32Array>));
    };
    setThreads(1);
    const [dx, dWeight, dBias] = (await run()) as [Float32Array, Float32Array, Float32Array];
    const expected = { weight: new Float64Array(width), bias: new Float64Array(width) };
    for (let r = 0; r < rows; r++) {
      const row = values.subarray(r * width, (r + 1) * width);
      const mean = row.reduce((s, v) => s + v, 0) / width;
      const scale = 1 / Math.sqrt(row.reduce((s, v) => s + (v - mean) ** 2, 0) / width + 1e-5);
      let [sum, along] = [0, 0];
      for (let i = 0; i < width; i++) {
        const g = factors[r * width + i] as number;
        const normal = ((row[i] as number) - mean) * scale;
        (expected.weight[i] as number) += g * normal;
        (expected.bias[i] as number) += g;
        sum += g * (1 + i / width);
        along += g * (1 + i / width) * normal;
      }
      for (const i of [0, 64, width - 1]) {
        const normal = ((row[i] as number) - mean) * scale;
        const g = (factors[r * width + i] as number) * (1 + i / width);
        expect(Math.abs((dx[r * width + i] as number) - scale * (g - sum / width - (normal * along) / width))).toBeLessThan(1e-4);
      }
    }
    for (let i = 0; i < width; i++) {
      expect(Math.abs((dWeight[i] as number) - (expected.weight[i] as number))).toBeLessThan(1e-3);
      expect(Math.abs((dBias[i] as number) - (expected.bias[i] as number))).toBeLessThan(1e-3);
    }
    setThreads(3);
    expect(await run()).toEqual([dx, dWeight, dBias]);
  });
});
