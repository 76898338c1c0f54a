// Convolutions on nodes. A convolution is one contraction of the weights with a window over the padded input, over channels
// and places, for each group; a transposed one adds the blocks of such a contraction back (graph/unwindow.ts). So
// gradients of both come from those of `contract` and `window`, and are contractions too.

import { binary, broadcastTo, cast, contract, pad, permute, reshape, slice, window } from "../../graph/build.ts";
import { isFloat } from "../../graph/dtype.ts";
import { narrow } from "../../graph/narrow.ts";
import type { Node } from "../../graph/node.ts";
import { showShape } from "../../graph/shape.ts";
import { unwindow } from "../../graph/unwindow.ts";
import { mistake } from "../../util/errors.ts";
import { meet } from "./operands.ts";
import { batched, type Each, each, spaceOf } from "./spatial.ts";

/** Zeros around the input: on both sides of all axes or of each, `[before, after]` for each, or a rule. */
export type Padding = number | readonly (number | readonly [number, number])[] | "same" | "valid";

export interface ConvolutionArguments {
  readonly bias: Node | null;
  readonly stride: Each;
  readonly padding: Padding;
  readonly dilation: Each;
  readonly groups: number;
}

const range = (start: number, length: number): number[] => Array.from({ length }, (_, i) => start + i);

/** Input, weights and bias in one float dtype, checked against each other. */
function operands(where: string, axes: number, input: Node, weight: Node, bias: Node | null, groups: number, transposed: boolean) {
  const dtype = meet(where, input, weight);
  if (!isFloat(dtype))
    throw mistake("DTYPE", {
      where,
      problem: "needs floating-point tensors",
      got: `${input.dtype} and ${weight.dtype}`,
      advice: 'Cast them: cast("float32").',
    });
  const layout = transposed ? "[inputs,outputs/groups,...kernel]" : "[outputs,inputs/groups,...kernel]";
  if (weight.shape.length !== axes + 2)
    throw mistake("SHAPE", {
      where,
      problem: "the weight has the wrong number of axes",
      got: showShape(weight.shape),
      expected: `${layout}, ${axes + 2} axes`,
    });
  const { x, unbatch } = batched(where, input, axes);
  if (!Number.isSafeInteger(groups) || groups < 1)
    throw mistake("OPTION", { where, problem: "groups is wrong", got: groups, expected: "a whole number of at least 1" });
  const [first, second] = weight.shape as [number, number];
  const [inputs, outputs] = transposed ? [first, second * groups] : [second * groups, first];
  if (first % groups !== 0 || first < groups)
    throw mistake("SHAPE", {
      where,
      problem: `the weight's axis 0 does not divide into ${groups} groups`,
      got: showShape(weight.shape),
      expected: `a multiple of ${groups}`,
    });
  if (x.shape[1] !== inputs)
    throw mistake("SHAPE", {
      where,
      problem: `the input has ${x.shape[1]} channels where the weight needs ${inputs}`,
      got: `input ${showShape(input.shape)}, weight ${showShape(weight.shape)}, groups ${groups}`,
      expected: `weight ${layout}`,
    });
  const sizes = weight.shape.slice(2);
  if (sizes.includes(0))
    throw mistake("SHAPE", { where, problem: "the kernel is empty", got: showShape(weight.shape), expected: "sizes of at least 1" });
  if (bias !== null && (bias.shape.length !== 1 || bias.shape[0] !== outputs))
    throw mistake("SHAPE", { where, problem: "the bias does not fit the weight", got: showShape(bias.shape), expected: `[${outputs}]` });
  return { x: cast(x, dtype), weight: cast(weight, dtype), bias: bias === null ? null : cast(bias, dtype), unbatch, sizes, outputs };
}

function addBias(y: Node, bias: Node | null): Node {
  if (bias === null) return y;
  return binary("add", y, broadcastTo(reshape(bias, [bias.size, ...y.shape.slice(2).map(() => 1)]), y.shape));
}

/** Zeros before and after each axis. */
function sides(where: string, padding: Padding, sizes: readonly number[], stride: readonly number[], dilation: readonly number[]) {
  const axes = sizes.length;
  if (padding === "valid") return { low: sizes.map(() => 0), high: sizes.map(() => 0) };
  if (padding === "same") {
    if (stride.some((s) => s !== 1))
      throw mistake("OPTION", {
        where,
        problem: 'padding "same" needs stride 1',
        got: `stride ${showShape(stride)}`,
        expected: "stride 1",
        advice: "Give the padding in numbers.",
      });
    const total = sizes.map((n, i) => (n - 1) * (dilation[i] as number));
    return { low: total.map((n) => Math.floor(n / 2)), high: total.map((n) => Math.ceil(n / 2)) };
  }
  const list = Array.isArray(padding) ? (padding as readonly (number | readonly [number, number])[]) : [padding as number];
  const good = (n: unknown) => typeof n === "number" && Number.isSafeInteger(n) && n >= 0;
  const pairs = list.map((p) => (Array.isArray(p) ? (p as readonly number[]) : [p as number, p as number]));
  if ((list.length !== axes && list.length !== 1) || !pairs.every((p) => p.length === 2 && p.every(good)))
    throw mistake("OPTION", {
      where,
      problem: "padding is wrong",
      got: padding,
      expected: `a whole number of at least 0, a list of ${axes} numbers or pairs, "same" or "valid"`,
    });
  const all = list.length === axes ? pairs : sizes.map(() => pairs[0] as readonly number[]);
  return { low: all.map((p) => p[0] as number), high: all.map((p) => p[1] as number) };
}

/** Σ over channels and places of weight · block, for every position of the kernel on the padded input. */
export function convolution(where: string, axes: number, input: Node, kernel: Node, options: ConvolutionArguments): Node {
  const { groups } = options;
  const { x, weight, bias, unbatch, sizes, outputs } = operands(where, axes, input, kernel, options.bias, groups, false);
  const stride = each(where, "stride", options.stride, axes, 1);
  const dilation = each(where, "dilation", options.dilation, axes, 1);
  const { low, high } = sides(where, options.padding, sizes, stride, dilation);
  const space = spaceOf(x).map((n, i) => n + (low[i] as number) + (high[i] as number));
  const reach = sizes.map((n, i) => (n - 1) * (dilation[i] as number) + 1);
  if (reach.some((n, i) => n > (space[i] as number)))
    throw mistake("SHAPE", {
      where,
      problem: "the kernel is larger than the padded input",
      got: `kernel ${showShape(reach)} with its dilation, input ${showShape(space)} with its padding`,
      expected: "a kernel that fits",
    });

  const samples = x.shape[0] as number;
  const perGroup = weight.shape[1] as number;
  // Padded last, beside the window: so the gradient takes its part of the sum over blocks at once (graph/narrow.ts).
  const grouped = pad(reshape(x, [samples, groups, perGroup, ...spaceOf(x)]), [0, 0, 0, ...low], [0, 0, 0, ...high]);
  const spatial = range(3, axes);
  const pointwise = sizes.every((n) => n === 1);
  const count = space.map((n, i) => Math.floor((n - (reach[i] as number)) / (stride[i] as number)) + 1);
  // One place only: a slice says the same.
  const blocks = pointwise
    ? slice(
        grouped,
        grouped.shape.map(() => 0),
        [samples, groups, perGroup, ...count],
        [1, 1, 1, ...stride],
      )
    : window(grouped, spatial, sizes, stride, dilation);
  const kernels = reshape(weight, [groups, outputs / groups, perGroup, ...(pointwise ? [] : sizes)]);
  const places = pointwise ? [] : range(3 + axes, axes);
  const product = contract(kernels, blocks, [[0], [1]], [range(2, 1 + places.length), [2, ...places]]);
  const y = permute(product, [2, 0, 1, ...range(3, axes)]);
  return unbatch(addBias(reshape(y, [samples, outputs, ...count]), bias));
}

export interface TransposedArguments extends Omit<ConvolutionArguments, "padding"> {
  readonly padding: Each;
  readonly outputPadding: Each;
}

/** The adjoint of a convolution, as a function of its own: each input spreads a copy of the kernel over the output. */
export function transposedConvolution(where: string, axes: number, input: Node, kernel: Node, options: TransposedArguments): Node {
  const { groups } = options;
  const { x, weight, bias, unbatch, sizes, outputs } = operands(where, axes, input, kernel, options.bias, groups, true);
  const stride = each(where, "stride", options.stride, axes, 1);
  const dilation = each(where, "dilation", options.dilation, axes, 1);
  const padding = each(where, "padding", options.padding, axes, 0);
  const extra = each(where, "outputPadding", options.outputPadding, axes, 0);
  if (extra.some((n, i) => n >= (stride[i] as number) && n >= (dilation[i] as number)))
    throw mistake("OPTION", {
      where,
      problem: "outputPadding must be smaller than the stride or the dilation",
      got: `outputPadding ${showShape(extra)}, stride ${showShape(stride)}, dilation ${showShape(dilation)}`,
      expected: "less than one of them on each axis",
    });
  const [samples, channels] = x.shape as [number, number];
  const space = spaceOf(x);
  const full = space.map((n, i) => (n - 1) * (stride[i] as number) + ((sizes[i] as number) - 1) * (dilation[i] as number) + 1);
  const result = full.map((n, i) => n - 2 * (padding[i] as number) + (extra[i] as number));
  if (space.includes(0) || result.some((n) => n < 0))
    throw mistake("SHAPE", {
      where,
      problem: "the result would have a negative size",
      got: `input ${showShape(input.shape)}, padding ${showShape(padding)}, result ${showShape(result)}`,
      expected: "less padding, or a larger input",
    });
  const [perGroup, own] = [channels / groups, outputs / groups];
  const grouped = reshape(x, [samples, groups, perGroup, ...space]);
  const kernels = reshape(weight, [groups, perGroup, own, ...sizes]);
  const product = contract(kernels, grouped, [[0], [1]], [[1], [2]]);
  // [groups, own, ...places, samples, ...positions]
  const blocks = permute(product, [2 + axes, 0, 1, ...range(3 + axes, axes), ...range(2, axes)]);
  const sum = unwindow(blocks, [samples, groups, own, ...full], { axes: range(3, axes), sizes, strides: stride, dilations: dilation });
  const zeros = [0, 0, 0];
  const longer = pad(sum, [...zeros, ...extra.map(() => 0)], [...zeros, ...extra]);
  const cut = narrow(longer, [...zeros, ...padding], [samples, groups, own, ...result]);
  return unbatch(addBias(reshape(cut, [samples, outputs, ...result]), bias));
}
