// What the builders share.

import { type DType, isHalf } from "../dtype.ts";
import { Node } from "../node.ts";

/** The attributes of an operation that carries nothing. */
export const none: { readonly none?: never } = {};

export function cast(x: Node, dtype: DType): Node {
  return x.dtype === dtype ? x : new Node("cast", [x], none, x.shape, dtype);
}

/** 16-bit floats as float32, in which everything is computed. */
export function wide(x: Node): Node {
  return isHalf(x.dtype) ? cast(x, "float32") : x;
}
