// Normalisations.

import type { Tensor } from "../../../src/index.ts";
import { batchNorm, groupNorm, instanceNorm, layerNorm, localResponseNorm, rmsNorm } from "../../../src/nn/functional.ts";
import { type Arguments, type Bindings, bind } from "../binding.ts";

const scale = (a: Arguments) => ({
  weight: (a.maybe("weight") as Tensor | undefined) ?? null,
  bias: (a.maybe("bias") as Tensor | undefined) ?? null,
  epsilon: a.number("eps", 1e-5),
});

const running = (a: Arguments) => ({
  ...scale(a),
  runningMean: (a.maybe("running_mean") as Tensor | undefined) ?? null,
  runningVariance: (a.maybe("running_var") as Tensor | undefined) ?? null,
  momentum: a.number("momentum", 0.1),
});

export const bindings: Bindings = {
  "nn.functional.batch_norm": bind(["input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"], (a) =>
    batchNorm(a.float("input"), { ...running(a), training: a.flag("training") }),
  ),
  "nn.functional.instance_norm": bind(
    ["input", "running_mean", "running_var", "weight", "bias", "use_input_stats", "momentum", "eps"],
    (a) => instanceNorm(a.float("input"), { ...running(a), inputStatistics: a.flag("use_input_stats", true) }),
  ),
  "nn.functional.layer_norm": bind(["input", "normalized_shape", "weight", "bias", "eps"], (a) =>
    layerNorm(a.float("input"), a.list("normalized_shape"), scale(a)),
  ),
  "nn.functional.group_norm": bind(["input", "num_groups", "weight", "bias", "eps"], (a) =>
    groupNorm(a.float("input"), a.number("num_groups", 1), scale(a)),
  ),
  "nn.functional.rms_norm": bind(["input", "normalized_shape", "weight", "eps"], (a) =>
    rmsNorm(a.float("input"), a.list("normalized_shape"), {
      weight: (a.maybe("weight") as Tensor | undefined) ?? null,
      epsilon: a.number("eps", 2 ** -23),
    }),
  ),
  "nn.functional.local_response_norm": bind(["input", "size", "alpha", "beta", "k"], (a) =>
    localResponseNorm(a.float("input"), a.number("size", 1), {
      alpha: a.number("alpha", 1e-4),
      beta: a.number("beta", 0.75),
      k: a.number("k", 1),
    }),
  ),
};
