// Variables: named cells that hold one tensor after the other, and the only things in the library that change. Used in an
// expression, a variable is its present value; assigning makes a new value and leaves what was built from the old one alone.

import { assignTogether, Cell } from "../engine/cell.ts";
import { context } from "../engine/context.ts";
import { hostOf } from "../engine/memory.ts";
import { checkAssignment } from "../engine/trace.ts";
import { cast, constant } from "../graph/build.ts";
import { type DType, isReal } from "../graph/dtype.ts";
import type { Node } from "../graph/node.ts";
import { Storage } from "../graph/storage.ts";
import { InternalError, mistake } from "../util/errors.ts";
import { type Data, type DTypeOfData, nodeOfData } from "./create.ts";
import { Tensor } from "./tensor.ts";

let unnamed = 0;
const owners = new WeakMap<Cell, Variable<DType>>();

/** The variable that a cell is the heart of. */
export function variableOf(cell: Cell): Variable<DType> {
  const owner = owners.get(cell);
  if (owner === undefined) throw new InternalError(`cell "${cell.name}" belongs to no variable`);
  return owner;
}

export class Variable<D extends DType = "float32"> extends Tensor<D> {
  /** The cell behind it; for the library. */
  readonly cell: Cell;

  /** Use `variable`; this is for the library. */
  constructor(initial: Node, name: string, trainable: boolean) {
    super(initial);
    this.cell = new Cell(initial, name, trainable);
    owners.set(this.cell, this as unknown as Variable<DType>);
  }

  /** The present value: in a traced function the traced one. What is built from it keeps it when the variable changes. */
  override get node(): Node {
    return this.cell.read();
  }

  get name(): string {
    return this.cell.name;
  }

  set name(name: string) {
    this.cell.name = name;
  }

  /** Whether `variablesOf` and with it optimisers see it. Compiled functions notice a change. */
  get trainable(): boolean {
    return this.cell.trainable.value;
  }

  set trainable(value: boolean) {
    this.cell.trainable.value = value;
  }

  /**
   * Gives the variable a new value: at once outside a compiled function, as part of the program inside.
   *
   * @param value a tensor of the variable's shape and dtype, data that makes one, or for a scalar a number.
   * @throws UserError `SHAPE` or `DTYPE` with both types.
   */
  assign(value: Tensor<DType> | Data): void {
    this.cell.assign(this.accept(value));
  }

  /** The value as a node of the variable's type. */
  accept(value: Tensor<DType> | Data): Node {
    const node = value instanceof Tensor ? value.node : nodeOfData(`assign to "${this.name}"`, value, { dtype: this.dtype });
    // Scalars may change their dtype on the way: counters and hyper-parameters do.
    const fitted = node.shape.length === 0 && this.rank === 0 ? cast(node, this.dtype) : node;
    checkAssignment(this.name, this, fitted);
    return fitted;
  }

  protected override storage(): Storage {
    return context.recorder === null ? this.cell.value() : super.storage();
  }

  /** Gives the value's memory back; the variable cannot be read again until it is assigned. */
  override dispose(): void {
    this.cell.discard(mistake("DISPOSED", { where: this.name, problem: "the variable was disposed of", advice: "Assign a value first." }));
  }
}

export interface VariableOptions<D extends DType = DType> {
  /** For messages, checkpoints and printing; default `variable0` and so on. */
  readonly name?: string;
  /** Whether optimisers change it; default true for floats. */
  readonly trainable?: boolean;
  /** Default that of the initial value. */
  readonly dtype?: D;
}

/** The dtype of a tensor, or the one that data becomes. */
type DTypeOf<T> = T extends Tensor<infer D> ? D : DTypeOfData<T>;

/**
 * A variable with an initial value, which is computed when it is first needed.
 *
 * @param initial a tensor, or data that makes one.
 * @param options a name, or options.
 * @throws UserError `TRACED` where the value depends on the arguments of the function being traced.
 * @example
 * const W = variable(normal([2, 3], { std: 0.1 }), "W");
 * W.assign(W.mul(0.5));
 */
export function variable<T extends Tensor<DType> | Data, D extends DType = DTypeOf<T>>(
  initial: T,
  options: string | VariableOptions<D> = {},
): Variable<NoInfer<D>> {
  const { name, trainable, dtype } = typeof options === "string" ? { name: options, trainable: undefined, dtype: undefined } : options;
  const given = initial instanceof Tensor ? initial.node : nodeOfData("variable", initial, dtype === undefined ? {} : { dtype });
  const node = dtype === undefined ? given : cast(given, dtype);
  return new Variable<D>(node, name ?? `variable${unnamed++}`, trainable ?? isReal(node.dtype));
}

/** A float64 scalar that is data, not structure: hyper-parameters, counters, schedules. */
export class Scalar extends Variable<"float64"> {
  /** The number now. Setting it never recompiles anything. */
  get value(): number {
    if (context.recorder !== null) return this.itemSync();
    return hostOf(this.cell.value())[0] as number;
  }

  set value(value: number) {
    if (typeof value !== "number")
      throw mistake("OPTION", { where: this.name, problem: "the value must be a number", got: value, advice: "Use assign for tensors." });
    if (context.recorder === null) this.cell.take(new Storage("float64", 1, Float64Array.of(value)));
    else this.assign(value);
  }
}

/**
 * A number that programs read as data: a learning rate, λ, a counter. It is kept in double precision and rounded once,
 * where it meets a float32 tensor; it is not trainable.
 *
 * @example
 * const rate = scalar(0.01, "learningRate");
 * rate.value = 0.005;   // compiled steps use it from the next call on
 */
export function scalar(value: number, name?: string): Scalar {
  if (typeof value !== "number") throw mistake("OPTION", { where: name ?? "scalar", problem: "the value must be a number", got: value });
  return new Scalar(constant(value, "float64"), name ?? `scalar${unnamed++}`, false);
}

/**
 * Assigns several variables at once: all values are computed from the present ones in one program, then all change, or none.
 *
 * @throws UserError as `assign` does, and `OPTION` where a variable stands twice.
 * @example
 * assignAll([W, b], [W.sub(dW.mul(0.1)), b.sub(db.mul(0.1))]);
 */
export function assignAll(variables: readonly Variable<DType>[], values: readonly (Tensor<DType> | Data)[]): void {
  if (variables.length !== values.length)
    throw mistake("OPTION", {
      where: "assignAll",
      problem: "needs a value for each variable",
      got: values.length,
      expected: variables.length,
    });
  const twice = variables.find((v, i) => variables.indexOf(v) !== i);
  if (twice !== undefined) throw mistake("OPTION", { where: "assignAll", problem: `variable "${twice.name}" stands twice in the list` });
  const pairs = variables.map((v, i) => [v.cell, v.accept(values[i] as Tensor<DType> | Data)] as const);
  if (context.recorder === null) assignTogether(pairs);
  else for (const [cell, node] of pairs) cell.assign(node);
}
