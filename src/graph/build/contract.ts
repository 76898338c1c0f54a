// The contraction.

import { InternalError, mistake } from "../../util/errors.ts";
import { isFloat } from "../dtype.ts";
import { Node } from "../node.ts";
import { showShape } from "../shape.ts";
import { wide } from "./common.ts";

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
