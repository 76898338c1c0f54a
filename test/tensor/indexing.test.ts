import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { arange, tensor, zeros } from "../../src/index.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

const int = (values: d.Data) => tensor(values, { dtype: "int32" });

describe.each(devices)("indexing on %s", (device) => {
  it("gather along either axis, with indices of any shape", () =>
    on(device, () => {
      const x = arange(6).reshape([2, 3]);
      expectTensor(
        x.gather(int([1, 0, 1])),
        [
          [3, 4, 5],
          [0, 1, 2],
          [3, 4, 5],
        ],
        "int32",
      );
      expectTensor(
        d.gather(x, int([[2], [0]]), 1),
        [
          [[2], [0]],
          [[5], [3]],
        ],
        "int32",
      );
      expectTensor(x.gather(tensor(new Uint8Array([1]))), [[3, 4, 5]], "int32");
      expectTensor(x.gather(int(1), -1), [1, 4], "int32");
    }));

  it("an index outside is an error that names it", () =>
    on(device, () => {
      for (const bad of [-1, 2]) {
        const error = errorOf(() =>
          tensor([5, 6])
            .gather(int([0, bad]))
            .dataSync(),
        );
        expect(error.code).toBe("RANGE");
        expect(error.message).toBe(`gather: an index is outside the axis; got ${bad}, expected 0 to 1.`);
      }
      expect(errorOf(() => int([3]).oneHot(3).dataSync()).message).toBe("oneHot: a class is outside the depth; got 3, expected 0 to 2.");
    }));

  it("oneHot", () =>
    on(device, () => {
      expectTensor(int([1, 0]).oneHot(3), [
        [0, 1, 0],
        [1, 0, 0],
      ]);
      expectTensor(d.oneHot(tensor(new Uint8Array([2])), 3, "bool"), [[false, false, true]], "bool");
    }));

  it("sort, argSort and topK", () =>
    on(device, () => {
      const x = tensor([
        [3, 1, 2, 1],
        [-1, Number.NaN, 5, 0],
      ]);
      expectTensor(x.sort(), [
        [1, 1, 2, 3],
        [-1, 0, 5, Number.NaN],
      ]);
      expectTensor(
        x.argSort(),
        [
          [1, 3, 2, 0],
          [0, 3, 2, 1],
        ],
        "int32",
      );
      expectTensor(d.sort(x.slice([0, 1]), -1, { descending: true }), [[3, 2, 1, 1]]);
      expectTensor(d.argSort(x.slice([0, 1]), 1, { descending: true }), [[0, 2, 1, 3]], "int32");
      expectTensor(x.slice(null, [2, null]).sort(0), [
        [2, 0],
        [5, 1],
      ]);
      const { values, indices } = x.at(0).topK(2);
      expectTensor(values, [3, 2]);
      expectTensor(indices, [0, 2], "int32");
      expectTensor(
        d.topK(
          tensor([
            [1, 9],
            [8, 2],
            [3, 3],
          ]),
          2,
          0,
        ).values,
        [
          [8, 9],
          [3, 3],
        ],
      );
      expectTensor(arange(5).sort(0, { descending: true }), [4, 3, 2, 1, 0], "int32");
    }));

  it("sorting many elements agrees with JavaScript", () =>
    on(device, () => {
      const values = Array.from({ length: 1000 }, (_, i) => (i * 7919) % 1009);
      expectTensor(
        tensor(values).sort(),
        values.toSorted((a, b) => a - b),
      );
    }));
});

describe("mistakes", () => {
  it.each([
    [
      "float indices",
      () => zeros([2]).gather(tensor([0]) as never),
      "DTYPE",
      'gather: indices must be integers; got float32, expected int32 or uint8. Cast them: cast("int32").',
    ],
    ["an empty axis", () => zeros([0]).gather(int([0])), "SHAPE", /^gather: axis 0 is empty/],
    ["depth", () => int([0]).oneHot(0), "OPTION", "oneHot: the depth is wrong; got 0, expected a positive integer."],
    ["k", () => zeros([2]).topK(3), "OPTION", "topK: k: cannot take so many along axis 0; got 3, expected an integer from 0 to 2."],
    ["an axis that is not there", () => tensor(1).sort(1), "AXIS", /^sort: axis out of range; got 1/],
  ] as const)("%s", (_, body, code, message) => {
    const error = errorOf(body);
    expect(error.code).toBe(code);
    if (typeof message === "string") expect(error.message).toBe(message);
    else expect(error.message).toMatch(message);
  });
});
