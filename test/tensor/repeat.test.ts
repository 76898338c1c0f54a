import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { arange, gradients, type Tensor, tensor, zeros } from "../../src/index.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

const int = (values: d.Data) => tensor(values, { dtype: "int32" });
const row = (n: number) => arange(n).cast("float32");

/** Index i of a padded axis of n elements, as an index from 0 on of the elements; −1 where there is none. */
const sources: Record<d.PadMode, (i: number, n: number) => number> = {
  constant: (i, n) => (i < 0 || i >= n ? -1 : i),
  reflect: (i, n) => (i < 0 ? -i : i >= n ? 2 * n - 2 - i : i),
  replicate: (i, n) => Math.min(n - 1, Math.max(0, i)),
  circular: (i, n) => (i + n) % n,
};

describe.each(devices)("padding on %s", (device) => {
  it.each(Object.keys(sources) as d.PadMode[])("%s, both sides of two axes, and its gradient", (mode) =>
    on(device, () => {
      const [m, n] = [3, 4];
      const widths = [
        [2, 1],
        [1, 3],
      ] as const;
      const x = row(m * n).reshape([m, n]);
      const y = x.pad(widths, { mode, value: -7 });
      const source = sources[mode];
      const count = new Float64Array(m * n);
      const expected = Array.from({ length: m + 3 }, (_, i) =>
        Array.from({ length: n + 4 }, (_, j) => {
          const [p, q] = [source(i - 2, m), source(j - 1, n)];
          if (p < 0 || q < 0) return -7;
          count[p * n + q] = (count[p * n + q] as number) + 1;
          return p * n + q;
        }),
      );
      expectTensor(y, expected);
      const [dx] = gradients(y.sum(), [x]) as [Tensor];
      expectTensor(dx.flatten(), [...count]);
    }),
  );

  it("negative widths take away; circular does so first", () =>
    on(device, () => {
      const x = row(5);
      expectTensor(x.pad([-1, 2]), [1, 2, 3, 4, 0, 0]);
      expectTensor(x.pad([-1, 2], { mode: "replicate" }), [1, 2, 3, 4, 4, 4]);
      expectTensor(x.pad([-4, 2], { mode: "reflect" }), [4, 3, 2]);
      expectTensor(x.pad([-1, 2], { mode: "circular" }), [1, 2, 3, 4, 1, 2]);
      expectTensor(x.pad([-2, -2]), [2]);
      expect(x.pad([-2, -3]).shape).toEqual([0]);
      expectTensor(int([1, 2]).pad([1, 0], { mode: "circular" }), [2, 1, 2], "int32");
      expectTensor(tensor([true]).pad([1, 1]), [false, true, false], "bool");
    }));
});

describe.each(devices)("repetition on %s", (device) => {
  it("roll", () =>
    on(device, () => {
      const x = arange(6).reshape([2, 3]);
      expectTensor(
        d.roll(x, 1, 1),
        [
          [2, 0, 1],
          [5, 3, 4],
        ],
        "int32",
      );
      expectTensor(
        d.roll(x, -2),
        [
          [2, 3, 4],
          [5, 0, 1],
        ],
        "int32",
      );
      expectTensor(
        d.roll(x, [1, -4], [0, -1]),
        [
          [4, 5, 3],
          [1, 2, 0],
        ],
        "int32",
      );
      expectTensor(d.roll(x, 3, 1), x.toArraySync(), "int32");
      expect(d.roll(zeros([0, 2]), 5, 0).shape).toEqual([0, 2]);
      const f = row(3);
      const [df] = gradients(
        d
          .roll(f, 1)
          .mul(tensor([1, 10, 100]))
          .sum(),
        [f],
      ) as [Tensor];
      expectTensor(df, [10, 100, 1]);
    }));

  it("tile, repeat and repeatInterleave", () =>
    on(device, () => {
      const x = tensor([[1, 2]]);
      expectTensor(d.tile(x, [2, 2]), [
        [1, 2, 1, 2],
        [1, 2, 1, 2],
      ]);
      expectTensor(d.tile(x, [2]), [[1, 2, 1, 2]]);
      expectTensor(d.repeat(tensor([1, 2]), [2, 1, 2]), [[[1, 2, 1, 2]], [[1, 2, 1, 2]]]);
      expect(d.tile(x, [0, 1]).shape).toEqual([0, 2]);
      expectTensor(d.repeatInterleave(x, 2, 1), [[1, 1, 2, 2]]);
      expectTensor(d.repeatInterleave(x, 2, 0), [
        [1, 2],
        [1, 2],
      ]);
      const y = tensor([1, 2]);
      const [dy] = gradients(d.tile(y, [3]).mul(row(6)).sum(), [y]) as [Tensor];
      expectTensor(dy, [6, 9]);
    }));

  it("diagonal, diag, tril, triu", () =>
    on(device, () => {
      const x = arange(12).reshape([3, 4]);
      const values = x.toArraySync() as number[][];
      for (let offset = -4; offset <= 5; offset++) {
        const expected = values.flatMap((r, i) => (r[i + offset] === undefined ? [] : [r[i + offset] as number]));
        if (expected.length > 0) expectTensor(d.diagonal(x, offset), expected, "int32");
        else expect(d.diagonal(x, offset).shape).toEqual([0]);
        expectTensor(
          d.tril(x, offset),
          values.map((r, i) => r.map((v, j) => (j <= i + offset ? v : 0))),
          "int32",
        );
        expectTensor(
          d.triu(x, offset),
          values.map((r, i) => r.map((v, j) => (j >= i + offset ? v : 0))),
          "int32",
        );
      }
      const cube = arange(24).reshape([2, 3, 4]);
      expectTensor(d.diagonal(cube, 1, [2, 0]), [[12], [16], [20]], "int32");
      expectTensor(
        d.diagonal(cube, 0, [0, 2]),
        [
          [0, 13],
          [4, 17],
          [8, 21],
        ],
        "int32",
      );
      expectTensor(d.diag(tensor([1, 2]), -1), [
        [0, 0, 0],
        [1, 0, 0],
        [0, 2, 0],
      ]);
      expectTensor(d.diag(tensor([5]), 2), [
        [0, 0, 5],
        [0, 0, 0],
        [0, 0, 0],
      ]);
      expect(d.diag(zeros([0]), 1).shape).toEqual([1, 1]);
      expectTensor(d.diag(x, 2), [2, 7], "int32");
      const v = tensor([1, 2]);
      const [dv] = gradients(
        d
          .diag(v, 1)
          .mul(row(9).reshape([3, 3]))
          .sum(),
        [v],
      ) as [Tensor];
      expectTensor(dv, [1, 5]);
      const m = row(6).reshape([2, 3]);
      const [dm] = gradients(
        d
          .diagonal(m, 1)
          .mul(tensor([3, 4]))
          .sum(),
        [m],
      ) as [Tensor];
      expectTensor(dm, [
        [0, 3, 0],
        [0, 0, 4],
      ]);
    }));
});

describe.each(devices)("parts on %s", (device) => {
  it("split, chunk, narrow, select", () =>
    on(device, () => {
      const x = arange(7);
      const parts = (list: readonly Tensor<"int32">[]) => list.map((t) => t.toArraySync());
      expect(parts(d.split(x, { size: 3 }))).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
      expect(parts(d.chunk(x, 3))).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
      expect(parts(d.chunk(x, 5))).toEqual([[0, 1], [2, 3], [4, 5], [6]]);
      expect(d.chunk(zeros([0, 2]), 3).map((t) => t.shape)).toEqual([
        [0, 2],
        [0, 2],
        [0, 2],
      ]);
      expectTensor(d.narrow(x, 0, -3, 2), [4, 5], "int32");
      expectTensor(d.narrow(x, 0, int(2), 3), [2, 3, 4], "int32");
      expectTensor(d.narrow(x, 0, int(-2), 2), [5, 6], "int32");
      expect(errorOf(() => d.narrow(x, 0, int(5), 3).dataSync()).message).toBe(
        "narrow: the start is outside axis 0; got 5, expected 0 to 4.",
      );
      expectTensor(d.select(x.slice([0, 6]).reshape([2, 3]), -1, -1), [2, 5], "int32");
    }));

  it("slidingWindow, unflatten, meshgrid, moveAxis, rot90", () =>
    on(device, () => {
      expectTensor(
        d.slidingWindow(arange(6).reshape([2, 3]), 2),
        [
          [
            [0, 1],
            [1, 2],
          ],
          [
            [3, 4],
            [4, 5],
          ],
        ],
        "int32",
      );
      expectTensor(
        d.slidingWindow(arange(6).reshape([3, 2]), 1, 0, 2),
        [
          [[0], [1]],
          [[4], [5]],
        ],
        "int32",
      );
      const x = row(5);
      expect(d.slidingWindow(arange(6).reshape([3, 2]), 0, 0, 2).shape).toEqual([2, 2, 0]);
      const [dx] = gradients(d.slidingWindow(x, 3).sum(), [x]) as [Tensor];
      expectTensor(dx, [1, 2, 3, 2, 1]);
      expect(d.unflatten(zeros([2, 6]), -1, [3, -1]).shape).toEqual([2, 3, 2]);
      const [a, b] = d.meshgrid([int([1, 2]), int([3, 4, 5])], { indexing: "xy" }) as [Tensor<"int32">, Tensor<"int32">];
      expectTensor(
        a,
        [
          [1, 2],
          [1, 2],
          [1, 2],
        ],
        "int32",
      );
      expectTensor(
        b,
        [
          [3, 3],
          [4, 4],
          [5, 5],
        ],
        "int32",
      );
      expect(d.moveAxis(zeros([2, 3, 4, 5]), [0, -1], [-1, 1]).shape).toEqual([3, 5, 4, 2]);
      const m = int([
        [1, 2],
        [3, 4],
      ]);
      expectTensor(
        d.rot90(m, -1),
        [
          [3, 1],
          [4, 2],
        ],
        "int32",
      );
      expectTensor(
        d.rot90(m, 2),
        [
          [4, 3],
          [2, 1],
        ],
        "int32",
      );
      expectTensor(d.rot90(m, 5, [1, 0]), d.rot90(m, -1).toArraySync(), "int32");
    }));
});

describe("mistakes", () => {
  const x = zeros([2, 3]);
  it.each<[string, () => unknown, string, string]>([
    [
      "reflect",
      () =>
        x.pad(
          [
            [0, 0],
            [3, 0],
          ],
          { mode: "reflect" },
        ),
      "SHAPE",
      'pad: mode "reflect" has not so many elements on axis 1; got widths 3 and 0 for [2,3], expected at most 2.',
    ],
    [
      "circular",
      () =>
        x.pad(
          [
            [3, 0],
            [0, 0],
          ],
          { mode: "circular" },
        ),
      "SHAPE",
      'pad: mode "circular" has not so many elements on axis 0; got widths 3 and 0 for [2,3], expected at most 2.',
    ],
    [
      "replicate",
      () => zeros([0]).pad([1, 0], { mode: "replicate" }),
      "SHAPE",
      'pad: mode "replicate" has not so many elements on axis 0; got widths 1 and 0 for [0], expected at most 0.',
    ],
    [
      "too much away",
      () => x.pad([-2, -1]),
      "SHAPE",
      "pad: more is taken from axis 0 than there is; got widths -2 and -1 for [2,3], expected together at least -2.",
    ],
    [
      "a mode",
      () => x.pad([1, 1], { mode: "edge" as never }),
      "OPTION",
      "pad: there is no such mode; got edge, expected constant, reflect, replicate, circular.",
    ],
    [
      "fractions",
      () => x.pad([0.5, 1]),
      "OPTION",
      "pad: needs a pair [before, after] for each axis; got [0.5,1], expected 2 pairs, for [2,3].",
    ],
    [
      "roll",
      () => d.roll(x, [1, 2], 0),
      "OPTION",
      "roll: as many shifts as axes are needed; got 2 shifts for 1 axes, expected one shift for each axis.",
    ],
    [
      "roll by halves",
      () => d.roll(x, 0.5),
      "OPTION",
      "roll: a shift must be an integer; got 0.5, expected an integer, or one for each axis.",
    ],
    [
      "repeat",
      () => d.repeat(x, [2]),
      "SHAPE",
      "repeat: fewer counts than axes; got 1 counts for [2,3], expected at least 2 counts. Give 1 for axes that stay, or use tile.",
    ],
    ["diagonal", () => d.diagonal(x, 0, [1, -1]), "AXIS", "diagonal: the two axes are the same; got 1 and -1, expected two axes."],
    [
      "diag",
      () => d.diag(zeros([1, 1, 1])),
      "SHAPE",
      "diag: needs a vector or a matrix; got [1,1,1], expected [n] or [m,n]. Use diagonal for two axes of many.",
    ],
    ["tril", () => d.tril(zeros([3])), "SHAPE", "tril: needs matrices; got [3], expected at least two axes, […,m,n]."],
    ["chunk", () => d.chunk(x, 0), "OPTION", "chunk: the count must be a positive integer; got 0, expected an integer from 1 on."],
    [
      "split by size",
      () => d.split(x, { size: 0 }),
      "OPTION",
      "split: the size of the parts must be a positive integer; got 0, expected an integer from 1 on.",
    ],
    [
      "narrow",
      () => d.narrow(x, 1, 2, 2),
      "RANGE",
      "narrow: the start is outside axis 1; got start 2, length 2 for [2,3], expected a start from -3 to 1.",
    ],
    ["select", () => d.select(x, 0, 2), "RANGE", "select: index outside axis 0; got 2, expected an integer from -2 to 1."],
    [
      "slidingWindow",
      () => d.slidingWindow(x, 4),
      "OPTION",
      "slidingWindow: the size does not fit axis 1; got 4, expected an integer from 0 to 3.",
    ],
    [
      "unflatten",
      () => d.unflatten(x, 1, [2, 2]),
      "SHAPE",
      "unflatten: the sizes do not multiply up to axis 1; got [2,2] for [2,3], expected sizes whose product is 3, at most one of them −1.",
    ],
    ["meshgrid", () => d.meshgrid([x]), "SHAPE", "meshgrid: needs vectors; got [2,3], expected at most one axis each."],
    [
      "moveAxis",
      () => d.moveAxis(x, [0, 1], 0),
      "AXIS",
      "moveAxis: as many places as axes are needed; got axes [0,1] to 0, expected lists of one length.",
    ],
    ["moveAxis twice", () => d.moveAxis(x, [0, -2], [0, 1]), "AXIS", "moveAxis: axes repeat; got [0,0], expected each axis once."],
    ["rot90", () => d.rot90(x, 1, [0, 0]), "AXIS", "rot90: the two axes are the same; got [0,0], expected two different axes."],
  ])("%s", (_, body, code, message) => {
    const error = errorOf(body);
    expect(error.message).toBe(message);
    expect(error.code).toBe(code);
  });
});
