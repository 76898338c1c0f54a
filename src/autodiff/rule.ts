// What a rule is. Reverse mode, forward mode and batching have one exhaustive table each (reverse/table.ts, forward/table.ts,
// batch/table.ts), so that the compiler finds a missing row. Reverse rules take the result's cotangent, forward rules the
// operands' tangents, batching rules the operands with the examples along a new axis 0 where they differ.

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

// ---- Forward mode

/** From a node and the tangents of its inputs (null: zero; not all are), the tangent of its result. */
export type ForwardRule<O extends Op> = (node: Node<O>, tangents: readonly (Node | null)[]) => Node;

/** The same for an operation with regions: the tangents of its results, null for those that are not asked for. */
export type ForwardRegionRule<O extends RegionOp> = (
  node: Node<O>,
  tangents: readonly (Node | null)[],
  results: readonly boolean[],
  context: ForwardContext,
) => readonly (Node | null)[];

export interface ForwardContext {
  /** The tangents of some nodes, given those of others; null where no path leads. */
  readonly pushforward: (outputs: readonly Node[], wrt: readonly Node[], tangents: readonly Node[]) => (Node | null)[];
  /** Which results of a region depend differentiably on the marked parameters. */
  readonly activeResults: (region: Region, active: readonly boolean[]) => boolean[];
}

export type ForwardRow<O extends Op> = O extends RegionOp ? ForwardRegionRule<O> : O extends "project" ? null : ForwardRule<O> | null;

export type ForwardTable = { readonly [O in Op]: ForwardRow<O> };

export type ForwardRows<F extends Family> = Pick<ForwardTable, OpsOf<F>>;

// ---- Batching

/** What a node has become: itself for all examples, or with the examples along a new axis 0. */
export interface Mapped {
  readonly node: Node;
  readonly batched: boolean;
}

/** From a node and what its inputs have become (one of them batched), the node for all examples, along axis 0. */
export type BatchRule<O extends Op> = (node: Node<O>, inputs: readonly Mapped[], size: number) => Node;

/** The same for an operation with regions: what each result has become. */
export type BatchRegionRule<O extends RegionOp> = (
  node: Node<O>,
  inputs: readonly Mapped[],
  size: number,
  batch: BatchGraph,
) => readonly Mapped[];

/** What some roots become, given what some nodes behind them have become. */
export type BatchGraph = (roots: readonly Node[], given: ReadonlyMap<Node, Mapped>, size: number) => Mapped[];

export type BatchRow<O extends Op> = O extends RegionOp ? BatchRegionRule<O> : O extends OpsOf<"leaf" | "project"> ? null : BatchRule<O>;

export type BatchTable = { readonly [O in Op]: BatchRow<O> };

export type BatchRows<F extends Family> = Pick<BatchTable, OpsOf<F>>;
