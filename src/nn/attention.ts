// Multi-head attention with its projections, in PyTorch's layout: one matrix for queries, keys and values.

import { showShape } from "../graph/shape.ts";
import { type RotaryOptions, rotary, scaledDotProductAttention } from "../tensor/attention.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";
import { checkNames, checkNumber } from "../util/options.ts";
import { glorotUniform, zerosInitializer } from "./initialize.ts";
import { Linear } from "./linear.ts";
import { Module } from "./module.ts";
import { type Parameter, parameter } from "./parameter.ts";

export interface MultiHeadAttentionOptions {
  /** Default true. */
  readonly bias?: boolean;
  /** Dropout of attention weights in training. Default 0. */
  readonly dropout?: number;
  /** Features of the keys. Default those of the queries. */
  readonly keySize?: number;
  /** Features of the values. Default those of the queries. */
  readonly valueSize?: number;
  /** Turns queries and keys by their places (see `rotary`); true for the defaults. Default false. */
  readonly rotary?: boolean | RotaryOptions;
}

export interface AttendOptions {
  /** What is attended to, [batch, keys, keySize]. Default the query itself. */
  readonly key?: Tensor;
  /** [batch, keys, valueSize]. Default the key. */
  readonly value?: Tensor;
  /** bool (true: may be seen) or numbers added to the scores; broadcasts to [batch, heads, queries, keys]. */
  readonly mask?: AnyTensor | null;
  /** Which keys count at all, [batch, keys], bool: false for padding. */
  readonly keyMask?: Tensor<"bool"> | null;
  /** A place sees itself and those before. Default false. */
  readonly causal?: boolean;
}

/**
 * Attention in several heads: projections of query, key and value are cut into heads, each attends alone (see
 * `scaledDotProductAttention`), and what they give is joined and projected again.
 * State-dict names are PyTorch's: in_proj_weight, in_proj_bias (or q_proj_weight, k_proj_weight, v_proj_weight where sizes differ),
 * out_proj.weight, out_proj.bias.
 *
 * @example
 * const attention = new MultiHeadAttention(128, 4);
 * const y = attention.forward(x, { causal: true });   // x: [batch, places, 128]
 * Source: Vaswani et al. 2017, arXiv 1706.03762.
 */
export class MultiHeadAttention extends Module {
  readonly width: number;
  readonly heads: number;
  readonly dropout: number;
  readonly rotary: RotaryOptions | null;
  /** Query, key and value in one, [3 · width, width], or null where their sizes differ. */
  readonly inputWeight: Parameter | null;
  /** Each [width, size], where sizes differ. */
  readonly queryWeight: Parameter | null;
  readonly keyWeight: Parameter | null;
  readonly valueWeight: Parameter | null;
  /** [3 · width], or null. */
  readonly inputBias: Parameter | null;
  readonly output: Linear;

  /**
   * @param width features of the queries and of the result
   * @param heads divides the width
   * @throws UserError `OPTION` where the heads do not divide the width
   */
  constructor(width: number, heads: number, options: MultiHeadAttentionOptions = {}) {
    super();
    const where = "MultiHeadAttention";
    checkNames(where, options, ["bias", "dropout", "keySize", "valueSize", "rotary"]);
    this.width = checkNumber(where, "width", width, { least: 1, integer: true });
    this.heads = checkNumber(where, "heads", heads, { least: 1, integer: true });
    if (width % heads !== 0)
      throw mistake("OPTION", { where, problem: "the heads do not divide the width", got: heads, expected: `a divisor of ${width}` });
    this.dropout = checkNumber(where, "dropout", options.dropout ?? 0, { least: 0, most: 1 });
    const turned = options.rotary ?? false;
    this.rotary = turned === false ? null : turned === true ? {} : turned;
    const { keySize = width, valueSize = width, bias = true } = options;
    const equal = keySize === width && valueSize === width;
    this.inputWeight = equal ? parameter([3 * width, width], glorotUniform()) : null;
    this.queryWeight = equal ? null : parameter([width, width], glorotUniform());
    this.keyWeight = equal ? null : parameter([width, keySize], glorotUniform());
    this.valueWeight = equal ? null : parameter([width, valueSize], glorotUniform());
    this.inputBias = bias ? parameter([3 * width], zerosInitializer, { penalized: false }) : null;
    this.output = new Linear(width, width, { bias });
  }

  override stateName(path: string): string {
    const files: Readonly<Record<string, string>> = {
      inputWeight: "in_proj_weight",
      queryWeight: "q_proj_weight",
      keyWeight: "k_proj_weight",
      valueWeight: "v_proj_weight",
      inputBias: "in_proj_bias",
      output: "out_proj",
    };
    return files[path] ?? path;
  }

  /**
   * @param query [batch, queries, width], float32
   * @returns [batch, queries, width]
   * @throws UserError `SHAPE` where query, key, value and masks do not fit
   */
  forward(query: Tensor, options: AttendOptions = {}): Tensor {
    const where = `MultiHeadAttention(${this.width}, ${this.heads})`;
    checkNames(where, options, ["key", "value", "mask", "keyMask", "causal"]);
    const { key = query, mask = null, keyMask = null, causal = false } = options;
    const value = options.value ?? key;
    for (const [name, t, size] of [
      ["query", query, this.width],
      ["key", key, this.keyWeight?.shape[1] ?? this.width],
      ["value", value, this.valueWeight?.shape[1] ?? this.width],
    ] as const)
      if (t.rank !== 3 || t.shape[2] !== size)
        throw mistake("SHAPE", {
          where,
          problem: `the ${name} has the wrong shape`,
          got: showShape(t.shape),
          expected: `[batch, places, ${size}]`,
        });
    const [q, k, v] = this.project(query, key, value).map((t) => this.split(t)) as [Tensor, Tensor, Tensor];
    const [turnedQ, turnedK] = this.rotary === null ? [q, k] : [rotary(q, this.rotary), rotary(k, this.rotary)];
    const joined = scaledDotProductAttention(turnedQ, turnedK, v, {
      mask: this.masks(mask, keyMask),
      causal,
      dropout: this.training ? this.dropout : 0,
    });
    const [batch, places] = query.shape as readonly [number, number];
    return this.output.forward(joined.transpose(1, 2).reshape([batch, places, this.width]));
  }

  /** One mask of both. */
  private masks(mask: AnyTensor | null, keyMask: Tensor<"bool"> | null): AnyTensor | null {
    if (keyMask === null) return mask;
    const keys = keyMask.unsqueeze(1).unsqueeze(1);
    if (mask === null) return keys;
    return mask.dtype === "bool" ? (mask as Tensor<"bool">).and(keys) : keys.where(mask, Number.NEGATIVE_INFINITY);
  }

  private project(query: Tensor, key: Tensor, value: Tensor): Tensor[] {
    const { width, inputWeight, inputBias } = this;
    const plus = (x: Tensor, bias: Tensor | undefined) => (bias === undefined ? x : (x.add(bias) as Tensor));
    if (inputWeight !== null && key === query && value === query) {
      const all = query.matmul(inputWeight.transpose()) as Tensor;
      return plus(all, inputBias ?? undefined).split(3, -1);
    }
    const weights = inputWeight === null ? [this.queryWeight, this.keyWeight, this.valueWeight] : inputWeight.split(3);
    const biases = inputBias === null ? [] : inputBias.split([width, width, width]);
    return [query, key, value].map((x, i) => plus(x.matmul((weights[i] as Tensor).transpose()) as Tensor, biases[i]));
  }

  /** [batch, places, width] as [batch, heads, places, width / heads]. */
  private split(x: Tensor): Tensor {
    const [batch, places] = x.shape as readonly [number, number];
    return x.reshape([batch, places, this.heads, this.width / this.heads]).transpose(1, 2);
  }
}
