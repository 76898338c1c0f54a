// compile: a function of tensors becomes a program. The first call with some types of arguments traces it; the next ones match
// the trace, gather storages and run. Tensors, typed arrays and numbers are data; everything else is part of the key.

import { Entry } from "../engine/compiled.ts";
import { context } from "../engine/context.ts";
import { checkName, currentDevice, type DeviceName, deviceOf } from "../engine/devices.ts";
import { tuneUnasked } from "../engine/environment.ts";
import { release } from "../engine/memory.ts";
import { realize } from "../engine/realize.ts";
import { countTrace } from "../engine/stats.ts";
import { type Type, traceFunction } from "../engine/trace.ts";
import { buffer } from "../graph/build.ts";
import { bytesOf, type DType, type TypedArray, type TypedArrayOf } from "../graph/dtype.ts";
import { printRegion } from "../graph/print.ts";
import { type Shape, sameShape, showShape, sizeOf } from "../graph/shape.ts";
import { Storage } from "../graph/storage.ts";
import { mistake, UnsupportedError } from "../util/errors.ts";
import { tensor } from "./create.ts";
import { Tensor, wrap } from "./tensor.ts";
import { flatten, isPlain, type Template, unflatten } from "./tree.ts";
import type { AnyTensor } from "./types.ts";
import { Variable } from "./variable.ts";

/** Why a parameter cannot be typed `number`: a number is data, and the function is given a tensor. */
interface NumbersAreData {
  readonly "a number argument reaches the function as a tensor: type the parameter Tensor": never;
}

/** What a call may pass for a parameter: for a tensor also plain data of one axis or none; anything else as it is. */
export type Feed<T> =
  T extends Variable<DType>
    ? T
    : T extends Tensor<infer D extends DType>
      ? Tensor<D> | number | TypedArrayOf[D]
      : T extends (...args: never[]) => unknown
        ? T
        : T extends object
          ? { readonly [K in keyof T]: Feed<T[K]> }
          : T;

export type Feeds<A extends readonly unknown[]> = { readonly [K in keyof A]: A[K] extends number ? NumbersAreData : Feed<A[K]> };

export interface CompileOptions {
  /** Where it runs; default the device that `setDevice` chose. */
  readonly device?: DeviceName | "auto";
  /** For messages and profiles; default the function's name. */
  readonly name?: string;
  /**
   * Whether the tiles of its contractions are chosen by timing them on this machine (some tenths of a second for each shape, once: winners
   * are kept on the disk). The results have the same bits. Default false, or true where the environment has `DOWNHILL_TUNE=1`. In a page it does nothing.
   */
  readonly tune?: boolean;
}

export interface RepeatOptions {
  /** Positions of arguments whose tensors are cut along axis 0, one part for each repetition; the others stay the same. */
  readonly sliced?: readonly number[];
}

/** A function that runs as one program. */
export interface Compiled<A extends readonly unknown[], R> {
  (...args: Feeds<A>): R;
  /** Runs the program so many times in one call. Variables go on from one repetition to the next; results are stacked along axis 0. */
  repeat(count: number, args: Feeds<A>, options?: RepeatOptions): R;
  /** How often the function was traced so far. */
  readonly traces: number;
  /** The program that a call with these arguments runs. */
  program(...args: Feeds<A>): ProgramInfo;
}

export interface ProgramInfo {
  /** The graph, as text. */
  print(): string;
  /**
   * Bytes of what goes in, comes out, and lies between: the arena, and beside it the most of it that is in use at one time, which no
   * arrangement could do without. 0 for both on the reference device.
   */
  memory(): { readonly inputs: number; readonly outputs: number; readonly arena: number; readonly lowerBound: number };
}

/** Traces of one function after which it says that something is wrong. */
const manyTraces = 8;
/** Traces of one function that are kept; the one unused for longest goes first. */
const mostTraces = 256;

type Data = AnyTensor | TypedArray | number;

interface Signature {
  readonly template: Template;
  readonly types: readonly Type[];
  /** For each argument of the function: whether it is cut along axis 0; null for an ordinary call. */
  readonly sliced: readonly boolean[] | null;
  readonly entry: Entry;
  readonly result: Template;
}

/**
 * Compiles a function of tensors into one program per kind of arguments: forward, backward, updates of variables and all.
 *
 * The function is traced at the first call. It must be a pure recipe: it may read and assign variables, but values from
 * outside that are no tensors are baked in when it is traced. Tensors from outside become inputs of the program.
 *
 * @param fn takes tensors (in arrays or plain objects too) and returns tensors likewise.
 * @param options device and name.
 * @throws UserError `TRACED` where it reads a tensor's value, and whatever the function throws; then nothing has changed.
 * @example
 * const step = compile((x: Tensor, y: Tensor) => {
 *   const loss = x.matmul(W).sub(y).square().mean();
 *   const [dW] = gradients(loss, [W]);
 *   W.assign(W.sub(dW.mul(0.1)));
 *   return loss;
 * });
 * const loss = step(X, Y);
 */
export function compile<A extends readonly unknown[], R>(fn: (...args: A) => R, options: CompileOptions = {}): Compiled<A, R> {
  if (typeof fn !== "function") throw mistake("OPTION", { where: "compile", problem: "needs a function", got: fn });
  if (options.device !== undefined && options.device !== "auto") checkName("compile", options.device);
  if (options.tune !== undefined && typeof options.tune !== "boolean")
    throw mistake("OPTION", { where: "compile", problem: "tune is true or false", got: options.tune });
  const implementation = new Implementation(fn as unknown as (...args: unknown[]) => unknown, options);
  const call = (...args: unknown[]): unknown => implementation.call(args, null, 1);
  return Object.defineProperties(call, {
    name: { value: implementation.name },
    traces: { get: () => implementation.traces },
    repeat: {
      value: (count: number, args: readonly unknown[], { sliced = [] }: RepeatOptions = {}) => implementation.repeat(count, args, sliced),
    },
    program: { value: (...args: unknown[]) => implementation.program(args) },
  }) as unknown as Compiled<A, R>;
}

class Implementation {
  readonly name: string;
  traces = 0;
  readonly #fn: (...args: unknown[]) => unknown;
  readonly #device: DeviceName | "auto" | undefined;
  readonly #tune: boolean;
  readonly #signatures: Signature[] = [];
  /** Data of the call under way. */
  readonly #data: Data[] = [];

  constructor(fn: (...args: unknown[]) => unknown, options: CompileOptions) {
    this.#fn = fn;
    this.#tune = options.tune ?? tuneUnasked();
    this.name = options.name ?? (fn.name === "" ? "compiled function" : fn.name);
    this.#device = options.device;
  }

  call(args: readonly unknown[], sliced: readonly boolean[] | null, count: number): unknown {
    // Inside another traced function it is just a function.
    if (context.recorder !== null) return this.#fn(...args.map(lift));
    const signature = this.#find(args, sliced, count) ?? this.#trace(args, sliced, count);
    return run(signature, this.#data, count);
  }

  repeat(count: number, args: readonly unknown[], sliced: readonly number[]): unknown {
    const where = `${this.name}.repeat`;
    if (!Number.isInteger(count) || count < 1)
      throw mistake("OPTION", { where, problem: "the count must be a positive integer", got: count });
    if (!Array.isArray(args))
      throw mistake("OPTION", { where, problem: "needs the arguments as an array", got: args, advice: "repeat(100, [x, y])." });
    for (const i of sliced)
      if (!Number.isInteger(i) || i < 0 || i >= args.length)
        throw mistake("OPTION", { where, problem: "sliced names no argument", got: i, expected: `0 to ${args.length - 1}` });
    if (context.recorder !== null)
      throw new UnsupportedError("TRACED", `${where}: cannot be called inside another traced function. Use scan there.`);
    return this.call(
      args,
      args.map((_, i) => sliced.includes(i)),
      count,
    );
  }

  program(args: readonly unknown[]): ProgramInfo {
    const { entry } = this.#find(args, null, 1) ?? this.#trace(args, null, 1);
    this.#data.length = 0;
    const bytes = (types: readonly Type[]) => types.reduce((sum, t) => sum + sizeOf(t.shape) * bytesOf(t.dtype), 0);
    return {
      print: () => printRegion(entry.region),
      memory: () => {
        const { bytes: arena, lowerBound } = entry.loaded.arena;
        return { inputs: bytes(entry.region.parameters), outputs: bytes(entry.region.results), arena, lowerBound };
      },
    };
  }

  #currentDevice() {
    return this.#device === undefined || this.#device === "auto" ? currentDevice() : deviceOf(this.#device);
  }

  /** A trace that fits the call, the last one used first; leaves the call's data in `#data`. */
  #find(args: readonly unknown[], sliced: readonly boolean[] | null, count: number): Signature | undefined {
    const device = this.#currentDevice();
    const list = this.#signatures;
    for (let i = 0; i < list.length; i++) {
      const signature = list[i] as Signature;
      if (signature.entry.device !== device || !signature.entry.valid()) continue;
      this.#data.length = 0;
      if (!this.#fits(signature, args, sliced, count)) continue;
      if (i > 0) {
        list.splice(i, 1);
        list.unshift(signature);
      }
      return signature;
    }
    return undefined;
  }

  #fits(signature: Signature, args: readonly unknown[], sliced: readonly boolean[] | null, count: number): boolean {
    const { template, types } = signature;
    if ((sliced === null) !== (signature.sliced === null) || template.kind !== "array" || template.items.length !== args.length)
      return false;
    for (let i = 0; i < args.length; i++) {
      const cut = sliced !== null && (sliced[i] as boolean);
      if (sliced !== null && cut !== signature.sliced?.[i]) return false;
      if (!matches(template.items[i] as Template, args[i], types, this.#data, cut ? count : 0)) return false;
    }
    return true;
  }

  #trace(args: readonly unknown[], sliced: readonly boolean[] | null, count: number): Signature {
    const device = this.#currentDevice();
    this.#data.length = 0;
    const types: Type[] = [];
    const items = args.map((arg, i) => {
      const flat = flatten(arg, dataOf);
      const offset = this.#data.length;
      for (const value of flat.leaves) {
        this.#data.push(value);
        types.push(typeOf(this.name, value, sliced?.[i] === true ? count : 0));
      }
      return shifted(flat.template, offset);
    });
    const template: Template = { kind: "array", items };
    let result: Template = { kind: "static", value: undefined };
    const traced = traceFunction(this.name, types, (parameters) => {
      const inputs = parameters.map((node) => wrap<DType>(node));
      const returned = this.#fn(...(unflatten(template, inputs) as unknown[]));
      if (returned instanceof Promise) {
        // What it comes to is nobody's business any more.
        returned.catch(() => {});
        throw mistake("OPTION", {
          where: this.name,
          problem: "a traced function cannot be async",
          advice: "Await outside, and pass tensors in.",
        });
      }
      const flat = flatten(returned, (x) => (x instanceof Tensor ? (x as AnyTensor) : undefined));
      result = flat.template;
      return flat.leaves.map((t) => t.node);
    });
    const signature = { template, types, sliced, entry: new Entry(traced, device, { stacked: sliced !== null, tune: this.#tune }), result };
    this.#signatures.unshift(signature);
    if (this.#signatures.length > mostTraces) this.#signatures.pop();
    this.#count();
    return signature;
  }

  #count(): void {
    countTrace();
    if (++this.traces !== manyTraces + 1) return;
    console.warn(
      `Downhill: ${this.name} was traced ${this.traces} times. Each new shape, dtype, mode or static argument compiles another program: keep shapes fixed, and pass what changes as a tensor or a scalar().`,
    );
  }
}

function run(signature: Signature, data: Data[], count: number): unknown {
  const { entry, sliced } = signature;
  const temporary: Storage[] = [];
  const storages = new Array<Storage>(data.length);
  let pending = false;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as Data;
    if (value instanceof Tensor) {
      const { storage } = value.node;
      if (storage === null) pending = true;
      else storages[i] = storage;
    } else {
      storages[i] = storageOf(value);
      temporary.push(storages[i] as Storage);
    }
  }
  if (pending) {
    const waiting = [...data.keys()].filter((i) => storages[i] === undefined);
    const computed = realize(
      waiting.map((i) => (data[i] as AnyTensor).node),
      entry.device,
    );
    waiting.forEach((i, j) => {
      storages[i] = computed[j] as Storage;
    });
  }
  try {
    const results = entry.run(storages, count, sliced === null ? null : stridesOf(signature, data));
    const leaves = results.map((storage, i) => {
      const own = temporary.includes(storage) ? new Storage(storage.dtype, storage.length, storage.host?.slice() ?? null) : storage;
      const shape = entry.resultShapes[i] as Shape;
      return new Tensor<DType>(buffer(own, sliced === null ? shape : [count, ...shape]));
    });
    return unflatten(signature.result, leaves);
  } finally {
    data.length = 0;
    for (const storage of temporary) release(storage);
  }
}

function stridesOf({ template, types, sliced }: Signature, data: readonly Data[]): number[] {
  const strides = new Array<number>(data.length).fill(0);
  const visit = (t: Template): void => {
    if (t.kind === "leaf") {
      const type = types[t.index] as Type;
      strides[t.index] = sizeOf(type.shape) * bytesOf(type.dtype);
    } else if (t.kind === "array") t.items.forEach(visit);
    else if (t.kind === "object") for (const [, item] of t.entries) visit(item);
  };
  if (template.kind === "array") for (const [i, item] of template.items.entries()) if (sliced?.[i] === true) visit(item);
  return strides;
}

// ---- Arguments

/** What counts as data; a variable is itself, so that the function can assign it. */
function dataOf(value: unknown): Data | undefined {
  if (typeof value === "number") return value;
  if (value instanceof Tensor) return value instanceof Variable ? undefined : (value as AnyTensor);
  return ArrayBuffer.isView(value) && !(value instanceof DataView) ? (value as TypedArray) : undefined;
}

function dtypeOfArray(array: TypedArray): DType | null {
  if (array instanceof Float32Array || array instanceof Float64Array) return "float32";
  if (array instanceof Int32Array) return "int32";
  if (array instanceof Uint8Array) return "uint8";
  return (array as unknown) instanceof Uint32Array ? "uint32" : null;
}

/** The type of a piece of data; with `count` that of one part of it along axis 0. */
function typeOf(where: string, value: Data, count: number): Type {
  const whole = wholeType(where, value);
  if (count === 0) return whole;
  if (whole.shape[0] !== count)
    throw mistake("SHAPE", {
      where: `${where}.repeat`,
      problem: "a sliced argument does not have one part for each repetition",
      got: showShape(whole.shape),
      expected: `[${count},…]`,
    });
  return { shape: whole.shape.slice(1), dtype: whole.dtype };
}

function wholeType(where: string, value: Data): Type {
  if (typeof value === "number") return { shape: [], dtype: "float32" };
  if (value instanceof Tensor) return { shape: value.shape, dtype: value.dtype };
  const dtype = dtypeOfArray(value);
  if (dtype === null)
    throw mistake("DTYPE", { where, problem: "cannot take this kind of array", got: value, advice: "Make a tensor of it with tensor()." });
  return { shape: [value.length], dtype };
}

/** Whether a value fits its place in a trace. Data is collected in order. */
function matches(template: Template, value: unknown, types: readonly Type[], data: Data[], count: number): boolean {
  switch (template.kind) {
    case "leaf": {
      const type = types[template.index] as Type;
      if (typeof value === "number") {
        if (type.shape.length !== 0 || type.dtype !== "float32" || count !== 0) return false;
      } else if (value instanceof Tensor) {
        if (value instanceof Variable || value.dtype !== type.dtype || !sameParts(value.shape, type.shape, count)) return false;
      } else {
        if (dataOf(value) === undefined) return false;
        const array = value as TypedArray;
        if (dtypeOfArray(array) !== type.dtype || !sameParts([array.length], type.shape, count)) return false;
      }
      data.push(value as Data);
      return true;
    }
    case "array":
      return (
        Array.isArray(value) &&
        value.length === template.items.length &&
        template.items.every((item, i) => matches(item, value[i], types, data, count))
      );
    case "object": {
      if (!isPlain(value)) return false;
      const keys = Object.keys(value);
      return (
        keys.length === template.entries.length &&
        template.entries.every(([key, item], i) => keys[i] === key && matches(item, value[key], types, data, count))
      );
    }
    case "static":
      return Object.is(template.value, value);
  }
}

function sameParts(shape: Shape, part: Shape, count: number): boolean {
  if (count === 0) return sameShape(shape, part);
  return shape.length === part.length + 1 && shape[0] === count && part.every((n, i) => n === shape[i + 1]);
}

/** A temporary storage on plain data: the call is over before its owner can change it. */
function storageOf(value: TypedArray | number): Storage {
  if (typeof value === "number") return new Storage("float32", 1, Float32Array.of(value));
  const host = value instanceof Float64Array ? Float32Array.from(value) : value;
  return new Storage(dtypeOfArray(value) as DType, value.length, host);
}

/** Plain data as tensors, for a call inside another traced function. */
function lift(value: unknown): unknown {
  const { leaves, template } = flatten(value, dataOf);
  return unflatten(
    template,
    leaves.map((leaf) => (leaf instanceof Tensor ? leaf : tensor(leaf))),
  );
}

function shifted(template: Template, offset: number): Template {
  switch (template.kind) {
    case "leaf":
      return { kind: "leaf", index: template.index + offset };
    case "array":
      return { kind: "array", items: template.items.map((item) => shifted(item, offset)) };
    case "object":
      return { kind: "object", entries: template.entries.map(([key, item]) => [key, shifted(item, offset)]) };
    case "static":
      return template;
  }
}
