// Transforms of random graphs: batched against the loop, forward against reverse mode, calls against what they run; and batched
// graphs and the gradients of calls through the scheduler.

import fc from "fast-check";
import { expect, test } from "vitest";
import { batchGraph } from "../../src/autodiff/batch.ts";
import { pushforward } from "../../src/autodiff/forward.ts";
import { vectorJacobian } from "../../src/autodiff/gradients.ts";
import { call, constant, input } from "../../src/graph/build.ts";
import { isFloat, type TypedArray } from "../../src/graph/dtype.ts";
import type { Target } from "../../src/graph/kernel.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Region } from "../../src/graph/operation.ts";
import { verifyRegion } from "../../src/graph/verify.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { schedule } from "../../src/schedule/schedule.ts";
import { consult, findWrong } from "../support/close.ts";
import { gradientsOrZero, weighted } from "../support/gradient.ts";
import { randomGraph } from "../support/random_graph.ts";
import { runSchedule } from "../support/run_schedule.ts";
import { distinct } from "../support/values.ts";

const size = 3;
const target: Target = { name: "test", lanes: 4, registers: 16, cache: [32_768, 1_048_576] };

/** The region for three examples: those of the marked parameters are the operand with its elements shifted around. */
function batched(region: Region, parameters: readonly TypedArray[], flags: readonly boolean[]) {
  const fresh = region.parameters.map((p, i) => input(flags[i] ? [size, ...p.shape] : p.shape, p.dtype));
  const given = new Map(region.parameters.map((p, i) => [p as Node, { node: fresh[i] as Node, batched: flags[i] === true }]));
  const results = batchGraph(region.results, given, size);
  const example = (b: number) => parameters.map((p, i) => (flags[i] ? p.map((_, e) => p[(e + b) % p.length] as number) : p) as TypedArray);
  const examples = Array.from({ length: size }, (_, b) => example(b));
  const together = parameters.map((p, i) => {
    if (!flags[i]) return p;
    const all = new (p.constructor as Float32ArrayConstructor)(size * p.length);
    examples.forEach((values, b) => {
      all.set(values[i] as Float32Array, b * p.length);
    });
    return all;
  });
  return { region: { parameters: fresh, results: results.map((r) => r.node) }, flags: results.map((r) => r.batched), examples, together };
}

const same = (a: number, e: number, tolerance = 1e-11): boolean =>
  Object.is(a, e) || a === e || Math.abs(a - e) <= tolerance * Math.max(1, Math.abs(e));

const marks = fc.array(fc.boolean(), { minLength: 5, maxLength: 5 });

test("batched graphs are the loop over examples", () => {
  fc.assert(
    fc.property(randomGraph(), marks, ({ region, parameters }, flags) => {
      const all = batched(region, parameters, flags);
      verifyRegion(all.region);
      const found = evaluateRegion(all.region, all.together);
      all.examples.forEach((values, b) => {
        evaluateRegion(region, values).forEach((expected, r) => {
          const from = all.flags[r] ? b * expected.length : 0;
          for (let i = 0; i < expected.length; i++) {
            const [a, e] = [found[r]?.[from + i] as number, expected[i] as number];
            if (!same(a, e)) expect(`example ${b}, result ${r}, element ${i}: ${a}`).toBe(String(e));
          }
        });
      });
    }),
    { numRuns: 300, seed: 11 },
  );
});

test("batched graphs through the scheduler", () => {
  fc.assert(
    fc.property(randomGraph(), marks, ({ region, parameters }, flags) => {
      const all = batched(region, parameters, flags);
      const { results, error } = runSchedule(schedule(all.region, target, [], { smallWork: 0 }), all.region, all.together, {
        arena: true,
        scratch: 100,
      });
      expect(error).toBeNull();
      expect(findWrong(results, consult(all.region, all.together))).toBeNull();
    }),
    { numRuns: 100, seed: 12 },
  );
});

test("⟨w, J t⟩ = ⟨Jᵀ w, t⟩", () => {
  let compared = 0;
  fc.assert(
    fc.property(randomGraph(), ({ region, parameters }) => {
      const wrt = region.parameters.filter((p) => p.dtype === "float32") as Node[];
      const outputs = region.results.filter((r) => r.dtype === "float32");
      const [tangents, cotangents] = [wrt, outputs].map((list) => list.map((n) => input(n.shape, n.dtype))) as [
        Node<"input">[],
        Node<"input">[],
      ];
      const zero = (n: Node) => constant(0, n.dtype, n.shape);
      const pushed = pushforward(outputs, wrt, tangents).map((t, i) => t ?? zero(outputs[i] as Node));
      const pulled = vectorJacobian(outputs, cotangents, wrt).map((g, i) => g ?? zero(wrt[i] as Node));
      const both: Region = { parameters: [...region.parameters, ...tangents, ...cotangents], results: [...pushed, ...pulled] };
      verifyRegion(both);
      const numbers = [...tangents, ...cotangents].map((n, i) => Float64Array.from(distinct(n.size, -1, 1.2, i + 3)));
      const results = evaluateRegion(both, [...parameters, ...numbers]);
      const products = [
        ...tangents.map((_, i) => [numbers[i], results[outputs.length + i]]),
        ...cotangents.map((_, i) => [numbers[tangents.length + i], results[i]]),
      ];
      const terms = products.map(([a, b]) => Array.from(a as TypedArray, (v, e) => v * ((b as TypedArray)[e] as number)));
      const sums = terms.map((list) => list.reduce((s, v) => s + v, 0));
      const scale = terms.flat().reduce((s, v) => s + Math.abs(v), 0);
      if (!Number.isFinite(scale) || scale > 1e8) return;
      compared++;
      const total = (list: readonly number[]) => list.reduce((s, v) => s + v, 0);
      expect(Math.abs(total(sums.slice(0, wrt.length)) - total(sums.slice(wrt.length)))).toBeLessThanOrEqual(1e-10 * Math.max(1, scale));
    }),
    { numRuns: 300, seed: 13 },
  );
  expect(compared).toBeGreaterThan(200);
});

test("a graph as a call has the same values and gradients, also through the scheduler", () => {
  fc.assert(
    fc.property(randomGraph(), ({ region, parameters }) => {
      const wrt = region.parameters.filter((p) => isFloat(p.dtype)) as Node[];
      const fresh = region.parameters.map((p) => input(p.shape, p.dtype));
      const results = call(region, fresh);
      const plain = { parameters: region.parameters, results: [...region.results, ...gradientsOrZero(weighted(region.results), wrt)] };
      const own = fresh.filter((p) => isFloat(p.dtype)) as Node[];
      const called = { parameters: fresh, results: [...results, ...gradientsOrZero(weighted(results), own)] };
      verifyRegion(called);
      const [expected, found] = [evaluateRegion(plain, parameters), evaluateRegion(called, parameters)];
      expected.forEach((list, r) => {
        list.forEach((e, i) => {
          if (!same(found[r]?.[i] as number, e)) expect(`result ${r}, element ${i}: ${found[r]?.[i]}`).toBe(String(e));
        });
      });
    }),
    { numRuns: 200, seed: 14 },
  );
  fc.assert(
    fc.property(randomGraph({ gradients: false }), ({ region, parameters }) => {
      const fresh = region.parameters.map((p) => input(p.shape, p.dtype));
      const results = call(region, fresh);
      const floats = results.filter((r) => isFloat(r.dtype));
      const seeds = floats.map((r) => input(r.shape, r.dtype));
      const own = fresh.filter((p) => isFloat(p.dtype)) as Node[];
      const pulled = vectorJacobian(floats, seeds, own).map((g, i) => g ?? constant(0, "float32", (own[i] as Node).shape));
      const called: Region = { parameters: [...fresh, ...seeds], results: [...results, ...pulled] };
      const values = [...parameters, ...seeds.map((s, i) => Float32Array.from(distinct(s.size, -1, 1, i)))];
      const made = runSchedule(schedule(called, target, [], { smallWork: 0 }), called, values, { arena: true, scratch: 100 });
      expect(made.error).toBeNull();
      expect(findWrong(made.results, consult(called, values))).toBeNull();
    }),
    { numRuns: 100, seed: 15 },
  );
});
