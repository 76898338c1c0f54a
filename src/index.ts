// The core's public names, re-exports only: tensors, `compile`, optimisers, penalties, the plain layers and losses. Everything else
// stands behind a name of its own (`downhill/nn`, `/loss`, `/linalg`, `/train`, `/tune`, `/transforms`, `/profile`, `/data`, `/io`, `/node`), so that the core
// keeps its ceiling in a page (test/package/bundle.test.ts).

export { type DeviceName, device, setDevice, setThreads, threads } from "./engine/devices.ts";
export { Setting } from "./engine/setting.ts";
export { type Stats, stats } from "./engine/stats.ts";
export type { ThreadOptions, Threads } from "./graph/device.ts";
export type { DType } from "./graph/dtype.ts";
export { binaryCrossEntropy, crossEntropy, meanAbsoluteError, meanSquaredError, mse } from "./loss/index.ts";
export { Dropout } from "./nn/dropout.ts";
export { Flatten } from "./nn/flatten.ts";
export * from "./nn/initialize.ts";
export { Linear, type LinearOptions } from "./nn/linear.ts";
export { type Layer, Module } from "./nn/module.ts";
export { Parameter, type ParameterOptions, parameter } from "./nn/parameter.ts";
export { Sequential } from "./nn/sequential.ts";
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
export { DownhillError, InternalError, UnsupportedError, UserError } from "./util/errors.ts";
