// Every batching rule against the loop over examples.

import { describe, expect, test } from "vitest";
import { batchGraph } from "../../src/autodiff/batch.ts";
import { input } from "../../src/graph/build.ts";
import { isFloat, type TypedArray } from "../../src/graph/dtype.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Region } from "../../src/graph/operation.ts";
import { verifyRegion } from "../../src/graph/verify.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { gradientsOrZero, weighted } from "../support/gradient.ts";
import { allCases, buildCase } from "../support/operations.ts";
import { elementsOf, type Operand } from "../support/values.ts";

const size = 3;
const cases = allCases();

/** The operand of one example: its elements shifted around, so that they stay in the domain; a single one is moved a little. */
function example(operand: Operand, b: number): TypedArray {
  const values = elementsOf(operand, true);
  const from = values.slice();
  const n = values.length;
  if (n === 1) {
    const value = from[0] as number;
    values[0] =
      operand.dtype === "bool" ? Number((value !== 0) !== (b % 2 === 1)) : isFloat(operand.dtype) ? value * (1 + b / 8) : value + b;
  } else for (let i = 0; i < n; i++) values[i] = from[(i + b) % n] as number;
  return values;
}

/** The region for all examples, those of the marked parameters batched. */
function batched(region: Region, flags: readonly boolean[]): { region: Region; results: boolean[] } {
  const parameters = region.parameters.map((p, i) => input(flags[i] ? [size, ...p.shape] : p.shape, p.dtype));
  const given = new Map(region.parameters.map((p, i) => [p as Node, { node: parameters[i] as Node, batched: flags[i] === true }]));
  const results = batchGraph(region.results, given, size);
  return { region: { parameters, results: results.map((r) => r.node) }, results: results.map((r) => r.batched) };
}

function compare(region: Region, operands: readonly Operand[], flags: readonly boolean[]): void {
  const all = batched(region, flags);
  verifyRegion(all.region);
  const examples = Array.from({ length: size }, (_, b) =>
    operands.map((operand, i) => (flags[i] ? example(operand, b) : elementsOf(operand, true))),
  );
  const together = operands.map((_, i) => {
    const parts = examples.map((values) => values[i] as TypedArray);
    return flags[i]
      ? ((parts[0] as TypedArray).constructor as Float64ArrayConstructor).from(parts.flatMap((p) => [...p]))
      : (parts[0] as TypedArray);
  });
  const found = evaluateRegion(all.region, together as TypedArray[]);
  examples.forEach((values, b) => {
    evaluateRegion(region, values).forEach((expected, r) => {
      const result = found[r] as TypedArray;
      const part = all.results[r] ? result.slice(b * expected.length, (b + 1) * expected.length) : result;
      expect(part.length).toBe(expected.length);
      for (let i = 0; i < expected.length; i++) {
        const [a, e] = [part[i] as number, expected[i] as number];
        if (Object.is(a, e) || a === e) continue;
        if (!(Math.abs(a - e) <= 1e-12 * Math.max(1, Math.abs(e)))) expect(`example ${b} result ${r} element ${i}: ${a}`).toBe(String(e));
      }
    });
  });
}

/** All parameters batched, and each alone. */
function patterns(count: number): boolean[][] {
  const alone = Array.from({ length: count }, (_, i) => Array.from({ length: count }, (_, j) => i === j));
  return count < 2 ? alone : [Array.from({ length: count }, () => true), ...alone];
}

describe("examples at once are as examples one by one", () => {
  test.each(cases.filter(({ row }) => row.inputs.length > 0))("$title", ({ row }) => {
    const { region, inputs } = buildCase(row);
    for (const flags of patterns(inputs.length)) compare(region, inputs, flags);
  });
});

describe("and so are their gradients", () => {
  test.each(cases.filter(({ row }) => row.smooth))("$title", ({ row }) => {
    const { region, inputs } = buildCase(row);
    const wrt = region.parameters.filter((p) => p.dtype === "float32") as Node[];
    const slopes = { parameters: region.parameters, results: gradientsOrZero(weighted(region.results), wrt) };
    for (const flags of patterns(inputs.length)) compare(slopes, inputs, flags);
  });
});

describe("batches of batches", () => {
  test.each(cases.filter(({ row }) => row.smooth && row.inputs.length > 1))("$title", ({ row }) => {
    const { region, inputs } = buildCase(row);
    const inner = batched(
      region,
      region.parameters.map((_, i) => i === 0),
    ).region;
    const operands = inputs.map(
      (operand, i): Operand =>
        i > 0 ? operand : { ...operand, shape: [size, ...operand.shape], data: [0, 1, 2].flatMap((b) => [...example(operand, b)]) },
    );
    compare(
      inner,
      operands,
      region.parameters.map((_, i) => i < 2),
    );
  });
});
