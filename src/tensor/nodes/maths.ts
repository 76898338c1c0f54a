// Functions of real numbers on nodes, composed of those that are primitives. Branches are chosen by selects whose side not
// taken has a harmless argument, so that values and gradients stay finite and accurate wherever those of the function are.

import { binary, where as select } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { mistake } from "../../util/errors.ts";
import { softplus } from "./activation.ts";
import {
  abs,
  add,
  type Binary,
  clamp,
  cos,
  div,
  eq,
  exp,
  expm1,
  isInfinite,
  le,
  log,
  log1p,
  lt,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  sin,
  sqrt,
  stopGradient,
  sub,
  type Unary,
} from "./elementwise.ts";
import { align, fill, floating } from "./operands.ts";

export const exp2: Unary = (x) => pow(2, floating(x));
export const log2: Unary = (x) => mul(log(x), Math.LOG2E);
export const log10: Unary = (x) => mul(log(x), Math.LOG10E);

export const tan: Unary = (x) => div(sin(x), cos(x));

/** The angle of the point (x, y). */
export const atan2: Binary = (y, x) => {
  const [a, b] = align("atan2", y, x);
  return binary("atan2", floating(a), floating(b));
};
export const atan: Unary = (v) => {
  const x = floating(v);
  return binary("atan2", x, fill(x, 1));
};

/** √(1 − x²), accurate near ±1. */
const beside = (x: Node): Node => sqrt(mul(sub(1, x), add(x, 1)));
export const asin: Unary = (v) => {
  const x = floating(v);
  return binary("atan2", x, beside(x));
};
export const acos: Unary = (v) => {
  const x = floating(v);
  return binary("atan2", beside(x), x);
};

/** |x| whose derivative at 0 is 1: for odd functions, which get the sign of x back by `signed`. */
const size = (x: Node): Node => select(lt(x, fill(x, 0)), neg(x), x);
const signed = (x: Node, value: Node): Node => select(lt(x, fill(x, 0)), neg(value), value);

/** eˣ/2 ∓ e⁻ˣ/2 as products of roots, which reach as far as the result does. */
function halves(x: Node): [Node, Node] {
  const [up, down] = [exp(mul(x, 0.5)), exp(mul(x, -0.5))];
  return [mul(mul(up, 0.5), up), mul(mul(down, 0.5), down)];
}
export const cosh: Unary = (v) => add(...halves(floating(v)));
export const sinh: Unary = (v) => {
  const x = floating(v);
  const small = lt(abs(x), 1);
  const e = expm1(select(small, size(x), fill(x, 0)));
  return select(small, signed(x, mul(add(e, div(e, add(e, 1))), 0.5)), sub(...halves(x)));
};

/** Above this x² + 1 is x², and x² may leave the range. */
const large = 2 ** 30;

/** log(a + rest) for positive a; `rest` is asked only for arguments below the limit. Above it the logarithm is log 2a. */
function logarithm(a: Node, rest: (a: Node) => Node): Node {
  const far = lt(large, a);
  const inside = rest(select(far, fill(a, 1), a));
  return add(log1p(select(far, a, inside)), select(far, fill(a, Math.LN2), fill(a, 0)));
}
export const asinh: Unary = (v) => {
  const x = floating(v);
  return signed(
    x,
    logarithm(size(x), (a) => {
      const square = mul(a, a);
      return add(a, div(square, add(sqrt(add(square, 1)), 1)));
    }),
  );
};
export const acosh: Unary = (v) => logarithm(sub(floating(v), 1), (t) => add(t, mul(sqrt(t), sqrt(add(t, 2)))));
export const atanh: Unary = (v) => {
  const x = floating(v);
  const a = size(x);
  return signed(x, mul(log1p(div(add(a, a), sub(1, a))), 0.5));
};

/** log(x / (1 − x)), the inverse of the sigmoid; x is first brought into [epsilon, 1 − epsilon], if that is given. */
export function logit(v: Node, epsilon?: number): Node {
  if (epsilon !== undefined && !(epsilon >= 0 && epsilon <= 0.5))
    throw mistake("OPTION", { where: "logit", problem: "epsilon is out of range", got: epsilon, expected: "a number from 0 to 0.5" });
  const x = epsilon === undefined ? floating(v) : clamp(floating(v), epsilon, 1 - epsilon);
  return sub(log(x), log1p(neg(x)));
}

/** √(a² + b²), scaled by the larger so that squares stay in the range. */
export const hypot: Binary = (a, b) => {
  const [x, y] = align("hypot", a, b).map(floating) as [Node, Node];
  const top = stopGradient(maximum(abs(x), abs(y)));
  const scale = select(binary("and", lt(0, top), lt(top, Number.POSITIVE_INFINITY)), top, fill(top, 1));
  const [p, q] = [div(x, scale), div(y, scale)];
  const result = mul(sqrt(add(mul(p, p), mul(q, q))), scale);
  return select(binary("or", isInfinite(x), isInfinite(y)), fill(x, Number.POSITIVE_INFINITY), result);
};

/** log(eᵃ + eᵇ) = m + log(1 + e^−|a − b|), m the larger. */
export const logAddExp: Binary = (a, b) => {
  const [x, y] = align("logAddExp", a, b).map(floating) as [Node, Node];
  const [top, bottom] = [maximum(x, y), minimum(x, y)];
  // Two infinities of one sign have no difference.
  const same = binary("and", eq(x, y), isInfinite(x));
  const gap = sub(select(same, fill(x, 0), bottom), select(same, fill(x, 0), top));
  return select(same, x, add(top, softplus(gap)));
};

/** x · log y, and 0 where x is 0, whatever y is but NaN. */
export const xlogy: Binary = (a, b) => {
  const [x, y] = align("xlogy", a, b).map(floating) as [Node, Node];
  const nothing = binary("and", eq(x, 0), binary("or", le(y, 0), eq(y, Number.POSITIVE_INFINITY)));
  return select(nothing, fill(x, 0), mul(x, log(select(nothing, fill(y, 1), y))));
};
