// Activations, the softmax family, and lengths and angles of vectors.

import * as d from "../../../src/index.ts";
import * as linalg from "../../../src/linalg.ts";
import * as nn from "../../../src/nn/index.ts";
import { type Binding, type Bindings, bind } from "../binding.ts";

/** A binding of a function of one tensor. */
const of = (f: (x: d.Tensor) => d.AnyTensor): Binding => bind(["input", "inplace"], (a) => f(a.float("input")));
/** With one number, by torch's name. */
const by = (name: string, f: (x: d.Tensor, value: number | undefined) => d.AnyTensor): Binding =>
  bind(["input", name, "inplace"], (a) => f(a.float("input"), a.number(name)));

export const bindings: Bindings = {
  "nn.functional.relu": of(d.relu),
  "nn.functional.relu6": of(nn.relu6),
  "nn.functional.leaky_relu": by("negative_slope", d.leakyRelu),
  "nn.functional.elu": by("alpha", d.elu),
  "nn.functional.selu": of(nn.selu),
  "nn.functional.celu": by("alpha", nn.celu),
  "nn.functional.gelu": bind(["input", "approximate"], (a) => d.gelu(a.float("input"), a.text("approximate", "none") as "none" | "tanh")),
  "nn.functional.silu": of(d.silu),
  "nn.functional.mish": of(nn.mish),
  "nn.functional.softplus": bind(["input", "beta", "threshold"], (a) =>
    d.softplus(a.float("input"), { beta: a.number("beta", 1), threshold: a.number("threshold", 20) }),
  ),
  "nn.functional.softsign": of(nn.softSign),
  "nn.functional.hardtanh": bind(["input", "min_val", "max_val"], (a) =>
    nn.hardTanh(a.float("input"), a.number("min_val"), a.number("max_val")),
  ),
  "nn.functional.hardswish": of(nn.hardSwish),
  "nn.functional.hardsigmoid": of(nn.hardSigmoid),
  "nn.functional.logsigmoid": of(nn.logSigmoid),
  softmax: by("dim", d.softmax),
  log_softmax: by("dim", d.logSoftmax),
  "nn.functional.softmin": by("dim", nn.softmin),
  "nn.functional.glu": by("dim", nn.glu),
  "nn.functional.threshold": bind(["input", "threshold", "value"], (a) =>
    nn.threshold(a.float("input"), a.number("threshold", 0), a.number("value", 0)),
  ),
  "nn.functional.tanhshrink": of(nn.tanhShrink),
  "nn.functional.softshrink": by("lambd", nn.softShrink),
  "nn.functional.hardshrink": by("lambd", nn.hardShrink),
  "nn.functional.prelu": bind(["input", "weight"], (a) => nn.prelu(a.float("input"), a.tensor("weight"))),
  "nn.functional.normalize": bind(["input", "p", "dim", "eps"], (a) =>
    linalg.normalize(a.float("input"), { order: a.number("p", 2), axes: a.numbers("dim") ?? 1, epsilon: a.number("eps", 1e-12) }),
  ),
  "nn.functional.cosine_similarity": bind(["x1", "x2", "dim", "eps"], (a) =>
    linalg.cosineSimilarity(a.operand("x1"), a.operand("x2"), { axis: a.number("dim", 1), epsilon: a.number("eps", 1e-8) }),
  ),
  "nn.functional.pairwise_distance": bind(["x1", "x2", "p", "eps", "keepdim"], (a) =>
    linalg.pairwiseDistance(a.operand("x1"), a.operand("x2"), {
      order: a.number("p", 2),
      epsilon: a.number("eps", 1e-6),
      keepDimensions: a.flag("keepdim"),
    }),
  ),
};
