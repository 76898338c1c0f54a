// Between memory and registers: loads, gathers and stores of one lane or a vector.
// A vector is a v128: four lanes of 32 bits, or two lanes, where float64 fills it, what has 32 bits lies in its low half, and each lane
// of a mask is 64 bits wide. While it is moved, its elements lie side by side from byte 0 on, as in memory.

import type { Expression, Statement } from "../../graph/kernel.ts";
import { repeatedIndex, stridedIndex } from "../strided.ts";
import { memoryRows } from "./instructions.ts";
import { op } from "./opcodes.ts";
import type { Writer } from "./writer.ts";

type Of<K extends Expression["kind"]> = Extract<Expression, { kind: K }>;

// ---- Masks

/** A mask of 32 bits a lane, as comparisons of 32-bit values give it, in the width of masks of so many lanes. */
export function widenMask(w: Writer, lanes: number): void {
  if (lanes === 2) w.code.op(op.i64x2ExtendLowI32x4S);
}

/** A mask in 32 bits a lane. */
export function narrowMask(w: Writer, lanes: number): void {
  if (lanes === 2) shuffle(w, (i) => (i & 4) * 2 + (i & 3));
}

/** The bytes of the vector on the stack in another order. */
function shuffle(w: Writer, from: (byte: number) => number): void {
  const value = w.fresh("v128");
  w.code.tee(value).get(value).op(op.i8x16Shuffle);
  for (let i = 0; i < 16; i++) w.code.byte(from(i));
}

// ---- Loads

function memoryOf(w: Writer, e: Of<"load" | "gather">) {
  const memory = w.kernel.buffers[e.buffer]?.memory;
  if (memory === undefined) throw w.wrong(`no buffer ${e.buffer}`);
  const facts = memoryRows[memory];
  if (!facts.scalars.includes(e.type.scalar)) throw w.wrong(`${e.type.scalar} read from ${memory}`);
  return { memory, ...facts };
}

export function emitLoad(w: Writer, e: Of<"load">): void {
  const { memory, shift, load } = memoryOf(w, e);
  const { lanes } = e.type;
  const offset = w.address(e.buffer, e.index);
  if (lanes === 1) {
    w.code.memory(load, shift, offset);
    if (memory === "bool") w.code.i32(0).op(op.i32Ne);
    return;
  }
  switch (lanes << shift) {
    case 16:
      w.code.memory(op.v128Load, shift, offset);
      return;
    case 8:
      if (shift === 1) w.code.memory(op.v128Load16x4u, shift, offset);
      else w.code.memory(op.v128Load64Zero, shift, offset);
      return;
    case 4:
      w.code.memory(op.v128Load32Zero, shift, offset);
      break;
    case 2:
      w.code.memory(op.i32Load16u, shift, offset).op(op.i32x4Splat);
      break;
  }
  if (shift === 0) w.code.op(op.i16x8ExtendLowI8x16U);
  w.code.op(op.i32x4ExtendLowI16x8U);
  interpret(w, memory, lanes);
}

/** What bytes widened to 32 bits without sign stand for. */
function interpret(w: Writer, memory: string, lanes: number): void {
  if (memory === "i8") w.code.i32(24).op(op.i32x4Shl).i32(24).op(op.i32x4ShrS);
  if (memory !== "bool") return;
  w.code.v128(0).op(op.i32x4Ne);
  widenMask(w, lanes);
}

/** A value loaded into all lanes by one instruction; returns whether there is one. */
export function emitLoadSplat(w: Writer, e: Of<"load">): boolean {
  const { shift } = memoryOf(w, e);
  if (shift < 2) return false;
  w.code.memory(shift === 2 ? op.v128Load32Splat : op.v128Load64Splat, shift, w.address(e.buffer, e.index));
  return true;
}

// ---- Gathers

/** Instructions that load an element into the first lane of zeros, and into one lane of a vector, by log₂ of its bytes. */
const laneLoads: Record<number, readonly [first: number | null, other: number]> = {
  0: [null, op.v128Load8Lane],
  1: [null, op.v128Load16Lane],
  2: [op.v128Load32Zero, op.v128Load32Lane],
  3: [op.v128Load64Zero, op.v128Load64Lane],
};

export function emitGather(w: Writer, e: Of<"gather">): void {
  const { memory, shift } = memoryOf(w, e);
  const { lanes } = e.type;
  const [first, other] = laneLoads[shift] as (typeof laneLoads)[0];
  const address = addresses(w, e, shift);
  // Lane loads take the address below the vector.
  const result = w.fresh("v128");
  if (first === null) w.code.v128(0).set(result);
  for (let lane = 0; lane < lanes; lane++) {
    const offset = address(lane);
    if (lane === 0 && first !== null) w.code.memory(first, shift, offset);
    // Narrow elements go into the low bytes of their 32 bits.
    else
      w.code
        .get(result)
        .memory(other, shift, offset)
        .byte(shift < 2 ? (lane * 4) >> shift : lane);
    if (lane < lanes - 1 || first === null) w.code.set(result);
  }
  if (first !== null) return;
  w.code.get(result);
  interpret(w, memory, lanes);
}

/** Of a regular pattern, its first place and how far behind that a lane's is. */
function placesOf(index: Expression): { first: Expression; offset: (lane: number) => number } | null {
  const strided = stridedIndex(index);
  if (strided !== null) return { first: strided.first, offset: (lane) => lane * strided.stride };
  const repeated = repeatedIndex(index);
  return repeated && { first: repeated.first, offset: (lane) => lane >> repeated.shift };
}

/** Pushes the address of a lane's element, and returns what to add to it. */
function addresses(w: Writer, e: Of<"gather">, shift: number): (lane: number) => number {
  const place = shift >= 2 ? placesOf(e.index) : null;
  if (place !== null) {
    const { first, offset } = place;
    return (lane) => {
      const constant: Expression = { kind: "constant", type: first.type, value: offset(lane) };
      const index: Expression =
        constant.value === 0 ? first : { kind: "binary", operation: "add", type: first.type, left: first, right: constant };
      return w.address(e.buffer, index);
    };
  }
  const vector = w.fresh("v128");
  w.value(e.index);
  if (shift > 0) w.code.i32(shift).op(op.i32x4Shl);
  w.code.get(e.buffer).op(op.i32x4Splat).op(op.i32x4Add).set(vector);
  return (lane) => {
    w.code.get(vector).op(op.i32x4ExtractLane).byte(lane);
    return 0;
  };
}

// ---- Stores

/** Instructions that store so many bytes from the beginning of a vector, or one such part of it. */
const stores: Record<number, number> = {
  1: op.v128Store8Lane,
  2: op.v128Store16Lane,
  4: op.v128Store32Lane,
  8: op.v128Store64Lane,
};

export function emitStore(w: Writer, s: Extract<Statement, { kind: "store" }>): void {
  const memory = w.kernel.buffers[s.buffer]?.memory;
  if (memory === undefined) throw w.wrong(`no buffer ${s.buffer}`);
  const { shift, store, scalars } = memoryRows[memory];
  const { scalar, lanes } = s.value.type;
  if (!scalars.includes(scalar)) throw w.wrong(`${scalar} written to ${memory}`);
  const count = lanes === 1 || (s.count?.kind === "constant" && s.count.value >= lanes) ? undefined : s.count;
  w.statement(count === undefined ? [s.value] : [s.value, count], [s.index]);
  const offset = w.address(s.buffer, s.index);
  if (lanes === 1) {
    w.value(s.value);
    w.code.memory(store, shift, offset);
    return;
  }
  const whole = lanes << shift;
  const all = () => {
    if (whole === 16) w.code.memory(op.v128Store, shift, offset);
    else w.code.memory(stores[whole] as number, shift, offset).byte(0);
  };
  if (count === undefined) {
    packed(w, s.value, shift);
    all();
    return;
  }
  const [base, value, left] = [w.fresh("i32"), w.fresh("v128"), w.fresh("i32")];
  w.code.set(base);
  packed(w, s.value, shift);
  w.code.set(value);
  w.value(count);
  w.code.tee(left).i32(lanes).op(op.i32GeS).open(op.if);
  w.code.get(base).get(value);
  all();
  w.code.op(op.else);
  for (let lane = 0; lane < lanes - 1; lane++) {
    if (lane > 0) w.code.get(left).i32(lane).op(op.i32GtS).open(op.if);
    w.code
      .get(base)
      .get(value)
      .memory(stores[1 << shift] as number, shift, offset + (lane << shift))
      .byte(lane);
  }
  for (let lane = 1; lane < lanes - 1; lane++) w.code.end();
  w.code.end();
}

/** Pushes a vector's elements side by side, as they lie in memory. */
function packed(w: Writer, value: Expression, shift: number): void {
  const { scalar, lanes } = value.type;
  const bool = scalar === "bool";
  w.value(value);
  if (bool) w.code.v128(1).op(op.v128And);
  const [from, to] = [scalar === "f64" || (bool && lanes === 2) ? 8 : 4, 1 << shift];
  if (from !== to) shuffle(w, (i) => (Math.floor(i / to) % lanes) * from + (i % to));
}
