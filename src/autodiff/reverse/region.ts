// Cotangents of branches and loops.
//
// A branch's cotangent is a branch on the same predicate, whose bodies run the originals again and pull back.
// A scan's is a scan in the other direction. It needs the carries as they were at the start of each step, so the forward
// scan is built again with these as further stacked outputs (the same body nodes; graph/merge.ts makes one scan of the two),
// and gradients of constants are summed in carries. `while` has none: nobody knows how many steps to save.

import { cond, constant, input, project, scan } from "../../graph/build.ts";
import { isFloat } from "../../graph/dtype.ts";
import { inputOf, type Node, topological } from "../../graph/node.ts";
import type { Region } from "../../graph/operation.ts";
import { inline } from "../../graph/rewrite.ts";
import { mistake } from "../../util/errors.ts";
import { activeLoop } from "../activity.ts";
import { add, zerosLike } from "../arithmetic.ts";
import type { RegionContext, RegionRule, ReverseRows } from "../rule.ts";

/** A parameter of a body under construction, and the operand that it will stand for. */
interface Binding {
  readonly parameter: Node<"input">;
  readonly operand: Node;
}

const freshInput = (like: Node): Node<"input"> =>
  input(like.shape, like.dtype, like.op === "input" ? (like as Node<"input">).attributes.name : "");

const bind = (operand: Node): Binding => ({ parameter: freshInput(operand), operand });

const parametersOf = (bindings: readonly Binding[]) => bindings.map((b) => b.parameter);
const operandsOf = (bindings: readonly Binding[]) => bindings.map((b) => b.operand);

const condRule: RegionRule<"cond"> = (node, cotangents, needed, { pullback }) => {
  const operands = node.inputs.slice(1).map(bind);
  const reached = cotangents.flatMap((g, i) => (g === null ? [] : [{ index: i, binding: bind(g) }]));
  const asked = operands.flatMap((_, i) => (needed[i + 1] ? [i] : []));

  const pull = (branch: Region) => {
    const results = inline(branch, parametersOf(operands));
    return pullback(
      reached.map((r) => results[r.index] as Node),
      reached.map((r) => r.binding.parameter),
      asked.map((i) => (operands[i] as Binding).parameter),
    );
  };
  const [then, otherwise] = [pull(node.attributes.then), pull(node.attributes.otherwise)];
  const found = asked.map((_, i) => i).filter((i) => then[i] != null || otherwise[i] != null);
  const filled = (grads: readonly (Node | null)[]) =>
    found.map((i) => grads[i] ?? zerosLike((operands[asked[i] as number] as Binding).parameter));
  const results = [filled(then), filled(otherwise)] as const;

  const used = new Set(topological(results.flat()));
  const kept = [...operands, ...reached.map((r) => r.binding)].filter((b) => used.has(b.parameter));
  // Each branch gets parameters of its own: a node belongs to one region.
  const regions = results.map((list): Region => {
    const parameters = parametersOf(kept).map(freshInput);
    return { parameters, results: inline({ parameters: parametersOf(kept), results: list }, parameters) };
  });
  const grads = cond(inputOf(node, 0), regions[0] as Region, regions[1] as Region, operandsOf(kept));
  const byInput = new Map(found.map((i, n) => [(asked[i] as number) + 1, grads[n] as Node]));
  return node.inputs.map((_, i) => byInput.get(i) ?? null);
};

const scanRule: RegionRule<"scan"> = (node, cotangents, needed, context) => {
  const { body, constants, carries, length, reverse } = node.attributes;
  const live = liveCarries(node, cotangents, needed, context);
  const part = <T>(list: readonly T[], which: "constants" | "carries" | "sequences") =>
    which === "constants"
      ? list.slice(0, constants)
      : which === "carries"
        ? list.slice(constants, constants + carries)
        : list.slice(constants + carries);

  // The body once more, on parameters of its own. Saved carries and slices come as sequences.
  const parameters = body.parameters.map(freshInput);
  const results = inline(body, parameters);
  const carried = live.map((k) => {
    const at = inputOf(node, constants + k);
    return { k, parameter: freshInput(at), operand: cotangents[k] ?? zerosLike(at) };
  });
  const stacked = cotangents.slice(carries).flatMap((g, j) => {
    const result = results[carries + j] as Node;
    return g === null || !isFloat(result.dtype) ? [] : [{ result, parameter: freshInput(result), operand: g }];
  });
  const ask = (which: "constants" | "sequences") => {
    const flags = part(needed, which);
    return part(parameters, which).flatMap((parameter, i) => (flags[i] ? [{ i, parameter }] : []));
  };
  const [askedConstants, askedSequences] = [ask("constants"), ask("sequences")];
  const grads = context.pullback(
    [...carried.map((c) => results[c.k] as Node), ...stacked.map((s) => s.result)],
    [...carried, ...stacked].map((c) => c.parameter),
    [
      ...askedConstants.map((a) => a.parameter),
      ...carried.map((c) => parameters[constants + c.k] as Node),
      ...askedSequences.map((a) => a.parameter),
    ],
  );
  const gradOf = (position: number) => grads[position] ?? null;

  const carriedResults = carried.map((c, n) => gradOf(askedConstants.length + n) ?? zerosLike(c.parameter));
  const sums = askedConstants.flatMap(({ i, parameter }, n) => {
    const grad = gradOf(n);
    if (grad === null) return [];
    const sum = freshInput(parameter);
    return [{ i, parameter: sum, operand: constant(0, sum.dtype, sum.shape), result: add(sum, grad) }];
  });
  const slices = askedSequences.flatMap(({ i }, n) => {
    const result = gradOf(askedConstants.length + carried.length + n);
    return result === null ? [] : [{ i, result }];
  });

  // Only what the backward body reads is saved or passed in.
  const backward = [...carriedResults, ...sums.map((s) => s.result), ...slices.map((s) => s.result)];
  const used = new Set(topological(backward));
  const fixed = part(parameters, "constants").flatMap((parameter, i) =>
    used.has(parameter) ? [{ parameter, operand: inputOf(node, i) }] : [],
  );
  const savedIndices = part(parameters, "carries").flatMap((parameter, k) => (used.has(parameter) ? [k] : []));
  const saved = savedIndices.map((k) => parameters[constants + k] as Node<"input">);
  const savedOperands = stackedCarries(node, savedIndices);
  const sequences: Binding[] = [
    ...saved.map((parameter, n) => ({ parameter, operand: savedOperands[n] as Node })),
    ...part(parameters, "sequences").map((parameter, i) => ({ parameter, operand: inputOf(node, constants + carries + i) })),
    ...stacked,
  ].filter((s) => used.has(s.parameter));

  const state: Binding[] = [...carried, ...sums];
  const region: Region = { parameters: [...fixed, ...state, ...sequences].map((b) => b.parameter), results: backward };
  const out = scan(region, operandsOf(fixed), operandsOf(state), operandsOf(sequences), length, !reverse);

  const byInput = new Map<number, Node>();
  carried.forEach((c, n) => {
    byInput.set(constants + c.k, out[n] as Node);
  });
  sums.forEach((s, n) => {
    byInput.set(s.i, out[carried.length + n] as Node);
  });
  slices.forEach((s, n) => {
    byInput.set(constants + carries + s.i, out[state.length + n] as Node);
  });
  return node.inputs.map((_, i) => (needed[i] ? (byInput.get(i) ?? null) : null));
};

/** The carries that depend on an asked input and on which a result with a cotangent depends. */
function liveCarries(
  node: Node<"scan">,
  cotangents: readonly (Node | null)[],
  needed: readonly boolean[],
  { activeResults }: RegionContext,
): number[] {
  const { body, constants, carries } = node.attributes;
  const { parameters } = activeLoop(body, constants, carries, needed, (active) => activeResults(body, active));
  const useful = cotangents.map((g) => g !== null);
  for (let changed = true; changed; ) {
    changed = false;
    for (let k = 0; k < carries; k++) {
      if (useful[k] || !parameters[constants + k]) continue;
      const reaches = activeResults(
        body,
        body.parameters.map((_, i) => i === constants + k),
      );
      useful[k] = reaches.some((r, i) => r && useful[i]);
      changed ||= useful[k] === true;
    }
  }
  return Array.from({ length: carries }, (_, k) => k).filter((k) => useful[k] && parameters[constants + k]);
}

/** The carries as they were at the start of each step, stacked along axis 0. */
function stackedCarries(node: Node<"scan">, indices: readonly number[]): Node[] {
  const { body, constants, carries, length, reverse } = node.attributes;
  const existing = (k: number) => body.results.indexOf(body.parameters[constants + k] as Node, carries);
  const missing = indices.filter((k) => existing(k) < 0);
  const results = [...body.results, ...missing.map((k) => body.parameters[constants + k] as Node)];
  const all =
    missing.length === 0
      ? []
      : scan(
          { parameters: body.parameters, results },
          node.inputs.slice(0, constants),
          node.inputs.slice(constants, constants + carries),
          node.inputs.slice(constants + carries),
          length,
          reverse,
        );
  return indices.map((k) => (existing(k) < 0 ? (all[body.results.length + missing.indexOf(k)] as Node) : project(node, existing(k))));
}

const whileRule: RegionRule<"while"> = () => {
  throw mistake("GRADIENT", {
    where: "while",
    problem: "has no reverse mode: the number of iterations is not known, so the values that a gradient needs cannot be kept",
    advice: "Use scan with a fixed length (and where to stop early), or wrap the loop's result in stopGradient.",
  });
};

export const regionRules: ReverseRows<"region"> = { cond: condRule, while: whileRule, scan: scanRule };
