import { describe, expect, test } from "vitest";
import type { Node } from "../../src/graph/node.ts";
import { disagreements, gradientsOrZero, weighted } from "../support/gradient.ts";
import { allCases, buildCase } from "../support/operations.ts";

const cases = allCases();

describe("gradients agree with finite differences", () => {
  test.each(cases.filter(({ row }) => row.differentiable))("$title", ({ row }) => {
    const { region, inputs } = buildCase(row);
    expect(disagreements(region.parameters, weighted(region.results), inputs)).toEqual([]);
  });
});

describe("second derivatives agree with finite differences of gradients", () => {
  test.each(cases.filter(({ row }) => row.smooth))("$title", ({ row }) => {
    const { region, inputs } = buildCase(row);
    const wrt = region.parameters.filter((p) => p.dtype === "float32") as Node[];
    const slope = weighted(gradientsOrZero(weighted(region.results), wrt));
    expect(disagreements(region.parameters, slope, inputs, 1e-5)).toEqual([]);
  });
});
