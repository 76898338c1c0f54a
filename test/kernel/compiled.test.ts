// Whole graphs through schedule and lowering, run by the interpreter of the loop language and on the WASM device: the
// operation table and random graphs, fused and not, against the reference.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as b from "../../src/graph/build.ts";
import type { ProgramDevice } from "../../src/graph/device.ts";
import { allocate, type TypedArray, viewOf } from "../../src/graph/dtype.ts";
import type { Program, Target } from "../../src/graph/kernel.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Region } from "../../src/graph/operation.ts";
import { Storage } from "../../src/graph/storage.ts";
import { lower } from "../../src/kernel/lower.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { place, type ScheduleOptions, schedule } from "../../src/schedule/schedule.ts";
import { consult, findWrong } from "../support/close.ts";
import { block, interpretProgram } from "../support/interpret.ts";
import { allCases, buildCase, operandsOf } from "../support/operations.ts";
import { randomGraph } from "../support/random_graph.ts";
import { random, sample, target } from "./check.ts";
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

describe("layouts", () => {
  const layouts: Record<string, (x: Node) => Node> = {
    transposed: (x) => b.permute(x, [1, 0]),
    "every third": (x) => b.slice(x, [0, 1], [x.shape[0] as number, Math.floor(((x.shape[1] as number) - 2) / 3) + 1], [1, 3]),
    flipped: (x) => b.slice(x, [0, (x.shape[1] as number) - 1], x.shape, [1, -1]),
    "packed by rows": (x) => pack(x),
    "packed, transposed": (x) => pack(b.permute(x, [1, 0])),
    framed: (x) => b.pad(x, [1, 3], [2, 5], 7),
  };
  const pack = (x: Node): Node => {
    const [k, n] = x.shape as [number, number];
    const panels = Math.ceil(n / 8);
    return b.permute(b.reshape(b.pad(x, [0, 0], [0, panels * 8 - n]), [k, panels, 8]), [1, 0, 2]);
  };
  for (const [name, view] of Object.entries(layouts)) {
    test(name, () => {
      const next = random(3);
      for (const dtype of ["float32", "int32", "uint8", "bool"] as const) {
        for (const shape of [
          [20, 33],
          [40, 16],
          [9, 70],
        ]) {
          const x = b.input(shape, dtype);
          const region = { parameters: [x], results: [view(x)] };
          const data = [sample(dtype, x.size, next)];
          const [expected] = evaluateRegion(region, data) as [TypedArray];
          for (const d of devices) {
            const [got] = onDevice(d.device, region, data, {}) as [TypedArray];
            expect(Array.from(got), `${dtype} [${shape}] on ${d.name}`).toEqual(Array.from(expected));
          }
        }
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
