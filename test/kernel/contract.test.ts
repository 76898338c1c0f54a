// The contraction template at every edge of its tiles, with epilogues, batches and views on the left.

import { describe, expect, test } from "vitest";
import * as b from "../../src/graph/build.ts";
import { allocate, type TypedArray } from "../../src/graph/dtype.ts";
import { padded } from "../../src/graph/kernel.ts";
import type { Node } from "../../src/graph/node.ts";
import type { ContractTask } from "../../src/graph/task.ts";
import { lower } from "../../src/kernel/lower.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { block, interpretKernel } from "../support/interpret.ts";
import { check, execute, random, sample, target } from "./check.ts";

interface Case {
  readonly task: ContractTask;
  readonly data: readonly TypedArray[];
  readonly reference: readonly TypedArray[];
}

/** A task on [batch, m, k] by [batch, k, n]; `left` views its input, `outputs` builds on the product and further inputs. */
function contraction(
  sizes: { batch?: number; m: number; k: number; n: number },
  tile: { rows: number; columns: number },
  outputs: (hero: Node) => { results: Node[]; inputs?: Node[] } = (hero) => ({ results: [hero] }),
  view: { shape: readonly number[]; of: (x: Node) => Node } | null = null,
  dtype: "float32" | "float64" = "float32",
): Case {
  const { batch = 1, m, k, n } = sizes;
  const next = random(m * 1000 + k * 100 + n);
  const source = b.input(view?.shape ?? [batch, m, k], dtype);
  const left = view === null ? source : view.of(source);
  const right = b.input([batch, k, n], dtype);
  const hero = b.contract(left, right, [[0], [0]], [[2], [1]]) as Node<"contract">;
  const panels = Math.ceil(n / tile.columns);
  const packedShape = [batch, panels, k, tile.columns];
  const { results, inputs: more = [] } = outputs(hero);
  const packed = b.input(packedShape, dtype);
  const rightData = sample(dtype, right.size, next);
  const filled = b.pad(right, [0, 0, 0], [0, 0, panels * tile.columns - n]);
  const packing = b.permute(b.reshape(filled, [batch, k, panels, tile.columns]), [0, 2, 1, 3]);
  const [packedData] = evaluateRegion({ parameters: [right], results: [packing] }, [rightData]);
  const sourceData = sample(dtype, source.size, next);
  const moreData = more.map((x) => sample(x.dtype, x.size, next));
  const parameters = [source, right, ...more] as Node<"input">[];
  const reference = evaluateRegion({ parameters, results }, [sourceData, rightData, ...moreData]);
  const task: ContractTask = { kind: "contract", name: "matmul", inputs: [source, packed, ...more], outputs: results, hero, packed, tile };
  const exact = dtype === "float32" ? Float32Array.from(packedData as TypedArray) : (packedData as TypedArray);
  return { task, data: [sourceData, exact, ...moreData], reference };
}

function run({ task, data, reference }: Case, what: string, lanes: readonly number[] = [4]): void {
  check(task, data, { reference, what, tolerance: 1e-5, lanes });
}

describe("contraction", () => {
  test("at every remainder of rows and columns", () => {
    for (let m = 1; m <= 13; m++) {
      for (const n of [1, 3, 4, 5, 7, 8, 9, 12, 16, 17]) run(contraction({ m, k: 5, n }, { rows: 6, columns: 8 }), `${m}×5·5×${n}`);
    }
  });

  test("for every remainder of k", () => {
    for (let k = 1; k <= 9; k++) run(contraction({ m: 4, k, n: 10 }, { rows: 3, columns: 4 }), `k = ${k}`);
  });

  test("in batches, whatever the lanes", () => {
    run(contraction({ batch: 3, m: 7, k: 6, n: 11 }, { rows: 4, columns: 8 }), "batches", [1, 2, 4, 8]);
    run(contraction({ batch: 2, m: 5, k: 6, n: 11 }, { rows: 4, columns: 8 }, undefined, null, "float64"), "float64");
  });

  test("walks blocks of panels in any partition", () => {
    const small = { ...target, cache: [512, 2048] as const };
    const { task, data, reference } = contraction({ batch: 2, m: 9, k: 16, n: 37 }, { rows: 4, columns: 4 });
    const { kernel } = lower(task, small, () => 0);
    // Ten panels in two blocks of four and one of two.
    expect(kernel.extent).toBe(2 * 3 * 12);
    const whole = execute(kernel, task, data).results[0] as Float32Array;
    expect(Math.max(...whole.map((v, i) => Math.abs(v - (reference[0]?.[i] as number))))).toBeLessThan(1e-4);
    const every = Array.from({ length: kernel.extent - 1 }, (_, i) => i + 1);
    expect(execute(kernel, task, data, every).results[0]).toEqual(whole);
  });

  test("reads the left operand through its view", () => {
    const transposed = { shape: [1, 6, 9], of: (x: Node) => b.permute(x, [0, 2, 1]) };
    run(contraction({ m: 9, k: 6, n: 10 }, { rows: 6, columns: 8 }, undefined, transposed), "transposed");
    const reversed = { shape: [1, 9, 6], of: (x: Node) => b.slice(x, [0, 8, 5], [1, 9, 6], [1, -1, -1]) };
    run(contraction({ m: 9, k: 6, n: 10 }, { rows: 6, columns: 8 }, undefined, reversed), "reversed");
    const block = { shape: [2, 12, 20], of: (x: Node) => b.slice(x, [0, 1, 3], [2, 5, 6], [1, 2, 2]) };
    run(contraction({ batch: 2, m: 5, k: 6, n: 10 }, { rows: 6, columns: 8 }, undefined, block), "every other");
    const shared = { shape: [1, 5, 6], of: (x: Node) => b.expand(x, [3, 5, 6]) };
    run(contraction({ batch: 3, m: 5, k: 6, n: 10 }, { rows: 6, columns: 8 }, undefined, shared), "shared by the batch");
  });

  test("copies the tiles of a transposed left operand, in any partition", () => {
    for (const [m, k, n] of [
      [13, 5, 30],
      [8, 9, 26],
      [3, 4, 25],
    ] as [number, number, number][]) {
      const transposed = { shape: [2, k, m], of: (x: Node) => b.permute(x, [0, 2, 1]) };
      const one = contraction({ batch: 2, m, k, n }, { rows: 6, columns: 4 }, undefined, transposed);
      expect(lower(one.task, target, () => 0).scratch.length).toBe(1);
      run(one, `${m}×${k}·${k}×${n}`, [1, 2, 4]);
      const { kernel, scratch } = lower(one.task, target, () => 0);
      const whole = execute(kernel, one.task, one.data, [], scratch).results;
      const grains = Array.from({ length: kernel.extent / (kernel.grain as number) - 1 }, (_, i) => (i + 1) * (kernel.grain as number));
      expect(execute(kernel, one.task, one.data, grains, scratch).results).toEqual(whole);
    }
  });

  test("parts that may run at the same time write to different places of the copy", () => {
    const transposed = { shape: [2, 6, 17], of: (x: Node) => b.permute(x, [0, 2, 1]) };
    const { task, data } = contraction({ batch: 2, m: 17, k: 6, n: 37 }, { rows: 4, columns: 4 }, undefined, transposed);
    const { kernel, scratch } = lower(task, { ...target, cache: [512, 1200] }, () => 0);
    const grain = kernel.grain as number;
    expect(kernel.extent).toBeGreaterThan(2 * 5 * grain);
    const taken = new Set<number>();
    for (let begin = 0; begin < kernel.extent; begin += grain) {
      const copy = new Uint8Array(padded(scratch[0] as number)).fill(0xa5);
      const output = block(allocate("float32", 2 * 17 * 37));
      interpretKernel(kernel, [...data.map(block), output, copy], begin, begin + grain);
      const own = [...copy.keys()].filter((i) => copy[i] !== 0xa5);
      expect(own.filter((i) => taken.has(i))).toEqual([]);
      for (const i of own) taken.add(i);
    }
    expect(taken.size).toBeGreaterThan(0.9 * (scratch[0] as number));
  });

  test("long depths go in chunks, whose copies and waiting accumulators belong to one part; the same bits", () => {
    const rowsOf512 = { shape: [1, 7, 2048], of: (x: Node) => b.slice(x, [0, 0, 3], [1, 7, 1021]) };
    const transposed = { shape: [1, 1021, 7], of: (x: Node) => b.permute(x, [0, 2, 1]) };
    const views: [string, { shape: readonly number[]; of: (x: Node) => Node } | null, number][] = [
      ["in place", null, 1],
      ["rows apart by a power of two", rowsOf512, 2],
      ["transposed", transposed, 2],
    ];
    for (const [what, view, scratches] of views) {
      const one = contraction({ m: 7, k: 1021, n: 23 }, { rows: 6, columns: 4 }, undefined, view);
      const { kernel, scratch } = lower(one.task, { ...target, cache: [32768, 1 << 17] }, () => 0);
      expect(scratch.length, what).toBe(scratches);
      expect(kernel.grain, what).toBeGreaterThan(1);
      run(one, what);
      const whole = execute(kernel, one.task, one.data, [], scratch).results;
      // The other tile has other blocks, copies and edges.
      const other = contraction({ m: 7, k: 1021, n: 23 }, { rows: 3, columns: 8 }, undefined, view);
      const lowered = lower(other.task, { ...target, lanes: 8 }, () => 0);
      expect(execute(lowered.kernel, other.task, other.data, [], lowered.scratch).results, what).toEqual(whole);
    }
  });

  test("reads windows in place, in vectors that may lie in different runs of columns", () => {
    for (const [wide, lanes, vectors] of [
      [5, 4, 2],
      [4, 4, 3],
      [8, 4, 2],
      [11, 4, 2],
      [9, 8, 1],
      [6, 8, 3],
      [3, 1, 2],
    ] as [number, number, number][]) {
      const [batch, channels, high, filters] = [2, 3, 5, 7];
      const x = b.input([batch, channels, high + 2, wide + 2], "float32");
      const w = b.input([filters, channels * 9], "float32");
      const bias = b.input([filters, 1], "float32");
      const windows = b.permute(b.window(x, [2, 3], [3, 3], [1, 1], [1, 1]), [0, 1, 4, 5, 2, 3]);
      const left = b.expand(b.reshape(w, [1, filters, channels * 9]), [batch, filters, channels * 9]);
      const right = b.reshape(windows, [batch, channels * 9, high * wide]);
      const hero = b.contract(left, right, [[0], [0]], [[2], [1]]) as Node<"contract">;
      const output = b.binary("add", hero, b.broadcastTo(b.reshape(bias, [1, filters, 1]), hero.shape));
      const tile = { rows: 4, columns: lanes * vectors };
      const inputs = [w, x, bias];
      const task: ContractTask = { kind: "contract", name: "convolution", inputs, outputs: [output], hero, packed: null, tile };
      const next = random(wide);
      const data = inputs.map((node) => sample("float32", node.size, next));
      check(task, data, { what: `${wide} columns in ${vectors} × ${lanes} lanes`, tolerance: 1e-5, lanes: [lanes] });
    }
  });

  test("computes what follows on the accumulators", () => {
    const shape = [2, 7, 10];
    const sizes = { batch: 2, m: 7, k: 6, n: 10 };
    const bias = b.input([10], "float32");
    const residual = b.input([14, 10], "float32");
    const perRow = b.input([2, 7], "float32");
    const rate = b.input([], "float64");
    run(
      contraction(sizes, { rows: 3, columns: 8 }, (hero) => {
        const summed = b.binary("add", hero, b.broadcastTo(bias, shape));
        const active = b.binary("maximum", summed, b.constant(0, "float32", shape));
        const mask = b.binary("lt", b.constant(0, "float32", shape), summed);
        const rows = b.expand(b.reshape(perRow, [2, 7, 1]), shape);
        const scale = b.broadcastTo(b.cast(b.unary("exp", rate), "float32"), shape);
        const scaled = b.binary("mul", b.binary("mul", rows, scale), active);
        return {
          results: [b.binary("add", b.reshape(scaled, [14, 10]), residual), mask, b.reshape(hero, [140])],
          inputs: [bias, residual, perRow, rate],
        };
      }),
      "epilogue",
      [1, 4, 8],
    );
    const wide = b.input([10, 7, 2], "float32");
    run(
      contraction(sizes, { rows: 3, columns: 8 }, (hero) => ({
        results: [b.binary("sub", hero, b.permute(wide, [2, 1, 0]))],
        inputs: [wide],
      })),
      "transposed residual",
    );
  });
});
