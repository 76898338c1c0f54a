// Pooling layers: the functions of functional.ts with their options held.

import type { Each } from "../tensor/conv.ts";
import type { AdaptiveSize, AvgPoolOptions, MaxPoolOptions } from "../tensor/pool.ts";
import * as functions from "../tensor/pool.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkNames } from "../util/options.ts";
import { Module } from "./module.ts";

/** The options of a largest-element layer. */
export type MaxPoolLayerOptions = Omit<MaxPoolOptions, "returnIndices">;

/**
 * The largest element of each block of sequences; see `maxPool1d`.
 *
 * @example
 * console.log(new MaxPool1d(2).forward(zeros([4, 3, 20])).shape); // [ 4, 3, 10 ]
 */
export class MaxPool1d extends Module {
  readonly size: Each;
  readonly options: MaxPoolLayerOptions;

  constructor(size: Each, options: MaxPoolLayerOptions = {}) {
    super();
    checkNames("MaxPool1d", options, ["stride", "padding", "dilation", "ceilMode"]);
    this.size = size;
    this.options = options;
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
export class MaxPool2d extends Module {
  readonly size: Each;
  readonly options: MaxPoolLayerOptions;

  constructor(size: Each, options: MaxPoolLayerOptions = {}) {
    super();
    checkNames("MaxPool2d", options, ["stride", "padding", "dilation", "ceilMode"]);
    this.size = size;
    this.options = options;
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
export class MaxPool3d extends Module {
  readonly size: Each;
  readonly options: MaxPoolLayerOptions;

  constructor(size: Each, options: MaxPoolLayerOptions = {}) {
    super();
    checkNames("MaxPool3d", options, ["stride", "padding", "dilation", "ceilMode"]);
    this.size = size;
    this.options = options;
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
export class AvgPool1d extends Module {
  readonly size: Each;
  readonly options: AvgPoolOptions;

  constructor(size: Each, options: AvgPoolOptions = {}) {
    super();
    checkNames("AvgPool1d", options, ["stride", "padding", "ceilMode", "countIncludePad", "divisorOverride"]);
    this.size = size;
    this.options = options;
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
export class AvgPool2d extends Module {
  readonly size: Each;
  readonly options: AvgPoolOptions;

  constructor(size: Each, options: AvgPoolOptions = {}) {
    super();
    checkNames("AvgPool2d", options, ["stride", "padding", "ceilMode", "countIncludePad", "divisorOverride"]);
    this.size = size;
    this.options = options;
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
export class AvgPool3d extends Module {
  readonly size: Each;
  readonly options: AvgPoolOptions;

  constructor(size: Each, options: AvgPoolOptions = {}) {
    super();
    checkNames("AvgPool3d", options, ["stride", "padding", "ceilMode", "countIncludePad", "divisorOverride"]);
    this.size = size;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return functions.avgPool3d(x, this.size, this.options);
  }
}

/** The mean of each of so many parts of sequences; see `adaptiveAvgPool1d`. */
export class AdaptiveAvgPool1d extends Module {
  readonly size: AdaptiveSize;

  constructor(size: AdaptiveSize) {
    super();
    this.size = size;
  }

  forward(x: Tensor): Tensor {
    return functions.adaptiveAvgPool1d(x, this.size);
  }
}

/** The mean of each of so many parts of images; see `adaptiveAvgPool2d`. */
export class AdaptiveAvgPool2d extends Module {
  readonly size: AdaptiveSize;

  constructor(size: AdaptiveSize) {
    super();
    this.size = size;
  }

  forward(x: Tensor): Tensor {
    return functions.adaptiveAvgPool2d(x, this.size);
  }
}

/** The mean of each of so many parts of volumes; see `adaptiveAvgPool3d`. */
export class AdaptiveAvgPool3d extends Module {
  readonly size: AdaptiveSize;

  constructor(size: AdaptiveSize) {
    super();
    this.size = size;
  }

  forward(x: Tensor): Tensor {
    return functions.adaptiveAvgPool3d(x, this.size);
  }
}

/** The largest of each of so many parts of sequences; see `adaptiveMaxPool1d`. */
export class AdaptiveMaxPool1d extends Module {
  readonly size: AdaptiveSize;

  constructor(size: AdaptiveSize) {
    super();
    this.size = size;
  }

  forward(x: Tensor): Tensor {
    return functions.adaptiveMaxPool1d(x, this.size);
  }
}

/** The largest of each of so many parts of images; see `adaptiveMaxPool2d`. */
export class AdaptiveMaxPool2d extends Module {
  readonly size: AdaptiveSize;

  constructor(size: AdaptiveSize) {
    super();
    this.size = size;
  }

  forward(x: Tensor): Tensor {
    return functions.adaptiveMaxPool2d(x, this.size);
  }
}

/** The largest of each of so many parts of volumes; see `adaptiveMaxPool3d`. */
export class AdaptiveMaxPool3d extends Module {
  readonly size: AdaptiveSize;

  constructor(size: AdaptiveSize) {
    super();
    this.size = size;
  }

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
export class GlobalAveragePool extends Module {
  readonly keepDimensions: boolean;

  constructor(options: { readonly keepDimensions?: boolean } = {}) {
    super();
    checkNames("GlobalAveragePool", options, ["keepDimensions"]);
    this.keepDimensions = options.keepDimensions ?? false;
  }

  forward(x: Tensor): Tensor {
    const y = functions.globalAvgPool(x);
    return this.keepDimensions ? y : y.reshape(y.shape.slice(0, 2));
  }
}

/** The largest over all spatial axes; [batch, channels], unless `keepDimensions` leaves them with size 1. */
export class GlobalMaxPool extends Module {
  readonly keepDimensions: boolean;

  constructor(options: { readonly keepDimensions?: boolean } = {}) {
    super();
    checkNames("GlobalMaxPool", options, ["keepDimensions"]);
    this.keepDimensions = options.keepDimensions ?? false;
  }

  forward(x: Tensor): Tensor {
    const y = functions.globalMaxPool(x);
    return this.keepDimensions ? y : y.reshape(y.shape.slice(0, 2));
  }
}
