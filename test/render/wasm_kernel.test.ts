// What kernels become as WebAssembly: addresses, tails, multiply-adds, extremes, sharing, and the code of the inner loop of a matmul.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Kernel, Program, Statement } from "../../src/graph/kernel.ts";
import { renderWasm } from "../../src/render/wasm/render.ts";
import { block, interpretKernel } from "../support/interpret.ts";
import * as l from "../support/language.ts";
import { type MachineOptions, runWasmKernel } from "./wasm_machine.ts";
import { textOfModule } from "./wasm_text.ts";

const f4 = l.wide(l.f32);
const i4 = l.wide(l.i32);

/** Runs a kernel both ways and compares all bytes of all buffers. Returns the buffers. */
function agree(kernel: Kernel, buffers: readonly ArrayBufferView[], options: MachineOptions = {}): Uint8Array[] {
  const got = buffers.map(block);
  const expected = buffers.map(block);
  const status = { status: 0, detail: 0 };
  interpretKernel(kernel, expected, 0, kernel.extent, status, { fused: options.relaxed !== false });
  expect(runWasmKernel(kernel, got, [[0, kernel.extent]], options)).toEqual(status);
  expect(got).toEqual(expected);
  return got;
}

function floats(block: Uint8Array | undefined, length: number): Float32Array {
  return new Float32Array((block as Uint8Array).slice().buffer, 0, length);
}

const numbers = (length: number, of: (i: number) => number = (i) => i): Float32Array => Float32Array.from({ length }, (_, i) => of(i));

const programOf = (kernels: readonly Kernel[]): Program => l.program(kernels, 0, 0, []);
const options = { simd: true, relaxed: true, memory: { minimum: 17, maximum: 65536, shared: false } };

describe("addresses", () => {
  it("reach constants far from their variable, below and above", () => {
    const far = [-600_000, -131_073, -131_072, -1, 0, 1, 131_071, 131_072, 250_000, 600_000];
    const at = 700_000;
    const body = far.map((distance, k) => l.store(1, l.add(l.mul("i", far.length), k), l.load(l.f32, 0, l.add(l.add("i", distance), at))));
    // The variable part runs from `at`, so that a constant may be negative.
    const shifted = far.map((distance, k) =>
      l.store(1, l.add(l.mul("i", far.length), 100 + k), l.load(l.f32, 0, l.add(l.add("i", at), distance))),
    );
    const kernel = l.kernel(["f32", "f32!"], 3, [l.loop("i", l.begin, l.end, 1, [...body, ...shifted])]);
    agree(kernel, [numbers(1_400_000, (i) => i % 65_521), numbers(200)]);
  });

  it("follow an index that is set in the loop", () => {
    const kernel = l.kernel(["f32", "f32!"], 5, [
      l.define("n", l.int(0)),
      l.loop("i", l.begin, l.end, 1, [
        l.define("m", l.mul("n", 3)),
        l.store(1, "i", l.load(l.f32, 0, l.add("m", 1))),
        l.set("n", l.add("n", 2)),
        l.set("m", l.add("m", "n")),
        l.store(1, l.add("i", 8), l.load(l.f32, 0, "m")),
      ]),
    ]);
    agree(kernel, [numbers(64), numbers(16)]);
  });

  it("of more streams than pointers are right, through two loops", () => {
    const streams = 15;
    const body: Statement[] = [l.define("sum", l.constant(f4, 0))];
    const inner = Array.from({ length: streams }, (_, b) =>
      l.set("sum", l.add(l.variable(f4, "sum"), l.load(f4, b, l.add(l.mul("i", 4 * (1 + (b % 3))), l.mul("j", 4 + 4 * (b % 2)))))),
    );
    body.push(l.loop("j", 0, 3, 1, inner), l.store(streams, l.mul("i", 4), l.variable(f4, "sum")));
    const kernel = l.kernel([...new Array(streams).fill("f32"), "f32!"], 4, [l.loop("i", l.begin, l.end, 1, body)]);
    agree(kernel, [...Array.from({ length: streams }, (_, b) => numbers(128, (i) => i * (b + 1))), numbers(16)]);
  });

  it("keep loops that never run, and loops whose bounds are computed", () => {
    const kernel = l.kernel(["i32", "f32", "f32!"], 6, [
      l.loop("i", l.begin, l.end, 1, [
        l.loop("j", l.load(l.i32, 0, "i"), l.load(l.i32, 0, l.add("i", 1)), 2, [
          l.store(2, l.add("j", l.mul("i", 8)), l.load(l.f32, 1, l.add("j", "i"))),
        ]),
      ]),
    ]);
    agree(kernel, [new Int32Array([3, 1, 5, 5, 0, 7, 2]), numbers(64), new Float32Array(64)]);
  });
});

describe("stores", () => {
  it("with a count touch no other element, for every memory type and place", () => {
    for (const [memory, of] of [
      ["f32", f4],
      ["i32", i4],
      ["u32", l.wide(l.u32)],
      ["u8", i4],
      ["i8", i4],
      ["u16", i4],
      ["bool", l.wide(l.bool)],
    ] as const) {
      const start = l.load(l.i32, 0, 0);
      const value = l.cast(of, l.ramp(l.int(1)));
      const kernel = l.kernel(["i32", `${memory}!`], 1, [l.store(1, start, value, l.load(l.i32, 0, 1))]);
      for (const index of [0, 1, 3, 6]) {
        for (const count of [1, 2, 3, 4, 5, 100])
          agree(kernel, [
            new Int32Array([index, count]),
            memory === "u16"
              ? new Uint16Array(12).fill(9)
              : memory === "u8" || memory === "i8" || memory === "bool"
                ? new Uint8Array(12).fill(1)
                : new Int32Array(12).fill(-7),
          ]);
      }
    }
  });

  it("may cut the extent anywhere without changing bits", () => {
    const index = l.ramp(l.int("i"));
    const x = l.load(f4, 0, "i");
    const value = l.fma(x, l.cast(f4, index), l.unary("sqrt", l.unary("abs", x)));
    const kernel = l.kernel(["f32", "f32!"], 37, [l.loop("i", l.begin, l.end, 4, [l.store(1, "i", value, l.sub(l.end, "i"))])]);
    const data = numbers(40, (i) => Math.sin(i) * 1e3);
    const whole = [data, new Float32Array(40)].map(block);
    runWasmKernel(kernel, whole);
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 36 })), fc.boolean(), (cuts, backwards) => {
        const ends = [0, ...cuts.sort((a, b) => a - b), 37];
        const slices = ends.slice(1).map((end, i): [number, number] => [ends[i] as number, end]);
        const parts = [data, new Float32Array(40)].map(block);
        runWasmKernel(kernel, parts, backwards ? slices.reverse() : slices);
        expect(parts).toEqual(whole);
      }),
      { numRuns: 40 },
    );
  });
});

describe("multiply-add", () => {
  it("gives the same bits in a scalar and in a vector", () => {
    const of = (type: typeof l.f32, i: number | string) => [0, 1, 2].map((b) => l.load(type, b, i)) as [never, never, never];
    const kernel = l.kernel(["f32", "f32", "f32", "f32!", "f32!"], 256, [
      l.loop("i", l.begin, l.end, 4, [l.store(3, "i", l.fma(...of(f4, "i")))]),
      l.loop("k", l.begin, l.end, 1, [l.store(4, "k", l.fma(...of(l.f32, "k")))]),
    ]);
    const data = [1, 2, 3].map((s) => numbers(256, (i) => Math.sin(i * s + s) * 10 ** ((i % 7) - 3)));
    for (const relaxed of [true, false]) {
      const out = agree(kernel, [...data, new Float32Array(256), new Float32Array(256)], { relaxed });
      expect(floats(out[3], 256)).toEqual(floats(out[4], 256));
    }
  });

  it("rounds once for f64 as well, where the engine can", () => {
    const [a, b, c] = [0, 1, 2].map((i) => l.load(l.f64, 0, i)) as [never, never, never];
    const kernel = l.kernel(["f64", "f64!"], 1, [l.store(1, 0, l.fma(a, b, c))]);
    const x = 1 + 2 ** -27;
    const run = (relaxed: boolean): number => {
      const buffers = [new Float64Array([x, x, -(1 + 2 ** -26)]), new Float64Array(1)].map(block);
      runWasmKernel(kernel, buffers, undefined, { relaxed });
      return new Float64Array((buffers[1] as Uint8Array).buffer)[0] as number;
    };
    expect(run(true)).toBe(2 ** -54);
    expect(run(false)).toBe(0);
  });
});

describe("nothing traps", () => {
  const extremes = [0, -0, 1, -1, 2.5, -2.5, 0.49999997, 2147483647, 2147483648, 4294967296, -2147483648, -2147483904, 1e30, -1e30];
  const values = new Float32Array([...extremes, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324, 1e-40]);
  const n = Math.ceil(values.length / 4) * 4;

  it("on conversion of any float", () => {
    const kernel = l.kernel(["f32", "i32!", "u32!", "i32!", "u32!", "bool!"], n, [
      l.loop("i", l.begin, l.end, 4, [
        l.store(1, "i", l.cast(i4, l.load(f4, 0, "i"))),
        l.store(2, "i", l.cast(l.wide(l.u32), l.load(f4, 0, "i"))),
        l.store(5, "i", l.cast(l.wide(l.bool), l.load(f4, 0, "i"))),
      ]),
      l.loop("k", l.begin, l.end, 1, [
        l.store(3, "k", l.cast(l.i32, l.cast(l.f64, l.load(l.f32, 0, "k")))),
        l.store(4, "k", l.cast(l.u32, l.load(l.f32, 0, "k"))),
      ]),
    ]);
    const out = agree(kernel, [values, ...[0, 0, 0, 0].map(() => new Int32Array(n)), new Uint8Array(n)]);
    expect(new Int32Array((out[1] as Uint8Array).buffer, 0, 2 + extremes.length).slice(7, 10)).toEqual(
      new Int32Array([2147483647, 2147483647, 2147483647]),
    );
  });

  it("on division by anything, in lanes and scalars, by variables and constants", () => {
    const integers = [0, 1, -1, 7, -7, 2147483647, -2147483648, 31];
    const pairs = integers.flatMap((a) => integers.map((b) => [a, b] as const));
    const m = pairs.length;
    const operations = ["div", "rem"] as const;
    for (const scalar of [l.i32, l.u32]) {
      const body = [l.wide(scalar), scalar].flatMap((type, form) =>
        operations.flatMap((operation, o) => [
          l.loop(`i${form}${o}`, l.begin, l.end, type.lanes, [
            l.store(
              2,
              l.add(`i${form}${o}`, (form * 2 + o) * m),
              l.binary(operation, l.load(type, 0, `i${form}${o}`), l.load(type, 1, `i${form}${o}`)),
            ),
            ...integers.map((d, k) =>
              l.store(
                2,
                l.add(`i${form}${o}`, (4 + (form * 2 + o) * 8 + k) * m),
                l.binary(operation, l.load(type, 0, `i${form}${o}`), l.constant(type, d)),
              ),
            ),
          ]),
        ]),
      );
      const memory = scalar === l.i32 ? "i32" : "u32";
      agree(l.kernel([memory, memory, `${memory}!`], m, body), [
        new Int32Array(pairs.map(([a]) => a)),
        new Int32Array(pairs.map(([, b]) => b)),
        new Int32Array(m * 40),
      ]);
    }
  });

  it("and a maximum with a number gives NaN for NaN", () => {
    const kernel = l.kernel(["f32", "f32!", "f32!"], 4, [
      l.store(1, 0, l.binary("max", l.load(f4, 0, 0), l.constant(f4, 1))),
      l.store(1, 4, l.binary("min", l.constant(f4, 1), l.load(f4, 0, 0))),
      l.loop("i", 0, 4, 1, [
        l.store(2, "i", l.binary("max", l.load(l.f32, 0, "i"), l.constant(l.f32, 1))),
        l.store(2, l.add("i", 4), l.binary("min", l.constant(l.f32, 1), l.load(l.f32, 0, "i"))),
      ]),
    ]);
    const out = [new Float32Array([Number.NaN, 0.5, 2, Number.NEGATIVE_INFINITY]), new Float32Array(8), new Float32Array(8)].map(block);
    runWasmKernel(kernel, out);
    const expected = new Float32Array([Number.NaN, 1, 2, 1, Number.NaN, 0.5, 1, Number.NEGATIVE_INFINITY]);
    expect(floats(out[1], 8)).toEqual(expected);
    expect(floats(out[2], 8)).toEqual(expected);
  });
});

describe("host functions", () => {
  it("are JavaScript's", () => {
    const names = ["exp", "expm1", "log", "log1p", "sin", "cos", "tanh"] as const;
    const x = l.load(l.f64, 0, "i");
    const kernel = l.kernel(["f64", "f64!"], 5, [
      l.loop("i", l.begin, l.end, 1, [
        ...names.map((name, k) => l.store(1, l.add(l.mul("i", 8), k), l.host(name, x))),
        l.store(1, l.add(l.mul("i", 8), 7), l.host("pow", x, l.constant(l.f64, 1.7))),
      ]),
    ]);
    const data = new Float64Array([0.3, 1, 2.5, 17, 1e-9]);
    const buffers = [data, new Float64Array(40)].map(block);
    runWasmKernel(kernel, buffers);
    const got = new Float64Array((buffers[1] as Uint8Array).buffer);
    for (const [i, v] of data.entries()) {
      for (const [k, name] of names.entries()) expect(got[i * 8 + k]).toBeCloseTo(Math[name](v), 12);
      expect(got[i * 8 + 7]).toBeCloseTo(v ** 1.7, 10);
    }
  });
});

describe("sharing", () => {
  const scaled = (factor: number, name: string): Kernel =>
    l.kernel(
      ["f32", "f32!"],
      8,
      [l.loop(name, l.begin, l.end, 4, [l.store(1, name, l.mul(l.load(f4, 0, name), l.constant(f4, factor)))])],
      name,
    );

  it("gives kernels that differ in names alone one function", () => {
    const { functions, bytes } = renderWasm(programOf([scaled(2, "a"), scaled(3, "b"), scaled(2, "c"), scaled(2, "a")]), options);
    expect(functions).toEqual([0, 1, 0, 0]);
    expect(textOfModule(bytes)).toHaveLength(3);
  });

  it("tells constants apart that print alike", () => {
    const odd = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const { functions } = renderWasm(programOf(odd.map((x) => scaled(x, "a"))), options);
    expect(functions).toEqual([0, 1, 2, 3, 4]);
  });
});

/** C[6, 8] += A[6, k] · B[k, 8], packed. */
function microkernel(depth: number): Kernel {
  const rows = [0, 1, 2, 3, 4, 5];
  const halves = [0, 1];
  const accumulator = (r: number, h: number) => `c${r}${h}`;
  return l.kernel(["f32", "f32", "f32!"], 3, [
    l.loop("i", l.begin, l.end, 1, [
      ...rows.flatMap((r) => halves.map((h) => l.define(accumulator(r, h), l.constant(f4, 0)))),
      l.loop("k", 0, depth, 1, [
        ...halves.map((h) => l.define(`b${h}`, l.load(f4, 1, l.add(l.mul("k", 8), 4 * h)))),
        ...rows.flatMap((r) => [
          l.define(`a${r}`, l.splat(l.load(l.f32, 0, l.add(l.add(l.mul("i", 6 * depth), l.mul("k", 6)), r)))),
          ...halves.map((h) =>
            l.set(accumulator(r, h), l.fma(l.variable(f4, `a${r}`), l.variable(f4, `b${h}`), l.variable(f4, accumulator(r, h)))),
          ),
        ]),
      ]),
      ...rows.flatMap((r) => halves.map((h) => l.store(2, l.add(l.mul("i", 48), r * 8 + 4 * h), l.variable(f4, accumulator(r, h))))),
    ]),
  ]);
}

describe("the inner loop of a matmul", () => {
  it("is loads, multiply-adds and two pointers", () => {
    const [kernel] = textOfModule(renderWasm(programOf([microkernel(64)]), options).bytes);
    expect(kernel).toMatchSnapshot();
  });

  it("is right", () => {
    agree(microkernel(20), [numbers(3 * 6 * 20, (i) => Math.sin(i)), numbers(20 * 8, (i) => Math.cos(i)), new Float32Array(144)]);
  });
});
