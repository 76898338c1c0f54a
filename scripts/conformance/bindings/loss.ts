// Losses. Ours take class scores on any axis (torch's is 1, or 0 of one sample) and do not broadcast; torch's do, so what torch
// would broadcast is broadcast here.

import type { AnyTensor, Tensor } from "../../../src/index.ts";
import * as loss from "../../../src/loss/index.ts";
import { type Arguments, type Bindings, bind } from "../binding.ts";

const old = ["size_average", "reduce"] as const;

/** Torch's names of reductions are ours but for one. */
const reduction = (a: Arguments) => ({
  reduction: (a.text("reduction") === "batchmean" ? "batchMean" : a.text("reduction", "mean")) as "mean",
});

/** An option that is left out where torch has None. */
const optional = (name: string, value: AnyTensor | undefined): object => (value === undefined ? {} : { [name]: value });

const classAxis = (x: AnyTensor) => ({ axis: x.rank > 1 ? 1 : 0 });

const classes = (a: Arguments) => ({
  ...classAxis(a.tensor("input")),
  ...optional("weights", a.maybe("weight")),
  ignoreIndex: a.number("ignore_index", -100),
  ...reduction(a),
});

const margin = (a: Arguments, otherwise: number) => ({ margin: a.number("margin", otherwise), ...reduction(a) });

/** A target that torch would broadcast, in the input's shape. */
function stretched(a: Arguments): AnyTensor {
  const [target, { shape }] = [a.tensor("target"), a.tensor("input")];
  const lead = shape.length - target.rank;
  const fits = lead >= 0 && target.shape.every((n, i) => n === 1 || n === shape[lead + i]);
  return fits ? target.broadcastTo(shape) : target;
}

/** torch broadcasts tensors of one rank here, where ours wants equal shapes. */
function together(...tensors: [Tensor, Tensor, Tensor]): [Tensor, Tensor, Tensor] {
  const [first] = tensors;
  if (tensors.some((t) => t.rank !== first.rank)) return tensors;
  const shape = first.shape.map((_, i) => Math.max(...tensors.map((t) => t.shape[i] as number)));
  const fits = tensors.every((t) => t.shape.every((n, i) => n === 1 || n === shape[i]));
  return fits ? (tensors.map((t) => t.broadcastTo(shape)) as [Tensor, Tensor, Tensor]) : tensors;
}

export const bindings: Bindings = {
  "nn.functional.mse_loss": bind(["input", "target", ...old, "reduction"], (a) =>
    loss.meanSquaredError(a.float("input"), stretched(a), reduction(a)),
  ),
  "nn.functional.l1_loss": bind(["input", "target", ...old, "reduction"], (a) =>
    loss.meanAbsoluteError(a.float("input"), stretched(a), reduction(a)),
  ),
  "nn.functional.smooth_l1_loss": bind(["input", "target", ...old, "reduction", "beta"], (a) =>
    loss.smoothL1(a.float("input"), stretched(a), { beta: a.number("beta", 1), ...reduction(a) }),
  ),
  "nn.functional.huber_loss": bind(["input", "target", "reduction", "delta"], (a) =>
    loss.huber(a.float("input"), stretched(a), { delta: a.number("delta", 1), ...reduction(a) }),
  ),
  "nn.functional.cross_entropy": bind(
    ["input", "target", "weight", "size_average", "ignore_index", "reduce", "reduction", "label_smoothing"],
    (a) => loss.crossEntropy(a.float("input"), a.tensor("target"), { ...classes(a), labelSmoothing: a.number("label_smoothing", 0) }),
  ),
  "nn.functional.nll_loss": bind(["input", "target", "weight", "size_average", "ignore_index", "reduce", "reduction"], (a) =>
    loss.negativeLogLikelihood(a.float("input"), a.tensor("target"), classes(a)),
  ),
  "nn.functional.binary_cross_entropy": bind(["input", "target", "weight", ...old, "reduction"], (a) =>
    loss.binaryCrossEntropyOfProbabilities(a.float("input"), a.tensor("target"), {
      ...optional("weights", a.maybe("weight")),
      ...reduction(a),
    }),
  ),
  "nn.functional.binary_cross_entropy_with_logits": bind(["input", "target", "weight", ...old, "reduction", "pos_weight"], (a) =>
    loss.binaryCrossEntropy(a.float("input"), a.tensor("target"), {
      ...optional("weights", a.maybe("weight")),
      ...optional("positiveWeights", a.maybe("pos_weight")),
      ...reduction(a),
    }),
  ),
  "nn.functional.kl_div": bind(["input", "target", ...old, "reduction", "log_target"], (a) =>
    loss.klDivergence(a.float("input"), stretched(a), { logTarget: a.flag("log_target"), ...reduction(a) }),
  ),
  "nn.functional.hinge_embedding_loss": bind(["input", "target", "margin", ...old, "reduction"], (a) =>
    loss.hingeEmbedding(a.float("input"), stretched(a), margin(a, 1)),
  ),
  "nn.functional.margin_ranking_loss": bind(["input1", "input2", "target", "margin", ...old, "reduction"], (a) =>
    loss.marginRanking(...together(a.float("input1"), a.float("input2"), a.float("target")), margin(a, 0)),
  ),
  "nn.functional.triplet_margin_loss": bind(["anchor", "positive", "negative", "margin", "p", "eps", "swap", ...old, "reduction"], (a) =>
    loss.tripletMargin(a.float("anchor"), a.float("positive"), a.float("negative"), {
      ...margin(a, 1),
      power: a.number("p", 2),
      epsilon: a.number("eps", 1e-6),
      swap: a.flag("swap"),
    }),
  ),
  "nn.functional.cosine_embedding_loss": bind(["input1", "input2", "target", "margin", ...old, "reduction"], (a) =>
    loss.cosineEmbedding(a.float("input1"), a.float("input2"), a.tensor("target"), margin(a, 0)),
  ),
  "nn.functional.poisson_nll_loss": bind(["input", "target", "log_input", "full", "size_average", "eps", "reduce", "reduction"], (a) =>
    loss.poissonLoss(a.float("input"), a.tensor("target"), {
      logInput: a.flag("log_input", true),
      full: a.flag("full"),
      epsilon: a.number("eps", 1e-8),
      ...reduction(a),
    }),
  ),
  "nn.functional.gaussian_nll_loss": bind(["input", "target", "var", "full", "eps", "reduction"], (a) =>
    loss.gaussianLoss(a.float("input"), stretched(a), varianceOf(a), {
      full: a.flag("full"),
      epsilon: a.number("eps", 1e-6),
      ...reduction(a),
    }),
  ),
  "nn.functional.soft_margin_loss": bind(["input", "target", ...old, "reduction"], (a) =>
    loss.softMargin(a.float("input"), a.tensor("target"), reduction(a)),
  ),
  "nn.functional.multi_margin_loss": bind(["input", "target", "p", "margin", "weight", ...old, "reduction"], (a) =>
    loss.multiMargin(a.float("input"), a.tensor("target"), {
      power: a.number("p", 1),
      ...margin(a, 1),
      ...optional("weights", a.maybe("weight")),
    }),
  ),
  "nn.functional.multilabel_margin_loss": bind(["input", "target", ...old, "reduction"], (a) =>
    loss.multiLabelMargin(a.float("input"), a.tensor("target"), reduction(a)),
  ),
  "nn.functional.ctc_loss": bind(["log_probs", "targets", "input_lengths", "target_lengths", "blank", "reduction", "zero_infinity"], (a) =>
    loss.ctc(a.float("log_probs"), a.get("targets") as never, a.get("input_lengths") as never, a.get("target_lengths") as never, {
      blank: a.number("blank", 0),
      zeroInfinity: a.flag("zero_infinity"),
      ...reduction(a),
    }),
  ),
};

/** Torch also takes a variance that is one number. */
function varianceOf(a: Arguments): AnyTensor {
  const given = a.get("var");
  return (typeof given === "number" ? (a.tensor("input").mul(0).add(given) as Tensor) : given) as AnyTensor;
}
