// Programs in C: how the steps, the table, repetitions and failures work, against the interpreter and against what is expected.

import { describe, expect, it } from "vitest";
import type { Kernel, Operand, Program, Step } from "../../src/graph/kernel.ts";
import { renderC } from "../../src/render/c/program.ts";
import { createNativeDevice } from "../../src/runtime/native/device.ts";
import * as l from "../support/language.ts";
import { native } from "../support/native.ts";
import { interpretOn, type Outcome, type Row, runOn, sliced } from "../support/run_program.ts";

/** Runs on the device, after making sure that the interpreter agrees about everything that can be seen. */
function run(program: Program, inputs: readonly Row[], outputs: readonly Row[], repeat = 1): Outcome {
  const actual = runOn(createNativeDevice({ render: renderC }).load(program), inputs, outputs, repeat);
  const expected = interpretOn(program, inputs, outputs, repeat);
  expect(actual.failure).toEqual(expected.failure);
  if (expected.failure === null) expect(actual.outputs).toEqual(expected.outputs);
  return actual;
}

const ints = (...data: number[]): Row => ({ dtype: "int32", data });
const numbers = (row: ArrayLike<number> | undefined) => Array.from(row ?? []);

/** to[0] = to[0] · 10 + from[0]: what ran, in which order. */
const append = l.kernel(["i32", "i32!"], 1, [l.store(1, 0, l.add(l.mul(l.load(l.i32, 1, 0), 10), l.load(l.i32, 0, 0)))], "append");
/** to[0] = from[0] + 1 */
const increment = l.kernel(["i32", "i32!"], 1, [l.store(1, 0, l.add(l.load(l.i32, 0, 0), 1))], "increment");
/** small[0] = a[0] < b[0] */
const less = l.kernel(["i32", "i32", "bool!"], 1, [l.store(2, 0, l.binary("lt", l.load(l.i32, 0, 0), l.load(l.i32, 1, 0)))], "less");
/** Fails with check 1 where a[0] ≥ b[0]; copies a. */
const below = l.kernel(
  ["i32", "i32", "i32!"],
  1,
  [
    { kind: "flag", check: 1, condition: l.binary("le", l.load(l.i32, 1, 0), l.load(l.i32, 0, 0)), value: l.load(l.i32, 0, 0) },
    l.store(2, 0, l.load(l.i32, 0, 0)),
  ],
  "below",
);
const checks = [
  { message: "never", size: 0 },
  { message: "too large", size: 9 },
];

const call = (kernel: number, ...operands: (number | Operand)[]): Step => ({
  kind: "call",
  kernel,
  operands: operands.map((o) => (typeof o === "number" ? { buffer: o } : o)),
});
const at = (buffer: number, ...strides: [counter: number, bytes: number][]): Operand => ({
  buffer,
  strides: strides.map(([counter, bytes]) => ({ counter, bytes })),
});

describe.runIf(native)("programs in C", () => {
  it("run nested loops forwards and backwards, addressed by their counters", () => {
    const body: Step[] = [call(0, at(0, [3, 12], [5, 4]), 1)];
    const inner: Step = { kind: "loop", counter: 5, count: 3, reverse: true, body };
    const program = l.program([append], 1, 1, [{ kind: "loop", counter: 3, count: 2, reverse: false, body: [inner] }]);
    expect(numbers(run(program, [ints(1, 2, 3, 4, 5, 6)], [ints(0)]).outputs[0])).toEqual([321654]);
  });

  it("run no body for a loop of no turns, forwards or backwards", () => {
    const empty = (reverse: boolean, counter: number): Step => ({ kind: "loop", counter, count: 0, reverse, body: [call(0, 0, 1)] });
    const program = l.program([append], 1, 1, [empty(false, 0), empty(true, 1)]);
    expect(numbers(run(program, [ints(5)], [ints(7)]).outputs[0])).toEqual([7]);
  });

  it("write the counter where kernels read it, and copy", () => {
    const program = l.program(
      [append],
      1,
      1,
      [
        { kind: "copy", from: { buffer: 0 }, to: { buffer: 2 }, bytes: 4 },
        {
          kind: "loop",
          counter: 0,
          count: 4,
          reverse: true,
          body: [{ kind: "counter", counter: 0, to: { buffer: 3 } }, call(0, 3, 2)],
        },
        { kind: "copy", from: { buffer: 2 }, to: at(1), bytes: 4 },
      ],
      { arena: 2 },
    );
    expect(numbers(run(program, [ints(9)], [ints(0, 8)]).outputs[0])).toEqual([93210, 8]);
  });

  it("run while and if by a byte", () => {
    const steps: Step[] = [
      { kind: "copy", from: { buffer: 0 }, to: { buffer: 4 }, bytes: 4 },
      { kind: "while", test: [call(2, 4, 1, 5)], condition: { buffer: 5 }, body: [call(0, 4, 4)] },
      { kind: "if", condition: { buffer: 2 }, then: [call(1, 4, 3)], otherwise: [call(0, 4, 3)] },
    ];
    const program = l.program([increment, append, less], 3, 1, steps, { arena: 2 });
    const truth = (b: 0 | 1): Row => ({ dtype: "bool", data: [b] });
    expect(numbers(run(program, [ints(2), ints(7), truth(0)], [ints(5)]).outputs[0])).toEqual([8]);
    expect(numbers(run(program, [ints(2), ints(7), truth(1)], [ints(5)]).outputs[0])).toEqual([57]);
    expect(numbers(run(program, [ints(9), ints(7), truth(1)], [ints(5)]).outputs[0])).toEqual([59]);
  });

  it("repeat with rows that stride and with a row updated in place", () => {
    const program = l.program([append, increment], 2, 2, [call(0, 0, 2), call(1, 0, 3)]);
    const inputs = [{ ...ints(4, 5, 6), strideBytes: 4 }, ints(1)];
    const outputs = [
      { ...ints(0), inPlace: 1 },
      { ...ints(0, 0, 0), strideBytes: 4 },
    ];
    const result = run(program, inputs, outputs, 3);
    expect(numbers(result.outputs[0])).toEqual([1456]);
    expect(numbers(result.outputs[1])).toEqual([5, 6, 7]);
  });

  it("exchange rows between repetitions: the result is in the output and the input stays", () => {
    const program = l.program([increment], 1, 1, [call(0, 0, 1)], { exchanges: [[0, 1]] });
    for (const repeat of [1, 2, 3, 8]) {
      const result = run(program, [ints(10)], [ints(0)], repeat);
      expect(numbers(result.outputs[0])).toEqual([10 + repeat]);
      expect(numbers(result.inputs[0])).toEqual([10]);
    }
  });

  it("stop at a guard when a check failed, and say which, with what, and when", () => {
    const steps: Step[] = [call(0, 0, 1, 3), { kind: "guard" }, call(1, 3, 2)];
    const program = l.program([below, increment], 2, 1, steps, { arena: 1, checks });
    expect(numbers(run(program, [ints(4), ints(5)], [ints(0)]).outputs[0])).toEqual([5]);
    const failed = run(program, [ints(6), ints(5)], [ints(77)]);
    expect(failed.failure).toEqual({ check: 1, value: 6, repetition: 0 });
    expect(numbers(failed.outputs[0])).toEqual([77]);
  });

  it("stop after the repetition that failed, also without a guard, and leave inside loops", () => {
    const inner: Step = { kind: "loop", counter: 0, count: 2, reverse: false, body: [call(0, 0, 1, 2), { kind: "guard" }, call(1, 0, 0)] };
    const counted = l.program([below, increment], 2, 1, [inner], { checks });
    expect(run(counted, [ints(0), ints(7)], [ints(0)], 10).failure).toEqual({ check: 1, value: 7, repetition: 3 });
    const bare = l.program([below], 2, 1, [call(0, 0, 1, 2)], { checks });
    const rising = { ...ints(1, 2, 3, 4), strideBytes: 4 };
    expect(run(bare, [rising, ints(3)], [ints(0)], 4).failure).toEqual({ check: 1, value: 3, repetition: 2 });
  });

  it("keep the first failure", () => {
    const flag = (check: number, value: number) =>
      ({ kind: "flag", check, condition: l.constant(l.bool, 1), value: l.int(value) }) as const;
    const kernel = l.kernel(["i32!"], 1, [flag(1, -5), flag(0, 6)]);
    const program = l.program([kernel], 0, 1, [l.call(0, 0)], { checks });
    expect(run(program, [], [ints(0)]).failure).toEqual({ check: 1, value: -5, repetition: 0 });
  });

  it("give the same bits for any partition of a kernel", () => {
    const kernel = mixture(8);
    const extent = kernel.extent;
    const program = (parts: number): Program =>
      l.program([sliced(kernel)], 3, 2, [
        { kind: "loop", counter: 0, count: parts, reverse: false, body: [call(0, 0, 1, 3, 4, at(2, [0, 8]))] },
      ]);
    const data = Array.from({ length: extent + 16 }, (_, i) => Math.fround(Math.sin(i) * 3));
    const results = [[0, extent], [0, 1, extent], [0, 7, 8, 9, 40, extent], Array.from({ length: extent + 1 }, (_, i) => i)].map((cuts) => {
      const parts = cuts.slice(1).map((end, i) => [cuts[i] as number, end]);
      // Any order will do.
      parts.reverse();
      const rows: Row[] = [{ dtype: "float32", data }, { dtype: "uint8", data: data.map((_, i) => i & 255) }, ints(...parts.flat())];
      const outputs: Row[] = [
        { dtype: "float32", data: new Float32Array(extent + 3) },
        { dtype: "bool", data: new Uint8Array(extent + 3) },
      ];
      const device = createNativeDevice({ render: renderC, lanes: 8 });
      return runOn(device.load(program(parts.length)), rows, outputs).outputs;
    });
    for (const result of results) expect(result).toEqual(results[0]);
    expect(new Set(numbers(results[0]?.[0])).size).toBeGreaterThan(extent / 2);
    expect(numbers(results[0]?.[0]).slice(extent)).toEqual([0, 0, 0]);
  });
});

/** Elementwise work with sums, products, a square root and casts, in vectors with a masked tail: float32 and bool results. */
function mixture(lanes: number): Kernel {
  const f = l.wide(l.f32, lanes);
  const x = l.variable(f, "x");
  const bytes = l.cast(f, l.load(l.wide(l.i32, lanes), 1, "i"));
  const root = l.unary("sqrt", l.unary("abs", l.binary("add", l.binary("mul", x, x), l.binary("mul", bytes, l.load(f, 0, l.add("i", 3))))));
  const count = l.sub(l.end, "i");
  return l.kernel(["f32", "u8", "f32!", "bool!"], 77, [
    l.loop("i", l.begin, l.end, lanes, [
      l.define("x", l.load(f, 0, "i")),
      l.store(2, "i", l.binary("div", root, l.binary("add", bytes, l.constant(f, 0.1))), count),
      l.store(3, "i", l.binary("lt", x, l.constant(f, 0.25)), count),
    ]),
  ]);
}
