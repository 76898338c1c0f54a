// Random kernels, run as WebAssembly and by the interpreter: the same bits.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpretKernel } from "../support/interpret.ts";
import { memories, randomBuffers, randomKernel } from "./wasm_kernels.ts";
import { runWasmKernel } from "./wasm_machine.ts";

/** Bits, except that all NaNs are one. */
function canonical(buffers: readonly Uint8Array[]): (readonly number[] | Uint8Array)[] {
  return buffers.map((buffer, i) => {
    const memory = memories[i % memories.length];
    if (memory !== "f32" && memory !== "f64") return buffer;
    const numbers = memory === "f32" ? new Float32Array(buffer.slice().buffer) : new Float64Array(buffer.slice().buffer);
    return [...numbers];
  });
}

function slicesOf(extent: number, cut: number): [number, number][] {
  const middle = cut % (extent + 1);
  return [
    [0, middle],
    [middle, extent],
  ].filter(([from, to]) => (from as number) < (to as number)) as [number, number][];
}

const tapes = fc.array(fc.nat(1000), { minLength: 20, maxLength: 600 });

for (const { lanes, relaxed, simd } of [
  { lanes: 2, relaxed: true, simd: true },
  { lanes: 2, relaxed: false, simd: true },
  { lanes: 4, relaxed: true, simd: true },
  { lanes: 4, relaxed: false, simd: true },
  { lanes: 1, relaxed: true, simd: true },
  { lanes: 1, relaxed: false, simd: false },
]) {
  describe(`random kernels, ${lanes} lanes, ${relaxed ? "fused" : "unfused"}${simd ? "" : ", no vectors"}`, () => {
    it("give the interpreter's bits", () => {
      fc.assert(
        fc.property(tapes, fc.nat(), fc.nat(100), (tape, seed, cut) => {
          const kernel = randomKernel(tape, lanes, { fma64: !relaxed, doubles: lanes === 2 });
          const slices = slicesOf(kernel.extent, cut);
          const expected = randomBuffers(seed);
          const got = randomBuffers(seed);
          const status = { status: 0, detail: 0 };
          for (const [from, to] of slices) interpretKernel(kernel, expected, from, to, status, { fused: relaxed });
          expect(runWasmKernel(kernel, got, slices, { relaxed, simd })).toEqual(status);
          expect(canonical(got)).toEqual(canonical(expected));
        }),
        { numRuns: 250 },
      );
    });
  });
}
