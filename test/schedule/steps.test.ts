// Order, guards, results that nobody computes, loops and branches.

import { describe, expect, test } from "vitest";
import {
  binary,
  broadcastTo,
  cast,
  checkBounds,
  cond,
  constant,
  contract,
  gather,
  input,
  iota,
  permute,
  reduce,
  reshape,
  scan,
  slice,
  unary,
  whileLoop,
} from "../../src/graph/build.ts";
import type { DType, TypedArray } from "../../src/graph/dtype.ts";
import type { Step, Target } from "../../src/graph/kernel.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Region } from "../../src/graph/operation.ts";
import type { Shape } from "../../src/graph/shape.ts";
import * as tensors from "../../src/index.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { printSchedule } from "../../src/schedule/print.ts";
import { schedule } from "../../src/schedule/schedule.ts";
import { wrap } from "../../src/tensor/tensor.ts";
import { firstDifference } from "../support/close.ts";
import { runSchedule } from "../support/run_schedule.ts";
import { elementsOf, floats } from "../support/values.ts";

const target: Target = { name: "test", lanes: 4, registers: 16, cache: [32_768, 1_048_576] };
const f32 = (shape: Shape, name = "") => input(shape, "float32", name);
const add = (a: Node, b: Node) => binary("add", a, b);
const mul = (a: Node, b: Node) => binary("mul", a, b);
const number = (value: number, like: Node) => constant(value, like.dtype, like.shape);
const data = (shape: Shape, seed = 1) => elementsOf(floats(shape, -1, 1, seed));

/** A region from a function of new parameters. */
function regionOf(types: readonly (readonly [DType, Shape])[], body: (...parameters: Node[]) => Node[]): Region {
  const parameters = types.map(([dtype, shape], i) => input(shape, dtype, `p${i}`));
  return { parameters, results: body(...parameters) };
}

/** Schedules, simulates in every mode, compares; returns the fused schedule. */
function check(
  parameters: readonly Node[],
  results: readonly Node[],
  values: readonly TypedArray[],
  donations: readonly (readonly [number, number])[] = [],
) {
  const region: Region = { parameters: parameters as Node<"input">[], results };
  const expected = evaluateRegion(region, values);
  for (const fuse of [true, false]) {
    for (const arena of [true, false]) {
      const ran = runSchedule(schedule(region, target, donations, { fuse, smallWork: 0 }), region, values, { arena });
      expect(ran.error).toBeNull();
      for (const [i, actual] of ran.results.entries()) expect(firstDifference(actual, expected[i] as TypedArray), `result ${i}`).toBeNull();
    }
  }
  return schedule(region, target, donations, { smallWork: 0 });
}

describe("results that nobody computes", () => {
  test("a parameter, a constant, a view, the same twice: each in memory of its own", () => {
    const x = f32([3, 4]);
    const e = unary("exp", x);
    const results = [
      x,
      constant(2, "float32", [3]),
      permute(x, [1, 0]),
      e,
      e,
      reshape(e, [12]),
      iota([4], 0),
      constant(7, "int32"),
      slice(e, [1, 0], [1, 4]),
    ];
    const { buffers, steps } = check([x], results, [data([3, 4])]);
    const written = steps.flatMap((s) => (s.kind === "call" ? s.operands : s.kind === "copy" ? [s.to] : [])).map((o) => buffers[o.buffer]);
    for (let row = 1; row <= results.length; row++) expect(written.some((b) => b?.kind === "table" && b.index === row)).toBe(true);
  });
  test("nothing at all, and empty tensors", () => {
    const x = f32([0, 4]);
    const { tasks } = check([x], [unary("exp", x), reduce("reduceSum", x, 0), reduce("reduceSum", x)], [new Float32Array(0)]);
    expect(tasks.length).toBe(2);
    expect(check([x], [], [new Float32Array(0)]).steps).toEqual([]);
  });
});

describe("donations", () => {
  const [w, x] = [f32([4, 4], "w"), f32([4, 4], "x")];
  const values = [data([4, 4], 1), data([4, 4], 2)];

  test("an update is written in place, after everybody else has read the old value", () => {
    const next = add(w, x);
    const { inPlace, steps } = check([w, x], [next, permute(w, [1, 0]), reduce("reduceSum", mul(w, x), 0)], values, [[0, 0]]);
    expect(inPlace).toEqual([[0, 2]]);
    const last = steps.at(-1);
    expect(last?.kind === "call" && last.operands.at(-1)?.buffer).toBe(2);
  });
  test("not where the new value reads the old one elsewhere", () => {
    for (const next of [add(w, permute(w, [1, 0])), contract(w, x, [[], []], [[1], [0]]), contract(x, w, [[], []], [[1], [0]])]) {
      const { inPlace, exchanges } = check([w, x], [next], values, [[0, 0]]);
      expect([inPlace, exchanges]).toEqual([[], [[0, 2]]]);
    }
  });
  test("not where what follows from the new value reads the old one", () => {
    const next = add(w, x);
    const stored = contract(next, x, [[], []], [[1], [0]]);
    const { exchanges } = check([w, x], [next, contract(stored, w, [[], []], [[1], [0]])], values, [[0, 0]]);
    expect(exchanges).toEqual([[0, 2]]);
  });
  test("two variables that swap: one is copied aside", () => {
    const { inPlace, exchanges } = check([w, x], [x, w], values, [
      [0, 0],
      [1, 1],
    ]);
    expect(inPlace.length).toBe(1);
    expect(exchanges.length).toBe(1);
  });
  test("a variable that stays needs no work", () => {
    const { steps, inPlace } = check([w, x], [w], values, [[0, 0]]);
    expect(inPlace).toEqual([[0, 2]]);
    expect(steps).toEqual([]);
  });
  test("a row's statistics may be written over, the row itself not", () => {
    const sums = f32([4], "sums");
    const s = reduce("reduceSum", x, 1);
    const { inPlace } = check(
      [sums, x],
      [add(sums, s), mul(x, broadcastTo(reshape(s, [4, 1]), [4, 4]))],
      [data([4]), values[1] as TypedArray],
      [
        [0, 0],
        [1, 1],
      ],
    );
    expect(inPlace).toEqual([[0, 2]]);
  });
});

describe("checks", () => {
  const table = f32([5, 3], "table");
  const ids = input([4], "int32", "ids");
  const safe = checkBounds(ids, 5, "embedding: index out of range");
  const rows = gather(table, safe, 0);
  const next = add(table, broadcastTo(reshape(reduce("reduceSum", rows, 0), [1, 3]), [5, 3]));
  const region: Region = { parameters: [table, ids], results: [next, reduce("reduceSum", rows)] };

  test("stand before a guard, and what is written in place behind it", () => {
    const made = check(region.parameters, region.results, [data([5, 3]), Int32Array.of(4, 0, 3, 3)], [[0, 0]]);
    expect(made.checks).toEqual([{ message: "embedding: index out of range", size: 5 }]);
    expect(made.inPlace).toEqual([[0, 2]]);
    const kinds = made.steps.map((s) => (s.kind === "call" ? (s.operands.at(-1)?.buffer === 2 ? "update" : "call") : s.kind));
    expect(kinds.indexOf("update")).toBeGreaterThan(kinds.indexOf("guard"));
    expect(kinds.filter((k) => k === "guard").length).toBe(1);
  });
  test("a failed one leaves the variables alone", () => {
    const made = schedule(region, target, [[0, 0]]);
    const before = data([5, 3]);
    const { error, parameters } = runSchedule(made, region, [before, Int32Array.of(4, 0, 5, 3)]);
    expect(error?.message).toBe("embedding: index out of range; got 5, expected 0 to 4.");
    expect([...(parameters[0] as TypedArray)]).toEqual([...before]);
  });
  test("that depend on the new value keep it out of place", () => {
    const counter = input([], "int32", "counter");
    const later = add(counter, constant(1, "int32"));
    const results = [later, add(checkBounds(later, 9, "counter"), constant(1, "int32"))];
    const { inPlace, exchanges } = check([counter], results, [Int32Array.of(3)], [[0, 0]]);
    expect([inPlace, exchanges]).toEqual([[], [[0, 1]]]);
  });
  test("inside a branch count as well", () => {
    const then = regionOf(
      [
        ["int32", [4]],
        ["float32", [5, 3]],
      ],
      (i, t) => [reduce("reduceSum", gather(t, checkBounds(i, 5, "inside"), 0))],
    );
    const otherwise = regionOf(
      [
        ["int32", [4]],
        ["float32", [5, 3]],
      ],
      (_, t) => [reduce("reduceSum", t)],
    );
    const flag = input([], "bool", "flag");
    const [value] = cond(flag, then, otherwise, [ids, table]) as [Node];
    const made = check(
      [table, ids, flag],
      [mul(table, number(2, table)), value],
      [data([5, 3]), Int32Array.of(1, 2, 3, 4), Uint8Array.of(1)],
      [[0, 0]],
    );
    expect(made.steps.map((s) => s.kind)).toEqual(["if", "guard", "call"]);
  });
});

describe("loops and branches", () => {
  const kinds = (steps: readonly Step[]): unknown[] =>
    steps.map((s) => (s.kind === "loop" || s.kind === "while" ? [s.kind, kinds(s.body)] : s.kind));

  test("scan: sequences and stacked outputs move with the counter, carries are written in place", () => {
    for (const reverse of [false, true]) {
      const [xs, h0, w] = [f32([6, 5], "xs"), f32([5], "h"), f32([5], "w")];
      const body = regionOf(
        [
          ["float32", [5]],
          ["float32", [5]],
          ["float32", [5]],
        ],
        (u, h, x) => {
          const next = unary("tanh", add(mul(h, u), x));
          return [next, mul(next, next)];
        },
      );
      const [last, all] = scan(body, [w], [h0], [xs], 6, reverse) as [Node, Node];
      const made = check([xs, h0, w], [last, all], [data([6, 5], 1), data([5], 2), data([5], 3)]);
      expect(kinds(made.steps)).toEqual(["copy", ["loop", ["call"]]]);
    }
  });
  test("scan: carries that change places are copied at the end", () => {
    const n = input([], "int32", "n");
    const body = regionOf(
      [
        ["int32", []],
        ["int32", []],
      ],
      (a, b) => [b, add(a, b)],
    );
    const [a, b] = scan(body, [], [n, add(n, constant(1, "int32"))], [], 12) as [Node, Node];
    check([n], [a, b], [Int32Array.of(0)]);
  });
  test("scan: a carry that is multiplied by a matrix cannot be written in place", () => {
    const [h0, w] = [f32([3, 5]), f32([5, 5])];
    const body = regionOf(
      [
        ["float32", [5, 5]],
        ["float32", [3, 5]],
      ],
      (u, h) => [unary("tanh", contract(h, u, [[], []], [[1], [0]]))],
    );
    const [h] = scan(body, [w], [h0], [], 4) as [Node];
    const made = check([h0, w], [h], [data([3, 5], 1), data([5, 5], 2)]);
    expect(kinds(made.steps)).toEqual(["copy", ["loop", ["call", "call", "copy"]]]);
  });
  test("scan in scan, over slices of slices", () => {
    const xs = f32([3, 4, 2]);
    const inner = regionOf(
      [
        ["float32", [2]],
        ["float32", [2]],
      ],
      (h, x) => [add(h, unary("exp", x)), h],
    );
    const outer = regionOf(
      [
        ["float32", [2]],
        ["float32", [4, 2]],
      ],
      (h, rows) => {
        const [sum, seen] = scan(inner, [], [h], [rows], 4) as [Node, Node];
        return [sum, seen, reduce("reduceSum", rows)];
      },
    );
    const results = scan(outer, [], [f32([2])], [xs], 3);
    const h0 = (results[0] as Node).inputs[0]?.inputs[0] as Node;
    check([xs, h0], results, [data([3, 4, 2], 1), data([2], 2)]);
  });
  test("scan: dead outputs, no iterations, a donated carry", () => {
    const [h0, xs] = [f32([4]), f32([3, 4])];
    const body = regionOf(
      [
        ["float32", [4]],
        ["float32", [4]],
      ],
      (h, x) => [add(h, x), unary("exp", h)],
    );
    const [last] = scan(body, [], [h0], [xs], 3) as [Node, Node];
    check([h0, xs], [last], [data([4]), data([3, 4])]);
    const made = check([h0, xs], [last], [data([4]), data([3, 4])], [[0, 0]]);
    expect(made.inPlace).toEqual([[0, 2]]);
    expect(kinds(made.steps)).toEqual([["loop", ["call"]]]);
    expect(made.tasks[0]?.name).toBe("add");
    const none = f32([0, 4]);
    const [same, stacked] = scan(body, [], [h0], [none], 0) as [Node, Node];
    check([h0, none], [same, stacked], [data([4]), new Float32Array(0)]);
  });
  test("while: the condition reads the state, constants stay", () => {
    const types = [
      ["float32", []],
      ["float32", [3]],
      ["int32", []],
    ] as const;
    const condition = regionOf(types, (limit, x) => [binary("lt", reduce("reduceSum", x), limit)]);
    const body = regionOf(types, (_, x, n) => [mul(x, number(2, x)), add(n, constant(1, "int32"))]);
    const [limit, x] = [f32([]), f32([3])];
    const results = whileLoop(condition, body, [limit], [x, constant(0, "int32")]);
    check([limit, x], results, [Float32Array.of(100), Float32Array.of(1, 2, 3)]);
    check([limit, x], results, [Float32Array.of(1), Float32Array.of(1, 2, 3)]);
  });
  test("while: a state that is swapped, and a result used further on", () => {
    const types = [
      ["int32", []],
      ["int32", []],
    ] as const;
    const condition = regionOf(types, (a) => [binary("ne", a, constant(0, "int32"))]);
    const body = regionOf(types, (a, b) => [binary("remainder", b, a), a]);
    const [a, b] = [input([], "int32", "a"), input([], "int32", "b")];
    const [, divisor] = whileLoop(condition, body, [], [a, b]) as [Node, Node];
    check([a, b], [mul(divisor, divisor)], [Int32Array.of(84), Int32Array.of(36)]);
  });
  test("cond: either branch, with an operand returned as it is", () => {
    const types = [["float32", [4]]] as const;
    const then = regionOf(types, (x) => [x, unary("exp", x), reduce("reduceSum", x)]);
    const otherwise = regionOf(types, (x) => [mul(x, x), x, constant(3, "float32")]);
    const [flag, x] = [f32([]), f32([4])];
    const results = cond(binary("lt", flag, number(0, flag)), then, otherwise, [unary("neg", x)]);
    for (const value of [-1, 1]) check([flag, x], [...results, add(results[0] as Node, x)], [Float32Array.of(value), data([4])]);
  });
  test("cond whose predicate is known leaves no branch", () => {
    const types = [["float32", [4]]] as const;
    const [then, otherwise] = [regionOf(types, (x) => [unary("exp", x)]), regionOf(types, (x) => [unary("neg", x)])];
    const x = f32([4]);
    const [result] = cond(constant(0, "bool"), then, otherwise, [x]) as [Node];
    expect(printSchedule(check([x], [result], [data([4])]))).toBe("loops [4] neg () -> t1:f32[4]");
  });
  test("what a loop reads from outside survives all of it", () => {
    const x = f32([8]);
    const e = unary("exp", x);
    const body = regionOf(
      [
        ["float32", [8]],
        ["float32", [8]],
      ],
      (k, h) => {
        const a = contract(reshape(h, [2, 4]), reshape(k, [4, 2]), [[], []], [[1], [0]]);
        const b = contract(a, reshape(k, [2, 4]), [[], []], [[1], [0]]);
        return [unary("tanh", reshape(b, [8]))];
      },
    );
    const [h] = scan(body, [e], [cast(cast(x, "int32"), "float32")], [], 5) as [Node];
    check([x], [h], [data([8])]);
  });
});

test("a scan and its gradient, as users write them, run one loop forward and one backward", () => {
  const [w, xs] = [f32([2], "w"), f32([5, 2], "xs")];
  const [weight, sequence] = [wrap<"float32">(w), wrap<"float32">(xs)];
  const [last, outputs] = tensors.scan(
    (c: tensors.Tensor, x: tensors.Tensor) => {
      const next = c.mul(weight).add(x).tanh();
      return [next, next.square()];
    },
    tensors.zeros([2]),
    sequence,
  );
  const loss = last.sum().add(outputs.sum());
  const results = [loss, ...tensors.gradients(loss, [weight, sequence])].map((t) => t.node);
  const { steps } = check([w, xs], results, [data([2]), data([5, 2], 2)]);
  expect(steps.filter(({ kind }) => kind === "loop").length).toBe(2);
});
