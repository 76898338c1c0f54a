// Losses: (prediction, target) → scalar.

export { binaryCrossEntropy, crossEntropy } from "./classification.ts";
export type { LossOptions, Reduction } from "./reduction.ts";
export { meanAbsoluteError, meanSquaredError, mse } from "./regression.ts";
