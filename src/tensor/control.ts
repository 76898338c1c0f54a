// Branches and loops inside a program: cond, whileLoop and scan. Their bodies are ordinary functions of tensors, traced once.
// What a body uses from outside comes in as a constant; variables that it assigns are carried along and assigned at the end.

import { cellAfter, type Free, freeOf, regionWith, type Traced, traceBody } from "../engine/trace.ts";
import { cond as condNodes, scan as scanNodes, whileLoop as whileNodes } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import { mistake } from "../util/errors.ts";
import { assignCells, range, typesOf, valueOf, wrapAll } from "./closure.ts";
import type { Tensor } from "./tensor.ts";
import { sameStructure, type Template, tensorsOf, unflatten } from "./tree.ts";
import type { AnyTensor } from "./types.ts";

/**
 * `then(…operands)` where the predicate holds, else `otherwise(…operands)`; only one of them runs. Both must return the same
 * structure of tensors of the same shapes and dtypes. For a choice element by element use `where`.
 *
 * @param predicate a bool scalar.
 * @param operands passed to both; tensors that the functions close over need not be listed.
 * @throws UserError `SHAPE` where the branches differ, or the predicate is no scalar.
 * @example
 * const safe = cond(norm.gt(1), () => g.div(norm), () => g);
 */
export function cond<T>(
  predicate: Tensor<"bool">,
  then: (...operands: AnyTensor[]) => T,
  otherwise: (...operands: AnyTensor[]) => T,
  operands: readonly AnyTensor[] = [],
): T {
  const where = "cond";
  const branch = (f: (...operands: AnyTensor[]) => T) => {
    let template: Template | null = null;
    const traced = traceBody(where, typesOf(operands), (parameters) => {
      const flat = tensorsOf(where, "the results of a branch", f(...wrapAll(parameters)));
      template = flat.template;
      return flat.leaves.map((t) => t.node);
    });
    return { traced, template: template as unknown as Template };
  };
  const [yes, no] = [branch(then), branch(otherwise)];
  if (!sameStructure(yes.template, no.template))
    throw mistake("OPTION", {
      where,
      problem: "the branches return different structures",
      expected: "the same arrays and objects of tensors",
    });
  const { assigned, constants } = freeOf([yes.traced, no.traced]);
  const order: (Free | number)[] = [...range(0, operands.length), ...assigned, ...constants];
  const region = (traced: Traced) => {
    const open = regionWith(traced, order, traced.results);
    return { parameters: open.parameters, results: [...traced.results, ...assigned.map((cell) => cellAfter(traced, cell, order, open))] };
  };
  const inputs = [...operands.map((t) => t.node), ...assigned.map(valueOf), ...constants.map(valueOf)];
  const results = condNodes(predicate.node, region(yes.traced), region(no.traced), inputs);
  const count = yes.traced.results.length;
  assignCells(assigned, results.slice(count));
  return unflatten(yes.template, wrapAll(results.slice(0, count))) as T;
}

/**
 * While `condition(state)` holds: `state = body(state)`. Gradients do not go through it; use `scan` for that.
 *
 * @param condition gives a bool scalar, and assigns no variables.
 * @param state tensors in arrays or objects; the body returns the same structure, shapes and dtypes.
 * @example
 * const [n] = whileLoop(([i]) => i.lt(10), ([i]) => [i.add(1)], [tensor(0)]);
 */
export function whileLoop<S>(condition: (state: S) => Tensor<"bool">, body: (state: S) => S, state: S): S {
  const where = "whileLoop";
  const { leaves, template } = tensorsOf(where, "the state", state);
  const types = typesOf(leaves);
  const stateOf = (parameters: readonly Node[]) => unflatten(template, wrapAll(parameters)) as S;
  const test = traceBody(where, types, (parameters) => [condition(stateOf(parameters)).node]);
  const step = traceBody(where, types, (parameters) => nextState(where, body(stateOf(parameters)), template, leaves));
  if (test.cells.some((c) => c.next !== null))
    throw mistake("OPTION", { where, problem: "the condition assigns a variable", advice: "Assign in the body." });
  const { assigned, constants } = freeOf([test, step]);
  const order: (Free | number)[] = [...constants, ...range(0, leaves.length), ...assigned];
  const open = regionWith(step, order, step.results);
  const after = assigned.map((cell) => cellAfter(step, cell, order, open));
  const results = whileNodes(
    regionWith(test, order, test.results),
    { parameters: open.parameters, results: [...step.results, ...after] },
    constants.map(valueOf),
    [...leaves.map((t) => t.node), ...assigned.map(valueOf)],
  );
  assignCells(assigned, results.slice(leaves.length));
  return unflatten(template, wrapAll(results.slice(0, leaves.length))) as S;
}

/** The body's next state, checked against the present one. */
function nextState(where: string, next: unknown, template: Template, before: readonly AnyTensor[]): Node[] {
  const flat = tensorsOf(where, "the state that the body returns", next);
  if (!sameStructure(flat.template, template))
    throw mistake("OPTION", {
      where,
      problem: "the body returns another structure than the state",
      expected: "the same arrays and objects of tensors",
    });
  flat.leaves.forEach((t, i) => {
    const { shape, dtype } = before[i] as AnyTensor;
    if (t.dtype !== dtype || !sameShape(t.shape, shape))
      throw mistake("SHAPE", {
        where,
        problem: `part ${i} of the state changes its type in the body`,
        got: `${t.dtype}${showShape(t.shape)}`,
        expected: `${dtype}${showShape(shape)}`,
        advice: "Cast or reshape it, or start with that type.",
      });
  });
  return flat.leaves.map((t) => t.node);
}

/**
 * Goes through sequences step by step: `[carry, output] = body(carry, slice)`, with the slices along axis 0. Gradients
 * go through it.
 *
 * @param body gets the carry and the slices (the structure of `sequences`), returns the next carry and an output.
 * @param initial the first carry: tensors in arrays or objects, or one tensor.
 * @param sequences tensors of equal length along axis 0.
 * @param options.length how many steps, where there are no sequences.
 * @param options.reverse from the last slice to the first; outputs stay in the order of the slices. Default false.
 * @returns the last carry, and the outputs stacked along axis 0.
 * @example
 * const [total, sums] = scan((c, x) => [c.add(x), c.add(x)], tensor(0), tensor([1, 2, 3]));   // sums: [1, 3, 6]
 */
export function scan<C, X, Y>(
  body: (carry: C, slice: X) => readonly [C, Y],
  initial: C,
  sequences: X,
  options: { readonly reverse?: boolean; readonly length?: number } = {},
): [C, Y] {
  const where = "scan";
  const carry = tensorsOf(where, "the carry", initial);
  const input = tensorsOf(where, "the sequences", sequences);
  for (const t of input.leaves)
    if (t.rank === 0) throw mistake("SHAPE", { where, problem: "a sequence needs an axis to go along", got: showShape(t.shape) });
  const length = options.length ?? input.leaves[0]?.shape[0];
  if (options.length !== undefined && !(Number.isInteger(options.length) && options.length >= 0))
    throw mistake("OPTION", { where, problem: "the number of steps must be a whole number", got: options.length });
  if (length === undefined)
    throw mistake("OPTION", { where, problem: "without sequences the number of steps is unknown", advice: "Give { length }." });
  const carries = carry.leaves.length;
  let output: Template | null = null;
  const slices = input.leaves.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype }));
  const step = traceBody(where, [...typesOf(carry.leaves), ...slices], (parameters) => {
    const tensors = wrapAll(parameters);
    const returned = body(
      unflatten(carry.template, tensors.slice(0, carries)) as C,
      unflatten(input.template, tensors.slice(carries)) as X,
    );
    if (!Array.isArray(returned) || returned.length !== 2)
      throw mistake("OPTION", {
        where,
        problem: "the body must return [carry, output]",
        got: returned,
        advice: "Return [carry, undefined] for no output.",
      });
    const next = nextState(where, returned[0], carry.template, carry.leaves);
    const flat = tensorsOf(where, "the output", returned[1]);
    output = flat.template;
    return [...next, ...flat.leaves.map((t) => t.node)];
  });
  const { assigned, constants } = freeOf([step]);
  const order: (Free | number)[] = [...constants, ...range(0, carries), ...assigned, ...range(carries, slices.length)];
  const open = regionWith(step, order, step.results);
  const after = assigned.map((cell) => cellAfter(step, cell, order, open));
  const results = scanNodes(
    { parameters: open.parameters, results: [...step.results.slice(0, carries), ...after, ...step.results.slice(carries)] },
    constants.map(valueOf),
    [...carry.leaves.map((t) => t.node), ...assigned.map(valueOf)],
    input.leaves.map((t) => t.node),
    length,
    options.reverse === true,
  );
  assignCells(assigned, results.slice(carries, carries + assigned.length));
  const last = unflatten(carry.template, wrapAll(results.slice(0, carries))) as C;
  const outputs = unflatten(output as unknown as Template, wrapAll(results.slice(carries + assigned.length))) as Y;
  return [last, outputs];
}
