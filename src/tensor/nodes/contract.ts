// Products of tensors on nodes, all of them one contraction.

import { binary, broadcastTo, cast, contract, permute, reduce, reshape } from "../../graph/build.ts";
import { isFloat } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import { broadcastShapes, normalizeAxis, type Shape, sameShape, showShape } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { add, mul } from "./elementwise.ts";
import { align, meet } from "./operands.ts";

/** Axes that `tensordot` sums over: so many of the last of the left and first of the right, or lists of them. */
export type DotAxes = number | readonly [left: number | readonly number[], right: number | readonly number[]];

/** One float dtype for both; integers are refused, because their products would silently leave their range. */
export function floats(where: string, a: Node, b: Node): [Node, Node] {
  const dtype = meet(where, a, b);
  if (!isFloat(dtype))
    throw mistake("DTYPE", {
      where,
      problem: "needs floating-point tensors",
      got: `${a.dtype} and ${b.dtype}`,
      advice: 'Cast them: cast("float32").',
    });
  return [cast(a, dtype), cast(b, dtype)];
}

/** NumPy's matmul: vectors lose the axis they got, leading axes broadcast. */
export function matmul(first: Node, second: Node, where = "matmul"): Node {
  const [a, b] = floats(where, first, second);
  const [m, n] = [a.shape.length, b.shape.length];
  const complaint = (problem: string, advice?: string) =>
    mistake("SHAPE", {
      where,
      problem,
      got: `${showShape(a.shape)} and ${showShape(b.shape)}`,
      expected: "[…,m,k] and […,k,n]",
      ...(advice === undefined ? {} : { advice }),
    });
  if (m === 0 || n === 0) throw complaint("a scalar has no axis to multiply along", "Multiply a scalar with mul.");
  const inner = Math.max(0, n - 2);
  if (a.shape[m - 1] !== b.shape[inner])
    throw complaint(`axis ${m - 1} of the left (${a.shape[m - 1]}) and axis ${inner} of the right (${b.shape[inner]}) differ`);
  // Without leading axes on the right, those on the left are rows like others.
  if (n <= 2) return contract(a, b, [[], []], [[m - 1], [inner]]);
  const rows = m === 1 ? reshape(a, [1, ...a.shape]) : a;
  const lead = broadcastShapes(where, rows.shape.slice(0, -2), b.shape.slice(0, -2));
  const left = broadcastTo(rows, [...lead, ...rows.shape.slice(-2)]);
  const right = broadcastTo(b, [...lead, ...b.shape.slice(-2)]);
  const batch = lead.map((_, i) => i);
  const rank = lead.length;
  const product = contract(left, right, [batch, batch], [[rank + 1], [rank]]);
  return m === 1 ? reshape(product, [...lead, product.shape[rank + 1] as number]) : product;
}

function vectors(where: string, first: Node, second: Node): [Node, Node] {
  const [a, b] = floats(where, first, second);
  if (a.shape.length !== 1 || b.shape.length !== 1)
    throw mistake("SHAPE", {
      where,
      problem: "needs two vectors",
      got: `${showShape(a.shape)} and ${showShape(b.shape)}`,
      expected: "one axis each",
      advice: "Use matmul for matrices.",
    });
  return [a, b];
}

/** Σ aᵢ bᵢ of two vectors. */
export function dot(first: Node, second: Node): Node {
  const [a, b] = vectors("dot", first, second);
  if (a.shape[0] !== b.shape[0])
    throw mistake("SHAPE", {
      where: "dot",
      problem: "the vectors differ in length",
      got: `${showShape(a.shape)} and ${showShape(b.shape)}`,
      expected: "equal lengths",
    });
  return contract(a, b, [[], []], [[0], [0]]);
}

/** aᵢ bⱼ of two vectors. */
export function outer(first: Node, second: Node): Node {
  return contract(...vectors("outer", first, second), [[], []], [[], []]);
}

/** Sums over pairs of axes; a size of 1 meets any other. */
export function tensordot(first: Node, second: Node, axes: DotAxes): Node {
  const [a, b] = floats("tensordot", first, second);
  const [m, n] = [a.shape.length, b.shape.length];
  const wrong = (problem: string, expected: string) => mistake("AXIS", { where: "tensordot", problem, got: axes, expected });
  const range = (start: number, count: number) => Array.from({ length: count }, (_, i) => start + i);
  if (typeof axes === "number" && (!Number.isInteger(axes) || axes < 0 || axes > Math.min(m, n)))
    throw wrong("the number of axes does not fit", `an integer from 0 to ${Math.min(m, n)}`);
  const listed = typeof axes === "number" ? [range(m - axes, axes), range(0, axes)] : axes.map((l) => (typeof l === "number" ? [l] : l));
  if (listed.length !== 2 || listed[0]?.length !== listed[1]?.length)
    throw wrong("the axes of both sides must be pairs", "two lists of one length");
  const left = (listed[0] as readonly number[]).map((axis) => normalizeAxis("tensordot", axis, m));
  const right = (listed[1] as readonly number[]).map((axis) => normalizeAxis("tensordot", axis, n));
  for (const list of [left, right]) if (new Set(list).size !== list.length) throw wrong("an axis is named twice", "each axis once");
  const stretched: [number[], number[]] = [[], []];
  left.forEach((axis, i) => {
    const other = right[i] as number;
    const [p, q] = [a.shape[axis] as number, b.shape[other] as number];
    if (p !== q && p !== 1 && q !== 1)
      throw mistake("SHAPE", {
        where: "tensordot",
        problem: `axis ${axis} of the left and axis ${other} of the right differ`,
        got: `${showShape(a.shape)} and ${showShape(b.shape)}`,
        expected: "equal sizes",
      });
    if (p !== q) stretched[p === 1 ? 1 : 0].push(p === 1 ? other : axis);
  });
  return contract(collapsed(a, stretched[0]), collapsed(b, stretched[1]), [[], []], [left, right]);
}

/** The axes summed to size 1. */
function collapsed(x: Node, axes: readonly number[]): Node {
  if (axes.length === 0) return x;
  return reshape(
    reduce("reduceSum", x, axes),
    x.shape.map((n, i) => (axes.includes(i) ? 1 : n)),
  );
}

/** Blocks of b, each times an element of a. */
export function kron(a: Node, b: Node): Node {
  const rank = Math.max(a.shape.length, b.shape.length);
  const filled = (shape: Shape) => [...new Array<number>(rank - shape.length).fill(1), ...shape];
  const [m, n] = [filled(a.shape), filled(b.shape)];
  const [left, right] = align(
    "kron",
    reshape(
      a,
      m.flatMap((size) => [size, 1]),
    ),
    reshape(
      b,
      n.flatMap((size) => [1, size]),
    ),
  );
  return reshape(
    binary("mul", left, right),
    m.map((size, i) => size * (n[i] as number)),
  );
}

export interface AddProductOptions {
  /** Factor of the product; default 1. */
  readonly alpha?: number;
  /** Factor of the summand; default 1; 0 leaves it out. */
  readonly beta?: number;
}

/** What torch's `addmm` family shares: β · x + α · product, where x broadcasts to the product. */
export function addProduct(where: string, x: Node, product: Node, { alpha = 1, beta = 1 }: AddProductOptions): Node {
  const scaled = alpha === 1 ? product : mul(product, alpha);
  if (!sameShape(broadcastShapes(where, x.shape, product.shape), product.shape))
    throw mistake("SHAPE", {
      where,
      problem: "the summand does not broadcast to the product",
      got: `${showShape(x.shape)} and ${showShape(product.shape)}`,
      expected: "equal sizes, or 1, on every axis counted from the right",
    });
  if (beta === 0) return scaled;
  return add(beta === 1 ? x : mul(x, beta), scaled);
}

/** A product of operands of m and n axes; `matmul` checks the sizes. */
export function matmulOf(where: string, a: Node, b: Node, m: number, n: number): Node {
  if (a.shape.length !== m || b.shape.length !== n)
    throw mistake("SHAPE", {
      where,
      problem: "operands have the wrong number of axes",
      got: `${showShape(a.shape)} and ${showShape(b.shape)}`,
      expected: `${m} and ${n} axes`,
      advice: "Use matmul for other ranks.",
    });
  if (m === 3 && n === 3 && a.shape[0] !== b.shape[0])
    throw mistake("SHAPE", {
      where,
      problem: "the numbers of matrices differ",
      got: `${showShape(a.shape)} and ${showShape(b.shape)}`,
      expected: "equal first axes",
      advice: "matmul broadcasts.",
    });
  return matmul(a, b, where);
}

/** x Wᵀ + bias over the last axis; a weight of one axis has one output and makes no axis for it. */
export function linear(x: Node, weight: Node, bias: Node | undefined): Node {
  const single = weight.shape.length === 1 && bias === undefined;
  const [outputs, inputs] = single ? [1, weight.shape[0]] : weight.shape;
  if ((weight.shape.length !== 2 && !single) || x.shape.length === 0 || x.shape[x.shape.length - 1] !== inputs)
    throw mistake("SHAPE", {
      where: "linear",
      problem: "the input and the weight do not fit",
      got: `input ${showShape(x.shape)}, weight ${showShape(weight.shape)}`,
      expected: "input […,inputs], weight [outputs,inputs], or [inputs] without a bias",
    });
  const product = matmul(x, single ? weight : permute(weight, [1, 0]), "linear");
  return bias === undefined ? product : add(product, checkBias("linear", bias, outputs as number));
}

function checkBias(where: string, bias: Node, outputs: number): Node {
  if (bias.shape.length === 1 && bias.shape[0] === outputs) return bias;
  throw mistake("SHAPE", { where, problem: "the bias does not fit the weight", got: showShape(bias.shape), expected: `[${outputs}]` });
}

/** Σᵢⱼ xᵢ Wₒᵢⱼ yⱼ + bias over the last axes. */
export function bilinear(x: Node, y: Node, weight: Node, bias: Node | undefined): Node {
  const [outputs, inputs1, inputs2] = weight.shape as [number, number, number];
  const lead = x.shape.slice(0, -1);
  const [p, q] = [x.shape.length, y.shape.length];
  if (
    weight.shape.length !== 3 ||
    p === 0 ||
    x.shape[p - 1] !== inputs1 ||
    y.shape[q - 1] !== inputs2 ||
    !sameShape(lead, y.shape.slice(0, -1))
  )
    throw mistake("SHAPE", {
      where: "bilinear",
      problem: "the inputs and the weight do not fit",
      got: `inputs ${showShape(x.shape)} and ${showShape(y.shape)}, weight ${showShape(weight.shape)}`,
      expected: "inputs […,m] and […,n], weight [outputs,m,n]",
    });
  const [a, w] = floats("bilinear", x, weight);
  const rows = lead.reduce((size, n) => size * n, 1);
  const half = contract(reshape(a, [rows, inputs1]), w, [[], []], [[1], [1]]);
  const [left, right] = floats("bilinear", half, reshape(y, [rows, inputs2]));
  const product = reshape(contract(left, right, [[0], [0]], [[2], [1]]), [...lead, outputs]);
  return bias === undefined ? product : add(product, checkBias("bilinear", bias, outputs));
}
