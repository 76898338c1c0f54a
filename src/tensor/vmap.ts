// vmap: a function of one example becomes a function of many, by a rewrite of its graph.

import { moveAxis } from "../autodiff/batch/axis.ts";
import { batchGraph } from "../autodiff/batch.ts";
import type { Mapped } from "../autodiff/rule.ts";
import { broadcastTo, cast, iota } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { normalizeAxis, showShape } from "../graph/shape.ts";
import { mistake } from "../util/errors.ts";
import { checkNames } from "../util/options.ts";
import { argumentsOf, assignCells, assignedBy, boundOf, traceClosure, wrapAll } from "./closure.ts";
import { type Template, unflatten } from "./tree.ts";
import type { AnyTensor } from "./types.ts";

/** An axis for all arguments (or results), or one for each; null: the same for all examples. */
export type MapAxes = number | null | readonly (number | null)[];

export interface MapOptions {
  /** The axis of the examples in each argument; default 0. Tensors in arrays and objects have their argument's. */
  readonly inAxes?: MapAxes;
  /** Where the axis of the examples stands in each result; default 0. */
  readonly outAxes?: MapAxes;
}

/**
 * `fn` for many examples at once: as a loop over the examples that stacks the results, but one graph, in which a product of a
 * matrix with a vector has become one of matrices. It nests, gradients go through it, and it goes through `gradients`.
 *
 * What `fn` is closed over is the same for all examples. Variables may be assigned only what does not depend on the example.
 * Each example gets random numbers of its own, as in a loop; a draw with a `seed` is a function of that, and the same for all.
 * `cond` on a predicate that differs between examples computes both branches and chooses; `whileLoop` runs until all are done.
 *
 * @param fn takes tensors (in arrays or plain objects too) without the axis of the examples, and returns tensors likewise.
 * @throws UserError `SHAPE` where arguments differ in the number of examples, `OPTION` where a variable's next value depends on the example.
 * @example
 * const perExample = vmap((x: Tensor, y: Tensor) => gradients(mse(x.matmul(W), y), [W])[0]);
 * const norms = perExample(X, Y).square().sum([1, 2]).sqrt();   // X: [examples, …]
 */
export function vmap<A extends readonly unknown[], R>(fn: (...args: A) => R, options: MapOptions = {}): (...args: A) => R {
  const where = "vmap";
  checkNames(where, options, ["inAxes", "outAxes"]);
  const { inAxes = 0, outAxes = 0 } = options;
  return (...args) => {
    const given = argumentsOf(args);
    if (Array.isArray(inAxes) && inAxes.length !== args.length)
      throw mistake("OPTION", { where, problem: "inAxes needs an axis (or null) for each argument", got: inAxes, expected: args.length });
    const axes = given.tensors.map((t, i) => {
      const axis = axisAt(inAxes, given.owners[i] as number);
      return axis === null ? null : normalizeAxis(where, axis, t.rank);
    });
    const size = countOf(given.tensors, axes);
    const types = given.tensors.map(({ shape, dtype }, i) => ({ shape: shape.filter((_, at) => at !== axes[i]), dtype }));
    const { traced, template } = traceClosure(where, fn as (...args: never[]) => unknown, given, types, size);

    const become = new Map<Node, Mapped>();
    traced.parameters.forEach((parameter, i) => {
      const axis = axes[i];
      const node = i < types.length ? (given.tensors[i] as AnyTensor).node : cast(iota([size], 0), "uint32");
      become.set(parameter, axis === null ? { node, batched: false } : { node: moveAxis(node, axis ?? 0, 0), batched: true });
    });
    for (const [placeholder, node] of boundOf(traced)) become.set(placeholder, { node, batched: false });

    const { cells, values } = assignedBy(traced);
    const found = batchGraph([...traced.results, ...values], become, size);
    const count = traced.results.length;
    cells.forEach((cell, i) => {
      if (found[count + i]?.batched)
        throw mistake("OPTION", {
          where,
          problem: `variable "${cell.name}" is assigned a value that depends on the example`,
          advice: "Return the value, reduce it over the examples, and assign it outside.",
        });
    });
    assignCells(
      cells,
      found.slice(count).map((m) => m.node),
    );
    const places = placesOf(template, outAxes, count);
    const results = found.slice(0, count).map((m, i) => placed(m, places[i] as number | null, size));
    return unflatten(template, wrapAll(results)) as R;
  };
}

const axisAt = (axes: MapAxes, i: number): number | null => (typeof axes === "object" && axes !== null ? (axes[i] ?? null) : axes);

/** How many examples there are. */
function countOf(tensors: readonly AnyTensor[], axes: readonly (number | null)[]): number {
  const where = "vmap";
  let size: number | null = null;
  tensors.forEach((t, i) => {
    const axis = axes[i];
    if (axis == null) return;
    const n = t.shape[axis] as number;
    if (size !== null && size !== n)
      throw mistake("SHAPE", {
        where,
        problem: `tensor ${i} has another number of examples along axis ${axis} than those before`,
        got: `${n} in ${showShape(t.shape)}`,
        expected: size,
      });
    size = n;
  });
  if (size === null)
    throw mistake("OPTION", { where, problem: "no argument has an axis of examples", advice: "Give a tensor whose inAxes is not null." });
  return size;
}

/** The axis for each of the results' tensors. */
function placesOf(template: Template, outAxes: MapAxes, count: number): (number | null)[] {
  if (typeof outAxes !== "object" || outAxes === null) return new Array<number | null>(count).fill(outAxes);
  if (template.kind !== "array" || template.items.length !== outAxes.length)
    throw mistake("OPTION", {
      where: "vmap",
      problem: "outAxes needs an axis (or null) for each result of a function that returns an array",
      got: outAxes,
    });
  const places = new Array<number | null>(count).fill(0);
  const mark = (t: Template, axis: number | null): void => {
    if (t.kind === "leaf") places[t.index] = axis;
    else if (t.kind === "array") for (const item of t.items) mark(item, axis);
    else if (t.kind === "object") for (const [, item] of t.entries) mark(item, axis);
  };
  template.items.forEach((item, i) => {
    mark(item, outAxes[i] ?? null);
  });
  return places;
}

/** A result with the examples where they are asked for. */
function placed({ node, batched }: Mapped, axis: number | null, size: number): Node {
  if (axis === null) {
    if (!batched) return node;
    throw mistake("OPTION", {
      where: "vmap",
      problem: "outAxes says null for a result that differs between examples",
      got: showShape(node.shape),
      expected: "an axis for the examples",
    });
  }
  const all = batched ? node : broadcastTo(node, [size, ...node.shape]);
  return moveAxis(all, 0, normalizeAxis("vmap", axis, all.shape.length));
}
