// A part taken early is the part taken late.

import { describe, expect, test } from "vitest";
import { binary, contract, expand, input, pad, permute, reshape, slice, window } from "../../src/graph/build.ts";
import { narrow } from "../../src/graph/narrow.ts";
import { type Node, topological } from "../../src/graph/node.ts";
import { unwindow } from "../../src/graph/unwindow.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";

const x = input([4, 6, 8], "float32", "x");
const w = input([5, 6], "float32", "w");

const cases: readonly [string, Node, readonly number[], readonly number[]][] = [
  ["a leaf", x, [1, 2, 3], [2, 3, 4]],
  ["permuted", permute(x, [2, 0, 1]), [3, 1, 0], [4, 2, 6]],
  ["reshaped, an axis that stays", reshape(x, [4, 1, 2, 3, 8]), [1, 0, 0, 0, 2], [2, 1, 2, 3, 3]],
  ["reshaped, an axis that does not", reshape(x, [4, 48]), [1, 5], [2, 20]],
  ["expanded", expand(reshape(x, [4, 6, 1, 8]), [4, 6, 3, 8]), [0, 1, 1, 2], [4, 4, 2, 5]],
  ["sliced", slice(x, [1, 1, 1], [3, 4, 6]), [1, 0, 2], [2, 3, 3]],
  ["padded, a corner", pad(x, [1, 0, 2], [0, 2, 3], 7), [0, 3, 1], [2, 5, 8]],
  ["padded, nothing but padding", pad(x, [3, 0, 0], [0, 0, 0], 7), [0, 0, 0], [2, 6, 8]],
  ["padded between", pad(x, [0, 0, 1], [0, 0, 1], 0, [0, 0, 2]), [0, 1, 0], [4, 3, 24]],
  ["padded between, cut inside", pad(x, [0, 0, 1], [0, 0, 1], 0, [0, 0, 2]), [0, 0, 3], [4, 6, 9]],
  ["windows", window(x, [1, 2], [3, 2], [2, 1], [1, 3]), [1, 1, 1, 0, 0], [3, 1, 3, 3, 2]],
  ["some places of windows", window(x, [1], [3], [1], [1]), [0, 0, 0, 1], [4, 4, 8, 2]],
  ["contracted", contract(w, x, [[], []], [[1], [1]]), [1, 1, 2], [3, 2, 4]],
  ["computed", binary("add", x, x), [0, 2, 0], [4, 2, 8]],
  ["nothing of it", pad(x, [1, 0, 0], [0, 0, 0]), [0, 0, 0], [0, 6, 8]],
];

describe("narrow", () => {
  test.each(cases)("%s", (_, node, starts, sizes) => {
    const early = narrow(node, starts, sizes);
    expect(early.shape).toEqual(sizes);
    const values = [x, w].map((p) => Float64Array.from({ length: p.size }, (_, i) => Math.sin(i * 37 + 1)));
    const [got, expected] = evaluateRegion({ parameters: [x, w] as Node<"input">[], results: [early, slice(node, starts, sizes)] }, values);
    expect(got).toEqual(expected);
  });

  test("what is cut away from a contraction is not computed", () => {
    const product = contract(w, x, [[], []], [[1], [1]]);
    const early = narrow(permute(product, [1, 0, 2]), [1, 0, 0], [1, 2, 8]);
    const largest = Math.max(
      ...topological([early])
        .filter((n) => n.op === "contract")
        .map((n) => n.size),
    );
    expect(largest).toBe(16);
  });

  test("a part of what blocks add up to: its own phases of the stride, and no more blocks than it meets", () => {
    const weights = input([3, 5], "float32", "weights");
    for (const [n, size, stride, dilation] of [
      [9, 3, 2, 1],
      [10, 3, 2, 1],
      [12, 5, 3, 1],
      [11, 2, 3, 1],
      [9, 1, 2, 1],
      [9, 3, 1, 1],
      [11, 3, 2, 2],
    ] as [number, number, number, number][]) {
      const kernel = slice(weights, [0, 0], [3, size]);
      const outputs = Math.floor((n - (size - 1) * dilation - 1) / stride) + 1;
      const data = input([2, 3, outputs], "float32", "data");
      // [size, samples, outputs]
      const blocks = permute(contract(kernel, data, [[], []], [[0], [1]]), [1, 2, 0]);
      const attributes = { axes: [1], sizes: [size], strides: [stride], dilations: [dilation] };
      const whole = unwindow(blocks, [2, n], attributes);
      const values = [weights, data].map((p) => Float64Array.from({ length: p.size }, (_, i) => Math.sin(i * 37 + 1)));
      const parameters = [weights, data] as Node<"input">[];
      for (let start = 0; start < 4; start++) {
        for (const length of [1, 4, n - start]) {
          const early = narrow(whole, [0, start], [2, length]);
          const results = [early, slice(whole, [0, start], [2, length])];
          const [got, expected] = evaluateRegion({ parameters, results }, values);
          const worst = Math.max(...(got as Float64Array).map((v, i) => Math.abs(v - ((expected as Float64Array)[i] as number))));
          expect(worst, `${length} from ${start} of ${n}: size ${size}, stride ${stride}, dilation ${dilation}`).toBeLessThan(1e-12);
        }
      }
    }
  });

  test("an even part of a strided sum that begins between two phases takes whole blocks", () => {
    const [kernel, data] = [input([3, 3], "float32"), input([2, 3, 4], "float32")];
    const blocks = permute(contract(kernel, data, [[], []], [[0], [1]]), [1, 2, 0]);
    const whole = unwindow(blocks, [2, 10], { axes: [1], sizes: [3], strides: [2], dilations: [1] });
    const products = topological([narrow(whole, [0, 1], [2, 8])]).filter((n) => n.op === "contract");
    expect(products.map((n) => n.size)).toContain(2 * 2 * 4);
  });
});
