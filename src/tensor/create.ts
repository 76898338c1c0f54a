// Tensors from nothing or from JavaScript's own arrays. Data is checked and copied here, once.

import { binary, buffer, cast, constant, iota } from "../graph/build.ts";
import { allocate, type DType, encode, isHalf, isReal, type TypedArray } from "../graph/dtype.ts";
import type { Node } from "../graph/node.ts";
import { type Shape, showShape, sizeOf } from "../graph/shape.ts";
import { Storage } from "../graph/storage.ts";
import { mistake } from "../util/errors.ts";
import { checkShape } from "./nodes/move.ts";
import { checkDType, optionsOf } from "./nodes/operands.ts";
import { type Nested, Tensor, wrap } from "./tensor.ts";

export interface CreateOptions<D extends DType = DType> {
  /** Default float32, unless the data says otherwise. */
  readonly dtype?: D;
}

/** The dtype that an array of JavaScript has by itself; float64 is for those who ask for it. */
export type DTypeOfData<T> = T extends Float32Array | Float64Array
  ? "float32"
  : T extends Uint8Array | Uint8ClampedArray
    ? "uint8"
    : T extends Int8Array
      ? "int8"
      : T extends Int32Array | Int16Array | Uint16Array
        ? "int32"
        : T extends Uint32Array
          ? "uint32"
          : T extends boolean | readonly boolean[] | readonly (readonly boolean[])[]
            ? "bool"
            : "float32";

/** What a tensor can be made of. */
export type Data = Nested | TypedArray | Uint8ClampedArray | Int16Array | Int8Array | Uint16Array;

/**
 * A tensor of the given elements, which are copied.
 *
 * @param data a number, nested arrays of numbers or booleans, or a typed array (one axis unless `shape` says otherwise).
 * @param options.shape the shape, for data in one row; default that of the nesting.
 * @param options.dtype default: bool for booleans, float32 for numbers, Float32Array and Float64Array, else the array's type.
 * @throws UserError `SHAPE` for ragged nesting or a shape that does not fit, `DTYPE` for elements that the dtype cannot hold.
 * @example
 * const x = tensor([[1, 2], [3, 4]]);          // float32 [2,2]
 * const labels = tensor(new Int32Array([0, 2, 1]));
 */
export function tensor<T extends Data, D extends DType = DTypeOfData<T>>(
  data: T,
  options: CreateOptions<D> & { readonly shape?: Shape } = {},
): Tensor<NoInfer<D>> {
  return wrap(nodeOfData("tensor", data, optionsOf("tensor", options, ["dtype", "shape"])));
}

/** The elements as a realised node. */
export function nodeOfData(where: string, data: Data, options: { readonly dtype?: DType; readonly shape?: Shape }): Node {
  const found = ArrayBuffer.isView(data) ? { values: data, shape: [data.length], dtype: dtypeOfArray(where, data) } : unnest(where, data);
  const dtype = options.dtype ?? found.dtype;
  checkDType(where, dtype);
  const shape = options.shape ?? found.shape;
  checkShape(where, shape);
  if (sizeOf(shape) !== found.values.length)
    throw mistake("SHAPE", {
      where,
      problem: "the data does not fill the shape",
      got: `${found.values.length} elements for ${showShape(shape)}`,
      expected: `${sizeOf(shape)}`,
    });
  const host = allocate(dtype, found.values.length);
  if (!isReal(dtype)) checkIntegers(where, found.values, dtype);
  if (dtype === "bool") for (let i = 0; i < host.length; i++) host[i] = found.values[i] === 0 ? 0 : 1;
  else if (isHalf(dtype)) for (let i = 0; i < host.length; i++) host[i] = encode(dtype, found.values[i] as number);
  else host.set(found.values);
  return buffer(new Storage(dtype, host.length, host), shape);
}

/** Dtypes of integers and truth values. */
type WholeDType = Exclude<DType, "float16" | "bfloat16" | "float32" | "float64">;

const limits: Record<WholeDType, readonly [number, number]> = {
  bool: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  uint8: [0, 255],
  int8: [-128, 127],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
};

function checkIntegers(where: string, values: ArrayLike<number>, dtype: WholeDType): void {
  const [low, high] = limits[dtype];
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number;
    if (dtype === "bool" || (Number.isInteger(v) && v >= low && v <= high)) continue;
    throw mistake("DTYPE", {
      where,
      problem: `element ${i} is no ${dtype}`,
      got: v,
      expected: `integers from ${low} to ${high}`,
      advice: "Choose another dtype, or round first.",
    });
  }
}

function dtypeOfArray(where: string, data: ArrayBufferView): DType {
  if (data instanceof Float32Array || data instanceof Float64Array) return "float32";
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return "uint8";
  if (data instanceof Uint32Array) return "uint32";
  if (data instanceof Int8Array) return "int8";
  if (data instanceof Int32Array || data instanceof Int16Array || data instanceof Uint16Array) return "int32";
  throw mistake("DTYPE", {
    where,
    problem: "cannot take this kind of array",
    got: data,
    expected: "numbers, or a typed array of at most 32-bit integers or floats",
  });
}

/** Nested arrays as one row; every level must have one length. */
function unnest(where: string, data: unknown): { values: Float64Array; shape: number[]; dtype: DType } {
  const shape: number[] = [];
  for (let at = data; Array.isArray(at); at = at[0]) shape.push(at.length);
  const values = new Float64Array(sizeOf(shape));
  let next = 0;
  let booleans = 0;
  const walk = (x: unknown, axis: number, path: string): void => {
    if (axis < shape.length) {
      if (!Array.isArray(x) || x.length !== shape[axis])
        throw mistake("SHAPE", {
          where,
          problem: `the nested arrays are ragged at data${path}`,
          got: Array.isArray(x) ? `${x.length} elements` : typeof x,
          expected: `${shape[axis]} elements`,
        });
      for (let i = 0; i < x.length; i++) walk(x[i], axis + 1, `${path}[${i}]`);
      return;
    }
    if (typeof x !== "number" && typeof x !== "boolean")
      throw mistake(Array.isArray(x) ? "SHAPE" : "DTYPE", {
        where,
        problem: Array.isArray(x) ? `the nested arrays are ragged at data${path}` : `data${path} is not a number`,
        got: Array.isArray(x) ? `${x.length} elements` : x instanceof Tensor ? "a tensor" : x === undefined ? "undefined" : x,
        expected: "a number or a boolean",
        ...(x instanceof Tensor ? { advice: "Join tensors with stack or concat." } : {}),
      });
    if (typeof x === "boolean") booleans++;
    values[next++] = Number(x);
  };
  walk(data, 0, "");
  return { values, shape, dtype: booleans > 0 && booleans === next ? "bool" : "float32" };
}

/**
 * One number in every element.
 *
 * @param shape the sizes of the axes; `[]` is a scalar.
 * @param options.dtype default float32.
 * @example
 * full([2, 3], 0.5);
 */
export function full<D extends DType = "float32">(shape: Shape, value: number, options: CreateOptions<D> = {}): Tensor<NoInfer<D>> {
  return filled("full", shape, value, optionsOf("full", options, ["dtype"]).dtype);
}

function filled<D extends DType>(where: string, shape: Shape, value: number, dtype: DType = "float32"): Tensor<D> {
  checkShape(where, shape);
  checkDType(where, dtype);
  if (typeof value !== "number") throw mistake("OPTION", { where, problem: "the value must be a number", got: value });
  if (!isReal(dtype)) checkIntegers(where, [value], dtype);
  return wrap(constant(value, dtype, shape));
}

/**
 * Zeros of a shape.
 *
 * @example
 * zeros([2, 3]);
 */
export function zeros<D extends DType = "float32">(shape: Shape, options: CreateOptions<D> = {}): Tensor<NoInfer<D>> {
  return filled("zeros", shape, 0, optionsOf("zeros", options, ["dtype"]).dtype);
}

/**
 * Ones of a shape.
 *
 * @example
 * ones([3], { dtype: "int32" });
 */
export function ones<D extends DType = "float32">(shape: Shape, options: CreateOptions<D> = {}): Tensor<NoInfer<D>> {
  return filled("ones", shape, 1, optionsOf("ones", options, ["dtype"]).dtype);
}

/** Zeros of another tensor's shape and dtype. */
export function zerosLike<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(constant(0, x.dtype, x.shape));
}

/** Ones of another tensor's shape and dtype. */
export function onesLike<D extends DType>(x: Tensor<D>): Tensor<D> {
  return wrap(constant(1, x.dtype, x.shape));
}

/**
 * `start`, `start + step`, … below `end` (above it where the step is negative). With one number: 0 to that number − 1.
 *
 * @param options.dtype default int32; give float32 where the numbers are fractions.
 * @throws UserError `OPTION` for a step of 0, or fractions without a float dtype.
 * @example
 * arange(5);                                   // [0, 1, 2, 3, 4]
 * arange(0, 1, 0.25, { dtype: "float32" });    // [0, 0.25, 0.5, 0.75]
 */
export function arange<D extends DType = "int32">(end: number, options?: CreateOptions<D>): Tensor<NoInfer<D>>;
export function arange<D extends DType = "int32">(
  start: number,
  end: number,
  step?: number,
  options?: CreateOptions<D>,
): Tensor<NoInfer<D>>;
export function arange<D extends DType = "int32">(
  first: number,
  second?: number | CreateOptions<D>,
  step = 1,
  options: CreateOptions<D> = {},
): Tensor<D> {
  const [start, end] = typeof second === "number" ? [first, second] : [0, first];
  const dtype = (typeof second === "object" ? second.dtype : options.dtype) ?? "int32";
  checkDType("arange", dtype);
  if (![start, end, step].every(Number.isFinite) || step === 0)
    throw mistake("OPTION", { where: "arange", problem: "needs finite numbers and a step other than 0", got: [start, end, step] });
  if (!isReal(dtype) && ![start, step].every(Number.isInteger))
    throw mistake("OPTION", {
      where: "arange",
      problem: `fractions in ${dtype}`,
      got: [start, end, step],
      advice: 'Give { dtype: "float32" }.',
    });
  const count = Math.max(0, Math.ceil((end - start) / step));
  return wrap(sequence(start, step, count, dtype));
}

/** start + i · step. */
function sequence(start: number, step: number, count: number, dtype: DType): Node {
  const like = (value: number) => constant(value, dtype, [count]);
  const scaled = binary("mul", cast(iota([count], 0), dtype), like(step));
  return binary("add", scaled, like(start));
}

/**
 * `count` numbers at equal distances from `start` to `end`, both included.
 *
 * @throws UserError `OPTION` for a count below 1.
 * @example
 * linspace(0, 1, 5);   // [0, 0.25, 0.5, 0.75, 1]
 */
export function linspace<D extends "float32" | "float64" = "float32">(
  start: number,
  end: number,
  count: number,
  options: CreateOptions<D> = {},
): Tensor<NoInfer<D>> {
  if (!Number.isInteger(count) || count < 1)
    throw mistake("OPTION", { where: "linspace", problem: "the count must be a positive integer", got: count });
  const values = Array.from({ length: count }, (_, i) =>
    i === count - 1 && i > 0 ? end : start + (i * (end - start)) / Math.max(1, count - 1),
  );
  return tensor(values, { dtype: (optionsOf("linspace", options, ["dtype"]).dtype ?? "float32") as D });
}

/**
 * Ones on the diagonal, zeros beside it.
 *
 * @param rows number of rows.
 * @param columns default as many as rows.
 * @example
 * eye(3);
 */
export function eye<D extends DType = "float32">(rows: number, columns: number = rows, options: CreateOptions<D> = {}): Tensor<NoInfer<D>> {
  const shape = [rows, columns];
  checkShape("eye", shape);
  const dtype = options.dtype ?? "float32";
  return wrap(cast(binary("eq", iota(shape, 0), iota(shape, 1)), dtype));
}
