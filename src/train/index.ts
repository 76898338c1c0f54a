// Training: the loop, what is measured, when to stop, what is kept.

export { type ConvergedOptions, converged, type EarlyStopping, type EarlyStoppingOptions, earlyStopping } from "./callbacks.ts";
export { type ChartOptions, drawChart, type Series } from "./chart.ts";
export { type CheckpointOptions, checkpoint } from "./checkpoint.ts";
export type { Dataset } from "./dataset.ts";
export { type EvaluateOptions, evaluate, type Loss, predict, type ScoresOf } from "./evaluate.ts";
export { type FitOptions, type FitResult, fit } from "./fit.ts";
export { type CurveOptions, type EpochRecord, type History, lossCurve } from "./history.ts";
export { accuracy, binaryAccuracy, type Metric } from "./metrics.ts";
export type { Callback, CallbackState, Json, Run } from "./run.ts";
