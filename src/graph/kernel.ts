// The loop language: what a kernel is once lowered, and all that a renderer has to know.
// Scalars and short vectors, loops, branches, loads and stores into flat buffers. No shapes, no graph.
// Also the program: kernels in order, with buffers, loops over steps, and one arena. Plain data throughout.

import type { Tile } from "./task.ts";

/** What a register holds. `bool` is a mask: 0/1 as a scalar, 0/−1 per lane as a vector. */
export type Scalar = "f32" | "f64" | "i32" | "u32" | "bool";

/**
 * How an element lies in memory. `u8`, `i8` and `u16` (the pattern of a 16-bit float) widen to `i32` in a register, and their low bits
 * are stored; `bool` is a byte, 0 or 1.
 */
export type Memory = "f32" | "f64" | "i32" | "u32" | "u16" | "u8" | "i8" | "bool";

/**
 * The type of an expression. `lanes` is 1 or the width of the kernel's vectors: the target's, or half of it, which is the most
 * that `f64` has. All vectors of a kernel are of one width.
 */
export interface ValueType {
  readonly scalar: Scalar;
  readonly lanes: number;
}

/** `nearest` rounds half to even. `not` is logical on bool, bitwise on integers. */
export type UnaryOperation = "neg" | "abs" | "sqrt" | "floor" | "ceil" | "trunc" | "nearest" | "not";

/**
 * `min`/`max` give NaN if either side is NaN. `div` truncates on integers (a zero divisor gives 0, and the smallest integer over −1 gives
 * itself; nothing traps); `rem` has the sign of the dividend (integers only, zero divisor gives 0). `shr` is arithmetic on i32, logical on u32;
 * shift counts are taken modulo 32. Comparisons give `bool` of the same lanes.
 */
export type BinaryOperation =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "rem"
  | "min"
  | "max"
  | "and"
  | "or"
  | "xor"
  | "shl"
  | "shr"
  | "eq"
  | "ne"
  | "lt"
  | "le";

/** Double-precision functions that the host provides (JavaScript's Math, or libm). */
export type HostFunction = "exp" | "expm1" | "log" | "log1p" | "sin" | "cos" | "tanh" | "pow" | "erf" | "erfc" | "atan2";

export type Expression =
  /** The value in every lane. Integers beyond int32 are given as their int32 bits for u32. */
  | { readonly kind: "constant"; readonly type: ValueType; readonly value: number }
  /** A `let`, a loop variable, or the slice's `begin`/`end`. */
  | { readonly kind: "variable"; readonly type: ValueType; readonly name: string }
  /**
   * `lanes` consecutive elements from `index` on (an i32 scalar, in elements). May read past the end within the padding. With `count`
   * (i32 scalar, ≥ 1), nobody uses the lanes from there on: another thread may be writing what they read.
   */
  | {
      readonly kind: "load";
      readonly type: ValueType;
      readonly buffer: number;
      readonly index: Expression;
      readonly count?: Expression;
    }
  /** One element per lane, at the lanes of `index` (i32 vector). */
  | { readonly kind: "gather"; readonly type: ValueType; readonly buffer: number; readonly index: Expression }
  | { readonly kind: "unary"; readonly operation: UnaryOperation; readonly type: ValueType; readonly value: Expression }
  | {
      readonly kind: "binary";
      readonly operation: BinaryOperation;
      readonly type: ValueType;
      readonly left: Expression;
      readonly right: Expression;
    }
  /** `condition ? yes : no`, lane by lane; both sides are evaluated. */
  | { readonly kind: "select"; readonly type: ValueType; readonly condition: Expression; readonly yes: Expression; readonly no: Expression }
  /** `a * b + c`: rounded once where the engine can, in vectors and scalars alike (f32 and f64). */
  | { readonly kind: "fma"; readonly type: ValueType; readonly a: Expression; readonly b: Expression; readonly c: Expression }
  /** By value. Float to integer truncates and saturates (NaN gives 0); to bool is `!= 0`; from bool is 0 or 1. */
  | { readonly kind: "cast"; readonly type: ValueType; readonly value: Expression }
  /** The same 32 bits read as another type. */
  | { readonly kind: "bitcast"; readonly type: ValueType; readonly value: Expression }
  /** A scalar in every lane. */
  | { readonly kind: "splat"; readonly type: ValueType; readonly value: Expression }
  /** One lane (a constant number) of a vector. */
  | { readonly kind: "lane"; readonly type: ValueType; readonly value: Expression; readonly lane: number }
  /** `value + [0, 1, 2, …]` (value is an i32 scalar). */
  | { readonly kind: "ramp"; readonly type: ValueType; readonly value: Expression }
  /** f64 only, lane by lane. */
  | { readonly kind: "host"; readonly function: HostFunction; readonly type: ValueType; readonly arguments: readonly Expression[] };

export type Statement =
  /** Declares a variable (unique in the kernel, visible to all later statements of the enclosing blocks) and gives it a value. */
  | { readonly kind: "let"; readonly name: string; readonly value: Expression }
  | { readonly kind: "set"; readonly name: string; readonly value: Expression }
  /**
   * Stores the lanes from `index` on (i32 scalar, in elements). With `count` (i32 scalar, ≥ 1), only the first
   * `min(count, lanes)` lanes are written.
   */
  | { readonly kind: "store"; readonly buffer: number; readonly index: Expression; readonly value: Expression; readonly count?: Expression }
  /** `for (variable = start; variable < end; variable += step)`; i32. */
  | {
      readonly kind: "loop";
      readonly variable: string;
      readonly start: Expression;
      readonly end: Expression;
      readonly step: number;
      readonly body: readonly Statement[];
    }
  | { readonly kind: "while"; readonly condition: Expression; readonly body: readonly Statement[] }
  | { readonly kind: "if"; readonly condition: Expression; readonly then: readonly Statement[]; readonly otherwise: readonly Statement[] }
  /**
   * Where the scalar `condition` holds and the status word is still 0: status = check + 1, detail = value (i32). Where threads share the
   * kernel, what the first part says counts.
   */
  | { readonly kind: "flag"; readonly check: number; readonly condition: Expression; readonly value: Expression };

export interface KernelBuffer {
  readonly memory: Memory;
  readonly access: "read" | "write" | "readwrite";
}

/**
 * One kernel. It is called with a pointer for each buffer and with the variables `begin` and `end` (i32): the part of its
 * outer loop, of length `extent`, to run. Any partition of [0, extent) at multiples of `grain` gives the same bits, in any order
 * and at the same time on several threads.
 */
export interface Kernel {
  /** For people: what was fused, such as `matmul+bias+relu`. Renderers may shorten it. */
  readonly name: string;
  readonly buffers: readonly KernelBuffer[];
  readonly extent: number;
  /** What parts begin at multiples of; 1 where it is left out. */
  readonly grain?: number;
  readonly body: readonly Statement[];
  /** Arithmetic of one whole run, for profiles and slicing (estimates). */
  readonly cost: { readonly flops: number; readonly bytes: number };
}

/** A device's limits, as plain data: all that scheduling and lowering may know of it. */
export interface Target {
  readonly name: string;
  /** 32-bit lanes of one vector. Divides 16. */
  readonly lanes: number;
  /** Vector registers. */
  readonly registers: number;
  /** Bytes of the first and second level of cache. */
  readonly cache: readonly [number, number];
  /** Tiles that were timed on this machine, by `tileKey` (tile.ts): they go before what the model of the machine says. */
  readonly tiles?: ReadonlyMap<string, Tile>;
}

/** Lanes of the vectors of a kernel, of which some may be doubles. */
export function lanesOf(target: Target, doubles: boolean): number {
  return doubles ? Math.max(1, target.lanes / 2) : target.lanes;
}

/** Every buffer starts at a multiple of this, is padded to it, and has this much readable memory behind it. In bytes. */
export const alignment = 64;

/** Bytes that a buffer of so many occupies: rounded up, with one unit of readable padding. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment + alignment;
}

/** Where a program's buffer lies. */
export type ProgramBuffer =
  /** Entry `index` of the call table: inputs first, then outputs. */
  | { readonly kind: "table"; readonly index: number }
  /** At a fixed offset (bytes) in the arena. */
  | { readonly kind: "arena"; readonly offset: number };

/** A buffer at a call: its base, plus for each enclosing loop `counter × stride` bytes. */
export interface Operand {
  readonly buffer: number;
  readonly strides?: readonly { readonly counter: number; readonly bytes: number }[];
}

export type Step =
  | { readonly kind: "call"; readonly kernel: number; readonly operands: readonly Operand[] }
  | { readonly kind: "copy"; readonly from: Operand; readonly to: Operand; readonly bytes: number }
  /** Runs the body `count` times; inside, `counter` goes 0, 1, … (or count − 1 down to 0 when reversed). The counter's number is unique in the program. */
  | { readonly kind: "loop"; readonly counter: number; readonly count: number; readonly reverse: boolean; readonly body: readonly Step[] }
  /** Runs `test`, reads the bool byte at `condition`; while it is not 0 runs `body`, and again. */
  | { readonly kind: "while"; readonly test: readonly Step[]; readonly condition: Operand; readonly body: readonly Step[] }
  | { readonly kind: "if"; readonly condition: Operand; readonly then: readonly Step[]; readonly otherwise: readonly Step[] }
  /** Leaves the program at once if the status word is not 0: nothing that a variable owns has been written yet. */
  | { readonly kind: "guard" }
  /** Adds the time since the last mark, or since the run began, to a slot of the executable's marks: for profiles. */
  | { readonly kind: "mark"; readonly slot: number }
  /** Writes the counter of a loop (i32) where kernels can read it. */
  | { readonly kind: "counter"; readonly counter: number; readonly to: Operand };

/** What a back end loads: kernels, and the order to run them in. */
export interface Program {
  readonly kernels: readonly Kernel[];
  readonly buffers: readonly ProgramBuffer[];
  readonly steps: readonly Step[];
  readonly arenaBytes: number;
  /** Rows of the call table. */
  readonly inputs: number;
  readonly outputs: number;
  /** `[input, output]` table rows to exchange between two repetitions: variables that cannot be updated in place. */
  readonly exchanges: readonly (readonly [number, number])[];
  /** Slots of marks; none where it is left out. */
  readonly marks?: number;
  /** What a non-zero status means: `checks[status − 1]`. */
  readonly checks: readonly { readonly message: string; readonly size: number }[];
}

/** Calls the visitor on an expression and everything inside it, operands first. */
export function visitExpression(expression: Expression, visit: (e: Expression) => void): void {
  switch (expression.kind) {
    case "constant":
    case "variable":
      break;
    case "load":
      visitExpression(expression.index, visit);
      if (expression.count !== undefined) visitExpression(expression.count, visit);
      break;
    case "gather":
      visitExpression(expression.index, visit);
      break;
    case "unary":
    case "cast":
    case "bitcast":
    case "splat":
    case "lane":
    case "ramp":
      visitExpression(expression.value, visit);
      break;
    case "binary":
      visitExpression(expression.left, visit);
      visitExpression(expression.right, visit);
      break;
    case "select":
      visitExpression(expression.condition, visit);
      visitExpression(expression.yes, visit);
      visitExpression(expression.no, visit);
      break;
    case "fma":
      visitExpression(expression.a, visit);
      visitExpression(expression.b, visit);
      visitExpression(expression.c, visit);
      break;
    case "host":
      for (const argument of expression.arguments) visitExpression(argument, visit);
      break;
  }
  visit(expression);
}
