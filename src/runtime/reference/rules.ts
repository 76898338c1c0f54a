// What every operation means, one rule a row. Floats are held in Float64Array whatever their dtype; `round` is applied to
// float32 results of arithmetic (the identity in exact mode). Rules that only move elements never round.

import { neutralOf } from "../../graph/combine.ts";
import { allocate, type DType, encode, isFloat, type TypedArray } from "../../graph/dtype.ts";
import { inputOf, type Node } from "../../graph/node.ts";
import {
  type BinaryOp,
  binaryOps,
  isApproximate,
  type Op,
  type PlainUnaryOp,
  plainUnaryOps,
  type ReduceOp,
  type Region,
  tabulate,
} from "../../graph/operation.ts";
import { type Shape, sizeOf, stridesOf, withoutAxes } from "../../graph/shape.ts";
import { boundsMistake, InternalError } from "../../util/errors.ts";
import { threefry2x32 } from "../../util/threefry.ts";
import { around, offsets, offsetsAlong } from "./array.ts";
import { binaryFunctions, convert, unaryFunctions } from "./elementwise.ts";

/** What a rule may ask of the evaluation that it is part of. */
export interface Context {
  /** Rounds the result of one scalar operation on float32. `exact` says that the operation is exactly rounded on every device. */
  readonly round: (value: number, correctlyRounded: boolean) => number;
  /** The same for float64. */
  readonly roundDouble: (value: number, correctlyRounded: boolean) => number;
  /** The terms of a float32 sum or product in another order; null: row-major. */
  readonly order: ((terms: Float64Array, combine: "add" | "mul") => Float64Array) | null;
  /** Evaluates the body of a loop or branch. */
  readonly evaluate: (region: Region, parameters: readonly TypedArray[]) => TypedArray[];
}

/** A node's elements; a region operation has several results. */
export type Value = TypedArray | readonly TypedArray[];

type Rule<O extends Op> = (node: Node<O>, inputs: readonly TypedArray[], context: Context) => Value;

/** A zero-filled array that holds elements of a dtype: doubles for both float types. */
export function store(dtype: DType, length: number): TypedArray {
  return allocate(isFloat(dtype) ? "float64" : dtype, length);
}

function collect(dtype: DType, length: number, element: (i: number) => number): TypedArray {
  const result = store(dtype, length);
  for (let i = 0; i < length; i++) result[i] = element(i);
  return result;
}

function pick(node: Node, source: TypedArray, from: Int32Array): TypedArray {
  return collect(node.dtype, from.length, (i) => source[from[i] as number] as number);
}

type Rounding = (value: number) => number;

function rounding(node: Node, context: Context, correctlyRounded = true): Rounding {
  if (node.dtype === "float32") return (value) => context.round(value, correctlyRounded);
  return node.dtype === "float64" ? (value) => context.roundDouble(value, correctlyRounded) : (value) => value;
}

/** Whether so many terms can be combined in several orders: what is exact in one of them need not be in another. */
const anyOrder = (terms: number): boolean => terms > 2;

/** The operand of a rule; a missing one is our bug. */
function operand(inputs: readonly TypedArray[], index: number): TypedArray {
  const value = inputs[index];
  if (value === undefined) throw new InternalError(`the reference found no operand ${index}`);
  return value;
}

// ---- Elementwise

function unary(op: PlainUnaryOp): Rule<Op> {
  const f = unaryFunctions[op];
  return (node, [x], context) => {
    const round = rounding(node, context, !isApproximate(op));
    return collect(node.dtype, node.size, (i) => round(f((x as TypedArray)[i] as number, node.dtype)));
  };
}

function binary(op: BinaryOp): Rule<Op> {
  const f = binaryFunctions[op];
  return (node, [a, b], context) => {
    const round = rounding(node, context, !isApproximate(op));
    const { dtype } = inputOf(node, 0);
    return collect(node.dtype, node.size, (i) => round(f((a as TypedArray)[i] as number, (b as TypedArray)[i] as number, dtype)));
  };
}

// ---- Reductions: for each kept position, the reduced positions in row-major order

function reduce<O extends Exclude<ReduceOp, "argMax" | "argMin">>(initial: number, combine: BinaryOp): Rule<O> {
  const f = binaryFunctions[combine];
  return (node, [x], context) => {
    const { shape } = inputOf(node, 0);
    const axes = (node.attributes as { axes: readonly number[] }).axes;
    const [kept, reduced] = splitOffsets(shape, axes);
    const sums = combine === "add" || combine === "mul";
    const round = rounding(node, context, !sums || !anyOrder(reduced.length));
    const { order } = context;
    const arrange = (terms: Float64Array) => (sums && node.dtype === "float32" && order !== null ? order(terms, combine) : terms);
    return collect(node.dtype, node.size, (i) => {
      const first = kept[i] as number;
      const terms = Float64Array.from(reduced, (offset) => (x as TypedArray)[first + offset] as number);
      let result = initial;
      for (const term of arrange(terms)) result = round(f(result, term, node.dtype));
      return result;
    });
  };
}

function argReduce<O extends "argMax" | "argMin">(better: (a: number, b: number) => boolean): Rule<O> {
  return (node, [x]) => {
    const { shape } = inputOf(node, 0);
    const [kept, reduced] = splitOffsets(shape, [node.attributes.axis]);
    return collect("int32", node.size, (i) => {
      const at = (j: number) => (x as TypedArray)[(kept[i] as number) + (reduced[j] as number)] as number;
      let best = 0;
      for (let j = 1; j < reduced.length && !Number.isNaN(at(best)); j++) if (better(at(j), at(best)) || Number.isNaN(at(j))) best = j;
      return best;
    });
  };
}

/** Offsets of the kept and of the reduced positions. */
function splitOffsets(shape: Shape, axes: readonly number[]): [Int32Array, Int32Array] {
  const rest = withoutAxes(
    shape.map((_, i) => i),
    axes,
  );
  return [offsetsAlong(shape, rest), offsetsAlong(shape, axes)];
}

// ---- Indexing

const clamp = (value: number, low: number, high: number) => Math.max(low, Math.min(high, value));

/** The offset of a block of `sizes` at computed starts, clamped so that the block lies inside. */
function blockOffset(shape: Shape, sizes: Shape, starts: readonly TypedArray[]): number {
  const strides = stridesOf(shape);
  return shape.reduce((sum, n, i) => sum + clamp(starts[i]?.[0] as number, 0, n - (sizes[i] as number)) * (strides[i] as number), 0);
}

// ---- The table

const contract: Rule<"contract"> = (node, [a, b], context) => {
  const [shapeA, shapeB] = [inputOf(node, 0).shape, inputOf(node, 1).shape];
  const { batch, contracted } = node.attributes;
  const free = (shape: Shape, side: 0 | 1) =>
    withoutAxes(
      shape.map((_, i) => i),
      [...batch[side], ...contracted[side]],
    );
  const [batchA, batchB] = [offsetsAlong(shapeA, batch[0]), offsetsAlong(shapeB, batch[1])];
  const [freeA, freeB] = [offsetsAlong(shapeA, free(shapeA, 0)), offsetsAlong(shapeB, free(shapeB, 1))];
  const [sumA, sumB] = [offsetsAlong(shapeA, contracted[0]), offsetsAlong(shapeB, contracted[1])];
  const round = rounding(node, context, !anyOrder(sumA.length));
  const result = store(node.dtype, node.size);
  let i = 0;
  for (let n = 0; n < batchA.length; n++) {
    for (const rowOffset of freeA) {
      const row = (batchA[n] as number) + rowOffset;
      for (const columnOffset of freeB) {
        const column = (batchB[n] as number) + columnOffset;
        let sum = 0;
        for (let k = 0; k < sumA.length; k++) {
          const product =
            ((a as TypedArray)[row + (sumA[k] as number)] as number) * ((b as TypedArray)[column + (sumB[k] as number)] as number);
          sum = round(sum + round(product));
        }
        result[i++] = sum;
      }
    }
  }
  return result;
};

const pad: Rule<"pad"> = (node, [x]) => {
  const { low, interior, value } = node.attributes;
  const { shape } = inputOf(node, 0);
  const strides = stridesOf(node.shape);
  const base = low.reduce((sum, n, i) => sum + n * (strides[i] as number), 0);
  const result = store(node.dtype, node.size).fill(encode(node.dtype, value));
  offsets(
    shape,
    strides.map((s, i) => s * ((interior[i] as number) + 1)),
    base,
  ).forEach((to, i) => {
    result[to] = (x as TypedArray)[i] as number;
  });
  return result;
};

const gather: Rule<"gather"> = (node, [x, indices]) => {
  const [outer, n, inner] = around(inputOf(node, 0).shape, node.attributes.axis);
  const result = store(node.dtype, node.size);
  let i = 0;
  for (let o = 0; o < outer; o++) {
    for (const index of indices as TypedArray) {
      for (let k = 0; k < inner; k++) result[i++] = (x as TypedArray)[(o * n + clamp(index, 0, n - 1)) * inner + k] as number;
    }
  }
  return result;
};

const combinations = { sum: "add", product: "mul", maximum: "maximum", minimum: "minimum" } as const;

const scatterAdd: Rule<"scatterAdd"> = (node, [indices, updates], context) => {
  const [outer, n, inner] = around(node.shape, node.attributes.axis);
  const { combine } = node.attributes;
  const round = rounding(node, context);
  const result = store(node.dtype, node.size).fill(neutralOf(combine, node.dtype));
  const next = combine === "last" ? (_: number, update: number) => update : binaryFunctions[combinations[combine]];
  let i = 0;
  for (let o = 0; o < outer; o++) {
    for (const index of indices as TypedArray) {
      for (let k = 0; k < inner; k++) {
        const to = (o * n + clamp(index, 0, n - 1)) * inner + k;
        result[to] = round(next(result[to] as number, (updates as TypedArray)[i++] as number, node.dtype));
      }
    }
  }
  return result;
};

const argSort: Rule<"argSort"> = (node, [x]) => {
  const n = node.shape[node.shape.length - 1] as number;
  const sign = node.attributes.descending ? -1 : 1;
  const result = store("int32", node.size);
  for (let start = 0; start < node.size; start += n) {
    const row = (x as TypedArray).subarray(start, start + n);
    const order = Array.from(row, (_, i) => i).sort((i, j) => {
      const [a, b] = [row[i] as number, row[j] as number];
      const [aIsNaN, bIsNaN] = [Number.isNaN(a), Number.isNaN(b)];
      if (aIsNaN || bIsNaN) return sign * (Number(aIsNaN) - Number(bIsNaN)) || i - j;
      return a === b ? i - j : a < b ? -sign : sign;
    });
    result.set(order, start);
  }
  return result;
};

const recurrence: Rule<"recurrence"> = (node, inputs, context) => {
  const { combine, axis, reverse } = node.attributes;
  const [outer, n, inner] = around(node.shape, axis);
  const x = operand(inputs, inputs.length - 1);
  const round = rounding(node, context);
  const f = binaryFunctions[combine === "product" ? "mul" : combine === "maximum" ? "maximum" : "add"];
  const result = store(node.dtype, node.size);
  for (let o = 0; o < outer; o++) {
    for (let step = 0; step < n; step++) {
      const start = (o * n + (reverse ? n - 1 - step : step)) * inner;
      const before = start + (reverse ? inner : -inner);
      for (let i = 0; i < inner; i++) {
        const value = x[start + i] as number;
        const last = () => result[before + i] as number;
        const carried = () =>
          combine === "linear" ? round(binaryFunctions.mul(inputs[0]?.[start + i] as number, last(), node.dtype)) : last();
        result[start + i] = step === 0 ? value : round(f(carried(), value, node.dtype));
      }
    }
  }
  return result;
};

const whileRule: Rule<"while"> = (node, inputs, { evaluate }) => {
  const { condition, body, constants } = node.attributes;
  const fixed = inputs.slice(0, constants);
  let state = inputs.slice(constants);
  while (operand(evaluate(condition, [...fixed, ...state]), 0)[0] !== 0) state = evaluate(body, [...fixed, ...state]);
  return state;
};

const scan: Rule<"scan"> = (node, inputs, { evaluate }) => {
  const { body, constants, carries, length, reverse, results } = node.attributes;
  const fixed = inputs.slice(0, constants);
  let state = inputs.slice(constants, constants + carries);
  const sequences = inputs.slice(constants + carries);
  const outputs = results.slice(carries).map((type) => store(type.dtype, sizeOf(type.shape)));
  for (let step = 0; step < length; step++) {
    const at = reverse ? length - 1 - step : step;
    const slices = sequences.map((s) => s.subarray((at * s.length) / length, ((at + 1) * s.length) / length));
    const values = evaluate(body, [...fixed, ...state, ...slices]);
    state = values.slice(0, carries);
    outputs.forEach((output, i) => {
      output.set(operand(values, carries + i), (at * output.length) / length);
    });
  }
  return [...state, ...outputs];
};

export const rules: { readonly [O in Op]: Rule<O> } = {
  constant: (node) => store(node.dtype, 1).fill(encode(node.dtype, node.attributes.value)),
  input: (node) => {
    throw new InternalError(`the reference met input "${node.attributes.name}"#${node.id}, which is no parameter of the region`);
  },
  buffer: (node) => {
    const { storage } = node.attributes;
    if (storage.error !== null) throw storage.error;
    const elements = storage.host ?? storage.resident?.read();
    if (elements === undefined || elements.length !== node.size) throw new InternalError(`buffer#${node.id} holds no elements`);
    return collect(node.dtype, node.size, (i) => elements[i] as number);
  },
  iota: (node) => {
    const [, n, inner] = around(node.shape, node.attributes.axis);
    return collect("int32", node.size, (i) => Math.floor(i / inner) % n);
  },

  ...tabulate(plainUnaryOps, unary),
  cast: (node, [x], context) => {
    const from = inputOf(node, 0).dtype;
    const round = rounding(node, context);
    return collect(node.dtype, node.size, (i) => round(convert((x as TypedArray)[i] as number, from, node.dtype)));
  },
  checkBounds: (node, [x]) => {
    const { size, message } = node.attributes;
    for (const value of x as TypedArray) if (value < 0 || value >= size) throw boundsMistake(message, value, size);
    return x as TypedArray;
  },
  ...tabulate(binaryOps, binary),

  where: (node, [condition, yes, no]) =>
    collect(node.dtype, node.size, (i) => ((condition as TypedArray)[i] !== 0 ? (yes as TypedArray)[i] : (no as TypedArray)[i]) as number),
  barrier: (_, [x]) => x as TypedArray,
  threefry: (node, [key0, key1, counter0, counter1]) =>
    collect("uint32", node.size, (i) => {
      const at = (array: TypedArray | undefined) => (array as TypedArray)[i] as number;
      return threefry2x32(at(key0), at(key1), at(counter0), at(counter1))[node.attributes.word];
    }),

  reduceSum: reduce(0, "add"),
  reduceProduct: reduce(1, "mul"),
  reduceMax: reduce(Number.NEGATIVE_INFINITY, "maximum"),
  reduceMin: reduce(Number.POSITIVE_INFINITY, "minimum"),
  argMax: argReduce((a, b) => a > b),
  argMin: argReduce((a, b) => a < b),

  reshape: (_, [x]) => x as TypedArray,
  permute: (node, [x]) => {
    const strides = stridesOf(inputOf(node, 0).shape);
    return pick(
      node,
      x as TypedArray,
      offsets(
        node.shape,
        node.attributes.axes.map((a) => strides[a] as number),
      ),
    );
  },
  expand: (node, [x]) => {
    const { shape } = inputOf(node, 0);
    const strides = stridesOf(shape).map((s, i) => (shape[i] === 1 ? 0 : s));
    return pick(node, x as TypedArray, offsets(node.shape, strides));
  },
  slice: (node, [x]) => {
    const { starts, steps } = node.attributes;
    const strides = stridesOf(inputOf(node, 0).shape);
    const base = starts.reduce((sum, start, i) => sum + start * (strides[i] as number), 0);
    return pick(
      node,
      x as TypedArray,
      offsets(
        node.shape,
        strides.map((s, i) => s * (steps[i] as number)),
        base,
      ),
    );
  },
  pad,
  window: (node, [x]) => {
    const { axes, strides: steps, dilations } = node.attributes;
    const strides = stridesOf(inputOf(node, 0).shape);
    const outer = strides.map((s, axis) => s * (axes.includes(axis) ? (steps[axes.indexOf(axis)] as number) : 1));
    const inner = axes.map((axis, i) => (strides[axis] as number) * (dilations[i] as number));
    return pick(node, x as TypedArray, offsets(node.shape, [...outer, ...inner]));
  },

  contract,

  gather,
  scatterAdd,
  dynamicSlice: (node, [x, ...starts]) => {
    const { shape } = inputOf(node, 0);
    return pick(node, x as TypedArray, offsets(node.shape, stridesOf(shape), blockOffset(shape, node.shape, starts)));
  },
  dynamicUpdate: (node, [x, update, ...starts]) => {
    const sizes = inputOf(node, 1).shape;
    const result = (x as TypedArray).slice();
    offsets(sizes, stridesOf(node.shape), blockOffset(node.shape, sizes, starts)).forEach((to, i) => {
      result[to] = (update as TypedArray)[i] as number;
    });
    return result;
  },
  argSort,
  recurrence,

  cond: (node, [predicate, ...operands], { evaluate }) =>
    evaluate((predicate as TypedArray)[0] !== 0 ? node.attributes.then : node.attributes.otherwise, operands),
  call: (node, inputs, { evaluate }) => evaluate(node.attributes.body, inputs),
  while: whileRule,
  scan,
  project: () => {
    throw new InternalError("project is evaluated by the walk, which holds all results of its operand");
  },
};
