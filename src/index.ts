// Downhill's public names, re-exports only.

export { type DeviceName, device, setDevice } from "./engine/devices.ts";
export { Setting } from "./engine/setting.ts";
export { type Stats, stats } from "./engine/stats.ts";
export type { DType } from "./graph/dtype.ts";
export * from "./loss/index.ts";
export * from "./nn/index.ts";
export {
  type AdamOptions,
  type AdamWOptions,
  adam,
  adamW,
  addDecayedWeights,
  chain,
  clipByGlobalNorm,
  constantRate,
  cosine,
  type GradientTransform,
  linearRate,
  Optimizer,
  oneCycle,
  type Schedule,
  type SgdOptions,
  scaleByAdam,
  scaleByLearningRate,
  sgd,
  warmup,
} from "./optim/index.ts";
export * from "./regularize/index.ts";
export * from "./tensor/index.ts";
// The image function of this name is in `downhill/nn`.
export { fold } from "./tensor/random.ts";
export * from "./train/index.ts";
export * from "./tune/index.ts";
export { DownhillError, InternalError, UnsupportedError, UserError } from "./util/errors.ts";
