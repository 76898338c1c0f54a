// Symbolic indices: what simplification makes of them is what they were, their ranges hold, and reshapes cancel.

import { describe, expect, test } from "vitest";
import { Atoms, addIndex, constantIndex, dot, type Index, scaleIndex, shiftIndex, type Variable } from "../../src/kernel/index.ts";
import { random } from "./check.ts";

type Values = ReadonlyMap<Variable, number>;

function evaluate(index: Index, values: Values): number {
  let sum = index.constant;
  for (const { atom, coefficient } of index.terms) {
    if (atom.kind === "variable") sum += coefficient * (values.get(atom.variable) as number);
    else if (atom.kind === "divide") sum += coefficient * Math.floor(evaluate(atom.index, values) / atom.by);
    else throw new Error("no values here");
  }
  return sum;
}

function everyPoint(variables: readonly Variable[], visit: (values: Values) => void, values = new Map<Variable, number>()): void {
  const [first, ...rest] = variables;
  if (first === undefined) visit(values);
  else for (let i = 0; i < first.size; i++) everyPoint(rest, visit, values.set(first, i));
}

describe("indices", () => {
  test("sums, products, quotients and remainders are what they say, within their ranges", () => {
    for (let seed = 0; seed < 400; seed++) {
      const next = random(seed);
      const integer = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
      const atoms = new Atoms();
      const made = [integer(2, 5), integer(2, 6), integer(1, 4)].map((size, i) => atoms.variable(`v${i}`, size, 0));
      const variables = made.map((m) => m.variable);
      const pool: { index: Index; of: (values: Values) => number }[] = made.map(({ variable, index }) => ({
        index,
        of: (values) => values.get(variable) as number,
      }));
      pool.push({ index: constantIndex(3), of: () => 3 });
      for (let i = 0; i < 8; i++) {
        const [a, b] = [pool[integer(0, pool.length - 1)], pool[integer(0, pool.length - 1)]] as [(typeof pool)[0], (typeof pool)[0]];
        const c = integer(1, 12);
        const k = integer(-4, 6);
        const choice = integer(0, 4);
        if (choice === 0) pool.push({ index: addIndex(a.index, b.index), of: (v) => a.of(v) + b.of(v) });
        else if (choice === 1) pool.push({ index: scaleIndex(a.index, k), of: (v) => a.of(v) * k });
        else if (choice === 2) pool.push({ index: shiftIndex(a.index, k), of: (v) => a.of(v) + k });
        else if (choice === 3) pool.push({ index: atoms.divide(a.index, c), of: (v) => Math.floor(a.of(v) / c) });
        else pool.push({ index: atoms.modulo(a.index, c), of: (v) => a.of(v) - c * Math.floor(a.of(v) / c) });
      }
      everyPoint(variables, (values) => {
        for (const { index, of } of pool) {
          const value = of(values);
          // Plain numbers, so that 400 × 100 comparisons are quick.
          if (evaluate(index, values) !== value || value < index.low || value > index.high)
            expect.fail(`seed ${seed}: ${index.key} in [${index.low}, ${index.high}] is ${evaluate(index, values)}, expected ${value}`);
        }
      });
    }
  });

  test("splitting and joining cancels", () => {
    const atoms = new Atoms();
    const { index: z } = atoms.variable("z", 2 * 3 * 4 * 5, 0);
    const at = atoms.unflatten(z, [2, 3, 4, 5]);
    expect(dot(at, [60, 20, 5, 1]).key).toBe(z.key);
    const there = atoms.reshape(at, [2, 3, 4, 5], [6, 20]);
    expect(dot(there, [20, 1]).key).toBe(z.key);
    const back = atoms.reshape(there, [6, 20], [2, 3, 4, 5]);
    expect(back.map((c) => c.key)).toEqual(at.map((c) => c.key));
    expect(at.map((c) => [c.low, c.high])).toEqual([
      [0, 1],
      [0, 2],
      [0, 3],
      [0, 4],
    ]);
  });

  test("reshapes of separate loops stay linear", () => {
    const atoms = new Atoms();
    const [a, b, c] = [atoms.variable("a", 6, 0), atoms.variable("b", 8, 0), atoms.variable("c", 64, 0)];
    const merged = atoms.reshape([a.index, b.index, c.index], [6, 8, 64], [6, 512]);
    expect(merged[1]?.terms.map((t) => t.coefficient)).toEqual([64, 1]);
    const split = atoms.reshape(merged, [6, 512], [6, 8, 64]);
    expect(split.map((i) => i.key)).toEqual([a, b, c].map((v) => v.index.key));
    const other = atoms.reshape(merged, [6, 512], [6, 16, 32]);
    expect(dot(other, [512, 32, 1]).key).toBe(dot([a.index, b.index, c.index], [512, 64, 1]).key);
  });
});
