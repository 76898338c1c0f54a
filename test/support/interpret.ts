// The oracle of the renderers: a plain interpreter of the loop language and of programs, slow and obviously right.
// Every value is an array of lanes (a scalar is an array of one). float32 is kept by Math.fround after each operation.
// `fma` is a product and a sum, or exact with `fused` (float32 only): compare with a tolerance, or use sums that are exact.
// A buffer is a Uint8Array that begins where the buffer begins; reading or writing past its end throws.

import type { Expression, HostFunction, Kernel, Memory, Operand, Program, Scalar, Statement, Step } from "../../src/graph/kernel.ts";
import { padded } from "../../src/graph/kernel.ts";

/** The status word of a device: `status` is the number of the check that failed plus one, or 0. */
export interface Status {
  status: number;
  detail: number;
}

export interface InterpretOptions {
  /** Round `a * b + c` once for float32. */
  readonly fused?: boolean;
}

type Value = readonly number[];

/** Bytes that hold the elements of an array, padded as a device pads them. */
export function block(data: ArrayBufferView): Uint8Array {
  const bytes = new Uint8Array(padded(data.byteLength));
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return bytes;
}

/** Runs one slice of a kernel; the whole of it by default. */
export function interpretKernel(
  kernel: Kernel,
  buffers: readonly Uint8Array[],
  begin = 0,
  end: number = kernel.extent,
  status: Status = { status: 0, detail: 0 },
  options: InterpretOptions = {},
): void {
  const frame = new Frame(kernel, buffers, status, options);
  frame.variables.set("begin", [begin]);
  frame.variables.set("end", [end]);
  frame.run(kernel.body);
}

/**
 * Runs a program. `table` holds its inputs, then its outputs; the same array twice is an update in place.
 * `strides` are bytes to add to each row after a repetition. Returns the failure as a device does.
 * The table itself is not changed: after an even number of repetitions, exchanged rows have their result in the other array.
 */
export function interpretProgram(
  program: Program,
  table: readonly Uint8Array[],
  repeat = 1,
  strides: readonly number[] = [],
  options: InterpretOptions = {},
): { check: number; value: number; repetition: number } | null {
  const arena = new Uint8Array(program.arenaBytes + 128);
  const status: Status = { status: 0, detail: 0 };
  const rows = [...table];
  const counters = new Map<number, number>();
  for (let repetition = 0; repetition < repeat; repetition++) {
    runSteps(program.steps);
    if (status.status !== 0) return { check: status.status - 1, value: status.detail, repetition };
    for (const [row, stride] of strides.entries()) if (stride !== 0) rows[row] = (rows[row] as Uint8Array).subarray(stride);
    for (const [input, output] of program.exchanges) {
      const kept = rows[input] as Uint8Array;
      rows[input] = rows[output] as Uint8Array;
      rows[output] = kept;
    }
  }
  return null;

  function at(operand: Operand): Uint8Array {
    const buffer = program.buffers[operand.buffer];
    if (buffer === undefined) throw new Error(`no buffer ${operand.buffer}`);
    let offset = 0;
    for (const { counter, bytes } of operand.strides ?? []) offset += counterOf(counter) * bytes;
    return buffer.kind === "table" ? (rows[buffer.index] as Uint8Array).subarray(offset) : arena.subarray(buffer.offset + offset);
  }

  function counterOf(counter: number): number {
    const value = counters.get(counter);
    if (value === undefined) throw new Error(`counter ${counter} outside its loop`);
    return value;
  }

  /** Whether the program was left through a guard. */
  function runSteps(steps: readonly Step[]): boolean {
    for (const step of steps) if (runStep(step)) return true;
    return false;
  }

  function runStep(step: Step): boolean {
    switch (step.kind) {
      case "call": {
        const kernel = program.kernels[step.kernel] as Kernel;
        interpretKernel(kernel, step.operands.map(at), 0, kernel.extent, status, options);
        return false;
      }
      case "copy":
        at(step.to).set(at(step.from).slice(0, step.bytes));
        return false;
      case "loop":
        for (let i = 0; i < step.count; i++) {
          counters.set(step.counter, step.reverse ? step.count - 1 - i : i);
          if (runSteps(step.body)) return true;
        }
        counters.delete(step.counter);
        return false;
      case "while":
        for (;;) {
          if (runSteps(step.test)) return true;
          if (at(step.condition)[0] === 0) return false;
          if (runSteps(step.body)) return true;
        }
      case "if":
        return runSteps(at(step.condition)[0] === 0 ? step.otherwise : step.then);
      case "guard":
        return status.status !== 0;
      case "mark":
        return false;
      case "counter": {
        const target = at(step.to);
        new DataView(target.buffer, target.byteOffset).setInt32(0, counterOf(step.counter), true);
        return false;
      }
    }
  }
}

class Frame {
  readonly variables = new Map<string, Value>();
  readonly views: readonly DataView[];
  readonly kernel: Kernel;
  readonly status: Status;
  readonly options: InterpretOptions;

  constructor(kernel: Kernel, buffers: readonly Uint8Array[], status: Status, options: InterpretOptions) {
    this.kernel = kernel;
    this.views = buffers.map((b) => new DataView(b.buffer, b.byteOffset, b.byteLength));
    this.status = status;
    this.options = options;
  }

  run(statements: readonly Statement[]): void {
    for (const statement of statements) this.statement(statement);
  }

  statement(s: Statement): void {
    switch (s.kind) {
      case "let":
      case "set":
        if (s.kind === "set" && !this.variables.has(s.name)) throw new Error(`set of an unknown variable ${s.name}`);
        this.variables.set(s.name, this.value(s.value));
        return;
      case "store": {
        const index = this.scalar(s.index);
        const value = this.value(s.value);
        const count = s.count === undefined ? value.length : Math.min(this.scalar(s.count), value.length);
        for (let i = 0; i < count; i++) this.write(s.buffer, index + i, value[i] as number);
        return;
      }
      case "loop": {
        const end = this.scalar(s.end);
        for (let i = this.scalar(s.start); i < end; i += s.step) {
          this.variables.set(s.variable, [i]);
          this.run(s.body);
        }
        return;
      }
      case "while":
        while (this.scalar(s.condition) !== 0) this.run(s.body);
        return;
      case "if":
        this.run(this.scalar(s.condition) !== 0 ? s.then : s.otherwise);
        return;
      case "flag":
        if (this.scalar(s.condition) !== 0 && this.status.status === 0) {
          this.status.status = s.check + 1;
          this.status.detail = this.scalar(s.value);
        }
        return;
    }
  }

  scalar(e: Expression): number {
    const value = this.value(e);
    if (value.length !== 1) throw new Error(`a scalar is needed, got ${value.length} lanes in ${e.kind}`);
    return value[0] as number;
  }

  value(e: Expression): Value {
    const value = this.lanes(e);
    if (value.length !== e.type.lanes) throw new Error(`${e.kind} gives ${value.length} lanes, its type says ${e.type.lanes}`);
    return value.map((v) => round(v, e.type.scalar, e.type.lanes));
  }

  lanes(e: Expression): Value {
    const { scalar, lanes } = e.type;
    switch (e.kind) {
      case "constant":
        return new Array(lanes).fill(truth(scalar, lanes, e.value));
      case "variable": {
        const value = this.variables.get(e.name);
        if (value === undefined) throw new Error(`unknown variable ${e.name}`);
        return value;
      }
      case "load": {
        const index = this.scalar(e.index);
        const count = e.count === undefined ? lanes : this.scalar(e.count);
        // What lies behind the lanes that count may be anything.
        return Array.from({ length: lanes }, (_, i) => truth(scalar, lanes, i < count ? this.read(e.buffer, index + i) : 77 - 13 * i));
      }
      case "gather":
        return this.value(e.index).map((index) => truth(scalar, lanes, this.read(e.buffer, index)));
      case "unary":
        return this.value(e.value).map((v) => unary(e.operation, v, scalar, lanes));
      case "binary": {
        const right = this.value(e.right);
        const of = e.left.type.scalar;
        // Booleans compare as 0 and 1, whatever their lanes hold.
        const plain = (v: number): number => (of === "bool" && v !== 0 ? 1 : v);
        return this.value(e.left).map((l, i) => truth(scalar, lanes, binary(e.operation, plain(l), plain(right[i] as number), of)));
      }
      case "select": {
        const yes = this.value(e.yes);
        const no = this.value(e.no);
        return this.value(e.condition).map((c, i) => (c !== 0 ? yes[i] : no[i]) as number);
      }
      case "fma": {
        const b = this.value(e.b);
        const c = this.value(e.c);
        return this.value(e.a).map((a, i) => this.fma(a, b[i] as number, c[i] as number, scalar));
      }
      case "cast":
        return this.value(e.value).map((v) => cast(v, e.value.type.scalar, scalar, lanes));
      case "bitcast":
        return this.value(e.value).map((v) => bitcast(v, e.value.type.scalar, scalar));
      case "splat":
        return new Array(lanes).fill(truth(scalar, lanes, this.scalar(e.value)));
      case "lane": {
        const value = this.value(e.value)[e.lane];
        if (value === undefined) throw new Error(`no lane ${e.lane}`);
        return [truth(scalar, 1, value)];
      }
      case "ramp": {
        const first = this.scalar(e.value);
        return Array.from({ length: lanes }, (_, i) => first + i);
      }
      case "host":
        return this.host(
          e.function,
          e.arguments.map((a) => this.value(a)),
        );
    }
  }

  host(name: HostFunction, values: readonly Value[]): Value {
    return (values[0] as Value).map((_, i) =>
      host(
        name,
        values.map((v) => v[i] as number),
      ),
    );
  }

  fma(a: number, b: number, c: number, scalar: Scalar): number {
    if (scalar !== "f32") return a * b + c;
    return this.options.fused ? fusedFloat32(a, b, c) : Math.fround(a * b) + c;
  }

  memory(buffer: number): Memory {
    const memory = this.kernel.buffers[buffer]?.memory;
    if (memory === undefined) throw new Error(`no buffer ${buffer}`);
    return memory;
  }

  read(buffer: number, index: number): number {
    const view = this.views[buffer] as DataView;
    switch (this.memory(buffer)) {
      case "f32":
        return view.getFloat32(index * 4, true);
      case "f64":
        return view.getFloat64(index * 8, true);
      case "i32":
        return view.getInt32(index * 4, true);
      case "u32":
        return view.getUint32(index * 4, true);
      case "u16":
        return view.getUint16(index * 2, true);
      case "i8":
        return view.getInt8(index);
      case "u8":
      case "bool":
        return view.getUint8(index);
    }
  }

  write(buffer: number, index: number, value: number): void {
    const view = this.views[buffer] as DataView;
    switch (this.memory(buffer)) {
      case "f32":
        view.setFloat32(index * 4, value, true);
        break;
      case "f64":
        view.setFloat64(index * 8, value, true);
        break;
      case "i32":
        view.setInt32(index * 4, value, true);
        break;
      case "u32":
        view.setUint32(index * 4, value, true);
        break;
      case "u16":
        view.setUint16(index * 2, value, true);
        break;
      case "i8":
      case "u8":
        view.setUint8(index, value & 255);
        break;
      case "bool":
        view.setUint8(index, value === 0 ? 0 : 1);
        break;
    }
  }
}

/** For `bool`: 0 or 1 as a scalar, 0 or −1 as a lane. Other types pass. */
function truth(scalar: Scalar, lanes: number, value: number): number {
  if (scalar !== "bool") return value;
  return value === 0 ? 0 : lanes === 1 ? 1 : -1;
}

function round(value: number, scalar: Scalar, lanes: number): number {
  switch (scalar) {
    case "f32":
      return Math.fround(value);
    case "f64":
      return value;
    case "i32":
      return value | 0;
    case "u32":
      return value >>> 0;
    case "bool":
      return truth("bool", lanes, value);
  }
}

function unary(operation: string, v: number, scalar: Scalar, lanes: number): number {
  switch (operation) {
    case "neg":
      return -v;
    case "abs":
      return Math.abs(v);
    case "sqrt":
      return Math.sqrt(v);
    case "floor":
      return Math.floor(v);
    case "ceil":
      return Math.ceil(v);
    case "trunc":
      return Math.trunc(v);
    case "nearest":
      return nearest(v);
    case "not":
      return scalar === "bool" ? truth("bool", lanes, v === 0 ? 1 : 0) : ~v;
  }
  throw new Error(`unknown operation ${operation}`);
}

function nearest(v: number): number {
  if (!Number.isFinite(v) || Math.abs(v) >= 2 ** 52) return v;
  const low = Math.floor(v);
  const rest = v - low;
  const result = rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
  return result === 0 && (v < 0 || Object.is(v, -0)) ? -0 : result;
}

function binary(operation: string, l: number, r: number, of: Scalar): number {
  const float = of === "f32" || of === "f64";
  switch (operation) {
    case "add":
      return l + r;
    case "sub":
      return l - r;
    case "mul":
      return float ? l * r : Math.imul(l, r);
    case "div":
      if (float) return l / r;
      return r === 0 ? 0 : Math.trunc(l / r);
    case "rem":
      if (float) throw new Error("rem is for integers");
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
      return l << (r & 31);
    case "shr":
      return of === "u32" ? l >>> (r & 31) : l >> (r & 31);
    case "eq":
      return l === r ? 1 : 0;
    case "ne":
      return l !== r ? 1 : 0;
    case "lt":
      return l < r ? 1 : 0;
    case "le":
      return l <= r ? 1 : 0;
  }
  throw new Error(`unknown operation ${operation}`);
}

function cast(v: number, from: Scalar, to: Scalar, lanes: number): number {
  if (from === "bool") return truth(to, lanes, v === 0 ? 0 : 1);
  if (to === "bool") return truth(to, lanes, v !== 0 ? 1 : 0);
  if ((from === "f32" || from === "f64") && (to === "i32" || to === "u32")) {
    const [low, high] = to === "i32" ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
    return Number.isNaN(v) ? 0 : Math.min(Math.max(Math.trunc(v), low), high);
  }
  return v;
}

const word = new DataView(new ArrayBuffer(8));

function bitcast(v: number, from: Scalar, to: Scalar): number {
  if (from === "f32") word.setFloat32(0, v);
  else word.setInt32(0, v);
  return to === "f32" ? word.getFloat32(0) : to === "u32" ? word.getUint32(0) : word.getInt32(0);
}

/** a·b + c rounded once to float32: the product is exact in float64, the sum is rounded to odd there, then to float32. */
export function fusedFloat32(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  if (!Number.isFinite(sum)) return Math.fround(sum);
  const part = sum - product;
  const error = product - (sum - part) + (c - part);
  if (error === 0) return Math.fround(sum);
  word.setFloat64(0, sum);
  if ((word.getUint32(4) & 1) === 0) {
    const bits = word.getBigInt64(0);
    word.setBigInt64(0, bits + (error > 0 === sum > 0 ? 1n : -1n));
  }
  return Math.fround(word.getFloat64(0));
}

function host(name: HostFunction, a: readonly number[]): number {
  if (name === "erf") return erf(a[0] as number);
  if (name === "erfc") return erfc(a[0] as number);
  return (Math[name] as (...x: number[]) => number)(...a);
}

/** The error function: a series of positive terms, then 1 beyond the reach of float64. */
function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** Its complement; beyond 2 the continued fraction. */
function erfc(x: number): number {
  if (!(x >= 2)) return 1 - erf(x);
  let rest = 0;
  for (let n = 200; n > 0; n--) rest = n / 2 / (x + rest);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + rest);
}
