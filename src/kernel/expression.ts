// Constructors for the expressions of the loop language, typed by their operands and lightly simplified: constants fold
// with the exact meaning of the language, integer sums collect their constant at the right (renderers turn
// `index + constant` into an address), and identities drop out. A number stands for a constant of the other operand's
// type, and a scalar beside a vector is spread over its lanes, so the same code builds scalar and vector expressions.

import type { BinaryOperation, Expression, HostFunction, Scalar, Statement, UnaryOperation, ValueType } from "../graph/kernel.ts";
import { InternalError } from "../util/errors.ts";
import { roundHalfEven } from "../util/special.ts";

/** Gives a value a name (a `let` where the work is being written) and returns the variable, so that it is computed once. */
export type Emit = (value: Expression) => Expression;

/** What stands for an operand: a number is a constant of the other operand's type. */
export type Operand = Expression | number;

const cache = new Map<string, ValueType>();

/** The type of `lanes` values; one object for each type. */
export function typeOf(scalar: Scalar, lanes: number): ValueType {
  const key = `${scalar}${lanes}`;
  let type = cache.get(key);
  if (type === undefined) {
    type = { scalar, lanes };
    cache.set(key, type);
  }
  return type;
}

/** The type of indices. */
export const indexType: ValueType = typeOf("i32", 1);

/** The same lanes of another scalar. */
export function sameLanes(type: ValueType, scalar: Scalar): ValueType {
  return typeOf(scalar, type.lanes);
}

export function isFloatScalar(scalar: Scalar): boolean {
  return scalar === "f32" || scalar === "f64";
}

// ---- Leaves

/** The value in every lane, brought into the range of the type. */
export function constant(type: ValueType, value: number): Expression {
  return { kind: "constant", type, value: normalize(type.scalar, value) };
}

/** An index constant. */
export function integer(value: number): Expression {
  return constant(indexType, value);
}

export function variable(name: string, type: ValueType): Expression {
  return { kind: "variable", type, name };
}

/** Consecutive elements from `index` on, of which only the first `count` are used where it is given. */
export function load(buffer: number, type: ValueType, index: Operand, count?: Expression): Expression {
  const loaded: Expression = { kind: "load", type, buffer, index: asIndex(index) };
  return count === undefined ? loaded : { ...loaded, count };
}

/** One element for each lane of `index`; a scalar index is a plain load. */
export function gather(buffer: number, scalar: Scalar, index: Expression): Expression {
  const type = typeOf(scalar, index.type.lanes);
  return type.lanes === 1 ? load(buffer, type, index) : { kind: "gather", type, buffer, index };
}

function asIndex(index: Operand): Expression {
  return typeof index === "number" ? integer(index) : index;
}

/** The constant's value as JavaScript sees it (uint32 without sign), or null. */
export function constantOf(e: Expression): number | null {
  if (e.kind !== "constant") return null;
  return e.type.scalar === "u32" ? e.value >>> 0 : e.value;
}

/** Whether the expression costs nothing to repeat. */
export function isSimple(e: Expression): boolean {
  return e.kind === "constant" || e.kind === "variable";
}

function normalize(scalar: Scalar, value: number): number {
  switch (scalar) {
    case "f32":
      return Math.fround(value);
    case "f64":
      return value;
    case "i32":
    case "u32":
      return value | 0;
    case "bool":
      return value === 0 ? 0 : 1;
  }
}

// ---- One operand

export function unary(operation: UnaryOperation, value: Expression): Expression {
  const { type } = value;
  const c = constantOf(value);
  if (c !== null) return constant(type, foldUnary(operation, c, type.scalar));
  if ((operation === "neg" || operation === "not") && value.kind === "unary" && value.operation === operation) return value.value;
  return { kind: "unary", operation, type, value };
}

export const neg = (x: Expression): Expression => unary("neg", x);
export const abs = (x: Expression): Expression => unary("abs", x);
export const sqrt = (x: Expression): Expression => unary("sqrt", x);
export const floor = (x: Expression): Expression => unary("floor", x);
export const ceil = (x: Expression): Expression => unary("ceil", x);
export const trunc = (x: Expression): Expression => unary("trunc", x);
/** Rounds half to even. */
export const nearest = (x: Expression): Expression => unary("nearest", x);
/** Logical on bool, bitwise on integers. */
export const not = (x: Expression): Expression => unary("not", x);

function foldUnary(operation: UnaryOperation, x: number, scalar: Scalar): number {
  switch (operation) {
    case "neg":
      return -x;
    case "abs":
      return Math.abs(x);
    case "sqrt":
      return Math.sqrt(x);
    case "floor":
      return Math.floor(x);
    case "ceil":
      return Math.ceil(x);
    case "trunc":
      return Math.trunc(x);
    case "nearest":
      // Infinities have no fraction, and a negative number that rounds to zero keeps its sign.
      return Number.isFinite(x) ? (x < 0 || Object.is(x, -0) ? -roundHalfEven(-x) : roundHalfEven(x)) : x;
    case "not":
      return scalar === "bool" ? 1 - x : ~x;
  }
}

// ---- Two operands

const comparisons: ReadonlySet<BinaryOperation> = new Set<BinaryOperation>(["eq", "ne", "lt", "le"]);

/** Makes the operands one type: numbers become constants, a scalar beside a vector is spread. */
function meet(left: Operand, right: Operand): [Expression, Expression] {
  if (typeof left === "number") {
    if (typeof right === "number") throw new InternalError("an expression of two plain numbers has no type");
    return [constant(right.type, left), right];
  }
  if (typeof right === "number") return [left, constant(left.type, right)];
  if (left.type.lanes === right.type.lanes) return [left, right];
  return left.type.lanes === 1 ? [splat(left, right.type.lanes), right] : [left, splat(right, left.type.lanes)];
}

export function binary(operation: BinaryOperation, a: Operand, b: Operand): Expression {
  const [left, right] = meet(a, b);
  const { scalar, lanes } = left.type;
  if (scalar !== right.type.scalar) throw new InternalError(`${operation} of ${scalar} and ${right.type.scalar}`);
  const type = comparisons.has(operation) ? typeOf("bool", lanes) : left.type;
  const l = constantOf(left);
  const r = constantOf(right);
  if (l !== null && r !== null) return constant(type, foldBinary(operation, l, r, scalar));
  const simpler =
    scalar === "bool" ? null : isFloatScalar(scalar) ? simplerFloat(operation, left, r) : simplerInteger(operation, left, right);
  return simpler ?? { kind: "binary", operation, type, left, right };
}

export const add = (a: Operand, b: Operand): Expression => binary("add", a, b);
export const sub = (a: Operand, b: Operand): Expression => binary("sub", a, b);
export const mul = (a: Operand, b: Operand): Expression => binary("mul", a, b);
/** Truncates on integers. */
export const div = (a: Operand, b: Operand): Expression => binary("div", a, b);
/** Integers only; the sign of the dividend. */
export const rem = (a: Operand, b: Operand): Expression => binary("rem", a, b);
export const min = (a: Operand, b: Operand): Expression => binary("min", a, b);
export const max = (a: Operand, b: Operand): Expression => binary("max", a, b);
export const and = (a: Operand, b: Operand): Expression => binary("and", a, b);
export const or = (a: Operand, b: Operand): Expression => binary("or", a, b);
export const xor = (a: Operand, b: Operand): Expression => binary("xor", a, b);
export const shl = (a: Operand, b: Operand): Expression => binary("shl", a, b);
/** Arithmetic on i32, logical on u32. */
export const shr = (a: Operand, b: Operand): Expression => binary("shr", a, b);
export const eq = (a: Operand, b: Operand): Expression => binary("eq", a, b);
export const ne = (a: Operand, b: Operand): Expression => binary("ne", a, b);
export const lt = (a: Operand, b: Operand): Expression => binary("lt", a, b);
export const le = (a: Operand, b: Operand): Expression => binary("le", a, b);

function foldBinary(operation: BinaryOperation, l: number, r: number, scalar: Scalar): number {
  switch (operation) {
    case "add":
      return l + r;
    case "sub":
      return l - r;
    case "mul":
      return isFloatScalar(scalar) ? l * r : Math.imul(l, r);
    case "div":
      return isFloatScalar(scalar) ? l / r : r === 0 ? 0 : Math.trunc(l / r);
    case "rem":
      return r === 0 ? 0 : l % r;
    case "min":
      return Math.min(l, r);
    case "max":
      return Math.max(l, r);
    case "and":
      return l & r;
    case "or":
      return l | r;
    case "xor":
      return l ^ r;
    case "shl":
      return l << r;
    case "shr":
      return scalar === "u32" ? l >>> r : l >> r;
    case "eq":
      return Number(l === r);
    case "ne":
      return Number(l !== r);
    case "lt":
      return Number(l < r);
    case "le":
      return Number(l <= r);
  }
}

function simplerFloat(operation: BinaryOperation, left: Expression, r: number | null): Expression | null {
  // Not `x + 0`: that changes −0.
  if ((operation === "mul" || operation === "div") && r === 1) return left;
  return operation === "sub" && Object.is(r, 0) ? left : null;
}

/** Integer identities; a constant operand moves to the right, and constants of nested sums and products merge. */
function simplerInteger(operation: BinaryOperation, left: Expression, right: Expression): Expression | null {
  const r = constantOf(right);
  if (r === null) {
    if (operation === "add" || operation === "mul") {
      if (left.kind === "constant") return binary(operation, right, left);
      // Constants wander outwards through sums, where renderers see them.
      if (operation === "add") {
        const [x, c] = splitConstant(left);
        const [y, d] = splitConstant(right);
        if (c !== 0 || d !== 0) return add(add(x, y), constant(left.type, c + d));
      }
    }
    return null;
  }
  switch (operation) {
    case "sub":
      return add(left, constant(left.type, -r));
    case "add": {
      if (r === 0) return left;
      const [x, c] = splitConstant(left);
      return c === 0 ? null : add(x, constant(left.type, c + r));
    }
    case "mul":
      if (r === 0) return right;
      if (r === 1) return left;
      if (left.kind === "binary" && left.operation === "mul") {
        const c = constantOf(left.right);
        if (c !== null) return mul(left.left, constant(left.type, Math.imul(c, r)));
      }
      return null;
    case "div":
      return r === 1 ? left : null;
    case "shl":
    case "shr":
    case "or":
    case "xor":
      return r === 0 ? left : null;
    case "and":
      return r === 0 ? right : null;
    default:
      return null;
  }
}

/** An integer expression as something plus a constant. */
function splitConstant(e: Expression): [Expression, number] {
  if (e.kind === "binary" && e.operation === "add") {
    const c = constantOf(e.right);
    if (c !== null) return [e.left, c];
  }
  return [e, 0];
}

// ---- The others

export function select(condition: Expression, a: Operand, b: Operand): Expression {
  const [yes, no] = meet(a, b);
  const c = constantOf(condition);
  if (c !== null) return spread(c !== 0 ? yes : no, condition.type.lanes);
  if (yes === no) return spread(yes, condition.type.lanes);
  const lanes = Math.max(condition.type.lanes, yes.type.lanes);
  return {
    kind: "select",
    type: typeOf(yes.type.scalar, lanes),
    condition: spread(condition, lanes),
    yes: spread(yes, lanes),
    no: spread(no, lanes),
  };
}

/** `a · b + c`, rounded once where the engine can. */
export function fma(a: Operand, b: Operand, c: Operand): Expression {
  const operands = [a, b, c];
  const known = operands.filter((x): x is Expression => typeof x !== "number");
  const first = known[0];
  if (first === undefined) throw new InternalError("an expression of plain numbers has no type");
  const lanes = Math.max(...known.map((x) => x.type.lanes));
  const type = typeOf(first.type.scalar, lanes);
  const [x, y, z] = operands.map((o) => (typeof o === "number" ? constant(type, o) : spread(o, lanes))) as [
    Expression,
    Expression,
    Expression,
  ];
  return { kind: "fma", type, a: x, b: y, c: z };
}

/** By value. Float to integer truncates and saturates; NaN gives 0. */
export function cast(value: Expression, scalar: Scalar): Expression {
  const from = value.type.scalar;
  if (from === scalar) return value;
  const type = typeOf(scalar, value.type.lanes);
  const c = constantOf(value);
  if (c !== null) return constant(type, castNumber(c, from, scalar));
  return { kind: "cast", type, value };
}

/** What `cast` makes of one number. */
export function castNumber(value: number, from: Scalar, to: Scalar): number {
  if (!isFloatScalar(from) || (to !== "i32" && to !== "u32")) return value;
  const [low, high] = to === "i32" ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
  return Number.isNaN(value) ? 0 : Math.min(Math.max(Math.trunc(value), low), high);
}

/** The same 32 bits as another type. */
export function bitcast(value: Expression, scalar: Scalar): Expression {
  const from = value.type.scalar;
  if (from === scalar) return value;
  const type = typeOf(scalar, value.type.lanes);
  if (value.kind === "constant") {
    if (from === "f32") word.setFloat32(0, value.value);
    else word.setInt32(0, value.value);
    return constant(type, scalar === "f32" ? word.getFloat32(0) : word.getInt32(0));
  }
  return { kind: "bitcast", type, value };
}

const word = new DataView(new ArrayBuffer(4));

/** A scalar in every lane. */
export function splat(value: Expression, lanes: number): Expression {
  if (value.type.lanes === lanes) return value;
  if (value.type.lanes !== 1) throw new InternalError(`splat of ${value.type.lanes} lanes`);
  const type = typeOf(value.type.scalar, lanes);
  return value.kind === "constant" ? constant(type, value.value) : { kind: "splat", type, value };
}

const spread = splat;

/** One lane of a vector; a scalar is its own lane. */
export function lane(value: Expression, index: number): Expression {
  const type = typeOf(value.type.scalar, 1);
  if (value.type.lanes === 1) return value;
  if (value.kind === "constant") return constant(type, value.value);
  if (value.kind === "splat") return value.value;
  if (value.kind === "ramp") return add(value.value, index);
  return { kind: "lane", type, value, lane: index };
}

/** `value + [0, 1, 2, …]`; for one lane, the value. */
export function ramp(value: Operand, lanes: number): Expression {
  const first = asIndex(value);
  return lanes === 1 ? first : { kind: "ramp", type: typeOf("i32", lanes), value: first };
}

/** A double-precision function of the host. */
export function host(name: HostFunction, ...operands: readonly Expression[]): Expression {
  return { kind: "host", function: name, type: (operands[0] as Expression).type, arguments: operands };
}

/** A branch on a scalar condition. */
export function branch(condition: Expression, yes: readonly Statement[], no: readonly Statement[] = []): Statement {
  return { kind: "if", condition, then: yes, otherwise: no };
}

/** Gives a variable a new value. */
export function set(target: Expression & { readonly kind: "variable" }, value: Expression): Statement {
  return { kind: "set", name: target.name, value };
}

/** Whether a condition holds in any lane, as a scalar. */
export function anyLane(condition: Expression): Expression {
  return Array.from({ length: condition.type.lanes }, (_, i) => lane(condition, i)).reduce((p, q) => or(p, q));
}
