// Convolution, pooling and image layers: parameters as PyTorch names and lays them out, padding modes, shapes, a step of training.

import { describe, expect, it } from "vitest";
import { compile, crossEntropy, relu, Sequential, seed, sgd, type Tensor, tensor, zeros } from "../../src/index.ts";
import {
  AdaptiveAvgPool2d,
  AdaptiveMaxPool2d,
  AvgPool2d,
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  conv2d,
  Flatten,
  GlobalAveragePool,
  GlobalMaxPool,
  Linear,
  MaxPool2d,
  maxPool2d,
  onesInitializer,
  PixelShuffle,
  PixelUnshuffle,
  Upsample,
} from "../../src/nn/index.ts";
import { expectNear, make } from "../tensor/convolutions.ts";
import { errorOf } from "../tensor/values.ts";

describe("convolutions", () => {
  it.each([
    [() => new Conv1d(4, 6, 3, { groups: 2 }), [6, 2, 3], [2, 4, 9], [2, 6, 7]],
    [() => new Conv2d(4, 6, [3, 2], { stride: 2, padding: [1, [0, 1]] }), [6, 4, 3, 2], [2, 4, 9, 8], [2, 6, 5, 4]],
    [() => new Conv3d(2, 3, 2, { dilation: 2 }), [3, 2, 2, 2, 2], [1, 2, 4, 5, 6], [1, 3, 2, 3, 4]],
    [() => new ConvTranspose1d(4, 6, 3, { groups: 2 }), [4, 3, 3], [2, 4, 5], [2, 6, 7]],
    [() => new ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1 }), [4, 6, 3, 3], [2, 4, 5, 6], [2, 6, 10, 12]],
    [() => new ConvTranspose3d(2, 3, 2), [2, 3, 2, 2, 2], [1, 2, 2, 3, 4], [1, 3, 3, 4, 5]],
  ] as const)("%s", (construct, weight, input, output) => {
    const layer = construct();
    expect([...layer.namedParameters().keys()]).toEqual(["weight", "bias"]);
    expect(layer.weight.shape).toEqual(weight);
    expect(layer.bias?.shape).toEqual([output[1]]);
    expect(layer.bias?.penalized).toBe(false);
    expect(layer.forward(zeros(input)).shape).toEqual(output);
  });

  it("first weights have the spread of Glorot's rule over the field, biases are zeros", () => {
    seed(1);
    const layer = new Conv2d(16, 32, 5);
    const values = layer.weight.dataSync();
    const limit = Math.sqrt(6 / (25 * (16 + 32)));
    const largest = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    expect(largest).toBeLessThanOrEqual(limit);
    expect(largest).toBeGreaterThan(0.99 * limit);
    expect(layer.bias?.dataSync().every((v) => v === 0)).toBe(true);
    expect(
      new Conv2d(1, 1, 2, { weightInitializer: onesInitializer, bias: false })
        .forward(
          tensor([
            [
              [
                [1, 2],
                [3, 4],
              ],
            ],
          ]),
        )
        .toArraySync(),
    ).toEqual([[[[10]]]]);
  });

  it("pads with the input reflected, its edge, or its other end", () => {
    const x = tensor([[[1, 2, 3, 4]]]);
    const layer = (paddingMode: "reflect" | "replicate" | "circular" | "zeros", padding: number | "same" = 2) =>
      new Conv1d(1, 1, padding === "same" ? 3 : 1, { padding, paddingMode, weightInitializer: onesInitializer }).forward(x).toArraySync();
    expect(layer("zeros")).toEqual([[[0, 0, 1, 2, 3, 4, 0, 0]]]);
    expect(layer("reflect")).toEqual([[[3, 2, 1, 2, 3, 4, 3, 2]]]);
    expect(layer("replicate")).toEqual([[[1, 1, 1, 2, 3, 4, 4, 4]]]);
    expect(layer("circular")).toEqual([[[3, 4, 1, 2, 3, 4, 1, 2]]]);
    expect(layer("replicate", "same")).toEqual([[[4, 6, 9, 11]]]);
  });

  it("is what the function is with its weights", () => {
    const layer = new Conv2d(3, 4, 3, { padding: "same", dilation: 2, groups: 1 });
    const x = make([2, 3, 7, 8], 5);
    const same = conv2d(x, layer.weight, { bias: layer.bias, padding: "same", dilation: 2 });
    expectNear(layer.forward(x).dataSync(), same.dataSync(), 0);
  });

  it("trains: a small network learns where the bright half is", async () => {
    seed(3);
    const model = new Sequential(new Conv2d(1, 4, 3, { padding: 1 }), relu, new MaxPool2d(2), new Flatten(), new Linear(64, 2));
    const images = make([32, 1, 8, 8], 9);
    const data = images.dataSync();
    const labels = Int32Array.from({ length: 32 }, (_, i) => i % 2);
    labels.forEach((label, i) => {
      for (let at = 0; at < 32; at++) data[i * 64 + label * 32 + at] = (data[i * 64 + label * 32 + at] as number) + 1;
    });
    const optimizer = sgd({ learningRate: 0.1 });
    const step = compile((x: Tensor, y: Tensor<"int32">) => {
      const loss = crossEntropy(model.forward(x), y);
      optimizer.minimize(loss);
      return loss;
    });
    const [x, y] = [tensor(data, { shape: [32, 1, 8, 8] }), tensor(labels, { dtype: "int32" })];
    const first = await step(x, y).item();
    for (let i = 0; i < 40; i++) step(x, y);
    expect(await step(x, y).item()).toBeLessThan(0.2 * first);
  });

  it.each<[string, () => unknown, RegExp]>([
    ["channels", () => new Conv2d(0, 4, 3), /Conv2d: inputs is out of range; got 0/],
    [
      "groups",
      () => new Conv2d(4, 6, 3, { groups: 4 }),
      /Conv2d: inputs and outputs must divide into the groups; got 6 and 4 channels, 4 groups/,
    ],
    ["kernel", () => new Conv2d(4, 6, [3, 3, 3]), /Conv2d: the kernel's size is wrong; got \[3,3,3\]/],
    ["padding mode", () => new Conv2d(4, 6, 3, { paddingMode: "mirror" as never }), /Conv2d: there is no such paddingMode; got mirror/],
    ["an option", () => new Conv2d(4, 6, 3, { strid: 2 } as never), /Did you mean "stride"/],
    ["input", () => new Conv2d(4, 6, 3).forward(zeros([1, 3, 8, 8])), /conv2d: the input has 3 channels where the weight needs 4/],
  ])("refuses wrong %s", (_, call, message) => {
    expect(errorOf(call).message).toMatch(message);
  });
});

describe("pools and images", () => {
  const x = make([2, 4, 6, 6], 5);
  it.each([
    [new MaxPool2d(3, { stride: 1, padding: 1 }), [2, 4, 6, 6]],
    [new AvgPool2d([2, 3]), [2, 4, 3, 2]],
    [new AdaptiveAvgPool2d([null, 4]), [2, 4, 6, 4]],
    [new AdaptiveMaxPool2d(1), [2, 4, 1, 1]],
    [new GlobalAveragePool(), [2, 4]],
    [new GlobalMaxPool({ keepDimensions: true }), [2, 4, 1, 1]],
    [new Upsample({ scaleFactor: 2, mode: "bilinear" }), [2, 4, 12, 12]],
    [new PixelShuffle(2), [2, 1, 12, 12]],
    [new PixelUnshuffle(3), [2, 36, 2, 2]],
  ] as const)("%s", (layer, shape) => {
    expect(layer.forward(x).shape).toEqual(shape);
    expect(layer.parameters()).toEqual([]);
  });

  it("hold their options", () => {
    const options = { stride: 2, padding: 1, ceilMode: true };
    expect(new MaxPool2d(3, options).forward(x).dataSync()).toEqual(maxPool2d(x, 3, options).dataSync());
    expect(errorOf(() => new AvgPool2d(2, { dilation: 2 } as never)).message).toMatch(/AvgPool2d: there is no option "dilation"/);
  });
});
