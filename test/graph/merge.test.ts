import { expect, test } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import * as build from "../../src/graph/build.ts";
import { mergeScans } from "../../src/graph/merge.ts";
import { type Node, topological } from "../../src/graph/node.ts";
import { walkRegions } from "../../src/graph/rewrite.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { gradientsOrZero, weighted } from "../support/gradient.ts";
import { regionOf } from "../support/operations/case.ts";
import { buildCase, operandsOf, operations } from "../support/operations.ts";

const f = { shape: [], dtype: "float32" as const };

function scans(roots: readonly Node[]): number {
  let n = 0;
  walkRegions(roots, (order) => {
    n += order.filter((node) => node.op === "scan").length;
  });
  return n;
}

test("twins become one scan with the outputs of both", () => {
  const x = build.input([4], "float32");
  const start = build.constant(1, "float32");
  const body = regionOf([f, f], ([c, e]) => [build.binary("mul", c as Node, e as Node)]);
  const saving = { parameters: body.parameters, results: [...body.results, body.parameters[0] as Node] };
  const [last] = build.scan(body, [], [start], [x], 4);
  const [, states] = build.scan(saving, [], [start], [x], 4);
  const merged = mergeScans([last as Node, states as Node]);
  expect(merged[0]?.inputs[0]).toBe(merged[1]?.inputs[0]);
  expect(scans(merged)).toBe(1);
  verifyGraph(merged, [x]);
  expect(evaluateRegion({ parameters: [x], results: merged }, [Float32Array.of(2, 3, 4, 5)])).toEqual([
    Float64Array.of(120),
    Float64Array.of(1, 2, 6, 24),
  ]);
});

test("scans on other operands, of another body or direction stay apart", () => {
  const x = build.input([4], "float32");
  const start = build.constant(1, "float32");
  const body = regionOf([f, f], ([c, e]) => [build.binary("mul", c as Node, e as Node)]);
  const other = { parameters: body.parameters, results: [build.unary("sin", body.results[0] as Node)] };
  const roots = [
    build.scan(body, [], [start], [x], 4),
    build.scan(body, [], [start], [x], 4, true),
    build.scan(body, [], [build.constant(1, "float32")], [x], 4),
    build.scan(other, [], [start], [x], 4),
  ].flat();
  expect(mergeScans(roots)).toEqual(roots);
  expect(mergeScans(roots)[0]).toBe(roots[0]);
});

test.each(operations.scan)("the forward scan and its gradient's become one, to the same values: $name", (row) => {
  const { region } = buildCase(row);
  if (!row.differentiable) return;
  const wrt = region.parameters.filter((p) => p.dtype === "float32");
  const loss = weighted(region.results);
  const roots = [
    loss,
    ...gradientsOrZero(loss, wrt),
    ...(gradients(weighted(gradientsOrZero(loss, wrt)), wrt).filter((g) => g !== null) as Node[]),
  ];
  const merged = mergeScans(roots);
  verifyGraph(merged, region.parameters);
  const evaluate = (results: readonly Node[]) => evaluateRegion({ parameters: region.parameters, results }, operandsOf(row));
  expect(evaluate(merged)).toEqual(evaluate(roots));
  const first = mergeScans([loss, ...gradientsOrZero(loss, wrt)]);
  expect(topological(first).filter((n) => n.op === "scan").length).toBeLessThanOrEqual(2);
});
