// Tasks: what schedule/ decides and kernel/ lowers. A task is one kernel's worth of graph, still in the graph's words;
// a schedule is tasks in order, with the buffers between them not yet placed. Plain data, like kernel.ts.

import type { DType } from "./dtype.ts";
import type { Kernel, Memory, Step } from "./kernel.ts";
import type { Node } from "./node.ts";
import type { RoutineOp } from "./operation.ts";
import type { Shape } from "./shape.ts";

interface TaskCommon {
  /** For people: the fused operations, such as `matmul+add+maximum`. */
  readonly name: string;
  /**
   * Nodes whose values lie in memory when the task starts: dense, row-major, elements of `memoryOf(dtype)`.
   * Buffers 0, 1, … of the kernel. Every node between these and the outputs is computed inside the kernel.
   */
  readonly inputs: readonly Node[];
  /**
   * Nodes to be written to memory in the same form. The kernel's next buffers. A node may be both computed here and used by others here.
   * An output may lie over an input that the task reads only at the index it writes (a variable updated in place): so a kernel
   * stores final values only, and at each index loads before it stores.
   */
  readonly outputs: readonly Node[];
}

/**
 * A fused tree of elementwise work over views, with reductions. Lowering is total: any mixture of elementwise operations,
 * views, reductions, iota, constants, gather, dynamicSlice, dynamicUpdate and small contract nodes is lowered rightly; the
 * form only decides how fast it is.
 *
 * Loop nest: the outer axes are `domain`; inside each of its points stand, one after the other, loops over `inner`. Each
 * output has as many elements as `domain`, or as `domain` × `inner`, in that row-major order (its shape may differ by a
 * reshape). Three shapes of use are fast:
 * - elementwise: `domain` is the outputs' shape, `inner` is `[]`, no reductions; vectors run along the flat domain;
 * - reduction: `domain` is the reductions' kept shape, `inner` is `[]`; every reduction reduces the same axes; outputs are
 *   reductions or elementwise work on them. Vectors run along the last kept axis where loads are contiguous in it, else
 *   along the last reduced axis in 16 interleaved lanes;
 * - rows: reductions go from `domain × inner` to `domain` over exactly the trailing `inner` axes, may depend on each other,
 *   and outputs have either size (softmax, layer norm, cross-entropy, and their gradients). Outputs among `sums` are
 *   `reduceSum`s over the last part of the domain (of rows, for each of the inner elements): they are added up in memory.
 */
export interface LoopsTask extends TaskCommon {
  readonly kind: "loops";
  readonly domain: Shape;
  readonly inner: Shape;
  readonly sums?: readonly Node[];
}

/** Register tile of a contraction: `rows` of the left operand by `columns` (a multiple of the lanes) of the right. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
  /** Of one vector; the target's where it is left out. */
  readonly lanes?: number;
}

/**
 * A contraction `hero` = Σₖ left[b, m, k] · right[b, k, n] with flattened batch b, rows m, columns n and depth k.
 * `hero.inputs[0]` is read in place: it is a view of an input of the task (`walkView` in view.ts). The right operand comes packed:
 * `packed` is an input of the task with shape [b, ceil(n / tile.columns), k, tile.columns], zero behind the last column. Or, where
 * `packed` is null, it is read in place too: a `walkView` whose innermost run of columns has stride 1. Every output is elementwise work (or reshapes) on `hero` and on views of inputs, with
 * as many elements as `hero` in the same row-major order.
 */
export interface ContractTask extends TaskCommon {
  readonly kind: "contract";
  readonly hero: Node<"contract">;
  readonly packed: Node | null;
  readonly tile: Tile;
}

/** An operation with an algorithm of its own (scatterAdd, argSort, recurrence); all its operands are inputs, it is the one output. */
export interface RoutineTask extends TaskCommon {
  readonly kind: "routine";
  readonly hero: Node<RoutineOp>;
}

export type Task = LoopsTask | ContractTask | RoutineTask;

/** A task once lowered. */
export interface Lowered {
  /** Buffers: the task's inputs, its outputs, then the scratch buffers. */
  readonly kernel: Kernel;
  /** Bytes of each scratch buffer, which the program places in its arena. */
  readonly scratch: readonly number[];
}

/** Where a scheduled buffer lives; temporaries are placed in the arena later, by lifetime. */
export type ScheduledBuffer = { readonly kind: "table"; readonly index: number } | { readonly kind: "temporary"; readonly bytes: number };

/** A message and a bound for each `flag` of the kernels. */
export interface Check {
  readonly message: string;
  readonly size: number;
}

/** The whole graph cut into tasks. In `steps`, a `call`'s kernel is a task's number and its operands are the task's inputs and outputs. */
export interface Schedule {
  readonly tasks: readonly Task[];
  readonly buffers: readonly ScheduledBuffer[];
  readonly steps: readonly Step[];
  /** Rows of the call table: the region's parameters, then its results. */
  readonly inputs: number;
  readonly outputs: number;
  /** Donations `[input row, output row]` that are written in place: the caller passes the same storage in both rows. */
  readonly inPlace: readonly (readonly [number, number])[];
  /** The other donations: to exchange between two repetitions. */
  readonly exchanges: readonly (readonly [number, number])[];
  readonly checks: readonly Check[];
  /** The index in `checks` of a node of the tasks. */
  readonly checkOf: (node: Node<"checkBounds">) => number;
}

/** How elements of a dtype lie in memory. */
export function memoryOf(dtype: DType): Memory {
  return memories[dtype];
}

const memories: Record<DType, Memory> = {
  bool: "bool",
  uint8: "u8",
  int8: "i8",
  int32: "i32",
  uint32: "u32",
  float16: "u16",
  bfloat16: "u16",
  float32: "f32",
  float64: "f64",
};
