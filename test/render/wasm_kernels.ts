// Random kernels of the loop language, made from a tape of numbers, so that fast-check shrinks them by shortening the tape: an
// exhausted tape always gives the first, simplest choice. Every kernel is well typed, ends, and stays inside its buffers.

import type { BinaryOperation, Expression, Kernel, Memory, Scalar, Statement, UnaryOperation, ValueType } from "../../src/graph/kernel.ts";
import * as l from "../support/language.ts";

/** Every kernel has these buffers, `elements` long: inputs, then outputs. */
export const memories: readonly Memory[] = ["f32", "i32", "u32", "u8", "bool", "f64", "i8", "u16"];
const narrow: readonly Memory[] = ["u8", "i8", "u16"];
export const elements = 320;

const bytes: Record<Memory, number> = { f32: 4, i32: 4, u32: 4, u16: 2, u8: 1, i8: 1, bool: 1, f64: 8 };

const interesting = [0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, 1e-40, 1e38, -1e38, 3e9, -3e9, 2147483648, 1e10, 16777217];

/** The buffers' contents, inputs and outputs, made from a seed. Extreme values are frequent. */
export function randomBuffers(seed: number): Uint8Array[] {
  let state = seed | 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state >>> 8;
  };
  return [...memories, ...memories].map((memory) => {
    const view = new DataView(new ArrayBuffer(Math.ceil((elements * bytes[memory]) / 64) * 64 + 64));
    for (let i = 0; i < elements; i++) {
      const pick = next() % 24;
      const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, ...interesting][next() % 21] as number;
      const float = pick < 6 ? special : ((next() % 4001) - 2000) / 16;
      const integer = pick < 3 ? ([0, -1, -2147483648, 2147483647, 32, 31][next() % 6] as number) : (next() % 41) - 20;
      if (memory === "f32") view.setFloat32(i * 4, float, true);
      else if (memory === "f64") view.setFloat64(i * 8, float, true);
      else if (memory === "u8" || memory === "i8") view.setUint8(i, next() & 255);
      else if (memory === "u16") view.setUint16(i * 2, next() & 65535, true);
      else if (memory === "bool") view.setUint8(i, next() & 1);
      else view.setInt32(i * 4, integer, true);
    }
    return new Uint8Array(view.buffer);
  });
}

export interface RandomKernelOptions {
  /** Whether float64 is multiplied and added in one operation, too. */
  readonly fma64: boolean;
  /** Whether there are vectors of float64. Default false. */
  readonly doubles?: boolean;
}

/** A kernel whose outer loop takes steps of `lanes`. */
export function randomKernel(tape: readonly number[], lanes: number, options: RandomKernelOptions): Kernel {
  return new Maker(tape, lanes, options).kernel();
}

interface Known {
  readonly name: string;
  readonly type: ValueType;
  readonly mutable: boolean;
}

class Maker {
  private readonly tape: readonly number[];
  private readonly lanes: number;
  private readonly options: RandomKernelOptions;
  /** What there are vectors of. */
  private readonly inVectors: readonly Scalar[];
  private at = 0;
  private names = 0;
  private size = 0;
  private readonly known: Known[] = [];
  /** Loop variables and variables that hold sums of them, with their largest values. */
  private readonly indices: { name: string; most: number }[] = [];

  constructor(tape: readonly number[], lanes: number, options: RandomKernelOptions) {
    this.tape = tape;
    this.lanes = lanes;
    this.options = options;
    this.inVectors = options.doubles || lanes === 1 ? ["f32", "i32", "u32", "bool", "f64"] : ["f32", "i32", "u32", "bool"];
  }

  kernel(): Kernel {
    const extent = 1 + this.next(24);
    const body = this.within({ name: "i", most: extent - 1 }, () => [
      ...this.block(3),
      this.output("i", l.sub(l.end, "i")),
      this.output("i", l.sub(l.end, "i")),
    ]);
    return l.kernel([...memories, ...memories.map((m) => `${m}!`)], extent, [l.loop("i", l.begin, l.end, this.lanes, body)]);
  }

  private next(choices: number): number {
    return (this.tape[this.at++] ?? 0) % choices;
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.next(list.length)] as T;
  }

  private fresh(): string {
    return `v${this.names++}`;
  }

  private within<T>(index: { name: string; most: number }, make: () => T): T {
    const indices = this.indices.length;
    const known = this.known.length;
    this.indices.push(index);
    const result = make();
    this.indices.length = indices;
    this.known.length = known;
    return result;
  }

  /** A type with the kernel's lanes, or a scalar. */
  private type(): ValueType {
    const scalar = this.pick<Scalar>(["f32", "i32", "bool", "u32", "f64"]);
    return { scalar, lanes: !this.inVectors.includes(scalar) || this.next(3) === 1 ? 1 : this.lanes };
  }

  private block(depth: number): Statement[] {
    const count = this.next(4);
    return Array.from({ length: count }, () => this.statement(depth)).flat();
  }

  private statement(depth: number): Statement[] {
    this.size++;
    switch (this.next(depth > 0 && this.size < 60 ? 9 : 4)) {
      case 0:
      case 1: {
        const type = this.type();
        const value = this.expression(type, 3);
        const name = this.fresh();
        this.known.push({ name, type, mutable: this.next(2) === 1 });
        return [l.define(name, value)];
      }
      case 2: {
        const mutable = this.known.filter((k) => k.mutable);
        if (mutable.length === 0) return [];
        const { name, type } = this.pick(mutable);
        return [l.set(name, this.expression(type, 3))];
      }
      case 3:
        return [this.output(this.index(), this.next(2) === 0 ? undefined : this.count())];
      case 4: {
        const name = this.fresh();
        const from = this.next(3);
        const to = this.next(6);
        const step = 1 + this.next(2);
        const ends = this.next(2) === 0 ? l.int(to) : l.binary("and", this.expression(l.i32, 1), l.int(3));
        const body = this.within({ name, most: 6 }, () => this.block(depth - 1));
        return [l.loop(name, from, ends, step, body)];
      }
      case 5: {
        const condition = this.expression(l.bool, 2);
        const then = this.scoped(() => this.block(depth - 1));
        return [{ kind: "if", condition, then, otherwise: this.scoped(() => this.block(depth - 1)) }];
      }
      case 6: {
        const name = this.fresh();
        const bound = l.binary("lt", l.int(name), l.int(this.next(4)));
        const body = this.scoped(() => this.block(depth - 1));
        const condition = this.next(2) === 0 ? bound : l.binary("and", bound, this.expression(l.bool, 1));
        return [l.define(name, l.int(0)), { kind: "while", condition, body: [...body, l.set(name, l.add(name, 1))] }];
      }
      case 7:
        return [{ kind: "flag", check: this.next(5), condition: this.expression(l.bool, 2), value: this.expression(l.i32, 2) }];
      default: {
        // A variable that stands for a sum, for addresses to see through.
        const known = this.pick(this.indices);
        const name = this.fresh();
        const factor = this.next(3);
        if (known.most * factor > 60) return [];
        this.indices.push({ name, most: known.most * factor + 5 });
        return [l.define(name, l.add(l.mul(known.name, factor), this.next(6)))];
      }
    }
  }

  private scoped<T>(make: () => T): T {
    const known = this.known.length;
    const indices = this.indices.length;
    const result = make();
    this.known.length = known;
    this.indices.length = indices;
    return result;
  }

  private output(index: string | Expression, count: Expression | undefined): Statement {
    const memory = this.next(memories.length);
    const chosen = memories[memory] as Memory;
    const scalar: Scalar = narrow.includes(chosen) ? "i32" : (chosen as Scalar);
    const type: ValueType = { scalar, lanes: this.inVectors.includes(scalar) ? this.lanes : 1 };
    return l.store(memories.length + memory, index, this.expression(type, 4), count);
  }

  private count(): Expression {
    return this.next(2) === 0 ? l.int(1 + this.next(5)) : l.add(l.binary("and", this.expression(l.i32, 1), l.int(3)), 1);
  }

  /** An index from 0 to `elements` − lanes. */
  private index(): Expression {
    let sum: Expression = l.int(this.next(40));
    let most = 40;
    const terms = this.next(4);
    for (let i = 0; i < terms; i++) {
      const { name, most: value } = this.pick(this.indices);
      const factor = 1 + this.next(3);
      if (most + value * factor > 200) continue;
      most += value * factor;
      switch (this.next(4)) {
        case 0:
          sum = l.add(sum, l.mul(name, factor));
          break;
        case 1:
          sum = l.add(l.mul(factor, name), sum);
          break;
        case 2: // Counts down.
          sum = l.sub(l.add(sum, value * factor), l.mul(factor, name));
          break;
        default:
          sum = l.add(sum, l.binary(this.pick<BinaryOperation>(["div", "rem", "and"]), l.int(name), l.int(factor + 1)));
      }
    }
    if (this.next(4) === 3) sum = l.add(sum, l.binary("and", this.expression(l.i32, 1), l.int(63)));
    return sum;
  }

  private leaf(type: ValueType): Expression {
    const { scalar, lanes } = type;
    const same = this.known.filter((k) => k.type.scalar === scalar && k.type.lanes === lanes);
    switch (this.next(3)) {
      case 0: {
        const memory = scalar === "i32" && this.next(3) === 2 ? memories.indexOf(this.pick(narrow)) : memories.indexOf(scalar);
        return l.load(type, memory + (this.next(4) === 3 ? memories.length : 0), this.index());
      }
      case 1:
        if (same.length > 0) return l.variable(type, this.pick(same).name);
        if (scalar === "i32" && lanes === 1) return l.int(this.pick(this.indices).name);
        break;
      default:
        break;
    }
    // Zeros come from memory: with a zero written down, the sign of a minimum or maximum of zeros is free.
    if (scalar === "f32" || scalar === "f64") return l.constant(type, this.pick(interesting.filter((x) => x !== 0)));
    if (scalar === "bool") return l.constant(type, this.next(2));
    return l.constant(type, this.pick([0, 1, -1, 2, 7, 31, 33, -5, -2147483648, 2147483647]));
  }

  expression(type: ValueType, depth: number): Expression {
    const { scalar, lanes } = type;
    this.size++;
    if (depth === 0 || this.size > 400 || this.next(4) === 0) return this.leaf(type);
    const inner = (t: ValueType = type): Expression => this.expression(t, depth - 1);
    if (lanes === 1 && this.inVectors.includes(scalar) && this.lanes > 1 && this.next(8) === 7)
      return l.lane(inner({ scalar, lanes: this.lanes }), this.next(this.lanes));
    if (lanes > 1 && this.next(8) === 7) return l.splat(inner({ scalar, lanes: 1 }), lanes);
    switch (this.next(6)) {
      case 0:
        return this.binary(type, inner);
      case 1:
        return this.unary(type, inner);
      case 2:
        return l.select(inner({ scalar: "bool", lanes }), inner(), inner());
      case 3:
        return this.cast(type, inner);
      case 4:
        if (scalar === "f32" || (scalar === "f64" && this.options.fma64)) return l.fma(inner(), inner(), inner());
        if (scalar === "i32" && lanes > 1) return l.ramp(inner({ scalar: "i32", lanes: 1 }), lanes);
        return this.binary(type, inner);
      default: {
        if (lanes > 1) {
          const memory = memories.indexOf(scalar === "i32" && this.next(2) === 1 ? this.pick(narrow) : scalar);
          return l.gather(type, memory, l.binary("and", inner({ scalar: "i32", lanes }), l.constant({ scalar: "i32", lanes }, 255)));
        }
        return this.leaf(type);
      }
    }
  }

  private binary(type: ValueType, inner: (t?: ValueType) => Expression): Expression {
    const { scalar, lanes } = type;
    if (scalar === "bool") {
      if (this.next(2) === 0) return l.binary(this.pick<BinaryOperation>(["and", "or", "xor", "eq", "ne", "min", "max"]), inner(), inner());
      const of = this.pick<Scalar>(lanes === 1 ? ["f32", "i32", "u32", "bool", "f64"] : this.inVectors);
      return l.binary(this.pick<BinaryOperation>(["lt", "le", "eq", "ne"]), inner({ scalar: of, lanes }), inner({ scalar: of, lanes }));
    }
    const integer = scalar === "i32" || scalar === "u32";
    const floats: BinaryOperation[] = ["add", "sub", "mul", "min", "max", "div"];
    return l.binary(this.pick(integer ? [...floats, "rem", "and", "or", "xor", "shl", "shr"] : floats), inner(), inner());
  }

  private unary(type: ValueType, inner: () => Expression): Expression {
    const integers: UnaryOperation[] = ["neg", "abs", "not"];
    const floats: UnaryOperation[] = ["neg", "abs", "sqrt", "floor", "ceil", "trunc", "nearest"];
    if (type.scalar === "bool") return l.unary("not", inner());
    return l.unary(this.pick(type.scalar === "f32" || type.scalar === "f64" ? floats : integers), inner());
  }

  private cast(type: ValueType, inner: (t: ValueType) => Expression): Expression {
    const { scalar, lanes } = type;
    const from: ValueType = {
      scalar: this.pick<Scalar>(lanes === 1 ? ["f32", "i32", "u32", "bool", "f64"] : this.inVectors),
      lanes,
    };
    const value = inner(from);
    const integers: readonly Scalar[] = ["i32", "u32"];
    if (this.next(3) !== 2 || scalar === "bool" || scalar === "f64" || from.scalar === "bool" || from.scalar === "f64")
      return l.cast(type, value);
    if (scalar === "f32" && from.scalar === "f32") return value;
    if (integers.includes(scalar) && from.scalar === "f32") {
      // The bits of a NaN are nobody's promise.
      const safe = l.select(l.binary("eq", value, value), value, l.constant(from, 1));
      return l.bitcast(type, safe);
    }
    return l.bitcast(type, value);
  }
}
