// The operation table in float64: every case that is built on float32 once more on float64, in vectors of half as many lanes. All
// devices agree with the reference to almost all of float64's digits.

import { expect, test } from "vitest";
import type { ProgramDevice } from "../../src/graph/device.ts";
import { allocate, isFloat, type TypedArray, viewOf } from "../../src/graph/dtype.ts";
import type { Target } from "../../src/graph/kernel.ts";
import type { Region } from "../../src/graph/operation.ts";
import { Storage } from "../../src/graph/storage.ts";
import { lower } from "../../src/kernel/lower.ts";
import { renderC } from "../../src/render/c/program.ts";
import { createNativeDevice } from "../../src/runtime/native/device.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { place, schedule } from "../../src/schedule/schedule.ts";
import { block, interpretProgram } from "../support/interpret.ts";
import { native } from "../support/native.ts";
import { allCases, buildCase, type OperationCase } from "../support/operations.ts";
import { elementsOf, type Operand } from "../support/values.ts";
import { target } from "./check.ts";
import { wasmDevices } from "./run.ts";

/** The same operands in float64, with digits that float32 has not. */
function widened({ shape, dtype, data }: Operand): Operand {
  if (dtype !== "float32") return { shape, dtype, data };
  return { shape, dtype: "float64", data: data.map((v) => (Number.isInteger(v) ? v : v * (1 + 2 ** -40))) };
}

/** The row on float64; null where it has no floats, or joins them with constants of float32. */
function twinOf(row: OperationCase): { region: Region; operands: TypedArray[] } | null {
  if (!row.inputs.some(({ dtype }) => dtype === "float32")) return null;
  const twin = { ...row, inputs: row.inputs.map(widened) };
  try {
    return { region: buildCase(twin).region, operands: twin.inputs.map((operand) => elementsOf(operand)) };
  } catch {
    return null;
  }
}

function compile(region: Region, on: Target) {
  const made = schedule(region, on, [], { smallWork: 0 });
  return place(
    made,
    made.tasks.map((task) => lower(task, on, made.checkOf)),
  );
}

function interpreted(region: Region, operands: readonly TypedArray[], lanes: number): TypedArray[] {
  const outputs = region.results.map((n) => block(allocate(n.dtype, n.size)).fill(0xa5));
  expect(interpretProgram(compile(region, { ...target, lanes }), [...operands.map(block), ...outputs])).toBeNull();
  return region.results.map((n, i) => viewOf(n.dtype, (outputs[i] as Uint8Array).buffer, 0, n.size));
}

function onDevice(device: ProgramDevice, region: Region, operands: readonly TypedArray[]): TypedArray[] {
  const rows = (storages: readonly Storage[]) => storages.map((storage) => ({ storage, strideBytes: 0 }));
  const inputs = region.parameters.map((n, i) => new Storage(n.dtype, n.size, operands[i] as TypedArray));
  const outputs = region.results.map((n) => new Storage(n.dtype, n.size, null));
  expect(device.load(compile(region, device.target)).run(rows(inputs), rows(outputs), 1)).toBeNull();
  return outputs.map((s) => s.host ?? (s.resident?.read() as TypedArray));
}

/** Close in float64, and alike elsewhere; the least subnormal and sums that cancel have few digits. */
function wrong(got: readonly TypedArray[], exact: readonly TypedArray[], results: Region["results"]): string | null {
  for (const [r, expected] of exact.entries()) {
    const { dtype } = results[r] as Region["results"][number];
    const tolerance = dtype === "float64" ? 1e-13 : isFloat(dtype) ? 1e-6 : 0;
    for (const [i, e] of expected.entries()) {
      const g = got[r]?.[i] as number;
      const most = Math.max(Math.abs(e), dtype === "float64" ? 0.1 : 1);
      if (!(Object.is(g, e) || g === e || Math.abs(g - e) <= tolerance * most)) return `result ${r}: element ${i} is ${g} instead of ${e}`;
    }
  }
  return null;
}

const twins = allCases().flatMap(({ op, row, title }) => {
  const twin = op === "buffer" ? null : twinOf(row);
  return twin === null ? [] : [{ op, title, ...twin, exact: evaluateRegion(twin.region, twin.operands) }];
});

test("most operations have a case in float64", () => {
  expect(new Set(twins.map(({ op }) => op)).size).toBeGreaterThan(50);
});

test.each([2, 4, 8, 16])("every operation, interpreted on a target of %d lanes", (lanes) => {
  for (const { title, region, operands, exact } of twins)
    expect(wrong(interpreted(region, operands, lanes), exact, region.results), title).toBeNull();
});

test.each(wasmDevices())("every operation on $name", ({ device }) => {
  for (const { title, region, operands, exact } of twins)
    expect(wrong(onDevice(device, region, operands), exact, region.results), title).toBeNull();
});

// Compiling is slow: one program of all.
test.runIf(native)("every operation in C", () => {
  const whole = { parameters: twins.flatMap(({ region }) => region.parameters), results: twins.flatMap(({ region }) => region.results) };
  const device = createNativeDevice({ render: renderC });
  const results = onDevice(
    device,
    whole,
    twins.flatMap(({ operands }) => operands),
  );
  for (const { title, region, exact } of twins)
    expect(wrong(results.splice(0, region.results.length), exact, region.results), title).toBeNull();
});
