// Dtypes at the type level: what two operands give. It says what promote() does, with three simplifications that only show
// in rare programs: a function of one 16-bit float gives float32 though its type may say that it stays; a fraction beside an
// integer tensor gives float32 though the type says the integer; and types do not tell float64 scalars from tensors: beside floats
// float64 counts as a scalar (the type says float32), beside integers as a tensor (float64).

import type { DType } from "../graph/dtype.ts";
import type { Tensor } from "./tensor.ts";

interface Promotions {
  bool: {
    bool: "bool";
    uint8: "uint8";
    int8: "int8";
    int32: "int32";
    uint32: "uint32";
    float16: "float32";
    bfloat16: "float32";
    float32: "float32";
    float64: "float64";
  };
  uint8: {
    bool: "uint8";
    uint8: "uint8";
    int8: "int32";
    int32: "int32";
    uint32: "uint32";
    float16: "float32";
    bfloat16: "float32";
    float32: "float32";
    float64: "float64";
  };
  int8: {
    bool: "int8";
    uint8: "int32";
    int8: "int8";
    int32: "int32";
    uint32: never;
    float16: "float32";
    bfloat16: "float32";
    float32: "float32";
    float64: "float64";
  };
  int32: {
    bool: "int32";
    uint8: "int32";
    int8: "int32";
    int32: "int32";
    uint32: never;
    float16: "float32";
    bfloat16: "float32";
    float32: "float32";
    float64: "float64";
  };
  uint32: {
    bool: "uint32";
    uint8: "uint32";
    int8: never;
    int32: never;
    uint32: "uint32";
    float16: "float32";
    bfloat16: "float32";
    float32: "float32";
    float64: "float64";
  };
  float16: {
    bool: "float32";
    uint8: "float32";
    int8: "float32";
    int32: "float32";
    uint32: "float32";
    float16: "float32";
    bfloat16: "float32";
    float32: "float32";
    float64: "float32";
  };
  bfloat16: {
    bool: "float32";
    uint8: "float32";
    int8: "float32";
    int32: "float32";
    uint32: "float32";
    float16: "float32";
    bfloat16: "float32";
    float32: "float32";
    float64: "float32";
  };
  float32: {
    bool: "float32";
    uint8: "float32";
    int8: "float32";
    int32: "float32";
    uint32: "float32";
    float16: "float32";
    bfloat16: "float32";
    float32: "float32";
    float64: "float32";
  };
  float64: {
    bool: "float64";
    uint8: "float64";
    int8: "float64";
    int32: "float64";
    uint32: "float64";
    float16: "float32";
    bfloat16: "float32";
    float32: "float32";
    float64: "float64";
  };
}

/** The dtype in which two dtypes meet. */
export type Promote<A extends DType, B extends DType> = Promotions[A][B];

/** float64 stays, everything else becomes float32. */
export type FloatOf<D extends DType> = D extends "float64" ? "float64" : "float32";

/** Sums count small integers in int32. */
export type SumOf<D extends DType> = D extends "bool" | "uint8" | "int8" ? "int32" : D extends "float16" | "bfloat16" ? "float32" : D;

export type AnyTensor = Tensor<DType>;

/** What stands beside a tensor: another, or a number, which takes the tensor's dtype. */
export type Operand = AnyTensor | number;

/** The dtype of an operation on two operands. */
export type Joined<A extends Operand, B extends Operand> =
  A extends Tensor<infer D extends DType>
    ? B extends Tensor<infer E extends DType>
      ? Promote<D, E>
      : D
    : B extends Tensor<infer E extends DType>
      ? E
      : "float32";

export interface ReduceOptions {
  /** Keep the reduced axes with size 1; default false. */
  readonly keepDimensions?: boolean;
}

/** Axes to reduce; all of them when left out. */
export type AxesArgument = number | readonly number[];
