import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { arange, compile, gradients, type IndexItem, type Nested, type Tensor, tensor, zeros } from "../../src/index.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

const int = (values: d.Data) => tensor(values, { dtype: "int32" });
const cube = () => arange(24).reshape([2, 3, 4]);

/** A part of nested arrays by one item for each axis, by the book: numbers, ranges and null. */
function pick(x: Nested, items: readonly (number | d.Range)[]): Nested {
  const [item, ...rest] = items;
  if (item === undefined) return x;
  const list = x as readonly Nested[];
  if (typeof item === "number") return pick(list.at(item) as Nested, rest);
  const [start, end, step = 1] = item ?? [null, null];
  const n = list.length;
  const place = (v: number | null | undefined, otherwise: number, low: number, high: number) =>
    v == null ? otherwise : Math.min(high, Math.max(low, v < 0 ? v + n : v));
  const found: Nested[] = [];
  if (step > 0) for (let i = place(start, 0, 0, n); i < place(end, n, 0, n); i += step) found.push(pick(list[i] as Nested, rest));
  else for (let i = place(start, n - 1, -1, n - 1); i > place(end, -1, -1, n - 1); i += step) found.push(pick(list[i] as Nested, rest));
  return found;
}

describe.each(devices)("at on %s", (device) => {
  it("positions and ranges are Python's, whatever they are", () =>
    on(device, () => {
      const bound = fc.option(fc.integer({ min: -6, max: 6 }), { nil: null });
      const range = fc.tuple(bound, bound, fc.constantFrom(1, 2, 3, -1, -2)).map((r) => r as unknown as d.Range);
      const item = fc.oneof(fc.integer({ min: -2, max: 1 }), range, fc.constant(null));
      const x = cube();
      const values = x.toArraySync();
      const empty = (v: Nested): boolean => Array.isArray(v) && (v.length === 0 || v.some(empty));
      fc.assert(
        fc.property(fc.array(item, { maxLength: 3 }), (items) => {
          const expected = pick(values, items);
          const part = x.at(...items);
          if (empty(expected)) expect(part.size).toBe(0);
          else expect(part.toArraySync()).toEqual(expected);
        }),
        { numRuns: 60, seed: 3 },
      );
    }));

  it("new axes and the ellipsis", () =>
    on(device, () => {
      const x = cube();
      expect(x.at("new").shape).toEqual([1, 2, 3, 4]);
      expect(x.at("...", "new").shape).toEqual([2, 3, 4, 1]);
      expect(x.at(0, "new", [1, 3], "new", "...").shape).toEqual([1, 2, 1, 4]);
      expectTensor(x.at(1, "...", -1), [15, 19, 23], "int32");
      expectTensor(x.at("...", [null, null, -3], 0), [[8], [20]], "int32");
      expect(x.at().shape).toEqual([2, 3, 4]);
      expectTensor(tensor(5).at("new"), [5]);
    }));

  it("tensors of indices: one, neighbours, and apart", () =>
    on(device, () => {
      const x = cube();
      expectTensor(x.at(int([1, -1]), 0, 0), [12, 12], "int32");
      expectTensor(x.at(null, int([[2, -3]]), 1), [[[9, 1]], [[21, 13]]], "int32");
      // Neighbours: their axes stand where the first one was.
      expectTensor(
        x.at([0, 2], int([0, 2]), int([3, -1])),
        [
          [3, 11],
          [15, 23],
        ],
        "int32",
      );
      // Apart: in front.
      const apart = x.at(int([0, 1]), null, int([[1], [3]]));
      expect(apart.shape).toEqual([2, 2, 3]);
      expectTensor(
        apart,
        [
          [
            [1, 5, 9],
            [13, 17, 21],
          ],
          [
            [3, 7, 11],
            [15, 19, 23],
          ],
        ],
        "int32",
      );
      // A scalar takes its axis away, as a number does, and separates nothing.
      expectTensor(x.at(int(1), null, int([0, 2])), pick(x.toArraySync(), [1, null, [0, 3, 2]]), "int32");
      expect(x.at(int([]), 0).shape).toEqual([0, 4]);
      expectTensor(x.at(tensor(new Uint8Array([1])), 2, 3), [23], "int32");
    }));

  it("masks, over one axis and over several", () =>
    on(device, () => {
      const x = cube();
      expectTensor(x.at(x.ge(21)), [21, 22, 23], "int32");
      expectTensor(x.at(1, tensor([true, false, true]), 0), [12, 20], "int32");
      expectTensor(
        x.at(
          tensor([
            [false, true, false],
            [false, false, true],
          ]),
          [0, 2],
        ),
        [
          [4, 5],
          [20, 21],
        ],
        "int32",
      );
      expectTensor(x.at(null, tensor([true, true, false]), int([0, 3])).at(0), [0, 7], "int32");
      expect(x.at(x.lt(0)).shape).toEqual([0]);
      expectTensor(
        d.nonZero(x.ge(22)),
        [
          [1, 2, 2],
          [1, 2, 3],
        ],
        "int32",
      );
      expect(d.nonZero(tensor([false])).shape).toEqual([0, 1]);
    }));

  it("gradients add up where an index occurs twice, and go back through ranges and masks", () =>
    on(device, () => {
      const x = arange(6).cast("float32").reshape([2, 3]);
      const weights = tensor([1, 10, 100]);
      const [twice] = gradients(
        x
          .at(int([1, 1, 0]), int([2, 2, 0]))
          .mul(weights)
          .sum(),
        [x],
      ) as [Tensor];
      expectTensor(twice, [
        [100, 0, 0],
        [0, 0, 11],
      ]);
      const [back] = gradients(x.at(1, [null, null, -1]).mul(weights).sum(), [x]) as [Tensor];
      expectTensor(back, [
        [0, 0, 0],
        [100, 10, 1],
      ]);
      const [masked] = gradients(x.at(x.gt(2)).mul(weights).sum(), [x]) as [Tensor];
      expectTensor(masked, [
        [0, 0, 0],
        [1, 10, 100],
      ]);
    }));

  it("an index outside is an error that names the axis and the index", () =>
    on(device, () => {
      const error = errorOf(() =>
        cube()
          .at(0, int([1, -4]))
          .dataSync(),
      );
      expect(error.code).toBe("RANGE");
      expect(error.message).toBe("at: an index is outside axis 1; got -4, expected 0 to 2.");
    }));
});

it("works in a compiled function, but for masks", () => {
  const rows = compile((x: Tensor, i: Tensor<"int32">) => x.at(i, [1, null]));
  expectTensor(
    rows(
      tensor([
        [1, 2],
        [3, 4],
      ]),
      int([1]),
    ),
    [[4]],
  );
  const error = errorOf(() => compile((x: Tensor) => x.at(x.gt(0)))(tensor([1])));
  expect(error.code).toBe("TRACED");
  expect(error.message).toMatch(/^at in .*: the shape of the result would depend on the values of a mask; .*maskedFill/);
  expect(errorOf(() => compile((i: Tensor<"int32">) => i.oneHot())(int([1]))).code).toBe("TRACED");
});

describe("mistakes", () => {
  const x = zeros([2, 3]);
  it.each<[string, () => unknown, string, string]>([
    ["too many", () => x.at(0, 0, 0), "AXIS", "at: more items than axes; got 3 for [2,3], expected at most 2."],
    ["outside", () => x.at(0, 3), "RANGE", "at: index outside axis 1; got 3, expected an integer from -3 to 2."],
    ["a fraction", () => x.at(0.5), "RANGE", "at: index outside axis 0; got 0.5, expected an integer from -2 to 1."],
    ["two ellipses", () => x.at("...", "..."), "OPTION", "at: more than one ellipsis; got 2, expected at most one."],
    ["a mask", () => x.at(tensor([true, false, true])), "SHAPE", "at: the mask does not fit the axes from 0 on; got [3], expected [2]."],
    ["a large mask", () => zeros([2]).at(tensor([[true], [true]])), "AXIS", "at: more items than axes; got 2 for [2], expected at most 1."],
    [
      "floats",
      () => x.at(tensor([0]) as never),
      "DTYPE",
      'at: indices must be integers; got float32, expected int32 or uint8. Cast them: cast("int32").',
    ],
    [
      "an empty axis",
      () => zeros([0]).at(int([0])),
      "RANGE",
      "at: index outside axis 0; got 1 indices, expected nothing: the axis is empty.",
    ],
    [
      "shapes",
      () => x.at(int([0, 1]), int([0, 1, 2])),
      "SHAPE",
      "at: shapes do not broadcast at axis 0; got [2] and [3], expected equal sizes, or 1, on every axis counted from the right.",
    ],
    [
      "a range",
      () => x.at([0, 1, 0]),
      "OPTION",
      "at: the range of axis 0 is not one; got [0,1,0], expected null, [start, end] or [start, end, step] with integers, the step not 0.",
    ],
  ])("%s", (_, body, code, message) => {
    const error = errorOf(body);
    expect(error.message).toBe(message);
    expect(error.code).toBe(code);
  });
});

it("an item type that is none does not compile", () => {
  // @ts-expect-error a word that is no item
  const item: IndexItem = "all";
  expect(item).toBe("all");
});
