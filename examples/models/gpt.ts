// The character model of the gpt workload, as the peers' script defines it: 4 layers, 4 heads, width 128, block 64, vocabulary 65,
// norms first, no biases in linear layers, exact GELU.

import { arange, Linear, Module, type Tensor } from "../../src/index.ts";
import { Embedding, LayerNorm, scaledDotProductAttention } from "../../src/nn/index.ts";

class Block extends Module {
  readonly heads: number;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly qkv: Linear;
  readonly out: Linear;
  readonly up: Linear;
  readonly down: Linear;

  constructor(width: number, heads: number) {
    super();
    this.heads = heads;
    this.norm1 = new LayerNorm(width);
    this.norm2 = new LayerNorm(width);
    this.qkv = new Linear(width, 3 * width, { bias: false });
    this.out = new Linear(width, width, { bias: false });
    this.up = new Linear(width, 4 * width, { bias: false });
    this.down = new Linear(4 * width, width, { bias: false });
  }

  forward(x: Tensor): Tensor {
    const [batch, places, width] = x.shape as readonly [number, number, number];
    const parts = this.qkv.forward(this.norm1.forward(x)).split(3, 2);
    const [q, k, v] = parts.map((z) => z.reshape([batch, places, this.heads, width / this.heads]).transpose(1, 2)) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const y = scaledDotProductAttention(q, k, v, { causal: true }).transpose(1, 2).reshape([batch, places, width]);
    const attended = x.add(this.out.forward(y));
    return attended.add(this.down.forward(this.up.forward(this.norm2.forward(attended)).gelu()));
  }
}

export class Gpt extends Module {
  readonly tokens: Embedding;
  readonly places: Embedding;
  readonly blocks: readonly Block[];
  readonly norm: LayerNorm;
  readonly head: Linear;

  constructor() {
    super();
    const [vocabulary, block, width, layers, heads] = [65, 64, 128, 4, 4];
    this.tokens = new Embedding(vocabulary, width);
    this.places = new Embedding(block, width);
    this.blocks = Array.from({ length: layers }, () => new Block(width, heads));
    this.norm = new LayerNorm(width);
    this.head = new Linear(width, vocabulary, { bias: false });
  }

  /** @param x token indices, [batch, places] */
  forward(x: Tensor<"int32">): Tensor {
    const embedded = this.tokens.forward(x).add(this.places.forward(arange(x.shape[1] as number)));
    return this.head.forward(this.norm.forward(this.blocks.reduce((h, block) => block.forward(h), embedded)));
  }
}
