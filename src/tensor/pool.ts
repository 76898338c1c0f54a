// Pooling as free functions. Inputs are [batch, channels, ...space]; the batch axis may be left out.

import { checkNames } from "../util/options.ts";
import type { AdaptiveSize } from "./nodes/pool.ts";
import * as nodes from "./nodes/pool.ts";
import type { Each } from "./nodes/spatial.ts";
import { type Tensor, wrap } from "./tensor.ts";

export type { AdaptiveSize } from "./nodes/pool.ts";

interface BlockOptions {
  /** Steps from block to block. Default the size, so that blocks do not overlap. */
  readonly stride?: Each | null | undefined;
  /** Whether blocks may reach over the end, if they begin inside. Default false. */
  readonly ceilMode?: boolean | undefined;
}

export interface MaxPoolOptions extends BlockOptions {
  /** −∞ around the input, at most half of the size. Default 0. */
  readonly padding?: Each | undefined;
  /** Distance of a block's elements. Default 1. */
  readonly dilation?: Each | undefined;
  /** Also return where each value stands in the input's space, as one int32 number. Default false. */
  readonly returnIndices?: boolean | undefined;
}

export interface AvgPoolOptions extends BlockOptions {
  /** Zeros around the input, at most half of the size. Default 0. */
  readonly padding?: Each | undefined;
  /** Whether the zeros count as elements. Default true. */
  readonly countIncludePad?: boolean | undefined;
  /** What the sums are divided by, in place of the number of elements. */
  readonly divisorOverride?: number | null | undefined;
}

export type LpPoolOptions = BlockOptions;

/** Values, and where they stand in the input's space. */
export type WithIndices = [values: Tensor, indices: Tensor<"int32">];

type Indexed = { readonly returnIndices: true };

function pairOf({ values, indices }: ReturnType<typeof nodes.maxPool>, both: boolean): Tensor | WithIndices {
  return both ? [wrap(values), wrap(indices())] : wrap(values);
}

function maxPool(where: string, axes: number, x: Tensor, size: Each, options: MaxPoolOptions): Tensor | WithIndices {
  checkNames(where, options, ["stride", "padding", "dilation", "ceilMode", "returnIndices"]);
  const { stride = null, padding = 0, dilation = 1, ceilMode = false, returnIndices = false } = options;
  return pairOf(nodes.maxPool(where, axes, x.node, { size, stride, padding, dilation, ceilMode }), returnIndices);
}

function avgPool(where: string, axes: number, x: Tensor, size: Each, options: AvgPoolOptions): Tensor {
  checkNames(where, options, ["stride", "padding", "ceilMode", "countIncludePad", "divisorOverride"]);
  const { stride = null, padding = 0, ceilMode = false, countIncludePad = true, divisorOverride = null } = options;
  return wrap(nodes.averagePool(where, axes, x.node, { size, stride, padding, ceilMode, countIncludePad, divisorOverride }));
}

function lpPool(where: string, axes: number, x: Tensor, power: number, size: Each, options: LpPoolOptions): Tensor {
  checkNames(where, options, ["stride", "ceilMode"]);
  const { stride = null, ceilMode = false } = options;
  return wrap(nodes.lpPool(where, axes, x.node, power, { size, stride, ceilMode }));
}

function adaptiveMaxPool(
  where: string,
  axes: number,
  x: Tensor,
  size: AdaptiveSize,
  options: { returnIndices?: boolean | undefined },
): Tensor | WithIndices {
  checkNames(where, options, ["returnIndices"]);
  return pairOf(nodes.adaptiveMaxPool(where, axes, x.node, size), options.returnIndices ?? false);
}

/**
 * The largest element of each block. The gradient goes to the first of several equal ones.
 *
 * @param x float [batch, channels, length], or without the batch axis.
 * @param size of a block, in all directions or each.
 * @returns [batch, channels, ...]; with `returnIndices` the values and their flat positions in the input's space.
 * @throws UserError `OPTION` for numbers out of range; `SHAPE` where no block fits.
 * @example
 * maxPool1d(tensor([[[1, 3, 2, 5]]]), 2);   // [[[3, 5]]]
 */
export function maxPool1d(x: Tensor, size: Each, options: MaxPoolOptions & Indexed): WithIndices;
export function maxPool1d(x: Tensor, size: Each, options?: MaxPoolOptions): Tensor;
export function maxPool1d(x: Tensor, size: Each, options: MaxPoolOptions = {}): Tensor | WithIndices {
  return maxPool("maxPool1d", 1, x, size, options);
}

/**
 * The largest element of each block. The gradient goes to the first of several equal ones.
 *
 * @param x float [batch, channels, height, width], or without the batch axis.
 * @param size of a block, in all directions or each.
 * @returns [batch, channels, ...]; with `returnIndices` the values and their flat positions in the input's space.
 * @throws UserError `OPTION` for numbers out of range; `SHAPE` where no block fits.
 * @example
 * maxPool2d(tensor([[[[1, 3], [2, 5]]]]), 2);   // [[[[5]]]]
 */
export function maxPool2d(x: Tensor, size: Each, options: MaxPoolOptions & Indexed): WithIndices;
export function maxPool2d(x: Tensor, size: Each, options?: MaxPoolOptions): Tensor;
export function maxPool2d(x: Tensor, size: Each, options: MaxPoolOptions = {}): Tensor | WithIndices {
  return maxPool("maxPool2d", 2, x, size, options);
}

/**
 * The largest element of each block. The gradient goes to the first of several equal ones.
 *
 * @param x float [batch, channels, depth, height, width], or without the batch axis.
 * @param size of a block, in all directions or each.
 * @returns [batch, channels, ...]; with `returnIndices` the values and their flat positions in the input's space.
 * @throws UserError `OPTION` for numbers out of range; `SHAPE` where no block fits.
 * @example
 * maxPool3d(tensor([[[[[1, 3], [2, 5]], [[0, 1], [1, 3]]]]]), 2);   // [[[[[5]]]]]
 */
export function maxPool3d(x: Tensor, size: Each, options: MaxPoolOptions & Indexed): WithIndices;
export function maxPool3d(x: Tensor, size: Each, options?: MaxPoolOptions): Tensor;
export function maxPool3d(x: Tensor, size: Each, options: MaxPoolOptions = {}): Tensor | WithIndices {
  return maxPool("maxPool3d", 3, x, size, options);
}

/**
 * The mean of each block.
 *
 * @param x float [batch, channels, length], or without the batch axis.
 * @param size of a block, in all directions or each.
 * @throws UserError `OPTION` for numbers out of range; `SHAPE` where no block fits.
 * @example
 * avgPool1d(tensor([[[1, 3, 2, 5]]]), 2);   // [[[2, 3.5]]]
 */
export function avgPool1d(x: Tensor, size: Each, options: AvgPoolOptions = {}): Tensor {
  return avgPool("avgPool1d", 1, x, size, options);
}

/**
 * The mean of each block.
 *
 * @param x float [batch, channels, height, width], or without the batch axis.
 * @param size of a block, in all directions or each.
 * @throws UserError `OPTION` for numbers out of range; `SHAPE` where no block fits.
 * @example
 * avgPool2d(tensor([[[[1, 3], [2, 5]]]]), 2);   // [[[[2.75]]]]
 */
export function avgPool2d(x: Tensor, size: Each, options: AvgPoolOptions = {}): Tensor {
  return avgPool("avgPool2d", 2, x, size, options);
}

/**
 * The mean of each block.
 *
 * @param x float [batch, channels, depth, height, width], or without the batch axis.
 * @param size of a block, in all directions or each.
 * @throws UserError `OPTION` for numbers out of range; `SHAPE` where no block fits.
 * @example
 * avgPool3d(tensor([[[[[1, 3], [2, 5]], [[0, 1], [1, 3]]]]]), 2);   // [[[[[2]]]]]
 */
export function avgPool3d(x: Tensor, size: Each, options: AvgPoolOptions = {}): Tensor {
  return avgPool("avgPool3d", 3, x, size, options);
}

/**
 * (Σ xᵖ)^(1/p) of each block; no gradient where the sum is 0.
 *
 * @param x float [batch, channels, length], or without the batch axis.
 * @param power p, not 0.
 * @param size of a block, in all directions or each.
 * @throws UserError `OPTION` for numbers out of range; `SHAPE` where no block fits.
 */
export function lpPool1d(x: Tensor, power: number, size: Each, options: LpPoolOptions = {}): Tensor {
  return lpPool("lpPool1d", 1, x, power, size, options);
}

/**
 * (Σ xᵖ)^(1/p) of each block; no gradient where the sum is 0.
 *
 * @param x float [batch, channels, height, width], or without the batch axis.
 * @param power p, not 0.
 * @param size of a block, in all directions or each.
 * @throws UserError `OPTION` for numbers out of range; `SHAPE` where no block fits.
 */
export function lpPool2d(x: Tensor, power: number, size: Each, options: LpPoolOptions = {}): Tensor {
  return lpPool("lpPool2d", 2, x, power, size, options);
}

/**
 * (Σ xᵖ)^(1/p) of each block; no gradient where the sum is 0.
 *
 * @param x float [batch, channels, depth, height, width], or without the batch axis.
 * @param power p, not 0.
 * @param size of a block, in all directions or each.
 * @throws UserError `OPTION` for numbers out of range; `SHAPE` where no block fits.
 */
export function lpPool3d(x: Tensor, power: number, size: Each, options: LpPoolOptions = {}): Tensor {
  return lpPool("lpPool3d", 3, x, power, size, options);
}

/**
 * The mean of each of so many nearly equal parts: part i of n elements goes from ⌊i·n/parts⌋ to ⌈(i+1)·n/parts⌉.
 *
 * @param x float [batch, channels, length], or without the batch axis.
 * @param size parts along each axis; null keeps an axis.
 * @throws UserError `OPTION` for a size that is not one; `SHAPE` for an empty input.
 * @example
 * console.log(adaptiveAvgPool1d(ones([2, 3, 10]), 3).shape); // [ 2, 3, 3 ]
 */
export function adaptiveAvgPool1d(x: Tensor, size: AdaptiveSize): Tensor {
  return wrap(nodes.adaptiveAveragePool("adaptiveAvgPool1d", 1, x.node, size));
}

/**
 * The mean of each of so many nearly equal parts: part i of n elements goes from ⌊i·n/parts⌋ to ⌈(i+1)·n/parts⌉.
 *
 * @param x float [batch, channels, height, width], or without the batch axis.
 * @param size parts along each axis; null keeps an axis.
 * @throws UserError `OPTION` for a size that is not one; `SHAPE` for an empty input.
 * @example
 * console.log(adaptiveAvgPool2d(ones([2, 3, 10, 10]), 3).shape); // [ 2, 3, 3, 3 ]
 */
export function adaptiveAvgPool2d(x: Tensor, size: AdaptiveSize): Tensor {
  return wrap(nodes.adaptiveAveragePool("adaptiveAvgPool2d", 2, x.node, size));
}

/**
 * The mean of each of so many nearly equal parts: part i of n elements goes from ⌊i·n/parts⌋ to ⌈(i+1)·n/parts⌉.
 *
 * @param x float [batch, channels, depth, height, width], or without the batch axis.
 * @param size parts along each axis; null keeps an axis.
 * @throws UserError `OPTION` for a size that is not one; `SHAPE` for an empty input.
 * @example
 * console.log(adaptiveAvgPool3d(ones([2, 3, 6, 6, 6]), 3).shape); // [ 2, 3, 3, 3, 3 ]
 */
export function adaptiveAvgPool3d(x: Tensor, size: AdaptiveSize): Tensor {
  return wrap(nodes.adaptiveAveragePool("adaptiveAvgPool3d", 3, x.node, size));
}

/**
 * The largest of each of so many nearly equal parts, divided as in `adaptiveAvgPool1d`.
 *
 * @param x float [batch, channels, length], or without the batch axis.
 * @param size parts along each axis; null keeps an axis.
 * @returns as `maxPool1d`.
 * @throws UserError `OPTION` for a size that is not one; `SHAPE` for an empty input.
 */
export function adaptiveMaxPool1d(x: Tensor, size: AdaptiveSize, options: Indexed): WithIndices;
export function adaptiveMaxPool1d(x: Tensor, size: AdaptiveSize, options?: { readonly returnIndices?: boolean | undefined }): Tensor;
export function adaptiveMaxPool1d(
  x: Tensor,
  size: AdaptiveSize,
  options: { readonly returnIndices?: boolean | undefined } = {},
): Tensor | WithIndices {
  return adaptiveMaxPool("adaptiveMaxPool1d", 1, x, size, options);
}

/**
 * The largest of each of so many nearly equal parts, divided as in `adaptiveAvgPool2d`.
 *
 * @param x float [batch, channels, height, width], or without the batch axis.
 * @param size parts along each axis; null keeps an axis.
 * @returns as `maxPool2d`.
 * @throws UserError `OPTION` for a size that is not one; `SHAPE` for an empty input.
 */
export function adaptiveMaxPool2d(x: Tensor, size: AdaptiveSize, options: Indexed): WithIndices;
export function adaptiveMaxPool2d(x: Tensor, size: AdaptiveSize, options?: { readonly returnIndices?: boolean | undefined }): Tensor;
export function adaptiveMaxPool2d(
  x: Tensor,
  size: AdaptiveSize,
  options: { readonly returnIndices?: boolean | undefined } = {},
): Tensor | WithIndices {
  return adaptiveMaxPool("adaptiveMaxPool2d", 2, x, size, options);
}

/**
 * The largest of each of so many nearly equal parts, divided as in `adaptiveAvgPool3d`.
 *
 * @param x float [batch, channels, depth, height, width], or without the batch axis.
 * @param size parts along each axis; null keeps an axis.
 * @returns as `maxPool3d`.
 * @throws UserError `OPTION` for a size that is not one; `SHAPE` for an empty input.
 */
export function adaptiveMaxPool3d(x: Tensor, size: AdaptiveSize, options: Indexed): WithIndices;
export function adaptiveMaxPool3d(x: Tensor, size: AdaptiveSize, options?: { readonly returnIndices?: boolean | undefined }): Tensor;
export function adaptiveMaxPool3d(
  x: Tensor,
  size: AdaptiveSize,
  options: { readonly returnIndices?: boolean | undefined } = {},
): Tensor | WithIndices {
  return adaptiveMaxPool("adaptiveMaxPool3d", 3, x, size, options);
}

/** The mean over all spatial axes of [batch, channels, ...space], which stay with size 1. @throws UserError `SHAPE` without spatial axes. */
export function globalAvgPool(x: Tensor): Tensor {
  return wrap(nodes.globalPool("globalAvgPool", x.node, "mean"));
}

/** The largest over all spatial axes of [batch, channels, ...space], which stay with size 1. @throws UserError `SHAPE` without spatial axes. */
export function globalMaxPool(x: Tensor): Tensor {
  return wrap(nodes.globalPool("globalMaxPool", x.node, "max"));
}
