// Rows of the elementwise operations.

import * as build from "../../../src/graph/build.ts";
import type { Node } from "../../../src/graph/node.ts";
import type { BinaryOp, PlainUnaryOp } from "../../../src/graph/operation.ts";
import type { Shape } from "../../../src/graph/shape.ts";
import { bools, bytes, floats, integers, type Operand, special, unsigned, vector, words } from "../values.ts";
import { type OperationCase, plain, type Rows, row, smooth } from "./case.ts";

const shapes: readonly Shape[] = [[], [1], [7], [2, 3], [3, 1, 5], [0], [2, 0], [70]];

/** Every pair of the values of an operand, as two vectors. */
function pairs({ dtype, data }: Operand): [Operand, Operand] {
  return [vector(dtype, ...data.flatMap((a) => data.map(() => a))), vector(dtype, ...data.flatMap(() => data))];
}

function unary(
  op: PlainUnaryOp,
  kind: "plain" | "differentiable" | "smooth",
  options: { low?: number; high?: number; edges?: readonly Operand[] } = {},
): OperationCase[] {
  const { low = -2.13, high = 1.92, edges = [special] } = options;
  return [
    ...shapes.map((shape) => row(kind, `float32 [${shape}]`, [floats(shape, low, high)], ([x]) => build.unary(op, x as Node))),
    ...edges.map((operand) => plain(`edges of ${operand.dtype}`, [operand], ([x]) => build.unary(op, x as Node))),
  ];
}

/** Values at which exp, sin and their kin are hard, but not beyond what float32 carries. */
const wide = vector("float32", 0, -0, 1e-8, -1e-8, 1e-3, 0.7, -0.7, 3, -3, 10, -10, 50, -50, 87, -87, 100, -103, Number.NaN);

function binary(
  op: BinaryOp,
  kind: "plain" | "differentiable" | "smooth",
  options: { operands?: (shape: Shape) => [Operand, Operand]; edges?: readonly Operand[]; float?: "none" | "ordinary" | "all" } = {},
): OperationCase[] {
  const { float = "all" } = options;
  const operands = options.operands ?? ((shape: Shape): [Operand, Operand] => [floats(shape), floats(shape, -1.71, 2.33, 2)]);
  const on = ([a, b]: readonly Node[]) => build.binary(op, a as Node, b as Node);
  return [
    ...shapes.flatMap((shape) => (float === "none" ? [] : [row(kind, `float32 [${shape}]`, operands(shape), on)])),
    ...[...(float === "all" ? [special] : []), ...(options.edges ?? [])].map((operand) =>
      plain(`every pair of ${operand.dtype} edges`, pairs(operand), on),
    ),
  ];
}

const numeric = [words, unsigned, bytes];

const _f = (...shape: number[]) => ({ shape, dtype: "float32" as const });
const _i32 = (...shape: number[]) => ({ shape, dtype: "int32" as const });
const _add = (a?: Node, b?: Node) => build.binary("add", a as Node, b as Node);
const mul = (a?: Node, b?: Node) => build.binary("mul", a as Node, b as Node);
const number = (like: Node | undefined, value: number) => build.constant(value, (like as Node).dtype, (like as Node).shape);

export const elementwiseRows: Rows<"unary" | "binary" | "nary"> = {
  neg: unary("neg", "smooth", { edges: [special, ...numeric] }),
  abs: unary("abs", "smooth", { edges: [special, ...numeric] }),
  sign: unary("sign", "smooth", { edges: [special, ...numeric] }),
  exp: unary("exp", "smooth", { edges: [special, wide] }),
  expm1: unary("expm1", "smooth", { edges: [special, wide] }),
  log: unary("log", "smooth", { low: 0.1, high: 3, edges: [special, wide] }),
  log1p: unary("log1p", "smooth", { low: -0.8, high: 3, edges: [special, wide] }),
  sqrt: unary("sqrt", "smooth", { low: 0.1, high: 3, edges: [special, wide] }),
  sin: unary("sin", "smooth", { edges: [wide] }),
  cos: unary("cos", "smooth", { edges: [wide] }),
  tanh: unary("tanh", "smooth", { edges: [special, wide] }),
  erf: unary("erf", "smooth", { edges: [special, wide] }),
  erfc: unary("erfc", "smooth", { edges: [special, wide] }),
  erfinv: unary("erfinv", "smooth", { low: -0.93, high: 0.87, edges: [special, wide] }),
  floor: unary("floor", "differentiable"),
  ceil: unary("ceil", "differentiable"),
  round: unary("round", "differentiable"),
  trunc: unary("trunc", "differentiable"),
  not: [plain("bool", [bools], ([x]) => build.unary("not", x as Node))],
  stopGradient: [
    plain("the identity", [floats([2, 3])], ([x]) => build.unary("stopGradient", x as Node)),
    plain("on integers", [words], ([x]) => build.unary("stopGradient", x as Node)),
  ],
  cast: [
    ...(["float32", "float64"] as const).map((to) =>
      smooth(`float32 to ${to} and back`, [floats([7])], ([x]) =>
        build.cast(mul(build.cast(x as Node, to), build.cast(x as Node, to)), "float32"),
      ),
    ),
    ...[
      vector(
        "float32",
        0,
        -0.9,
        0.9,
        1.5,
        -1.5,
        255,
        256,
        1e6,
        -1e6,
        3e9,
        -3e9,
        5e9,
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
        Number.NaN,
      ),
      words,
      unsigned,
      bytes,
      bools,
      vector("int8", 0, 1, -1, 127, -128, 17),
      vector("float16", 0, -0, 1.5, -2.25, 65504, 2 ** -24, Number.POSITIVE_INFINITY, Number.NaN),
      vector("bfloat16", 0, -0, 1.5, -2.25, 3e38, 2 ** -133, Number.NEGATIVE_INFINITY, Number.NaN),
    ].flatMap((operand) =>
      (["bool", "uint8", "int8", "int32", "uint32", "float16", "bfloat16", "float32"] as const)
        .filter((to) => to !== operand.dtype)
        .map((to) => plain(`${operand.dtype} to ${to}`, [operand], ([x]) => build.cast(x as Node, to))),
    ),
  ],
  checkBounds: [plain("inside", [integers([5], 0, 6)], ([x]) => build.checkBounds(x as Node, 7, "test: index outside the axis"))],
  add: binary("add", "smooth", { edges: numeric }),
  sub: binary("sub", "smooth", { edges: numeric }),
  mul: [...binary("mul", "smooth", { edges: numeric }), smooth("a node by itself", [floats([4])], ([x]) => mul(x, x))],
  div: binary("div", "smooth", { operands: (shape) => [floats(shape), floats(shape, 0.4, 2.3, 2)], edges: numeric }),
  pow: [
    ...binary("pow", "smooth", {
      operands: (shape) => [floats(shape, 0.2, 2.5), floats(shape, -1.7, 2.3, 2)],
      float: "ordinary",
      edges: [words, bytes],
    }),
    ...[0, 1, 2, 3, -1, 0.5].map((n) =>
      smooth(`to the constant ${n}`, [floats([5], 0.3, 2)], ([x]) => build.binary("pow", x as Node, number(x, n))),
    ),
    smooth("negative base, whole exponent", [floats([5], -2, -0.5)], ([x]) => build.binary("pow", x as Node, number(x, 3))),
    plain(
      "float edges",
      [vector("float32", 0, 0, 0, 1, 2, -2, -2, 4, 0.5, 3), vector("float32", 0, 1, 2.5, 7, -1, 2, 3, 0.5, -3, 0)],
      ([a, b]) => build.binary("pow", a as Node, b as Node),
    ),
  ],
  atan2: binary("atan2", "smooth"),
  remainder: [
    ...binary("remainder", "smooth", {
      operands: (shape) => [floats(shape, -7.3, 7.9), floats(shape, 1.1, 1.9, 2)],
      float: "ordinary",
      edges: numeric,
    }),
    plain("signs", pairs(vector("float32", 5.5, -5.5, 2, -2, 0.75)), ([a, b]) => build.binary("remainder", a as Node, b as Node)),
  ],
  maximum: binary("maximum", "smooth", { edges: [...numeric, bools] }),
  minimum: binary("minimum", "smooth", { edges: [...numeric, bools] }),
  eq: binary("eq", "plain", { edges: [...numeric, bools] }),
  ne: binary("ne", "plain", { edges: [...numeric, bools] }),
  lt: binary("lt", "plain", { edges: [...numeric, bools] }),
  le: binary("le", "plain", { edges: [...numeric, bools] }),
  and: binary("and", "plain", { float: "none", edges: [...numeric, bools] }),
  or: binary("or", "plain", { float: "none", edges: [...numeric, bools] }),
  xor: binary("xor", "plain", { float: "none", edges: [...numeric, bools] }),
  shiftLeft: binary("shiftLeft", "plain", {
    float: "none",
    edges: [
      vector("int32", 0, 1, -1, 5, 31, 12_345, -12_345),
      vector("uint32", 0, 1, 5, 31, 4_000_000_000),
      vector("uint8", 0, 1, 3, 7, 200),
    ],
  }),
  shiftRight: binary("shiftRight", "plain", {
    float: "none",
    edges: [
      vector("int32", 0, 1, -1, 5, 31, 12_345, -12_345),
      vector("uint32", 0, 1, 5, 31, 4_000_000_000),
      vector("uint8", 0, 1, 3, 7, 200),
    ],
  }),
  where: [
    ...shapes.map((shape) =>
      smooth(`float32 [${shape}]`, [integers(shape, 0, 1, 3, "bool"), floats(shape), floats(shape, 3, 5, 2)], ([c, a, b]) =>
        build.where(c as Node, a as Node, b as Node),
      ),
    ),
    plain("int32", [bools, vector("int32", 1, 2, 3, 4, 5), vector("int32", 6, 7, 8, 9, 10)], ([c, a, b]) =>
      build.where(c as Node, a as Node, b as Node),
    ),
    plain("the side not taken may be NaN", [vector("float32", -1, 4, 9)], ([x]) =>
      build.where(build.binary("lt", x as Node, number(x, 0)), number(x, 0), build.unary("sqrt", x as Node)),
    ),
  ],
  barrier: [
    smooth("the first operand", [floats([2, 3]), floats([2, 3], -1, 1, 2)], ([x, token]) => build.barrier(x as Node, token as Node)),
    plain("integers behind bools", [vector("int32", 1, 2, 3, 4, 5), bools], ([x, token]) => build.barrier(x as Node, token as Node)),
    smooth("among other work", [floats([4]), floats([4, 4], -1, 1, 2)], ([x, w]) => {
      const first = build.reshape(build.slice(w as Node, [0, 0], [1, 1]), [1]);
      const held = build.barrier(build.unary("sin", x as Node), build.expand(first, [4]));
      return build.contract(w as Node, held, [[], []], [[1], [0]]);
    }),
  ],
  threefry: [
    plain(
      "known answers",
      [
        vector("uint32", 0, 2 ** 32 - 1, 0x13198a2e),
        vector("uint32", 0, 2 ** 32 - 1, 0x03707344),
        vector("uint32", 0, 2 ** 32 - 1, 0x243f6a88),
        vector("uint32", 0, 2 ** 32 - 1, 0x85a308d3),
      ],
      ([k0, k1, c0, c1]) => ([0, 1] as const).map((word) => build.threefry(word, k0 as Node, k1 as Node, c0 as Node, c1 as Node)),
    ),
    plain("a counter that runs", [], () => {
      const key = build.constant(42, "uint32", [9]);
      return build.threefry(0, key, build.constant(7, "uint32", [9]), build.cast(build.iota([9], 0), "uint32"), key);
    }),
  ],
};
