// Elementwise arithmetic, comparisons and logic on nodes, and the functions that are primitives. (Composed functions of real
// numbers: maths.ts; activations: activation.ts.)

import { binary, broadcastTo, constant, where as select, unary } from "../../graph/build.ts";
import { isFloat } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import type { BinaryOp, PlainUnaryOp } from "../../graph/operation.ts";
import { broadcastShapes } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { align, condition, fill, floating, nodeOf, type Operand } from "./operands.ts";

export type Binary = (a: Operand, b: Operand) => Node;
export type Unary = (x: Node) => Node;

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

/** |a| modulo |b| with the sign of a: C's fmod. The select has derivative 1 at 0, where that of abs is 0. */
export const fmod: Binary = (a, b) => {
  const [x, y] = align("fmod", a, b);
  if (x.dtype === "uint8" || x.dtype === "uint32") return binary("remainder", x, y);
  const negative = lt(x, 0);
  const rest = binary("remainder", select(negative, neg(x), x), abs(y));
  return select(negative, neg(rest), rest);
};

/** The quotient without its fraction; integers stay integers. */
export const truncDivide: Binary = (a, b) => {
  const [x, y] = align("div", a, b);
  return isFloat(x.dtype) ? trunc(binary("div", x, y)) : binary("div", x, y);
};

/** ⌊a / b⌋ from the exact remainder, as in Python: rounding cannot lift the quotient over an integer. */
export const floorDivide: Binary = (a, b) => {
  const [x, y] = align("div", a, b);
  if (!isFloat(x.dtype)) return binary("div", binary("sub", x, binary("remainder", x, y)), y);
  const rest = fmod(x, y);
  const beyond = binary("and", ne(rest, 0), binary("xor", lt(rest, 0), lt(y, 0)));
  const quotient = round(sub(binary("div", sub(x, rest), y), select(beyond, fill(x, 1), fill(x, 0))));
  return stopGradient(select(eq(y, 0), binary("div", x, y), quotient));
};

/** The larger of both, or the other where one is NaN; at a tie the first has all of the gradient. */
export const fmax: Binary = (a, b) => {
  const [x, y] = align("fmax", a, b);
  return select(binary("or", binary("le", y, x), isNaN(y)), x, y);
};

/** The smaller of both, likewise. */
export const fmin: Binary = (a, b) => {
  const [x, y] = align("fmin", a, b);
  return select(binary("or", binary("le", x, y), isNaN(y)), x, y);
};

/** a + weight · (b − a), from the nearer end. */
export function lerp(a: Operand, b: Operand, weight: Operand): Node {
  const [x, y] = align("lerp", a, b);
  const step = sub(y, x);
  const far = le(0.5, weight);
  if (typeof weight === "number") return weight < 0.5 ? add(x, mul(step, weight)) : sub(y, mul(step, 1 - weight));
  return where(far, sub(y, mul(step, sub(1, weight))), add(x, mul(step, weight)));
}

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
  (op: PlainUnaryOp): Unary =>
  (x) =>
    unary(op, floating(x));
const plain =
  (op: PlainUnaryOp): Unary =>
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
export const erfc: Unary = float("erfc");
export const erfinv: Unary = float("erfinv");
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

/** Whether it is not 0. */
export const truth: Unary = (x) => (x.dtype === "bool" ? x : ne(x, 0));

const logicalOf =
  (op: "and" | "or" | "xor", name: string): Binary =>
  (a, b) => {
    const [x, y] = align(name, a, b);
    return binary(op, truth(x), truth(y));
  };

export const logicalAnd: Binary = logicalOf("and", "logicalAnd");
export const logicalOr: Binary = logicalOf("or", "logicalOr");
export const logicalXor: Binary = logicalOf("xor", "logicalXor");
export const logicalNot: Unary = (x) => unary("not", truth(x));

export const frac: Unary = (x) => sub(x, trunc(x));

export const isNaN: Unary = (x) => binary("ne", x, x);
export const isFinite: Unary = (x) => (isFloat(x.dtype) ? lt(abs(x), Number.POSITIVE_INFINITY) : constant(1, "bool", x.shape));

export const isInfinite: Unary = (x) => (isFloat(x.dtype) ? eq(abs(x), Number.POSITIVE_INFINITY) : constant(0, "bool", x.shape));

/** Numbers in place of NaN and the infinities; their gradient is 0. */
export function nanToNumber(x: Node, nan: number, positive: number, negative: number): Node {
  if (!isFloat(x.dtype)) return x;
  const infinite = select(
    eq(x, Number.POSITIVE_INFINITY),
    fill(x, positive),
    select(eq(x, Number.NEGATIVE_INFINITY), fill(x, negative), x),
  );
  return select(isNaN(x), fill(x, nan), infinite);
}

/** Outside the limits the limit, with gradient 0; on them and between them x, with gradient 1. The upper limit has the last word. */
export function clamp(v: Node, low: Operand | undefined, high: Operand | undefined): Node {
  if (low === undefined && high === undefined)
    throw mistake("OPTION", {
      where: "clamp",
      problem: "there is no limit",
      got: "neither",
      expected: "one or two limits",
    });
  // A tensor's limits may be NaN, and make NaN.
  const beyond = (given: Operand, outside: Node, limit: Node) =>
    typeof given === "number" ? outside : binary("or", outside, binary("ne", limit, limit));
  let x = v;
  if (low !== undefined) {
    const [value, limit] = align("clamp", x, low);
    x = select(beyond(low, binary("lt", value, limit), limit), limit, value);
  }
  if (high !== undefined) {
    const [value, limit] = align("clamp", x, high);
    x = select(beyond(high, binary("lt", limit, value), limit), limit, value);
  }
  return x;
}

export function where(test: Node, yes: Operand, no: Operand): Node {
  const [a, b] = typeof yes === "number" && typeof no === "number" ? [nodeOf(yes), nodeOf(no)] : align("where", yes, no);
  const shape = broadcastShapes("where", condition("where", test).shape, a.shape);
  return select(broadcastTo(test, shape), broadcastTo(a, shape), broadcastTo(b, shape));
}
