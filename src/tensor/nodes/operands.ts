// How operands of different shapes and dtypes meet, before the builders see them: broadcasting, promotion, and plain numbers.

import { broadcastTo, buffer, cast, constant } from "../../graph/build.ts";
import { computed, type DType, dtypes, isFloat, isReal, promote } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import { broadcastShapes } from "../../graph/shape.ts";
import { Storage } from "../../graph/storage.ts";
import { mistake } from "../../util/errors.ts";
import { checkNames } from "../../util/options.ts";

/** A node, or a number that takes the dtype of what it meets. */
export type Operand = Node | number;

/** The dtype of a number beside a dtype: that dtype, but float32 for a fraction beside integers, and int32 beside bool. */
function dtypeOfNumber(value: number, beside: DType): DType {
  if (isReal(beside)) return computed(beside);
  if (!Number.isInteger(value)) return "float32";
  return beside === "bool" ? "int32" : beside;
}

/** The dtype in which two nodes meet: `promote`, and a float64 scalar beside any larger tensor that is not float64 is float32. */
export function meet(where: string, a: Node, b: Node): DType {
  const [aIsScalar, bIsScalar] = [a.shape.length === 0, b.shape.length === 0];
  const dtype = promote(where, a.dtype, b.dtype, aIsScalar, bIsScalar);
  if (dtype !== "float64" || a.dtype === b.dtype) return dtype;
  const [wide, other] = a.dtype === "float64" ? [a, b] : [b, a];
  return wide.shape.length === 0 && other.shape.length > 0 ? "float32" : dtype;
}

/** Two operands as nodes of one shape and one dtype. */
export function align(where: string, a: Operand, b: Operand): [Node, Node] {
  if (typeof a === "number") {
    if (typeof b === "number") return [constant(a, "float32"), constant(b, "float32")];
    const [second, first] = align(where, b, a);
    return [first, second];
  }
  const other = typeof b === "number" ? constant(b, dtypeOfNumber(b, a.dtype)) : b;
  const dtype = meet(where, a, other);
  const shape = broadcastShapes(where, a.shape, other.shape);
  return [broadcastTo(cast(a, dtype), shape), broadcastTo(cast(other, dtype), shape)];
}

/** An operand alone. */
export function nodeOf(x: Operand): Node {
  return typeof x === "number" ? constant(x, "float32") : x;
}

/** Integers and bool as float32; floats as they are. */
export function floating(x: Node): Node {
  return isFloat(x.dtype) ? x : cast(x, "float32");
}

/** A number in every element, of the node's shape and dtype. */
export function fill(x: Node, value: number): Node {
  return constant(value, x.dtype, x.shape);
}

/** A condition as bool; anything else is refused. */
export function condition(where: string, x: Node): Node {
  if (x.dtype === "bool") return x;
  throw mistake("DTYPE", { where, problem: "the condition must be bool", got: x.dtype, advice: "Compare first, for example with ne(0)." });
}

/** Indices as int32. */
export function indices(where: string, x: Node): Node {
  if (x.dtype === "int32") return x;
  if (x.dtype === "uint8") return cast(x, "int32");
  throw mistake("DTYPE", {
    where,
    problem: "indices must be integers",
    got: x.dtype,
    expected: "int32 or uint8",
    advice: 'Cast them: cast("int32").',
  });
}

/** Indices given as numbers. */
export function indexList(where: string, values: ArrayLike<number> | number): Node {
  const list = typeof values === "number" ? [values] : values;
  if (typeof list !== "object" || list === null || typeof list.length !== "number")
    throw mistake("OPTION", { where, problem: "indices must be a tensor or a list of whole numbers", got: values });
  for (let i = 0; i < list.length; i++)
    if (!Number.isInteger(list[i])) throw mistake("OPTION", { where, problem: `index ${i} is no whole number`, got: list[i] });
    else if (((list[i] as number) | 0) !== list[i])
      throw mistake("RANGE", { where, problem: `index ${i} is outside any axis`, got: list[i] });
  return buffer(new Storage("int32", list.length, Int32Array.from(list)), typeof values === "number" ? [] : [list.length]);
}

/** A dtype that there is. */
export function checkDType(where: string, dtype: DType): void {
  if (!dtypes.includes(dtype)) throw mistake("DTYPE", { where, problem: "unknown dtype", got: dtype, expected: dtypes.join(", ") });
}

/** The options themselves, when their names are known. */
export function optionsOf<T extends object>(where: string, options: T, names: readonly string[]): T {
  checkNames(where, options, names);
  return options;
}

/** What the options of a reduction say: whether reduced axes stay, with size 1. */
export function keeps(
  where: string,
  options: { readonly keepDimensions?: boolean },
  names: readonly string[] = ["keepDimensions"],
): boolean {
  return optionsOf(where, options, names).keepDimensions === true;
}
