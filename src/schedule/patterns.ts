// The patterns of simplification, by operation: what a node with simplified inputs is better written as.

import type { Node } from "../graph/node.ts";
import type { Op } from "../graph/operation.ts";
import { isHero, isSmall, normalizeContraction } from "./contraction.ts";

/** A better node of the same type and values, or the node itself. */
export type Pattern<O extends Op> = (node: Node<O>) => Node;

export const patterns: { readonly [O in Op]?: Pattern<O> } = {
  contract: (node) => (isHero(node) && !isSmall(node) ? node : normalizeContraction(node)),
};
