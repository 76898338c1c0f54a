// Pooling. In torch an empty list for the stride means the size, as null does here.

import type { Tensor } from "../../../src/index.ts";
import type { AdaptiveSize, AvgPoolOptions, LpPoolOptions, MaxPoolOptions, WithIndices } from "../../../src/nn/functional.ts";
import * as F from "../../../src/nn/functional.ts";
import { type Arguments, type Bindings, bind } from "../binding.ts";

type Each = number | readonly number[];

const each = (a: Arguments, name: string): Each => a.numbers(name) as Each;
const optional = (a: Arguments, name: string): Each | undefined => a.numbers(name);
const strideOf = (a: Arguments): Each | undefined => {
  const stride = a.numbers("stride");
  return Array.isArray(stride) && stride.length === 0 ? undefined : stride;
};

const maximum = (call: (x: Tensor, size: Each, options: MaxPoolOptions) => Tensor | WithIndices) =>
  bind(["input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"], (a) =>
    call(a.float("input"), each(a, "kernel_size"), {
      stride: strideOf(a),
      padding: optional(a, "padding"),
      dilation: optional(a, "dilation"),
      ceilMode: a.flag("ceil_mode"),
      returnIndices: a.flag("return_indices"),
    }),
  );

const average = (call: (x: Tensor, size: Each, options: AvgPoolOptions) => Tensor) =>
  bind(["input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"], (a) =>
    call(a.float("input"), each(a, "kernel_size"), {
      stride: strideOf(a),
      padding: optional(a, "padding"),
      ceilMode: a.flag("ceil_mode"),
      countIncludePad: a.flag("count_include_pad", true),
      divisorOverride: a.number("divisor_override"),
    }),
  );

const power = (call: (x: Tensor, power: number, size: Each, options: LpPoolOptions) => Tensor) =>
  bind(["input", "norm_type", "kernel_size", "stride", "ceil_mode"], (a) =>
    call(a.float("input"), a.number("norm_type") as number, each(a, "kernel_size"), { stride: strideOf(a), ceilMode: a.flag("ceil_mode") }),
  );

const sizeOf = (a: Arguments): AdaptiveSize => {
  const size = a.get("output_size") as AdaptiveSize;
  return size;
};

const adaptiveAverage = (call: (x: Tensor, size: AdaptiveSize) => Tensor) =>
  bind(["input", "output_size"], (a) => call(a.float("input"), sizeOf(a)));

const adaptiveMaximum = (call: (x: Tensor, size: AdaptiveSize, options: { returnIndices: boolean }) => Tensor | WithIndices) =>
  bind(["input", "output_size", "return_indices"], (a) => call(a.float("input"), sizeOf(a), { returnIndices: a.flag("return_indices") }));

export const bindings: Bindings = {
  "nn.functional.max_pool1d": maximum(F.maxPool1d),
  "nn.functional.max_pool2d": maximum(F.maxPool2d),
  "nn.functional.max_pool3d": maximum(F.maxPool3d),
  "nn.functional.avg_pool1d": average(F.avgPool1d),
  "nn.functional.avg_pool2d": average(F.avgPool2d),
  "nn.functional.avg_pool3d": average(F.avgPool3d),
  "nn.functional.lp_pool1d": power(F.lpPool1d),
  "nn.functional.lp_pool2d": power(F.lpPool2d),
  "nn.functional.lp_pool3d": power(F.lpPool3d),
  "nn.functional.adaptive_avg_pool1d": adaptiveAverage(F.adaptiveAvgPool1d),
  "nn.functional.adaptive_avg_pool2d": adaptiveAverage(F.adaptiveAvgPool2d),
  "nn.functional.adaptive_avg_pool3d": adaptiveAverage(F.adaptiveAvgPool3d),
  "nn.functional.adaptive_max_pool1d": adaptiveMaximum(F.adaptiveMaxPool1d),
  "nn.functional.adaptive_max_pool2d": adaptiveMaximum(F.adaptiveMaxPool2d),
  "nn.functional.adaptive_max_pool3d": adaptiveMaximum(F.adaptiveMaxPool3d),
};
