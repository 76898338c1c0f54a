// Expressions → C. Scalars use C's own operators, vectors the compilers' vector extensions; the rest are helpers.
// Signed arithmetic wraps (-fwrapv). The sums and products that an index is made of are done in 64 bits instead, so that
// the compiler can walk pointers: an index that lies in its buffer is the same either way.

import type { Expression, KernelBuffer, Memory, ValueType } from "../../graph/kernel.ts";
import { InternalError } from "../../util/errors.ts";
import { repeatedIndex, stridedIndex } from "../strided.ts";
import type { Helpers } from "./helpers.ts";
import { checkMemory, integer, isNarrow, literal, typeName } from "./types.ts";

/** What the text of an expression depends on. */
export interface Scope {
  readonly helpers: Helpers;
  readonly buffers: readonly KernelBuffer[];
  /** The C name of a variable, and whether it is one of the 64-bit loop variables. */
  variable(name: string): { readonly text: string; readonly wide: boolean };
}

/** The C text of a value. Everything but names, literals and calls comes in parentheses. */
export function renderExpression(e: Expression, scope: Scope): string {
  const { type } = e;
  const { lanes } = type;
  const { helpers } = scope;
  helpers.width(lanes);
  switch (e.kind) {
    case "constant":
      return lanes === 1 ? literal(type.scalar, e.value) : `${helpers.splat(type.scalar, lanes)}(${literal(type.scalar, e.value)})`;
    case "variable": {
      const { text, wide } = scope.variable(e.name);
      return wide ? `(i32)${text}` : text;
    }
    case "load": {
      const memory = memoryOf(e.buffer, scope);
      checkMemory(memory, type);
      const at = renderIndex(e.index, scope);
      if (lanes > 1) {
        const from = `p${e.buffer} + ${at}`;
        const value =
          e.count === undefined
            ? `${helpers.load(memory, lanes)}(${from})`
            : `${helpers.loadCount(memory, lanes)}(${from}, ${renderExpression(e.count, scope)})`;
        return reinterpret(type, value, isNarrow(memory) ? "i32" : type.scalar);
      }
      const element = `p${e.buffer}[${at}]`;
      return memory === "bool" ? `(${element} != 0)` : isNarrow(memory) ? `(${typeName(type)})${element}` : element;
    }
    case "gather": {
      const memory = memoryOf(e.buffer, scope);
      checkMemory(memory, type);
      return reinterpret(type, renderGather(e, memory, scope), isNarrow(memory) ? "i32" : type.scalar);
    }
    case "unary":
      return renderUnary(e, scope);
    case "binary":
      return renderBinary(e, scope);
    case "select": {
      const [condition, yes, no] = [e.condition, e.yes, e.no].map((x) => renderExpression(x, scope));
      return lanes === 1 ? `(${condition} ? ${yes} : ${no})` : `${helpers.select(type.scalar, lanes)}(${condition}, ${yes}, ${no})`;
    }
    case "fma": {
      if (type.scalar !== "f32" && type.scalar !== "f64") throw unexpected(e.kind, type);
      const [a, b, c] = [e.a, e.b, e.c].map((x) => renderExpression(x, scope));
      return `${helpers.fma(type.scalar, lanes)}(${a}, ${b}, ${c})`;
    }
    case "cast":
      return renderCast(renderExpression(e.value, scope), e.value.type, type, helpers);
    case "bitcast": {
      const value = renderExpression(e.value, scope);
      const from = e.value.type.scalar;
      if (lanes > 1) return reinterpret(type, value, from);
      if (from === type.scalar) return value;
      return from === "f32" || type.scalar === "f32" ? `${helpers.bits(from, type.scalar)}(${value})` : `(${typeName(type)})${value}`;
    }
    case "splat":
      return `${helpers.splat(type.scalar, lanes)}(${renderExpression(e.value, scope)})`;
    case "lane":
      helpers.width(e.value.type.lanes);
      return `${helpers.lane(type.scalar, e.value.type.lanes)}(${renderExpression(e.value, scope)}, ${e.lane})`;
    case "ramp":
      return `${helpers.ramp(lanes)}(${renderExpression(e.value, scope)})`;
    case "host":
      return `${helpers.host(e.function, lanes)}(${e.arguments.map((a) => renderExpression(a, scope)).join(", ")})`;
  }
}

function renderGather(e: Expression & { kind: "gather" }, memory: Memory, scope: Scope): string {
  const { helpers } = scope;
  const { lanes } = e.type;
  const from = (first: Expression) => `p${e.buffer} + ${renderIndex(first, scope)}`;
  const strided = stridedIndex(e.index);
  if (strided?.stride === 2) return `${helpers.gatherEvens(memory, lanes)}(${from(strided.first)})`;
  if (strided !== null) return `${helpers.gatherStrided(memory, lanes)}(${from(strided.first)}, ${strided.stride})`;
  const repeated = repeatedIndex(e.index);
  if (repeated !== null) return `${helpers.gatherRepeated(memory, lanes, repeated.shift)}(${from(repeated.first)})`;
  return `${helpers.gather(memory, lanes)}(p${e.buffer}, ${renderExpression(e.index, scope)})`;
}

/** The text of an i32 scalar in 64 bits, for addresses and loop bounds. */
export function renderIndex(e: Expression, scope: Scope): string {
  if (e.kind === "constant") return integer(e.value | 0);
  if (e.kind === "variable") {
    const { text, wide } = scope.variable(e.name);
    return wide ? text : `(i64)${text}`;
  }
  if (e.kind === "binary" && (e.operation === "add" || e.operation === "sub" || e.operation === "mul")) {
    // Two literals would meet in 32 bits.
    const cast = e.left.kind === "constant" && e.right.kind === "constant" ? "(i64)" : "";
    return `(${cast}${renderIndex(e.left, scope)} ${operators[e.operation]} ${renderIndex(e.right, scope)})`;
  }
  return `(i64)${renderExpression(e, scope)}`;
}

/** A vector's bits under another type's name; the text itself where they are the same. */
function reinterpret(type: ValueType, text: string, from: ValueType["scalar"]): string {
  if (from === type.scalar || type.lanes === 1) return text;
  return `((${typeName(type)})${text})`;
}

function memoryOf(buffer: number, scope: Scope): KernelBuffer["memory"] {
  const found = scope.buffers[buffer];
  if (found === undefined) throw new InternalError(`C renderer: the kernel has no buffer ${buffer}`);
  return found.memory;
}

function unexpected(operation: string, type: ValueType): InternalError {
  return new InternalError(`C renderer: ${operation} of ${type.scalar} × ${type.lanes}`);
}

const roundings = { sqrt: "sqrt", floor: "floor", ceil: "ceil", trunc: "trunc", nearest: "rint" } as const;

function renderUnary(e: Expression & { kind: "unary" }, scope: Scope): string {
  const { type, operation } = e;
  const { scalar, lanes } = type;
  const { helpers } = scope;
  const value = renderExpression(e.value, scope);
  const float = scalar === "f32" || scalar === "f64";
  switch (operation) {
    case "neg":
      if (scalar === "bool") throw unexpected(operation, type);
      return `(-${value})`;
    case "not":
      if (float) throw unexpected(operation, type);
      return scalar === "bool" && lanes === 1 ? `(!${value})` : `(~${value})`;
    case "abs":
      if (scalar === "u32") return value;
      if (scalar === "f32" && lanes > 1) return `((${typeName(type)})((i32x${lanes})${value} & 0x7fffffff))`;
      if (scalar === "f64" && lanes > 1) return `((${typeName(type)})((i64x${lanes})${value} & 0x7fffffffffffffff))`;
      if (scalar === "i32") return `${helpers.magnitude(lanes)}(${value})`;
      if (!float) throw unexpected(operation, type);
      return `__builtin_fabs${scalar === "f32" ? "f" : ""}(${value})`;
    default: {
      if (!float) throw unexpected(operation, type);
      const builtin = `__builtin_${roundings[operation]}${scalar === "f32" ? "f" : ""}`;
      return lanes === 1 ? `${builtin}(${value})` : `${helpers.rounded(operation, builtin, scalar, lanes)}(${value})`;
    }
  }
}

const operators = {
  add: "+",
  sub: "-",
  mul: "*",
  and: "&",
  or: "|",
  xor: "^",
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
} as const;

function renderBinary(e: Expression & { kind: "binary" }, scope: Scope): string {
  const { operation } = e;
  const { scalar, lanes } = e.left.type;
  const float = scalar === "f32" || scalar === "f64";
  const left = renderExpression(e.left, scope);
  const right = renderExpression(e.right, scope);
  switch (operation) {
    case "add":
    case "sub":
    case "mul":
      if (scalar === "bool") throw unexpected(operation, e.type);
      return `(${left} ${operators[operation]} ${right})`;
    case "and":
    case "or":
    case "xor":
      if (float) throw unexpected(operation, e.type);
      return `(${left} ${operators[operation]} ${right})`;
    case "lt":
    case "le":
      // In a mask true is −1, below false.
      if (scalar === "bool" && lanes > 1) return `(${right} ${operators[operation]} ${left})`;
      return compared(`(${left} ${operators[operation]} ${right})`, e.left.type);
    case "eq":
    case "ne":
      return compared(`(${left} ${operators[operation]} ${right})`, e.left.type);
    case "div":
    case "rem":
      if (float && operation === "div") return `(${left} / ${right})`;
      if (scalar !== "i32" && scalar !== "u32") throw unexpected(operation, e.type);
      // The compiler turns a known divisor into a multiplication.
      if (e.right.kind === "constant" && (e.right.value | 0) !== 0 && (e.right.value | 0) !== -1)
        return `(${left} ${operation === "div" ? "/" : "%"} ${right})`;
      return `${scope.helpers.quotient(operation, scalar, lanes)}(${left}, ${right})`;
    case "min":
    case "max":
      if (scalar === "bool") return `(${left} ${operation === "min" ? "&" : "|"} ${right})`;
      if (float && e.right.kind === "constant" && !Number.isNaN(e.right.value)) {
        const bound = scalar === "f32" ? Math.fround(e.right.value) : e.right.value;
        return `${scope.helpers.bound(operation, scalar, lanes, Object.is(bound, -0))}(${left}, ${right})`;
      }
      return `${scope.helpers.extremum(operation, scalar, lanes)}(${left}, ${right})`;
    case "shl":
    case "shr":
      if (scalar !== "i32" && scalar !== "u32") throw unexpected(operation, e.type);
      return `(${left} ${operation === "shl" ? "<<" : ">>"} ${e.right.kind === "constant" ? e.right.value & 31 : `(${right} & 31)`})`;
  }
}

/** The result of a comparison as a mask: of doubles it has 64 bits a lane. */
function compared(text: string, { scalar, lanes }: ValueType): string {
  return scalar === "f64" && lanes > 1 ? `__builtin_convertvector(${text}, i32x${lanes})` : text;
}

function renderCast(value: string, from: ValueType, to: ValueType, helpers: Helpers): string {
  const { lanes } = to;
  const name = typeName(to);
  if (from.scalar === to.scalar) return value;
  if (to.scalar === "bool") return lanes === 1 ? `(${value} != 0)` : compared(`(${value} != (${typeName(from)}){0})`, from);
  if (from.scalar === "bool") {
    if (lanes === 1) return `((${name})${value})`;
    if (to.scalar === "f64") return `__builtin_convertvector(-${value}, ${name})`;
    return to.scalar === "f32" ? `((${name})(${value} & 0x3f800000))` : `((${name})(-${value}))`;
  }
  if ((from.scalar === "f32" || from.scalar === "f64") && (to.scalar === "i32" || to.scalar === "u32"))
    return `${helpers.saturate(from.scalar, to.scalar, lanes)}(${value})`;
  if (lanes === 1) return `((${name})${value})`;
  return to.scalar === "f32" || to.scalar === "f64" ? `__builtin_convertvector(${value}, ${name})` : `((${name})${value})`;
}
