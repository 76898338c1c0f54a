// Abilities of the engine, the flags of its compiler, and devices that use less than there is.

import { describe, expect, it, vi } from "vitest";
import { renderWasm } from "../../src/render/wasm/render.ts";
import { createWasmDevice } from "../../src/runtime/wasm/device.ts";
import { withOptimisingCompiler } from "../../src/runtime/wasm/node.ts";
import { wasmSupport } from "../../src/runtime/wasm/support.ts";
import { UnsupportedError } from "../../src/util/errors.ts";
import * as l from "../support/language.ts";
import { fresh, given, newDevice, row, valueOf } from "./wasm_device.ts";

function triple(type: typeof l.f32) {
  const body = [l.store(1, "i", l.fma(l.load(type, 0, "i"), l.constant(type, 3), l.load(type, 0, "i")))];
  return l.program([l.kernel(["f32", "f32!"], 8, [l.loop("i", l.begin, l.end, type.lanes, body)])], 1, 1, [l.call(0, 0, 1)]);
}

describe("the compiler's flags", () => {
  const v8 = process.getBuiltinModule("node:v8");

  it("are set around a load and put back, also where it fails", () => {
    const flags = vi.spyOn(v8, "setFlagsFromString");
    try {
      newDevice().load(triple(l.wide(l.f32)));
      const expected = ["--no-liftoff", "--no-wasm-lazy-compilation", "--liftoff", "--wasm-lazy-compilation"];
      expect(flags.mock.calls.map(([flag]) => flag)).toEqual(expected);
      flags.mockClear();
      expect(() =>
        withOptimisingCompiler(() => {
          expect(flags.mock.calls.map(([flag]) => flag)).toEqual(expected.slice(0, 2));
          throw new Error("no module");
        }),
      ).toThrow("no module");
      expect(flags.mock.calls.map(([flag]) => flag)).toEqual(expected);
    } finally {
      flags.mockRestore();
    }
  });

  it("that the user set are left alone", () => {
    const flags = vi.spyOn(v8, "setFlagsFromString");
    process.execArgv.push("--no-liftoff");
    try {
      withOptimisingCompiler(() => {});
      expect(flags.mock.calls.map(([flag]) => flag)).toEqual(["--no-wasm-lazy-compilation", "--wasm-lazy-compilation"]);
    } finally {
      process.execArgv.pop();
      flags.mockRestore();
    }
  });
});

describe("support", () => {
  it("says what modules of this engine may hold", () => {
    const { available, simd, relaxed, reason } = wasmSupport();
    const memory = { minimum: 17, maximum: 100, shared: false };
    const valid = (lanes: number, useRelaxed: boolean): boolean =>
      WebAssembly.validate(renderWasm(triple(l.wide(l.f32, lanes)), { simd: lanes > 1, relaxed: useRelaxed, memory }).bytes);
    expect(available).toBe(true);
    expect(valid(1, false)).toBe(true);
    expect(valid(4, false)).toBe(simd);
    expect(valid(4, true)).toBe(relaxed);
    expect(reason === null).toBe(simd && relaxed);
  });

  it("decides the width of the device, and what is missing is done without", () => {
    for (const [simd, relaxed] of [
      [false, false],
      [true, false],
      [true, true],
    ] as const) {
      const device = createWasmDevice({ render: renderWasm, support: { available: true, simd, relaxed, reason: null } });
      expect(device.target.lanes).toBe(simd ? 4 : 1);
      const out = fresh("float32", 8);
      const data = given("float32", new Float32Array([0, 1, 2, 3, 4, 5, 6, 7]));
      device.load(triple(l.wide(l.f32, device.target.lanes))).run([row(data)], [row(out)], 1);
      expect(valueOf(out)).toEqual(new Float32Array([0, 4, 8, 12, 16, 20, 24, 28]));
    }
  });

  it("is an error with a reason where there is none", () => {
    const make = () =>
      createWasmDevice({ render: renderWasm, support: { available: false, simd: false, relaxed: false, reason: "no WebAssembly here" } });
    expect(make).toThrow(UnsupportedError);
    expect(make).toThrow(/no WebAssembly here/);
  });
});
