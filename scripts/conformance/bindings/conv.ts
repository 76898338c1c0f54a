// Convolutions.

import type { Tensor } from "../../../src/index.ts";
import type { ConvOptions, ConvTransposeOptions } from "../../../src/nn/functional.ts";
import * as F from "../../../src/nn/functional.ts";
import { type Arguments, type Bindings, bind } from "../binding.ts";

type Each = number | readonly number[];

const optional = <T>(value: unknown): T | undefined => (value ?? undefined) as T | undefined;

const convolution = (call: (x: Tensor, weight: Tensor, options: ConvOptions) => Tensor) =>
  bind(["input", "weight", "bias", "stride", "padding", "dilation", "groups"], (a: Arguments) =>
    call(a.float("input"), a.float("weight"), {
      bias: optional<Tensor>(a.get("bias")),
      stride: optional<Each>(a.get("stride")),
      padding: optional<Each | "same" | "valid">(a.get("padding")),
      dilation: optional<Each>(a.get("dilation")),
      groups: a.number("groups"),
    }),
  );

const transposed = (call: (x: Tensor, weight: Tensor, options: ConvTransposeOptions) => Tensor) =>
  bind(["input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"], (a: Arguments) =>
    call(a.float("input"), a.float("weight"), {
      bias: optional<Tensor>(a.get("bias")),
      stride: optional<Each>(a.get("stride")),
      padding: optional<Each>(a.get("padding")),
      outputPadding: optional<Each>(a.get("output_padding")),
      groups: a.number("groups"),
      dilation: optional<Each>(a.get("dilation")),
    }),
  );

export const bindings: Bindings = {
  "nn.functional.conv1d": convolution(F.conv1d),
  "nn.functional.conv2d": convolution(F.conv2d),
  "nn.functional.conv3d": convolution(F.conv3d),
  "nn.functional.conv_transpose1d": transposed(F.convTranspose1d),
  "nn.functional.conv_transpose2d": transposed(F.convTranspose2d),
  "nn.functional.conv_transpose3d": transposed(F.convTranspose3d),
};
