// The constructors simplify without changing what an expression is worth: random expressions on constants fold to what the
// interpreter computes from the same expression on variables.

import { expect, test } from "vitest";
import type { Expression, Kernel, Scalar } from "../../src/graph/kernel.ts";
import * as x from "../../src/kernel/expression.ts";
import { interpretKernel } from "../support/interpret.ts";
import { random } from "./check.ts";

const binaries = ["add", "sub", "mul", "div", "min", "max"] as const;
const integers = ["rem", "and", "or", "xor", "shl", "shr"] as const;
const comparisons = ["eq", "ne", "lt", "le"] as const;
const unaries = ["neg", "abs", "floor", "ceil", "trunc", "nearest", "sqrt"] as const;

const values: Record<"f32" | "i32" | "u32", readonly number[]> = {
  f32: [0, -0, 1, -1, 0.5, 1.5, 2.5, -2.5, 3e9, -7.25, Number.NaN, Number.POSITIVE_INFINITY],
  i32: [0, 1, -1, 2, 7, -7, 2147483647, -2147483648],
  u32: [0, 1, 2, 7, -1, -2147483648],
};

/** Runs `let`s for the variables, then stores the expression. */
function run(e: Expression, variables: readonly (readonly [string, Expression])[]): number {
  const memory = e.type.scalar as "f32" | "i32" | "u32" | "bool";
  const kernel: Kernel = {
    name: "test",
    buffers: [{ memory, access: "write" }],
    extent: 1,
    body: [
      ...variables.map(([name, value]) => ({ kind: "let", name, value }) as const),
      { kind: "store", buffer: 0, index: x.integer(0), value: e },
    ],
    cost: { flops: 0, bytes: 0 },
  };
  const bytes = new Uint8Array(64);
  interpretKernel(kernel, [bytes]);
  const view = new DataView(bytes.buffer);
  if (memory === "bool") return view.getUint8(0);
  return memory === "f32" ? view.getFloat32(0, true) : memory === "i32" ? view.getInt32(0, true) : view.getUint32(0, true);
}

test("folding is what the interpreter does", () => {
  for (let seed = 0; seed < 600; seed++) {
    const next = random(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
    const scalar = pick(["f32", "i32", "u32"] as const);
    const type = x.typeOf(scalar, 1);
    const named = Array.from({ length: 3 }, (_, i) => [`v${i}`, x.constant(type, pick(values[scalar]))] as const);
    const pairs: [Expression, Expression][] = named.map(([name, value]) => [x.variable(name, type), value]);
    const apply = (f: (...operands: Expression[]) => Expression, ...operands: [Expression, Expression][]) => {
      pairs.push([f(...operands.map((o) => o[0])), f(...operands.map((o) => o[1]))]);
    };
    const same = (of: Scalar) => pairs.filter((p) => p[0].type.scalar === of);
    for (let i = 0; i < 6; i++) {
      const [a, b] = [pick(same(scalar)), pick(same(scalar))];
      const choice = next();
      if (choice < 0.5) {
        const op = pick(scalar === "f32" ? binaries : [...binaries, ...integers]);
        apply((p, q) => x.binary(op, p as Expression, q as Expression), a, b);
      } else if (choice < 0.6) {
        const c = pick(values[scalar]);
        apply((p) => x.add(p as Expression, c), a);
      } else if (choice < 0.7) {
        const condition = pick(comparisons);
        apply((p, q) => x.select(x.binary(condition, p as Expression, q as Expression), p as Expression, q as Expression), a, b);
      } else if (choice < 0.85 && scalar === "f32") {
        const op = pick(unaries);
        apply((p) => x.unary(op, p as Expression), a);
      } else {
        const to = pick(["f32", "i32", "u32"] as const);
        apply((p) => x.cast(x.cast(p as Expression, to), scalar), a);
        apply((p) => x.bitcast(x.bitcast(p as Expression, to), scalar), a);
      }
    }
    for (const [e, folded] of pairs) {
      const [computed, constant] = [run(e, named), x.constantOf(folded)];
      if (constant === null || !(Object.is(computed, constant) || (Number.isNaN(computed) && Number.isNaN(constant))))
        expect.fail(`seed ${seed}: computed ${computed}, folded ${constant}: ${JSON.stringify(e)}`);
    }
  }
});

test("integer sums gather their constant at the right, and identities vanish", () => {
  const i = x.variable("i", x.indexType);
  const j = x.variable("j", x.indexType);
  expect(x.add(x.add(i, 3), x.add(j, 4))).toEqual(x.add(x.add(i, j), 7));
  expect(x.add(x.add(i, 3), -3)).toBe(i);
  expect(x.mul(x.mul(i, 3), 4)).toEqual(x.mul(i, 12));
  expect(x.mul(1, i)).toBe(i);
  expect(x.mul(i, 0)).toEqual(x.integer(0));
  expect(x.sub(i, 5)).toEqual(x.add(i, -5));
  const f = x.variable("f", x.typeOf("f32", 4));
  expect(x.mul(f, 1)).toBe(f);
  expect(x.add(f, 0)).not.toBe(f);
  expect(x.add(x.variable("s", x.typeOf("f32", 1)), f).type).toEqual({ scalar: "f32", lanes: 4 });
});
