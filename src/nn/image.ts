// Layers on images: resampling and pixel shuffling.

import type { InterpolateOptions } from "../tensor/image.ts";
import * as functions from "../tensor/image.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkNumber } from "../util/options.ts";
import { Module } from "./module.ts";

/**
 * Makes images larger; see `interpolate`.
 *
 * @example
 * const layer = new Upsample({ scaleFactor: 2, mode: "bilinear" });
 * console.log(layer.forward(zeros([1, 3, 8, 8])).shape); // [ 1, 3, 16, 16 ]
 */
export class Upsample extends Module {
  readonly options: InterpolateOptions;

  constructor(options: InterpolateOptions) {
    super();
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return functions.interpolate(x, this.options);
  }
}

/** What both ways of shuffling share. */
abstract class Shuffle extends Module {
  readonly factor: number;

  constructor(where: string, factor: number) {
    super();
    this.factor = checkNumber(where, "factor", factor, { least: 1, integer: true });
  }
}

/** Channels to pixels: [batch, C·r², H, W] as [batch, C, H·r, W·r]; see `pixelShuffle`. */
export class PixelShuffle extends Shuffle {
  constructor(factor: number) {
    super("PixelShuffle", factor);
  }

  forward(x: Tensor): Tensor {
    return functions.pixelShuffle(x, this.factor);
  }
}

/** Pixels to channels: [batch, C, H·r, W·r] as [batch, C·r², H, W]; see `pixelUnshuffle`. */
export class PixelUnshuffle extends Shuffle {
  constructor(factor: number) {
    super("PixelUnshuffle", factor);
  }

  forward(x: Tensor): Tensor {
    return functions.pixelUnshuffle(x, this.factor);
  }
}
