// Networks: modules, layers, initialisers. Activations are functions of tensors.

export { type AttendOptions, MultiHeadAttention, type MultiHeadAttentionOptions } from "./attention.ts";
export { Parallel, type ParallelOptions, Residual } from "./containers.ts";
export {
  Conv1d,
  Conv2d,
  Conv3d,
  type ConvLayerOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeLayerOptions,
} from "./conv.ts";
export { AlphaDropout, Dropout, DropPath, SpatialDropout } from "./dropout.ts";
export { Embedding, type EmbeddingLayerOptions } from "./embedding.ts";
export { Flatten } from "./flatten.ts";
export * from "./functional.ts";
export { PixelShuffle, PixelUnshuffle, Upsample } from "./image.ts";
export {
  constantInitializer,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  lecunNormal,
  lecunUniform,
  normalInitializer,
  onesInitializer,
  uniformInitializer,
  zerosInitializer,
} from "./initialize.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export { type Layer, Module } from "./module.ts";
export {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  GroupNorm,
  InstanceNorm,
  LayerNorm,
  LocalResponseNorm,
  type NormOptions,
  RMSNorm,
  type RunningNormOptions,
} from "./norm.ts";
export { Parameter, type ParameterOptions, parameter } from "./parameter.ts";
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  GlobalAveragePool,
  GlobalMaxPool,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  type MaxPoolLayerOptions,
} from "./pool.ts";
export { SinusoidalPositions, sinusoidalPositions } from "./position.ts";
export {
  GRU,
  type HiddenState,
  LSTM,
  type LstmState,
  type RecurrentOptions,
  RNN,
  type RnnOptions,
  type SequenceOptions,
} from "./recurrent.ts";
export { Sequential } from "./sequential.ts";
export type { SummaryOptions } from "./summary.ts";
export {
  type DecodeOptions,
  type EncodeOptions,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerOptions,
} from "./transformer.ts";
