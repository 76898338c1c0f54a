// Builders: the only place where nodes are made, and so the one home of the shape and dtype rules.
// Operands must already have one shape and one dtype (tensor/ broadcasts and promotes); what is wrong here is refused
// with both shapes in the message.

import { InternalError, mistake } from "../util/errors.ts";
import { coerce, type DType, isFloat, isHalf, isInteger } from "./dtype.ts";
import { inputOf, Node } from "./node.ts";
import {
  type BinaryOp,
  type Combine,
  isComparison,
  isRealFunction,
  type Op,
  type PlainUnaryOp,
  type ReduceOp,
  type Region,
  type RegionOp,
  type ResultType,
  type Running,
} from "./operation.ts";
import { normalizeAxes, normalizeAxis, type Shape, sameShape, showShape, sizeOf, withoutAxes } from "./shape.ts";
import type { Storage } from "./storage.ts";

const none: { readonly none?: never } = {};
let nextKey = 0;

// ---- Leaves

/** One number, in every element of `shape`. */
export function constant(value: number, dtype: DType, shape: Shape = []): Node {
  const scalar = new Node("constant", [], { value: coerce(dtype, value) }, [], dtype);
  return shape.length === 0 ? scalar : broadcastTo(scalar, shape);
}

/** A placeholder: a parameter of a region or program. */
export function input(shape: Shape, dtype: DType, name = ""): Node<"input"> {
  return new Node("input", [], { name, key: nextKey++ }, shape, dtype);
}

/** A realised value. */
export function buffer(storage: Storage, shape: Shape): Node<"buffer"> {
  const node = new Node("buffer", [], { storage }, shape, storage.dtype);
  node.storage = storage;
  return node;
}

/** The index along `axis`, int32. */
export function iota(shape: Shape, axis: number): Node {
  return new Node("iota", [], { axis: normalizeAxis("iota", axis, shape.length) }, shape, "int32");
}

// ---- Elementwise

/** 16-bit floats as float32, in which everything is computed. */
function wide(x: Node): Node {
  return isHalf(x.dtype) ? cast(x, "float32") : x;
}

export function unary(op: PlainUnaryOp, given: Node): Node {
  const x = op === "stopGradient" ? given : wide(given);
  if ((op === "sqrt" || isRealFunction(op)) && !isFloat(x.dtype))
    throw mistake("DTYPE", { where: op, problem: "needs a floating-point tensor", got: x.dtype, advice: "Cast it first." });
  if (op === "neg" && x.dtype === "bool")
    throw mistake("DTYPE", { where: op, problem: "is not defined on bool", advice: "Use logicalNot." });
  if (op === "not" && x.dtype !== "bool") throw mistake("DTYPE", { where: op, problem: "needs bool", got: x.dtype });
  if ((op === "floor" || op === "ceil" || op === "round" || op === "trunc") && !isFloat(x.dtype)) return x;
  return new Node(op, [x], none, x.shape, x.dtype);
}

export function cast(x: Node, dtype: DType): Node {
  return x.dtype === dtype ? x : new Node("cast", [x], none, x.shape, dtype);
}

export function checkBounds(x: Node, size: number, message: string): Node {
  if (x.dtype !== "int32") throw new InternalError(`checkBounds on ${x.dtype}`);
  return new Node("checkBounds", [x], { size, message }, x.shape, "int32");
}

export function binary(op: BinaryOp, left: Node, right: Node): Node {
  const [a, b] = [wide(left), wide(right)];
  if (!sameShape(a.shape, b.shape))
    throw mistake("SHAPE", {
      where: op,
      problem: "operands differ in shape",
      got: `${showShape(a.shape)} and ${showShape(b.shape)}`,
      expected: "equal shapes",
    });
  if (a.dtype !== b.dtype) throw mistake("DTYPE", { where: op, problem: "operands differ in dtype", got: `${a.dtype} and ${b.dtype}` });
  if (isComparison(op)) return new Node(op, [a, b], none, a.shape, "bool");
  if (op === "atan2" && !isFloat(a.dtype))
    throw mistake("DTYPE", { where: op, problem: "needs floating-point tensors", got: a.dtype, advice: "Cast them first." });
  const logical = op === "and" || op === "or" || op === "xor";
  if (logical ? isFloat(a.dtype) : a.dtype === "bool" && op !== "maximum" && op !== "minimum") {
    throw mistake("DTYPE", { where: op, problem: `is not defined on ${a.dtype}`, expected: logical ? "bool or integers" : "numbers" });
  }
  if ((op === "shiftLeft" || op === "shiftRight") && !isInteger(a.dtype))
    throw mistake("DTYPE", { where: op, problem: "needs integers", got: a.dtype });
  return new Node(op, [a, b], none, a.shape, a.dtype);
}

/** `condition ? yes : no`, element by element. */
export function where(condition: Node, yes: Node, no: Node): Node {
  if (condition.dtype !== "bool") throw mistake("DTYPE", { where: "where", problem: "the condition must be bool", got: condition.dtype });
  if (!sameShape(condition.shape, yes.shape) || !sameShape(yes.shape, no.shape)) {
    throw mistake("SHAPE", {
      where: "where",
      problem: "operands differ in shape",
      got: [condition, yes, no].map((n) => showShape(n.shape)).join(", "),
      expected: "equal shapes",
    });
  }
  if (yes.dtype !== no.dtype)
    throw mistake("DTYPE", { where: "where", problem: "the two sides differ in dtype", got: `${yes.dtype} and ${no.dtype}` });
  return new Node("where", [condition, yes, no], none, yes.shape, yes.dtype);
}

/** One word of the Threefry-2x32 block of a key and a 64-bit counter. */
export function threefry(word: 0 | 1, key0: Node, key1: Node, counter0: Node, counter1: Node): Node {
  const inputs = [key0, key1, counter0, counter1];
  for (const n of inputs)
    if (n.dtype !== "uint32" || !sameShape(n.shape, key0.shape))
      throw new InternalError("threefry needs four uint32 operands of one shape");
  return new Node("threefry", inputs, { word }, key0.shape, "uint32");
}

/** `x`, once `token` (of its shape, any dtype) is known. */
export function barrier(x: Node, token: Node): Node {
  if (!sameShape(x.shape, token.shape)) throw new InternalError("barrier: the token has another shape");
  return new Node("barrier", [x, token], none, x.shape, x.dtype);
}

// ---- Reductions

/** Reduces the axes away. `reduceSum` and `reduceProduct` of bool are refused: cast first. */
export function reduce(op: Exclude<ReduceOp, "argMax" | "argMin">, given: Node, axes?: number | readonly number[]): Node {
  const x = wide(given);
  const list = normalizeAxes(op, axes, x.shape.length);
  if (x.dtype === "bool" && (op === "reduceSum" || op === "reduceProduct"))
    throw mistake("DTYPE", { where: op, problem: "is not defined on bool", advice: "Cast to int32 first." });
  if (list.length === 0) return x;
  const shape = withoutAxes(x.shape, list);
  if ((op === "reduceMax" || op === "reduceMin") && x.size === 0 && sizeOf(shape) > 0) {
    throw mistake("SHAPE", { where: op, problem: "cannot reduce an empty axis: there is no largest element", got: showShape(x.shape) });
  }
  return new Node(op, [x], { axes: list }, shape, x.dtype);
}

/** The int32 index of the largest (or smallest) element; the first among equals; a NaN counts as the extreme. */
export function argReduce(op: "argMax" | "argMin", given: Node, axis: number): Node {
  const x = wide(given);
  const a = normalizeAxis(op, axis, x.shape.length);
  if (x.shape[a] === 0) throw mistake("SHAPE", { where: op, problem: "cannot reduce an empty axis", got: showShape(x.shape) });
  return new Node(op, [x], { axis: a }, withoutAxes(x.shape, [a]), "int32");
}

// ---- Views

export function reshape(x: Node, shape: Shape): Node {
  if (sizeOf(shape) !== x.size)
    throw mistake("SHAPE", {
      where: "reshape",
      problem: "the number of elements changes",
      got: `${showShape(x.shape)} to ${showShape(shape)}`,
      expected: `${x.size} elements`,
    });
  return sameShape(x.shape, shape) ? x : new Node("reshape", [x], none, [...shape], x.dtype);
}

export function permute(x: Node, axes: readonly number[]): Node {
  if (!Array.isArray(axes)) throw mistake("AXIS", { where: "permute", problem: "axes must be a list", got: axes });
  const list = axes.map((a) => normalizeAxis("permute", a, x.shape.length));
  if (list.length !== x.shape.length || new Set(list).size !== list.length) {
    throw mistake("AXIS", {
      where: "permute",
      problem: "axes must name every axis once",
      got: axes,
      expected: `a permutation of ${x.shape.length} axes`,
    });
  }
  if (list.every((a, i) => a === i)) return x;
  return new Node(
    "permute",
    [x],
    { axes: list },
    list.map((a) => x.shape[a] as number),
    x.dtype,
  );
}

/** Stretches axes of size 1; the rank stays. */
export function expand(x: Node, shape: Shape): Node {
  if (x.shape.length !== shape.length || !x.shape.every((n, i) => n === shape[i] || n === 1)) {
    throw mistake("SHAPE", {
      where: "expand",
      problem: "only axes of size 1 can stretch",
      got: `${showShape(x.shape)} to ${showShape(shape)}`,
    });
  }
  return sameShape(x.shape, shape) ? x : new Node("expand", [x], none, [...shape], x.dtype);
}

/** Adds leading axes of size 1 and stretches: NumPy's `broadcast_to`. */
export function broadcastTo(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  if (x.shape.length > shape.length)
    throw mistake("SHAPE", {
      where: "broadcastTo",
      problem: "the result has fewer axes",
      got: `${showShape(x.shape)} to ${showShape(shape)}`,
    });
  const lead = new Array<number>(shape.length - x.shape.length).fill(1);
  return expand(reshape(x, [...lead, ...x.shape]), shape);
}

/** Elements `start, start + step, …` of every axis, `sizes` of them; a negative step walks backwards. */
export function slice(x: Node, starts: readonly number[], sizes: readonly number[], steps?: readonly number[]): Node {
  const by = steps ?? starts.map(() => 1);
  if (starts.length !== x.shape.length || sizes.length !== x.shape.length || by.length !== x.shape.length)
    throw new InternalError("slice needs one start, size and step for each axis");
  x.shape.forEach((n, i) => {
    const [start, size, step] = [starts[i] as number, sizes[i] as number, by[i] as number];
    const last = start + (size - 1) * step;
    if (size < 0 || step === 0 || (size > 0 && (start < 0 || start >= n || last < 0 || last >= n))) {
      throw mistake("RANGE", {
        where: "slice",
        problem: `elements outside axis ${i}`,
        got: `start ${start}, size ${size}, step ${step}`,
        expected: `elements of 0 to ${n - 1}`,
      });
    }
  });
  if (x.shape.every((n, i) => starts[i] === 0 && sizes[i] === n && by[i] === 1)) return x;
  return new Node("slice", [x], { starts: [...starts], steps: [...by] }, [...sizes], x.dtype);
}

/** `value` around the elements and, with `interior`, between them. */
export function pad(x: Node, low: readonly number[], high: readonly number[], value = 0, interior?: readonly number[]): Node {
  const between = interior ?? low.map(() => 0);
  if ([low, high, between].some((l) => l.length !== x.shape.length || l.some((n) => !Number.isInteger(n) || n < 0))) {
    throw mistake("OPTION", {
      where: "pad",
      problem: "needs a non-negative integer for each side of each axis",
      got: `low ${showShape(low)}, high ${showShape(high)}`,
      expected: `${x.shape.length} axes`,
    });
  }
  const shape = x.shape.map((n, i) => n + (low[i] as number) + (high[i] as number) + Math.max(0, n - 1) * (between[i] as number));
  if (sameShape(shape, x.shape)) return x;
  return new Node("pad", [x], { low: [...low], high: [...high], interior: [...between], value: coerce(x.dtype, value) }, shape, x.dtype);
}

/**
 * The blocks of `sizes` along `axes`, one every `strides` elements, their elements `dilations` apart: element o·stride + k·dilation of
 * an axis stands at o on that axis, and at k on a new last axis (one for each listed axis, in their order).
 */
export function window(
  x: Node,
  axes: readonly number[],
  sizes: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
): Node {
  const shape = [...x.shape];
  axes.forEach((axis, i) => {
    const [size, stride, dilation] = [sizes[i] as number, strides[i] as number, dilations[i] as number];
    const n = x.shape[axis] as number;
    const reach = (size - 1) * dilation + 1;
    if (![size, stride, dilation].every((v) => Number.isInteger(v) && v >= 1) || reach > n)
      throw mistake("SHAPE", {
        where: "window",
        problem: `no block fits axis ${axis}`,
        got: `size ${size}, stride ${stride}, dilation ${dilation} on ${showShape(x.shape)}`,
        expected: "positive integers, and a block no longer than the axis",
      });
    shape[axis] = Math.floor((n - reach) / stride) + 1;
  });
  const attributes = { axes: [...axes], sizes: [...sizes], strides: [...strides], dilations: [...dilations] };
  return new Node("window", [x], attributes, [...shape, ...sizes], x.dtype);
}

// ---- Contraction

/**
 * The general product of two tensors: sums over the contracted pairs of axes, for each element of the batch pairs.
 * Result axes: batch, then a's free axes, then b's free axes.
 */
export function contract(
  left: Node,
  right: Node,
  batch: readonly [readonly number[], readonly number[]],
  contracted: readonly [readonly number[], readonly number[]],
): Node {
  const [a, b] = [wide(left), wide(right)];
  if (a.dtype !== b.dtype || !isFloat(a.dtype))
    throw mistake("DTYPE", {
      where: "matmul",
      problem: "operands must be floating point and of one dtype",
      got: `${a.dtype} and ${b.dtype}`,
      advice: "Cast them first.",
    });
  for (const [left, right] of [batch, contracted]) {
    if (left.length !== right.length) throw new InternalError("contract: axis lists differ in length");
    left.forEach((axis, i) => {
      const [m, n] = [a.shape[axis], b.shape[right[i] as number]];
      if (m !== n) {
        throw mistake("SHAPE", {
          where: "matmul",
          problem: `axis ${axis} of the left and axis ${right[i]} of the right operand differ`,
          got: `${showShape(a.shape)} and ${showShape(b.shape)}`,
          expected: `${m} on both`,
        });
      }
    });
  }
  const free = (x: Node, side: 0 | 1) => x.shape.filter((_, i) => !batch[side].includes(i) && !contracted[side].includes(i));
  const shape = [...batch[0].map((i) => a.shape[i] as number), ...free(a, 0), ...free(b, 1)];
  return new Node("contract", [a, b], { batch, contracted }, shape, a.dtype);
}

// ---- Indexing

/** Slices of `x` along `axis`, at int32 `indices` of any shape, which stand in place of the axis. Indices are clamped. */
export function gather(x: Node, indices: Node, axis: number): Node {
  const a = normalizeAxis("gather", axis, x.shape.length);
  if (indices.dtype !== "int32") throw mistake("DTYPE", { where: "gather", problem: "indices must be int32", got: indices.dtype });
  checkNotEmpty("gather", x.shape, a, indices);
  return new Node("gather", [x, indices], { axis: a }, [...x.shape.slice(0, a), ...indices.shape, ...x.shape.slice(a + 1)], x.dtype);
}

/**
 * Adjoint of gather: zeros of `shape`, plus `updates` added at `indices` along `axis`, in the order of the indices; or what
 * another `combine` makes of the updates at each place.
 */
export function scatterAdd(shape: Shape, indices: Node, given: Node, axis: number, combine: Combine = "sum"): Node {
  const updates = combine === "last" ? given : wide(given);
  const a = normalizeAxis("scatterAdd", axis, shape.length);
  const expected = [...shape.slice(0, a), ...indices.shape, ...shape.slice(a + 1)];
  if (indices.dtype !== "int32") throw mistake("DTYPE", { where: "scatterAdd", problem: "indices must be int32", got: indices.dtype });
  if (updates.dtype === "bool" && combine !== "sum" && combine !== "last")
    throw mistake("DTYPE", { where: "scatterAdd", problem: `has no ${combine} of bool`, got: updates.dtype });
  if (!sameShape(updates.shape, expected))
    throw mistake("SHAPE", {
      where: "scatterAdd",
      problem: "updates have the wrong shape",
      got: showShape(updates.shape),
      expected: showShape(expected),
    });
  checkNotEmpty("scatterAdd", shape, a, indices);
  return new Node("scatterAdd", [indices, updates], { axis: a, combine }, [...shape], updates.dtype);
}

function checkNotEmpty(where: string, shape: Shape, axis: number, indices: Node): void {
  if (shape[axis] === 0 && indices.size > 0)
    throw mistake("SHAPE", { where, problem: `axis ${axis} is empty, so no index is inside it`, got: showShape(shape) });
}

function checkStarts(where: string, x: Node, starts: readonly Node[]): void {
  if (starts.length !== x.shape.length || starts.some((s) => s.dtype !== "int32" || s.shape.length !== 0)) {
    throw mistake("SHAPE", {
      where,
      problem: "needs one int32 scalar start for each axis",
      got: `${starts.length} starts`,
      expected: `${x.shape.length}`,
    });
  }
}

/** A block of `sizes` at computed starts, each clamped so that the block lies inside. */
export function dynamicSlice(x: Node, starts: readonly Node[], sizes: Shape): Node {
  checkStarts("dynamicSlice", x, starts);
  if (sizes.length !== x.shape.length || sizes.some((n, i) => n > (x.shape[i] as number)))
    throw mistake("SHAPE", {
      where: "dynamicSlice",
      problem: "the block is larger than the tensor",
      got: showShape(sizes),
      expected: `at most ${showShape(x.shape)}`,
    });
  return new Node("dynamicSlice", [x, ...starts], none, [...sizes], x.dtype);
}

/** `x` with the block at computed starts (clamped likewise) replaced by `update`. */
export function dynamicUpdate(x: Node, update: Node, starts: readonly Node[]): Node {
  checkStarts("dynamicUpdate", x, starts);
  if (update.dtype !== x.dtype)
    throw mistake("DTYPE", { where: "dynamicUpdate", problem: "the update has another dtype", got: update.dtype, expected: x.dtype });
  if (update.shape.length !== x.shape.length || update.shape.some((n, i) => n > (x.shape[i] as number)))
    throw mistake("SHAPE", {
      where: "dynamicUpdate",
      problem: "the block is larger than the tensor",
      got: showShape(update.shape),
      expected: `at most ${showShape(x.shape)}`,
    });
  return new Node("dynamicUpdate", [x, update, ...starts], none, x.shape, x.dtype);
}

/** The int32 indices that sort the last axis; equal elements keep their order; NaN is the largest. */
export function argSort(given: Node, descending = false): Node {
  const x = wide(given);
  if (x.shape.length === 0) throw mistake("AXIS", { where: "argSort", problem: "a scalar has no axis to sort" });
  return new Node("argSort", [x], { descending }, x.shape, "int32");
}

/** Each element from the one before it along an axis; `inputs` are [x], or [a, x] for `linear`. */
export function recurrence(combine: Running, given: readonly Node[], axis: number, reverse = false): Node {
  const inputs = given.map(wide);
  const x = inputs[inputs.length - 1];
  if (x === undefined || inputs.length !== (combine === "linear" ? 2 : 1)) throw new InternalError(`recurrence of ${inputs.length} inputs`);
  const a = normalizeAxis("recurrence", axis, x.shape.length);
  if (x.dtype === "bool")
    throw mistake("DTYPE", { where: "recurrence", problem: "is not defined on bool", advice: "Cast to int32 first." });
  if (inputs.some((n) => n.dtype !== x.dtype || !sameShape(n.shape, x.shape)))
    throw new InternalError("recurrence: operands differ in type");
  return new Node("recurrence", inputs, { combine, axis: a, reverse }, x.shape, x.dtype);
}

// ---- Control flow

function typesOf(nodes: readonly Node[]): ResultType[] {
  return nodes.map(({ shape, dtype }) => ({ shape, dtype }));
}

function requireTypes(where: string, what: string, got: readonly ResultType[], expected: readonly ResultType[]): void {
  const text = (types: readonly ResultType[]) => types.map((t) => `${t.dtype}${showShape(t.shape)}`).join(", ") || "nothing";
  if (
    got.length !== expected.length ||
    got.some((t, i) => t.dtype !== expected[i]?.dtype || !sameShape(t.shape, expected[i]?.shape ?? []))
  ) {
    throw mistake("SHAPE", { where, problem: what, got: text(got), expected: text(expected) });
  }
}

/** Result `index` of a region operation. */
export function project(node: Node, index: number): Node {
  const type = (node.attributes as { results?: readonly ResultType[] }).results?.[index];
  if (type === undefined) throw new InternalError(`${node.op}#${node.id} has no result ${index}`);
  return new Node("project", [node], { index }, type.shape, type.dtype);
}

function region<O extends RegionOp>(node: Node<O>, count: number): Node[] {
  return Array.from({ length: count }, (_, i) => project(node, i));
}

/** Runs one of two regions, both with `operands` as parameters. */
export function cond(predicate: Node, then: Region, otherwise: Region, operands: readonly Node[]): Node[] {
  if (predicate.dtype !== "bool" || predicate.shape.length !== 0)
    throw mistake("SHAPE", {
      where: "cond",
      problem: "the predicate must be a bool scalar",
      got: `${predicate.dtype}${showShape(predicate.shape)}`,
    });
  const results = typesOf(then.results);
  requireTypes("cond", "the branches return different types", typesOf(otherwise.results), results);
  for (const r of [then, otherwise]) requireTypes("cond", "operands do not fit the branch", typesOf(operands), typesOf(r.parameters));
  const first = results[0] ?? { shape: [], dtype: "float32" as const };
  return region(new Node("cond", [predicate, ...operands], { results, then, otherwise }, first.shape, first.dtype), results.length);
}

/** While `condition` (constants, state → bool scalar) holds: state = body(constants, state). Parameters: constants first. */
export function whileLoop(condition: Region, body: Region, constants: readonly Node[], state: readonly Node[]): Node[] {
  const results = typesOf(state);
  requireTypes("while", "the body must return the state's types", typesOf(body.results), results);
  requireTypes("while", "the condition must return one bool scalar", typesOf(condition.results), [{ shape: [], dtype: "bool" }]);
  for (const r of [condition, body])
    requireTypes("while", "operands do not fit the region", typesOf([...constants, ...state]), typesOf(r.parameters));
  const first = results[0] ?? { shape: [], dtype: "float32" as const };
  return region(
    new Node("while", [...constants, ...state], { results, condition, body, constants: constants.length }, first.shape, first.dtype),
    results.length,
  );
}

/**
 * `length` times: [carries, outputs] = body(constants, carries, slices of the sequences along axis 0).
 * Results: the last carries, then the outputs stacked along axis 0. `reverse` goes from the last slice to the first.
 */
export function scan(
  body: Region,
  constants: readonly Node[],
  carries: readonly Node[],
  sequences: readonly Node[],
  length: number,
  reverse = false,
): Node[] {
  for (const s of sequences)
    if (s.shape[0] !== length)
      throw mistake("SHAPE", {
        where: "scan",
        problem: "a sequence has the wrong length along axis 0",
        got: showShape(s.shape),
        expected: `[${length},…]`,
      });
  const slices = sequences.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype }));
  requireTypes("scan", "operands do not fit the body", [...typesOf(constants), ...typesOf(carries), ...slices], typesOf(body.parameters));
  requireTypes("scan", "the body must return the carries' types first", typesOf(body.results.slice(0, carries.length)), typesOf(carries));
  const stacked = body.results.slice(carries.length).map(({ shape, dtype }) => ({ shape: [length, ...shape], dtype }));
  const results = [...typesOf(carries), ...stacked];
  const first = results[0] ?? { shape: [], dtype: "float32" as const };
  const attributes = { results, body, constants: constants.length, carries: carries.length, length, reverse };
  return region(new Node("scan", [...constants, ...carries, ...sequences], attributes, first.shape, first.dtype), results.length);
}

/** A region as an operation of its own, with a gradient of its own where one is given: see `Attributes`. */
export function call(
  body: Region,
  inputs: readonly Node[],
  custom: { readonly backward: Region; readonly targets: readonly number[] } | null = null,
): Node[] {
  const results = typesOf(body.results);
  const { backward, targets } = custom ?? { backward: null, targets: [] };
  requireTypes("call", "operands do not fit the body", typesOf(inputs), typesOf(body.parameters));
  if (backward !== null) {
    const cotangents = results.filter((r) => isFloat(r.dtype));
    requireTypes("call", "backward takes other operands", typesOf(backward.parameters), [...typesOf(inputs), ...results, ...cotangents]);
    requireTypes("call", "backward gives other types", typesOf(backward.results), typesOf(targets.map((i) => inputs[i] as Node)));
  }
  const first = results[0] ?? { shape: [], dtype: "float32" as const };
  return region(new Node("call", inputs, { results, body, backward, targets: [...targets] }, first.shape, first.dtype), results.length);
}

/** The same operation on other inputs of the same types: what every rewrite needs. */
export function rebuild(node: Node, inputs: readonly Node[]): Node {
  if (inputs.every((x, i) => x === node.inputs[i])) return node;
  inputs.forEach((x, i) => {
    const before = inputOf(node, i);
    if (x.dtype !== before.dtype || !sameShape(x.shape, before.shape))
      throw new InternalError(`rebuild of ${node.op}#${node.id} changes the type of input ${i}`);
  });
  return new Node<Op>(node.op, inputs, node.attributes, node.shape, node.dtype);
}
