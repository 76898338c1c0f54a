// Random kernels in C against the interpreter, bit for bit, for every width of vector.

import { describe, expect, it } from "vitest";
import { renderC } from "../../src/render/c/program.ts";
import { createNativeDevice } from "../../src/runtime/native/device.ts";
import { native } from "../support/native.ts";
import { type RandomKernel, randomKernel } from "../support/random_kernel.ts";
import { difference, interpretOn, programOfRandom, runOn } from "../support/run_program.ts";

const checks = 3;

function compare(kernels: readonly RandomKernel[], lanes: 4 | 8 | 16): void {
  const device = createNativeDevice({ render: renderC, lanes });
  const { program, inputs, outputs } = programOfRandom(kernels, checks);
  const actual = runOn(device, program, inputs, outputs);
  const expected = interpretOn(program, inputs, outputs, 1, { fused: true });
  expect(actual.failure).toEqual(expected.failure);
  for (const [i, array] of expected.outputs.entries()) {
    const wrong = difference(actual.outputs[i] as typeof array, array);
    if (wrong === null) continue;
    const kernel = program.kernels[Math.floor(i / 6)];
    const { source } = renderC({ ...program, kernels: [kernel as (typeof program.kernels)[number]], steps: [] });
    expect.fail(`${kernel?.name}: in output ${i % 6} ${wrong}\n${source.slice(source.indexOf("typedef struct"))}`);
  }
}

describe.runIf(native)("random kernels in C", () => {
  for (const lanes of [4, 8, 16] as const) {
    for (const form of ["elements", "rows"] as const) {
      it(`${form}, ${lanes} lanes`, () => {
        const kernels = Array.from({ length: 30 }, (_, seed) => randomKernel(seed + 100 * lanes, { lanes, form }));
        compare(kernels, lanes);
      });
    }
  }
});
