// Sums over chunks of rows, added up in memory row by row, alone and beside work on the rows, against the reference.

import { describe, expect, test } from "vitest";
import * as b from "../../src/graph/build.ts";
import type { DType } from "../../src/graph/dtype.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Shape } from "../../src/graph/shape.ts";
import { lower } from "../../src/kernel/lower.ts";
import { check, loopsTask, random, sample, target } from "./check.ts";

const lanes = [1, 4, 8, 16];

/** The sum of each chunk of rows. */
function chunkSums(x: Node, chunks: number, rows: number): Node {
  return b.reduce("reduceSum", b.reshape(x, [chunks, rows, x.size / chunks / rows]), 1);
}

describe("sums over chunks of rows", () => {
  test.each(["float32", "float64"] as const)("alone, for widths with every rest: %s", (dtype: DType) => {
    const next = random(1);
    for (const width of [1, 3, 8, 16, 21, 37, 64]) {
      const x = b.input([4, 6, width], dtype);
      const y = b.input([width], dtype);
      const sums = [x, b.binary("mul", x, b.broadcastTo(y, x.shape))].map((n) => chunkSums(n, 4, 6));
      const task = { ...loopsTask([x, y], sums, [4, 6], [width]), sums };
      check(task, [sample(dtype, 24 * width, next), sample(dtype, width, next)], { what: `width ${width}`, lanes });
    }
  });

  test.each([[[24]], [[4, 6]], [[2, 12]], [[8, 3]]] as Shape[][])("beside results of rows and elements, over a domain of %s", (domain) => {
    const width = 37;
    const x = b.input([24, width], "float32");
    const g = b.input([24, width], "float32");
    const across = (row: Node) => b.broadcastTo(b.reshape(row, [24, 1]), x.shape);
    const total = b.reduce("reduceSum", x, 1);
    const shifted = b.binary("sub", x, across(total));
    const sums = [g, b.binary("mul", g, shifted)].map((n) => chunkSums(n, 4, 6));
    const task = { ...loopsTask([x, g], [total, ...sums, b.binary("mul", shifted, g)], domain, [width]), sums };
    const next = random(2);
    check(task, [sample("float32", x.size, next), sample("float32", g.size, next)], { lanes, tolerance: 1e-4 });
  });

  test("a part of the kernel is a chunk", () => {
    const x = b.input([4, 6, 32], "float32");
    const sums = [chunkSums(x, 4, 6)];
    expect(lower({ ...loopsTask([x], sums, [24], [32]), sums }, target, () => 0).kernel.extent).toBe(4);
  });
});
