// The oracle: evaluates a region node by node, as built, in plain JavaScript. Slow and obviously right.
// Two modes: exact, where float32 nodes are computed and kept in double precision; and rounded, where every scalar
// operation on float32 is rounded to float32 (so sums are accumulated in float32, in row-major order). The difference of
// the two says how far a compiled float32 program may be off.

import { isFloat, type TypedArray } from "../../graph/dtype.ts";
import { is, type Node, topological } from "../../graph/node.ts";
import type { Op, Region } from "../../graph/operation.ts";
import { showShape } from "../../graph/shape.ts";
import { InternalError } from "../../util/errors.ts";
import { type Context, rules, store, type Value } from "./rules.ts";

export interface EvaluateOptions {
  /** Round float32 after every scalar operation; default false: float32 is computed in double precision. */
  readonly rounded?: boolean;
  /**
   * Instead of `rounded`: what the result of one scalar float32 operation becomes. The second argument is false for
   * functions that devices only approximate (exp, sin, pow, …) and for sums in an order of theirs. Tests perturb results with it.
   */
  readonly round?: (value: number, correctlyRounded: boolean) => number;
  /** The same for float64, which is else left as computed. */
  readonly roundDouble?: Context["roundDouble"];
  /** The order in which float32 sums and products over axes take their terms; default row-major. Tests ask whether it matters. */
  readonly order?: Context["order"];
}

/**
 * Evaluates a region on the values of its parameters.
 *
 * Float parameters may be given as Float32Array or Float64Array. Float results come as Float64Array whatever their dtype,
 * all others in their dtype's array. Every result is the caller's own copy.
 *
 * @throws UserError `RANGE` where a bounds check fails.
 */
export function evaluateRegion(region: Region, parameters: readonly TypedArray[], options: EvaluateOptions = {}): TypedArray[] {
  const orders = new Map<Region, Node[]>();
  const context: Context = {
    round: options.round ?? (options.rounded === true ? Math.fround : (value) => value),
    roundDouble: options.roundDouble ?? ((value) => value),
    order: options.order ?? null,
    evaluate: (inner, values) => {
      let order = orders.get(inner);
      if (order === undefined) {
        order = topological(inner.results);
        orders.set(inner, order);
      }
      return walk(inner, order, values, context);
    },
  };
  const owned = region.parameters.map((node, i) => {
    const given = parameters[i];
    if (given === undefined || given.length !== node.size)
      throw new InternalError(
        `parameter ${i} of the region is ${node.dtype}${showShape(node.shape)} but was given ${given?.length ?? "no"} elements`,
      );
    const value = store(node.dtype, node.size);
    value.set(given);
    return value;
  });
  return context.evaluate(region, owned).map((result) => result.slice());
}

function walk(region: Region, order: readonly Node[], parameters: readonly TypedArray[], context: Context): TypedArray[] {
  const values = new Map<Node, Value>();
  region.parameters.forEach((node, i) => {
    values.set(node, parameters[i] as TypedArray);
  });
  const single = (node: Node): TypedArray => {
    const value = values.get(node);
    if (value === undefined || Array.isArray(value)) throw new InternalError(`the reference has no single value of ${node.op}#${node.id}`);
    return value as TypedArray;
  };
  for (const node of order) {
    if (values.has(node)) continue;
    if (is(node, "project"))
      values.set(node, (values.get(node.inputs[0] as Node) as readonly TypedArray[])[node.attributes.index] as TypedArray);
    else values.set(node, apply(node, node.inputs.map(single), context));
  }
  return region.results.map(single);
}

function apply<O extends Op>(node: Node<O>, inputs: readonly TypedArray[], context: Context): Value {
  return rules[node.op](node, inputs, context);
}

/** The elements in the array that the node's dtype calls for; float32 is rounded here at the latest. */
export function asStored(node: Node, value: TypedArray): TypedArray {
  return isFloat(node.dtype) && node.dtype === "float32" ? Float32Array.from(value) : value;
}
