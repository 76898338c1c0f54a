// Programs on the wasm device against the interpreter: every kind of step, repetitions, strides, exchanges, failures.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Kernel, Operand, Program, Step } from "../../src/graph/kernel.ts";
import { block, interpretProgram } from "../support/interpret.ts";
import * as l from "../support/language.ts";
import { fresh, given, newDevice, row, valueOf } from "./wasm_device.ts";

const f4 = l.wide(l.f32);
const n = 8;
const each = (body: Parameters<typeof l.loop>[4]) => [l.loop("i", l.begin, l.end, 4, body)];

const kernels: readonly Kernel[] = [
  l.kernel(["f32!"], n, each([l.store(0, "i", l.constant(f4, 0))]), "zero"),
  l.kernel(["f32", "f32", "f32!"], n, each([l.store(2, "i", l.fma(l.load(f4, 0, "i"), l.constant(f4, 0.5), l.load(f4, 1, "i")))]), "mix"),
  l.kernel(["f32!"], n, each([l.store(0, "i", l.add(l.load(f4, 0, "i"), l.constant(f4, 1)))]), "increment"),
  l.kernel(["f32", "bool!"], 1, [l.store(1, 0, l.binary("lt", l.load(l.f32, 0, 0), l.constant(l.f32, 3)))], "below 3"),
  l.kernel(
    ["i32", "f32!"],
    n,
    each([l.store(1, "i", l.add(l.load(f4, 1, "i"), l.splat(l.cast(l.f32, l.load(l.i32, 0, 0)))))]),
    "add counter",
  ),
  ...[0, 1].map((check) =>
    l.kernel(
      ["f32"],
      1,
      [
        {
          kind: "flag",
          check,
          condition: l.binary("lt", l.constant(l.f32, 1 + 2 * check), l.load(l.f32, 0, 0)),
          value: l.cast(l.i32, l.load(l.f32, 0, 0)),
        },
      ],
      `check ${check}`,
    ),
  ),
];
const [zero, mix, increment, below, addCounter, check0] = [0, 1, 2, 3, 4, 5];

// Rows: inputs x, w, e and s (strided); outputs w (in place), y, e (exchanged), losses (strided). Then arena: a, b, t, condition, counter.
const [x, wIn, eIn, s, wOut, y, eOut, losses, a, b, t, condition, counter] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const vectors = [x, wIn, eIn, s, wOut, y, eOut, losses, a, b] as number[];
const written = [wOut, y, eOut, losses, a, b] as number[];

function randomProgram(tape: readonly number[]): Program {
  let at = 0;
  let counters = 0;
  const open: number[] = [];
  const next = (choices: number): number => (tape[at++] ?? 0) % choices;
  const pick = (list: readonly number[]): number => list[next(list.length)] as number;
  const operand = (buffer: number): Operand => {
    // a and b have eight rows; a loop has up to three turns.
    if ((buffer !== a && buffer !== b) || open.length === 0 || next(2) === 0) return { buffer };
    return { buffer, strides: open.slice(-2).map((c) => ({ counter: c, bytes: 32 })) };
  };
  const steps = (depth: number): Step[] => Array.from({ length: next(4) }, () => step(depth)).flat();
  const step = (depth: number): Step[] => {
    switch (next(depth > 0 ? 9 : 5)) {
      case 0:
        return [{ kind: "call", kernel: mix as number, operands: [pick(vectors), pick(vectors), pick(written)].map(operand) }];
      case 1:
        return [{ kind: "call", kernel: increment as number, operands: [operand(pick(written))] }];
      case 2:
        return [{ kind: "copy", from: operand(pick(vectors)), to: operand(pick(written)), bytes: 4 * next(9) }];
      case 3:
        return [l.call((check0 as number) + next(2), pick(vectors))];
      case 4: {
        if (open.length === 0) return [{ kind: "guard" }];
        return [
          { kind: "counter", counter: pick(open), to: { buffer: counter as number } },
          { kind: "call", kernel: addCounter as number, operands: [{ buffer: counter as number }, operand(pick(written))] },
        ];
      }
      case 5:
      case 6: {
        const number = counters++;
        open.push(number);
        const body = steps(depth - 1);
        open.pop();
        return [{ kind: "loop", counter: number, count: next(4), reverse: next(2) === 1, body }];
      }
      case 7: {
        const test = l.call(below as number, t as number, condition as number);
        const body = [...steps(depth - 1), l.call(increment as number, t as number)];
        return [l.call(zero as number, t as number), { kind: "while", test: [test], condition: { buffer: condition as number }, body }];
      }
      default:
        return [
          l.call(below as number, pick(vectors), condition as number),
          { kind: "if", condition: { buffer: condition as number }, then: steps(depth - 1), otherwise: steps(depth - 1) },
        ];
    }
  };
  const clear = [a, b].flatMap((buffer): Step[] => [
    {
      kind: "loop",
      counter: counters++,
      count: 8,
      reverse: false,
      body: [
        { kind: "call", kernel: zero as number, operands: [{ buffer: buffer as number, strides: [{ counter: counters - 1, bytes: 32 }] }] },
      ],
    },
  ]);
  // Every output is written; e only after it was read, as an exchange demands.
  const first = [y, losses].map((buffer) => l.call(zero as number, buffer as number));
  const last = l.call(mix as number, eIn as number, x as number, eOut as number);
  const zeroE = l.call(zero as number, eOut as number);
  return l.program(kernels, 4, 4, [...clear, l.call(zero as number, t as number), zeroE, ...first, ...steps(3), ...steps(3), last], {
    arena: 5,
    exchanges: [[eIn as number, eOut as number]],
    checks: [
      { message: "above 1", size: 1 },
      { message: "above 3", size: 3 },
    ],
  });
}

const array = (length: number, of: (i: number) => number): Float32Array => Float32Array.from({ length }, (_, i) => of(i));

describe("programs", () => {
  const device = newDevice();

  it("do what the interpreter does, call after call", () => {
    let failures = 0;
    fc.assert(
      fc.property(
        fc.array(fc.nat(1000), { minLength: 30, maxLength: 120 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(3),
        (tape, repeat, seed) => {
          const program = randomProgram(tape);
          const executable = device.load(program);
          const data = [1, 2, 3, 4].map((k) => array(k === 4 ? n * repeat : n, (i) => ((i * k + seed) % 5) - 1 + k / 4));
          const [sx, sw, se, ss] = data.map((d) => given("float32", d)) as [
            ReturnType<typeof given>,
            ReturnType<typeof given>,
            ReturnType<typeof given>,
            ReturnType<typeof given>,
          ];
          const held = device.memory().buffers;
          const before = sw.host?.slice();

          const blocks = data.map(block);
          const outputs = [
            blocks[1] as Uint8Array,
            block(new Float32Array(n)),
            block(new Float32Array(n)),
            block(new Float32Array(n * repeat)),
          ];
          const strides = [0, 0, 0, 32, 0, 0, 0, 32];
          const expected = interpretProgram(program, [...blocks, ...outputs], repeat, strides, { fused: true });

          const [oy, oe, ol] = [fresh("float32", n), fresh("float32", n), fresh("float32", n * repeat)];
          const rows = [row(sx), row(sw), row(se), row(ss, 32)];
          const got = executable.run(rows, [row(sw), row(oy), row(oe), row(ol, 32)], repeat);
          expect(got).toEqual(expected);
          expect(se.host).toEqual(data[2]);
          if (expected !== null) {
            failures++;
            expect([oy, oe, ol].map((o) => [o.host, o.resident])).toEqual([oy, oe, ol].map(() => [null, null]));
            if (repeat > 1) expect(valueOf(sw)).toEqual(before);
          } else {
            const floats = (bytes: Uint8Array | undefined, length: number) => new Float32Array((bytes as Uint8Array).buffer, 0, length);
            expect(valueOf(sw)).toEqual(floats(outputs[0], n));
            expect(valueOf(oy)).toEqual(floats(outputs[1], n));
            expect(valueOf(oe)).toEqual(floats(repeat % 2 === 1 ? outputs[2] : blocks[2], n));
            expect(valueOf(ol)).toEqual(floats(outputs[3], n * repeat));
          }
          for (const storage of [sw, oe]) storage.resident?.release();
          expect(device.memory().buffers).toBe(held);
        },
      ),
      { numRuns: 300 },
    );
    expect(failures).toBeGreaterThan(10);
  });

  it("run large kernels in slices, to the same result", () => {
    const size = 1001;
    const double = l.kernel(["f32", "f32!"], size, [
      l.loop("i", l.begin, l.end, 4, [l.store(1, "i", l.mul(l.load(f4, 0, "i"), l.constant(f4, 2)), l.sub(l.end, "i"))]),
    ]);
    const counted = l.kernel(["i32!"], size, [l.store(0, 0, l.add(l.load(l.i32, 0, 0), 1))]);
    const dear = (kernel: Kernel): Kernel => ({ ...kernel, cost: { flops: 4e7, bytes: 1e8 } });
    const program = l.program([dear(double), dear(counted)], 2, 2, [l.call(0, 0, 2), l.call(1, 3)]);
    const calls = given("int32", new Int32Array(1));
    const out = fresh("float32", size);
    const data = array(size, (i) => i);
    newDevice()
      .load(program)
      .run([row(given("float32", data)), row(calls)], [row(out), row(calls)], 1);
    expect(valueOf(out)).toEqual(data.map((v) => 2 * v));
    expect((valueOf(calls)[0] as number) > 5).toBe(true);
  });

  it("repeat as often as a loop of calls does", () => {
    const program = l.program(kernels, 1, 1, [l.call(mix as number, 0, 0, 1)], { exchanges: [[0, 1]] });
    for (const repeat of [1, 2, 3, 10]) {
      const executable = device.load(program);
      let storage = given(
        "float32",
        array(n, (i) => i),
      );
      for (let i = 0; i < repeat; i++) {
        const next = fresh("float32", n);
        expect(executable.run([row(storage)], [row(next)], 1)).toBeNull();
        storage = next;
      }
      const start = given(
        "float32",
        array(n, (i) => i),
      );
      const whole = fresh("float32", n);
      expect(executable.run([row(start)], [row(whole)], repeat)).toBeNull();
      expect(valueOf(whole)).toEqual(valueOf(storage));
      // Memory of its own, also where it was exchanged: a new run does not change it.
      executable.run([row(start)], [row(fresh("float32", n))], 2);
      expect(valueOf(whole)).toEqual(valueOf(storage));
    }
  });

  it("have no rows, kernels or steps if they need none", () => {
    expect(device.load(l.program([], 0, 0, [])).run([], [], 3)).toBeNull();
  });

  it("refuse a wrong number of rows", () => {
    const executable = device.load(l.program(kernels, 1, 1, [l.call(mix as number, 0, 0, 1)]));
    expect(() => executable.run([], [row(fresh("float32", n))], 1)).toThrow(/was run wrongly/);
  });
});
