// Cotangents of elementwise operations. At kinks we choose as PyTorch does: abs and sign 0 at 0, maximum and minimum half
// to each side of a tie, pow 0 where the exponent is 0 or (for the exponent's) where base 0 meets an exponent ≥ 0.

import { binary, cast, unary, where } from "../../graph/build.ts";
import { computed, isReal } from "../../graph/dtype.ts";
import { inputOf, type Node } from "../../graph/node.ts";
import { add, div, like, mul, neg, numberIn, scale, zerosLike } from "../arithmetic.ts";
import type { ReverseRows, ReverseRule } from "../rule.ts";

const first = (node: Node): Node => inputOf(node, 0);
const second = (node: Node): Node => inputOf(node, 1);

/** The greater (or smaller) side gets the cotangent; equal sides share it. */
function extreme<O extends "maximum" | "minimum">(loses: (mine: Node, other: Node) => Node): ReverseRule<O> {
  return (node, g) => {
    const side = (mine: Node, other: Node) => () =>
      where(loses(mine, other), zerosLike(g), where(binary("eq", mine, other), scale(g, 0.5), g));
    return [side(first(node), second(node)), side(second(node), first(node))];
  };
}

const mulRule: ReverseRule<"mul"> = (node, g) => {
  const [a, b] = [first(node), second(node)];
  if (a === b) return [() => mul(g, scale(a, 2)), null];
  return [() => mul(g, b), () => mul(g, a)];
};

const divRule: ReverseRule<"div"> = (node, g) => {
  const b = second(node);
  let quotient: Node | null = null;
  const share = () => {
    quotient ??= div(g, b);
    return quotient;
  };
  return [share, () => neg(mul(share(), node))];
};

const powRule: ReverseRule<"pow"> = (node, g) => {
  const [a, b] = [first(node), second(node)];
  const exponent = numberIn(b);
  const base = () => {
    if (exponent === 0) return zerosLike(g);
    if (exponent === 1) return g;
    if (exponent === 2) return mul(g, scale(a, 2));
    const slope = mul(b, binary("pow", a, add(b, like(b, -1))));
    return exponent === null ? where(binary("eq", b, zerosLike(b)), zerosLike(g), mul(g, slope)) : mul(g, slope);
  };
  const power = () => {
    const zeroBase = binary("and", binary("eq", a, zerosLike(a)), binary("le", zerosLike(b), b));
    // The logarithm is taken of 1 where it is not used, so that second derivatives there stay finite.
    const safe = where(zeroBase, like(a, 1), a);
    return where(zeroBase, zerosLike(g), mul(g, mul(node, unary("log", safe))));
  };
  return [base, power];
};

export const elementwise: ReverseRows<"unary" | "binary" | "nary"> = {
  neg: (_, g) => [() => neg(g)],
  abs: (node, g) => [() => mul(g, unary("sign", first(node)))],
  exp: (node, g) => [() => mul(g, node)],
  expm1: (node, g) => [() => mul(g, add(node, like(node, 1)))],
  log: (node, g) => [() => div(g, first(node))],
  log1p: (node, g) => [() => div(g, add(first(node), like(node, 1)))],
  sqrt: (node, g) => [() => div(g, scale(node, 2))],
  sin: (node, g) => [() => mul(g, unary("cos", first(node)))],
  cos: (node, g) => [() => neg(mul(g, unary("sin", first(node))))],
  tanh: (node, g) => [() => mul(g, binary("sub", like(node, 1), mul(node, node)))],
  erf: (node, g) => [
    () => {
      const x = first(node);
      return mul(g, scale(unary("exp", neg(mul(x, x))), 2 / Math.sqrt(Math.PI)));
    },
  ],
  erfc: (node, g) => [
    () => {
      const x = first(node);
      return mul(g, scale(unary("exp", neg(mul(x, x))), -2 / Math.sqrt(Math.PI)));
    },
  ],
  erfinv: (node, g) => [() => mul(g, scale(unary("exp", mul(node, node)), Math.sqrt(Math.PI) / 2))],
  cast: (node, g) => [isReal(first(node).dtype) && isReal(node.dtype) ? () => cast(g, computed(first(node).dtype)) : null],
  sign: null,
  floor: null,
  ceil: null,
  round: null,
  trunc: null,
  not: null,
  stopGradient: null,
  checkBounds: null,

  add: (_, g) => [() => g, () => g],
  sub: (_, g) => [() => g, () => neg(g)],
  mul: mulRule,
  div: divRule,
  pow: powRule,
  atan2: (node, g) => {
    const [y, x] = [first(node), second(node)];
    const square = add(mul(x, x), mul(y, y));
    // The origin has no angle; its gradient is 0.
    const safe = where(binary("eq", square, zerosLike(square)), like(square, 1), square);
    const share = (side: Node) => () => mul(g, div(side, safe));
    return [share(x), share(neg(y))];
  },
  remainder: (node, g) => [() => g, () => neg(mul(g, unary("floor", binary("div", first(node), second(node)))))],
  maximum: extreme((mine, other) => binary("lt", mine, other)),
  minimum: extreme((mine, other) => binary("lt", other, mine)),
  eq: null,
  ne: null,
  lt: null,
  le: null,
  and: null,
  or: null,
  xor: null,
  shiftLeft: null,
  shiftRight: null,

  where: (node, g) => [null, () => where(first(node), g, zerosLike(g)), () => where(first(node), zerosLike(g), g)],
  barrier: (_, g) => [() => g, null],
  threefry: null,
};
