// What a differentiation rule is. Reverse mode has one exhaustive table of rules (reverse/table.ts), a file per family.
//
// The seam for what comes later: forward mode and vmap get tables of the same form, `forward/table.ts` and
// `batch/table.ts`, each `satisfies` a record over Op so that the compiler finds a missing row. Forward rules take the
// operands' tangents where reverse rules take the result's cotangent (same activity analysis, activity.ts); batching rules take
// the operands with the position of their batch axis, or null. Nothing else in this folder depends on reverse mode.

import type { Node } from "../graph/node.ts";
import type { Family, Op, OpsOf, Region, RegionOp } from "../graph/operation.ts";

/**
 * From a node and the cotangent of its result (same shape and dtype), the cotangents of its inputs: for each a thunk that is
 * called only where somebody asks for that input, or null where the derivative is zero or undefined (indices, conditions).
 */
export type ReverseRule<O extends Op> = (node: Node<O>, cotangent: Node) => readonly ((() => Node) | null)[];

/** What the rule of a region operation may ask for about its bodies. */
export interface RegionContext {
  /** The cotangents of `wrt`, given those of `outputs`; null where no path leads. */
  readonly pullback: (outputs: readonly Node[], cotangents: readonly Node[], wrt: readonly Node[]) => (Node | null)[];
  /** Which results of a region depend differentiably on the marked parameters. */
  readonly activeResults: (region: Region, active: readonly boolean[]) => boolean[];
}

/** The same for an operation with regions: one cotangent for each result (null: zero), and which inputs are asked for. */
export type RegionRule<O extends RegionOp> = (
  node: Node<O>,
  cotangents: readonly (Node | null)[],
  needed: readonly boolean[],
  context: RegionContext,
) => readonly (Node | null)[];

/** A row of the reverse table; null: nothing flows through (leaves, integers, steps). */
export type ReverseRow<O extends Op> = O extends RegionOp ? RegionRule<O> : O extends "project" ? null : ReverseRule<O> | null;

export type ReverseTable = { readonly [O in Op]: ReverseRow<O> };

/** The rows of some families. */
export type ReverseRows<F extends Family> = Pick<ReverseTable, OpsOf<F>>;
