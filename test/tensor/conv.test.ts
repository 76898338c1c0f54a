// Convolutions against the definition written out, their gradients against finite differences, wasm against the reference, at sizes
// that take each way through the compiler.

import { describe, expect, it } from "vitest";
import { gradients, type Tensor, tensor, zeros } from "../../src/index.ts";
import { type ConvOptions, conv1d, conv2d, conv3d, convTranspose1d, convTranspose2d, convTranspose3d } from "../../src/nn/functional.ts";
import { checkGradients, expectNear, make, numbers, probe, written } from "./convolutions.ts";
import { devices, errorOf, on } from "./values.ts";

const functions = [conv1d, conv2d, conv3d];
const transposed = [convTranspose1d, convTranspose2d, convTranspose3d];

interface Case {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly options?: ConvOptions;
}

const all = (n: number, axes: number): number[] => new Array<number>(axes).fill(n);

/** The settings for each axis, from the options. */
function settingsOf({ w, options = {} }: Case) {
  const axes = w.length - 2;
  const list = (v: unknown, otherwise: number) => (Array.isArray(v) ? (v as number[]) : all((v as number | undefined) ?? otherwise, axes));
  const dilation = list(options.dilation, 1);
  const { padding = 0 } = options;
  const total = w.slice(2).map((k, i) => (k - 1) * (dilation[i] as number));
  const pairs =
    padding === "same"
      ? total.map((n) => [Math.floor(n / 2), Math.ceil(n / 2)])
      : padding === "valid"
        ? total.map(() => [0, 0])
        : (Array.isArray(padding) ? (padding as (number | number[])[]) : all(padding as number, axes)).map((p) =>
            Array.isArray(p) ? p : [p, p],
          );
  const [low, high] = [0, 1].map((side) => pairs.map((p) => p[side] as number)) as [number[], number[]];
  return { stride: list(options.stride, 1), low, high, dilation, groups: options.groups ?? 1 };
}

const small: readonly Case[] = [
  { x: [2, 3, 7], w: [4, 3, 3] },
  { x: [1, 4, 9], w: [6, 2, 2], options: { stride: 2, padding: [[2, 0]], dilation: 3, groups: 2 } },
  { x: [2, 2, 5, 6], w: [3, 2, 3, 2], options: { padding: "same" } },
  { x: [2, 3, 6, 5], w: [4, 3, 2, 3], options: { stride: [2, 1], padding: [1, 2], dilation: [1, 2] } },
  { x: [2, 4, 5, 5], w: [4, 1, 3, 3], options: { groups: 4, padding: 1 } },
  { x: [3, 4, 5, 5], w: [8, 1, 3, 3], options: { groups: 4, stride: 2, padding: [[1, 0], 1] } },
  { x: [2, 3, 4, 4], w: [5, 3, 1, 1], options: { stride: 2 } },
  { x: [1, 2, 4, 4], w: [2, 2, 4, 4] },
  { x: [1, 2, 4, 3, 5], w: [3, 2, 2, 3, 2], options: { padding: [1, 0, 1] } },
];

/** Large enough for contractions with packed operands. */
const large: readonly Case[] = [
  // Columns in runs that vectors fill, and a window in place; a run with a remainder of one vector, and of less.
  { x: [3, 5, 10, 10], w: [13, 5, 3, 3] },
  { x: [2, 6, 14, 14], w: [9, 6, 3, 3], options: { padding: 1 } },
  { x: [2, 5, 9, 25], w: [7, 5, 2, 3] },
  // Short runs, strides: the window on the left.
  { x: [5, 8, 5, 5], w: [12, 8, 3, 3], options: { padding: 1 } },
  { x: [4, 6, 17, 17], w: [10, 6, 3, 3], options: { stride: 2, padding: 1 } },
  { x: [3, 8, 16, 16], w: [20, 8, 1, 1] },
  { x: [3, 8, 16, 16], w: [20, 8, 1, 1], options: { stride: 2 } },
  { x: [2, 12, 12, 12], w: [18, 4, 3, 3], options: { groups: 3, dilation: 2, padding: 2 } },
  { x: [2, 16, 20], w: [24, 16, 5], options: { padding: "same" } },
  { x: [1, 4, 7, 8, 9], w: [10, 4, 3, 3, 3], options: { padding: 1 } },
  // A gradient over more positions than one sum takes.
  { x: [6, 3, 24, 24], w: [8, 3, 3, 3] },
];

const title = ({ x, w, options }: Case) => `[${x}] with [${w}] ${JSON.stringify(options ?? {})}`;

describe("convolution", () => {
  for (const example of [...small, ...large]) {
    it.each(devices)(`${title(example)} on %s`, async (device) => {
      const [x, w] = [
        numbers(
          example.x.reduce((a, b) => a * b),
          1,
        ),
        numbers(
          example.w.reduce((a, b) => a * b),
          2,
        ),
      ];
      const bias = numbers(example.w[0] as number, 3);
      const expected = written(x, example.x, w, example.w, bias, settingsOf(example));
      const convolve = functions[example.w.length - 3] as typeof conv2d;
      await on(device, () => {
        const operands = [tensor(x, { shape: example.x }), tensor(w, { shape: example.w })] as const;
        const y = convolve(...operands, { ...example.options, bias: tensor(bias) });
        expect(y.shape).toEqual(expected.shape);
        expectNear(y.dataSync(), expected.values, 2e-6);
      });
    });
  }

  it.each([...small, ...large].map((c) => [title(c), c] as const))("gradients of %s", (name, example) => {
    const convolve = functions[example.w.length - 3] as typeof conv2d;
    const operands = [make(example.x, 1), make(example.w, 2), make([example.w[0] as number], 3)];
    checkGradients(([x, w, bias]) => convolve(x as Tensor, w as Tensor, { ...example.options, bias: bias as Tensor }), operands, name);
  });

  it("has second derivatives: the gradient of a gradient's square", () => {
    checkGradients(
      ([x, w]) => {
        const [dx, dw] = gradients(probe(conv2d(x as Tensor, w as Tensor, { padding: 1, stride: 2 }).square()), [x as Tensor, w as Tensor]);
        return (dx as Tensor)
          .square()
          .sum()
          .add((dw as Tensor).square().sum())
          .reshape([1]);
      },
      [make([1, 2, 4, 4], 1), make([2, 2, 3, 3], 2)],
      "second derivatives",
    );
  });

  it("takes an input without a batch axis, and a batch of none", () => {
    const [x, w] = [make([3, 6, 6], 1), make([4, 3, 3, 3], 2)];
    const one = conv2d(x, w, { padding: 1 });
    expect(one.shape).toEqual([4, 6, 6]);
    expectNear(one.dataSync(), conv2d(x.reshape([1, 3, 6, 6]), w, { padding: 1 }).dataSync(), 0);
    expect(conv2d(zeros([0, 3, 6, 6]), w).shape).toEqual([0, 4, 4, 4]);
  });
});

describe("transposed convolution", () => {
  const cases: readonly { x: number[]; w: number[]; options?: Parameters<typeof convTranspose2d>[2] }[] = [
    { x: [2, 3, 5], w: [3, 4, 3] },
    { x: [2, 4, 4], w: [4, 3, 3], options: { stride: 3, padding: 1, outputPadding: 2, groups: 2, dilation: 4 } },
    { x: [2, 3, 4, 5], w: [3, 2, 3, 2], options: { stride: 2, padding: [1, 0], outputPadding: 1 } },
    { x: [1, 4, 3, 3], w: [4, 1, 2, 2], options: { stride: 2, groups: 4 } },
    { x: [1, 2, 3, 3], w: [2, 3, 2, 3], options: { stride: 3, outputPadding: 2 } },
    { x: [1, 2, 2, 3, 2], w: [2, 3, 2, 2, 3], options: { stride: [1, 2, 1] } },
    { x: [4, 16, 9, 9], w: [16, 12, 3, 3], options: { stride: 2, padding: 1, outputPadding: 1 } },
    { x: [3, 16, 12, 12], w: [16, 10, 3, 3], options: { padding: 1 } },
  ];

  it.each(cases.map((c) => [title(c as Case), c] as const))(
    "%s is the gradient of a convolution, with gradients of its own",
    (name, { x, w, options = {} }) => {
      const deconvolve = transposed[w.length - 3] as typeof convTranspose2d;
      const convolve = functions[w.length - 3] as typeof conv2d;
      const [input, weight] = [make(x, 1), make(w, 2)];
      const y = deconvolve(input, weight, options);
      // ⟨conv(z), x⟩ = ⟨z, convᵀ(x)⟩ for any z of the result's shape.
      const z = make(y.shape, 5);
      const { outputPadding: _, ...same } = options;
      const forward = convolve(z, weight, same);
      const cut = forward.slice(...x.map((n) => [0, n] as const));
      const left = cut.mul(input).sum().itemSync();
      const right = y.mul(z).sum().itemSync();
      expect(Math.abs(left - right)).toBeLessThanOrEqual(2e-5 * Math.max(1, Math.abs(left)));
      const bias = make([y.shape[1] as number], 3);
      checkGradients(([a, b, c]) => deconvolve(a as Tensor, b as Tensor, { ...options, bias: c as Tensor }), [input, weight, bias], name);
    },
  );
});

describe("mistakes", () => {
  const [x, w] = [zeros([1, 4, 5, 5]), zeros([2, 4, 3, 3])];
  it.each<[string, () => unknown, RegExp]>([
    [
      "channels",
      () => conv2d(zeros([1, 3, 5, 5]), w),
      /conv2d: the input has 3 channels where the weight needs 4; got input \[1,3,5,5\], weight \[2,4,3,3\]/,
    ],
    [
      "kernel",
      () => conv2d(zeros([1, 4, 2, 2]), w),
      /conv2d: the kernel is larger than the padded input; got kernel \[3,3\].*input \[2,2\]/,
    ],
    ["stride", () => conv2d(x, w, { stride: 0 }), /conv2d: stride is wrong; got 0, expected a whole number of at least 1/],
    ["padding", () => conv2d(x, w, { padding: -1 }), /conv2d: padding is wrong; got -1/],
    ["same", () => conv2d(x, w, { padding: "same", stride: 2 }), /padding "same" needs stride 1/],
    ["groups", () => conv2d(x, w, { groups: 3 }), /conv2d: the weight's axis 0 does not divide into 3 groups; got \[2,4,3,3\]/],
    ["bias", () => conv2d(x, w, { bias: zeros([3]) }), /conv2d: the bias does not fit the weight; got \[3\], expected \[2\]/],
    ["axes", () => conv2d(zeros([5, 5]), w), /conv2d: the input has the wrong number of axes; got \[5,5\]/],
    ["an option", () => conv2d(x, w, { strides: 2 } as never), /conv2d: there is no option "strides".*stride/],
    [
      "output padding",
      () => convTranspose2d(zeros([1, 2, 4, 4]), w, { stride: 2, outputPadding: 2 }),
      /outputPadding must be smaller than the stride/,
    ],
    [
      "dtype",
      () => conv2d(zeros([1, 4, 5, 5], { dtype: "int32" }) as never, zeros([2, 4, 3, 3], { dtype: "int32" }) as never),
      /conv2d: needs floating-point/,
    ],
  ])("%s", (_, call, message) => {
    expect(errorOf(call).message).toMatch(message);
  });
});
