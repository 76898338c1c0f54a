// The transpose of a linear function, by reverse mode.

import type { Node } from "../../graph/node.ts";
import { substitute } from "../../graph/rewrite.ts";
import { zerosLike } from "../arithmetic.ts";
import { vectorJacobian } from "../gradients.ts";

/** For y = A·cotangent, Aᵀ·tangents; where y is no linear function of it, its derivative at 0. */
export function transposeOf(y: readonly Node[], cotangent: Node, tangents: readonly Node[]): Node {
  const [found] = vectorJacobian(y, tangents, [cotangent]);
  return found == null ? zerosLike(cotangent) : (substitute([found], new Map([[cotangent, zerosLike(cotangent)]]))[0] as Node);
}
