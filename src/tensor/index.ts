// The public names of this folder.

export { elu, gelu, leakyRelu, relu, sigmoid, silu, softplus } from "./activation.ts";
export * from "./at.ts";
export { type Compiled, type CompileOptions, compile, type Feed, type ProgramInfo, type RepeatOptions } from "./compile.ts";
export { bmm, dot, linear, matmul, mm, mv, outer } from "./contract.ts";
export { cond, scan, whileLoop } from "./control.ts";
export { arange, type CreateOptions, type Data, eye, full, linspace, ones, onesLike, tensor, zeros, zerosLike } from "./create.ts";
export * from "./cumulative.ts";
export * from "./elementwise.ts";
export { type GradientOptions, gradients, valueAndGradients, variablesOf } from "./gradients.ts";
export * from "./indexing.ts";
export * from "./maths.ts";
export * from "./move.ts";
export type { EmbeddingOptions } from "./nodes/embedding.ts";
export type { Range } from "./nodes/move.ts";
export type { PadMode, PadOptions, PadWidths } from "./nodes/pad.ts";
export type { Parts } from "./nodes/parts.ts";
export type { ScatterReduction } from "./nodes/scatter.ts";
export * from "./parts.ts";
export {
  bernoulli,
  defaultGenerator,
  fold,
  Generator,
  type Key,
  normal,
  permutation,
  type RandomOptions,
  randomInteger,
  seed,
  uniform,
} from "./random.ts";
export * from "./reduce.ts";
export * from "./repeat.ts";
export * from "./scatter.ts";
export * from "./sort.ts";
export { type IndexItem, type Indices, type Nested, Tensor } from "./tensor.ts";
export type { AnyTensor, AxesArgument, FloatOf, Joined, Operand, Promote, ReduceOptions } from "./types.ts";
export { assignAll, Scalar, scalar, Variable, type VariableOptions, variable } from "./variable.ts";
