// Functions of tensors as graphs: traced once on placeholders, with what they are closed over in the open. Shared by branches and
// loops (control.ts) and by the transforms of functions (vmap.ts, jvp.ts, rematerialize.ts).

import { assignTogether, Cell } from "../engine/cell.ts";
import { context } from "../engine/context.ts";
import { type Free, type Traced, type Type, traceBody } from "../engine/trace.ts";
import type { DType } from "../graph/dtype.ts";
import type { Node } from "../graph/node.ts";
import { mistake } from "../util/errors.ts";
import { Tensor, wrap } from "./tensor.ts";
import { flatten, type Template, tensorsOf, unflatten } from "./tree.ts";
import type { AnyTensor } from "./types.ts";

export const typesOf = (tensors: readonly AnyTensor[]): Type[] => tensors.map(({ shape, dtype }) => ({ shape, dtype }));
export const wrapAll = (nodes: readonly Node[]): AnyTensor[] => nodes.map((node) => wrap<DType>(node));
export const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

/** The value of what a body is closed over. */
export const valueOf = (item: Free): Node => (item instanceof Cell ? item.read() : item);

/** Assigns variables together, in the running trace if there is one. */
export function assignCells(cells: readonly Cell[], values: readonly Node[]): void {
  const pairs = cells.map((cell, i) => [cell, values[i] as Node] as const);
  if (context.recorder === null) assignTogether(pairs);
  else for (const [cell, value] of pairs) cell.assign(value);
}

/** Arguments of a function: the tensors in them, which of the arguments each belongs to, and the rest. */
export interface Arguments {
  readonly tensors: readonly AnyTensor[];
  readonly owners: readonly number[];
  readonly template: Template;
}

/** Takes arguments apart. Variables count as tensors: the function gets their value. */
export function argumentsOf(args: readonly unknown[]): Arguments {
  const { leaves, template } = flatten(args, (x) => (x instanceof Tensor ? (x as AnyTensor) : undefined));
  const owners = args.flatMap((arg, i) => flatten(arg, (x) => (x instanceof Tensor ? x : undefined)).leaves.map(() => i));
  return { tensors: leaves, owners, template };
}

export interface Closure {
  readonly traced: Traced;
  /** The structure of what the function returns. */
  readonly template: Template;
}

/** Traces `fn` on placeholders of the given types in place of the arguments' tensors; with `examples` as vmap does. */
export function traceClosure(
  where: string,
  fn: (...args: never[]) => unknown,
  { template }: Arguments,
  types: readonly Type[],
  examples: number | null = null,
): Closure {
  if (typeof fn !== "function") throw mistake("OPTION", { where, problem: "needs a function", got: fn });
  let result: Template = { kind: "static", value: undefined };
  const traced = traceBody(
    where,
    types,
    (parameters) => {
      const returned = fn(...(unflatten(template, wrapAll(parameters.slice(0, types.length))) as never[]));
      const flat = tensorsOf(where, "the results of the function", returned);
      result = flat.template;
      return flat.leaves.map((t) => t.node);
    },
    examples,
  );
  return { traced, template: result };
}

/** For each placeholder of what a function is closed over, its value. */
export function boundOf({ cells, captured }: Traced): Map<Node, Node> {
  return new Map([...cells.map((c) => [c.placeholder, c.cell.read()] as const), ...captured.map((c) => [c.placeholder, c.node] as const)]);
}

/** The variables that a function assigns, and their next values. */
export function assignedBy({ cells }: Traced): { readonly cells: Cell[]; readonly values: Node[] } {
  const assigned = cells.filter((c) => c.next !== null);
  return { cells: assigned.map((c) => c.cell), values: assigned.map((c) => c.next as Node) };
}
