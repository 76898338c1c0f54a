// The lazy tensor: a node of the graph with methods. A method builds the next node (nodes/ holds the formulas) and computes
// nothing; reading computes. The free functions of this folder do the same for people who prefer them.

// `[Symbol.dispose]` is in the published types, whatever library version the user's own project names.
/// <reference lib="esnext.disposable" preserve="true" />

import { readStorage, release } from "../engine/memory.ts";
import { realize, watch } from "../engine/realize.ts";
import { cast as castNode } from "../graph/build.ts";
import { type DType, decode, isHalf, type TypedArray, type TypedArrayOf } from "../graph/dtype.ts";
import type { Node } from "../graph/node.ts";
import { type Shape, showShape, sizeOf } from "../graph/shape.ts";
import type { Storage } from "../graph/storage.ts";
import { mistake, UserError } from "../util/errors.ts";
import * as activation from "./nodes/activation.ts";
import { at as atNode, type IndexItem as NodeItem } from "./nodes/at.ts";
import * as contract from "./nodes/contract.ts";
import * as cumulative from "./nodes/cumulative.ts";
import * as elementwise from "./nodes/elementwise.ts";
import * as indexing from "./nodes/index.ts";
import * as move from "./nodes/move.ts";
import { checkDType, indexList, keeps, optionsOf } from "./nodes/operands.ts";
import { type PadOptions, type PadWidths, pad as padNode } from "./nodes/pad.ts";
import { type Parts, split as splitNode } from "./nodes/parts.ts";
import * as reduce from "./nodes/reduce.ts";
import * as sorting from "./nodes/sort.ts";
import { formatTensor } from "./print.ts";
import type { AnyTensor, AxesArgument, FloatOf, Joined, Operand, ReduceOptions, SumOf } from "./types.ts";

/** Numbers nested in arrays, one level for each axis; a plain number (or boolean) for a scalar. */
export type Nested = number | boolean | readonly Nested[];

/** Integers that name places along an axis: a tensor of any shape, a list, or one. */
export type Indices = Tensor<"int32" | "uint8"> | Int32Array | Uint8Array | readonly number[] | number;

/** One item of an index; see `at`. */
export type IndexItem = NodeItem<Tensor<"int32" | "uint8" | "bool">>;

/** The array of a tensor's numbers; those of 16-bit floats are widened. */
export type NumbersOf = Omit<TypedArrayOf, "float16" | "bfloat16"> & { float16: Float32Array; bfloat16: Float32Array };

/** Makes a tensor of a node. */
export function wrap<D extends DType>(node: Node): Tensor<D> {
  watch(node);
  return new Tensor<D>(node);
}

/** The operand's node, or the number. */
export function unwrap(x: Operand): Node | number {
  return typeof x === "number" ? x : nodeIn("operand", x, "a tensor nor a number");
}

/** The node of what must be a tensor. */
function nodeIn(where: string, x: AnyTensor, what = "a tensor"): Node {
  if (x instanceof Tensor) return x.node;
  const problem = `is ${what.includes("nor") ? "neither" : "not"} ${what}`;
  throw mistake("OPTION", { where, problem, got: x, advice: "Make a tensor of data with tensor()." });
}

/** Values on a grid, of one dtype; they never change. */
export class Tensor<out D extends DType = "float32"> {
  readonly shape: Shape;
  readonly dtype: D;
  #node: Node | null;

  /** Tensors come from `tensor`, `zeros`, `normal` and the like; this is for the library. */
  constructor(node: Node) {
    this.shape = node.shape;
    this.dtype = node.dtype as D;
    this.#node = node;
  }

  /** The graph node behind the tensor; for a variable, its present version. */
  get node(): Node {
    if (this.#node === null) throw disposed();
    return this.#node;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  // ---- Reading

  /** The elements in row-major order, as a copy. */
  async data(): Promise<NumbersOf[D]> {
    return this.dataSync();
  }

  /** `data` at once; on devices of the processor. `exact` gives the doubles that the reference device computes float32 in. */
  dataSync(options: { readonly exact?: boolean } = {}): NumbersOf[D] {
    const elements = readStorage(this.storage(), options.exact === true);
    if (!isHalf(this.dtype)) return elements as NumbersOf[D];
    return Float32Array.from(elements, (element) => decode(this.dtype, element)) as NumbersOf[D];
  }

  /** The one element, as a number (bool as 0 or 1). */
  async item(): Promise<number> {
    return this.itemSync();
  }

  /** `item` at once; on devices of the processor. */
  itemSync(): number {
    if (this.size !== 1)
      throw mistake("SHAPE", {
        where: "item",
        problem: "needs exactly one element",
        got: showShape(this.shape),
        advice: "Reduce first, or read all with data().",
      });
    return (this.dataSync() as TypedArray)[0] as number;
  }

  /** The elements as nested arrays, one level for each axis; bool as booleans. */
  async toArray(): Promise<Nested> {
    return this.toArraySync();
  }

  /** `toArray` at once; on devices of the processor. */
  toArraySync(): Nested {
    const values = this.dataSync() as TypedArray;
    let next = 0;
    const build = (axis: number): Nested => {
      if (axis === this.shape.length) {
        const value = values[next++] as number;
        return this.dtype === "bool" ? value !== 0 : value;
      }
      return Array.from({ length: this.shape[axis] as number }, () => build(axis + 1));
    };
    return build(0);
  }

  /** Where the elements are, computed if they were not. */
  protected storage(): Storage {
    return realize([this.node])[0] as Storage;
  }

  /** The values as text, with dtype and shape; inside a traced function only the type. */
  toString(): string {
    try {
      return formatTensor(this.dataSync(), this.shape, this.dtype);
    } catch (error) {
      if (error instanceof UserError && (error.code === "TRACED" || error.code === "ESCAPED" || error.code === "DISPOSED"))
        return `tensor(${error.code.toLowerCase()}, ${this.dtype} ${showShape(this.shape)})`;
      throw error;
    }
  }

  static {
    // What console.log shows in Node.
    Object.defineProperty(Tensor.prototype, Symbol.for("nodejs.util.inspect.custom"), {
      value(this: Tensor<DType>): string {
        return this.toString();
      },
    });
  }

  /** A tensor is not a JavaScript number: this tells what to write instead. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw mistake("NUMBER", {
      where: "tensor",
      problem: "is used as a JavaScript number or condition",
      got: `${this.dtype}${showShape(this.shape)}`,
      advice: "Compute with its methods (add, lt, where), decide with where or cond, or read it with item().",
    });
  }

  /** Gives the memory back now. Nobody must call this; the tensor, and what was to be computed from it, cannot be read after. */
  dispose(): void {
    const node = this.#node;
    this.#node = null;
    const storage = node?.storage;
    if (storage == null || storage.shared) return;
    release(storage);
    storage.host = null;
    storage.error = disposed();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  // ---- Arithmetic: operands broadcast and meet in one dtype

  /** this + other. See `add`. */
  add<B extends Operand>(other: B): Tensor<Joined<this, B>> {
    return wrap(elementwise.add(this.node, unwrap(other)));
  }
  /** this − other. See `sub`. */
  sub<B extends Operand>(other: B): Tensor<Joined<this, B>> {
    return wrap(elementwise.sub(this.node, unwrap(other)));
  }
  /** this · other. See `mul`. */
  mul<B extends Operand>(other: B): Tensor<Joined<this, B>> {
    return wrap(elementwise.mul(this.node, unwrap(other)));
  }
  /** this / other, in floating point. See `div`. */
  div<B extends Operand>(other: B): Tensor<FloatOf<Joined<this, B>>> {
    return wrap(elementwise.div(this.node, unwrap(other)));
  }
  /** this to the power of other. See `pow`. */
  pow<B extends Operand>(other: B): Tensor<Joined<this, B>> {
    return wrap(elementwise.pow(this.node, unwrap(other)));
  }
  /** this − ⌊this / other⌋ · other. See `remainder`. */
  remainder<B extends Operand>(other: B): Tensor<Joined<this, B>> {
    return wrap(elementwise.remainder(this.node, unwrap(other)));
  }
  /** The larger of both; NaN where either is. See `maximum`. */
  maximum<B extends Operand>(other: B): Tensor<Joined<this, B>> {
    return wrap(elementwise.maximum(this.node, unwrap(other)));
  }
  /** The smaller of both; NaN where either is. See `minimum`. */
  minimum<B extends Operand>(other: B): Tensor<Joined<this, B>> {
    return wrap(elementwise.minimum(this.node, unwrap(other)));
  }

  // ---- Functions of each element

  /** −x. */
  neg(): Tensor<D> {
    return wrap(elementwise.neg(this.node));
  }
  /** |x|. */
  abs(): Tensor<D> {
    return wrap(elementwise.abs(this.node));
  }
  /** −1, 0 or 1. */
  sign(): Tensor<D> {
    return wrap(elementwise.sign(this.node));
  }
  /** eˣ. */
  exp(): Tensor<FloatOf<D>> {
    return wrap(elementwise.exp(this.node));
  }
  /** eˣ − 1, accurate near 0. */
  expm1(): Tensor<FloatOf<D>> {
    return wrap(elementwise.expm1(this.node));
  }
  /** The natural logarithm. */
  log(): Tensor<FloatOf<D>> {
    return wrap(elementwise.log(this.node));
  }
  /** log(1 + x), accurate near 0. */
  log1p(): Tensor<FloatOf<D>> {
    return wrap(elementwise.log1p(this.node));
  }
  /** √x. */
  sqrt(): Tensor<FloatOf<D>> {
    return wrap(elementwise.sqrt(this.node));
  }
  /** 1 / √x. */
  rsqrt(): Tensor<FloatOf<D>> {
    return wrap(elementwise.rsqrt(this.node));
  }
  /** x². */
  square(): Tensor<D> {
    return wrap(elementwise.square(this.node));
  }
  /** 1 / x. */
  reciprocal(): Tensor<FloatOf<D>> {
    return wrap(elementwise.reciprocal(this.node));
  }
  /** The sine, in radians. */
  sin(): Tensor<FloatOf<D>> {
    return wrap(elementwise.sin(this.node));
  }
  /** The cosine, in radians. */
  cos(): Tensor<FloatOf<D>> {
    return wrap(elementwise.cos(this.node));
  }
  /** The hyperbolic tangent. */
  tanh(): Tensor<FloatOf<D>> {
    return wrap(elementwise.tanh(this.node));
  }
  /** The error function. */
  erf(): Tensor<FloatOf<D>> {
    return wrap(elementwise.erf(this.node));
  }
  /** The next integer below. */
  floor(): Tensor<D> {
    return wrap(elementwise.floor(this.node));
  }
  /** The next integer above. */
  ceil(): Tensor<D> {
    return wrap(elementwise.ceil(this.node));
  }
  /** The nearest integer, halves to the even one. */
  round(): Tensor<D> {
    return wrap(elementwise.round(this.node));
  }
  /** The integer part. */
  trunc(): Tensor<D> {
    return wrap(elementwise.trunc(this.node));
  }
  /** The nearest value between the limits. See `clamp`. */
  clamp(low?: Operand, high?: Operand): Tensor<D> {
    return wrap(elementwise.clamp(this.node, low === undefined ? low : unwrap(low), high === undefined ? high : unwrap(high)));
  }
  /** The same value, through which no gradient flows. */
  stopGradient(): Tensor<D> {
    return wrap(elementwise.stopGradient(this.node));
  }

  // ---- Activations

  /** 1 / (1 + e⁻ˣ). */
  sigmoid(): Tensor<FloatOf<D>> {
    return wrap(activation.sigmoid(this.node));
  }
  /** max(x, 0). */
  relu(): Tensor<D> {
    return wrap(activation.relu(this.node));
  }
  /** x where positive, else slope · x. */
  leakyRelu(slope = 0.01): Tensor<FloatOf<D>> {
    return wrap(activation.leakyRelu(this.node, slope));
  }
  /** x where positive, else α (eˣ − 1). */
  elu(alpha = 1): Tensor<FloatOf<D>> {
    return wrap(activation.elu(this.node, alpha));
  }
  /** x · Φ(x). See `gelu`. */
  gelu(approximate: "none" | "tanh" = "none"): Tensor<FloatOf<D>> {
    return wrap(activation.gelu(this.node, approximate));
  }
  /** x · sigmoid(x). */
  silu(): Tensor<FloatOf<D>> {
    return wrap(activation.silu(this.node));
  }
  /** log(1 + eˣ). */
  softplus(): Tensor<FloatOf<D>> {
    return wrap(activation.softplus(this.node));
  }
  /** e^xᵢ / Σ e^xⱼ along an axis. See `softmax`. */
  softmax(axis = -1): Tensor<FloatOf<D>> {
    return wrap(reduce.softmax(this.node, axis));
  }
  /** log softmax along an axis. See `logSoftmax`. */
  logSoftmax(axis = -1): Tensor<FloatOf<D>> {
    return wrap(reduce.logSoftmax(this.node, axis));
  }

  // ---- Comparisons and logic

  /** this = other. */
  eq(other: Operand): Tensor<"bool"> {
    return wrap(elementwise.eq(this.node, unwrap(other)));
  }
  /** this ≠ other. */
  ne(other: Operand): Tensor<"bool"> {
    return wrap(elementwise.ne(this.node, unwrap(other)));
  }
  /** this < other. */
  lt(other: Operand): Tensor<"bool"> {
    return wrap(elementwise.lt(this.node, unwrap(other)));
  }
  /** this ≤ other. */
  le(other: Operand): Tensor<"bool"> {
    return wrap(elementwise.le(this.node, unwrap(other)));
  }
  /** this > other. */
  gt(other: Operand): Tensor<"bool"> {
    return wrap(elementwise.gt(this.node, unwrap(other)));
  }
  /** this ≥ other. */
  ge(other: Operand): Tensor<"bool"> {
    return wrap(elementwise.ge(this.node, unwrap(other)));
  }
  /** Both (bool), or bit by bit (integers). */
  and<B extends Operand>(other: B): Tensor<Joined<this, B>> {
    return wrap(elementwise.and(this.node, unwrap(other)));
  }
  /** Either (bool), or bit by bit (integers). */
  or<B extends Operand>(other: B): Tensor<Joined<this, B>> {
    return wrap(elementwise.or(this.node, unwrap(other)));
  }
  /** Exactly one (bool), or bit by bit (integers). */
  xor<B extends Operand>(other: B): Tensor<Joined<this, B>> {
    return wrap(elementwise.xor(this.node, unwrap(other)));
  }
  /** True where false; bool only. */
  not(): Tensor<"bool"> {
    return wrap(elementwise.not(this.node));
  }
  /** `yes` where this (bool) holds, else `no`. See `where`. */
  where<A extends Operand, B extends Operand>(yes: A, no: B): Tensor<Joined<A, B>> {
    return wrap(elementwise.where(this.node, unwrap(yes), unwrap(no)));
  }
  /** Whether each element is not a number. */
  isNaN(): Tensor<"bool"> {
    return wrap(elementwise.isNaN(this.node));
  }
  /** Whether each element is neither NaN nor infinite. */
  isFinite(): Tensor<"bool"> {
    return wrap(elementwise.isFinite(this.node));
  }

  // ---- Reductions: over the axes given, or over all

  /** Σ x. See `sum`. */
  sum(axes?: AxesArgument, options: ReduceOptions = {}): Tensor<SumOf<D>> {
    return wrap(reduce.sum(this.node, axes, keeps("sum", options)));
  }
  /** Σ x / n. See `mean`. */
  mean(axes?: AxesArgument, options: ReduceOptions = {}): Tensor<FloatOf<D>> {
    return wrap(reduce.mean(this.node, axes, keeps("mean", options)));
  }
  /** Π x. See `prod`. */
  prod(axes?: AxesArgument, options: ReduceOptions = {}): Tensor<SumOf<D>> {
    return wrap(reduce.prod(this.node, axes, keeps("prod", options)));
  }
  /** The largest element; NaN if there is one. See `max`. */
  max(axes?: AxesArgument, options: ReduceOptions = {}): Tensor<D> {
    return wrap(reduce.max(this.node, axes, keeps("max", options)));
  }
  /** The smallest element; NaN if there is one. See `min`. */
  min(axes?: AxesArgument, options: ReduceOptions = {}): Tensor<D> {
    return wrap(reduce.min(this.node, axes, keeps("min", options)));
  }
  /** Σ(x − mean)² / (n − correction). See `variance`. */
  variance(axes?: AxesArgument, options: ReduceOptions & { readonly correction?: number } = {}): Tensor<FloatOf<D>> {
    return wrap(reduce.variance(this.node, axes, keeps("variance", options, ["keepDimensions", "correction"]), options.correction ?? 0));
  }
  /** √variance. See `std`. */
  std(axes?: AxesArgument, options: ReduceOptions & { readonly correction?: number } = {}): Tensor<FloatOf<D>> {
    return wrap(reduce.std(this.node, axes, keeps("std", options, ["keepDimensions", "correction"]), options.correction ?? 0));
  }
  /** Where the largest element is. See `argMax`. */
  argMax(axis?: number, options: ReduceOptions = {}): Tensor<"int32"> {
    return wrap(reduce.argExtreme("argMax", this.node, axis, keeps("argMax", options)));
  }
  /** Where the smallest element is. See `argMin`. */
  argMin(axis?: number, options: ReduceOptions = {}): Tensor<"int32"> {
    return wrap(reduce.argExtreme("argMin", this.node, axis, keeps("argMin", options)));
  }
  /** Whether any element is true, or not 0. */
  any(axes?: AxesArgument, options: ReduceOptions = {}): Tensor<"bool"> {
    return wrap(reduce.any(this.node, axes, keeps("any", options)));
  }
  /** Whether all elements are true, or not 0. */
  all(axes?: AxesArgument, options: ReduceOptions = {}): Tensor<"bool"> {
    return wrap(reduce.all(this.node, axes, keeps("all", options)));
  }
  /** log Σ eˣ, without overflow. See `logSumExp`. */
  logSumExp(axes?: AxesArgument, options: ReduceOptions = {}): Tensor<FloatOf<D>> {
    return wrap(reduce.logSumExp(this.node, axes, keeps("logSumExp", options)));
  }

  // ---- Along an axis

  /** The sum up to each element of an axis. See `cumsum`. */
  cumsum(axis = -1, options: { readonly reverse?: boolean } = {}): Tensor<SumOf<D>> {
    return wrap(cumulative.cumsum(this.node, axis, optionsOf("cumsum", options, ["reverse"]).reverse === true));
  }
  /** The product up to each element of an axis. See `cumprod`. */
  cumprod(axis = -1, options: { readonly reverse?: boolean } = {}): Tensor<SumOf<D>> {
    return wrap(cumulative.cumprod(this.node, axis, optionsOf("cumprod", options, ["reverse"]).reverse === true));
  }

  // ---- Movement

  /** The same elements under another shape; one size may be −1. See `reshape`. */
  reshape(shape: Shape): Tensor<D> {
    return wrap(move.reshape(this.node, shape));
  }
  /** Makes one axis of those from `start` to `end`, inclusive. */
  flatten(start = 0, end = -1): Tensor<D> {
    return wrap(move.flatten(this.node, start, end));
  }
  /** Exchanges two axes, the last two by default. */
  transpose(a?: number, b?: number): Tensor<D> {
    return wrap(move.transpose(this.node, a, b));
  }
  /** Axis i of the result is axis `axes[i]` of this. */
  permute(axes: readonly number[]): Tensor<D> {
    return wrap(move.permute(this.node, axes));
  }
  /** Stretches axes of size 1; −1 keeps an axis. See `expand`. */
  expand(shape: Shape): Tensor<D> {
    return wrap(move.expand(this.node, shape));
  }
  /** Stretches axes of size 1 and adds leading ones. See `broadcastTo`. */
  broadcastTo(shape: Shape): Tensor<D> {
    return wrap(move.broadcastTo(this.node, shape));
  }
  /** Drops axes of size 1: those named, or all. */
  squeeze(axes?: AxesArgument): Tensor<D> {
    return wrap(move.squeeze(this.node, axes));
  }
  /** A new axis of size 1 at this position of the result. */
  unsqueeze(axis: number): Tensor<D> {
    return wrap(move.unsqueeze(this.node, axis));
  }
  /** A part of each axis: `[start, end]`, `[start, end, step]`, or null for all. See `slice`. */
  slice(...ranges: readonly move.Range[]): Tensor<D> {
    return wrap(move.slice(this.node, ranges));
  }
  /** The part at an index: for each axis a position, range, tensor of indices or mask. See `at`. */
  at(...items: readonly IndexItem[]): Tensor<D> {
    return wrap(
      atNode(
        this.node,
        items.map((item) => (item instanceof Tensor ? item.node : item)),
      ),
    );
  }
  /** Reverses axes: those named, or all. */
  flip(axes?: AxesArgument): Tensor<D> {
    return wrap(move.flip(this.node, axes));
  }
  /** A value, or the elements themselves, around the elements. See `pad`. */
  pad(widths: PadWidths, options: number | PadOptions = 0): Tensor<D> {
    return wrap(padNode(this.node, widths, options));
  }
  /** This and others, one behind the other along an axis. */
  concat(others: Tensor<D> | readonly Tensor<D>[], axis = 0): Tensor<D> {
    return wrap(move.concat([this.node, ...listOf(others).map((t) => t.node)], axis));
  }
  /** This and others along a new axis. */
  stack(others: Tensor<D> | readonly Tensor<D>[], axis = 0): Tensor<D> {
    return wrap(move.stack([this.node, ...listOf(others).map((t) => t.node)], axis));
  }
  /** Cuts an axis into so many equal parts, into parts of given sizes, or of one size. See `split`. */
  split(parts: Parts, axis = 0): Tensor<D>[] {
    return splitNode(this.node, parts, axis).map((node) => wrap<D>(node));
  }

  // ---- Products

  /** The matrix product. See `matmul`. */
  matmul<B extends AnyTensor>(other: B): Tensor<Joined<this, B>> {
    return wrap(contract.matmul(this.node, nodeIn("matmul", other)));
  }
  /** Σ xᵢ yᵢ of two vectors. */
  dot<B extends AnyTensor>(other: B): Tensor<Joined<this, B>> {
    return wrap(contract.dot(this.node, nodeIn("dot", other)));
  }
  /** xᵢ yⱼ of two vectors. */
  outer<B extends AnyTensor>(other: B): Tensor<Joined<this, B>> {
    return wrap(contract.outer(this.node, nodeIn("outer", other)));
  }

  // ---- Indexing, sorting, dtypes

  /** Parts along an axis at indices of any shape, which stand in place of the axis. See `gather`. */
  gather(indices: Indices, axis = 0): Tensor<D> {
    return wrap(indexing.gather(this.node, indices instanceof Tensor ? indices.node : indexList("gather", indices), axis));
  }
  /** 1 at each class on a new last axis, else 0. See `oneHot`. */
  oneHot<E extends DType = "float32">(depth?: number, dtype?: E): Tensor<E> {
    return wrap(indexing.oneHot(this.node, depth, dtype ?? "float32"));
  }
  /** The same values as another dtype. See `cast`. */
  cast<E extends DType>(dtype: E): Tensor<E> {
    checkDType("cast", dtype);
    return wrap(castNode(this.node, dtype));
  }
  /** Sorted along an axis. See `sort`. */
  sort(axis = -1, options: { readonly descending?: boolean } = {}): Tensor<D> {
    return wrap(sorting.sort(this.node, axis, optionsOf("sort", options, ["descending"]).descending === true));
  }
  /** The indices that sort along an axis. See `argSort`. */
  argSort(axis = -1, options: { readonly descending?: boolean } = {}): Tensor<"int32"> {
    return wrap(sorting.argSort(this.node, axis, optionsOf("argSort", options, ["descending"]).descending === true));
  }
  /** The k largest along an axis and where they are. See `topK`. */
  topK(
    k: number,
    axis = -1,
    options: { readonly largest?: boolean } = {},
  ): { readonly values: Tensor<D>; readonly indices: Tensor<"int32"> } {
    const [values, indices] = sorting.topK(this.node, k, axis, optionsOf("topK", options, ["largest"]).largest !== false);
    return { values: wrap(values), indices: wrap(indices) };
  }
}

function listOf<T extends AnyTensor>(x: T | readonly T[]): readonly T[] {
  return x instanceof Tensor ? [x] : x;
}

function disposed(): UserError {
  return new UserError("DISPOSED", "tensor: it was disposed of, and has no values any more. Keep it until its last use.");
}
