// Random kernels in C against the interpreter: the same bits for every width of vector, with the outer loop in two parts.
// Compiling is slow, so many kernels make one program; each runs where its byte in a list says so.

import { describe, expect, it } from "vitest";
import { viewOf } from "../../src/graph/dtype.ts";
import type { Kernel, Program, Statement, Step } from "../../src/graph/kernel.ts";
import { renderC } from "../../src/render/c/program.ts";
import { createNativeDevice } from "../../src/runtime/native/device.ts";
import * as l from "../support/language.ts";
import { fusedHere, native } from "../support/native.ts";
import { difference, dtypeOfMemory, interpretOn, type Row, runOn, sliced } from "../support/run_program.ts";
import { generator } from "../support/values.ts";
import { elements, memories, randomBuffers, randomKernel } from "./wasm_kernels.ts";

const checks = Array.from({ length: 5 }, (_, i) => ({ message: `check ${i}`, size: 0 }));

function withoutFlags(body: readonly Statement[]): Statement[] {
  return body.flatMap((s): Statement[] => {
    if (s.kind === "flag") return [];
    if (s.kind === "loop" || s.kind === "while") return [{ ...s, body: withoutFlags(s.body) }];
    if (s.kind === "if") return [{ ...s, then: withoutFlags(s.then), otherwise: withoutFlags(s.otherwise) }];
    return [s];
  });
}

/** The kernels with and without their flags, each behind a byte. Rows: bounds, inputs, a row of one byte for each; outputs. */
function programOf(kernels: readonly Kernel[]): Program {
  const all = [...kernels, ...kernels.map((k) => ({ ...k, body: withoutFlags(k.body) }))].map(sliced);
  const inputs = 1 + memories.length + all.length;
  const operands = [...memories.map((_, i) => ({ buffer: 1 + i })), ...memories.map((_, i) => ({ buffer: inputs + i }))];
  const steps = all.map((_, k): Step => {
    const bounds = { buffer: 0, strides: [{ counter: k, bytes: 8 }] };
    const call: Step = { kind: "call", kernel: k, operands: [...operands, bounds] };
    const parts: Step = { kind: "loop", counter: k, count: 2, reverse: false, body: [call] };
    return { kind: "if", condition: { buffer: 1 + memories.length + k }, then: [parts], otherwise: [] };
  });
  return l.program(all, inputs, memories.length, steps, { checks });
}

describe.runIf(native)("random kernels in C", () => {
  it.each([4, 8, 16] as const)("give the interpreter's bits with %d lanes", (lanes) => {
    expect(compare(lanes, 25, 0)).toBeGreaterThan(0);
  });
  it.each([2, 4, 8] as const)("give the interpreter's bits with %d lanes, of float64 too", (lanes) => {
    expect(compare(lanes, 25, 1, true)).toBeGreaterThan(0);
  });
});

/** Compares so many kernels; returns how many raised a flag. */
function compare(lanes: 2 | 4 | 8 | 16, count: number, seed: number, doubles = false): number {
  const random = generator(seed + lanes);
  const device = createNativeDevice({ render: renderC, lanes: doubles ? ((2 * lanes) as 4 | 8 | 16) : (lanes as 4 | 8 | 16) });
  const kernels = Array.from({ length: count }, () => {
    const tape = Array.from({ length: 100 + Math.floor(random() * 500) }, () => Math.floor(random() * 1000));
    return randomKernel(tape, lanes, { fma64: false, doubles });
  });
  const program = programOf(kernels);
  const executable = device.load(program);
  const fused = fusedHere();
  let flagged = 0;
  for (const [k, kernel] of kernels.entries()) {
    const buffers = randomBuffers(seed + k);
    const rows = [...memories, ...memories].map((memory, i): Row => {
      const dtype = dtypeOfMemory[memory];
      return { dtype, data: viewOf(dtype, (buffers[i] as Uint8Array).buffer, 0, elements) };
    });
    const cut = Math.floor(random() * (kernel.extent + 1));
    const bounds: Row = { dtype: "int32", data: [0, cut, cut, kernel.extent] };
    for (const which of [k, count + k]) {
      const chosen = program.kernels.map((_, i): Row => ({ dtype: "bool", data: [i === which ? 1 : 0] }));
      const inputs = [bounds, ...rows.slice(0, memories.length), ...chosen];
      const outputs = rows.slice(memories.length);
      const expected = interpretOn(program, inputs, outputs, 1, { fused });
      const actual = runOn(executable, inputs, outputs);
      expect(actual.failure).toEqual(expected.failure);
      if (expected.failure !== null) {
        flagged++;
        continue;
      }
      for (const [i, array] of expected.outputs.entries()) {
        const wrong = difference(actual.outputs[i] as typeof array, array);
        if (wrong === null) continue;
        const { source } = renderC({ ...program, kernels: [kernel], steps: [] });
        expect.fail(`kernel ${k}: in output ${i} ${wrong}\n${source.slice(source.indexOf("typedef struct"))}`);
      }
    }
  }
  return flagged;
}
