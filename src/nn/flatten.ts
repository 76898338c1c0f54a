// Flattening as a layer.

import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { Module } from "./module.ts";

/**
 * Makes one axis of all axes from `start` (default 1: all but the batch) to `end` (default the last).
 *
 * @example
 * console.log(new Flatten().forward(zeros([8, 28, 28])).shape); // [ 8, 784 ]
 */
export class Flatten extends Module {
  readonly start: number;
  readonly end: number;

  constructor(start = 1, end = -1) {
    super();
    this.start = start;
    this.end = end;
  }

  forward(x: AnyTensor): Tensor {
    return x.flatten(this.start, this.end) as AnyTensor as Tensor;
  }
}
