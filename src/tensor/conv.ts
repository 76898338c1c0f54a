// Convolutions as free functions. Inputs are [batch, channels, ...space], the batch axis may be left out; weights have PyTorch's
// layout.

import { checkNames } from "../util/options.ts";
import { convolution, type Padding, transposedConvolution } from "./nodes/conv.ts";
import type { Each } from "./nodes/spatial.ts";
import { type Tensor, wrap } from "./tensor.ts";

export type { Padding } from "./nodes/conv.ts";
export type { Each } from "./nodes/spatial.ts";

export interface ConvOptions {
  /** [outputs], added to every position. Default none. */
  readonly bias?: Tensor | null | undefined;
  /** Steps of the kernel, in all directions or each. Default 1. */
  readonly stride?: Each | undefined;
  /**
   * Zeros around the input: a number, a list with a number or `[before, after]` for each axis, `"valid"` (none) or `"same"` (as many as keep the
   * sizes, at stride 1; the odd one stands after). Default 0.
   */
  readonly padding?: Padding | undefined;
  /** Distance of the kernel's elements. Default 1. */
  readonly dilation?: Each | undefined;
  /** Channels fall into so many groups, each convolved for itself; as many as channels: depthwise. Default 1. */
  readonly groups?: number | undefined;
}

export interface ConvTransposeOptions extends Omit<ConvOptions, "padding"> {
  /** How much less than everything is given out, on both sides. Default 0. */
  readonly padding?: Each | undefined;
  /** Positions more at the end of each axis; less than the stride or the dilation. Default 0. */
  readonly outputPadding?: Each | undefined;
}

const names = ["bias", "stride", "padding", "dilation", "groups"];

function convolve(where: string, axes: number, x: Tensor, weight: Tensor, options: ConvOptions): Tensor {
  checkNames(where, options, names);
  const { bias, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  return wrap(convolution(where, axes, x.node, weight.node, { bias: bias?.node ?? null, stride, padding, dilation, groups }));
}

function convolveTransposed(where: string, axes: number, x: Tensor, weight: Tensor, options: ConvTransposeOptions): Tensor {
  checkNames(where, options, [...names, "outputPadding"]);
  const { bias, stride = 1, padding = 0, outputPadding = 0, dilation = 1, groups = 1 } = options;
  const all = { bias: bias?.node ?? null, stride, padding, outputPadding, dilation, groups };
  return wrap(transposedConvolution(where, axes, x.node, weight.node, all));
}

/**
 * The convolution (cross-correlation) over 1 spatial axis: y[n, o, p] = b[o] + Σ w[o, c, k] · x[n, c, p·stride + k·dilation].
 *
 * @param x float [batch, inputs, length], or without the batch axis.
 * @param weight float [outputs, inputs / groups, ...kernel].
 * @returns [batch, outputs, ...], each size ⌊(n + padding − dilation · (kernel − 1) − 1) / stride⌋ + 1.
 * @throws UserError `SHAPE` where input, weight and bias do not fit, or the kernel is larger than the padded input; `OPTION` for numbers out of range.
 * @example
 * console.log(conv1d(zeros([2, 3, 10]), ones([4, 3, 3])).shape); // [ 2, 4, 8 ]
 */
export function conv1d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return convolve("conv1d", 1, x, weight, options);
}

/**
 * The convolution (cross-correlation) over 2 spatial axes: y[n, o, p] = b[o] + Σ w[o, c, k] · x[n, c, p·stride + k·dilation].
 *
 * @param x float [batch, inputs, height, width], or without the batch axis.
 * @param weight float [outputs, inputs / groups, ...kernel].
 * @returns [batch, outputs, ...], each size ⌊(n + padding − dilation · (kernel − 1) − 1) / stride⌋ + 1.
 * @throws UserError `SHAPE` where input, weight and bias do not fit, or the kernel is larger than the padded input; `OPTION` for numbers out of range.
 * @example
 * console.log(conv2d(zeros([2, 3, 10, 10]), ones([4, 3, 3, 3])).shape); // [ 2, 4, 8, 8 ]
 */
export function conv2d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return convolve("conv2d", 2, x, weight, options);
}

/**
 * The convolution (cross-correlation) over 3 spatial axes: y[n, o, p] = b[o] + Σ w[o, c, k] · x[n, c, p·stride + k·dilation].
 *
 * @param x float [batch, inputs, depth, height, width], or without the batch axis.
 * @param weight float [outputs, inputs / groups, ...kernel].
 * @returns [batch, outputs, ...], each size ⌊(n + padding − dilation · (kernel − 1) − 1) / stride⌋ + 1.
 * @throws UserError `SHAPE` where input, weight and bias do not fit, or the kernel is larger than the padded input; `OPTION` for numbers out of range.
 * @example
 * console.log(conv3d(zeros([2, 3, 6, 6, 6]), ones([4, 3, 3, 3, 3])).shape); // [ 2, 4, 4, 4, 4 ]
 */
export function conv3d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return convolve("conv3d", 3, x, weight, options);
}

/**
 * The transposed convolution over 1 spatial axis, the adjoint of `conv1d`: each input adds a copy of the kernel to the output.
 *
 * @param x float [batch, inputs, length], or without the batch axis.
 * @param weight float [inputs, outputs / groups, ...kernel].
 * @returns [batch, outputs, ...], each size (n − 1) · stride − 2 · padding + dilation · (kernel − 1) + outputPadding + 1.
 * @throws UserError `SHAPE` where input, weight and bias do not fit; `OPTION` for numbers out of range.
 * @example
 * console.log(convTranspose1d(zeros([2, 4, 10]), ones([4, 3, 3])).shape); // [ 2, 3, 12 ]
 */
export function convTranspose1d(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return convolveTransposed("convTranspose1d", 1, x, weight, options);
}

/**
 * The transposed convolution over 2 spatial axes, the adjoint of `conv2d`: each input adds a copy of the kernel to the output.
 *
 * @param x float [batch, inputs, height, width], or without the batch axis.
 * @param weight float [inputs, outputs / groups, ...kernel].
 * @returns [batch, outputs, ...], each size (n − 1) · stride − 2 · padding + dilation · (kernel − 1) + outputPadding + 1.
 * @throws UserError `SHAPE` where input, weight and bias do not fit; `OPTION` for numbers out of range.
 * @example
 * console.log(convTranspose2d(zeros([2, 4, 10, 10]), ones([4, 3, 3, 3])).shape); // [ 2, 3, 12, 12 ]
 */
export function convTranspose2d(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return convolveTransposed("convTranspose2d", 2, x, weight, options);
}

/**
 * The transposed convolution over 3 spatial axes, the adjoint of `conv3d`: each input adds a copy of the kernel to the output.
 *
 * @param x float [batch, inputs, depth, height, width], or without the batch axis.
 * @param weight float [inputs, outputs / groups, ...kernel].
 * @returns [batch, outputs, ...], each size (n − 1) · stride − 2 · padding + dilation · (kernel − 1) + outputPadding + 1.
 * @throws UserError `SHAPE` where input, weight and bias do not fit; `OPTION` for numbers out of range.
 * @example
 * console.log(convTranspose3d(zeros([2, 4, 6, 6, 6]), ones([4, 3, 3, 3, 3])).shape); // [ 2, 3, 8, 8, 8 ]
 */
export function convTranspose3d(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return convolveTransposed("convTranspose3d", 3, x, weight, options);
}
