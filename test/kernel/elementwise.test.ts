// Every elementwise operation for every dtype that it is defined on, with the awkward values, against the reference.

import { describe, expect, test } from "vitest";
import * as b from "../../src/graph/build.ts";
import { type DType, dtypes, isFloat } from "../../src/graph/dtype.ts";
import { is, type Node } from "../../src/graph/node.ts";
import { binaryOps, isApproximate, plainUnaryOps } from "../../src/graph/operation.ts";
import { lower } from "../../src/kernel/lower.ts";
import { check, execute, loopsTask, random, sample, target } from "./check.ts";

/** The node, or null where the operation is not defined on the dtype. */
function attempt(build: () => Node): Node | null {
  try {
    return build();
  } catch {
    return null;
  }
}

describe("elementwise", () => {
  for (const op of plainUnaryOps) {
    test(op, () => {
      for (const dtype of dtypes) {
        const x = b.input([37], dtype);
        const y = attempt(() => b.unary(op, x));
        if (y === null || y === x) continue;
        const next = random(op.length);
        const what = `${op} of ${dtype}`;
        check(loopsTask([x], [y]), [sample(dtype, 37, next, true)], { what, tolerance: isApproximate(op) ? 2e-6 : 0, lanes: [1, 4] });
      }
    });
  }

  for (const op of binaryOps) {
    test(op, () => {
      for (const dtype of dtypes) {
        const [x, y] = [b.input([101], dtype), b.input([101], dtype)];
        const z = attempt(() => b.binary(op, x, y));
        if (z === null) continue;
        const next = random(op.length + 50);
        const special = op !== "pow" || !isFloat(dtype);
        const data = [sample(dtype, 101, next, special), sample(dtype, 101, next, special)];
        check(loopsTask([x, y], [z]), data, { what: `${op} of ${dtype}`, tolerance: isApproximate(op) ? 2e-5 : 0, lanes: [1, 4] });
      }
    });
  }

  test("the remainder of the largest number by the smallest ends, and is exact", () => {
    const [x, y] = [b.input([6], "float32"), b.input([6], "float32")];
    const data = [Float32Array.of(3.4e38, 1e30, 3e38, 1e-45, 7, -3e38), Float32Array.of(1.4e-45, 1e-45, 3e-39, 1e30, 1e-45, 5e-39)];
    check(loopsTask([x, y], [b.binary("remainder", x, y)]), data, { what: "remainder", tolerance: 2e-6, lanes: [1, 4] });
  });

  test("casts between all dtypes", () => {
    for (const from of dtypes) {
      for (const to of dtypes) {
        if (from === to) continue;
        const x = b.input([53], from);
        check(loopsTask([x], [b.cast(x, to)]), [sample(from, 53, random(3), true)], {
          what: `${from} to ${to}`,
          tolerance: 0,
          lanes: [1, 4],
        });
      }
    }
  });

  test("where, for all dtypes", () => {
    for (const dtype of dtypes) {
      const [c, x, y] = [b.input([19], "bool"), b.input([19], dtype), b.input([19], dtype)];
      const next = random(4);
      const data = [sample("bool", 19, next), sample(dtype, 19, next, true), sample(dtype, 19, next, true)];
      check(loopsTask([c, x, y], [b.where(c, x, y)]), data, { what: `where of ${dtype}`, tolerance: 0 });
    }
  });

  test("threefry, with constant and with varying keys", () => {
    const next = random(5);
    const counter = b.cast(b.iota([21], 0), "uint32");
    const key = b.input([], "uint32");
    const spread = b.broadcastTo(key, [21]);
    const words = ([0, 1] as const).map((w) =>
      b.threefry(w, spread, b.constant(7, "uint32", [21]), counter, b.constant(0, "uint32", [21])),
    );
    check(loopsTask([key], words), [Uint32Array.of(4000000000)], { tolerance: 0 });
    const all = Array.from({ length: 4 }, () => b.input([9], "uint32")) as [Node, Node, Node, Node];
    check(
      loopsTask(all, [b.threefry(1, ...all)]),
      all.map(() => sample("uint32", 9, next, true)),
      { tolerance: 0 },
    );
  });

  test("a float64 scalar is rounded once, outside the loops", () => {
    const [x, rate] = [b.input([50], "float32"), b.input([], "float64")];
    const scale = b.cast(b.binary("sub", b.constant(1, "float64"), b.unary("exp", rate)), "float32");
    const task = loopsTask([x, rate], [b.binary("mul", x, b.broadcastTo(scale, [50]))]);
    check(task, [sample("float32", 50, random(6)), Float64Array.of(-0.001)], { tolerance: 1e-7 });
    const { kernel } = lower(task, target, () => 0);
    const inLoops = JSON.stringify(kernel.body.filter((s) => s.kind === "loop" || s.kind === "if"));
    expect(inLoops).not.toContain("f64");
    expect(JSON.stringify(kernel.body)).toContain('"host"');
  });

  test("a float64 tensor is computed where it varies: what does not is hoisted", () => {
    const [x, y] = [b.input([3, 7], "float64"), b.input([3], "float64")];
    const rows = b.expand(b.reshape(b.unary("tanh", y), [3, 1]), [3, 7]);
    const task = loopsTask([x, y], [b.binary("add", b.unary("sin", x), rows)]);
    check(task, [sample("float64", 21, random(7)), sample("float64", 3, random(8))], { tolerance: 1e-14 });
  });

  test("many outputs of different dtypes share their operands", () => {
    const [w, g, m, v] = (["float32", "float32", "float32", "float32"] as DType[]).map((d) => b.input([83], d)) as [Node, Node, Node, Node];
    const c = (value: number) => b.constant(value, "float32", [83]);
    const newM = b.binary("add", b.binary("mul", m, c(0.9)), b.binary("mul", g, c(0.1)));
    const newV = b.binary("add", b.binary("mul", v, c(0.999)), b.binary("mul", b.binary("mul", g, g), c(0.001)));
    const root = b.binary("add", b.unary("sqrt", b.unary("abs", newV)), c(1e-8));
    const newW = b.binary("sub", w, b.binary("mul", c(0.01), b.binary("div", newM, root)));
    const task = loopsTask([w, g, m, v], [newW, newM, newV, b.binary("lt", newW, w), b.cast(newM, "int32")]);
    const next = random(9);
    check(
      task,
      [1, 2, 3, 4].map(() => sample("float32", 83, next)),
      { lanes: [1, 4, 8], tolerance: 1e-4 },
    );
  });

  test("a chain of 20,000 operations is lowered without recursion", () => {
    const x = b.input([6], "float32");
    let y: Node = x;
    for (let i = 0; i < 20000; i++) y = b.unary(i % 2 === 0 ? "abs" : "neg", y);
    check(loopsTask([x], [y]), [Float32Array.of(1, -2, 3, -4, 5, -6)]);
  });

  test("bounds checks flag what is outside, and only what is needed", () => {
    const x = b.input([10], "int32");
    const checked = b.checkBounds(x, 5, "test");
    if (!is(checked, "checkBounds")) throw new Error("not a check");
    const run = (outputs: Node[], data: Int32Array) => {
      const task = loopsTask([x], outputs);
      return execute(lower(task, target, (n) => (n === checked ? 3 : -1)).kernel, task, [data]).status;
    };
    const good = Int32Array.of(0, 1, 2, 3, 4, 0, 1, 2, 3, 4);
    expect(run([checked], good)).toEqual({ status: 0, detail: 0 });
    expect(run([checked], good.with(9, 5))).toEqual({ status: 4, detail: 5 });
    expect(run([checked], good.with(0, -1))).toEqual({ status: 4, detail: -1 });
    // The padding is not the tensor's, and the last vector's empty lanes are nobody's.
    expect(run([b.pad(checked, [3], [2], 99)], good)).toEqual({ status: 0, detail: 0 });
    expect(run([b.slice(checked, [0], [3])], good.with(9, 5))).toEqual({ status: 0, detail: 0 });
    expect(run([b.reduce("reduceMax", checked)], good)).toEqual({ status: 0, detail: 0 });
    expect(run([b.reduce("reduceMax", checked)], good.with(8, 77))).toEqual({ status: 4, detail: 77 });
  });

  test("empty tensors need nothing", () => {
    const x = b.input([3, 0], "float32");
    const task = loopsTask([x], [b.unary("neg", x)]);
    expect(lower(task, target, () => 0).kernel.extent).toBe(0);
  });
});
