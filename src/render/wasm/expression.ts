// Instruction selection: what each kind of expression becomes. Operands come from the writer, which may have computed them before.

import type { Expression, UnaryOperation } from "../../graph/kernel.ts";
import { constantValue } from "../strided.ts";
import { binaryRows, castRows, columnOf, localType, unaryRows } from "./instructions.ts";
import { emitGather, emitLoad, emitLoadSplat, narrowMask, widenMask } from "./memory.ts";
import { op } from "./opcodes.ts";
import type { Writer } from "./writer.ts";

type Of<K extends Expression["kind"]> = Extract<Expression, { kind: K }>;

/** Writes the instructions that push an expression's value. */
export function emitExpression(w: Writer, e: Expression): void {
  const { scalar, lanes } = e.type;
  if (lanes !== 1 && !(w.abilities.simd && (lanes === 2 || (lanes === 4 && scalar !== "f64"))))
    throw w.wrong(`${lanes} lanes of ${scalar} in ${e.kind}`);
  switch (e.kind) {
    case "constant":
      constant(w, e, e.value);
      return;
    case "variable":
      w.code.get(w.variable(e.name));
      return;
    case "load":
      emitLoad(w, e);
      return;
    case "gather":
      if (lanes === 1) emitLoad(w, { ...e, kind: "load" });
      else emitGather(w, e);
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
      if (lanes === 1) w.code.op(op.select);
      else {
        if (scalar !== "f64" && scalar !== "bool") narrowMask(w, lanes);
        w.code.op(w.abilities.relaxed ? op.i32x4RelaxedLaneselect : op.v128Bitselect);
      }
      return;
    case "fma":
      fma(w, e);
      return;
    case "cast":
      cast(w, e);
      return;
    case "bitcast":
      w.value(e.value);
      if (lanes > 1) return;
      if (e.value.type.scalar === "f32" && e.type.scalar !== "f32") w.code.op(op.i32ReinterpretF32);
      if (e.value.type.scalar !== "f32" && e.type.scalar === "f32") w.code.op(op.f32ReinterpretI32);
      return;
    case "splat":
      splat(w, e);
      return;
    case "lane":
      w.value(e.value);
      if (scalar === "f32") w.code.op(op.f32x4ExtractLane).byte(e.lane);
      else if (scalar === "f64") w.code.op(op.f64x2ExtractLane).byte(e.lane);
      else if (scalar === "bool")
        w.code
          .op(op.i32x4ExtractLane)
          .byte(e.value.type.lanes === 2 ? 2 * e.lane : e.lane)
          .i32(1)
          .op(op.i32And);
      else w.code.op(op.i32x4ExtractLane).byte(e.lane);
      return;
    case "ramp":
      w.value(e.value);
      w.code.op(op.i32x4Splat).v128(0, 1, 2, 3).op(op.i32x4Add);
      return;
    case "host":
      host(w, e);
      return;
  }
}

function constant(w: Writer, e: Expression, value: number): void {
  const { scalar, lanes } = e.type;
  const integer = scalar === "bool" ? (value === 0 ? 0 : 1) : value | 0;
  if (lanes > 1) {
    if (scalar === "f64") w.code.v128(...wordsOf(value));
    else w.code.v128(scalar === "f32" ? bitsOf(value) : scalar === "bool" ? -integer : integer);
  } else if (scalar === "f32") w.code.f32(value);
  else if (scalar === "f64") w.code.f64(value);
  else w.code.i32(integer);
}

const word = new DataView(new ArrayBuffer(8));

function bitsOf(value: number): number {
  word.setFloat32(0, value);
  return word.getInt32(0);
}

/** The words of a float64 in each of two lanes. */
function wordsOf(value: number): number[] {
  word.setFloat64(0, value, true);
  const words = [word.getInt32(0, true), word.getInt32(4, true)];
  return [...words, ...words];
}

/** Calls the host, for each lane. */
function host(w: Writer, e: Of<"host">): void {
  const call = () => w.code.op(op.call).unsigned(w.abilities.host(e.function));
  for (const argument of e.arguments) w.value(argument);
  if (e.type.lanes === 1) {
    call();
    return;
  }
  const vectors = e.arguments.map(() => w.fresh("v128")).reverse();
  for (const local of vectors) w.code.set(local);
  const result = w.fresh("v128");
  for (const lane of [0, 1]) {
    if (lane > 0) w.code.get(result);
    for (const local of vectors.toReversed()) w.code.get(local).op(op.f64x2ExtractLane).byte(lane);
    call();
    if (lane === 0) w.code.op(op.f64x2Splat).set(result);
    else w.code.op(op.f64x2ReplaceLane).byte(lane);
  }
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
  if (e.type.scalar === "bool" && scalar !== "bool" && scalar !== "f64") widenMask(w, n);
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
  for (let lane = 0; lane < e.type.lanes; lane++) {
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
  const double = e.type.scalar === "f64";
  if (e.type.lanes > 1) {
    w.value(bound);
    w.code.op(maximum ? (double ? op.f64x2Pmax : op.f32x4Pmax) : double ? op.f64x2Pmin : op.f32x4Pmin);
    return true;
  }
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
    w.code.op(binaryRows.mul[columnOf(e.type)] as number);
    w.value(e.c);
    w.code.op(binaryRows.add[columnOf(e.type)] as number);
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
    if (vector) {
      if (to.scalar !== "f64") narrowMask(w, to.lanes);
      constant(w, e, 1);
      w.code.op(op.v128And);
    } else if (to.scalar === "f32") w.code.op(op.f32ConvertI32U);
    else if (to.scalar === "f64") w.code.op(op.f64ConvertI32U);
  } else if (to.scalar === "bool") {
    constant(w, e.value, 0);
    w.code.op(binaryRows.ne[columnOf(from)] as number);
    if (from.scalar !== "f64") widenMask(w, from.lanes);
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
  if (value.kind === "load" && w.isComputedHere(value) && emitLoadSplat(w, value)) return;
  const { scalar } = e.type;
  if (scalar === "bool") w.code.i32(0);
  w.value(value);
  if (scalar === "bool") w.code.op(op.i32Sub);
  w.code.op(scalar === "f32" ? op.f32x4Splat : scalar === "f64" ? op.f64x2Splat : op.i32x4Splat);
}
