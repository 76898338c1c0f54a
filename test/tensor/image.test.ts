// Resampling, pixel shuffling, blocks as columns: known values, inverses, adjoints; gradients against finite differences. (What
// PyTorch gives is compared by the conformance run.)

import { describe, expect, it } from "vitest";
import { gradients, ones, type Tensor, tensor, zeros } from "../../src/index.ts";
import { fold, gridSample, type InterpolationMode, interpolate, pixelShuffle, pixelUnshuffle, unfold } from "../../src/nn/functional.ts";
import { checkGradients, expectNear, flat, make, positions } from "./convolutions.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

describe.each(devices)("on %s", (device) => {
  it("interpolation at a glance", () =>
    on(device, () => {
      const x = tensor([[[1, 2, 4]]]);
      expectTensor(interpolate(x, { scaleFactor: 2 }), [[[1, 1, 2, 2, 4, 4]]]);
      expectTensor(interpolate(x, { size: 2 }), [[[1, 2]]]);
      expectTensor(interpolate(x, { size: 2, mode: "nearest-exact" }), [[[1, 4]]]);
      expectTensor(interpolate(x, { size: 6, mode: "linear" }), [[[1, 1.25, 1.75, 2.5, 3.5, 4]]]);
      expectTensor(interpolate(x, { size: 5, mode: "linear", alignCorners: true }), [[[1, 1.5, 2, 3, 4]]]);
      expectTensor(interpolate(x, { size: 2, mode: "area" }), [[[1.5, 3]]]);
      // A cubic goes through a straight line's points exactly, away from the edges.
      const line = tensor([[[[0, 1, 2, 3, 4, 5, 6, 7]]]]);
      expectTensor(interpolate(line, { size: [1, 15], mode: "bicubic", alignCorners: true }).slice(null, null, null, [2, 13]), [
        [[[1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6]]],
      ]);
    }));

  it("keeps a constant whatever the mode", () =>
    on(device, () => {
      for (const mode of ["nearest", "bilinear", "bicubic", "area"] as InterpolationMode[])
        expectNear(interpolate(ones([1, 2, 5, 7]), { size: [8, 4], mode }).dataSync(), new Float32Array(64).fill(1), 1e-6, mode);
    }));

  it("a grid of the elements' centres gives the image back; the modes of padding outside", () =>
    on(device, () => {
      const x = make([2, 3, 4, 5], 6);
      for (const alignCorners of [false, true]) {
        const along = (n: number, i: number) => (alignCorners ? (2 * i) / (n - 1) - 1 : (2 * i + 1) / n - 1);
        const grid = tensor(
          positions([2, 4, 5]).flatMap(([, i, j]) => [along(5, j as number), along(4, i as number)]),
          { shape: [2, 4, 5, 2] },
        );
        for (const mode of ["bilinear", "nearest", "bicubic"] as const)
          expectNear(gridSample(x, grid, { mode, alignCorners }).dataSync(), x.dataSync(), 2e-6, mode);
      }
      const row = tensor([[[[1, 2, 4]]]]);
      const far = tensor([
        [
          [
            [-3, 0],
            [2, 0],
            [5 / 3, 0],
          ],
        ],
      ]);
      expectTensor(gridSample(row, far), [[[[0, 0, 0]]]]);
      expectTensor(gridSample(row, far, { paddingMode: "border" }), [[[[1, 4, 4]]]]);
      expectTensor(gridSample(row, far, { paddingMode: "reflection" }), [[[[4, 2, 3]]]], "float32", 1e-5);
    }));

  it("pixel shuffling moves what the definition says, and back", () =>
    on(device, () => {
      const x = make([2, 8, 3, 4], 6);
      const y = pixelShuffle(x, 2);
      const data = x.dataSync();
      const expected = positions([2, 2, 6, 8]).map(([n, c, i, j]) => {
        const [h, w] = [i as number, j as number];
        const channel = (c as number) * 4 + (h % 2) * 2 + (w % 2);
        return data[flat([n as number, channel, h >> 1, w >> 1], [2, 8, 3, 4])] as number;
      });
      expect([...y.dataSync()]).toEqual(expected);
      expect([...pixelUnshuffle(y, 2).dataSync()]).toEqual([...data]);
    }));

  it("blocks as columns, and added back", () =>
    on(device, () => {
      const x = make([2, 3, 6, 7], 6);
      const options = { stride: [2, 1], padding: [1, 0], dilation: [1, 2] };
      const columns = unfold(x, [3, 2], options);
      expect(columns.shape).toEqual([2, 18, 15]);
      const data = x.dataSync();
      const expected = positions([2, 3, 3, 2, 3, 5]).map(([n, c, k, l, i, j]) => {
        const h = (i as number) * 2 + (k as number) - 1;
        const w = (j as number) + 2 * (l as number);
        return h < 0 || h >= 6 ? 0 : (data[flat([n as number, c as number, h, w], [2, 3, 6, 7])] as number);
      });
      expect([...columns.dataSync()]).toEqual(expected);
      // Each element comes back as often as it was taken.
      const counts = fold(unfold(ones([2, 3, 6, 7]), [3, 2], options), [6, 7], [3, 2], options);
      expectNear(fold(columns, [6, 7], [3, 2], options).dataSync(), x.mul(counts).dataSync(), 1e-6);
    }));
});

describe("gradients", () => {
  const image = [make([2, 2, 5, 6], 6)];
  it.each<[string, (x: Tensor) => Tensor]>([
    ["nearest", (x) => interpolate(x, { size: [8, 9] })],
    ["nearest, twice as large", (x) => interpolate(x, { scaleFactor: 2 })],
    ["nearest, every second", (x) => interpolate(x, { scaleFactor: 0.5 })],
    ["bilinear", (x) => interpolate(x, { size: [3, 11], mode: "bilinear" })],
    ["bicubic", (x) => interpolate(x, { scaleFactor: 1.7, mode: "bicubic" })],
    ["pixel shuffle", (x) => pixelShuffle(x.reshape([2, 4, 5, 3]), 2)],
    ["unfold", (x) => unfold(x, 3, { padding: 1, stride: 2 })],
    ["fold", (x) => fold(x.reshape([2, 6, 10]), [6, 6], [3, 2], { dilation: [2, 1], stride: [1, 1] }).slice(null, null, [0, 6])],
  ])("%s", (name, call) => {
    checkGradients(([x]) => call(x as Tensor), image, name);
  });

  it.each(["zeros", "border", "reflection"] as const)("grid sampling with %s, of the image and the grid", (paddingMode) => {
    const grid = make([2, 3, 4, 2], 8).mul(1.4);
    for (const mode of ["bilinear", "bicubic"] as const)
      checkGradients(
        ([x, g]) => gridSample(x as Tensor, g as Tensor, { mode, paddingMode, alignCorners: mode === "bicubic" }),
        [...image, tensor(grid.dataSync(), { shape: grid.shape })],
        mode,
        1e-4,
      );
  });

  it("a nearest sample has no slope in the grid", () => {
    const grid = zeros([1, 1, 1, 2]);
    const y = gridSample(make([1, 1, 3, 3], 1), grid, { mode: "nearest" });
    expect((gradients(y.sum(), [grid], { allowUnused: true })[0] as Tensor).dataSync()).toEqual(new Float32Array(2));
  });
});

describe("mistakes", () => {
  const x = zeros([1, 4, 6, 6]);
  it.each<[string, () => unknown, RegExp]>([
    ["no size", () => interpolate(x, {}), /interpolate: neither size nor scaleFactor is given/],
    [
      "both sizes",
      () => interpolate(x, { size: 3, scaleFactor: 2 }),
      /interpolate: both size and scaleFactor are given; got size 3, scaleFactor 2/,
    ],
    ["mode", () => interpolate(x, { size: 3, mode: "cubic" as never }), /interpolate: there is no such mode; got cubic, expected nearest/],
    [
      "mode's axes",
      () => interpolate(x, { size: 3, mode: "linear" }),
      /interpolate: the input does not fit mode "linear"; got \[1,4,6,6\]/,
    ],
    [
      "grid",
      () => gridSample(x, zeros([1, 2, 2, 3])),
      /gridSample: the grid does not fit the input; got input \[1,4,6,6\], grid \[1,2,2,3\]/,
    ],
    [
      "channels",
      () => pixelShuffle(x, 3),
      /pixelShuffle: the channels do not divide.*got \[1,4,6,6\] and factor 3, expected a multiple of 9/,
    ],
    ["height", () => pixelUnshuffle(x, 4), /pixelUnshuffle: height and width do not divide/],
    ["rows", () => fold(zeros([1, 5, 9]), 4, 2), /fold: the input's rows do not divide.*got \[1,5,9\]/],
    ["columns", () => fold(zeros([1, 4, 8]), 4, 2), /fold: the input's columns are not the blocks.*got 8 columns.*expected 9 columns/],
    ["block", () => unfold(x, 7), /unfold: no block fits/],
  ])("%s", (_, call, message) => {
    expect(errorOf(call).message).toMatch(message);
  });
});
