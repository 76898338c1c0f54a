// Cotangents of branches, and of `while`: there is none. (Of scans: scan.ts.)
// A branch's cotangent is a branch on the same predicate, whose bodies run what they need of the originals again, and pull back.

import { cond, input } from "../../graph/build.ts";
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

export const regionRules: ReverseRows<"region"> = { cond: condRule, while: whileRule, scan: scanRule };
