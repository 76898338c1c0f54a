// Elementwise operations.

import { InternalError, mistake } from "../../util/errors.ts";
import { isFloat, isInteger } from "../dtype.ts";
import { Node } from "../node.ts";
import { type BinaryOp, isComparison, isRealFunction, type PlainUnaryOp } from "../operation.ts";
import { sameShape, showShape } from "../shape.ts";
import { none, wide } from "./common.ts";

export function unary(op: PlainUnaryOp, given: Node): Node {
  const x = op === "stopGradient" ? given : wide(given);
  if ((op === "sqrt" || isRealFunction(op)) && !isFloat(x.dtype))
    throw mistake("DTYPE", { where: op, problem: "needs a floating-point tensor", got: x.dtype, advice: "Cast it first." });
  if (op === "neg" && x.dtype === "bool")
    throw mistake("DTYPE", { where: op, problem: "is not defined on bool", advice: "Use logicalNot." });
  if (op === "not" && x.dtype !== "bool") throw mistake("DTYPE", { where: op, problem: "needs bool", got: x.dtype });
  if ((op === "floor" || op === "ceil" || op === "round" || op === "trunc") && !isFloat(x.dtype)) return x;
  return new Node(op, [x], none, x.shape, x.dtype);
}

export function checkBounds(x: Node, size: number, message: string): Node {
  if (x.dtype !== "int32") throw new InternalError(`checkBounds on ${x.dtype}`);
  return new Node("checkBounds", [x], { size, message }, x.shape, "int32");
}

export function binary(op: BinaryOp, left: Node, right: Node): Node {
  const [a, b] = [wide(left), wide(right)];
  if (!sameShape(a.shape, b.shape))
    throw mistake("SHAPE", {
      where: op,
      problem: "operands differ in shape",
      got: `${showShape(a.shape)} and ${showShape(b.shape)}`,
      expected: "equal shapes",
    });
  if (a.dtype !== b.dtype) throw mistake("DTYPE", { where: op, problem: "operands differ in dtype", got: `${a.dtype} and ${b.dtype}` });
  if (isComparison(op)) return new Node(op, [a, b], none, a.shape, "bool");
  if (op === "atan2" && !isFloat(a.dtype))
    throw mistake("DTYPE", { where: op, problem: "needs floating-point tensors", got: a.dtype, advice: "Cast them first." });
  const logical = op === "and" || op === "or" || op === "xor";
  if (logical ? isFloat(a.dtype) : a.dtype === "bool" && op !== "maximum" && op !== "minimum") {
    throw mistake("DTYPE", { where: op, problem: `is not defined on ${a.dtype}`, expected: logical ? "bool or integers" : "numbers" });
  }
  if ((op === "shiftLeft" || op === "shiftRight") && !isInteger(a.dtype))
    throw mistake("DTYPE", { where: op, problem: "needs integers", got: a.dtype });
  return new Node(op, [a, b], none, a.shape, a.dtype);
}

/** `condition ? yes : no`, element by element. */
export function where(condition: Node, yes: Node, no: Node): Node {
  if (condition.dtype !== "bool") throw mistake("DTYPE", { where: "where", problem: "the condition must be bool", got: condition.dtype });
  if (!sameShape(condition.shape, yes.shape) || !sameShape(yes.shape, no.shape)) {
    throw mistake("SHAPE", {
      where: "where",
      problem: "operands differ in shape",
      got: [condition, yes, no].map((n) => showShape(n.shape)).join(", "),
      expected: "equal shapes",
    });
  }
  if (yes.dtype !== no.dtype)
    throw mistake("DTYPE", { where: "where", problem: "the two sides differ in dtype", got: `${yes.dtype} and ${no.dtype}` });
  return new Node("where", [condition, yes, no], none, yes.shape, yes.dtype);
}

/** One word of the Threefry-2x32 block of a key and a 64-bit counter. */
export function threefry(word: 0 | 1, key0: Node, key1: Node, counter0: Node, counter1: Node): Node {
  const inputs = [key0, key1, counter0, counter1];
  for (const n of inputs)
    if (n.dtype !== "uint32" || !sameShape(n.shape, key0.shape))
      throw new InternalError("threefry needs four uint32 operands of one shape");
  return new Node("threefry", inputs, { word }, key0.shape, "uint32");
}

/** `x`, once `token` (of its shape, any dtype) is known. */
export function barrier(x: Node, token: Node): Node {
  if (!sameShape(x.shape, token.shape)) throw new InternalError("barrier: the token has another shape");
  return new Node("barrier", [x, token], none, x.shape, x.dtype);
}
