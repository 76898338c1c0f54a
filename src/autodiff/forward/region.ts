// Tangents of branches, loops and calls: the same operation on values and tangents together. Loops carry the tangents beside
// the values; `while` is no exception.

import { call, cond, constant, input, project, scan, whileLoop } from "../../graph/build.ts";
import { computed, isFloat } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import type { Region } from "../../graph/operation.ts";
import { inline } from "../../graph/rewrite.ts";
import { activeLoop } from "../activity.ts";
import { zerosLike } from "../arithmetic.ts";
import type { ForwardContext, ForwardRegionRule, ForwardRows } from "../rule.ts";
import { transposeOf } from "./transpose.ts";

type Tangents = readonly (Node | null)[];

const marked = (list: readonly boolean[], from = 0, to?: number): number[] =>
  list.slice(from, to).flatMap((flag, i) => (flag ? [from + i] : []));

/**
 * The tangents of the marked results of a body, and parameters for those of the marked operands, where they are to stand.
 */
function tangentsOf(body: Region, operands: readonly boolean[], results: readonly boolean[], { pushforward }: ForwardContext) {
  const active = marked(operands);
  const parameters = active.map((i) => input((body.parameters[i] as Node).shape, computed((body.parameters[i] as Node).dtype)));
  const wanted = marked(results).map((i) => body.results[i] as Node);
  const found = pushforward(
    wanted,
    active.map((i) => body.parameters[i] as Node),
    parameters,
  );
  return { parameters, results: found.map((t, i) => t ?? zerosLike(wanted[i] as Node)) };
}

const condRule: ForwardRegionRule<"cond"> = (node, [, ...tangents], results, context) => {
  const operands = tangents.map((t) => t !== null);
  const region = (body: Region): Region => {
    const pushed = tangentsOf(body, operands, results, context);
    return { parameters: [...body.parameters, ...pushed.parameters], results: pushed.results };
  };
  const [predicate, ...values] = node.inputs as [Node, ...Node[]];
  const inputs = [...values, ...(tangents.filter((t) => t !== null) as Node[])];
  return spread(results, cond(predicate, region(node.attributes.then), region(node.attributes.otherwise), inputs));
};

/** Values at the marked places, null elsewhere. */
function spread(places: readonly boolean[], values: readonly Node[]): Tangents {
  let next = 0;
  return places.map((here) => (here ? (values[next++] as Node) : null));
}

/** A loop's operands in parts, values and tangents: what is active that a part holds, in the order of the part. */
function partOf(inputs: readonly Node[], tangents: Tangents, active: readonly boolean[], from: number, to: number): Node[] {
  const [values, flags] = [inputs.slice(from, to), active.slice(from, to)];
  const pushed = marked(flags).map((i) => tangents[from + i] ?? zerosLike(values[i] as Node));
  return [...values, ...pushed];
}

/** The parameters of a loop's body in the same order. */
function parametersOf(body: Region, pushed: readonly Node<"input">[], active: readonly boolean[], from: number, to: number) {
  const before = marked(active, 0, from).length;
  return [...body.parameters.slice(from, to), ...pushed.slice(before, before + marked(active, from, to).length)];
}

const scanRule: ForwardRegionRule<"scan"> = (node, tangents, wanted, context) => {
  const { body, constants, carries, length, reverse } = node.attributes;
  const started = tangents.map((t) => t !== null);
  const loop = activeLoop(body, constants, carries, started, (flags) => context.activeResults(body, flags));
  const { parameters: active } = loop;
  const results = loop.results.map((flag, i) => (i < carries ? (active[constants + i] as boolean) : flag && wanted[i] === true));
  const pushed = tangentsOf(body, active, results, context);
  const [c, s, end] = [constants, constants + carries, node.inputs.length];
  const count = marked(results, 0, carries).length;
  const region: Region = {
    parameters: [
      [0, c],
      [c, s],
      [s, end],
    ].flatMap(([from, to]) => parametersOf(body, pushed.parameters, active, from as number, to as number)),
    results: [...body.results.slice(0, carries), ...pushed.results],
  };
  const part = (from: number, to: number) => partOf(node.inputs, tangents, active, from, to);
  const out = scan(region, part(0, c), part(c, s), part(s, end), length, reverse);
  const all = spread(results, [...out.slice(carries, carries + count), ...out.slice(carries + count)]);
  return all.map((t, i) => (wanted[i] ? t : null));
};

const whileRule: ForwardRegionRule<"while"> = (node, tangents, wanted, context) => {
  const { condition, body, constants } = node.attributes;
  const started = tangents.map((t) => t !== null);
  const carries = node.inputs.length - constants;
  const { parameters: active } = activeLoop(body, constants, carries, started, (flags) => context.activeResults(body, flags));
  const results = active.slice(constants);
  const pushed = tangentsOf(body, active, results, context);
  const [c, end] = [constants, node.inputs.length];
  const parameters = (region: Region, extra: readonly Node<"input">[]) => [
    ...parametersOf(region, extra, active, 0, c),
    ...parametersOf(region, extra, active, c, end),
  ];
  const unused = pushed.parameters.map((p) => input(p.shape, p.dtype));
  const out = whileLoop(
    { parameters: parameters(condition, unused), results: condition.results },
    { parameters: parameters(body, pushed.parameters), results: [...body.results, ...pushed.results] },
    partOf(node.inputs, tangents, active, 0, c),
    partOf(node.inputs, tangents, active, c, end),
  );
  return spread(results, out.slice(carries)).map((t, i) => (wanted[i] ? t : null));
};

/** A gradient of one's own is pushed forward by transposing it. */
const callRule: ForwardRegionRule<"call"> = (node, tangents, results, context) => {
  const { body, backward, targets } = node.attributes;
  if (backward === null) {
    const operands = tangents.map((t) => t !== null);
    const pushed = tangentsOf(body, operands, results, context);
    const region = { parameters: [...body.parameters, ...pushed.parameters], results: pushed.results };
    return spread(results, call(region, [...node.inputs, ...(tangents.filter((t) => t !== null) as Node[])]));
  }
  const values = node.attributes.results.map((_, i) => project(node, i));
  const floats = values.filter((v) => isFloat(v.dtype));
  return values.map((value, i) => {
    if (!results[i]) return null;
    const given = floats.map((v) => (v === value ? input(v.shape, v.dtype) : constant(0, v.dtype, v.shape)));
    const grads = inline(backward, [...node.inputs, ...values, ...given]);
    const reached = targets.flatMap((at, n) => (tangents[at] === null ? [] : [{ grad: grads[n] as Node, t: tangents[at] as Node }]));
    const cotangent = given[floats.indexOf(value)] as Node;
    return transposeOf(
      reached.map((r) => r.grad),
      cotangent,
      reached.map((r) => r.t),
    );
  });
};

export const regionRules: ForwardRows<"region"> = { cond: condRule, while: whileRule, scan: scanRule, call: callRule };
