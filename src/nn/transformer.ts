// Transformer blocks with PyTorch's parts, names and defaults (but the batch first).

import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";
import { checkNames } from "../util/options.ts";
import { MultiHeadAttention } from "./attention.ts";
import { Dropout } from "./dropout.ts";
import { Linear } from "./linear.ts";
import { Module } from "./module.ts";
import { LayerNorm } from "./norm.ts";

export interface TransformerOptions {
  /** Features between the two linear layers. Default 2048. */
  readonly hidden?: number;
  /** Default 0.1. */
  readonly dropout?: number;
  /** Default relu. */
  readonly activation?: "relu" | "gelu" | ((x: Tensor) => Tensor);
  /** Normalises before each part instead of after it. Default false. */
  readonly normFirst?: boolean;
  /** Of the layer norms. Default 1e-5. */
  readonly epsilon?: number;
  /** Biases everywhere. Default true. */
  readonly bias?: boolean;
}

export interface EncodeOptions {
  /** See `MultiHeadAttention`. */
  readonly mask?: AnyTensor | null;
  /** Which places count, [batch, places], bool: false for padding. */
  readonly keyMask?: Tensor<"bool"> | null;
  /** Default false. */
  readonly causal?: boolean;
}

export interface DecodeOptions extends EncodeOptions {
  /** Which places of the memory each place sees. */
  readonly memoryMask?: AnyTensor | null;
  /** Which places of the memory count, [batch, places], bool. */
  readonly memoryKeyMask?: Tensor<"bool"> | null;
}

const optionNames = ["hidden", "dropout", "activation", "normFirst", "epsilon", "bias"];
const files: Readonly<Record<string, string>> = { selfAttention: "self_attn", crossAttention: "multihead_attn" };

/** What both kinds of layer share: self-attention, two linear layers, and a normalisation for each part. */
abstract class TransformerLayer extends Module {
  readonly selfAttention: MultiHeadAttention;
  readonly linear1: Linear;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout: Dropout;
  readonly normFirst: boolean;
  readonly activation: (x: Tensor) => Tensor;

  constructor(where: string, width: number, heads: number, options: TransformerOptions) {
    super();
    checkNames(where, options, optionNames);
    const { hidden = 2048, dropout = 0.1, activation = "relu", normFirst = false, bias = true } = options;
    if (typeof activation !== "function" && activation !== "relu" && activation !== "gelu")
      throw mistake("OPTION", { where, problem: "unknown activation", got: activation, expected: "relu, gelu or a function" });
    this.activation = activation === "relu" ? (x) => x.relu() : activation === "gelu" ? (x) => x.gelu() : activation;
    this.normFirst = normFirst;
    this.selfAttention = new MultiHeadAttention(width, heads, { dropout, bias });
    this.linear1 = new Linear(width, hidden, { bias });
    this.linear2 = new Linear(hidden, width, { bias });
    this.norm1 = new LayerNorm(width, normOptions(options));
    this.norm2 = new LayerNorm(width, normOptions(options));
    this.dropout = new Dropout(dropout);
  }

  override stateName(path: string): string {
    return files[path] ?? path;
  }

  /** x plus what a part makes of it, normalised before or after. */
  protected part(x: Tensor, norm: LayerNorm, f: (x: Tensor) => Tensor): Tensor {
    if (this.normFirst) return x.add(this.dropout.forward(f(norm.forward(x)))) as Tensor;
    return norm.forward(x.add(this.dropout.forward(f(x))) as Tensor);
  }

  protected feedForward(x: Tensor): Tensor {
    return this.linear2.forward(this.dropout.forward(this.activation(this.linear1.forward(x))));
  }
}

const normOptions = ({ epsilon = 1e-5, bias = true }: TransformerOptions) => ({ epsilon, bias });

/**
 * Self-attention, then two linear layers, each with a residual connection and a layer norm.
 *
 * @example
 * const layer = new TransformerEncoderLayer(128, 4, { hidden: 512, activation: "gelu", normFirst: true });
 * const y = layer.forward(x, { causal: true });   // x: [batch, places, 128]
 * Source: Vaswani et al. 2017, arXiv 1706.03762; norms first, Xiong et al. 2020, arXiv 2002.04745.
 */
export class TransformerEncoderLayer extends TransformerLayer {
  constructor(width: number, heads: number, options: TransformerOptions = {}) {
    super("TransformerEncoderLayer", width, heads, options);
  }

  /** @param x [batch, places, width] */
  forward(x: Tensor, options: EncodeOptions = {}): Tensor {
    const attended = this.part(x, this.norm1, (h) => this.selfAttention.forward(h, options));
    return this.part(attended, this.norm2, (h) => this.feedForward(h));
  }
}

/**
 * Self-attention, attention to a memory (what an encoder made), then two linear layers, each with a residual connection and a layer
 * norm.
 *
 * @example
 * const y = layer.forward(x, memory, { causal: true });   // x: [batch, places, width], memory: [batch, others, width]
 * Source: Vaswani et al. 2017, arXiv 1706.03762.
 */
export class TransformerDecoderLayer extends TransformerLayer {
  readonly crossAttention: MultiHeadAttention;
  readonly norm3: LayerNorm;

  constructor(width: number, heads: number, options: TransformerOptions = {}) {
    super("TransformerDecoderLayer", width, heads, options);
    const { dropout = 0.1, bias = true } = options;
    this.crossAttention = new MultiHeadAttention(width, heads, { dropout, bias });
    this.norm3 = new LayerNorm(width, normOptions(options));
  }

  /**
   * @param x [batch, places, width]
   * @param memory [batch, others, width]
   */
  forward(x: Tensor, memory: Tensor = x, options: DecodeOptions = {}): Tensor {
    const { memoryMask = null, memoryKeyMask = null, ...own } = options;
    const attended = this.part(x, this.norm1, (h) => this.selfAttention.forward(h, own));
    const crossed = this.part(attended, this.norm2, (h) =>
      this.crossAttention.forward(h, { key: memory, mask: memoryMask, keyMask: memoryKeyMask }),
    );
    return this.part(crossed, this.norm3, (h) => this.feedForward(h));
  }
}

/**
 * Encoder layers one after the other, and a last normalisation if there is one.
 *
 * @example
 * const layers = Array.from({ length: 4 }, () => new TransformerEncoderLayer(128, 4, { normFirst: true }));
 * const encoder = new TransformerEncoder(layers, new LayerNorm(128));
 */
export class TransformerEncoder extends Module {
  readonly layers: readonly TransformerEncoderLayer[];
  readonly norm: LayerNorm | null;

  constructor(layers: readonly TransformerEncoderLayer[], norm: LayerNorm | null = null) {
    super();
    this.layers = layers;
    this.norm = norm;
  }

  /** @param x [batch, places, width] */
  forward(x: Tensor, options: EncodeOptions = {}): Tensor {
    const y = this.layers.reduce((h, layer) => layer.forward(h, options), x);
    return this.norm === null ? y : this.norm.forward(y);
  }
}

/** Decoder layers one after the other, all with the same memory, and a last normalisation if there is one. */
export class TransformerDecoder extends Module {
  readonly layers: readonly TransformerDecoderLayer[];
  readonly norm: LayerNorm | null;

  constructor(layers: readonly TransformerDecoderLayer[], norm: LayerNorm | null = null) {
    super();
    this.layers = layers;
    this.norm = norm;
  }

  /**
   * @param x [batch, places, width]
   * @param memory [batch, others, width]
   */
  forward(x: Tensor, memory: Tensor = x, options: DecodeOptions = {}): Tensor {
    const y = this.layers.reduce((h, layer) => layer.forward(h, memory, options), x);
    return this.norm === null ? y : this.norm.forward(y);
  }
}
