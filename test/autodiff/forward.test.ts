// Every forward rule against reverse mode and finite differences.

import { describe, expect, test } from "vitest";
import { pushforward } from "../../src/autodiff/forward.ts";
import { gradients, vectorJacobian } from "../../src/autodiff/gradients.ts";
import { binary, constant, input, reduce } from "../../src/graph/build.ts";
import { isFloat, type TypedArray } from "../../src/graph/dtype.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Region } from "../../src/graph/operation.ts";
import { verifyRegion } from "../../src/graph/verify.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { gradientsOrZero, weighted } from "../support/gradient.ts";
import { allCases, buildCase } from "../support/operations.ts";
import { distinct, elementsOf, type Operand } from "../support/values.ts";

const cases = allCases();

interface Pushed {
  readonly region: Region;
  readonly floats: readonly number[];
  readonly directions: readonly TypedArray[];
  readonly values: readonly TypedArray[];
  /** Some results, with their tangents behind them. */
  readonly outputs: readonly Node[];
}

/** The float results of a region with their tangents along fixed directions. */
function push(region: Region, operands: readonly Operand[]): Pushed {
  const floats = region.parameters.flatMap((p, i) => (isFloat(p.dtype) ? [i] : []));
  const wrt = floats.map((i) => region.parameters[i] as Node);
  const tangents = wrt.map((p) => input(p.shape, p.dtype));
  const outputs = region.results.filter((r) => isFloat(r.dtype));
  const found = pushforward(outputs, wrt, tangents).map((t, i) => t ?? constant(0, (outputs[i] as Node).dtype, (outputs[i] as Node).shape));
  const pushed = { parameters: [...region.parameters, ...tangents], results: [...outputs, ...found] };
  verifyRegion(pushed);
  const directions = tangents.map((t, i) => Float64Array.from(distinct(t.size, -1, 1.2, i + 31)));
  return { region: pushed, floats, directions, values: operands.map((o) => elementsOf(o, true)), outputs };
}

function expectNear(a: number, b: number, tolerance: number, what: string): void {
  if (!(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b)))) expect(`${what}: ${a}`).toBe(String(b));
}

/** Tangents against differences along the same directions. */
function compareDifferences(pushed: Pushed, tolerance = 2e-6): void {
  const { region, floats, directions, values, outputs } = pushed;
  const tangents = evaluateRegion(region, [...values, ...directions]).slice(outputs.length);
  const h = 1e-5;
  const at = (by: number) => {
    const moved = values.map((v, i) => {
      const n = floats.indexOf(i);
      return n < 0 ? v : (v as Float64Array).map((x, e) => x + by * ((directions[n] as TypedArray)[e] as number));
    });
    return evaluateRegion({ parameters: region.parameters.slice(0, values.length), results: outputs }, moved);
  };
  const [above, below] = [at(h), at(-h)];
  tangents.forEach((t, r) => {
    t.forEach((value, e) => {
      const difference = (((above[r] as TypedArray)[e] as number) - ((below[r] as TypedArray)[e] as number)) / (2 * h);
      expectNear(value, difference, tolerance, `result ${r} element ${e}`);
    });
  });
}

describe("tangents agree with finite differences and with reverse mode", () => {
  test.each(cases.filter(({ row }) => row.differentiable))("$title", ({ row }) => {
    const { region, inputs } = buildCase(row);
    const pushed = push(region, inputs);
    compareDifferences(pushed);

    // ⟨w, J t⟩ = ⟨Jᵀ w, t⟩
    const { floats, directions, values, outputs } = pushed;
    const wrt = floats.map((i) => region.parameters[i] as Node);
    const cotangents = outputs.map((o) => input(o.shape, o.dtype));
    const pulled = vectorJacobian(outputs, cotangents, wrt).map((g, i) => g ?? constant(0, (wrt[i] as Node).dtype, (wrt[i] as Node).shape));
    const weights = cotangents.map((c, i) => Float64Array.from(distinct(c.size, -0.9, 1.1, i + 71)));
    const grads = evaluateRegion({ parameters: [...region.parameters, ...cotangents], results: pulled }, [...values, ...weights]);
    const tangents = evaluateRegion(pushed.region, [...values, ...directions]).slice(outputs.length);
    const dot = (a: readonly TypedArray[], b: readonly TypedArray[]) =>
      a.reduce((sum, x, i) => sum + (x as Float64Array).reduce((s, v, e) => s + v * ((b[i] as TypedArray)[e] as number), 0), 0);
    expectNear(dot(weights, tangents), dot(grads, directions), 1e-10, "⟨w, J t⟩");
  });
});

describe("Hessian-vector products: forward over reverse is reverse over reverse", () => {
  test.each(cases.filter(({ row }) => row.smooth))("$title", ({ row }) => {
    const { region, inputs } = buildCase(row);
    const wrt = region.parameters.filter((p) => p.dtype === "float32") as Node[];
    const slopes = gradientsOrZero(weighted(region.results), wrt);
    const { region: pushed, floats, directions, values } = push({ parameters: region.parameters, results: slopes }, inputs);
    if (floats.length !== wrt.length) return;
    const found = evaluateRegion(pushed, [...values, ...directions]).slice(wrt.length);
    const along = wrt.map((p) => input(p.shape, p.dtype));
    const slope = slopes.reduce<Node>(
      (sum, g, i) => binary("add", sum, reduce("reduceSum", binary("mul", g, along[i] as Node))),
      constant(0, "float32"),
    );
    const twice = gradients(slope, wrt).map((g, i) => g ?? constant(0, "float32", (wrt[i] as Node).shape));
    const expected = evaluateRegion({ parameters: [...region.parameters, ...along], results: twice }, [...values, ...directions]);
    expected.forEach((list, i) => {
      list.forEach((e, at) => {
        expectNear((found[i] as TypedArray)[at] as number, e, 1e-9, `input ${i} element ${at}`);
      });
    });
  });
});

describe("reverse over forward", () => {
  test.each(cases.filter(({ row }) => row.smooth && row.inputs.length < 3))("$title", ({ row }) => {
    const { region, inputs } = buildCase(row);
    const { region: pushed, floats, directions, values, outputs } = push(region, inputs);
    const wrt = floats.map((i) => region.parameters[i] as Node);
    const slope = weighted(pushed.results.slice(outputs.length));
    const first = weighted(outputs);
    const along = pushed.parameters.slice(region.parameters.length);
    const twice = gradientsOrZero(slope, wrt);
    const grads = gradientsOrZero(first, wrt);
    const dot = grads.reduce<Node>(
      (sum, g, i) => binary("add", sum, reduce("reduceSum", binary("mul", g, along[i] as Node))),
      constant(0, "float32"),
    );
    const results = evaluateRegion({ parameters: pushed.parameters, results: [...twice, ...gradientsOrZero(dot, wrt)] }, [
      ...values,
      ...directions,
    ]);
    for (let i = 0; i < wrt.length; i++)
      results[i]?.forEach((v, e) => {
        expectNear(v, (results[wrt.length + i] as TypedArray)[e] as number, 1e-9, `input ${i} element ${e}`);
      });
  });
});

test("a while loop has tangents, though no gradient", () => {
  for (const row of allCases().filter(({ op, row }) => op === "while" && row.inputs.some((x) => x.dtype === "float32"))) {
    const { region, inputs } = buildCase(row.row);
    compareDifferences(push(region, inputs));
  }
});
