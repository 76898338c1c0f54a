// Cotangents of branches, of calls, and of `while`: there is none. (Of scans: scan.ts.)
// A branch's cotangent is a branch on the same predicate, whose bodies run what they need of the originals again, and pull back.

import { barrier, broadcastTo, cond, constant, input, project, reshape, slice, unary } from "../../graph/build.ts";
import { isFloat } from "../../graph/dtype.ts";
import { inputOf, type Node, topological } from "../../graph/node.ts";
import type { Region } from "../../graph/operation.ts";
import { inline } from "../../graph/rewrite.ts";
import { mistake } from "../../util/errors.ts";
import { zerosLike } from "../arithmetic.ts";
import type { RegionRule, ReverseRows } from "../rule.ts";
import { scanRule } from "./scan.ts";

const condRule: RegionRule<"cond"> = (node, cotangents, needed, { pullback }) => {
  const reached = cotangents.flatMap((g, i) => (g === null ? [] : [{ i, operand: g, parameter: input(g.shape, g.dtype) }]));
  const asked = node.inputs.slice(1).flatMap((_, i) => (needed[i + 1] ? [i] : []));
  const branches = [node.attributes.then, node.attributes.otherwise];
  const grads = branches.map((branch) =>
    pullback(
      reached.map((r) => branch.results[r.i] as Node),
      reached.map((r) => r.parameter),
      asked.map((i) => branch.parameters[i] as Node),
    ),
  );

  // Zeros where only the other branch depends on an operand; nothing where none does.
  const found = asked.map((_, n) => n).filter((n) => grads.some((list) => list[n] !== null));
  const results = grads.map((list, b) =>
    found.map((n) => list[n] ?? zerosLike((branches[b] as Region).parameters[asked[n] as number] as Node)),
  );

  const used = new Set(topological(results.flat()));
  const operands = node.inputs
    .slice(1)
    .map((operand, i) => ({ operand, parameters: branches.map((b) => b.parameters[i] as Node<"input">) }));
  const slots = [...operands, ...reached.map((r) => ({ operand: r.operand, parameters: branches.map(() => r.parameter) }))].filter((slot) =>
    slot.parameters.some((p) => used.has(p)),
  );
  const regions = results.map((list, b): Region => {
    const before = slots.map((slot) => slot.parameters[b] as Node<"input">);
    const parameters = before.map((p) => input(p.shape, p.dtype, p.attributes.name));
    return { parameters, results: inline({ parameters: before, results: list }, parameters) };
  });
  const out = cond(
    inputOf(node, 0),
    regions[0] as Region,
    regions[1] as Region,
    slots.map((slot) => slot.operand),
  );
  const byInput = new Map(found.map((n, k) => [(asked[n] as number) + 1, out[k] as Node]));
  return node.inputs.map((_, i) => byInput.get(i) ?? null);
};

const whileRule: RegionRule<"while"> = () => {
  throw mistake("GRADIENT", {
    where: "while",
    problem: "has no reverse mode: the number of iterations is not known, so the values that a gradient needs cannot be kept",
    advice: "Use scan with a fixed length (and where to stop early), or wrap the loop's result in stopGradient.",
  });
};

/** Runs the body again, behind a barrier that holds it back until the backward pass is there, and pulls back; or does as told. */
const callRule: RegionRule<"call"> = (node, cotangents, needed, { pullback }) => {
  const { body, backward, targets } = node.attributes;
  if (backward !== null) {
    const results = node.attributes.results.map((_, i) => project(node, i));
    const given = results.flatMap((r, i) => (isFloat(r.dtype) ? [cotangents[i] ?? zerosLike(r)] : []));
    const grads = inline(backward, [...node.inputs, ...results, ...given]);
    return node.inputs.map((_, i) => (needed[i] ? (grads[targets.indexOf(i)] ?? null) : null));
  }
  const reached = cotangents.flatMap((g, i) => (g === null ? [] : [{ i, g }]));
  const inputs = node.inputs.map((x) => after(x, (reached[0] as { g: Node }).g));
  const results = inline(body, inputs);
  const asked = inputs.filter((_, i) => needed[i]);
  const grads = pullback(
    reached.map(({ i }) => results[i] as Node),
    reached.map(({ g }) => g),
    asked,
  );
  return inputs.map((x, i) => (needed[i] ? (grads[asked.indexOf(x)] ?? null) : null));
};

/** A node that waits for the first element of another, and does not depend on it otherwise. */
function after(x: Node, other: Node): Node {
  if (other.size === 0) return barrier(x, constant(0, "bool", x.shape));
  const first = reshape(slice(reshape(other, [other.size]), [0], [1]), []);
  return barrier(x, broadcastTo(unary("stopGradient", first), x.shape));
}

export const regionRules: ReverseRows<"region"> = { cond: condRule, while: whileRule, scan: scanRule, call: callRule };
