// Where an operation writes what it needs on the way: values with names, and statements before the one it is part of.

import type { Expression, Statement } from "../graph/kernel.ts";
import type { Emit } from "./expression.ts";

export interface Writer {
  readonly emit: Emit;
  /** A new variable with a first value, which later statements set. */
  readonly mutable: (value: Expression) => Expression & { kind: "variable" };
  readonly push: (statement: Statement) => void;
  /** The statements of a branch or loop, which are not pushed. */
  readonly block: (write: (inner: Writer) => void) => readonly Statement[];
}
