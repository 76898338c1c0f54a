// Which instruction does an operation on a type: one row for each operation of the loop language. What no single instruction does
// (integer division, shifts lane by lane, minima of scalars) is missing here and written out in expression.ts.

import type { BinaryOperation, Memory, Scalar, UnaryOperation, ValueType } from "../../graph/kernel.ts";
import { type LocalType, op } from "./opcodes.ts";

/** A register's type as the tables' columns: `f32`, `i32x4`, …; two lanes of 32 bits are done as four. */
export type Column = Scalar | "f32x4" | "f64x2" | "i32x4" | "u32x4" | "mask";

type Row = { readonly [C in Column]?: number };

export function columnOf(type: ValueType): Column {
  return type.lanes === 1 ? type.scalar : vectors[type.scalar];
}

const vectors: Record<Scalar, Column> = { f32: "f32x4", f64: "f64x2", i32: "i32x4", u32: "u32x4", bool: "mask" };

export const unaryRows: { readonly [O in UnaryOperation]: Row } = {
  neg: {
    f32: op.f32Neg,
    f64: op.f64Neg,
    f64x2: op.f64x2Neg,
    f32x4: op.f32x4Neg,
    i32x4: op.i32x4Neg,
    u32x4: op.i32x4Neg,
  },
  abs: { f32: op.f32Abs, f64: op.f64Abs, f64x2: op.f64x2Abs, f32x4: op.f32x4Abs, i32x4: op.i32x4Abs },
  sqrt: { f32: op.f32Sqrt, f64: op.f64Sqrt, f64x2: op.f64x2Sqrt, f32x4: op.f32x4Sqrt },
  floor: { f32: op.f32Floor, f64: op.f64Floor, f64x2: op.f64x2Floor, f32x4: op.f32x4Floor },
  ceil: { f32: op.f32Ceil, f64: op.f64Ceil, f64x2: op.f64x2Ceil, f32x4: op.f32x4Ceil },
  trunc: { f32: op.f32Trunc, f64: op.f64Trunc, f64x2: op.f64x2Trunc, f32x4: op.f32x4Trunc },
  nearest: { f32: op.f32Nearest, f64: op.f64Nearest, f64x2: op.f64x2Nearest, f32x4: op.f32x4Nearest },
  not: { bool: op.i32Eqz, i32x4: op.v128Not, u32x4: op.v128Not, mask: op.v128Not },
};

const integers = (scalar: number, vector: number): Row => ({ i32: scalar, u32: scalar, i32x4: vector, u32x4: vector });
const bits = (scalar: number, vector: number): Row => ({ ...integers(scalar, vector), bool: scalar, mask: vector });

export const binaryRows: { readonly [O in BinaryOperation]: Row } = {
  add: { f32: op.f32Add, f64: op.f64Add, f64x2: op.f64x2Add, f32x4: op.f32x4Add, ...integers(op.i32Add, op.i32x4Add) },
  sub: { f32: op.f32Sub, f64: op.f64Sub, f64x2: op.f64x2Sub, f32x4: op.f32x4Sub, ...integers(op.i32Sub, op.i32x4Sub) },
  mul: { f32: op.f32Mul, f64: op.f64Mul, f64x2: op.f64x2Mul, f32x4: op.f32x4Mul, ...integers(op.i32Mul, op.i32x4Mul) },
  div: { f32: op.f32Div, f64: op.f64Div, f64x2: op.f64x2Div, f32x4: op.f32x4Div },
  rem: {},
  min: {
    f32: op.f32Min,
    f64: op.f64Min,
    f64x2: op.f64x2Min,
    f32x4: op.f32x4Min,
    i32x4: op.i32x4MinS,
    u32x4: op.i32x4MinU,
    bool: op.i32And,
    mask: op.v128And,
  },
  max: {
    f32: op.f32Max,
    f64: op.f64Max,
    f64x2: op.f64x2Max,
    f32x4: op.f32x4Max,
    i32x4: op.i32x4MaxS,
    u32x4: op.i32x4MaxU,
    bool: op.i32Or,
    mask: op.v128Or,
  },
  and: bits(op.i32And, op.v128And),
  or: bits(op.i32Or, op.v128Or),
  xor: bits(op.i32Xor, op.v128Xor),
  shl: { i32: op.i32Shl, u32: op.i32Shl },
  shr: { i32: op.i32ShrS, u32: op.i32ShrU },
  eq: { f32: op.f32Eq, f64: op.f64Eq, f64x2: op.f64x2Eq, f32x4: op.f32x4Eq, ...bits(op.i32Eq, op.i32x4Eq) },
  ne: { f32: op.f32Ne, f64: op.f64Ne, f64x2: op.f64x2Ne, f32x4: op.f32x4Ne, ...bits(op.i32Ne, op.i32x4Ne) },
  lt: {
    f32: op.f32Lt,
    f64: op.f64Lt,
    f64x2: op.f64x2Lt,
    f32x4: op.f32x4Lt,
    i32: op.i32LtS,
    u32: op.i32LtU,
    bool: op.i32LtU,
    i32x4: op.i32x4LtS,
    u32x4: op.i32x4LtU,
    mask: op.i32x4LtU,
  },
  le: {
    f32: op.f32Le,
    f64: op.f64Le,
    f64x2: op.f64x2Le,
    f32x4: op.f32x4Le,
    i32: op.i32LeS,
    u32: op.i32LeU,
    bool: op.i32LeU,
    i32x4: op.i32x4LeS,
    u32x4: op.i32x4LeU,
    mask: op.i32x4LeU,
  },
};

/** Casts by value between numbers: from → to. Casts to and from bool, and what changes no bit, are not here. */
export const castRows: { readonly [from: string]: Row } = {
  f32: { f64: op.f64PromoteF32, i32: op.i32TruncSatF32S, u32: op.i32TruncSatF32U },
  f64: { f32: op.f32DemoteF64, i32: op.i32TruncSatF64S, u32: op.i32TruncSatF64U },
  i32: { f32: op.f32ConvertI32S, f64: op.f64ConvertI32S },
  u32: { f32: op.f32ConvertI32U, f64: op.f64ConvertI32U },
  f32x4: { f64x2: op.f64x2PromoteLowF32x4, i32x4: op.i32x4TruncSatF32x4S, u32x4: op.i32x4TruncSatF32x4U },
  f64x2: { f32x4: op.f32x4DemoteF64x2Zero, i32x4: op.i32x4TruncSatF64x2SZero, u32x4: op.i32x4TruncSatF64x2UZero },
  i32x4: { f32x4: op.f32x4ConvertI32x4S, f64x2: op.f64x2ConvertLowI32x4S },
  u32x4: { f32x4: op.f32x4ConvertI32x4U, f64x2: op.f64x2ConvertLowI32x4U },
};

/** The local that holds a register of a type. */
export function localType(type: ValueType): LocalType {
  if (type.lanes > 1) return "v128";
  return type.scalar === "f32" || type.scalar === "f64" ? type.scalar : "i32";
}

export interface MemoryFacts {
  /** log₂ of the element's bytes. */
  readonly shift: number;
  readonly load: number;
  readonly store: number;
  /** Register types that may be read from and written to it. */
  readonly scalars: readonly Scalar[];
}

export const memoryRows: { readonly [M in Memory]: MemoryFacts } = {
  f32: { shift: 2, load: op.f32Load, store: op.f32Store, scalars: ["f32"] },
  f64: { shift: 3, load: op.f64Load, store: op.f64Store, scalars: ["f64"] },
  i32: { shift: 2, load: op.i32Load, store: op.i32Store, scalars: ["i32", "u32"] },
  u32: { shift: 2, load: op.i32Load, store: op.i32Store, scalars: ["u32", "i32"] },
  u8: { shift: 0, load: op.i32Load8u, store: op.i32Store8, scalars: ["i32", "u32"] },
  i8: { shift: 0, load: op.i32Load8s, store: op.i32Store8, scalars: ["i32", "u32"] },
  u16: { shift: 1, load: op.i32Load16u, store: op.i32Store16, scalars: ["i32", "u32"] },
  bool: { shift: 0, load: op.i32Load8u, store: op.i32Store8, scalars: ["bool"] },
};
