// Convolutional layers. Weights have PyTorch's names and layouts.

import type { ConvOptions, ConvTransposeOptions, Each, Padding } from "../tensor/conv.ts";
import * as functions from "../tensor/conv.ts";
import type { PadMode } from "../tensor/nodes/pad.ts";
import { pad } from "../tensor/repeat.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { mistake } from "../util/errors.ts";
import { checkNames, checkNumber } from "../util/options.ts";
import { glorotUniform, type Initializer, zerosInitializer } from "./initialize.ts";
import { Module } from "./module.ts";
import { type Parameter, parameter } from "./parameter.ts";

interface WeightOptions {
  /** Channels fall into so many groups, each convolved for itself; as many as channels: depthwise. Default 1. */
  readonly groups?: number;
  /** Whether to add a bias. Default true. */
  readonly bias?: boolean;
  /** First weights. Default `glorotUniform()`. */
  readonly weightInitializer?: Initializer;
  /** First biases. Default zeros. */
  readonly biasInitializer?: Initializer;
}

export interface ConvLayerOptions extends WeightOptions {
  /** Steps of the kernel. Default 1. */
  readonly stride?: Each;
  /** What stands around the input: widths, `"same"` or `"valid"`. Default 0. */
  readonly padding?: Padding;
  /** What the padding is: zeros, or the input reflected, its edge repeated, or its other end. Default `"zeros"`. */
  readonly paddingMode?: "zeros" | Exclude<PadMode, "constant">;
  /** Distance of the kernel's elements. Default 1. */
  readonly dilation?: Each;
}

export interface ConvTransposeLayerOptions extends WeightOptions {
  /** Steps of the kernel over the output. Default 1. */
  readonly stride?: Each;
  /** How much less than everything is given out, on both sides. Default 0. */
  readonly padding?: Each;
  /** Positions more at the end of each axis. Default 0. */
  readonly outputPadding?: Each;
  /** Distance of the kernel's elements. Default 1. */
  readonly dilation?: Each;
}

const weightNames = ["groups", "bias", "weightInitializer", "biasInitializer"];
const paddingModes = ["zeros", "reflect", "replicate", "circular"];

function kernelSizes(where: string, size: Each, axes: number): number[] {
  const list = typeof size === "number" ? new Array<number>(axes).fill(size) : [...size];
  if (list.length !== axes || list.some((n) => !Number.isSafeInteger(n) || n < 1))
    throw mistake("OPTION", {
      where,
      problem: "the kernel's size is wrong",
      got: size,
      expected: `a whole number of at least 1, or a list of ${axes}`,
    });
  return list;
}

/** Weight and bias, where the channels divide: [first, second / groups, ...kernel] and [outputs]. */
function makeWeights(where: string, first: number, second: number, outputs: number, kernel: readonly number[], options: WeightOptions) {
  const groups = checkNumber(where, "groups", options.groups ?? 1, { least: 1, integer: true });
  if (first % groups !== 0 || second % groups !== 0)
    throw mistake("OPTION", {
      where,
      problem: "inputs and outputs must divide into the groups",
      got: `${first} and ${second} channels, ${groups} groups`,
      expected: `multiples of ${groups}`,
    });
  const weight = parameter([first, second / groups, ...kernel], options.weightInitializer ?? glorotUniform());
  const bias = options.bias === false ? null : parameter([outputs], options.biasInitializer ?? zerosInitializer, { penalized: false });
  return { groups, weight, bias };
}

type Convolve = (x: Tensor, weight: Tensor, options: ConvOptions) => Tensor;

/** What the three convolutions share. */
abstract class Convolution extends Module {
  /** [outputs, inputs / groups, ...kernel]. */
  readonly weight: Parameter;
  /** [outputs], or null. Penalties leave it out. */
  readonly bias: Parameter | null;
  readonly groups: number;
  readonly stride: Each;
  readonly padding: Padding;
  readonly paddingMode: "zeros" | Exclude<PadMode, "constant">;
  readonly dilation: Each;

  constructor(where: string, axes: number, inputs: number, outputs: number, size: Each, options: ConvLayerOptions) {
    super();
    checkNames(where, options, [...weightNames, "stride", "padding", "paddingMode", "dilation"]);
    const kernel = kernelSizes(where, size, axes);
    checkNumber(where, "outputs", outputs, { least: 1, integer: true });
    checkNumber(where, "inputs", inputs, { least: 1, integer: true });
    const { groups, weight, bias } = makeWeights(where, outputs, inputs, outputs, kernel, options);
    this.weight = weight;
    this.bias = bias;
    this.groups = groups;
    this.stride = options.stride ?? 1;
    this.padding = options.padding ?? 0;
    this.paddingMode = options.paddingMode ?? "zeros";
    if (!paddingModes.includes(this.paddingMode))
      throw mistake("OPTION", { where, problem: "there is no such paddingMode", got: this.paddingMode, expected: paddingModes.join(", ") });
    this.dilation = options.dilation ?? 1;
  }

  protected apply(convolve: Convolve, x: Tensor): Tensor {
    const { weight, bias, stride, dilation, groups, paddingMode } = this;
    const rest = { bias, stride, dilation, groups };
    if (paddingMode === "zeros") return convolve(x, weight, { ...rest, padding: this.padding });
    const widths = this.widths(weight.rank - 2);
    const none = new Array<[number, number]>(x.rank - widths.length).fill([0, 0]);
    return convolve(pad(x, [...none, ...widths], { mode: paddingMode }), weight, rest);
  }

  /** The padding as a pair for each axis. */
  private widths(axes: number): (readonly [number, number])[] {
    const { padding, dilation, weight } = this;
    if (padding === "valid") return new Array<[number, number]>(axes).fill([0, 0]);
    if (padding === "same")
      return Array.from({ length: axes }, (_, i) => {
        const total = ((weight.shape[2 + i] as number) - 1) * (typeof dilation === "number" ? dilation : (dilation[i] as number));
        return [Math.floor(total / 2), Math.ceil(total / 2)] as const;
      });
    const list = typeof padding === "number" ? new Array<number>(axes).fill(padding) : padding;
    return list.map((p) => (typeof p === "number" ? ([p, p] as const) : p));
  }
}

type ConvolveTransposed = (x: Tensor, weight: Tensor, options: ConvTransposeOptions) => Tensor;

/** What the three transposed convolutions share. */
abstract class TransposedConvolution extends Module {
  /** [inputs, outputs / groups, ...kernel]. */
  readonly weight: Parameter;
  /** [outputs], or null. Penalties leave it out. */
  readonly bias: Parameter | null;
  readonly groups: number;
  readonly stride: Each;
  readonly padding: Each;
  readonly outputPadding: Each;
  readonly dilation: Each;

  constructor(where: string, axes: number, inputs: number, outputs: number, size: Each, options: ConvTransposeLayerOptions) {
    super();
    checkNames(where, options, [...weightNames, "stride", "padding", "outputPadding", "dilation"]);
    const kernel = kernelSizes(where, size, axes);
    checkNumber(where, "inputs", inputs, { least: 1, integer: true });
    checkNumber(where, "outputs", outputs, { least: 1, integer: true });
    const { groups, weight, bias } = makeWeights(where, inputs, outputs, outputs, kernel, options);
    this.weight = weight;
    this.bias = bias;
    this.groups = groups;
    this.stride = options.stride ?? 1;
    this.padding = options.padding ?? 0;
    this.outputPadding = options.outputPadding ?? 0;
    this.dilation = options.dilation ?? 1;
  }

  protected apply(convolve: ConvolveTransposed, x: Tensor): Tensor {
    const { weight, bias, stride, padding, outputPadding, dilation, groups } = this;
    return convolve(x, weight, { bias, stride, padding, outputPadding, dilation, groups });
  }
}

/**
 * Convolution over sequences; see `conv1d` in functional.ts.
 *
 * @example
 * const layer = new Conv1d(3, 8, 5);
 * console.log(layer.forward(zeros([4, 3, 20])).shape); // [ 4, 8, 16 ]
 */
export class Conv1d extends Convolution {
  /**
   * @param inputs channels of the input
   * @param outputs channels of the result
   * @param size of the kernel, in all directions or each
   * @throws UserError `OPTION` for sizes that are not positive integers, or channels that do not divide into the groups
   */
  constructor(inputs: number, outputs: number, size: Each, options: ConvLayerOptions = {}) {
    super("Conv1d", 1, inputs, outputs, size, options);
  }

  /**
   * @param x [batch, inputs, length], float32
   * @throws UserError `SHAPE` when the input does not fit
   */
  forward(x: Tensor): Tensor {
    return this.apply(functions.conv1d, x);
  }
}

/**
 * Convolution over images; see `conv2d` in functional.ts.
 *
 * @example
 * const layer = new Conv2d(3, 8, 3, { padding: "same" });
 * console.log(layer.forward(zeros([4, 3, 20, 20])).shape); // [ 4, 8, 20, 20 ]
 */
export class Conv2d extends Convolution {
  /**
   * @param inputs channels of the input
   * @param outputs channels of the result
   * @param size of the kernel, in all directions or each
   * @throws UserError `OPTION` for sizes that are not positive integers, or channels that do not divide into the groups
   */
  constructor(inputs: number, outputs: number, size: Each, options: ConvLayerOptions = {}) {
    super("Conv2d", 2, inputs, outputs, size, options);
  }

  /**
   * @param x [batch, inputs, height, width], float32
   * @throws UserError `SHAPE` when the input does not fit
   */
  forward(x: Tensor): Tensor {
    return this.apply(functions.conv2d, x);
  }
}

/**
 * Convolution over volumes; see `conv3d` in functional.ts.
 *
 * @example
 * const layer = new Conv3d(3, 8, 3, { stride: 2 });
 * console.log(layer.forward(zeros([4, 3, 9, 9, 9])).shape); // [ 4, 8, 4, 4, 4 ]
 */
export class Conv3d extends Convolution {
  /**
   * @param inputs channels of the input
   * @param outputs channels of the result
   * @param size of the kernel, in all directions or each
   * @throws UserError `OPTION` for sizes that are not positive integers, or channels that do not divide into the groups
   */
  constructor(inputs: number, outputs: number, size: Each, options: ConvLayerOptions = {}) {
    super("Conv3d", 3, inputs, outputs, size, options);
  }

  /**
   * @param x [batch, inputs, depth, height, width], float32
   * @throws UserError `SHAPE` when the input does not fit
   */
  forward(x: Tensor): Tensor {
    return this.apply(functions.conv3d, x);
  }
}

/**
 * Transposed convolution over sequences; see `convTranspose1d` in functional.ts.
 *
 * @example
 * const layer = new ConvTranspose1d(8, 3, 2, { stride: 2 });
 * console.log(layer.forward(zeros([4, 8, 10])).shape); // [ 4, 3, 20 ]
 */
export class ConvTranspose1d extends TransposedConvolution {
  /**
   * @param inputs channels of the input
   * @param outputs channels of the result
   * @param size of the kernel, in all directions or each
   * @throws UserError `OPTION` for sizes that are not positive integers, or channels that do not divide into the groups
   */
  constructor(inputs: number, outputs: number, size: Each, options: ConvTransposeLayerOptions = {}) {
    super("ConvTranspose1d", 1, inputs, outputs, size, options);
  }

  /**
   * @param x [batch, inputs, length], float32
   * @throws UserError `SHAPE` when the input does not fit
   */
  forward(x: Tensor): Tensor {
    return this.apply(functions.convTranspose1d, x);
  }
}

/**
 * Transposed convolution over images; see `convTranspose2d` in functional.ts.
 *
 * @example
 * const layer = new ConvTranspose2d(8, 3, 2, { stride: 2 });
 * console.log(layer.forward(zeros([4, 8, 10, 10])).shape); // [ 4, 3, 20, 20 ]
 */
export class ConvTranspose2d extends TransposedConvolution {
  /**
   * @param inputs channels of the input
   * @param outputs channels of the result
   * @param size of the kernel, in all directions or each
   * @throws UserError `OPTION` for sizes that are not positive integers, or channels that do not divide into the groups
   */
  constructor(inputs: number, outputs: number, size: Each, options: ConvTransposeLayerOptions = {}) {
    super("ConvTranspose2d", 2, inputs, outputs, size, options);
  }

  /**
   * @param x [batch, inputs, height, width], float32
   * @throws UserError `SHAPE` when the input does not fit
   */
  forward(x: Tensor): Tensor {
    return this.apply(functions.convTranspose2d, x);
  }
}

/**
 * Transposed convolution over volumes; see `convTranspose3d` in functional.ts.
 *
 * @example
 * const layer = new ConvTranspose3d(8, 3, 2, { stride: 2 });
 * console.log(layer.forward(zeros([4, 8, 5, 5, 5])).shape); // [ 4, 3, 10, 10, 10 ]
 */
export class ConvTranspose3d extends TransposedConvolution {
  /**
   * @param inputs channels of the input
   * @param outputs channels of the result
   * @param size of the kernel, in all directions or each
   * @throws UserError `OPTION` for sizes that are not positive integers, or channels that do not divide into the groups
   */
  constructor(inputs: number, outputs: number, size: Each, options: ConvTransposeLayerOptions = {}) {
    super("ConvTranspose3d", 3, inputs, outputs, size, options);
  }

  /**
   * @param x [batch, inputs, depth, height, width], float32
   * @throws UserError `SHAPE` when the input does not fit
   */
  forward(x: Tensor): Tensor {
    return this.apply(functions.convTranspose3d, x);
  }
}
