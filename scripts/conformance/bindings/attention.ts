// Attention.

import { scaledDotProductAttention } from "../../../src/nn/functional.ts";
import { type Bindings, bind } from "../binding.ts";

export const bindings: Bindings = {
  "nn.functional.scaled_dot_product_attention": bind(
    ["query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa"],
    (a) =>
      scaledDotProductAttention(a.float("query"), a.float("key"), a.float("value"), {
        mask: a.maybe("attn_mask") ?? null,
        dropout: a.number("dropout_p", 0),
        causal: a.flag("is_causal"),
        scale: a.number("scale") ?? null,
        groupedQuery: a.flag("enable_gqa"),
      }),
  ),
};
