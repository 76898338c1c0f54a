// A part taken early is the part taken late.

import { describe, expect, test } from "vitest";
import { binary, contract, expand, input, pad, permute, reshape, slice, window } from "../../src/graph/build.ts";
import { narrow } from "../../src/graph/narrow.ts";
import { type Node, topological } from "../../src/graph/node.ts";
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
});
