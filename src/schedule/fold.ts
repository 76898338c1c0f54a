// Constants: which nodes have one known value in every element, and arithmetic on such values. Only operations that every
// device rounds alike are folded, so folding never changes a result.

import { constant } from "../graph/build.ts";
import { coerce, type DType, isFloat, isReal } from "../graph/dtype.ts";
import { inputOf, is, type Node } from "../graph/node.ts";
import type { Op } from "../graph/operation.ts";
import { roundHalfEven } from "../util/special.ts";

/** The value of every element, where it is known: a constant seen through views that add nothing. */
export function constantOf(node: Node): number | null {
  let at = node;
  while (at.op === "reshape" || at.op === "expand" || at.op === "permute" || at.op === "slice" || at.op === "window") at = inputOf(at, 0);
  return is(at, "constant") ? at.attributes.value : null;
}

type Fold = (dtype: DType, ...values: readonly number[]) => number;

const folds: { readonly [O in Op]?: Fold } = {
  neg: (dtype, x) => coerce(dtype, -(x as number)),
  abs: (dtype, x) => coerce(dtype, Math.abs(x as number)),
  sign: (dtype, x) => coerce(dtype, Number.isNaN(x) ? 0 : Math.sign(x as number)),
  sqrt: (dtype, x) => coerce(dtype, Math.sqrt(x as number)),
  floor: (_, x) => Math.floor(x as number),
  ceil: (_, x) => Math.ceil(x as number),
  trunc: (_, x) => Math.trunc(x as number),
  round: (_, x) => roundHalfEven(x as number),
  not: (_, x) => (x === 0 ? 1 : 0),
  add: (dtype, a, b) => coerce(dtype, (a as number) + (b as number)),
  sub: (dtype, a, b) => coerce(dtype, (a as number) - (b as number)),
  mul: (dtype, a, b) => coerce(dtype, isFloat(dtype) ? (a as number) * (b as number) : Math.imul(a as number, b as number)),
  div: (dtype, a, b) => {
    if (isFloat(dtype)) return coerce(dtype, (a as number) / (b as number));
    return b === 0 ? 0 : coerce(dtype, Math.trunc((a as number) / (b as number)));
  },
  maximum: (_, a, b) => Math.max(a as number, b as number),
  minimum: (_, a, b) => Math.min(a as number, b as number),
  eq: (_, a, b) => Number(a === b),
  ne: (_, a, b) => Number(a !== b),
  lt: (_, a, b) => Number((a as number) < (b as number)),
  le: (_, a, b) => Number((a as number) <= (b as number)),
  and: (dtype, a, b) => coerce(dtype, (a as number) & (b as number)),
  or: (dtype, a, b) => coerce(dtype, (a as number) | (b as number)),
  xor: (dtype, a, b) => coerce(dtype, (a as number) ^ (b as number)),
};

/** The node as a constant, where all its inputs are constants and its operation folds; else null. */
export function folded(node: Node): Node | null {
  const fold = folds[node.op];
  if (fold === undefined && node.op !== "cast") return null;
  const values: number[] = [];
  for (const x of node.inputs) {
    const value = constantOf(x);
    if (value === null) return null;
    values.push(value);
  }
  const value = fold === undefined ? convert(values[0] as number, inputOf(node, 0).dtype, node.dtype) : fold(node.dtype, ...values);
  return constant(value, node.dtype, node.shape);
}

function convert(value: number, from: DType, to: DType): number {
  if (to === "bool") return Number(value !== 0);
  if (isReal(to) || !isReal(from)) return coerce(to, value);
  if (Number.isNaN(value)) return 0;
  const [low, high] = to === "uint32" ? [0, 2 ** 32 - 1] : [-(2 ** 31), 2 ** 31 - 1];
  return coerce(to, Math.trunc(Math.min(Math.max(value, low), high)));
}
