// What simplification writes instead, and that values stay.

import { describe, expect, test } from "vitest";
import {
  binary,
  cast,
  checkBounds,
  constant,
  dynamicSlice,
  expand,
  input,
  iota,
  pad,
  permute,
  reduce,
  reshape,
  slice,
  unary,
  where,
} from "../../src/graph/build.ts";
import { type DType, decode, dtypes } from "../../src/graph/dtype.ts";
import type { Target } from "../../src/graph/kernel.ts";
import { type Node, topological } from "../../src/graph/node.ts";
import { printGraph } from "../../src/graph/print.ts";
import { type Shape, sameShape } from "../../src/graph/shape.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { simplify } from "../../src/schedule/simplify.ts";
import { special, words } from "../support/values.ts";

const target: Target = { name: "test", lanes: 4, registers: 16, cache: [32_768, 1_048_576] };
const x = input([4], "float32", "x");
const y = input([4], "float32", "y");
const flag = input([4], "bool", "flag");
const whole = input([4], "int32", "whole");
const grid = input([6, 5], "float32", "grid");
const number = (value: number, dtype: DType = "float32", shape: Shape = [4]) => constant(value, dtype, shape);

function simple(...results: Node[]): Node[] {
  const parameters = topological(results).filter((n): n is Node<"input"> => n.op === "input");
  const { region } = simplify({ parameters, results }, target, { patterns: true, smallWork: 0 });
  verifyGraph(region.results, region.parameters);
  return [...region.results];
}
const text = (node: Node) => {
  const [result] = simple(node) as [Node];
  return printGraph([result]);
};

describe("arithmetic", () => {
  const same: Record<string, [Node, Node]> = {
    "x + 0": [binary("add", x, number(0)), x],
    "0 + x": [binary("add", number(0), x), x],
    "x − 0": [binary("sub", x, number(0)), x],
    "x · 1": [binary("mul", x, number(1)), x],
    "x / 1": [binary("div", x, number(1)), x],
    "x ** 1": [binary("pow", x, number(1)), x],
    "−−x": [unary("neg", unary("neg", x)), x],
    "not not": [unary("not", unary("not", flag)), flag],
    "max(x, x)": [binary("maximum", x, x), x],
    "where(true, x, y)": [where(number(1, "bool"), x, y), x],
    "where(flag, x, x)": [where(flag, x, x), x],
    "flag and true": [binary("and", flag, number(1, "bool")), flag],
    "where(flag, true, false)": [where(flag, number(1, "bool"), number(0, "bool")), flag],
    "bounds that hold": [checkBounds(iota([4], 0), 4, "m"), iota([4], 0)],
    stopGradient: [unary("stopGradient", x), x],
  };
  for (const [title, [from, to]] of Object.entries(same)) test(title, () => expect(text(from)).toBe(text(to)));

  const better: Record<string, [Node, Node]> = {
    "x · −1": [binary("mul", x, number(-1)), unary("neg", x)],
    "x + −y": [binary("add", x, unary("neg", y)), binary("sub", x, y)],
    "x − −y": [binary("sub", x, unary("neg", y)), binary("add", x, y)],
    "x / 8": [binary("div", x, number(8)), binary("mul", x, number(0.125))],
    "x ** 2": [binary("pow", x, number(2)), binary("mul", x, x)],
    "not (x = y)": [unary("not", binary("eq", x, y)), binary("ne", x, y)],
    "where(not flag, x, y)": [where(unary("not", flag), x, y), where(flag, y, x)],
    "|−x|": [unary("abs", unary("neg", x)), unary("abs", x)],
  };
  for (const [title, [from, to]] of Object.entries(better)) test(title, () => expect(text(from)).toBe(text(to)));
  test("work on what is stretched is done before", () => {
    const s = input([1, 5], "float32", "s");
    const [result] = simple(binary("mul", unary("exp", expand(s, [6, 5])), number(3, "float32", [6, 5]))) as [Node];
    expect([result.op, result.inputs[0]?.shape]).toEqual(["expand", [1, 5]]);
  });

  test("what would change a value stays", () => {
    for (const node of [
      binary("div", x, number(3)),
      binary("mul", x, number(0)),
      binary("sub", number(0), x),
      binary("eq", x, x),
      unary("not", binary("lt", x, y)),
      binary("div", x, number(2 ** 127)),
    ])
      expect(simple(node)[0]?.op).toBe(node.op);
  });
});

test("constants are computed as a device would", () => {
  for (const values of [special, words]) {
    const dtype = values.dtype;
    for (const a of values.data) {
      for (const b of [0, -3, 2.5, Number.NaN, a]) {
        const [m, n] = [constant(a, dtype), constant(b, dtype)];
        const nodes = [
          binary("add", m, n),
          binary("sub", m, n),
          binary("mul", m, n),
          binary("div", m, n),
          binary("maximum", m, n),
          binary("minimum", m, n),
          binary("lt", m, n),
          binary("ne", m, n),
          unary("neg", m),
          unary("abs", m),
          unary("sign", m),
        ];
        nodes.push(...dtypes.map((d) => cast(m, d)));
        if (dtype === "float32") nodes.push(unary("floor", m), unary("round", m));
        for (const node of nodes) {
          const [result] = simple(node) as [Node];
          const [expected] = evaluateRegion({ parameters: [], results: [node] }, [], { rounded: true });
          expect(result.op).toBe("constant");
          expect((result as Node<"constant">).attributes.value, printGraph([node])).toEqual(decode(node.dtype, expected?.[0] as number));
        }
      }
    }
  }
});

test("two casts are one only where the first loses nothing", () => {
  const [small, wide] = [input([4], "uint8", "u"), input([4], "float64", "d")];
  expect(text(cast(cast(small, "int32"), "float32"))).toBe(text(cast(small, "float32")));
  expect(text(cast(cast(x, "float64"), "float32"))).toBe(text(x));
  expect(text(cast(cast(whole, "float64"), "int32"))).toBe(text(whole));
  for (const kept of [
    cast(cast(x, "int32"), "float32"),
    cast(cast(wide, "float32"), "float64"),
    cast(cast(whole, "float32"), "int32"),
    cast(cast(whole, "float64"), "uint32"),
    cast(cast(x, "bool"), "float32"),
  ])
    expect(simple(kept)[0]?.inputs[0]?.op).toBe("cast");
});

describe("views", () => {
  const once: Record<string, [Node, string]> = {
    reshape: [reshape(reshape(grid, [30]), [5, 6]), "reshape"],
    permute: [permute(permute(reshape(grid, [2, 3, 5]), [1, 2, 0]), [1, 2, 0]), "permute"],
    slice: [slice(slice(grid, [1, 0], [5, 5]), [1, 4], [2, 3], [2, -2]), "slice"],
    expand: [expand(expand(input([1, 1], "float32", "s"), [4, 1]), [4, 3]), "expand"],
    pad: [pad(pad(grid, [1, 0], [0, 2]), [0, 3], [4, 0]), "pad"],
  };
  for (const [title, [node, op]] of Object.entries(once))
    test(`${title} of ${title}`, () => {
      const [result] = simple(node) as [Node];
      const views = topological([result]).filter((n) => n.op === op);
      expect(views.length).toBe(1);
      const parameters = topological([node]).filter((n): n is Node<"input"> => n.op === "input");
      const data = parameters.map((p) => Float32Array.from({ length: p.size }, (_, i) => i + 1));
      expect(evaluateRegion({ parameters, results: [result] }, data)).toEqual(evaluateRegion({ parameters, results: [node] }, data));
    });
  test("that cancel, or move axes of size 1 only", () => {
    expect(simple(permute(permute(grid, [1, 0]), [1, 0]))[0]).toBe(grid);
    expect(simple(slice(pad(grid, [2, 1], [1, 1]), [2, 1], [6, 5]))[0]).toBe(grid);
    expect(simple(reshape(permute(reshape(grid, [6, 1, 5]), [1, 0, 2]), [6, 5]))[0]).toBe(grid);
  });
  test("a slice at known starts", () => {
    const node = dynamicSlice(grid, [constant(9, "int32"), constant(1, "int32")], [2, 3]);
    expect(text(node)).toBe(text(slice(grid, [4, 1], [2, 3])));
  });
});

test("equal work is done once, whatever the order of equal operands", () => {
  const [a, b] = simple(binary("add", unary("exp", x), y), binary("add", y, unary("exp", x)));
  expect(a).toBe(b);
  const [c, d] = simple(binary("sub", x, y), binary("sub", y, x));
  expect(c).not.toBe(d);
});

test("empty tensors, reductions of nothing and of single elements", () => {
  const none = input([0, 3], "float32", "none");
  expect(text(reduce("reduceSum", none, 0))).toBe(text(constant(0, "float32", [3])));
  expect(text(reduce("reduceProduct", none, 0))).toBe(text(constant(1, "float32", [3])));
  expect(text(unary("exp", none))).toBe(text(constant(0, "float32", [0, 3])));
  const [single] = simple(reduce("reduceMax", reshape(grid, [6, 1, 5]), 1)) as [Node];
  expect([single.op, sameShape(single.shape, [6, 5])]).toEqual(["input", true]);
});

test("a chain of 10,000 nodes, and the ranks follow the program", () => {
  let node: Node = x;
  for (let i = 0; i < 10_000; i++) node = i % 3 === 0 ? unary("neg", node) : binary("add", node, number(i % 2));
  const { region, rank } = simplify({ parameters: [x], results: [node] }, target, { patterns: true, smallWork: 0 });
  const order = topological(region.results);
  expect(order.length).toBeLessThan(10_000);
  for (const n of order) for (const i of n.inputs) expect(rank.get(i) as number).toBeLessThan(rank.get(n) as number);
});

test("padding with 0 and padding with −0 are two things: joining relies on it", () => {
  const joined = binary("add", pad(number(0), [0], [4], -0), pad(x, [4], [0], -0));
  const padded = (value: number) => pad(x, [1], [0], value);
  const results = [joined, padded(-0), padded(0), pad(padded(-0), [1], [0], 0)];
  const evaluate = (roots: readonly Node[]) => evaluateRegion({ parameters: [x], results: roots }, [Float32Array.of(1, 2, 3, 4)]);
  // toEqual tells −0 from 0.
  expect(evaluate(simple(...results))).toEqual(evaluate(results));
});
