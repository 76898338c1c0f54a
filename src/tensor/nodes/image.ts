// Rearrangements of images on nodes: pixel shuffling, and blocks as columns and back.

import { permute, reshape, slice, window } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { showShape, sizeOf } from "../../graph/shape.ts";
import { unwindow } from "../../graph/unwindow.ts";
import { mistake } from "../../util/errors.ts";
import { checkNumber } from "../../util/options.ts";
import { batched, type Each, each, padSpace, spaceOf } from "./spatial.ts";

function imageAxes(where: string, x: Node): { lead: readonly number[]; channels: number; height: number; width: number } {
  if (x.shape.length < 3)
    throw mistake("SHAPE", {
      where,
      problem: "the input has too few axes",
      got: showShape(x.shape),
      expected: "[…,channels,height,width]",
    });
  const [channels, height, width] = x.shape.slice(-3) as [number, number, number];
  return { lead: x.shape.slice(0, -3), channels, height, width };
}

/** […, C·r², H, W] as […, C, H·r, W·r]. */
export function pixelShuffle(x: Node, factor: number): Node {
  const where = "pixelShuffle";
  const r = checkNumber(where, "factor", factor, { least: 1, integer: true });
  const { lead, channels, height, width } = imageAxes(where, x);
  if (channels % (r * r) !== 0)
    throw mistake("SHAPE", {
      where,
      problem: "the channels do not divide by the factor's square",
      got: `${showShape(x.shape)} and factor ${r}`,
      expected: `a multiple of ${r * r} channels`,
    });
  const own = channels / (r * r);
  const split = reshape(x, [...lead, own, r, r, height, width]);
  const at = lead.length;
  const order = [...lead.keys(), at, at + 3, at + 1, at + 4, at + 2];
  return reshape(permute(split, order), [...lead, own, height * r, width * r]);
}

/** […, C, H·r, W·r] as […, C·r², H, W]. */
export function pixelUnshuffle(x: Node, factor: number): Node {
  const where = "pixelUnshuffle";
  const r = checkNumber(where, "factor", factor, { least: 1, integer: true });
  const { lead, channels, height, width } = imageAxes(where, x);
  if (height % r !== 0 || width % r !== 0)
    throw mistake("SHAPE", {
      where,
      problem: "height and width do not divide by the factor",
      got: `${showShape(x.shape)} and factor ${r}`,
      expected: `multiples of ${r}`,
    });
  const split = reshape(x, [...lead, channels, height / r, r, width / r, r]);
  const at = lead.length;
  const order = [...lead.keys(), at, at + 2, at + 4, at + 1, at + 3];
  return reshape(permute(split, order), [...lead, channels * r * r, height / r, width / r]);
}

export interface BlockArguments {
  readonly stride: Each;
  readonly padding: Each;
  readonly dilation: Each;
}

function blockPlan(where: string, kernel: Each, options: BlockArguments, axes: number, space: readonly number[]) {
  const size = each(where, "size", kernel, axes, 1);
  const stride = each(where, "stride", options.stride, axes, 1);
  const padding = each(where, "padding", options.padding, axes, 0);
  const dilation = each(where, "dilation", options.dilation, axes, 1);
  const full = space.map((n, i) => n + 2 * (padding[i] as number));
  const count = full.map((n, i) => Math.floor((n - (dilation[i] as number) * ((size[i] as number) - 1) - 1) / (stride[i] as number)) + 1);
  if (count.some((n) => n < 1))
    throw mistake("SHAPE", {
      where,
      problem: "no block fits",
      got: `space ${showShape(space)}, size ${showShape(size)}, padding ${showShape(padding)}, dilation ${showShape(dilation)}`,
      expected: "blocks no larger than the padded space",
    });
  return { size, padding, full, count, attributes: { axes: [2, 3], sizes: size, strides: stride, dilations: dilation } };
}

/** The blocks of an image as columns: [N, C·places, positions]. */
export function unfold(input: Node, kernel: Each, options: BlockArguments): Node {
  const where = "unfold";
  const { x, unbatch } = batched(where, input, 2);
  const { size, padding, count, attributes } = blockPlan(where, kernel, options, 2, spaceOf(x));
  const { axes, sizes, strides, dilations } = attributes;
  const blocks = window(padSpace(x, padding, padding, 0), axes, sizes, strides, dilations);
  const [samples, channels] = x.shape as [number, number];
  return unbatch(reshape(permute(blocks, [0, 1, 4, 5, 2, 3]), [samples, channels * sizeOf(size), sizeOf(count)]));
}

/** Columns added back into an image: the adjoint of `unfold`. */
export function fold(input: Node, outputSize: Each, kernel: Each, options: BlockArguments): Node {
  const where = "fold";
  const { x, unbatch } = batched(where, input, 1);
  const output = each(where, "outputSize", outputSize, 2, 1);
  const { size, padding, full, count, attributes } = blockPlan(where, kernel, options, 2, output);
  const [samples, rows, columns] = x.shape as [number, number, number];
  if (rows % sizeOf(size) !== 0)
    throw mistake("SHAPE", {
      where,
      problem: "the input's rows do not divide by the places of a block",
      got: `${showShape(input.shape)}, size ${showShape(size)}`,
      expected: `a multiple of ${sizeOf(size)} rows`,
    });
  if (columns !== sizeOf(count))
    throw mistake("SHAPE", {
      where,
      problem: "the input's columns are not the blocks of the output",
      got: `${columns} columns for output ${showShape(output)}, size ${showShape(size)}`,
      expected: `${sizeOf(count)} columns`,
    });
  const channels = rows / sizeOf(size);
  const blocks = permute(reshape(x, [samples, channels, ...size, ...count]), [0, 1, 4, 5, 2, 3]);
  const sum = unwindow(blocks, [samples, channels, ...full], attributes);
  return unbatch(slice(sum, [0, 0, ...padding], [samples, channels, ...output]));
}
