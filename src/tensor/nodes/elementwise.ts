// Elementwise operations on nodes, composed of the primitives: the formulas, written so that they and their gradients
// stay finite and accurate wherever the function itself is.

import { binary, broadcastTo, constant, where as select, unary } from "../../graph/build.ts";
import { isFloat } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import type { BinaryOp, UnaryOp } from "../../graph/operation.ts";
import { broadcastShapes } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { align, condition, fill, floating, nodeOf, type Operand } from "./operands.ts";

type Binary = (a: Operand, b: Operand) => Node;
type Unary = (x: Node) => Node;

const arithmetic =
  (op: BinaryOp, name: string = op): Binary =>
  (a, b) =>
    binary(op, ...align(name, a, b));

export const add: Binary = arithmetic("add");
export const sub: Binary = arithmetic("sub");
export const mul: Binary = arithmetic("mul");
export const maximum: Binary = arithmetic("maximum");
export const minimum: Binary = arithmetic("minimum");
export const remainder: Binary = arithmetic("remainder");
export const eq: Binary = arithmetic("eq");
export const ne: Binary = arithmetic("ne");
export const lt: Binary = arithmetic("lt");
export const le: Binary = arithmetic("le");
export const gt: Binary = (a, b) => {
  const [x, y] = align("gt", a, b);
  return binary("lt", y, x);
};
export const ge: Binary = (a, b) => {
  const [x, y] = align("ge", a, b);
  return binary("le", y, x);
};

/** True division: integers give float32. */
export const div: Binary = (a, b) => {
  const [x, y] = align("div", a, b);
  return binary("div", floating(x), floating(y));
};

const logical =
  (op: "and" | "or" | "xor"): Binary =>
  (a, b) =>
    binary(op, ...align(op, a, b));

export const and: Binary = logical("and");
export const or: Binary = logical("or");
export const xor: Binary = logical("xor");

/** Small constant exponents become products and roots. */
export const pow: Binary = (a, b) => {
  if (typeof b === "number" && typeof a !== "number" && isFloat(a.dtype)) {
    const square_ = () => binary("mul", a, a);
    switch (b) {
      case 0:
        return fill(a, 1);
      case 1:
        return a;
      case 2:
        return square_();
      case 3:
        return binary("mul", square_(), a);
      case 4: {
        const s = square_();
        return binary("mul", s, s);
      }
      case -1:
        return reciprocal(a);
      case 0.5:
        return unary("sqrt", a);
      case -0.5:
        return rsqrt(a);
    }
  }
  return binary("pow", ...align("pow", a, b));
};

const float =
  (op: Exclude<UnaryOp, "cast" | "checkBounds">): Unary =>
  (x) =>
    unary(op, floating(x));
const plain =
  (op: Exclude<UnaryOp, "cast" | "checkBounds">): Unary =>
  (x) =>
    unary(op, x);

export const exp: Unary = float("exp");
export const expm1: Unary = float("expm1");
export const log: Unary = float("log");
export const log1p: Unary = float("log1p");
export const sqrt: Unary = float("sqrt");
export const sin: Unary = float("sin");
export const cos: Unary = float("cos");
export const tanh: Unary = float("tanh");
export const erf: Unary = float("erf");
export const neg: Unary = plain("neg");
export const abs: Unary = plain("abs");
export const sign: Unary = plain("sign");
export const floor: Unary = plain("floor");
export const ceil: Unary = plain("ceil");
export const round: Unary = plain("round");
export const trunc: Unary = plain("trunc");
export const stopGradient: Unary = plain("stopGradient");

export const not: Unary = (x) => unary("not", condition("not", x));
export const square: Unary = (x) => binary("mul", x, x);
export const reciprocal: Unary = (x) => binary("div", fill(floating(x), 1), floating(x));
export const rsqrt: Unary = (x) => reciprocal(sqrt(x));

export const isNaN: Unary = (x) => binary("ne", x, x);
export const isFinite: Unary = (x) => (isFloat(x.dtype) ? lt(abs(x), Number.POSITIVE_INFINITY) : constant(1, "bool", x.shape));

/** −|x| whose derivative at 0 is −1: it keeps the gradients of sigmoid and softplus right there. */
const below: Unary = (x) => select(le(0, x), neg(x), x);

/** 1 / (1 + e⁻ˣ), from e^−|x| only, so that nothing overflows. */
export const sigmoid: Unary = (v) => {
  const x = floating(v);
  const z = exp(below(x));
  return binary("div", select(le(0, x), fill(x, 1), z), add(z, 1));
};

/** log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|). */
export const softplus: Unary = (v) => {
  const x = floating(v);
  return binary("add", select(le(0, x), x, fill(x, 0)), log1p(exp(below(x))));
};

/** max(x, 0) with gradient 0 at 0; a NaN stays one. */
export const relu: Unary = (x) => select(le(x, 0), fill(x, 0), x);
export const silu: Unary = (x) => mul(x, sigmoid(x));

export function leakyRelu(v: Node, slope: number): Node {
  const x = floating(v);
  return select(le(x, 0), mul(x, slope), x);
}

export function elu(v: Node, alpha: number): Node {
  const x = floating(v);
  const negative = le(x, 0);
  return select(negative, mul(expm1(select(negative, x, fill(x, 0))), alpha), x);
}

export function gelu(v: Node, approximate: "none" | "tanh"): Node {
  const x = floating(v);
  if (approximate === "none") return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
  const inner = mul(add(x, mul(pow(x, 3), 0.044715)), Math.sqrt(2 / Math.PI));
  return mul(mul(x, 0.5), add(tanh(inner), 1));
}

/** Outside the limits the limit, with gradient 0; on them and between them x, with gradient 1. */
export function clamp(v: Node, low: Operand | undefined, high: Operand | undefined): Node {
  if (typeof low === "number" && typeof high === "number" && low > high)
    throw mistake("OPTION", { where: "clamp", problem: "the lower limit is above the upper one", got: `${low} and ${high}` });
  let x = v;
  if (low !== undefined) {
    const [value, limit] = align("clamp", x, low);
    x = select(binary("lt", value, limit), limit, value);
  }
  if (high !== undefined) {
    const [value, limit] = align("clamp", x, high);
    x = select(binary("lt", limit, value), limit, value);
  }
  return x;
}

export function where(test: Node, yes: Operand, no: Operand): Node {
  const [a, b] = typeof yes === "number" && typeof no === "number" ? [nodeOf(yes), nodeOf(no)] : align("where", yes, no);
  const shape = broadcastShapes("where", condition("where", test).shape, a.shape);
  return select(broadcastTo(test, shape), broadcastTo(a, shape), broadcastTo(b, shape));
}
