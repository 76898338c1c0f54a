// Row tasks: random chains of reductions along rows with expensive functions between them, and what is shared by their loops.

import { describe, expect, test } from "vitest";
import * as b from "../../src/graph/build.ts";
import type { TypedArray } from "../../src/graph/dtype.ts";
import { padded } from "../../src/graph/kernel.ts";
import type { Node } from "../../src/graph/node.ts";
import { lower } from "../../src/kernel/lower.ts";
import { schedule } from "../../src/schedule/schedule.ts";
import { block, interpretKernel } from "../support/interpret.ts";
import { check, loopsTask, random, sample, target } from "./check.ts";

type Next = () => number;

const pick = <T>(next: Next, list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;

/** Values of the size of the rows and of the whole, each built from earlier ones. */
function grow(next: Next, domain: readonly number[], inner: readonly number[], full: Node[], rows: Node[]): void {
  const shape = [...domain, ...inner];
  const axes = inner.map((_, i) => domain.length + i);
  const spread = (r: Node) => b.expand(b.reshape(r, [...domain, ...inner.map(() => 1)]), shape);
  const x = pick(next, full);
  switch (Math.floor(next() * 7)) {
    case 0:
      rows.push(b.reduce(pick(next, ["reduceSum", "reduceMax", "reduceMin"] as const), x, axes));
      return;
    case 1:
      if (inner.length === 1) rows.push(b.cast(b.argReduce(pick(next, ["argMax", "argMin"] as const), x, domain.length), "float32"));
      return;
    case 2:
      if (rows.length > 0) full.push(b.binary(pick(next, ["sub", "maximum"] as const), x, spread(pick(next, rows))));
      return;
    case 3:
      full.push(b.unary(pick(next, ["tanh", "sin", "erf"] as const), x));
      return;
    case 4:
      full.push(b.binary(pick(next, ["add", "mul"] as const), x, pick(next, full)));
      return;
    case 5:
      if (rows.length > 0) rows.push(b.unary("tanh", pick(next, rows)));
      return;
    default:
      full.push(b.slice(x, [...domain.map(() => 0), ...inner.map((n) => n - 1)], shape, [...domain.map(() => 1), ...inner.map(() => -1)]));
  }
}

describe("rows", () => {
  test("random chains", () => {
    for (let seed = 0; seed < 150; seed++) {
      const next = random(seed + 1000);
      const domain = pick(next, [[], [1], [3], [2, 3]]);
      const inner = pick(next, [[1], [3], [10], [16], [31], [32], [33], [50], [64], [5, 7], [4, 16]]);
      const shape = [...domain, ...inner];
      const inputs = [b.input(shape, "float32"), b.input(shape, "float32"), b.input(domain, "float32")] as const;
      const full: Node[] = [inputs[0], inputs[1]];
      const rows: Node[] = [inputs[2]];
      for (let i = 0; i < 9; i++) grow(next, domain, inner, full, rows);
      const outputs = [...new Set([full.at(-1) as Node, rows.at(-1) as Node, pick(next, full)])].filter(
        (n) => !(inputs as readonly Node[]).includes(n),
      );
      if (outputs.length === 0) continue;
      const data = inputs.map((x) => sample("float32", x.size, next).map((v) => v / 4) as TypedArray);
      check(loopsTask([...inputs], outputs, domain, inner), data, { what: `seed ${seed}, ${domain} × ${inner}`, tolerance: 1e-4, seed });
    }
  });

  test("of some length leave what is dear in the row of the result", () => {
    const softmax = (n: number, f: "exp" | "abs") => {
      const x = b.input([4, n], "float32");
      const spread = (r: Node) => b.expand(b.reshape(r, [4, 1]), [4, n]);
      const e = b.unary(f, b.binary("sub", x, spread(b.reduce("reduceMax", x, 1))));
      return loopsTask([x], [b.binary("div", e, spread(b.reduce("reduceSum", e, 1)))], [4], [n]);
    };
    const access = (n: number, f: "exp" | "abs") => lower(softmax(n, f), target, () => 0).kernel.buffers[1]?.access;
    expect([access(100, "exp"), access(100, "abs"), access(10, "exp")]).toEqual(["readwrite", "write", "write"]);
    check(softmax(100, "exp"), [sample("float32", 400, random(1))], { lanes: [1, 4, 8, 16] });
  });

  test("may be written over an input that is read where it is written", () => {
    const [x, w] = [b.input([5, 40], "float32"), b.input([5, 40], "float32")];
    const spread = (r: Node) => b.expand(b.reshape(r, [5, 1]), [5, 40]);
    const e = b.unary("exp", x);
    const y = b.binary("mul", b.binary("div", e, spread(b.reduce("reduceSum", e, 1))), w);
    const made = schedule({ parameters: [x, w], results: [y] }, target, [[1, 0]]);
    expect(made.inPlace).toEqual([[1, 2]]);
    const task = made.tasks[0];
    if (task === undefined || made.tasks.length !== 1) throw new Error("one task is expected");
    const { kernel } = lower(task, target, () => 0);
    const next = random(2);
    const data = new Map([x, w].map((n) => [n as Node, block(sample("float32", 200, next))]));
    const inputs = task.inputs.map((n) => data.get(n) as Uint8Array);
    const apart = new Uint8Array(padded(800));
    interpretKernel(kernel, [...inputs, apart]);
    const over = data.get(w) as Uint8Array;
    interpretKernel(kernel, [...inputs, over]);
    expect(over.slice(0, 800)).toEqual(apart.slice(0, 800));
  });
});
