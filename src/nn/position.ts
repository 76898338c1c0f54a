// Positions for attention: fixed waves added to the features. (Rotary positions are a function, `rotary`, and an option of
// `MultiHeadAttention`.)

import { showShape } from "../graph/shape.ts";
import { frequencies } from "../tensor/attention.ts";
import { arange } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { mistake } from "../util/errors.ts";
import { checkNumber } from "../util/options.ts";
import { Module } from "./module.ts";

/**
 * Sinusoidal positions, [places, width]: sin(place · 10000^(−2i/width)) at feature 2i, cos at 2i + 1.
 *
 * @throws UserError `OPTION` for an odd width
 * @example
 * const waves = sinusoidalPositions(64, 128);
 * Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.5.
 */
export function sinusoidalPositions(places: number, width: number): Tensor {
  const where = "sinusoidalPositions";
  checkNumber(where, "places", places, { least: 0, integer: true });
  checkNumber(where, "width", width, { least: 2, integer: true });
  if (width % 2 !== 0) throw mistake("OPTION", { where, problem: "the width must be even", got: width, expected: "an even number" });
  const angle = arange(places)
    .cast("float32")
    .unsqueeze(1)
    .mul(frequencies(width / 2, 10000)) as Tensor;
  return angle.sin().stack(angle.cos(), -1).reshape([places, width]);
}

/**
 * Adds sinusoidal positions to [..., places, width].
 *
 * @example
 * const model = new Sequential(new Embedding(65, 128), new SinusoidalPositions(128));
 */
export class SinusoidalPositions extends Module {
  readonly width: number;

  /** @throws UserError `OPTION` for an odd width */
  constructor(width: number) {
    super();
    sinusoidalPositions(0, width);
    this.width = width;
  }

  forward(x: Tensor): Tensor {
    if (x.rank < 2 || x.shape[x.rank - 1] !== this.width)
      throw mistake("SHAPE", {
        where: `SinusoidalPositions(${this.width})`,
        problem: "the input has the wrong shape",
        got: showShape(x.shape),
        expected: `[..., places, ${this.width}]`,
      });
    return x.add(sinusoidalPositions(x.shape[x.rank - 2] as number, this.width)) as Tensor;
  }
}
