// Short words for writing the loop language by hand in tests.

import type {
  BinaryOperation,
  Expression,
  HostFunction,
  Kernel,
  KernelBuffer,
  Memory,
  Program,
  Scalar,
  Statement,
  Step,
  UnaryOperation,
  ValueType,
} from "../../src/graph/kernel.ts";

const type = (scalar: Scalar, lanes: number): ValueType => ({ scalar, lanes });

export const f32: ValueType = type("f32", 1);
export const f64: ValueType = type("f64", 1);
export const i32: ValueType = type("i32", 1);
export const u32: ValueType = type("u32", 1);
export const bool: ValueType = type("bool", 1);

/** The same scalars in `lanes` lanes. */
export function wide(of: ValueType, lanes = 4): ValueType {
  return type(of.scalar, lanes);
}

export function constant(of: ValueType, value: number): Expression {
  return { kind: "constant", type: of, value };
}

export function variable(of: ValueType, name: string): Expression {
  return { kind: "variable", type: of, name };
}

export const begin: Expression = variable(i32, "begin");
export const end: Expression = variable(i32, "end");

/** An i32 scalar: a number is a constant, a string a variable. */
export function int(value: number | string | Expression): Expression {
  if (typeof value === "number") return constant(i32, value);
  return typeof value === "string" ? variable(i32, value) : value;
}

export function load(of: ValueType, buffer: number, index: number | string | Expression): Expression {
  return { kind: "load", type: of, buffer, index: int(index) };
}

export function gather(of: ValueType, buffer: number, index: Expression): Expression {
  return { kind: "gather", type: of, buffer, index };
}

export function unary(operation: UnaryOperation, value: Expression): Expression {
  return { kind: "unary", operation, type: value.type, value };
}

const comparisons: readonly BinaryOperation[] = ["eq", "ne", "lt", "le"];

export function binary(operation: BinaryOperation, left: Expression, right: Expression): Expression {
  const result = comparisons.includes(operation) ? type("bool", left.type.lanes) : left.type;
  return { kind: "binary", operation, type: result, left, right };
}

export function add(left: number | string | Expression, right: number | string | Expression): Expression {
  return binary("add", int(left), int(right));
}

export function mul(left: number | string | Expression, right: number | string | Expression): Expression {
  return binary("mul", int(left), int(right));
}

export function sub(left: number | string | Expression, right: number | string | Expression): Expression {
  return binary("sub", int(left), int(right));
}

export function select(condition: Expression, yes: Expression, no: Expression): Expression {
  return { kind: "select", type: yes.type, condition, yes, no };
}

export function fma(a: Expression, b: Expression, c: Expression): Expression {
  return { kind: "fma", type: c.type, a, b, c };
}

export function cast(to: ValueType, value: Expression): Expression {
  return { kind: "cast", type: to, value };
}

export function bitcast(to: ValueType, value: Expression): Expression {
  return { kind: "bitcast", type: to, value };
}

export function splat(value: Expression, lanes = 4): Expression {
  return { kind: "splat", type: wide(value.type, lanes), value };
}

export function lane(value: Expression, index: number): Expression {
  return { kind: "lane", type: wide(value.type, 1), value, lane: index };
}

export function ramp(value: Expression, lanes = 4): Expression {
  return { kind: "ramp", type: wide(i32, lanes), value };
}

export function host(name: HostFunction, ...values: readonly Expression[]): Expression {
  return { kind: "host", function: name, type: f64, arguments: values };
}

export function define(name: string, value: Expression): Statement {
  return { kind: "let", name, value };
}

export function set(name: string, value: Expression): Statement {
  return { kind: "set", name, value };
}

export function store(buffer: number, index: number | string | Expression, value: Expression, count?: Expression): Statement {
  const statement = { kind: "store" as const, buffer, index: int(index), value };
  return count === undefined ? statement : { ...statement, count };
}

export function loop(
  name: string,
  from: number | string | Expression,
  to: number | string | Expression,
  step: number,
  body: readonly Statement[],
): Statement {
  return { kind: "loop", variable: name, start: int(from), end: int(to), step, body };
}

/** A kernel; buffers are given as `"f32"` (read) or `"f32!"` (read and written). */
export function kernel(buffers: readonly string[], extent: number, body: readonly Statement[], name = "test"): Kernel {
  const facts = buffers.map((text): KernelBuffer => {
    const written = text.endsWith("!");
    return { memory: (written ? text.slice(0, -1) : text) as Memory, access: written ? "readwrite" : "read" };
  });
  return { name, buffers: facts, extent, body, cost: { flops: 0, bytes: 0 } };
}

/** A program whose buffers are its table's rows, then arena buffers of 256 bytes. */
export function program(
  kernels: readonly Kernel[],
  inputs: number,
  outputs: number,
  steps: readonly Step[],
  more: { arena?: number } & Partial<Pick<Program, "exchanges" | "checks">> = {},
): Program {
  const rows = inputs + outputs;
  const arena = more.arena ?? 0;
  return {
    kernels,
    buffers: [
      ...Array.from({ length: rows }, (_, index) => ({ kind: "table" as const, index })),
      ...Array.from({ length: arena }, (_, i) => ({ kind: "arena" as const, offset: 256 * i })),
    ],
    steps,
    arenaBytes: 256 * arena,
    inputs,
    outputs,
    exchanges: more.exchanges ?? [],
    checks: more.checks ?? [],
  };
}

/** A call with whole buffers as operands. */
export function call(number: number, ...buffers: readonly number[]): Step {
  return { kind: "call", kernel: number, operands: buffers.map((buffer) => ({ buffer })) };
}
