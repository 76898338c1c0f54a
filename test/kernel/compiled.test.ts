// Whole graphs through schedule and lowering, run by the interpreter of the loop language and on the WASM device: the
// operation table and random graphs, fused and not, against the reference.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ProgramDevice } from "../../src/graph/device.ts";
import { allocate, type TypedArray, viewOf } from "../../src/graph/dtype.ts";
import type { Program, Target } from "../../src/graph/kernel.ts";
import type { Region } from "../../src/graph/operation.ts";
import { Storage } from "../../src/graph/storage.ts";
import { lower } from "../../src/kernel/lower.ts";
import { place, type ScheduleOptions, schedule } from "../../src/schedule/schedule.ts";
import { consult, findWrong } from "../support/close.ts";
import { block, interpretProgram } from "../support/interpret.ts";
import { allCases, buildCase, operandsOf } from "../support/operations.ts";
import { randomGraph } from "../support/random_graph.ts";
import { target } from "./check.ts";
import { wasmDevices } from "./run.ts";

function compile(region: Region, on: Target, options: ScheduleOptions): Program {
  const made = schedule(region, on, [], options);
  return place(
    made,
    made.tasks.map((task) => lower(task, on, made.checkOf)),
  );
}

function interpreted(region: Region, parameters: readonly TypedArray[], lanes: number, options: ScheduleOptions): TypedArray[] {
  const program = compile(region, { ...target, lanes }, options);
  const outputs = region.results.map((n) => block(allocate(n.dtype, n.size)).fill(0xa5));
  const failure = interpretProgram(program, [...parameters.map(block), ...outputs], 1, [], { fused: true });
  expect(failure).toBeNull();
  return region.results.map((n, i) => viewOf(n.dtype, (outputs[i] as Uint8Array).buffer, 0, n.size));
}

function onDevice(device: ProgramDevice, region: Region, parameters: readonly TypedArray[], options: ScheduleOptions): TypedArray[] {
  const executable = device.load(compile(region, device.target, options));
  const rows = (storages: readonly Storage[]) => storages.map((storage) => ({ storage, strideBytes: 0 }));
  const inputs = region.parameters.map((n, i) => new Storage(n.dtype, n.size, parameters[i] as TypedArray));
  const outputs = region.results.map((n) => new Storage(n.dtype, n.size, null));
  expect(executable.run(rows(inputs), rows(outputs), 1)).toBeNull();
  return outputs.map((s) => s.host ?? (s.resident?.read() as TypedArray));
}

const modes: { name: string; options: ScheduleOptions }[] = [
  { name: "fused", options: { smallWork: 0 } },
  { name: "unfused", options: { fuse: false } },
];
const devices = wasmDevices();

describe("the operation table", () => {
  // Stored values become parameters before a graph is scheduled.
  for (const { title, row } of allCases().filter(({ op }) => op !== "buffer")) {
    test(title, () => {
      const { region } = buildCase(row);
      const operands = operandsOf(row);
      const oracle = consult(region, operands);
      for (const { name, options } of modes) {
        for (const lanes of [1, 4, 8])
          expect(findWrong(interpreted(region, operands, lanes, options), oracle), `${name}, ${lanes} lanes`).toBeNull();
        for (const d of devices) expect(findWrong(onDevice(d.device, region, operands, options), oracle), `${name}, ${d.name}`).toBeNull();
      }
    });
  }
});

describe("random graphs", () => {
  for (const { name, options } of modes) {
    test(`${name}, interpreted`, () => {
      fc.assert(
        fc.property(randomGraph(), fc.constantFrom(1, 4, 16), ({ region, parameters }, lanes) => {
          expect(findWrong(interpreted(region, parameters, lanes, options), consult(region, parameters))).toBeNull();
        }),
        { numRuns: 80, seed: 11 },
      );
    });

    for (const d of devices) {
      test(`${name}, on ${d.name}`, () => {
        fc.assert(
          fc.property(randomGraph(), ({ region, parameters }) => {
            expect(findWrong(onDevice(d.device, region, parameters, options), consult(region, parameters))).toBeNull();
          }),
          { numRuns: 80, seed: 12 },
        );
      });
    }
  }
});
