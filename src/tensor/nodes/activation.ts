// Activations on nodes: the formulas, written so that they and their gradients stay finite and accurate wherever the function
// itself is. At kinks the gradient is PyTorch's.

import { binary, reshape, where as select, slice } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { normalizeAxis, showShape } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { abs, add, div, erf, exp, expm1, le, log1p, lt, mul, neg, pow, sub, tanh, type Unary, where } from "./elementwise.ts";
import { fill, floating } from "./operands.ts";

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
  if (approximate !== "none" && approximate !== "tanh")
    throw mistake("OPTION", { where: "gelu", problem: "unknown approximation", got: approximate, expected: "none or tanh" });
  const x = floating(v);
  if (approximate === "none") return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
  const inner = mul(add(x, mul(pow(x, 3), 0.044715)), Math.sqrt(2 / Math.PI));
  return mul(mul(x, 0.5), add(tanh(inner), 1));
}

/** log(1 + e^(βx)) / β, and x itself above the threshold. */
export function softplusOf(v: Node, beta: number, threshold: number): Node {
  const x = floating(v);
  const scaled = mul(x, beta);
  return select(lt(threshold, scaled), x, div(softplus(scaled), beta));
}

/** log σ(x) = −log(1 + e⁻ˣ). */
export const logSigmoid: Unary = (x) => neg(softplus(neg(floating(x))));
export const mish: Unary = (x) => mul(floating(x), tanh(softplus(x)));
export const softSign: Unary = (v) => {
  const x = floating(v);
  return div(x, add(abs(x), 1));
};
export const tanhShrink: Unary = (v) => {
  const x = floating(v);
  return sub(x, tanh(x));
};

/** Between the limits x, outside the limit; on the limits the gradient is 0, unlike that of clamp. */
export function hardTanh(x: Node, low: number, high: number): Node {
  if (low > high)
    throw mistake("OPTION", {
      where: "hardTanh",
      problem: "the lower limit is above the upper one",
      got: `low ${low} and high ${high}`,
      expected: "low ≤ high",
    });
  return select(le(x, low), fill(x, low), select(le(high, x), fill(x, high), x));
}

export const relu6: Unary = (x) => hardTanh(x, 0, 6);

export const hardSigmoid: Unary = (v) => {
  const x = floating(v);
  return select(le(x, -3), fill(x, 0), select(le(3, x), fill(x, 1), div(add(x, 3), 6)));
};

export const hardSwish: Unary = (v) => {
  const x = floating(v);
  return select(lt(x, -3), fill(x, 0), select(le(x, 3), div(mul(x, add(x, 3)), 6), x));
};

/** λ · (x where positive, else α (eˣ − 1)), with the constants that keep mean 0 and variance 1. */
export function selu(x: Node): Node {
  return mul(elu(x, 1.6732632423543772), 1.0507009873554805);
}

export function celu(v: Node, alpha: number): Node {
  if (alpha === 0) throw mistake("OPTION", { where: "celu", problem: "alpha cannot be 0", got: alpha, expected: "another number" });
  const x = floating(v);
  const negative = le(x, 0);
  return select(negative, mul(expm1(div(select(negative, x, fill(x, 0)), alpha)), alpha), x);
}

export function threshold(x: Node, limit: number, value: number): Node {
  return where(le(x, limit), value, x);
}

export function hardShrink(x: Node, lambda: number): Node {
  return select(binary("and", le(-lambda, x), le(x, lambda)), fill(x, 0), x);
}

export function softShrink(v: Node, lambda: number): Node {
  if (!(lambda >= 0))
    throw mistake("OPTION", { where: "softShrink", problem: "lambda is negative", got: lambda, expected: "a number from 0 on" });
  const x = floating(v);
  return select(lt(lambda, x), sub(x, lambda), select(lt(x, -lambda), add(x, lambda), mul(x, 0)));
}

/** x where positive, else weight · x, with one weight, or one for each channel (axis 1). */
export function prelu(v: Node, weight: Node): Node {
  const x = floating(v);
  const channels = x.shape.length < 2 ? 1 : (x.shape[1] as number);
  if (weight.shape.length > 1 || (weight.size !== 1 && weight.size !== channels))
    throw mistake("SHAPE", {
      where: "prelu",
      problem: "the weight does not fit the channels",
      got: `weight ${showShape(weight.shape)} for x ${showShape(x.shape)}`,
      expected: channels === 1 ? "one weight" : `a scalar, or [1] or [${channels}]`,
    });
  const spread = weight.size === 1 ? [] : x.shape.slice(1).map((_, i) => (i === 0 ? channels : 1));
  return where(lt(0, x), x, mul(reshape(weight, spread), x));
}

/** The first half of an axis times the sigmoid of the second. */
export function glu(v: Node, axis: number): Node {
  const x = floating(v);
  const a = normalizeAxis("glu", axis, x.shape.length);
  const n = x.shape[a] as number;
  if (n % 2 !== 0)
    throw mistake("SHAPE", { where: "glu", problem: `axis ${a} cannot be halved`, got: showShape(x.shape), expected: "an even size" });
  const sizes = x.shape.map((size, i) => (i === a ? n / 2 : size));
  const half = (start: number) =>
    slice(
      x,
      x.shape.map((_, i) => (i === a ? start : 0)),
      sizes,
    );
  return mul(half(0), sigmoid(half(n / 2)));
}
