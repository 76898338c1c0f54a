// A group: the nodes that one task computes. What fuse.ts decides and tasks.ts writes down.

import type { Node } from "../graph/node.ts";
import type { Shape } from "../graph/shape.ts";

export interface Group {
  /** Nodes computed here that may be stored; others are computed wherever they are needed. In topological order. */
  readonly members: readonly Node[];
  /** Members that are stored. */
  readonly outputs: readonly Node[];
  /** The contraction or routine that the task is about. */
  readonly hero: Node | null;
  readonly domain: Shape;
  readonly inner: Shape;
  /** Outputs that are sums over the last axis of the domain. */
  readonly sums: readonly Node[];
}

/** A region cut into groups. */
export interface Grouping {
  readonly groups: readonly Group[];
  /** All nodes that have memory of their own, beside parameters and projections. */
  readonly stored: ReadonlySet<Node>;
}
