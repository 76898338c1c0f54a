// Leaves of the graph: numbers, placeholders, realised values, counters.

import { coerce, type DType } from "../dtype.ts";
import { Node } from "../node.ts";
import { normalizeAxis, type Shape } from "../shape.ts";
import type { Storage } from "../storage.ts";
import { broadcastTo } from "./view.ts";

let nextKey = 0;

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
