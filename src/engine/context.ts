// What is being traced at this moment, if anything. One place, so that cells, settings and tensors agree.

import type { Node } from "../graph/node.ts";
import type { Cell } from "./cell.ts";
import type { Setting } from "./setting.ts";

/** What a trace does when the library's state is read or written while it runs; see trace.ts. */
export interface Recorder {
  /** The compiled function, for messages. */
  readonly name: string;
  /** The variable's value at this point of the traced program. */
  read(cell: Cell): Node;
  assign(cell: Cell, value: Node): void;
  /** All nodes that stand for the variable's present value: in a body that does not assign it, also those outside. */
  presentNodes(cell: Cell): readonly Node[];
  /** The variable that this node is the present value of. */
  cellOf(node: Node): Cell | undefined;
  /** The node with what the trace stands in for replaced by what it stood for before: for values made once, while tracing. */
  outside(node: Node, what: string): Node;
  /** Where the trace is one of a function that is mapped over examples: how many, and which one it is; the innermost first. */
  examples(): readonly Examples[];
  guard(setting: Setting<unknown>, value: unknown): void;
  changed(setting: Setting<unknown>, before: unknown): void;
}

/** A function mapped over examples: their number, and a uint32 scalar that says which one is traced. */
export interface Examples {
  readonly size: number;
  readonly index: Node;
}

export const context: { recorder: Recorder | null } = { recorder: null };

/** Runs `body` while `recorder` listens; restores the former one whatever happens. */
export function within<T>(recorder: Recorder | null, body: () => T): T {
  const before = context.recorder;
  context.recorder = recorder;
  try {
    return body();
  } finally {
    context.recorder = before;
  }
}
