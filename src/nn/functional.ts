// The functions that layers are made of, for those who hold their weights themselves.

export { type AttentionOptions, type RotaryOptions, rotary, scaledDotProductAttention } from "../tensor/attention.ts";
export {
  type BatchNormOptions,
  batchNorm,
  groupNorm,
  type InstanceNormOptions,
  instanceNorm,
  type LocalResponseOptions,
  layerNorm,
  localResponseNorm,
  type RunningOptions,
  rmsNorm,
  type ScaleOptions,
} from "../tensor/norm.ts";
