// Losses: (prediction, target) → scalar.

export {
  type BinaryCrossEntropyOptions,
  type BinaryOptions,
  binaryCrossEntropy,
  binaryCrossEntropyOfProbabilities,
  type ClassOptions,
  type CrossEntropyOptions,
  crossEntropy,
  type FocalOptions,
  focalLoss,
  klDivergence,
  negativeLogLikelihood,
} from "./classification.ts";
export {
  contrastiveLoss,
  cosineEmbedding,
  hingeEmbedding,
  type InfoNceOptions,
  infoNce,
  type MarginOptions,
  type MultiMarginOptions,
  marginRanking,
  multiLabelMargin,
  multiMargin,
  softMargin,
  type TripletOptions,
  tripletMargin,
} from "./margin.ts";
export type { LossOptions, Reduction } from "./reduction.ts";
export {
  type GaussianOptions,
  gaussianLoss,
  huber,
  meanAbsoluteError,
  meanSquaredError,
  mse,
  type PoissonOptions,
  poissonLoss,
  quantileLoss,
  smoothL1,
} from "./regression.ts";
export { type CtcOptions, ctc } from "./sequence.ts";
