// Every operation of the loop language in C, scalar and in vectors of every width, on all pairs of hard values, against the
// interpreter: the same bits. One program holds all kernels of a width; its extents leave tails, and nothing behind them changes.

import { describe, expect, it } from "vitest";
import type { BinaryOperation, Expression, Memory, Scalar, UnaryOperation, ValueType } from "../../src/graph/kernel.ts";
import { renderC } from "../../src/render/c/program.ts";
import { createNativeDevice } from "../../src/runtime/native/device.ts";
import * as l from "../support/language.ts";
import { fusedHere, native } from "../support/native.ts";
import { difference, dtypeOfMemory, interpretOn, type Row, runOn } from "../support/run_program.ts";

const floats = [
  ...[0, 1, 0.5, 1.5, 2.5, 3, 1e-45, 2 ** -126, 3.4028234663852886e38, 2147483520, 2147483648, 2147483904, 4294967040, 4294967296],
  ...[255.5, 8388607.5, 8388609, 0.49999997, Number.POSITIVE_INFINITY],
].flatMap((v) => [v, -v]);
floats.push(Number.NaN);
const integers = [0, 1, -1, 2, -2, 3, -7, 10, 31, 32, 33, 255, 256, -129, 65537, 1 << 30, 2147483647, -2147483647, -2147483648];

const hard: Record<Scalar, readonly number[]> = {
  f32: floats.map(Math.fround),
  f64: [...floats, 0.1, 2 ** 53 + 2, 1e300, -1e-310],
  i32: integers,
  u32: integers.map((v) => v >>> 0),
  bool: [0, 1],
};
const length = 1523;
const scalars = ["f32", "f64", "i32", "u32", "bool"] as const;

/** For each scalar a pair of inputs that meet in all combinations; then a third for float32, then all bytes. */
const inputs: Row[] = [
  ...scalars.flatMap((scalar): Row[] => {
    const values = hard[scalar];
    const at = (i: number) => values[i % values.length] as number;
    const all = Array.from({ length }, (_, i) => i);
    const dtype = dtypeOfMemory[scalar];
    return [
      { dtype, data: all.map((i) => at(Math.floor(i / values.length))) },
      { dtype, data: all.map((i) => at(i)) },
    ];
  }),
  { dtype: "float32", data: Array.from({ length }, (_, i) => Math.fround((i % 101) / 7 - 5)) },
  { dtype: "uint8", data: Array.from({ length }, (_, i) => i & 255) },
  { dtype: "int8", data: Array.from({ length }, (_, i) => (i & 255) - 128) },
  { dtype: "float16", data: Array.from({ length }, (_, i) => (i * 2003) & 65535) },
];
const narrow: Memory[] = ["u8", "i8", "u16"];
const memories: Memory[] = [...scalars.flatMap((s) => [s, s]), "f32", ...narrow];

interface Case {
  readonly name: string;
  /** What is stored at `i`. */
  readonly value: Expression;
  readonly memory: Memory;
}

const unaries: Record<Scalar, readonly UnaryOperation[]> = {
  f32: ["neg", "abs", "sqrt", "floor", "ceil", "trunc", "nearest"],
  f64: ["neg", "abs", "sqrt", "floor", "ceil", "trunc", "nearest"],
  i32: ["neg", "abs", "not"],
  u32: ["neg", "abs", "not"],
  bool: ["not"],
};
const compares: readonly BinaryOperation[] = ["eq", "ne", "lt", "le"];
const whole: readonly BinaryOperation[] = ["add", "sub", "mul", "div", "rem", "min", "max", "and", "or", "xor", "shl", "shr", ...compares];
const binaries: Record<Scalar, readonly BinaryOperation[]> = {
  f32: ["add", "sub", "mul", "div", "min", "max", ...compares],
  f64: ["add", "sub", "mul", "div", "min", "max", ...compares],
  i32: whole,
  u32: whole,
  bool: ["and", "or", "xor", "min", "max", ...compares],
};

function casesOf(lanes: number, doubles: boolean): Case[] {
  const cases: Case[] = [];
  const typed = doubles ? scalars : (["f32", "i32", "u32", "bool"] as const);
  const type = (scalar: Scalar): ValueType => ({ scalar, lanes });
  const left = (s: Scalar) => l.load(type(s), 2 * scalars.indexOf(s), "i");
  const right = (s: Scalar) => l.load(type(s), 2 * scalars.indexOf(s) + 1, "i");
  const add = (name: string, value: Expression, memory: Memory = value.type.scalar) => cases.push({ name, value, memory });
  for (const s of typed) {
    for (const operation of unaries[s]) add(`${operation} ${s}`, l.unary(operation, right(s)));
    for (const operation of binaries[s]) {
      add(`${operation} ${s}`, l.binary(operation, left(s), right(s)));
      for (const c of constantsOf(s, operation)) {
        add(`${operation} ${s} with ${Object.is(c, -0) ? "-0" : c}`, l.binary(operation, left(s), l.constant(type(s), c)));
      }
    }
    for (const to of typed) add(`${s} to ${to}`, l.cast(type(to), right(s)));
    add(`select ${s}`, l.select(l.load(type("bool"), 9, "i"), left(s), right(s)));
    if (lanes > 1) {
      add(`splat ${s}`, l.splat(l.load({ scalar: s, lanes: 1 }, 2 * scalars.indexOf(s), 7), lanes));
      const scattered = l.binary(
        "and",
        l.binary("mul", l.ramp(l.int("i"), lanes), l.constant(type("i32"), 77)),
        l.constant(type("i32"), 1023),
      );
      add(`gather ${s}`, l.gather(type(s), 2 * scalars.indexOf(s) + 1, scattered));
      const picked = l.lane(l.load(type(s), 2 * scalars.indexOf(s) + 1, 100), lanes - 1);
      add(`lane ${s}`, l.splat(picked, lanes));
    }
  }
  const exact = l.select(l.binary("eq", right("f32"), right("f32")), right("f32"), l.constant(type("f32"), 1));
  add("bits of f32 as i32", l.bitcast(type("i32"), exact));
  add("bits of f32 as u32", l.bitcast(type("u32"), exact));
  add("bits of i32 as f32", l.bitcast(type("f32"), right("i32")));
  add("bits of u32 as i32", l.bitcast(type("i32"), right("u32")));
  add("bits of i32 as u32", l.bitcast(type("u32"), right("i32")));
  add("multiply-add", l.fma(left("f32"), l.load(type("f32"), 10, "i"), right("f32")));
  for (const memory of narrow) {
    const buffer = memories.indexOf(memory);
    add(`load ${memory}`, l.load(type("i32"), buffer, "i"));
    add(`store ${memory}`, right("i32"), memory);
    if (lanes > 1) add(`gather ${memory}`, l.gather(type("i32"), buffer, l.ramp(l.int("i"), lanes)));
  }
  if (lanes > 1) add("ramp", l.ramp(l.int("i"), lanes));
  return cases;
}

/** Right operands that are known when the code is made: the renderer has shorter forms for some. */
function constantsOf(scalar: Scalar, operation: BinaryOperation): readonly number[] {
  if (scalar === "f32" && (operation === "min" || operation === "max"))
    return [0, -0, 1.5, -2, Number.NaN, Number.POSITIVE_INFINITY, -1e-60];
  if (scalar === "f64" && (operation === "min" || operation === "max")) return [0, -0, Number.NaN];
  if ((scalar === "i32" || scalar === "u32") && (operation === "div" || operation === "rem")) return [0, 1, -1, 3, 10, -7, 64, -2147483648];
  if (scalar === "i32" && (operation === "shl" || operation === "shr")) return [0, 31, 33, -1];
  return [];
}

describe.runIf(native)("operations in C", () => {
  for (const { lanes, doubles } of [
    { lanes: 1, doubles: true },
    ...[4, 8, 16].map((lanes) => ({ lanes, doubles: false })),
    ...[2, 4, 8].map((lanes) => ({ lanes, doubles: true })),
  ]) {
    it(lanes === 1 ? "scalars" : `vectors of ${lanes}${doubles ? ", with float64" : ""}`, () => {
      const cases = casesOf(lanes, doubles);
      const kernels = cases.map(({ name, value, memory }, k) => {
        const count = l.sub(l.end, "i");
        // Extents that end before the buffers do, at all distances from a multiple of the lanes.
        const extent = length - 7 - (k % 16);
        const body = [l.loop("i", l.begin, l.end, lanes, [l.store(memories.length, "i", value, count)])];
        return l.kernel([...memories, `${memory}!`], extent, body, name);
      });
      const shared = memories.map((_, i) => i);
      const steps = cases.map((_, k) => l.call(k, ...shared, memories.length + k));
      const program = l.program(kernels, memories.length, cases.length, steps);
      const outputs = cases.map(({ memory }): Row => {
        const data = Array.from({ length }, (_, i) => (memory === "bool" ? i & 1 : (i * 7) & 127));
        return { dtype: dtypeOfMemory[memory], data };
      });
      const device = createNativeDevice({
        render: renderC,
        ...(lanes === 1 ? {} : { lanes: (doubles ? 2 * lanes : lanes) as 4 | 8 | 16 }),
      });
      const actual = runOn(device.load(program), inputs, outputs);
      const expected = interpretOn(program, inputs, outputs, 1, { fused: fusedHere() });
      const wrong = cases.flatMap(({ name }, k) => {
        const message = difference(actual.outputs[k] as Float32Array, expected.outputs[k] as Float32Array);
        return message === null ? [] : [`${name}: ${message}`];
      });
      expect(wrong).toEqual([]);
    });
  }

  it("has the host's functions", () => {
    const values = [-3.25, -1, -0.5, -1e-9, 0, 1e-9, 0.3, 1, 2.75, 40];
    const names = ["exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf", "erfc", "pow", "atan2"] as const;
    const x = l.load(l.f64, 0, "i");
    const kernels = names.map((name) => {
      const value = name === "pow" || name === "atan2" ? l.host(name, l.unary("abs", x), x) : l.host(name, x);
      return l.kernel(["f64", "f64!"], values.length, [l.loop("i", l.begin, l.end, 1, [l.store(1, "i", value)])], name);
    });
    const steps = names.map((_, k) => l.call(k, 0, k + 1));
    const program = l.program(kernels, 1, names.length, steps);
    const empty = names.map((): Row => ({ dtype: "float64", data: values.map(() => 7) }));
    const rows: Row[] = [{ dtype: "float64", data: values }];
    const actual = runOn(createNativeDevice({ render: renderC }).load(program), rows, empty).outputs;
    const expected = interpretOn(program, rows, empty).outputs;
    for (const [k, name] of names.entries()) {
      for (const [i, x] of values.entries()) {
        const [got, want] = [actual[k]?.[i] as number, expected[k]?.[i] as number];
        const close = Object.is(got, want) || Math.abs(got - want) <= 1e-14 * Math.max(Math.abs(want), 1e-300);
        expect(close, `${name}(${x}): ${got} instead of ${want}`).toBe(true);
      }
    }
  });
});
