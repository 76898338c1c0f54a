// Instruction selection: what each kind of expression becomes. Operands come from the writer, which may have computed them before.

import type { Expression, UnaryOperation } from "../../graph/kernel.ts";
import { binaryRows, castRows, columnOf, localType, memoryRows, unaryRows } from "./instructions.ts";
import { op } from "./opcodes.ts";
import type { Writer } from "./writer.ts";

type Of<K extends Expression["kind"]> = Extract<Expression, { kind: K }>;

const lanes = 4;
const eachLane = [0, 1, 2, 3];

/** Writes the instructions that push an expression's value. */
export function emitExpression(w: Writer, e: Expression): void {
  if (e.type.lanes !== 1 && (e.type.lanes !== lanes || !w.abilities.simd)) throw w.wrong(`${e.type.lanes} lanes in ${e.kind}`);
  switch (e.kind) {
    case "constant":
      constant(w, e, e.value);
      return;
    case "variable":
      w.code.get(w.variable(e.name));
      return;
    case "load":
      load(w, e);
      return;
    case "gather":
      if (e.type.lanes === 1) load(w, { ...e, kind: "load" });
      else gather(w, e);
      return;
    case "unary":
      unary(w, e);
      return;
    case "binary":
      binary(w, e);
      return;
    case "select":
      w.value(e.yes);
      w.value(e.no);
      w.value(e.condition);
      if (e.type.lanes === 1) w.code.op(op.select);
      else w.code.op(w.abilities.relaxed ? op.i32x4RelaxedLaneselect : op.v128Bitselect);
      return;
    case "fma":
      fma(w, e);
      return;
    case "cast":
      cast(w, e);
      return;
    case "bitcast":
      w.value(e.value);
      if (e.type.lanes > 1) return;
      if (e.value.type.scalar === "f32" && e.type.scalar !== "f32") w.code.op(op.i32ReinterpretF32);
      if (e.value.type.scalar !== "f32" && e.type.scalar === "f32") w.code.op(op.f32ReinterpretI32);
      return;
    case "splat":
      splat(w, e);
      return;
    case "lane":
      w.value(e.value);
      w.code.op(e.type.scalar === "f32" ? op.f32x4ExtractLane : op.i32x4ExtractLane).byte(e.lane);
      if (e.type.scalar === "bool") w.code.i32(1).op(op.i32And);
      return;
    case "ramp":
      w.value(e.value);
      w.code.op(op.i32x4Splat).v128(0, 1, 2, 3).op(op.i32x4Add);
      return;
    case "host":
      for (const argument of e.arguments) w.value(argument);
      w.code.op(op.call).unsigned(w.abilities.host(e.function));
      return;
  }
}

function constant(w: Writer, e: Expression, value: number): void {
  const { scalar, lanes: n } = e.type;
  const integer = scalar === "bool" ? (value === 0 ? 0 : 1) : value | 0;
  if (n > 1) w.code.v128(scalar === "f32" ? bitsOf(value) : scalar === "bool" ? -integer : integer);
  else if (scalar === "f32") w.code.f32(value);
  else if (scalar === "f64") w.code.f64(value);
  else w.code.i32(integer);
}

const word = new DataView(new ArrayBuffer(4));

function bitsOf(value: number): number {
  word.setFloat32(0, value);
  return word.getInt32(0);
}

/** The number that an expression is in every lane, if it is written down. */
function constantValue(e: Expression): number | null {
  if (e.kind === "constant") return e.value;
  return e.kind === "splat" ? constantValue(e.value) : null;
}

function memoryOf(w: Writer, e: Of<"load" | "gather">) {
  const memory = w.kernel.buffers[e.buffer]?.memory;
  if (memory === undefined) throw w.wrong(`no buffer ${e.buffer}`);
  const facts = memoryRows[memory];
  if (!facts.scalars.includes(e.type.scalar)) throw w.wrong(`${e.type.scalar} read from ${memory}`);
  if (e.type.lanes > 1 && memory === "f64") throw w.wrong("vectors of f64");
  return { memory, ...facts };
}

function load(w: Writer, e: Of<"load">): void {
  const { memory, shift, load } = memoryOf(w, e);
  const offset = w.address(e.buffer, e.index);
  if (e.type.lanes === 1) {
    w.code.memory(load, shift, offset);
    if (memory === "bool") w.code.i32(0).op(op.i32Ne);
    return;
  }
  if (shift === 2) {
    w.code.memory(op.v128Load, 2, offset);
    return;
  }
  if (shift === 1) {
    w.code.memory(op.v128Load16x4u, 1, offset);
    return;
  }
  w.code.memory(op.v128Load32Zero, 0, offset).op(op.i16x8ExtendLowI8x16U).op(op.i32x4ExtendLowI16x8U);
  if (memory === "i8") signed(w);
  if (memory === "bool") nonzero(w);
}

/** The index `splat(first) + ramp(0) * stride`, as scalars. */
function stridedIndex(index: Expression): { first: Expression; stride: number } | null {
  if (index.kind !== "binary" || index.operation !== "add" || index.left.kind !== "splat") return null;
  const { right } = index;
  if (right.kind !== "binary" || right.operation !== "mul" || right.left.kind !== "ramp" || constantValue(right.left.value) !== 0)
    return null;
  const stride = constantValue(right.right);
  return stride === null ? null : { first: index.left.value, stride };
}

/** Lanes at one address, but for constant offsets. */
function gatherStrided(w: Writer, e: Of<"gather">, first: Expression, stride: number): void {
  const result = w.fresh("v128");
  for (const lane of eachLane) {
    const constant: Expression = { kind: "constant", type: first.type, value: lane * stride };
    const index: Expression = lane === 0 ? first : { kind: "binary", operation: "add", type: first.type, left: first, right: constant };
    const offset = w.address(e.buffer, index);
    if (lane === 0) w.code.memory(op.v128Load32Zero, 2, offset);
    else w.code.get(result).memory(op.v128Load32Lane, 2, offset).byte(lane);
    if (lane < 3) w.code.set(result);
  }
}

function gather(w: Writer, e: Of<"gather">): void {
  const { memory, shift } = memoryOf(w, e);
  const strided = stridedIndex(e.index);
  if (strided !== null && shift === 2) {
    gatherStrided(w, e, strided.first, strided.stride);
    return;
  }
  const addresses = w.fresh("v128");
  w.value(e.index);
  if (shift > 0) w.code.i32(shift).op(op.i32x4Shl);
  w.code.get(e.buffer).op(op.i32x4Splat).op(op.i32x4Add).set(addresses);
  const address = (lane: number): void => {
    w.code.get(addresses).op(op.i32x4ExtractLane).byte(lane);
  };
  // Lane loads take the address below the vector.
  const result = w.fresh("v128");
  if (shift === 2) {
    address(0);
    w.code.memory(op.v128Load32Zero, 2, 0).set(result);
    for (const lane of [1, 2, 3]) {
      address(lane);
      w.code.get(result).memory(op.v128Load32Lane, 2, 0).byte(lane).set(result);
    }
    w.code.get(result);
    return;
  }
  w.code.v128(0).set(result);
  for (const lane of eachLane) {
    address(lane);
    w.code
      .get(result)
      .memory(shift === 0 ? op.v128Load8Lane : op.v128Load16Lane, shift, 0)
      .byte((lane * 4) >> shift)
      .set(result);
  }
  w.code.get(result);
  if (memory === "i8") signed(w);
  if (memory === "bool") nonzero(w);
}

/** The low bytes of a vector of integers as signed numbers. */
function signed(w: Writer): void {
  w.code.i32(24).op(op.i32x4Shl).i32(24).op(op.i32x4ShrS);
}

/** Turns a vector of integers into a mask. */
function nonzero(w: Writer): void {
  w.code.v128(0).op(op.i32x4Ne);
}

function unary(w: Writer, e: Of<"unary">): void {
  const { scalar, lanes: n } = e.type;
  const integer = scalar === "i32" || scalar === "u32";
  if (e.operation === "abs" && scalar === "u32") {
    w.value(e.value);
    return;
  }
  if (integer && n === 1) {
    integerUnary(w, e.operation, e.value);
    return;
  }
  const instruction = unaryRows[e.operation][columnOf(e.type)];
  if (instruction === undefined) throw w.wrong(`${e.operation} of ${scalar}`);
  w.value(e.value);
  w.code.op(instruction);
}

function integerUnary(w: Writer, operation: UnaryOperation, value: Expression): void {
  switch (operation) {
    case "neg":
      w.code.i32(0);
      w.value(value);
      w.code.op(op.i32Sub);
      return;
    case "not":
      w.value(value);
      w.code.i32(-1).op(op.i32Xor);
      return;
    case "abs": {
      const kept = w.fresh("i32");
      w.value(value);
      w.code.set(kept).i32(0).get(kept).op(op.i32Sub).get(kept);
      w.code.get(kept).i32(0).op(op.i32LtS).op(op.select);
      return;
    }
    default:
      throw w.wrong(`${operation} of an integer`);
  }
}

function binary(w: Writer, e: Of<"binary">): void {
  const { operation, left, right } = e;
  const { scalar, lanes: n } = left.type;
  if (right.type.scalar !== scalar || right.type.lanes !== n) throw w.wrong(`${operation} of different types`);
  const integer = scalar === "i32" || scalar === "u32";
  if (integer && (operation === "div" || operation === "rem")) {
    if (n === 1) divideScalars(w, e);
    else lanewise(w, e, (l, r) => divide(w, operation, scalar, l, r, constantValue(right)));
    return;
  }
  if (operation === "min" || operation === "max") {
    if (integer && n === 1) {
      extremeOfIntegers(w, e);
      return;
    }
    if (!integer && scalar !== "bool" && extremeWithConstant(w, e)) return;
  }
  if ((operation === "shl" || operation === "shr") && n > 1) {
    shift(w, e);
    return;
  }
  const instruction = binaryRows[operation][columnOf(left.type)];
  if (instruction === undefined) throw w.wrong(`${operation} of ${scalar}`);
  w.value(left);
  w.value(right);
  w.code.op(instruction);
}

function divideScalars(w: Writer, e: Of<"binary">): void {
  const left = w.fresh("i32");
  const right = w.fresh("i32");
  w.value(e.left);
  w.code.set(left);
  w.value(e.right);
  w.code.set(right);
  divide(w, e.operation as "div" | "rem", e.left.type.scalar as "i32" | "u32", left, right, constantValue(e.right));
}

/** Pushes the quotient or remainder of two locals; never traps. */
function divide(w: Writer, operation: "div" | "rem", scalar: "i32" | "u32", left: number, right: number, divisor: number | null): void {
  const { code } = w;
  const signed = scalar === "i32";
  const instruction = operation === "div" ? (signed ? op.i32DivS : op.i32DivU) : signed ? op.i32RemS : op.i32RemU;
  const known = divisor === null ? null : divisor | 0;
  if (known === 0) code.i32(0);
  else if (known !== null && !(signed && known === -1)) code.get(left).i32(known).op(instruction);
  else {
    code.get(right).open(op.if, "i32");
    if (operation === "div" && signed) {
      code.get(right).i32(-1).op(op.i32Eq).open(op.if, "i32");
      code.i32(0).get(left).op(op.i32Sub).op(op.else);
      code.get(left).get(right).op(instruction).end();
    } else code.get(left).get(right).op(instruction);
    code.op(op.else).i32(0).end();
  }
}

/** Does with scalars, lane by lane, what vectors cannot. `compute` pushes an i32 made of two locals. */
function lanewise(w: Writer, e: Of<"binary">, compute: (left: number, right: number) => void): void {
  const [left, right, result] = [w.fresh("v128"), w.fresh("v128"), w.fresh("v128")];
  const [l, r] = [w.fresh("i32"), w.fresh("i32")];
  w.value(e.left);
  w.code.set(left);
  w.value(e.right);
  w.code.set(right).v128(0).set(result);
  for (const lane of eachLane) {
    w.code.get(left).op(op.i32x4ExtractLane).byte(lane).set(l);
    w.code.get(right).op(op.i32x4ExtractLane).byte(lane).set(r);
    w.code.get(result);
    compute(l, r);
    w.code.op(op.i32x4ReplaceLane).byte(lane).set(result);
  }
  w.code.get(result);
}

function extremeOfIntegers(w: Writer, e: Of<"binary">): void {
  const left = w.fresh("i32");
  const right = w.fresh("i32");
  w.value(e.left);
  w.code.set(left);
  w.value(e.right);
  w.code.set(right).get(left).get(right);
  if (e.operation === "min") w.code.get(left).get(right);
  else w.code.get(right).get(left);
  w.code.op(e.left.type.scalar === "i32" ? op.i32LtS : op.i32LtU).op(op.select);
}

/**
 * A minimum or maximum with a number known not to be NaN needs no test for NaN: `x < c ? c : x` gives x where x is NaN, and is one
 * instruction on most machines instead of seven. Vectors and scalars do the same, so that their bits agree. Returns whether it applied.
 */
function extremeWithConstant(w: Writer, e: Of<"binary">): boolean {
  const rightValue = constantValue(e.right);
  const leftValue = constantValue(e.left);
  const value = rightValue ?? leftValue;
  if (value === null || Number.isNaN(value)) return false;
  const [other, bound] = rightValue !== null ? [e.left, e.right] : [e.right, e.left];
  const maximum = e.operation === "max";
  w.value(other);
  if (e.type.lanes > 1) {
    w.value(bound);
    w.code.op(maximum ? op.f32x4Pmax : op.f32x4Pmin);
    return true;
  }
  const double = e.type.scalar === "f64";
  const x = w.fresh(localType(e.type));
  const c = w.fresh(localType(e.type));
  w.code.set(x);
  w.value(bound);
  w.code.tee(c).get(x).get(x).get(c);
  w.code.op(maximum ? (double ? op.f64Lt : op.f32Lt) : double ? op.f64Gt : op.f32Gt).op(op.select);
  return true;
}

function shift(w: Writer, e: Of<"binary">): void {
  const logical = e.left.type.scalar === "u32";
  const { right } = e;
  const amount = right.kind === "constant" ? right.value | 0 : null;
  if (amount === null && right.kind !== "splat") {
    const instruction = e.operation === "shl" ? op.i32Shl : logical ? op.i32ShrU : op.i32ShrS;
    lanewise(w, e, (l, r) => w.code.get(l).get(r).op(instruction));
    return;
  }
  w.value(e.left);
  if (right.kind === "splat") w.value(right.value);
  else w.code.i32(amount as number);
  w.code.op(e.operation === "shl" ? op.i32x4Shl : logical ? op.i32x4ShrU : op.i32x4ShrS);
}

/** Rounded once where the engine can. A scalar is done in a vector, for the same bits. */
function fma(w: Writer, e: Of<"fma">): void {
  const { scalar, lanes: n } = e.type;
  if (scalar !== "f32" && scalar !== "f64") throw w.wrong(`fma of ${scalar}`);
  if (!w.abilities.relaxed) {
    w.value(e.a);
    w.value(e.b);
    w.code.op(n > 1 ? op.f32x4Mul : scalar === "f32" ? op.f32Mul : op.f64Mul);
    w.value(e.c);
    w.code.op(n > 1 ? op.f32x4Add : scalar === "f32" ? op.f32Add : op.f64Add);
    return;
  }
  for (const operand of [e.a, e.b, e.c]) {
    w.value(operand);
    if (n === 1) w.code.op(scalar === "f32" ? op.f32x4Splat : op.f64x2Splat);
  }
  w.code.op(scalar === "f32" ? op.f32x4RelaxedMadd : op.f64x2RelaxedMadd);
  if (n === 1) w.code.op(scalar === "f32" ? op.f32x4ExtractLane : op.f64x2ExtractLane).byte(0);
}

function cast(w: Writer, e: Of<"cast">): void {
  const from = e.value.type;
  const to = e.type;
  const vector = to.lanes > 1;
  if (from.lanes !== to.lanes) throw w.wrong("a cast that changes the lanes");
  w.value(e.value);
  if (from.scalar === to.scalar) return;
  if (from.scalar === "bool") {
    if (vector) w.code.v128(to.scalar === "f32" ? bitsOf(1) : 1).op(op.v128And);
    else if (to.scalar === "f32") w.code.op(op.f32ConvertI32U);
    else if (to.scalar === "f64") w.code.op(op.f64ConvertI32U);
  } else if (to.scalar === "bool") {
    if (vector) w.code.v128(0).op(from.scalar === "f32" ? op.f32x4Ne : op.i32x4Ne);
    else if (from.scalar === "f32") w.code.f32(0).op(op.f32Ne);
    else if (from.scalar === "f64") w.code.f64(0).op(op.f64Ne);
    else w.code.i32(0).op(op.i32Ne);
  } else {
    const instruction = castRows[columnOf(from)]?.[columnOf(to)];
    if (instruction !== undefined) w.code.op(instruction);
    else if (from.scalar === "f32" || to.scalar === "f32" || from.scalar === "f64" || to.scalar === "f64")
      throw w.wrong(`a cast from ${from.scalar} to ${to.scalar}`);
  }
}

function splat(w: Writer, e: Of<"splat">): void {
  const { value } = e;
  const known = constantValue(value);
  if (known !== null) {
    constant(w, e, known);
    return;
  }
  if (value.kind === "load" && w.isComputedHere(value)) {
    const { shift, memory } = memoryOf(w, value);
    if (shift === 2) {
      w.code.memory(op.v128Load32Splat, 2, w.address(value.buffer, value.index));
      return;
    }
    if (memory === "f64") throw w.wrong("vectors of f64");
  }
  if (e.type.scalar === "bool") w.code.i32(0);
  w.value(value);
  if (e.type.scalar === "bool") w.code.op(op.i32Sub);
  w.code.op(e.type.scalar === "f32" ? op.f32x4Splat : op.i32x4Splat);
}
