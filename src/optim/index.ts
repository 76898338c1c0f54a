// Optimisers, the transforms that they are made of, and learning-rate schedules.

export { Hyperparameter, type Rate } from "./hyperparameter.ts";
export { type AdamOptions, type AdamWOptions, adam, adamW, type SgdOptions, sgd } from "./named.ts";
export { Optimizer } from "./optimizer.ts";
export {
  type CosineOptions,
  constantRate,
  cosine,
  type LengthOptions,
  linearRate,
  type OneCycleOptions,
  oneCycle,
  type Schedule,
  type ScheduleContext,
  warmup,
} from "./schedule.ts";
export { chain, type GradientTransform, type Slots, type StepContext, stateless, type Update } from "./transform.ts";
export {
  type AdamScaleOptions,
  addDecayedWeights,
  clipByGlobalNorm,
  globalNorm,
  scaleByAdam,
  scaleByLearningRate,
  type TraceOptions,
  trace,
} from "./transforms.ts";
