// Control flow: operations with regions, and their results.

import { InternalError, mistake } from "../../util/errors.ts";
import { isFloat } from "../dtype.ts";
import { Node } from "../node.ts";
import type { Region, RegionOp, ResultType } from "../operation.ts";
import { sameShape, showShape } from "../shape.ts";

function typesOf(nodes: readonly Node[]): ResultType[] {
  return nodes.map(({ shape, dtype }) => ({ shape, dtype }));
}

function requireTypes(where: string, what: string, got: readonly ResultType[], expected: readonly ResultType[]): void {
  const text = (types: readonly ResultType[]) => types.map((t) => `${t.dtype}${showShape(t.shape)}`).join(", ") || "nothing";
  if (
    got.length !== expected.length ||
    got.some((t, i) => t.dtype !== expected[i]?.dtype || !sameShape(t.shape, expected[i]?.shape ?? []))
  ) {
    throw mistake("SHAPE", { where, problem: what, got: text(got), expected: text(expected) });
  }
}

/** Result `index` of a region operation. */
export function project(node: Node, index: number): Node {
  const type = (node.attributes as { results?: readonly ResultType[] }).results?.[index];
  if (type === undefined) throw new InternalError(`${node.op}#${node.id} has no result ${index}`);
  return new Node("project", [node], { index }, type.shape, type.dtype);
}

function region<O extends RegionOp>(node: Node<O>, count: number): Node[] {
  return Array.from({ length: count }, (_, i) => project(node, i));
}

/** Runs one of two regions, both with `operands` as parameters. */
export function cond(predicate: Node, then: Region, otherwise: Region, operands: readonly Node[]): Node[] {
  if (predicate.dtype !== "bool" || predicate.shape.length !== 0)
    throw mistake("SHAPE", {
      where: "cond",
      problem: "the predicate must be a bool scalar",
      got: `${predicate.dtype}${showShape(predicate.shape)}`,
    });
  const results = typesOf(then.results);
  requireTypes("cond", "the branches return different types", typesOf(otherwise.results), results);
  for (const r of [then, otherwise]) requireTypes("cond", "operands do not fit the branch", typesOf(operands), typesOf(r.parameters));
  const first = results[0] ?? { shape: [], dtype: "float32" as const };
  return region(new Node("cond", [predicate, ...operands], { results, then, otherwise }, first.shape, first.dtype), results.length);
}

/** While `condition` (constants, state → bool scalar) holds: state = body(constants, state). Parameters: constants first. */
export function whileLoop(condition: Region, body: Region, constants: readonly Node[], state: readonly Node[]): Node[] {
  const results = typesOf(state);
  requireTypes("while", "the body must return the state's types", typesOf(body.results), results);
  requireTypes("while", "the condition must return one bool scalar", typesOf(condition.results), [{ shape: [], dtype: "bool" }]);
  for (const r of [condition, body])
    requireTypes("while", "operands do not fit the region", typesOf([...constants, ...state]), typesOf(r.parameters));
  const first = results[0] ?? { shape: [], dtype: "float32" as const };
  return region(
    new Node("while", [...constants, ...state], { results, condition, body, constants: constants.length }, first.shape, first.dtype),
    results.length,
  );
}

/**
 * `length` times: [carries, outputs] = body(constants, carries, slices of the sequences along axis 0).
 * Results: the last carries, then the outputs stacked along axis 0. `reverse` goes from the last slice to the first.
 */
export function scan(
  body: Region,
  constants: readonly Node[],
  carries: readonly Node[],
  sequences: readonly Node[],
  length: number,
  reverse = false,
): Node[] {
  for (const s of sequences)
    if (s.shape[0] !== length)
      throw mistake("SHAPE", {
        where: "scan",
        problem: "a sequence has the wrong length along axis 0",
        got: showShape(s.shape),
        expected: `[${length},…]`,
      });
  const slices = sequences.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype }));
  requireTypes("scan", "operands do not fit the body", [...typesOf(constants), ...typesOf(carries), ...slices], typesOf(body.parameters));
  requireTypes("scan", "the body must return the carries' types first", typesOf(body.results.slice(0, carries.length)), typesOf(carries));
  const stacked = body.results.slice(carries.length).map(({ shape, dtype }) => ({ shape: [length, ...shape], dtype }));
  const results = [...typesOf(carries), ...stacked];
  const first = results[0] ?? { shape: [], dtype: "float32" as const };
  const attributes = { results, body, constants: constants.length, carries: carries.length, length, reverse };
  return region(new Node("scan", [...constants, ...carries, ...sequences], attributes, first.shape, first.dtype), results.length);
}

/** A region as an operation of its own, with a gradient of its own where one is given: see `Attributes`. */
export function call(
  body: Region,
  inputs: readonly Node[],
  custom: { readonly backward: Region; readonly targets: readonly number[] } | null = null,
): Node[] {
  const results = typesOf(body.results);
  const { backward, targets } = custom ?? { backward: null, targets: [] };
  requireTypes("call", "operands do not fit the body", typesOf(inputs), typesOf(body.parameters));
  if (backward !== null) {
    const cotangents = results.filter((r) => isFloat(r.dtype));
    requireTypes("call", "backward takes other operands", typesOf(backward.parameters), [...typesOf(inputs), ...results, ...cotangents]);
    requireTypes("call", "backward gives other types", typesOf(backward.results), typesOf(targets.map((i) => inputs[i] as Node)));
  }
  const first = results[0] ?? { shape: [], dtype: "float32" as const };
  return region(new Node("call", inputs, { results, body, backward, targets: [...targets] }, first.shape, first.dtype), results.length);
}
