// Where the shape of a result depends on values (boolean masks, the number of classes), the values are read on the way. That
// works outside compiled functions only: a program has fixed shapes.

import { context } from "../../engine/context.ts";
import { readStorage } from "../../engine/memory.ts";
import { realize } from "../../engine/realize.ts";
import type { TypedArray } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import type { Storage } from "../../graph/storage.ts";
import { mistake } from "../../util/errors.ts";

/** The elements, computed now. */
export function readNow(where: string, x: Node, problem: string, advice: string): TypedArray {
  if (context.recorder !== null)
    throw mistake("TRACED", {
      where: `${where} in ${context.recorder.name}`,
      problem,
      got: "a compiled function",
      expected: "an eager call",
      advice,
    });
  return readStorage(realize([x])[0] as Storage);
}

/** The row-major positions at which a mask holds. */
export function positionsWhere(where: string, mask: Node): Int32Array {
  const values = readNow(
    where,
    mask,
    "the shape of the result would depend on the values of a mask",
    "Keep the shape: use where, maskedFill or a product with the mask.",
  );
  const positions: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) positions.push(i);
  return Int32Array.from(positions);
}
