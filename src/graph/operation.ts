// The closed set of primitive operations: what each is called, what it carries, and its family.
// Shape and dtype rules stand in build.ts, gradients in autodiff/, meaning in runtime/reference.

import type { DType } from "./dtype.ts";
import type { Node } from "./node.ts";
import type { Shape } from "./shape.ts";
import type { Storage } from "./storage.ts";

/** A subgraph with its own parameters (`input` nodes) and no free variables: the body of a loop or branch. */
export interface Region {
  readonly parameters: readonly Node<"input">[];
  readonly results: readonly Node[];
}

export interface ResultType {
  readonly shape: Shape;
  readonly dtype: DType;
}

// Meanings that are easily mistaken (the oracle, runtime/reference, is the whole truth):
// - integers wrap; bool is 0 or 1. `shiftRight` is arithmetic on int32, else logical; shift counts are taken modulo 32.
// - `div` truncates on integers and a zero divisor gives 0. `remainder` is Python's and PyTorch's: a − floor(a / b)·b with
//   the sign of the divisor; on integers a zero divisor gives 0. Integer `pow` wraps; negative powers of all but ±1 are 0.
// - `maximum`, `minimum`, `reduceMax` and `reduceMin` give NaN where an operand is NaN. `sign` of NaN is 0.
// - `round` takes halves to even. `pow` on floats is JavaScript's.
// - `cast` from float to integer truncates and saturates to int32 or uint32, NaN gives 0; uint8 is the low byte of the
//   int32. Between integers it wraps. To bool it is `!= 0`.
// - Indices of `gather`, `scatterAdd` and starts of dynamic blocks are clamped, so nothing traps; `checkBounds` complains.

/**
 * What a recurrence computes: y₀ = x₀, then yₖ = yₖ₋₁ + xₖ, yₖ₋₁ · xₖ, or the larger of yₖ₋₁ and xₖ. `linear` has two operands
 * a and x: yₖ = aₖ · yₖ₋₁ + xₖ, where the first a is not used.
 */
export type Running = "sum" | "product" | "maximum" | "linear";

interface NoAttributes {
  readonly none?: never;
}

/**
 * What becomes of several updates at one place: their sum, product, largest or smallest, or the last of them in the order of the
 * indices. Where there is none: 0, 1, −∞ or ∞ (or the dtype's limits), and 0.
 */
export type Combine = "sum" | "product" | "maximum" | "minimum" | "last";

/** What every operation carries beside its inputs. The keys are the operation set. */
export interface Attributes {
  // Leaves
  constant: { readonly value: number };
  input: { readonly name: string; readonly key: number };
  buffer: { readonly storage: Storage };
  iota: { readonly axis: number };
  // Elementwise, one operand
  neg: NoAttributes;
  abs: NoAttributes;
  sign: NoAttributes;
  exp: NoAttributes;
  expm1: NoAttributes;
  log: NoAttributes;
  log1p: NoAttributes;
  sqrt: NoAttributes;
  sin: NoAttributes;
  cos: NoAttributes;
  tanh: NoAttributes;
  erf: NoAttributes;
  erfc: NoAttributes;
  erfinv: NoAttributes;
  floor: NoAttributes;
  ceil: NoAttributes;
  round: NoAttributes;
  trunc: NoAttributes;
  not: NoAttributes;
  cast: NoAttributes;
  stopGradient: NoAttributes;
  /** The identity on int32; flags the program when a value is outside `[0, size)`. */
  checkBounds: { readonly size: number; readonly message: string };
  // Elementwise, two operands of one shape and dtype
  add: NoAttributes;
  sub: NoAttributes;
  mul: NoAttributes;
  div: NoAttributes;
  pow: NoAttributes;
  atan2: NoAttributes;
  remainder: NoAttributes;
  maximum: NoAttributes;
  minimum: NoAttributes;
  eq: NoAttributes;
  ne: NoAttributes;
  lt: NoAttributes;
  le: NoAttributes;
  and: NoAttributes;
  or: NoAttributes;
  xor: NoAttributes;
  shiftLeft: NoAttributes;
  shiftRight: NoAttributes;
  // Elementwise, more operands
  where: NoAttributes;
  /** One word of Threefry-2x32 (20 rounds) of (key0, key1, counter0, counter1), all uint32. */
  threefry: { readonly word: 0 | 1 };
  /** The first operand, but not before the second is known: what is computed from it is never made one with what did not wait. */
  barrier: NoAttributes;
  // Reductions
  reduceSum: { readonly axes: readonly number[] };
  reduceProduct: { readonly axes: readonly number[] };
  reduceMax: { readonly axes: readonly number[] };
  reduceMin: { readonly axes: readonly number[] };
  argMax: { readonly axis: number };
  argMin: { readonly axis: number };
  // Views
  reshape: NoAttributes;
  permute: { readonly axes: readonly number[] };
  expand: NoAttributes;
  slice: { readonly starts: readonly number[]; readonly steps: readonly number[] };
  pad: { readonly low: readonly number[]; readonly high: readonly number[]; readonly interior: readonly number[]; readonly value: number };
  /** Overlapping blocks along some axes: x[…, o·stride + k·dilation, …] at […, o, …, k], the places k of each listed axis in new last axes. */
  window: {
    readonly axes: readonly number[];
    readonly sizes: readonly number[];
    readonly strides: readonly number[];
    readonly dilations: readonly number[];
  };
  // Contraction: batch axes, then a's free axes, then b's free axes
  contract: {
    readonly batch: readonly [readonly number[], readonly number[]];
    readonly contracted: readonly [readonly number[], readonly number[]];
  };
  // Indexing
  gather: { readonly axis: number };
  scatterAdd: { readonly axis: number; readonly combine: Combine };
  dynamicSlice: NoAttributes;
  dynamicUpdate: NoAttributes;
  argSort: { readonly descending: boolean };
  /** Along an axis, each element from the one before it (behind it, if reversed); see `Running`. */
  recurrence: { readonly combine: Running; readonly axis: number; readonly reverse: boolean };
  // Control flow; a region operation has several results, taken out by `project`
  cond: { readonly results: readonly ResultType[]; readonly then: Region; readonly otherwise: Region };
  while: { readonly results: readonly ResultType[]; readonly condition: Region; readonly body: Region; readonly constants: number };
  scan: {
    readonly results: readonly ResultType[];
    readonly body: Region;
    readonly constants: number;
    readonly carries: number;
    readonly length: number;
    readonly reverse: boolean;
  };
  /**
   * The body, written out in place before scheduling. Its gradient runs the body again and pulls back; with `backward`
   * it is what that gives for (inputs, results, cotangents of the float results): cotangents of the inputs at `targets`.
   */
  call: {
    readonly results: readonly ResultType[];
    readonly body: Region;
    readonly backward: Region | null;
    readonly targets: readonly number[];
  };
  project: { readonly index: number };
}

/** The name of a primitive operation. */
export type Op = keyof Attributes;

export type Family = "leaf" | "unary" | "binary" | "nary" | "reduce" | "view" | "contract" | "index" | "region" | "project";

/** The family of every operation; the compiler refuses a missing row. */
export const familyOf = {
  constant: "leaf",
  input: "leaf",
  buffer: "leaf",
  iota: "leaf",
  neg: "unary",
  abs: "unary",
  sign: "unary",
  exp: "unary",
  expm1: "unary",
  log: "unary",
  log1p: "unary",
  sqrt: "unary",
  sin: "unary",
  cos: "unary",
  tanh: "unary",
  erf: "unary",
  erfc: "unary",
  erfinv: "unary",
  floor: "unary",
  ceil: "unary",
  round: "unary",
  trunc: "unary",
  not: "unary",
  cast: "unary",
  stopGradient: "unary",
  checkBounds: "unary",
  add: "binary",
  sub: "binary",
  mul: "binary",
  div: "binary",
  pow: "binary",
  atan2: "binary",
  remainder: "binary",
  maximum: "binary",
  minimum: "binary",
  eq: "binary",
  ne: "binary",
  lt: "binary",
  le: "binary",
  and: "binary",
  or: "binary",
  xor: "binary",
  shiftLeft: "binary",
  shiftRight: "binary",
  where: "nary",
  threefry: "nary",
  barrier: "nary",
  reduceSum: "reduce",
  reduceProduct: "reduce",
  reduceMax: "reduce",
  reduceMin: "reduce",
  argMax: "reduce",
  argMin: "reduce",
  reshape: "view",
  permute: "view",
  expand: "view",
  slice: "view",
  pad: "view",
  window: "view",
  contract: "contract",
  gather: "index",
  scatterAdd: "index",
  dynamicSlice: "index",
  dynamicUpdate: "index",
  argSort: "index",
  recurrence: "index",
  cond: "region",
  while: "region",
  scan: "region",
  call: "region",
  project: "project",
} as const;

familyOf satisfies Record<Op, Family>;

/** The operations of some families. */
export type OpsOf<F extends Family> = { [O in Op]: (typeof familyOf)[O] extends F ? O : never }[Op];

/** Operations with an algorithm of their own, each a task of its own on operands in memory. */
export type RoutineOp = "scatterAdd" | "argSort" | "recurrence";

export function isRoutine(op: Op): op is RoutineOp {
  return op === "scatterAdd" || op === "argSort" || op === "recurrence";
}

export type UnaryOp = OpsOf<"unary">;
/** Operations of one operand that carry nothing. */
export type PlainUnaryOp = Exclude<UnaryOp, "cast" | "checkBounds">;
export type BinaryOp = OpsOf<"binary">;
export type ReduceOp = OpsOf<"reduce">;
export type RegionOp = OpsOf<"region">;
export type ComparisonOp = "eq" | "ne" | "lt" | "le";

const opsOf = <F extends Family>(family: F): readonly OpsOf<F>[] =>
  (Object.keys(familyOf) as Op[]).filter((op): op is OpsOf<F> => familyOf[op] === family);

export const plainUnaryOps: readonly PlainUnaryOp[] = opsOf("unary").filter(
  (op): op is PlainUnaryOp => op !== "cast" && op !== "checkBounds",
);
export const binaryOps: readonly BinaryOp[] = opsOf("binary");

/** A table with one row for each of the operations, made from its name. */
export function tabulate<O extends Op, Row>(ops: readonly O[], row: (op: O) => Row): Record<O, Row> {
  return Object.fromEntries(ops.map((op) => [op, row(op)])) as Record<O, Row>;
}

/** Functions of one real number that need a formula (kernel/maths), which is right but for the last places. */
export const realFunctions = ["exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf", "erfc", "erfinv"] as const;

realFunctions satisfies readonly PlainUnaryOp[];

export type RealFunction = (typeof realFunctions)[number];

export function isRealFunction(op: string): op is RealFunction {
  return (realFunctions as readonly string[]).includes(op);
}

/** Whether devices approximate the operation on floats, rather than round its exact result. */
export function isApproximate(op: Op): boolean {
  return isRealFunction(op) || op === "pow" || op === "atan2" || op === "remainder";
}

export function isElementwise(op: Op): boolean {
  const family = familyOf[op];
  return family === "unary" || family === "binary" || family === "nary";
}

export function isComparison(op: Op): op is ComparisonOp {
  return op === "eq" || op === "ne" || op === "lt" || op === "le";
}
