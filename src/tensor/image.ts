// Images as free functions: resampling, pixel shuffling, blocks as columns.

import { checkNames } from "../util/options.ts";
import * as nodes from "./nodes/image.ts";
import type { GridArguments, InterpolationMode } from "./nodes/resample.ts";
import * as resample from "./nodes/resample.ts";
import type { Each } from "./nodes/spatial.ts";
import { type Tensor, wrap } from "./tensor.ts";
import type { AnyTensor } from "./types.ts";

export type { InterpolationMode } from "./nodes/resample.ts";

export interface InterpolateOptions {
  /** The spatial sizes of the result; this or `scaleFactor`. */
  readonly size?: number | readonly number[] | null | undefined;
  /** How much larger the result is; its sizes are rounded down. */
  readonly scaleFactor?: number | readonly number[] | null | undefined;
  /** Default `"nearest"`. */
  readonly mode?: InterpolationMode | undefined;
  /** Whether the corner elements, not the corners of the elements, come to lie on each other. Default false. */
  readonly alignCorners?: boolean | null | undefined;
  /** Whether positions follow from the rounded sizes rather than from `scaleFactor` itself. Default false. */
  readonly recomputeScaleFactor?: boolean | null | undefined;
}

/**
 * Makes images (or sequences, volumes) larger or smaller.
 *
 * Modes: `nearest` and `nearest-exact` take the element at ⌊o · scale⌋ and ⌊(o + ½) · scale⌋; `linear`, `bilinear`, `trilinear` (for 1, 2, 3
 * spatial axes) weigh the two neighbours along each axis; `bicubic` weighs four with Keys's cubic, a = −¾; `area` is
 * `adaptiveAvgPool`.
 *
 * @param x float [batch, channels, ...space].
 * @throws UserError `OPTION` where not exactly one of size and scaleFactor is given, or a mode does not exist; `SHAPE` where the mode does not fit.
 * @example
 * interpolate(tensor([[[1, 2]]]), { scaleFactor: 2 });   // [[[1, 1, 2, 2]]]
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  checkNames("interpolate", options, ["size", "scaleFactor", "mode", "alignCorners", "recomputeScaleFactor"]);
  const { size, scaleFactor, mode = "nearest", alignCorners, recomputeScaleFactor } = options;
  const all = {
    size: size ?? null,
    scaleFactor: scaleFactor ?? null,
    mode,
    alignCorners: alignCorners ?? false,
    recomputeScaleFactor: recomputeScaleFactor ?? false,
  };
  return wrap(resample.interpolate(x.node, all));
}

/** What `gridSample` takes; see there. */
export type GridSampleOptions = { readonly [K in keyof GridArguments]?: GridArguments[K] | undefined };

/**
 * Samples an image at the positions of a grid, whose coordinates go from −1 to 1 over each axis, the innermost axis first.
 *
 * @param x float [batch, channels, height, width] or [batch, channels, depth, height, width].
 * @param grid float [batch, ..., 2] or [batch, ..., 3], with as many axes as the input.
 * @param options.mode `"bilinear"` (default; trilinear for volumes), `"nearest"` or `"bicubic"`.
 * @param options.paddingMode what stands outside: `"zeros"` (default), `"border"` (the nearest element) or `"reflection"`.
 * @param options.alignCorners whether ±1 are the centres of the corner elements rather than their outer edges. Default false.
 * @returns [batch, channels, ...] with the grid's sizes.
 * @throws UserError `SHAPE` where input and grid do not fit; `OPTION` for modes that do not exist.
 */
export function gridSample(x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  checkNames("gridSample", options, ["mode", "paddingMode", "alignCorners"]);
  const { mode = "bilinear", paddingMode = "zeros", alignCorners = false } = options;
  return wrap(resample.gridSample(x.node, grid.node, { mode, paddingMode, alignCorners }));
}

/**
 * Channels to pixels: […, C·r², H, W] as […, C, H·r, W·r].
 * Source: Shi et al. 2016, arXiv 1609.05158.
 *
 * @throws UserError `SHAPE` where the channels do not divide by r².
 * @example
 * console.log(pixelShuffle(zeros([1, 8, 2, 2]), 2).shape); // [ 1, 2, 4, 4 ]
 */
export function pixelShuffle<T extends AnyTensor>(x: T, factor: number): T {
  return wrap(nodes.pixelShuffle(x.node, factor)) as AnyTensor as T;
}

/** Pixels to channels: […, C, H·r, W·r] as […, C·r², H, W]. @throws UserError `SHAPE` where height or width does not divide by r. */
export function pixelUnshuffle<T extends AnyTensor>(x: T, factor: number): T {
  return wrap(nodes.pixelUnshuffle(x.node, factor)) as AnyTensor as T;
}

export interface UnfoldOptions {
  /** Steps from block to block. Default 1. */
  readonly stride?: Each | undefined;
  /** Zeros around the image. Default 0. */
  readonly padding?: Each | undefined;
  /** Distance of a block's elements. Default 1. */
  readonly dilation?: Each | undefined;
}

function blockOptions(where: string, options: UnfoldOptions) {
  checkNames(where, options, ["stride", "padding", "dilation"]);
  const { stride = 1, padding = 0, dilation = 1 } = options;
  return { stride, padding, dilation };
}

/**
 * The blocks of an image as columns (im2col).
 *
 * @param x [batch, channels, height, width], or without the batch axis.
 * @param size of a block, in both directions or each.
 * @returns [batch, channels · places, positions]
 * @throws UserError `OPTION` for numbers out of range; `SHAPE` where no block fits.
 * @example
 * console.log(unfold(zeros([1, 2, 4, 4]), 3).shape); // [ 1, 18, 4 ]
 */
export function unfold(x: Tensor, size: Each, options: UnfoldOptions = {}): Tensor {
  return wrap(nodes.unfold(x.node, size, blockOptions("unfold", options)));
}

/**
 * Columns added back into an image, the adjoint of `unfold`: what overlaps is summed.
 *
 * @param x [batch, channels · places, positions], or without the batch axis.
 * @param outputSize height and width of the image.
 * @param size of a block, in both directions or each.
 * @returns [batch, channels, height, width]
 * @throws UserError `OPTION` for numbers out of range; `SHAPE` where rows or columns do not fit.
 * @example
 * fold(ones([1, 4, 4]), 3, 2);   // [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]
 */
export function fold(x: Tensor, outputSize: Each, size: Each, options: UnfoldOptions = {}): Tensor {
  return wrap(nodes.fold(x.node, outputSize, size, blockOptions("fold", options)));
}
