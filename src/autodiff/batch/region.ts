// Batching of branches, loops and calls: the operation on batched bodies. What a loop carries is batched if it is so at the
// start or becomes so in some iteration. Where examples take different branches, both run and `where` chooses; where they
// leave a loop at different times, it runs until all are done, and an example that is done keeps its state.

import { call, cond, expand, input, reduce, reshape, scan, where, whileLoop } from "../../graph/build.ts";
import { isFloat } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import type { Region } from "../../graph/operation.ts";
import { inline } from "../../graph/rewrite.ts";
import type { BatchGraph, BatchRegionRule, BatchRows, Mapped } from "../rule.ts";
import { full, moveAxis } from "./axis.ts";

const flagsOf = (inputs: readonly Mapped[]): boolean[] => inputs.map((x) => x.batched);
const operandsOf = (inputs: readonly Mapped[], flags: readonly boolean[], size: number): Node[] =>
  inputs.map((x, i) => (flags[i] ? full(x, size) : x.node));
const mapped = (nodes: readonly Node[], flags: readonly boolean[]): Mapped[] =>
  nodes.map((node, i) => ({ node, batched: flags[i] === true }));

interface Batched {
  readonly region: Region;
  /** Which results are batched. */
  readonly results: readonly boolean[];
}

/** A body for all examples, with the marked parameters (and at least the marked results) batched. */
function batchBody(body: Region, flags: readonly boolean[], size: number, batch: BatchGraph, forced: readonly boolean[] = []): Batched {
  const parameters = body.parameters.map((p, i) => input(flags[i] ? [size, ...p.shape] : p.shape, p.dtype, p.attributes.name));
  const given = new Map<Node, Mapped>(body.parameters.map((p, i) => [p, { node: parameters[i] as Node, batched: flags[i] === true }]));
  const found = batch(body.results, given, size);
  const results = found.map((r, i) => r.batched || forced[i] === true);
  return { region: { parameters, results: found.map((r, i) => (results[i] ? full(r, size) : r.node)) }, results };
}

/** The fixed point of what is batched around a loop; changes `flags`. */
function settle(body: Region, flags: boolean[], constants: number, carries: number, size: number, batch: BatchGraph): Batched {
  for (;;) {
    const found = batchBody(body, flags, size, batch, flags.slice(constants, constants + carries));
    const grown = found.results.slice(0, carries).flatMap((b, k) => (b && !flags[constants + k] ? [k] : []));
    if (grown.length === 0) return found;
    for (const k of grown) flags[constants + k] = true;
  }
}

const condRule: BatchRegionRule<"cond"> = (node, [predicate, ...operands], size, batch) => {
  const choice = predicate as Mapped;
  const { then, otherwise } = node.attributes;
  if (choice.batched) {
    const branch = (body: Region) => {
      const given = new Map<Node, Mapped>(body.parameters.map((p, i) => [p, operands[i] as Mapped]));
      return batch(body.results, given, size).map((r) => full(r, size));
    };
    const [yes, no] = [branch(then), branch(otherwise)];
    return yes.map((y, i) => {
      const beside = expand(reshape(choice.node, [size, ...y.shape.slice(1).map(() => 1)]), y.shape);
      return { node: where(beside, y, no[i] as Node), batched: true };
    });
  }
  const flags = flagsOf(operands);
  const found = [then, otherwise].map((body) => batchBody(body, flags, size, batch).results);
  const forced = then.results.map((_, i) => found.some((results) => results[i]));
  const [yes, no] = [then, otherwise].map((body) => batchBody(body, flags, size, batch, forced).region) as [Region, Region];
  return mapped(
    cond(
      choice.node,
      yes,
      no,
      operands.map((x) => x.node),
    ),
    forced,
  );
};

const scanRule: BatchRegionRule<"scan"> = (node, inputs, size, batch) => {
  const { body, constants, carries, length, reverse } = node.attributes;
  const flags = flagsOf(inputs);
  const { region, results } = settle(body, flags, constants, carries, size, batch);
  const operands = operandsOf(inputs, flags, size);
  const sequences = operands.slice(constants + carries).map((x, i) => (flags[constants + carries + i] ? moveAxis(x, 1, 0) : x));
  const out = scan(region, operands.slice(0, constants), operands.slice(constants, constants + carries), sequences, length, reverse);
  return mapped(
    out.map((x, i) => (i >= carries && results[i] ? moveAxis(x, 1, 0) : x)),
    results,
  );
};

const whileRule: BatchRegionRule<"while"> = (node, inputs, size, batch) => {
  const { condition, body, constants } = node.attributes;
  const carries = inputs.length - constants;
  const flags = flagsOf(inputs);
  let step = settle(body, flags, constants, carries, size, batch);
  let test = batchBody(condition, flags, size, batch);
  const state = () => operandsOf(inputs, flags, size).slice(constants);
  const fixed = inputs.slice(0, constants).map((x) => x.node);
  if (!test.results[0]) return mapped(whileLoop(test.region, step.region, fixed, state()), flags.slice(constants));

  // Each example's condition is carried along, so that it is computed once for each state.
  flags.fill(true, constants);
  step = batchBody(body, flags, size, batch, flags.slice(constants));
  test = batchBody(condition, flags, size, batch);
  const active = input([size], "bool");
  const parameters = step.region.parameters;
  const [constantsIn, before] = [parameters.slice(0, constants), parameters.slice(constants)];
  const after = step.region.results.map((x, i) => {
    const beside = expand(reshape(active, [size, ...x.shape.slice(1).map(() => 1)]), x.shape);
    return where(beside, x, before[i] as Node);
  });
  const all: Region = {
    parameters: [...constantsIn, active, ...before],
    results: [...inline(test.region, [...constantsIn, ...after]), ...after],
  };
  const fresh = all.parameters.map((p) => input(p.shape, p.dtype));
  const any: Region = { parameters: fresh, results: [reduce("reduceMax", fresh[constants] as Node)] };
  const first = inline(test.region, [...fixed, ...state()]);
  return mapped(whileLoop(any, all, fixed, [...first, ...state()]).slice(1), flags.slice(constants));
};

const callRule: BatchRegionRule<"call"> = (node, inputs, size, batch) => {
  const { body, backward, targets, results } = node.attributes;
  const flags = flagsOf(inputs);
  const operands = operandsOf(inputs, flags, size);
  if (backward === null) {
    const { region, results: batched } = batchBody(body, flags, size, batch);
    return mapped(call(region, operands), batched);
  }
  const every = results.map(() => true);
  const { region } = batchBody(body, flags, size, batch, every);
  const given = [...flags, ...every, ...results.filter((r) => isFloat(r.dtype)).map(() => true)];
  const pulled = batchBody(
    backward,
    given,
    size,
    batch,
    targets.map(() => true),
  ).region;
  // What is one for all examples gets the sum of their cotangents.
  const grads = pulled.results.map((g, n) => (flags[targets[n] as number] ? g : reduce("reduceSum", g, [0])));
  return mapped(call(region, operands, { backward: { parameters: pulled.parameters, results: grads }, targets }), every);
};

export const regionRules: BatchRows<"region"> = { cond: condRule, while: whileRule, scan: scanRule, call: callRule };
