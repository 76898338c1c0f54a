// Reductions over axes, and running results along one.

import * as d from "../../../src/index.ts";
import * as linalg from "../../../src/linalg.ts";
import { type Arguments, type Binding, type Bindings, bind } from "../binding.ts";

/** torch's empty list of axes stands for all of them. */
function axesOf(a: Arguments): d.AxesArgument | undefined {
  const axes = a.numbers("dim");
  return Array.isArray(axes) && axes.length === 0 ? undefined : axes;
}

const kept = (a: Arguments) => ({ keepDimensions: a.flag("keepdim") });

type Reduction = (x: d.Tensor, axes?: d.AxesArgument, options?: d.ReduceOptions) => d.AnyTensor;

const over = (f: Reduction): Binding => bind(["input", "dim", "keepdim"], (a) => f(a.float("input"), axesOf(a), kept(a)));

type Found = (x: d.Tensor, axis: number, options: d.ReduceOptions) => d.Found<"float32">;

/** torch's max and min: of two tensors, of all elements, or along an axis with the index. */
const extreme = (pair: (a: d.Operand, b: d.Operand) => d.AnyTensor, all: Reduction, found: Found): Binding =>
  bind(["input", "dim", "keepdim", "other"], (a) => {
    const other = a.has("other") ? a.get("other") : a.get("dim");
    if (other instanceof d.Tensor) return pair(a.operand("input"), other);
    if (!a.has("dim")) return all(a.float("input"));
    const { values, indices } = found(a.float("input"), a.number("dim", 0), kept(a));
    return [values, indices];
  });

const index = (f: (x: d.Tensor, axis?: number, options?: d.ReduceOptions) => d.AnyTensor): Binding =>
  bind(["input", "dim", "keepdim"], (a) => f(a.float("input"), a.number("dim"), kept(a)));

/** The arguments of var and std: `unbiased` came before `correction`, and may stand in the place of `dim`. */
function moments(a: Arguments): [d.Tensor, d.AxesArgument | undefined, d.ReduceOptions & { correction: number }] {
  const place = a.get("dim");
  const unbiased = typeof place === "boolean" ? place : a.get("unbiased");
  const correction = typeof unbiased === "boolean" ? Number(unbiased) : a.number("correction", 1);
  return [a.float("input"), typeof place === "boolean" ? undefined : axesOf(a), { ...kept(a), correction }];
}
const momentNames = ["input", "dim", "unbiased", "keepdim", "correction"];

function meanOf(a: Arguments): d.AnyTensor {
  const [x, axes] = moments(a);
  return d.mean(x, axes, kept(a));
}

const norms: Readonly<Record<string, number>> = { fro: 2, inf: Number.POSITIVE_INFINITY, "-inf": Number.NEGATIVE_INFINITY };

const norm = (name: string): Binding =>
  bind(["input", name, "dim", "keepdim"], (a) => {
    const given = a.get(name);
    const axes = axesOf(a);
    return linalg.vectorNorm(a.float("input"), {
      order: typeof given === "string" ? (norms[given] ?? Number.NaN) : a.number(name, 2),
      ...(axes === undefined ? {} : { axes }),
      ...kept(a),
    });
  });

const running = (f: (x: d.Tensor, axis: number) => d.AnyTensor): Binding =>
  bind(["input", "dim"], (a) => f(a.float("input"), a.number("dim", 0)));

export const bindings: Bindings = {
  sum: over(d.sum),
  mean: over(d.mean),
  prod: over(d.prod),
  amax: over(d.max),
  amin: over(d.min),
  max: extreme(d.maximum, d.max, d.maxWithIndex),
  min: extreme(d.minimum, d.min, d.minWithIndex),
  argmax: index(d.argMax),
  argmin: index(d.argMin),
  var: bind(momentNames, (a) => d.variance(...moments(a))),
  std: bind(momentNames, (a) => d.std(...moments(a))),
  var_mean: bind(momentNames, (a) => [d.variance(...moments(a)), meanOf(a)]),
  std_mean: bind(momentNames, (a) => [d.std(...moments(a)), meanOf(a)]),
  logsumexp: over(d.logSumExp),
  "linalg.vector_norm": norm("ord"),
  norm: norm("p"),
  all: over(d.all),
  any: over(d.any),
  cumsum: running(d.cumsum),
  cumprod: running(d.cumprod),
  logcumsumexp: running(d.logCumSumExp),
  count_nonzero: bind(["input", "dim"], (a) => d.countNonzero(a.float("input"), axesOf(a))),
};
