// Scaled-dot-product attention, and rotary positions for it. Attention is two contractions around a softmax; the scheduler decides
// what of it is stored.

import { isFloat } from "../graph/dtype.ts";
import { showShape } from "../graph/shape.ts";
import { mistake } from "../util/errors.ts";
import { checkNames, checkNumber } from "../util/options.ts";
import { arange } from "./create.ts";
import { where as choose } from "./elementwise.ts";
import { select } from "./parts.ts";
import { bernoulli } from "./random.ts";
import type { Tensor } from "./tensor.ts";
import type { AnyTensor } from "./types.ts";

export interface AttentionOptions {
  /** Which keys a query may see: bool (true: it may), or numbers added to the scores. Broadcasts to [..., queries, keys]. */
  readonly mask?: AnyTensor | null;
  /** Query i sees keys 0 to i. Default false. */
  readonly causal?: boolean;
  /** What scores are multiplied by. Default 1/√features. */
  readonly scale?: number | null;
  /** The share of attention weights that is set to 0, the others being divided by what is left. Default 0. */
  readonly dropout?: number;
  /** Fewer heads (axis −3) of keys and values than of queries, each serving a run of them. Default false. */
  readonly groupedQuery?: boolean;
}

function checkOperands(where: string, q: Tensor, k: Tensor, v: Tensor): void {
  const shapes = () => `query ${showShape(q.shape)}, key ${showShape(k.shape)}, value ${showShape(v.shape)}`;
  const wrong = (problem: string, expected: string) => mistake("SHAPE", { where, problem, got: shapes(), expected });
  for (const [name, t] of Object.entries({ query: q, key: k, value: v })) {
    if (!isFloat(t.dtype)) throw mistake("DTYPE", { where, problem: `${name} must be floating point`, got: t.dtype, expected: "float32" });
    if (t.rank < 2) throw wrong(`${name} has too few axes`, "[..., places, features]");
  }
  if (q.shape[q.rank - 1] !== k.shape[k.rank - 1]) throw wrong("query and key differ in features, the last axis", "one size");
  if (k.shape[k.rank - 2] !== v.shape[v.rank - 2]) throw wrong("key and value differ in places, the axis before the last", "one size");
}

/** Heads of keys and values in groups: [..., heads, n, f] becomes [..., heads, 1, n, f], queries [..., heads, group, n, f]. */
function grouped(where: string, q: Tensor, k: Tensor, v: Tensor): [Tensor, Tensor, Tensor] {
  const heads = (x: Tensor) => x.shape[x.rank - 3] ?? 0;
  const [of, by] = [heads(q), heads(k)];
  if (q.rank < 3 || k.rank < 3 || v.rank < 3 || by === 0 || of % by !== 0 || heads(v) !== by)
    throw mistake("SHAPE", {
      where,
      problem: "the heads of key and value do not divide those of the query",
      got: `query ${showShape(q.shape)}, key ${showShape(k.shape)}, value ${showShape(v.shape)}`,
      expected: "axis −3 of the query to be a multiple of that of key and value",
    });
  const wide = q.reshape([...q.shape.slice(0, -3), by, of / by, ...q.shape.slice(-2)]);
  return [wide, k.unsqueeze(-3), v.unsqueeze(-3)];
}

/** e^xᵢ / Σ e^xⱼ along the last axis, and 0 where every score is −∞. */
function safeSoftmax(scores: Tensor): Tensor {
  const top = scores.max(-1, { keepDimensions: true }).stopGradient();
  const e = scores.sub(choose(top.isFinite(), top, 0)).exp();
  const total = e.sum(-1, { keepDimensions: true });
  return e.div(choose(total.eq(0), 1, total)) as Tensor;
}

/**
 * softmax(scale · Q Kᵀ + mask) V: each query's mean of the values, weighted by how alike query and key are. A query that may see no
 * key gets 0.
 *
 * @param query [..., queries, features], float32
 * @param key [..., keys, features]
 * @param value [..., keys, outputs]; leading axes broadcast
 * @returns [..., queries, outputs]
 * @throws UserError `SHAPE` where query, key, value and mask do not fit
 * @example
 * const q = normal([2, 4, 16, 8]);   // batch, heads, places, features
 * const y = scaledDotProductAttention(q, q, q, { causal: true });
 * Source: Vaswani et al. 2017, arXiv 1706.03762; grouped queries, Ainslie et al. 2023, arXiv 2305.13245.
 */
export function scaledDotProductAttention(query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions = {}): Tensor {
  const where = "scaledDotProductAttention";
  checkNames(where, options, ["mask", "causal", "scale", "dropout", "groupedQuery"]);
  const { mask = null, causal = false, dropout = 0, groupedQuery = false } = options;
  checkNumber(where, "dropout", dropout, { least: 0, most: 1 });
  checkOperands(where, query, key, value);
  const features = query.shape[query.rank - 1] as number;
  const scale = options.scale == null ? 1 / Math.sqrt(features) : checkNumber(where, "scale", options.scale);
  const [q, k, v] = groupedQuery ? grouped(where, query, key, value) : [query, key, value];
  const [queries, keys] = [q.shape[q.rank - 2] as number, k.shape[k.rank - 2] as number];
  let scores = q.mul(scale).matmul(k.transpose()) as Tensor;
  if (causal) {
    const visible = arange(keys).unsqueeze(0).le(arange(queries).unsqueeze(1));
    scores = choose(visible, scores, Number.NEGATIVE_INFINITY) as Tensor;
  }
  if (mask !== null) {
    const fitted = groupedQuery && mask.rank > 2 ? groupedMask(mask, q.shape) : mask;
    if (!broadcasts(fitted.shape, scores.shape) || (!isFloat(mask.dtype) && mask.dtype !== "bool"))
      throw mistake("SHAPE", {
        where,
        problem: "the mask does not fit",
        got: `mask ${mask.dtype}${showShape(mask.shape)}`,
        expected: `bool or floats that broadcast to [...,${queries},${keys}]`,
      });
    scores = (fitted.dtype === "bool" ? choose(fitted as Tensor<"bool">, scores, Number.NEGATIVE_INFINITY) : scores.add(fitted)) as Tensor;
  }
  let weights = mask === null && keys > 0 ? scores.softmax(-1) : safeSoftmax(scores);
  if (dropout === 1) weights = weights.mul(0) as Tensor;
  else if (dropout > 0) {
    const keep = 1 - dropout;
    weights = bernoulli(weights.shape, { probability: keep }).where(weights.mul(1 / keep), 0) as Tensor;
  }
  const result = weights.matmul(v) as Tensor;
  return groupedQuery
    ? result.reshape([...result.shape.slice(0, -4), query.shape[query.rank - 3] as number, ...result.shape.slice(-2)])
    : result;
}

/** Whether a mask stretches to the scores; leading axes of the mask may stretch the scores. */
function broadcasts(mask: readonly number[], scores: readonly number[]): boolean {
  return mask.toReversed().every((n, i) => {
    const of = scores[scores.length - 1 - i];
    return n === 1 || n === of || (i >= 2 && (of === undefined || of === 1));
  });
}

/** A mask whose axis −3 is that of the query's heads, or 1, with the heads in groups. */
function groupedMask(mask: AnyTensor, q: readonly number[]): AnyTensor {
  const [by, of] = q.slice(-4) as [number, number];
  const heads = mask.shape[mask.rank - 3] as number;
  const split = heads === 1 ? [1, 1] : [by, of];
  return mask.reshape([...mask.shape.slice(0, -3), ...split, ...mask.shape.slice(-2)]);
}

export interface RotaryOptions {
  /** The place of each row, [places], or where the first one is. Default 0: places count from 0. */
  readonly positions?: AnyTensor | number;
  /** The longest wave length is 2π times this. Default 10000. */
  readonly base?: number;
  /** Pairs are neighbours (0 and 1, 2 and 3, …), as in the paper; else halves (0 and f/2, …), as in most models. Default false. */
  readonly interleaved?: boolean;
}

/**
 * Rotary positions: pairs of features are turned by angles that grow with the place, pair i by place · base^(−2i/features), so that
 * the products of queries and keys depend on the distance of their places.
 *
 * @param x [..., places, features], float32, an even number of features
 * @returns the shape of x
 * @throws UserError `SHAPE` for an odd number of features, or positions that do not fit
 * @example
 * const q = normal([16, 8]);
 * const scores = rotary(q).matmul(rotary(q).transpose());
 * Source: Su, Lu, Pan, Murtadha, Wen, Liu 2021, arXiv 2104.09864.
 */
export function rotary(x: Tensor, options: RotaryOptions = {}): Tensor {
  const where = "rotary";
  checkNames(where, options, ["positions", "base", "interleaved"]);
  const base = checkNumber(where, "base", options.base ?? 10000, { above: 0 });
  const [places, features] = x.shape.slice(-2) as [number, number | undefined];
  if (features === undefined || features % 2 !== 0)
    throw mistake("SHAPE", {
      where,
      problem: "x must have an even number of features",
      got: `x ${showShape(x.shape)}`,
      expected: "[..., places, features]",
    });
  const { positions = 0, interleaved = false } = options;
  const rows = typeof positions === "number" ? arange(positions, positions + places) : positions;
  if (rows.rank !== 1 || rows.size !== places)
    throw mistake("SHAPE", {
      where,
      problem: "positions do not fit x",
      got: `positions ${showShape(rows.shape)}`,
      expected: showShape([places]),
    });
  const half = features / 2;
  const angle = rows.cast("float32").unsqueeze(1).mul(frequencies(half, base)) as Tensor;
  const [cosine, sine] = [angle.cos(), angle.sin()];
  const axis = interleaved ? -1 : -2;
  const pairs = x.reshape([...x.shape.slice(0, -1), ...(interleaved ? [half, 2] : [2, half])]);
  const [first, second] = [select(pairs, axis, 0), select(pairs, axis, 1)];
  const turned = first.mul(cosine).sub(second.mul(sine)) as Tensor;
  const other = first.mul(sine).add(second.mul(cosine)) as Tensor;
  return turned.stack(other, interleaved ? -1 : -2).reshape(x.shape);
}

/** base^(−i/count) for i from 0: the angular frequencies of positions. */
export function frequencies(count: number, base: number): Tensor {
  return arange(count)
    .cast("float32")
    .mul(-Math.log(base) / count)
    .exp() as Tensor;
}
