// Pools against the definition written out; gradients against finite differences, and at ties where PyTorch sends them.

import { describe, expect, it } from "vitest";
import { gradients, ones, type Tensor, tensor, zeros } from "../../src/index.ts";
import {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool2d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  globalAvgPool,
  globalMaxPool,
  lpPool2d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  maxPool3d,
} from "../../src/nn/functional.ts";
import { checkGradients, expectNear, flat, make, positions } from "./convolutions.ts";
import { devices, errorOf, on } from "./values.ts";

interface Case {
  readonly x: readonly number[];
  readonly size: number | number[];
  readonly options?: Omit<MaxPoolOptions, "returnIndices"> & { countIncludePad?: boolean; divisorOverride?: number };
}

const cases: readonly Case[] = [
  { x: [2, 3, 9], size: 3 },
  { x: [2, 3, 10], size: 3, options: { stride: 2, padding: 1, ceilMode: true } },
  { x: [2, 2, 6, 8], size: 2 },
  { x: [1, 3, 7, 7], size: [3, 2], options: { stride: [2, 1], padding: [1, 0] } },
  { x: [1, 2, 7, 6], size: 3, options: { stride: 2, padding: 1, ceilMode: true } },
  { x: [1, 2, 5, 5], size: 2, options: { stride: 3, ceilMode: true } },
  { x: [2, 1, 4, 5, 6], size: [2, 3, 2], options: { stride: [2, 1, 2] } },
  { x: [1, 1, 5, 5, 5], size: 3, options: { padding: 1, ceilMode: true } },
];

const list = (v: unknown, otherwise: readonly number[]): number[] =>
  v === undefined || v === null ? [...otherwise] : Array.isArray(v) ? v : otherwise.map(() => v as number);

/** For each block, the flat positions inside the input's space, and how many with padding. */
function blocksOf({ x, size, options = {} }: Case): { shape: number[]; blocks: { inside: number[]; padded: number }[] } {
  const space = x.slice(2);
  const sizes = list(size, space);
  const [stride, padding, dilation] = [
    list(options.stride, sizes),
    list(
      options.padding,
      space.map(() => 0),
    ),
    list(
      options.dilation,
      space.map(() => 1),
    ),
  ];
  const count = space.map((n, i) => {
    const [k, s, p, d] = [sizes[i], stride[i], padding[i], dilation[i]] as [number, number, number, number];
    const steps = (n + 2 * p - d * (k - 1) - 1) / s;
    const blocks = (options.ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
    return options.ceilMode && (blocks - 1) * s >= n + p ? blocks - 1 : blocks;
  });
  const blocks = positions(count).map((at) => {
    const places = positions(sizes).map((k) =>
      at.map((o, i) => o * (stride[i] as number) + (k[i] as number) * (dilation[i] as number) - (padding[i] as number)),
    );
    const inside = places.filter((p) => p.every((v, i) => v >= 0 && v < (space[i] as number))).map((p) => flat(p, space));
    const padded = places.filter((p) => p.every((v, i) => v < (space[i] as number) + (padding[i] as number))).length;
    return { inside, padded };
  });
  return { shape: [...x.slice(0, 2), ...count], blocks };
}

const title = ({ x, size, options }: Case) => `[${x}] by ${size} ${JSON.stringify(options ?? {})}`;
const axesOf = ({ x }: Case) => x.length - 3;

describe.each(devices)("on %s", (device) => {
  it.each([...cases, { x: [1, 2, 8, 9], size: 3, options: { dilation: 2, stride: 2, padding: 1 } }].map((c) => [title(c), c] as const))(
    "the largest of %s, and where",
    (_, example) =>
      on(device, () => {
        const pool = [maxPool1d, maxPool2d, maxPool3d][axesOf(example)] as typeof maxPool2d;
        const x = make(example.x, 4);
        const [values, indices] = pool(x, example.size, { ...example.options, returnIndices: true });
        const { shape, blocks } = blocksOf(example);
        expect(values.shape).toEqual(shape);
        const data = x.dataSync();
        const space = example.x.slice(2).reduce((a, b) => a * b);
        const planes = Array.from({ length: data.length / space }, (_, i) => data.subarray(i * space, (i + 1) * space));
        const best = planes.flatMap((plane) =>
          blocks.map(({ inside }) => inside.reduce((a, b) => ((plane[b] as number) > (plane[a] as number) ? b : a))),
        );
        expect([...indices.dataSync()]).toEqual(best);
        expect([...values.dataSync()]).toEqual(best.map((at, i) => planes[Math.floor(i / blocks.length)]?.[at]));
      }),
  );

  it.each(
    cases
      .flatMap((c) => [
        c,
        { ...c, options: { ...c.options, countIncludePad: false } },
        { ...c, options: { ...c.options, divisorOverride: 3 } },
      ])
      .map((c) => [title(c), c] as const),
  )("the mean of %s", (_, example) =>
    on(device, () => {
      const pool = [avgPool1d, avgPool2d, avgPool3d][axesOf(example)] as typeof avgPool2d;
      const x = make(example.x, 4);
      const { countIncludePad = true, divisorOverride } = example.options ?? {};
      const y = pool(x, example.size, example.options);
      const { shape, blocks } = blocksOf(example);
      expect(y.shape).toEqual(shape);
      const data = x.dataSync();
      const space = example.x.slice(2).reduce((a, b) => a * b);
      const expected = Array.from({ length: data.length / space }, (_, i) => data.subarray(i * space, (i + 1) * space)).flatMap((plane) =>
        blocks.map(
          ({ inside, padded }) =>
            inside.reduce((sum, at) => sum + (plane[at] as number), 0) / (divisorOverride ?? (countIncludePad ? padded : inside.length)),
        ),
      );
      expectNear(y.dataSync(), expected, 1e-6);
    }),
  );

  it("the first of equal ones has the gradient", () =>
    on(device, () => {
      const x = tensor([
        [
          [
            [1, 1],
            [1, 1],
          ],
        ],
      ]);
      const [g] = gradients(maxPool2d(x, 2).sum(), [x]) as [Tensor];
      expect(g.toArraySync()).toEqual([
        [
          [
            [1, 0],
            [0, 0],
          ],
        ],
      ]);
      const [h] = gradients(maxPool1d(tensor([[[2, 2, 2]]]), 2, { stride: 1 }).sum(), [x], { allowUnused: true }) as [Tensor];
      expect(h.toArraySync()).toEqual([
        [
          [
            [0, 0],
            [0, 0],
          ],
        ],
      ]);
    }));

  it("a NaN is the largest, −∞ is a value like others", () =>
    on(device, () => {
      expect(maxPool1d(tensor([[[1, Number.NaN, 3, 4]]]), 2).toArraySync()).toEqual([[[Number.NaN, 4]]]);
      const low = Number.NEGATIVE_INFINITY;
      expect(maxPool1d(tensor([[[low, low, 3, low]]]), 2).toArraySync()).toEqual([[[low, 3]]]);
    }));

  it("adaptive: parts that divide the axis, and parts that overlap", () =>
    on(device, () => {
      const x = make([2, 3, 7, 6], 4);
      const data = x.dataSync();
      const bounds = (n: number, parts: number) =>
        Array.from({ length: parts }, (_, i) => [Math.floor((i * n) / parts), Math.ceil(((i + 1) * n) / parts)] as [number, number]);
      for (const [rows, columns] of [
        [7, 3],
        [4, 4],
        [1, 6],
        [10, 2],
      ] as const) {
        const values: number[] = [];
        const means: number[] = [];
        const places: number[] = [];
        for (let plane = 0; plane < 6; plane++)
          for (const [top, bottom] of bounds(7, rows))
            for (const [left, right] of bounds(6, columns)) {
              let [sum, best] = [0, top * 6 + left];
              for (let i = top; i < bottom; i++)
                for (let j = left; j < right; j++) {
                  sum += data[plane * 42 + i * 6 + j] as number;
                  if ((data[plane * 42 + i * 6 + j] as number) > (data[plane * 42 + best] as number)) best = i * 6 + j;
                }
              means.push(sum / (bottom - top) / (right - left));
              places.push(best);
              values.push(data[plane * 42 + best] as number);
            }
        expectNear(adaptiveAvgPool2d(x, [rows, columns]).dataSync(), means, 1e-6);
        const [largest, indices] = adaptiveMaxPool2d(x, [rows, columns], { returnIndices: true });
        expect([...largest.dataSync()]).toEqual(values);
        expect([...indices.dataSync()]).toEqual(places);
      }
      expect(adaptiveAvgPool1d(ones([1, 2, 5]), 3).toArraySync()).toEqual([
        [
          [1, 1, 1],
          [1, 1, 1],
        ],
      ]);
      expect(adaptiveAvgPool3d(ones([1, 2, 5, 4, 3]), [null, 2, 1]).shape).toEqual([1, 2, 5, 2, 1]);
    }));

  it("global: over all spatial axes", () =>
    on(device, () => {
      const x = tensor([
        [
          [
            [1, 2],
            [3, 4],
          ],
          [
            [5, 6],
            [7, 12],
          ],
        ],
      ]);
      expect(globalAvgPool(x).toArraySync()).toEqual([[[[2.5]], [[7.5]]]]);
      expect(globalMaxPool(x).toArraySync()).toEqual([[[[4]], [[12]]]]);
    }));
});

describe("gradients", () => {
  it.each(cases.map((c) => [title(c), c] as const))("of the largest and the mean of %s", (name, example) => {
    const largest = [maxPool1d, maxPool2d, maxPool3d][axesOf(example)] as typeof maxPool2d;
    const mean = [avgPool1d, avgPool2d, avgPool3d][axesOf(example)] as typeof avgPool2d;
    checkGradients(([x]) => largest(x as Tensor, example.size, example.options), [make(example.x, 4)], `largest of ${name}`);
    checkGradients(
      ([x]) => mean(x as Tensor, example.size, { ...example.options, countIncludePad: false }),
      [make(example.x, 4)],
      `mean of ${name}`,
    );
  });

  it("of adaptive and power pools", () => {
    const x = [make([2, 2, 7, 6], 4)];
    checkGradients(([x]) => adaptiveAvgPool2d(x as Tensor, [3, 4]), x, "adaptive mean");
    checkGradients(([x]) => adaptiveMaxPool2d(x as Tensor, [3, 4]), x, "adaptive largest");
    checkGradients(([x]) => lpPool2d((x as Tensor).square().add(0.1), 3, 3, { stride: 2, ceilMode: true }), x, "power");
    checkGradients(([x]) => maxPool2d((x as Tensor).square(), 3, { stride: 1, dilation: 2 }), x, "dilated");
  });

  it("a power pool has no slope where its sum is 0", () => {
    const x = zeros([1, 1, 2, 2]);
    expect((gradients(lpPool2d(x, 2, 2).sum(), [x])[0] as Tensor).toArraySync()).toEqual([
      [
        [
          [0, 0],
          [0, 0],
        ],
      ],
    ]);
  });
});

describe("mistakes", () => {
  const x = zeros([1, 2, 6, 6]);
  it.each<[string, () => unknown, RegExp]>([
    ["padding", () => maxPool2d(x, 2, { padding: 2 }), /maxPool2d: padding must be at most half of the size; got padding 2, size 2/],
    ["size", () => avgPool2d(x, 0), /avgPool2d: size is wrong; got 0, expected a whole number of at least 1/],
    ["no block", () => maxPool2d(x, 7), /maxPool2d: no block fits the input; got input \[1,2,6,6\], size \[7,7\]/],
    ["divisor", () => avgPool2d(x, 2, { divisorOverride: 0 }), /avgPool2d: divisorOverride is wrong; got 0/],
    ["axes", () => maxPool1d(x, 2), /maxPool1d: the input has the wrong number of axes; got \[1,2,6,6\]/],
    ["adaptive size", () => adaptiveAvgPool2d(x, [2, -1]), /adaptiveAvgPool2d: the output size is wrong; got \[2,-1\]/],
    ["an option", () => avgPool2d(x, 2, { dilation: 2 } as never), /avgPool2d: there is no option "dilation"/],
    ["no space", () => globalAvgPool(zeros([2, 3])), /globalAvgPool: there is no spatial axis; got \[2,3\]/],
  ])("%s", (_, call, message) => {
    expect(errorOf(call).message).toMatch(message);
  });
});
