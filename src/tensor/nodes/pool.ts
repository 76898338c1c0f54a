// Pooling on nodes: blocks of the padded input, reduced. Blocks that do not overlap are views without a window. The maximum is
// the sum over a block of what stands at the index of its first largest element, so that its gradient goes there alone.

import {
  argReduce,
  binary,
  broadcastTo,
  cast,
  constant,
  gather,
  iota,
  permute,
  reduce,
  reshape,
  where as select,
  slice,
  window,
} from "../../graph/build.ts";
import { isFloat } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import { type Shape, showShape, sizeOf } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import * as elementwise from "./elementwise.ts";
import { mean } from "./reduce.ts";
import { batched, type Each, each, padSpace, spaceOf } from "./spatial.ts";

const range = (start: number, length: number): number[] => Array.from({ length }, (_, i) => start + i);

export interface PoolArguments {
  readonly size: Each;
  /** Null: the size. */
  readonly stride: Each | null;
  readonly padding: Each;
  readonly dilation: Each;
  readonly ceilMode: boolean;
}

/** The arguments for each axis, and the number of blocks. */
interface Plan {
  readonly size: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly count: readonly number[];
}

function planOf(where: string, x: Node, axes: number, options: PoolArguments): Plan {
  const size = each(where, "size", options.size, axes, 1);
  const stride = options.stride === null ? size : each(where, "stride", options.stride, axes, 1);
  const padding = each(where, "padding", options.padding, axes, 0);
  const dilation = each(where, "dilation", options.dilation, axes, 1);
  padding.forEach((p, i) => {
    const most = Math.floor(((size[i] as number) - 1) * (dilation[i] as number) + 1) / 2;
    if (p > most)
      throw mistake("OPTION", {
        where,
        problem: "padding must be at most half of the size",
        got: `padding ${p}, size ${size[i]}, dilation ${dilation[i]}`,
        expected: `at most ${Math.floor(most)}`,
      });
  });
  const space = spaceOf(x);
  const count = space.map((n, i) => {
    const [k, s, p, d] = [size[i], stride[i], padding[i], dilation[i]] as [number, number, number, number];
    const steps = (n + 2 * p - d * (k - 1) - 1) / s;
    let blocks = (options.ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // The last block must begin inside.
    if (options.ceilMode && (blocks - 1) * s >= n + p) blocks--;
    return blocks;
  });
  if (count.some((n) => n < 1))
    throw mistake("SHAPE", {
      where,
      problem: "no block fits the input",
      got: `input ${showShape(x.shape)}, size ${showShape(size)}, dilation ${showShape(dilation)}`,
      expected: "a result of at least one element on each axis",
    });
  return { size, stride, padding, dilation, count };
}

/** [batch, channels, ...positions, ...places] of an input padded with `value`. */
function blocksOf(x: Node, { size, stride, padding, dilation, count }: Plan, value: number): Node {
  const axes = size.length;
  const space = spaceOf(x);
  const reach = size.map((k, i) => ((count[i] as number) - 1) * (stride[i] as number) + (k - 1) * (dilation[i] as number) + 1);
  const high = reach.map((n, i) => Math.max(0, n - (space[i] as number) - (padding[i] as number)));
  const padded = padSpace(x, padding, high, value);
  const apart = size.every((k, i) => k === stride[i] && dilation[i] === 1);
  const lead = x.shape.slice(0, 2);
  if (!apart) {
    const spatial = range(2, axes);
    const used = slice(
      padded,
      padded.shape.map(() => 0),
      [...lead, ...reach],
    );
    return window(used, spatial, size, stride, dilation);
  }
  const whole = slice(
    padded,
    padded.shape.map(() => 0),
    [...lead, ...reach],
  );
  const split = reshape(whole, [...lead, ...size.flatMap((k, i) => [count[i] as number, k])]);
  const at = range(0, axes);
  return permute(split, [0, 1, ...at.map((i) => 2 + 2 * i), ...at.map((i) => 3 + 2 * i)]);
}

function floatInput(where: string, x: Node): Node {
  if (isFloat(x.dtype)) return x;
  throw mistake("DTYPE", {
    where,
    problem: "needs a floating-point tensor",
    got: x.dtype,
    expected: "float32",
    advice: 'Cast it: cast("float32").',
  });
}

/** The first largest of each block, whose places are the last axis: its value, and its place. */
function largest(blocks: Node): { values: Node; places: Node } {
  const last = blocks.shape.length - 1;
  const places = argReduce("argMax", blocks, last);
  const chosen = binary("eq", broadcastTo(reshape(places, [...places.shape, 1]), blocks.shape), iota(blocks.shape, last));
  const values = reduce("reduceSum", select(chosen, blocks, constant(0, blocks.dtype, blocks.shape)), last);
  return { values: values, places };
}

/** The flat position in the input's space, from the position along each axis. */
function flatten(positions: readonly Node[], space: Shape): Node {
  return positions.reduce((flat, p, i) => binary("add", binary("mul", flat, constant(space[i] as number, "int32", p.shape)), p));
}

/** The place along each axis of a block, from its flat number. */
function placesOf(flat: Node, sizes: readonly number[]): Node[] {
  let rest = flat;
  const places = new Array<Node>(sizes.length);
  for (let i = sizes.length - 1; i >= 0; i--) {
    const size = constant(sizes[i] as number, "int32", flat.shape);
    places[i] = binary("remainder", rest, size);
    rest = binary("div", rest, size);
  }
  return places;
}

/** The largest of each block, and where in the input's space it stands. */
export function maxPool(where: string, axes: number, input: Node, options: PoolArguments): { values: Node; indices: () => Node } {
  const { x, unbatch } = batched(where, floatInput(where, input), axes);
  const plan = planOf(where, x, axes, options);
  const blocks = blocksOf(x, plan, Number.NEGATIVE_INFINITY);
  const flat = reshape(blocks, [...blocks.shape.slice(0, 2 + axes), sizeOf(plan.size)]);
  const { values, places } = largest(flat);
  const indices = () => {
    const positions = placesOf(places, plan.size).map((place, i) => {
      const scaled = (n: Node, by: number) => binary("mul", n, constant(by, "int32", places.shape));
      const start = scaled(iota(places.shape, 2 + i), plan.stride[i] as number);
      const offset = constant(-(plan.padding[i] as number), "int32", places.shape);
      return binary("add", binary("add", start, scaled(place, plan.dilation[i] as number)), offset);
    });
    return unbatch(flatten(positions, spaceOf(x)));
  };
  return { values: unbatch(values), indices };
}

export interface AverageArguments extends Omit<PoolArguments, "dilation"> {
  readonly countIncludePad: boolean;
  readonly divisorOverride: number | null;
}

/** How many elements a block counts along an axis: float [count], or one number where all count alike. */
function counted(n: number, i: number, { size, stride, padding, count }: Plan, include: boolean): number | number[] {
  const [k, s, p] = [size[i], stride[i], padding[i]] as [number, number, number];
  const counts = range(0, count[i] as number).map((o) => {
    const start = o * s - p;
    const end = Math.min(start + k, n + p);
    return include ? end - start : Math.min(end, n) - Math.max(start, 0);
  });
  return counts.every((c) => c === counts[0]) ? (counts[0] as number) : counts;
}

/** The counts of an axis as a formula of the position, so that nothing is stored. */
function countsNode(n: number, i: number, { size, stride, padding }: Plan, include: boolean, shape: Shape): Node {
  const [k, s, p] = [size[i], stride[i], padding[i]] as [number, number, number];
  const number = (value: number) => constant(value, "int32", shape);
  const start = binary("sub", binary("mul", iota(shape, 2 + i), number(s)), number(p));
  const end = binary("minimum", binary("add", start, number(k)), number(include ? n + p : n));
  return binary("sub", end, include ? start : binary("maximum", start, number(0)));
}

/** The mean of each block. */
export function averagePool(where: string, axes: number, input: Node, options: AverageArguments): Node {
  const { divisorOverride, countIncludePad } = options;
  if (divisorOverride !== null && (!Number.isSafeInteger(divisorOverride) || divisorOverride === 0))
    throw mistake("OPTION", { where, problem: "divisorOverride is wrong", got: divisorOverride, expected: "a whole number other than 0" });
  const { x, unbatch } = batched(where, floatInput(where, input), axes);
  const plan = planOf(where, x, axes, { ...options, dilation: 1 });
  const blocks = blocksOf(x, plan, 0);
  const sum = reduce("reduceSum", blocks, range(2 + axes, axes));
  let divisor = divisorOverride ?? 1;
  let counts: Node | null = null;
  if (divisorOverride === null) {
    spaceOf(x).forEach((n, i) => {
      const known = counted(n, i, plan, countIncludePad);
      if (typeof known === "number") divisor *= known;
      else {
        const node = countsNode(n, i, plan, countIncludePad, sum.shape);
        counts = counts === null ? node : binary("mul", counts, node);
      }
    });
  }
  const scaled = counts === null ? sum : binary("div", sum, cast(counts, sum.dtype));
  return unbatch(divisor === 1 ? scaled : binary("div", scaled, constant(divisor, sum.dtype, sum.shape)));
}

/** (Σ xᵖ)^(1/p) of each block; blocks that reach over the end count as if they were whole. */
export function lpPool(
  where: string,
  axes: number,
  input: Node,
  power: number,
  options: Omit<PoolArguments, "padding" | "dilation">,
): Node {
  if (typeof power !== "number" || !Number.isFinite(power) || power === 0)
    throw mistake("OPTION", { where, problem: "the power is wrong", got: power, expected: "a finite number other than 0" });
  const x = floatInput(where, input);
  const total = sizeOf(each(where, "size", options.size, axes, 1));
  const means = averagePool(where, axes, elementwise.pow(x, power), {
    ...options,
    padding: 0,
    countIncludePad: true,
    divisorOverride: null,
  });
  const sums = binary("mul", means, constant(total, means.dtype, means.shape));
  // No slope at 0, where the root's is infinite.
  const zero = constant(0, sums.dtype, sums.shape);
  const isZero = binary("eq", sums, zero);
  return select(isZero, zero, elementwise.pow(select(isZero, constant(1, sums.dtype, sums.shape), sums), 1 / power));
}

// ---- Adaptive

/** The output sizes; null keeps an axis. */
export type AdaptiveSize = number | null | readonly (number | null)[];

function adaptiveSizes(where: string, size: AdaptiveSize, x: Node, axes: number): number[] {
  const list = Array.isArray(size) ? (size as readonly (number | null)[]) : new Array<number | null>(axes).fill(size as number | null);
  const good = (n: unknown) => n === null || (typeof n === "number" && Number.isSafeInteger(n) && n >= 0);
  if (list.length !== axes || !list.every(good))
    throw mistake("OPTION", {
      where,
      problem: "the output size is wrong",
      got: size,
      expected: `a whole number of at least 0, null, or a list of ${axes}`,
    });
  return list.map((n, i) => n ?? (x.shape[2 + i] as number));
}

/** First element of each part and the element after its last, int32, along `axis` of `shape`. */
function partsOf(n: number, parts: number, shape: Shape, axis: number): { start: Node; end: Node } {
  const number = (value: number) => constant(value, "int32", shape);
  const scaled = binary("mul", iota(shape, axis), number(n));
  return {
    start: binary("div", scaled, number(parts)),
    end: binary("div", binary("add", scaled, number(n + parts - 1)), number(parts)),
  };
}

function requireSpace(where: string, x: Node): void {
  if (spaceOf(x).includes(0))
    throw mistake("SHAPE", {
      where,
      problem: "the input is empty",
      got: showShape(x.shape),
      expected: "spatial axes with at least one element",
    });
}

/** The mean of each of so many nearly equal, possibly overlapping parts. */
export function adaptiveAveragePool(where: string, axes: number, input: Node, size: AdaptiveSize): Node {
  const { x, unbatch } = batched(where, floatInput(where, input), axes);
  const sizes = adaptiveSizes(where, size, x, axes);
  requireSpace(where, x);
  let y = x;
  sizes.forEach((parts, i) => {
    y = averageParts(y, 2 + i, parts);
  });
  return unbatch(y);
}

function averageParts(x: Node, axis: number, parts: number): Node {
  const n = x.shape[axis] as number;
  const replaced = (...sizes: number[]) => [...x.shape.slice(0, axis), ...sizes, ...x.shape.slice(axis + 1)];
  if (parts === n) return x;
  if (parts === 0) return constant(0, x.dtype, replaced(0));
  if (n % parts === 0) return mean(reshape(x, replaced(parts, n / parts)), axis + 1, false);
  const shape = replaced(parts, n);
  const { start, end } = partsOf(n, parts, shape, axis);
  const at = iota(shape, axis + 1);
  const inside = binary("and", binary("le", start, at), binary("lt", at, end));
  const spread = broadcastTo(reshape(x, replaced(1, n)), shape);
  const sum = reduce("reduceSum", select(inside, spread, constant(0, x.dtype, shape)), axis + 1);
  const bounds = partsOf(n, parts, sum.shape, axis);
  return binary("div", sum, cast(binary("sub", bounds.end, bounds.start), x.dtype));
}

/** The largest of each of so many nearly equal, possibly overlapping parts, and where it stands. */
export function adaptiveMaxPool(where: string, axes: number, input: Node, size: AdaptiveSize): { values: Node; indices: () => Node } {
  const { x, unbatch } = batched(where, floatInput(where, input), axes);
  const sizes = adaptiveSizes(where, size, x, axes);
  requireSpace(where, x);
  // Along each axis: the parts, then the elements of a part, the last one repeated where a part is short.
  let blocks = x;
  const lengths: number[] = [];
  sizes.forEach((parts, i) => {
    const n = spaceOf(x)[i] as number;
    const axis = 2 + 2 * i;
    if (parts > 0 && n % parts === 0) {
      const length = n / parts;
      lengths.push(length);
      blocks = reshape(blocks, [...blocks.shape.slice(0, axis), parts, length, ...blocks.shape.slice(axis + 1)]);
      return;
    }
    const length = Math.max(1, ...range(0, parts).map((o) => Math.ceil(((o + 1) * n) / parts) - Math.floor((o * n) / parts)));
    lengths.push(length);
    blocks = gather(blocks, elementsOf(n, parts, length), axis);
  });
  const at = range(0, axes);
  const ordered = permute(blocks, [0, 1, ...at.map((i) => 2 + 2 * i), ...at.map((i) => 3 + 2 * i)]);
  const flat = reshape(ordered, [...x.shape.slice(0, 2), ...sizes, sizeOf(lengths)]);
  const { values, places } = largest(flat);
  const indices = () => {
    const positions = placesOf(places, lengths).map((place, i) => {
      if (sizes[i] === 0) return place;
      const { start } = partsOf(spaceOf(x)[i] as number, sizes[i] as number, places.shape, 2 + i);
      return binary("add", start, place);
    });
    return unbatch(flatten(positions, spaceOf(x)));
  };
  return { values: unbatch(values), indices };
}

/** The elements of each part, int32 [parts, length]. */
function elementsOf(n: number, parts: number, length: number): Node {
  const shape = [parts, length];
  if (parts === 0) return constant(0, "int32", shape);
  const { start, end } = partsOf(n, parts, shape, 0);
  const last = binary("sub", end, constant(1, "int32", shape));
  return binary("minimum", binary("add", start, iota(shape, 1)), last);
}

/** Reduces all spatial axes of [batch, channels, ...space], which stay with size 1. */
export function globalPool(where: string, input: Node, kind: "mean" | "max"): Node {
  const x = floatInput(where, input);
  if (x.shape.length < 3)
    throw mistake("SHAPE", { where, problem: "there is no spatial axis", got: showShape(x.shape), expected: "[batch,channels,...space]" });
  requireSpace(where, x);
  const axes = range(2, x.shape.length - 2);
  if (kind === "mean") return mean(x, axes, true);
  return reshape(reduce("reduceMax", x, axes), [...x.shape.slice(0, 2), ...axes.map(() => 1)]);
}
