// Functions whose backward pass is not the usual one: it computes the forward values again, or is given by hand. Both are a `call`
// in the graph.

import { cellAfter, type Free, freeOf, regionWith } from "../engine/trace.ts";
import { call, input } from "../graph/build.ts";
import { isFloat } from "../graph/dtype.ts";
import type { Node } from "../graph/node.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import { mistake } from "../util/errors.ts";
import { argumentsOf, assignCells, range, traceClosure, typesOf, valueOf, wrapAll } from "./closure.ts";
import { Tensor } from "./tensor.ts";
import { type Template, unflatten } from "./tree.ts";
import type { AnyTensor } from "./types.ts";

/**
 * `fn`, with less memory in training: its intermediate values are not kept for the backward pass, which computes them again from
 * the arguments (gradient checkpointing). Values and gradients are the same; random numbers too, and variables that `fn` assigns
 * are assigned once. Worth it around each of several equal blocks.
 *
 * @param fn takes tensors (in arrays or plain objects too) and returns tensors likewise.
 * @example
 * const block = rematerialize((x: Tensor) => relu(x.matmul(W1)).matmul(W2));
 * Source: Chen, Xu, Zhang, Guestrin 2016, arXiv 1604.06174.
 */
export function rematerialize<A extends readonly unknown[], R>(fn: (...args: A) => R): (...args: A) => R {
  const where = "rematerialize";
  return (...args) => {
    const given = argumentsOf(args);
    const { traced, template } = traceClosure(where, fn as (...args: never[]) => unknown, given, typesOf(given.tensors));
    const { assigned, constants } = freeOf([traced]);
    const order: (Free | number)[] = [...range(0, given.tensors.length), ...assigned, ...constants];
    const open = regionWith(traced, order, traced.results);
    const after = assigned.map((cell) => cellAfter(traced, cell, order, open));
    const inputs = [...given.tensors.map((t) => t.node), ...[...assigned, ...constants].map(valueOf)];
    const results = call({ parameters: open.parameters, results: [...traced.results, ...after] }, inputs);
    assignCells(assigned, results.slice(traced.results.length));
    return unflatten(template, wrapAll(results.slice(0, traced.results.length))) as R;
  };
}

/** What a backward function is told: the cotangents of the float results, the arguments' tensors, and the results. */
export interface Backward {
  readonly cotangents: readonly Tensor[];
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/**
 * `fn` with a gradient given by hand: for what is not differentiable, or where a better formula than the derivative of each step is
 * known. What `fn` is closed over gets no gradient: pass it as an argument.
 *
 * @param fn takes tensors and returns tensors.
 * @param backward gives the cotangent of each argument (null: none) of its shape and dtype.
 * @throws UserError `SHAPE` where a cotangent has another type than its argument.
 * @example
 * const roundThrough = customGradient((x: Tensor) => x.round(), ({ cotangents: [g] }) => [g]);
 */
export function customGradient<A extends readonly AnyTensor[], R>(
  fn: (...args: A) => R,
  backward: (values: Backward) => readonly (AnyTensor | null | undefined)[],
): (...args: A) => R {
  const where = "customGradient";
  return (...args) => {
    const stray = args.find((arg) => !(arg instanceof Tensor));
    if (stray !== undefined) throw mistake("OPTION", { where, problem: "takes tensors only", got: stray });
    const forward = traceClosure(where, fn as (...args: never[]) => unknown, argumentsOf(args), typesOf(args));
    const inputs = typesOf(args);
    const outputs = forward.traced.results.map(({ shape, dtype }) => ({ shape, dtype }));
    const floats = outputs.filter((t) => isFloat(t.dtype));
    const targets: number[] = [];
    const types = [...inputs, ...outputs, ...floats];
    const every: Template = { kind: "array", items: types.map((_, index) => ({ kind: "leaf", index })) };
    const pulled = traceClosure(
      where,
      (...values: Tensor[]) => {
        const [a, b] = [inputs.length, inputs.length + outputs.length];
        const grads = backward({ inputs: values.slice(0, a), outputs: values.slice(a, b), cotangents: values.slice(b) });
        if (!Array.isArray(grads) || grads.length !== inputs.length)
          throw mistake("OPTION", { where, problem: "backward must give a list with a cotangent (or null) for each argument", got: grads });
        return grads.filter((g, i) => {
          if (g == null) return false;
          const { shape, dtype } = inputs[i] as AnyTensor;
          if (!isFloat(dtype) || g.dtype !== dtype || !sameShape(g.shape, shape))
            throw mistake("SHAPE", {
              where,
              problem: `the cotangent of argument ${i} has another type`,
              got: `${g.dtype}${showShape(g.shape)}`,
              expected: isFloat(dtype) ? `${dtype}${showShape(shape)}` : `null, for ${dtype}`,
            });
          targets.push(i);
          return true;
        });
      },
      { tensors: [], owners: [], template: every },
      types,
    );
    const stateful = pulled.traced.cells.find((c) => c.next !== null);
    if (stateful !== undefined)
      throw mistake("OPTION", {
        where,
        problem: `backward assigns variable "${stateful.cell.name}"`,
        advice: "Draw random numbers in the forward function, or with a seed.",
      });

    const { assigned, constants } = freeOf([forward.traced, pulled.traced]);
    const free: Free[] = [...assigned, ...constants];
    const order: (Free | number)[] = [...range(0, inputs.length), ...free];
    const open = regionWith(forward.traced, order, forward.traced.results);
    const after = assigned.map((cell) => cellAfter(forward.traced, cell, order, open));
    const body = { parameters: open.parameters, results: [...forward.traced.results, ...after] };
    // The next values of variables are results, too, which backward does not look at.
    const own = pulled.traced.parameters.slice(inputs.length);
    const fresh = (nodes: readonly Node[]) => nodes.map((node) => input(node.shape, node.dtype));
    const [results, slopes] = [own.slice(0, outputs.length), own.slice(outputs.length)];
    const parameters = [
      ...regionWith(pulled.traced, order, []).parameters,
      ...results,
      ...fresh(after),
      ...slopes,
      ...fresh(after.filter((node) => isFloat(node.dtype))),
    ];
    const found = call(body, [...args.map((t) => t.node), ...free.map(valueOf)], {
      backward: { parameters, results: pulled.traced.results },
      targets,
    });
    assignCells(assigned, found.slice(outputs.length));
    return unflatten(forward.template, wrapAll(found.slice(0, outputs.length))) as R;
  };
}
