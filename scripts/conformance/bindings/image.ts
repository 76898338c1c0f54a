// Images: resampling, pixel shuffling, blocks as columns.

import type { GridSampleOptions, InterpolationMode } from "../../../src/nn/functional.ts";
import * as F from "../../../src/nn/functional.ts";
import { type Arguments, type Bindings, bind } from "../binding.ts";

type Each = number | readonly number[];

const each = (a: Arguments, name: string): Each => a.numbers(name) as Each;

const blocks = (a: Arguments) => ({ dilation: a.numbers("dilation"), padding: a.numbers("padding"), stride: a.numbers("stride") });

export const bindings: Bindings = {
  "nn.functional.interpolate": bind(["input", "size", "scale_factor", "mode", "align_corners", "recompute_scale_factor"], (a) =>
    F.interpolate(a.float("input"), {
      size: a.numbers("size"),
      scaleFactor: a.numbers("scale_factor"),
      mode: a.text("mode") as InterpolationMode | undefined,
      alignCorners: a.flag("align_corners"),
      recomputeScaleFactor: a.flag("recompute_scale_factor"),
    }),
  ),
  "nn.functional.grid_sample": bind(["input", "grid", "mode", "padding_mode", "align_corners"], (a) =>
    F.gridSample(a.float("input"), a.float("grid"), {
      mode: a.text("mode") as GridSampleOptions["mode"],
      paddingMode: a.text("padding_mode") as GridSampleOptions["paddingMode"],
      alignCorners: a.flag("align_corners"),
    }),
  ),
  "nn.functional.pixel_shuffle": bind(["input", "upscale_factor"], (a) =>
    F.pixelShuffle(a.tensor("input"), a.number("upscale_factor") as number),
  ),
  "nn.functional.pixel_unshuffle": bind(["input", "downscale_factor"], (a) =>
    F.pixelUnshuffle(a.tensor("input"), a.number("downscale_factor") as number),
  ),
  "nn.functional.unfold": bind(["input", "kernel_size", "dilation", "padding", "stride"], (a) =>
    F.unfold(a.float("input"), each(a, "kernel_size"), blocks(a)),
  ),
  "nn.functional.fold": bind(["input", "output_size", "kernel_size", "dilation", "padding", "stride"], (a) =>
    F.fold(a.float("input"), each(a, "output_size"), each(a, "kernel_size"), blocks(a)),
  ),
};
