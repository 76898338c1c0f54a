import { describe, expect, test } from "vitest";
import { gradients, vectorJacobian } from "../../src/autodiff/gradients.ts";
import * as build from "../../src/graph/build.ts";
import type { TypedArray } from "../../src/graph/dtype.ts";
import { mergeScans } from "../../src/graph/merge.ts";
import { is, type Node, topological } from "../../src/graph/node.ts";
import type { Op } from "../../src/graph/operation.ts";
import { walkRegions } from "../../src/graph/rewrite.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { disagreements, gradientsOrZero, weighted } from "../support/gradient.ts";
import { regionOf } from "../support/operations/case.ts";
import { floats } from "../support/values.ts";

const { binary, constant, input, reduce, unary } = build;
const f = (...shape: number[]) => ({ shape, dtype: "float32" as const });
const sum = (x: Node) => reduce("reduceSum", x);
const number = (x: Node, value: number) => constant(value, x.dtype, x.shape);

/** The gradient of Σ build(x) at some values of a vector x. */
function slopes(values: readonly number[], make: (x: Node) => Node, order = 1): number[] {
  const x = input([values.length], "float32");
  let output = sum(make(x));
  for (let i = 1; i < order; i++) output = sum(gradientsOrZero(output, [x])[0] as Node);
  const [g] = gradientsOrZero(output, [x]);
  return Array.from(evaluateRegion({ parameters: [x], results: [g as Node] }, [Float64Array.from(values)])[0] as TypedArray);
}

const count = (roots: readonly Node[], op: Op) => {
  let n = 0;
  walkRegions(roots, (order) => {
    n += order.filter((node) => node.op === op).length;
  });
  return n;
};

describe("at kinks, as PyTorch", () => {
  test("abs and sign are flat at 0", () => {
    expect(slopes([-2, 0, 3], (x) => unary("abs", x))).toEqual([-1, 0, 1]);
    expect(slopes([-2, 0, 3], (x) => binary("mul", x, unary("sign", x)))).toEqual([-1, 0, 1]);
  });

  test("maximum and minimum share a tie", () => {
    expect(slopes([-1, 0, 1], (x) => binary("maximum", x, number(x, 0)))).toEqual([0, 0.5, 1]);
    expect(slopes([-1, 0, 1], (x) => binary("minimum", number(x, 0), x))).toEqual([1, 0.5, 0]);
    expect(slopes([4], (x) => binary("maximum", x, x))).toEqual([1]);
  });

  test("reduceMax shares among all ties", () => {
    expect(slopes([1, 5, 5, 5, 2], (x) => reduce("reduceMax", x)).map((g) => g * 3)).toEqual([0, 1, 1, 1, 0]);
    expect(slopes([2, 1, 1], (x) => reduce("reduceMin", x))).toEqual([0, 0.5, 0.5]);
  });

  test("sqrt is infinitely steep at 0; floor and comparisons are flat", () => {
    expect(slopes([0, 4], (x) => unary("sqrt", x))).toEqual([Number.POSITIVE_INFINITY, 0.25]);
    expect(slopes([0.5, 1.5], (x) => binary("mul", x, unary("floor", x)))).toEqual([0, 1]);
  });

  test("atan2 is flat at the origin, which has no angle", () => {
    expect(slopes([0, 2], (y) => binary("atan2", y, number(y, 0)))).toEqual([0, 0]);
    expect(slopes([0, 1], (x) => binary("atan2", number(x, 0), x)).map(Math.abs)).toEqual([0, 0]);
    expect(slopes([0], (y) => binary("atan2", y, number(y, 4)))).toEqual([0.25]);
  });
});

describe("pow", () => {
  test("of base 0", () => {
    expect(slopes([0, 0, 0], (x) => binary("pow", x, build.cast(build.iota([3], 0), "float32")))).toEqual([0, 1, 0]);
    for (const [n, expected] of [
      [0, 0],
      [1, 1],
      [2, 0],
      [3, 0],
    ] as const)
      expect(slopes([0], (x) => binary("pow", x, number(x, n)))).toEqual([expected]);
  });

  test("of the exponent: 0 where base 0 meets an exponent of 0 or more", () => {
    const power = (base: number) => (x: Node) => binary("pow", number(x, base), x);
    expect(slopes([0, 2], power(0))).toEqual([0, 0]);
    expect(slopes([3], power(2))[0]).toBeCloseTo(8 * Math.log(2), 12);
    expect(slopes([2, 0.5], power(0), 2)).toEqual([0, 0]);
  });

  test("second derivative of a square at 0", () => {
    expect(slopes([0, -3], (x) => binary("pow", x, number(x, 2)), 2)).toEqual([2, 2]);
    expect(slopes([0, -3], (x) => binary("pow", x, number(x, 3)), 2)).toEqual([0, -18]);
  });
});

describe("reduceProduct", () => {
  const product = (x: Node) => reduce("reduceProduct", x);
  test("with no, one and two zeros", () => {
    expect(slopes([2, 3, 4], product)).toEqual([12, 8, 6]);
    expect(slopes([2, 0, 4], product)).toEqual([0, 8, 0]);
    expect(slopes([0, 3, 0], product)).toEqual([0, 0, 0]);
  });

  test("and the second derivative where two zeros meet", () => {
    const x = input([3], "float32");
    const [g] = gradientsOrZero(product(x), [x]);
    const first = build.slice(g as Node, [0], [1]);
    const [h] = gradientsOrZero(sum(first), [x]);
    // ∂²(xyz)/∂x∂(x, y, z) = (0, z, y) at (0, 0, 7)
    expect(evaluateRegion({ parameters: [x], results: [h as Node] }, [Float64Array.of(0, 0, 7)])[0]).toEqual(Float64Array.of(0, 7, 0));
  });
});

describe("what is reached", () => {
  const x = input([], "float32", "x");
  const y = input([], "float32", "y");

  test("null where the output does not depend on it, or only through what has no slope", () => {
    const output = binary("add", unary("exp", x), unary("stopGradient", y));
    expect(gradients(output, [y])).toEqual([null]);
    expect(gradients(unary("floor", x), [x])).toEqual([null]);
    expect(gradients(build.cast(build.cast(x, "int32"), "float32"), [x])).toEqual([null]);
    expect(gradients(x, [y])).toEqual([null]);
  });

  test("with respect to nodes in the middle, and to both ends of a path", () => {
    const inner = unary("sin", x);
    const output = binary("mul", inner, inner);
    const [ofInner, ofX, ofOutput] = gradients(output, [inner, x, output]) as Node[];
    const values = evaluateRegion({ parameters: [x], results: [ofInner as Node, ofX as Node, ofOutput as Node] }, [Float64Array.of(0.3)]);
    expect(values[0]?.[0]).toBeCloseTo(2 * Math.sin(0.3), 14);
    expect(values[1]?.[0]).toBeCloseTo(Math.sin(0.6), 14);
    expect(values[2]?.[0]).toBe(1);
  });

  test("a seed weighs the output", () => {
    const v = input([2], "float32");
    const seed = input([2], "float32");
    const [g] = gradients(unary("exp", v), [v], { seed }) as [Node];
    const [value] = evaluateRegion({ parameters: [v, seed], results: [g] }, [Float64Array.of(0, 0), Float64Array.of(3, -5)]);
    expect(value).toEqual(Float64Array.of(3, -5));
  });

  test("several outputs, one of them twice", () => {
    const [g] = vectorJacobian([x, unary("neg", x), x], [constant(5, "float32"), constant(1, "float32"), constant(7, "float32")], [x]);
    expect(evaluateRegion({ parameters: [x], results: [g as Node] }, [Float64Array.of(1)])[0]?.[0]).toBe(11);
  });
});

describe("mistakes", () => {
  const v = input([2, 3], "float32");
  test("an output that is no scalar, with its shape", () => {
    expect(() => gradients(v, [v])).toThrow(/gradients: the output must be a scalar; got \[2,3\]\. Reduce it first/);
  });
  test("a seed of another shape", () => {
    expect(() => gradients(v, [v], { seed: constant(1, "float32") })).toThrow(/the seed does not fit.*float32\[\].*float32\[2,3\]/);
  });
  test("integers on either side", () => {
    const n = input([], "int32");
    expect(() => gradients(n, [v])).toThrow(/only a float has gradients/);
    expect(() => gradients(sum(v), [n])).toThrow(/with respect to integers; got int32/);
  });
  test("while, but only where the gradient must pass through it", () => {
    const x = input([], "float32");
    const limit = input([], "float32");
    const types = [f(), f()];
    const [result] = build.whileLoop(
      regionOf(types, ([l, s]) => [binary("lt", s as Node, l as Node)]),
      regionOf(types, ([, s]) => [binary("add", s as Node, s as Node)]),
      [limit],
      [x],
    ) as [Node];
    expect(() => gradients(result, [x])).toThrow(/while: has no reverse mode.*Use scan/);
    // The limit decides how often, which has no slope.
    expect(gradients(result, [limit])).toEqual([null]);
    expect(gradients(binary("add", limit, unary("stopGradient", result)), [x, limit])[0]).toBe(null);
  });
});

describe("the generated graph is small", () => {
  const x = input([4, 3], "float32", "x");
  const w = input([3, 2], "float32", "w");

  test("matmul's gradients are contractions without permutations", () => {
    const loss = sum(build.contract(x, w, [[], []], [[1], [0]]));
    const grads = gradients(loss, [x, w]) as Node[];
    expect(count(grads, "contract")).toBe(2);
    expect(count(grads, "permute")).toBe(0);
    expect(count(gradients(loss, [w]) as Node[], "contract")).toBe(1);
  });

  test("exp and tanh use their outputs; a mean's gradient is one constant", () => {
    const y = unary("exp", x);
    const [g] = gradients(sum(y), [x]) as [Node];
    expect(g).toBe(y);
    const mean = binary("mul", sum(x), constant(1 / 12, "float32"));
    const [m] = gradients(mean, [x]) as [Node];
    expect(topological([m]).map((n) => n.op)).toEqual(["constant", "reshape", "expand"]);
    const t = unary("tanh", x);
    expect(count(gradients(sum(t), [x]) as Node[], "tanh")).toBe(1);
  });

  test("a bias summed over the batch leaves no pair of reshapes", () => {
    const b = input([3], "float32");
    const loss = sum(unary("sin", binary("add", x, build.broadcastTo(b, [4, 3]))));
    const [g] = gradients(loss, [b]) as [Node];
    expect(g.op).toBe("reduceSum");
  });

  test("what does not lie between the two is not touched", () => {
    const heavy = unary("log", unary("cos", input([4, 3], "float32")));
    const [g] = gradients(sum(binary("mul", x, heavy)), [x]) as [Node];
    expect(g).toBe(heavy);
  });
});

describe("loops and branches", () => {
  const w = input([3, 3], "float32", "w");
  const h = input([3], "float32", "h");
  const xs = input([5, 3], "float32", "xs");
  const body = regionOf([w, h, f(3)], ([m, state, x]) => {
    const next = unary("tanh", binary("add", build.contract(m as Node, state as Node, [[], []], [[1], [0]]), x as Node));
    return [next, next];
  });
  const [last, states] = build.scan(body, [w], [h], [xs], 5) as [Node, Node];

  test("a recurrent step is computed once forward, and not again in reverse", () => {
    const roots = mergeScans([sum(states), ...(gradients(sum(states), [w, h, xs]) as Node[])]);
    verifyGraph(roots, [w, h, xs]);
    expect(count(roots, "scan")).toBe(2);
    // One forward; in reverse one for the state and one for the matrix.
    expect(count(roots, "contract")).toBe(3);
    expect(count(roots, "tanh")).toBe(1);
  });

  test("only what is asked for is carried", () => {
    const [g] = gradients(sum(states), [xs]) as [Node];
    const backward = g.inputs[0] as Node<"scan">;
    expect(backward.attributes.carries).toBe(1);
    expect(backward.attributes.reverse).toBe(true);
  });

  test("a running sum saves nothing", () => {
    const adds = regionOf([f(3), f(3)], ([c, x]) => [binary("add", c as Node, x as Node)]);
    const [total] = build.scan(adds, [], [h], [xs], 5) as [Node];
    const grads = gradients(sum(total), [h, xs]) as Node[];
    expect(count(grads, "scan")).toBe(1);
    expect(topological(grads).some((n) => n === xs)).toBe(false);
  });

  test("gradients through the last carry and the outputs add up, to the third derivative", () => {
    const operands = [floats([3, 3], -0.8, 0.9), floats([3], -1, 1, 2), floats([5, 3], -1, 1, 3)];
    const all = [w, h, xs];
    let output = binary("add", weighted([last, states]), sum(binary("mul", h, last)));
    for (let order = 1; order <= 3; order++) {
      expect(disagreements(all, output, operands, 1e-5)).toEqual([]);
      output = weighted(gradientsOrZero(output, [w, h]));
    }
  });

  test("carries that no result with a cotangent depends on are left alone", () => {
    const idle = regionOf([f(3), f(3), f(3)], ([a, b, x]) => [binary("mul", a as Node, x as Node), unary("sin", b as Node)]);
    const [used] = build.scan(idle, [], [h, h], [xs], 5) as [Node];
    const [g] = gradients(sum(used), [h]) as [Node];
    expect((g.inputs[0] as Node<"scan">).attributes.carries).toBe(1);
    expect(count([g], "cos")).toBe(0);
  });

  test("a branch passes the gradient of the side taken, and integers none", () => {
    const flag = input([], "bool");
    const n = input([], "int32");
    const x = input([2], "float32");
    const types = [f(2), { shape: [], dtype: "int32" as const }];
    const [result] = build.cond(
      flag,
      regionOf(types, ([a, i]) => [binary("mul", a as Node, build.broadcastTo(build.cast(i as Node, "float32"), [2]))]),
      regionOf(types, ([a]) => [unary("stopGradient", a as Node)]),
      [x, n],
    ) as [Node];
    const [g] = gradients(sum(result), [x]) as [Node];
    const run = (taken: number) =>
      evaluateRegion({ parameters: [flag, n, x], results: [g] }, [Uint8Array.of(taken), Int32Array.of(3), Float64Array.of(1, 2)])[0];
    expect(run(1)).toEqual(Float64Array.of(3, 3));
    expect(run(0)).toEqual(Float64Array.of(0, 0));
  });
});

test("a chain of 10,000 nodes has a gradient", () => {
  const x = input([], "float32");
  let chain: Node = x;
  for (let i = 0; i < 10_000; i++) chain = i % 2 === 0 ? unary("sin", chain) : binary("add", chain, x);
  const [g] = gradients(chain, [x]) as [Node];
  const value = evaluateRegion({ parameters: [x], results: [g] }, [Float64Array.of(0.01)])[0]?.[0] as number;
  const h = 1e-7;
  const at = (v: number) => evaluateRegion({ parameters: [x], results: [chain] }, [Float64Array.of(v)])[0]?.[0] as number;
  expect(value).toBeCloseTo((at(0.01 + h) - at(0.01 - h)) / (2 * h), 4);
  expect(is(g, "input")).toBe(false);
});
