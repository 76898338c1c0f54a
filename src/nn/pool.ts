// Pooling layers: the functions of functional.ts with their options held. The layers of a family differ in their function alone.

import type { Each } from "../tensor/conv.ts";
import type { AdaptiveSize, AvgPoolOptions, MaxPoolOptions } from "../tensor/pool.ts";
import * as functions from "../tensor/pool.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkNames } from "../util/options.ts";
import { Module } from "./module.ts";

/** The options of a largest-element layer. */
export type MaxPoolLayerOptions = Omit<MaxPoolOptions, "returnIndices">;

/** What the layers over blocks share. */
abstract class BlockPool<O extends object> extends Module {
  readonly size: Each;
  readonly options: O;

  constructor(where: string, names: readonly string[], size: Each, options: O) {
    super();
    checkNames(where, options, names);
    this.size = size;
    this.options = options;
  }
}

/** What the layers over a given number of parts share. */
abstract class AdaptivePool extends Module {
  readonly size: AdaptiveSize;

  constructor(size: AdaptiveSize) {
    super();
    this.size = size;
  }
}

/** What the layers over all spatial axes share. */
abstract class GlobalPool extends Module {
  readonly keepDimensions: boolean;

  constructor(where: string, options: GlobalPoolOptions) {
    super();
    checkNames(where, options, ["keepDimensions"]);
    this.keepDimensions = options.keepDimensions ?? false;
  }

  protected shaped(y: Tensor): Tensor {
    return this.keepDimensions ? y : y.reshape(y.shape.slice(0, 2));
  }
}

interface GlobalPoolOptions {
  /** Leaves the spatial axes, with size 1. Default false. */
  readonly keepDimensions?: boolean;
}

const maxNames = ["stride", "padding", "dilation", "ceilMode"];
const avgNames = ["stride", "padding", "ceilMode", "countIncludePad", "divisorOverride"];

/**
 * The largest element of each block of sequences; see `maxPool1d`.
 *
 * @example
 * console.log(new MaxPool1d(2).forward(zeros([4, 3, 20])).shape); // [ 4, 3, 10 ]
 */
export class MaxPool1d extends BlockPool<MaxPoolLayerOptions> {
  constructor(size: Each, options: MaxPoolLayerOptions = {}) {
    super("MaxPool1d", maxNames, size, options);
  }

  forward(x: Tensor): Tensor {
    return functions.maxPool1d(x, this.size, this.options);
  }
}

/**
 * The largest element of each block of images; see `maxPool2d`.
 *
 * @example
 * console.log(new MaxPool2d(2).forward(zeros([4, 3, 20, 20])).shape); // [ 4, 3, 10, 10 ]
 */
export class MaxPool2d extends BlockPool<MaxPoolLayerOptions> {
  constructor(size: Each, options: MaxPoolLayerOptions = {}) {
    super("MaxPool2d", maxNames, size, options);
  }

  forward(x: Tensor): Tensor {
    return functions.maxPool2d(x, this.size, this.options);
  }
}

/**
 * The largest element of each block of volumes; see `maxPool3d`.
 *
 * @example
 * console.log(new MaxPool3d(2).forward(zeros([4, 3, 8, 8, 8])).shape); // [ 4, 3, 4, 4, 4 ]
 */
export class MaxPool3d extends BlockPool<MaxPoolLayerOptions> {
  constructor(size: Each, options: MaxPoolLayerOptions = {}) {
    super("MaxPool3d", maxNames, size, options);
  }

  forward(x: Tensor): Tensor {
    return functions.maxPool3d(x, this.size, this.options);
  }
}

/**
 * The mean of each block of sequences; see `avgPool1d`.
 *
 * @example
 * console.log(new AvgPool1d(2).forward(zeros([4, 3, 20])).shape); // [ 4, 3, 10 ]
 */
export class AvgPool1d extends BlockPool<AvgPoolOptions> {
  constructor(size: Each, options: AvgPoolOptions = {}) {
    super("AvgPool1d", avgNames, size, options);
  }

  forward(x: Tensor): Tensor {
    return functions.avgPool1d(x, this.size, this.options);
  }
}

/**
 * The mean of each block of images; see `avgPool2d`.
 *
 * @example
 * console.log(new AvgPool2d(2).forward(zeros([4, 3, 20, 20])).shape); // [ 4, 3, 10, 10 ]
 */
export class AvgPool2d extends BlockPool<AvgPoolOptions> {
  constructor(size: Each, options: AvgPoolOptions = {}) {
    super("AvgPool2d", avgNames, size, options);
  }

  forward(x: Tensor): Tensor {
    return functions.avgPool2d(x, this.size, this.options);
  }
}

/**
 * The mean of each block of volumes; see `avgPool3d`.
 *
 * @example
 * console.log(new AvgPool3d(2).forward(zeros([4, 3, 8, 8, 8])).shape); // [ 4, 3, 4, 4, 4 ]
 */
export class AvgPool3d extends BlockPool<AvgPoolOptions> {
  constructor(size: Each, options: AvgPoolOptions = {}) {
    super("AvgPool3d", avgNames, size, options);
  }

  forward(x: Tensor): Tensor {
    return functions.avgPool3d(x, this.size, this.options);
  }
}

/** The mean of each of so many parts of sequences; see `adaptiveAvgPool1d`. */
export class AdaptiveAvgPool1d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return functions.adaptiveAvgPool1d(x, this.size);
  }
}

/** The mean of each of so many parts of images; see `adaptiveAvgPool2d`. */
export class AdaptiveAvgPool2d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return functions.adaptiveAvgPool2d(x, this.size);
  }
}

/** The mean of each of so many parts of volumes; see `adaptiveAvgPool3d`. */
export class AdaptiveAvgPool3d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return functions.adaptiveAvgPool3d(x, this.size);
  }
}

/** The largest of each of so many parts of sequences; see `adaptiveMaxPool1d`. */
export class AdaptiveMaxPool1d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return functions.adaptiveMaxPool1d(x, this.size);
  }
}

/** The largest of each of so many parts of images; see `adaptiveMaxPool2d`. */
export class AdaptiveMaxPool2d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return functions.adaptiveMaxPool2d(x, this.size);
  }
}

/** The largest of each of so many parts of volumes; see `adaptiveMaxPool3d`. */
export class AdaptiveMaxPool3d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return functions.adaptiveMaxPool3d(x, this.size);
  }
}

/**
 * The mean over all spatial axes; [batch, channels], unless `keepDimensions` leaves them with size 1.
 *
 * @example
 * console.log(new GlobalAveragePool().forward(zeros([4, 3, 20, 20])).shape); // [ 4, 3 ]
 */
export class GlobalAveragePool extends GlobalPool {
  constructor(options: GlobalPoolOptions = {}) {
    super("GlobalAveragePool", options);
  }

  forward(x: Tensor): Tensor {
    return this.shaped(functions.globalAvgPool(x));
  }
}

/** The largest over all spatial axes; [batch, channels], unless `keepDimensions` leaves them with size 1. */
export class GlobalMaxPool extends GlobalPool {
  constructor(options: GlobalPoolOptions = {}) {
    super("GlobalMaxPool", options);
  }

  forward(x: Tensor): Tensor {
    return this.shaped(functions.globalMaxPool(x));
  }
}
