import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { arange, gradients, type Tensor, tensor, zeros } from "../../src/index.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

describe.each(devices)("movement on %s", (device) => {
  it("reshape, flatten, squeeze, unsqueeze", () =>
    on(device, () => {
      const x = arange(6).cast("float32");
      expectTensor(x.reshape([2, 3]), [
        [0, 1, 2],
        [3, 4, 5],
      ]);
      expectTensor(d.reshape(x, [-1, 2]), [
        [0, 1],
        [2, 3],
        [4, 5],
      ]);
      expectTensor(x.reshape([2, 3]).flatten(), [0, 1, 2, 3, 4, 5]);
      expect(zeros([2, 3, 4]).flatten(1).shape).toEqual([2, 12]);
      expect(d.flatten(zeros([2, 3, 4]), 0, 1).shape).toEqual([6, 4]);
      expect(tensor(3).flatten().shape).toEqual([1]);
      expect(zeros([1, 2, 1]).squeeze().shape).toEqual([2]);
      expect(d.squeeze(zeros([1, 2, 1]), -1).shape).toEqual([1, 2]);
      expect(zeros([2]).unsqueeze(0).shape).toEqual([1, 2]);
      expect(d.unsqueeze(zeros([2]), -1).shape).toEqual([2, 1]);
    }));

  it("transpose and permute", () =>
    on(device, () => {
      const x = arange(6).reshape([1, 2, 3]);
      expectTensor(
        x.transpose(),
        [
          [
            [0, 3],
            [1, 4],
            [2, 5],
          ],
        ],
        "int32",
      );
      expect(x.transpose(0, 2).shape).toEqual([3, 2, 1]);
      expect(d.transpose(x, 0).shape).toEqual([3, 2, 1]);
      expectTensor(x.permute([2, 0, 1]), [[[0, 3]], [[1, 4]], [[2, 5]]], "int32");
      expect(d.permute(x, [1, -1, 0]).shape).toEqual([2, 3, 1]);
    }));

  it("expand and broadcastTo", () =>
    on(device, () => {
      expectTensor(tensor([[1], [2]]).expand([2, 3]), [
        [1, 1, 1],
        [2, 2, 2],
      ]);
      expectTensor(d.expand(tensor([[1], [2]]), [-1, 2]), [
        [1, 1],
        [2, 2],
      ]);
      expectTensor(tensor([1, 2]).broadcastTo([2, 2]), [
        [1, 2],
        [1, 2],
      ]);
      expectTensor(d.broadcastTo(tensor(7), [2]), [7, 7]);
    }));

  it("slices as in Python", () =>
    on(device, () => {
      const list = [0, 1, 2, 3, 4, 5, 6];
      const x = arange(7);
      const python: [d.Range, number[]][] = [
        [
          [1, 3],
          [1, 2],
        ],
        [
          [2, null],
          [2, 3, 4, 5, 6],
        ],
        [
          [null, 2],
          [0, 1],
        ],
        [
          [-2, null],
          [5, 6],
        ],
        [
          [0, -5],
          [0, 1],
        ],
        [
          [5, 100],
          [5, 6],
        ],
        [
          [-100, 2],
          [0, 1],
        ],
        [[4, 2], []],
        [
          [0, 7, 3],
          [0, 3, 6],
        ],
        [[null, null, -1], list.toReversed()],
        [
          [5, 1, -2],
          [5, 3],
        ],
        [
          [null, 2, -1],
          [6, 5, 4, 3],
        ],
        [[1, 3, -1], []],
        [null, list],
      ];
      for (const [range, expected] of python) expectTensor(x.slice(range), expected, "int32");
      const m = arange(12).reshape([3, 4]);
      expectTensor(
        m.slice(null, [1, 3]),
        [
          [1, 2],
          [5, 6],
          [9, 10],
        ],
        "int32",
      );
      expectTensor(d.slice(m, [-1, null], [null, null, -2]), [[11, 9]], "int32");
    }));

  it("at", () =>
    on(device, () => {
      const m = arange(6).reshape([2, 3]);
      expectTensor(m.at(1), [3, 4, 5], "int32");
      expectTensor(m.at(-1, 1), 4, "int32");
      expectTensor(m.at(null, -1), [2, 5], "int32");
      expectTensor(d.at(m, 0), [0, 1, 2], "int32");
      expectTensor(
        m.at(null, tensor([2, 0], { dtype: "int32" })),
        [
          [2, 0],
          [5, 3],
        ],
        "int32",
      );
    }));

  it("flip and pad", () =>
    on(device, () => {
      const m = tensor([
        [1, 2],
        [3, 4],
      ]);
      expectTensor(m.flip(), [
        [4, 3],
        [2, 1],
      ]);
      expectTensor(d.flip(m, 1), [
        [2, 1],
        [4, 3],
      ]);
      expectTensor(
        m.pad([
          [0, 1],
          [1, 0],
        ]),
        [
          [0, 1, 2],
          [0, 3, 4],
          [0, 0, 0],
        ],
      );
      expectTensor(d.pad(tensor([1]), [1, 2], 9), [9, 1, 9, 9]);
    }));

  it("concat, stack and split, with every bit", () =>
    on(device, () => {
      const [a, b] = [
        tensor([[1, -0]]),
        tensor([
          [Number.NaN, Number.NEGATIVE_INFINITY],
          [5, 6],
        ]),
      ];
      const joined = d.concat([a, b]);
      expectTensor(joined, [
        [1, 0],
        [Number.NaN, Number.NEGATIVE_INFINITY],
        [5, 6],
      ]);
      expect(Object.is(joined.dataSync()[1], -0)).toBe(true);
      expectTensor(a.concat(a, 1), [[1, 0, 1, 0]]);
      expectTensor(d.stack([tensor([1, 2]), tensor([3, 4])]), [
        [1, 2],
        [3, 4],
      ]);
      expectTensor(tensor([1, 2]).stack([tensor([3, 4])], -1), [
        [1, 3],
        [2, 4],
      ]);
      expectTensor(d.concat([tensor([true]), tensor([false, true])]), [true, false, true], "bool");
      expectTensor(d.concat([tensor([255], { dtype: "uint8" }), tensor([1], { dtype: "uint8" })]), [255, 1], "uint8");
      const parts = arange(6).split(3);
      expect(parts.map((p) => p.toArraySync())).toEqual([
        [0, 1],
        [2, 3],
        [4, 5],
      ]);
      const [x, y] = d.split(arange(6).reshape([2, 3]), [2, 1], 1) as [Tensor<"int32">, Tensor<"int32">];
      expectTensor(
        x,
        [
          [0, 1],
          [3, 4],
        ],
        "int32",
      );
      expectTensor(y, [[2], [5]], "int32");
    }));

  it("the gradient of concat goes to each part", () =>
    on(device, () => {
      const [a, b] = [tensor([1, 2]), tensor([3])];
      const [da, db] = gradients(
        d
          .concat([a, b])
          .mul(tensor([2, 3, 4]))
          .sum(),
        [a, b],
      ) as [Tensor, Tensor];
      expectTensor(da, [2, 3]);
      expectTensor(db, [4]);
    }));
});

describe("mistakes", () => {
  const x = zeros([2, 3]);
  it.each([
    ["reshape", () => x.reshape([4]), "SHAPE", "reshape: the number of elements changes; got [2,3] to [4], expected 6 elements."],
    [
      "reshape by −1",
      () => x.reshape([4, -1]),
      "SHAPE",
      "reshape: the size of −1 cannot be told; got [2,3] to [4,-1], expected one −1, and other sizes whose product divides 6.",
    ],
    [
      "reshape to fractions",
      () => x.reshape([1.5, 4]),
      "SHAPE",
      "reshape: a shape is a list of sizes; got [1.5,4], expected integers from 0 on, or one −1.",
    ],
    [
      "transpose of a vector",
      () => zeros([3]).transpose(),
      "AXIS",
      "transpose: needs two axes; got [3]. Name the axes, or unsqueeze first.",
    ],
    ["flatten of a scalar", () => tensor(3).flatten(1), "AXIS", /^flatten: axis out of range; got 1, expected/],
    ["squeeze", () => x.squeeze(0), "SHAPE", "squeeze: axis 0 is not of size 1; got [2,3], expected axes of size 1."],
    ["slice", () => x.slice([0, 1], null, null), "AXIS", "slice: more ranges than axes; got 3 for [2,3], expected at most 2."],
    ["a range that is none", () => x.slice([0.5, 1]), "OPTION", /^slice: the range of axis 0 is not one; got \[0.5,1\]/],
    ["at", () => x.at(2), "RANGE", "at: index outside axis 0; got 2, expected an integer from -2 to 1."],
    ["pad", () => x.pad([[1, 1]]), "OPTION", /^pad: needs a pair \[before, after\] for each axis; got \[\[1,1\]\]/],
    [
      "concat",
      () => d.concat([x, zeros([2, 2])]),
      "SHAPE",
      "concat: shapes differ beside axis 0; got [2,3], [2,2], expected equal sizes on all other axes.",
    ],
    ["concat of dtypes", () => d.concat([x, x.cast("int32") as never]), "DTYPE", /^concat: dtypes differ; got float32, int32/],
    ["concat of nothing", () => d.concat([]), "OPTION", "concat: needs at least one tensor; got an empty list, expected tensors."],
    ["stack", () => d.stack([x, zeros([3, 2])]), "SHAPE", "stack: shapes differ; got [2,3], [3,2], expected equal shapes."],
    [
      "split",
      () => x.split(2, 1),
      "SHAPE",
      "split: axis 1 does not divide so; got 2 parts of [2,3], expected a number that divides 3, or sizes that add up to 3.",
    ],
    ["broadcastTo", () => x.broadcastTo([3, 3]), "SHAPE", /only axes of size 1 can stretch; got \[2,3\] to \[3,3\]/],
  ] as const)("%s", (_, body, code, message) => {
    const error = errorOf(body);
    expect(error.code).toBe(code);
    if (typeof message === "string") expect(error.message).toBe(message);
    else expect(error.message).toMatch(message);
  });
});
