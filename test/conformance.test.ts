// PyTorch's exact answers and gradients (../shared/conformance, where it is there) on the wasm device, and calls that must be
// refused. `npm run conformance` runs the same on any device.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Case, type ErrorCase, groupOf, readIndex, Tensors } from "../scripts/conformance/cases.ts";
import { difference } from "../scripts/conformance/compare.ts";
import { type Outcome, runCase, runError } from "../scripts/conformance/run.ts";
import { setDevice } from "../src/index.ts";

const folder = fileURLToPath(new URL("../../shared/conformance", import.meta.url));
const isThere = existsSync(join(folder, "cases.json"));
if (!isThere) console.log(`The conformance cases are not run: there is no ${folder}.`);

const complaintsOf = (cases: readonly { id: string }[], outcomes: readonly Outcome[]): string[] =>
  outcomes.flatMap((outcome, i) => (outcome.kind === "passed" ? [] : [`${cases[i]?.id}: ${outcome.kind}: ${outcome.why}`]));

describe.runIf(isThere)("conformance", () => {
  const index = isThere ? readIndex<Case>(folder, "cases.json") : { cases: [], rtol: 0, atol: 0 };
  const tensors = new Tensors(folder);
  const groups = [...new Set(index.cases.map(groupOf))];

  it.each(groups)("%s", async (group) => {
    setDevice("wasm");
    onTestFinished(() => setDevice("auto"));
    const cases = index.cases.filter((c) => groupOf(c) === group);
    const outcomes: Outcome[] = [];
    for (const c of cases) outcomes.push(await runCase(c, tensors, index));
    expect(complaintsOf(cases, outcomes)).toEqual([]);
  });

  it("calls that must be refused are, in a message that says what was got and what was expected", async () => {
    const { cases } = readIndex<ErrorCase>(folder, "error_cases.json");
    const known = cases.filter((c) => groups.includes(c.group));
    const outcomes: Outcome[] = [];
    for (const c of known) outcomes.push(await runError(c, tensors));
    expect(complaintsOf(known, outcomes)).toEqual([]);
    expect(outcomes.flatMap((outcome) => (outcome.kind === "passed" ? (outcome.remark ?? []) : []))).toEqual([]);
  });
});

describe("the comparison", () => {
  const float = (...values: number[]) => ({ shape: [values.length], dtype: "float32" as const, data: Float32Array.from(values) });
  const tolerance = { rtol: 1e-4, atol: 1e-5 };

  it("allows the tolerance and no more", () => {
    expect(difference(float(1.0001, 0), float(1, 1e-5), tolerance)).toBeNull();
    expect(difference(float(1.0002), float(1), tolerance)).toMatch(/^1 of 1 elements differ, largest error 0\.0002/);
    expect(difference(float(1, 5), float(1, 2), tolerance)).toMatch(/at \[1\]: 5, expected 2$/);
  });

  it("wants NaN for NaN and infinities of the same sign", () => {
    expect(difference(float(Number.NaN, Infinity), float(Number.NaN, Infinity), tolerance)).toBeNull();
    for (const [a, e] of [
      [Infinity, -Infinity],
      [Number.NaN, 1],
      [1, Number.NaN],
      [3e38, Infinity],
      [Infinity, 3e38],
    ] as const)
      expect(difference(float(a), float(e), tolerance), `${a} for ${e}`).not.toBeNull();
  });

  it("wants the shape and the kind of dtype", () => {
    expect(difference({ ...float(1, 2), shape: [2, 1] }, float(1, 2), tolerance)).toBe("shape [2,1], expected [2]");
    const bytes = { shape: [1], dtype: "uint8" as const, data: Uint8Array.of(1) };
    expect(difference(float(1), bytes, tolerance)).toBe("dtype float32, expected bool");
    expect(difference({ ...bytes, dtype: "bool" }, bytes, tolerance)).toBeNull();
  });
});
