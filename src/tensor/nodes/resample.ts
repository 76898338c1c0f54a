// Resampling on nodes. Interpolation is one axis at a time: every output takes a few neighbours of the input along it, at
// positions and with weights that follow from the sizes alone. Grid sampling takes its positions from a tensor.

import {
  binary,
  broadcastTo,
  buffer,
  cast,
  constant,
  expand,
  gather,
  iota,
  permute,
  reshape,
  where as select,
  slice,
  unary,
} from "../../graph/build.ts";
import { type DType, isFloat } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import { type Shape, showShape, sizeOf } from "../../graph/shape.ts";
import { Storage } from "../../graph/storage.ts";
import { mistake } from "../../util/errors.ts";
import { adaptiveAveragePool } from "./pool.ts";
import { spaceOf } from "./spatial.ts";

// ---- Interpolation

export const interpolationModes = ["nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area"] as const;
export type InterpolationMode = (typeof interpolationModes)[number];

export interface InterpolateArguments {
  readonly size: number | readonly number[] | null;
  readonly scaleFactor: number | readonly number[] | null;
  readonly mode: InterpolationMode;
  readonly alignCorners: boolean;
  readonly recomputeScaleFactor: boolean;
}

/** Spatial axes that a mode is for; null: any. */
const axesOfMode: Record<InterpolationMode, number | null> = {
  nearest: null,
  "nearest-exact": null,
  linear: 1,
  bilinear: 2,
  trilinear: 3,
  bicubic: 2,
  area: null,
};

export function interpolate(x: Node, options: InterpolateArguments): Node {
  const where = "interpolate";
  const { mode, alignCorners } = options;
  if (!interpolationModes.includes(mode))
    throw mistake("OPTION", { where, problem: "there is no such mode", got: mode, expected: interpolationModes.join(", ") });
  if (!isFloat(x.dtype))
    throw mistake("DTYPE", { where, problem: "needs a floating-point tensor", got: x.dtype, advice: 'Cast it: cast("float32").' });
  const axes = x.shape.length - 2;
  const wanted = axesOfMode[mode];
  if (axes < 1 || axes > 3 || (wanted !== null && wanted !== axes))
    throw mistake("SHAPE", {
      where,
      problem: `the input does not fit mode "${mode}"`,
      got: showShape(x.shape),
      expected: `[batch,channels,...space] with ${wanted ?? "1 to 3"} spatial axes`,
    });
  if (alignCorners && (mode === "nearest" || mode === "nearest-exact" || mode === "area"))
    throw mistake("OPTION", { where, problem: `alignCorners is no option of mode "${mode}"`, got: true, expected: "false" });
  const { size, scale } = sizesOf(x, axes, options);
  if (mode === "area") return adaptiveAveragePool(where, axes, x, size);
  let y = x;
  size.forEach((n, i) => {
    y = resizeAxis(y, 2 + i, n, scale[i] as number, mode, alignCorners);
  });
  return y;
}

/** The output sizes, and how far one output step goes in the input. */
function sizesOf(x: Node, axes: number, { size, scaleFactor, recomputeScaleFactor }: InterpolateArguments) {
  const where = "interpolate";
  if ((size === null) === (scaleFactor === null))
    throw mistake("OPTION", {
      where,
      problem: size === null ? "neither size nor scaleFactor is given" : "both size and scaleFactor are given",
      got: `size ${JSON.stringify(size)}, scaleFactor ${JSON.stringify(scaleFactor)}`,
      expected: "one of them",
    });
  const space = spaceOf(x);
  const given = size ?? scaleFactor;
  const list = Array.isArray(given) ? (given as readonly number[]) : new Array<number>(axes).fill(given as number);
  const good = (v: unknown) => typeof v === "number" && Number.isFinite(v) && v > 0 && (size === null || Number.isSafeInteger(v));
  if (list.length !== axes || !list.every(good))
    throw mistake("OPTION", {
      where,
      problem: `${size === null ? "scaleFactor" : "size"} is wrong`,
      got: given,
      expected: `${size === null ? "a positive number" : "a whole number of at least 1"}, or a list of ${axes}`,
    });
  const result = size === null ? space.map((n, i) => Math.floor(n * (list[i] as number))) : [...list];
  if ([...result, ...space].some((n) => n < 1))
    throw mistake("SHAPE", {
      where,
      problem: "there would be nothing to interpolate",
      got: `${showShape(space)} to ${showShape(result)}`,
      expected: "at least one element on each axis, before and after",
    });
  const exact = size === null && !recomputeScaleFactor;
  return { size: result, scale: space.map((n, i) => (exact ? 1 / (list[i] as number) : n / (result[i] as number))) };
}

/** One tap: for each output the input element, and its weight. */
interface Tap {
  readonly at: Int32Array;
  readonly weight: Float64Array;
}

function resizeAxis(x: Node, axis: number, size: number, scale: number, mode: InterpolationMode, align: boolean): Node {
  const n = x.shape[axis] as number;
  const clamp = (i: number) => Math.max(0, Math.min(n - 1, i));
  if (mode === "nearest" || mode === "nearest-exact") {
    const shift = mode === "nearest" ? 0 : 0.5;
    const at = Int32Array.from({ length: size }, (_, o) => clamp(Math.floor((o + shift) * scale)));
    return take(x, axis, at);
  }
  const step = align ? (size > 1 ? (n - 1) / (size - 1) : 0) : scale;
  const sources = Array.from({ length: size }, (_, o) => (align ? o * step : (o + 0.5) * step - 0.5));
  const taps = mode === "bicubic" ? cubicTaps(sources, clamp) : linearTaps(sources, clamp);
  const shape = x.shape.map((m, i) => (i === axis ? size : m));
  const terms = taps.map(({ at, weight }) => {
    const along = shape.map((_, i) => (i === axis ? size : 1));
    const weights = expand(reshape(numbers(weight, x.dtype), along), shape);
    return binary("mul", take(x, axis, at), weights);
  });
  return terms.reduce((a, b) => binary("add", a, b));
}

function linearTaps(sources: readonly number[], clamp: (i: number) => number): Tap[] {
  const clipped = sources.map((s) => Math.max(0, s));
  const low = clipped.map(Math.floor);
  const fraction = clipped.map((s, i) => s - (low[i] as number));
  return [
    { at: Int32Array.from(low, clamp), weight: Float64Array.from(fraction, (f) => 1 - f) },
    { at: Int32Array.from(low, (i) => clamp(i + 1)), weight: Float64Array.from(fraction) },
  ];
}

/** Keys's cubic with a = −3/4. */
const cubic = -0.75;
const near = (d: number) => ((cubic + 2) * d - (cubic + 3)) * d * d + 1;
const far = (d: number) => ((cubic * d - 5 * cubic) * d + 8 * cubic) * d - 4 * cubic;

function cubicTaps(sources: readonly number[], clamp: (i: number) => number): Tap[] {
  const low = sources.map(Math.floor);
  const fraction = sources.map((s, i) => s - (low[i] as number));
  const weights = [(t: number) => far(t + 1), near, (t: number) => near(1 - t), (t: number) => far(2 - t)];
  return weights.map((weight, j) => ({
    at: Int32Array.from(low, (i) => clamp(i - 1 + j)),
    weight: Float64Array.from(fraction, weight),
  }));
}

function numbers(values: Float64Array, dtype: DType): Node {
  const elements = dtype === "float64" ? values : Float32Array.from(values);
  return buffer(new Storage(dtype, values.length, elements), [values.length]);
}

/** Elements along an axis at known positions: a view where each of them comes equally often, in order. */
function take(x: Node, axis: number, at: Int32Array): Node {
  const n = x.shape[axis] as number;
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const times = at.length / n;
  if (Number.isInteger(times) && at.every((from, to) => from === Math.floor(to / times))) {
    const spread = expand(reshape(x, [...before, n, 1, ...after]), [...before, n, times, ...after]);
    return reshape(spread, [...before, at.length, ...after]);
  }
  const first = at[0] as number;
  const step = at.length > 1 ? (at[1] as number) - first : 1;
  if (step > 0 && at.every((from, to) => from === first + to * step)) {
    const along = (value: number, other: number) => x.shape.map((_, i) => (i === axis ? value : other));
    const sizes = x.shape.map((m, i) => (i === axis ? at.length : m));
    return slice(x, along(first, 0), sizes, along(step, 1));
  }
  return gather(x, buffer(new Storage("int32", at.length, at), [at.length]), axis);
}

// ---- Grid sampling

export const gridModes = ["bilinear", "nearest", "bicubic"] as const;
export const gridPaddings = ["zeros", "border", "reflection"] as const;

export interface GridArguments {
  readonly mode: (typeof gridModes)[number];
  readonly paddingMode: (typeof gridPaddings)[number];
  readonly alignCorners: boolean;
}

/** Arithmetic on nodes of one shape, with numbers. */
const number = (like: Node, value: number) => constant(value, like.dtype, like.shape);
const add = (a: Node, b: Node | number) => binary("add", a, typeof b === "number" ? number(a, b) : b);
const sub = (a: Node, b: Node) => binary("sub", a, b);
const mul = (a: Node, b: Node | number) => binary("mul", a, typeof b === "number" ? number(a, b) : b);

export function gridSample(x: Node, grid: Node, options: GridArguments): Node {
  const where = "gridSample";
  const { mode, paddingMode, alignCorners } = options;
  if (!gridModes.includes(mode))
    throw mistake("OPTION", { where, problem: "there is no such mode", got: mode, expected: gridModes.join(", ") });
  if (!gridPaddings.includes(paddingMode))
    throw mistake("OPTION", { where, problem: "there is no such paddingMode", got: paddingMode, expected: gridPaddings.join(", ") });
  const axes = x.shape.length - 2;
  if ((axes !== 2 && axes !== 3) || grid.shape.length !== axes + 2 || grid.shape[axes + 1] !== axes || grid.shape[0] !== x.shape[0])
    throw mistake("SHAPE", {
      where,
      problem: "the grid does not fit the input",
      got: `input ${showShape(x.shape)}, grid ${showShape(grid.shape)}`,
      expected: "input [batch,channels,height,width] with grid [batch,…,…,2], or one axis more and 3",
    });
  if (!isFloat(x.dtype) || x.dtype !== grid.dtype)
    throw mistake("DTYPE", {
      where,
      problem: "input and grid must be floating point and of one dtype",
      got: `${x.dtype} and ${grid.dtype}`,
      expected: "float32",
    });
  if (mode === "bicubic" && axes !== 2)
    throw mistake("OPTION", {
      where,
      problem: 'mode "bicubic" is for images',
      got: showShape(x.shape),
      expected: "[batch,channels,height,width]",
    });
  const space = spaceOf(x);
  if (space.includes(0))
    throw mistake("SHAPE", {
      where,
      problem: "the input is empty",
      got: showShape(x.shape),
      expected: "at least one element on each axis",
    });
  const samples = grid.shape.slice(0, -1);
  // The grid's last axis counts from the innermost axis of the input.
  const positions = space.map((n, i) => {
    const at = slice(
      grid,
      grid.shape.map((_, a) => (a === axes + 1 ? axes - 1 - i : 0)),
      [...samples, 1],
    );
    const coordinate = reshape(at, samples);
    return alignCorners ? mul(add(coordinate, 1), (n - 1) / 2) : mul(add(mul(add(coordinate, 1), n), -1), 0.5);
  });
  const kept = mode === "bicubic" ? positions : positions.map((p, i) => settle(p, space[i] as number, options));
  const lists = kept.map((p, i) => neighbours(p, space[i] as number, options));
  let result: Node | null = null;
  const visit = (chosen: readonly Neighbour[]): void => {
    const list = lists[chosen.length];
    if (list !== undefined) {
      for (const next of list) visit([...chosen, next]);
      return;
    }
    const term = weighted(x, chosen, space, paddingMode === "zeros");
    result = result === null ? term : binary("add", result, term);
  };
  visit([]);
  return result as unknown as Node;
}

/** A neighbour along one axis: where (float, whole), and its weight (null: 1). */
interface Neighbour {
  readonly at: Node;
  readonly weight: Node | null;
}

function neighbours(p: Node, n: number, options: GridArguments): Neighbour[] {
  const { mode } = options;
  if (mode === "nearest") return [{ at: unary("stopGradient", unary("round", p)), weight: null }];
  const low = unary("stopGradient", unary("floor", p));
  const t = sub(p, low);
  const rest = sub(number(t, 1), t);
  if (mode === "bilinear")
    return [
      { at: low, weight: rest },
      { at: add(low, 1), weight: t },
    ];
  // The same cubic as in `interpolate`; neighbours outside are settled one by one.
  const polynomial = (d: Node, coefficients: readonly number[]) =>
    coefficients.slice(1).reduce((sum, c) => add(mul(sum, d), c), number(d, coefficients[0] as number));
  const nearer = (d: Node) => polynomial(d, [cubic + 2, -(cubic + 3), 0, 1]);
  const further = (d: Node) => polynomial(d, [cubic, -5 * cubic, 8 * cubic, -4 * cubic]);
  const weights = [further(add(t, 1)), nearer(t), nearer(rest), further(add(rest, 1))];
  return weights.map((weight, j) => ({ at: unary("stopGradient", settle(add(low, j - 1), n, options)), weight }));
}

/** Positions outside brought inside, as the padding mode says. At the very edge nothing flows back, as in PyTorch. */
function settle(p: Node, n: number, { paddingMode, alignCorners }: GridArguments): Node {
  if (paddingMode === "zeros") return p;
  let at = p;
  if (paddingMode === "reflection") {
    const [low, span] = alignCorners ? [0, n - 1] : [-0.5, n];
    if (span === 0) at = mul(p, 0);
    else {
      const from = unary("abs", add(p, -low));
      const flips = unary("stopGradient", unary("floor", mul(from, 1 / span)));
      const beyond = sub(from, mul(flips, span));
      const odd = binary("ne", binary("remainder", flips, number(flips, 2)), number(flips, 0));
      at = add(select(odd, sub(number(beyond, span), beyond), beyond), low);
    }
  }
  const high = number(at, n - 1);
  const zero = number(at, 0);
  const below = select(binary("le", at, zero), zero, at);
  return select(binary("le", high, below), high, below);
}

/** The input's elements at whole positions, times their weights: [batch, channels, ...samples]. */
function weighted(x: Node, chosen: readonly Neighbour[], space: Shape, zeros: boolean): Node {
  const [batch, channels] = x.shape as [number, number];
  const [first] = chosen as [Neighbour];
  const { shape } = first.at;
  let flat = constant(0, "int32", shape);
  let inside: Node | null = null;
  let weight: Node | null = null;
  chosen.forEach(({ at, weight: w }, i) => {
    const n = space[i] as number;
    const low = number(at, 0);
    const high = number(at, n - 1);
    const clamped = cast(binary("minimum", binary("maximum", at, low), high), "int32");
    flat = binary("add", mul(flat, n), clamped);
    if (w !== null) weight = weight === null ? w : binary("mul", weight, w);
    if (!zeros) return;
    const within = binary("and", binary("le", low, at), binary("le", at, high));
    inside = inside === null ? within : binary("and", inside, within);
  });
  const size = sizeOf(space);
  const index = binary("add", mul(iota(shape, 0), size), flat);
  const rank = shape.length;
  const rows = reshape(permute(reshape(x, [batch, channels, size]), [0, 2, 1]), [batch * size, channels]);
  const found = permute(gather(rows, index, 0), [0, rank, ...Array.from({ length: rank - 1 }, (_, i) => i + 1)]);
  const spread = (s: Node) => broadcastTo(reshape(s, [batch, 1, ...shape.slice(1)]), found.shape);
  const product = weight === null ? found : binary("mul", found, spread(weight));
  return inside === null ? product : select(spread(inside), product, number(product, 0));
}
