// A few kernels as they are generated, so that a change of the compiler shows what it changes.

import { expect, test } from "vitest";
import * as b from "../../src/graph/build.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Task } from "../../src/graph/task.ts";
import { lower } from "../../src/kernel/lower.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { loopsTask, target } from "./check.ts";

const text = (task: Task) => `\n${printKernel(lower(task, target, () => 0).kernel)}\n`;

test("bias and relu", () => {
  const [x, bias] = [b.input([128, 512], "float32"), b.input([512], "float32")];
  const sum = b.binary("add", x, b.broadcastTo(bias, [128, 512]));
  const relu = b.binary("maximum", sum, b.constant(0, "float32", [128, 512]));
  expect(text({ ...loopsTask([x, bias], [relu]), name: "add+maximum" })).toMatchSnapshot();
});

test("Adam on a matrix whose size is no multiple of a block", () => {
  const shape = [19, 10];
  const [w, g, m, v] = Array.from({ length: 4 }, () => b.input(shape, "float32")) as [Node, Node, Node, Node];
  const rate = b.input([], "float64");
  const c = (value: number) => b.constant(value, "float32", shape);
  const newM = b.binary("add", b.binary("mul", m, c(0.9)), b.binary("mul", g, c(0.1)));
  const newV = b.binary("add", b.binary("mul", v, c(0.999)), b.binary("mul", b.binary("mul", g, g), c(0.001)));
  const root = b.binary("add", b.unary("sqrt", newV), c(1e-8));
  const step = b.binary("mul", b.broadcastTo(b.cast(rate, "float32"), shape), b.binary("div", newM, root));
  expect(text({ ...loopsTask([w, g, m, v, rate], [b.binary("sub", w, step), newM, newV]), name: "adam" })).toMatchSnapshot();
});

test("softmax of rows of 10", () => {
  const x = b.input([128, 10], "float32");
  const spread = (r: Node) => b.expand(b.reshape(r, [128, 1]), [128, 10]);
  // Squares in place of exponentials keep the text short.
  const shifted = b.binary("sub", x, spread(b.reduce("reduceMax", x, 1)));
  const e = b.binary("mul", shifted, shifted);
  const y = b.binary("div", e, spread(b.reduce("reduceSum", e, 1)));
  expect(text({ ...loopsTask([x], [y], [128], [10]), name: "softmax" })).toMatchSnapshot();
});

test("column sums", () => {
  const x = b.input([128, 40], "float32");
  expect(text({ ...loopsTask([x], [b.reduce("reduceSum", x, 0)]), name: "sum" })).toMatchSnapshot();
});

test("packing a transposed matrix", () => {
  const x = b.input([1, 20, 16], "float32");
  const filled = b.pad(b.permute(x, [0, 2, 1]), [0, 0, 0], [0, 0, 4]);
  const packed = b.permute(b.reshape(filled, [1, 16, 3, 8]), [0, 2, 1, 3]);
  expect(text({ ...loopsTask([x], [packed]), name: "pack" })).toMatchSnapshot();
});

test("a contraction of a 6 × 8 tile with bias and relu", () => {
  const [left, right] = [b.input([1, 12, 9], "float32"), b.input([1, 9, 16], "float32")];
  const [packed, bias] = [b.input([1, 2, 9, 8], "float32"), b.input([16], "float32")];
  const hero = b.contract(left, right, [[0], [0]], [[2], [1]]) as Node<"contract">;
  const sum = b.binary("add", hero, b.broadcastTo(bias, [1, 12, 16]));
  const outputs = [b.binary("maximum", sum, b.constant(0, "float32", [1, 12, 16]))];
  const task = { kind: "contract", inputs: [left, packed, bias], outputs, hero, packed, tile: { rows: 6, columns: 8 } } as const;
  expect(text({ ...task, name: "matmul+add+maximum" })).toMatchSnapshot();
});
