// node bench/kernels.ts [--device native] [pattern]: single kernels lowered by hand-made tasks, without the scheduler.
// Each row is the least time of several runs, each a program that repeats its kernel inside one call. GB/s counts what the kernel
// reads and writes once; the share of a contraction is of the multiply-adds that registers alone allow, measured in the same run.

import * as g from "../src/graph/build.ts";
import { allocate } from "../src/graph/dtype.ts";
import type { Node } from "../src/graph/node.ts";
import type { Shape } from "../src/graph/shape.ts";
import { Storage } from "../src/graph/storage.ts";
import type { ContractTask, LoopsTask, RoutineTask, Task } from "../src/graph/task.ts";
import { tileFor } from "../src/graph/tile.ts";
import { lower } from "../src/kernel/lower.ts";
import { unaryMaths } from "../src/kernel/maths.ts";
import { device, pattern, peak, target, time } from "./kernel.ts";

function timeTask(task: Task): number {
  const inputs = task.inputs.map((node) => {
    const data = allocate(node.dtype, node.size);
    const isFloat = node.dtype.startsWith("float");
    for (let i = 0; i < data.length; i++) data[i] = isFloat ? ((i * 7919) % 1000) / 500 - 0.999 : Math.imul(i, 7919) >>> 20;
    const storage = new Storage(node.dtype, node.size, data);
    storage.resident = device.upload(node.dtype, data);
    return storage;
  });
  const outputs = task.outputs.map((node) => {
    const storage = new Storage(node.dtype, node.size, null);
    storage.resident = device.upload(node.dtype, allocate(node.dtype, node.size));
    return storage;
  });
  const seconds = time(
    lower(task, target, () => 0),
    inputs,
    outputs,
  );
  for (const { resident } of [...inputs, ...outputs]) resident?.release();
  return seconds;
}

// ---- The table

const lines: string[][] = [];

function row(name: string, measure: () => { seconds: number; figure: string }): void {
  if (!pattern.test(name)) return;
  try {
    const { seconds, figure } = measure();
    lines.push([name, `${(seconds * 1e6).toFixed(1)} µs`, figure]);
  } catch (error) {
    lines.push([name, "—", (error as Error).message.slice(0, 80)]);
  }
}

const showSize = (n: number) => (n >= 1 << 20 ? `${n / (1 << 20)}M` : `${n / 1024}k`);

/** A loops task with its traffic in GB/s, or nanoseconds for each element. */
function loops(
  name: string,
  inputs: readonly Node[],
  outputs: readonly Node[],
  domain: Shape,
  inner: Shape = [],
  perElement = false,
): void {
  const task: LoopsTask = { kind: "loops", name, inputs, outputs, domain, inner };
  row(name, () => {
    const seconds = timeTask(task);
    const bytes = [...inputs, ...outputs].reduce((sum, n) => sum + 4 * n.size, 0);
    const elements = Math.max(...[...inputs, ...outputs].map((n) => n.size));
    return {
      seconds,
      figure: perElement ? `${((seconds / elements) * 1e9).toFixed(3)} ns an element` : `${(bytes / seconds / 1e9).toFixed(1)} GB/s`,
    };
  });
}

const vector = (n: number, count: number) => Array.from({ length: count }, () => g.input([n], "float32"));
const scalar = (value: number, n: number) => g.constant(value, "float32", [n]);

// ---- Elementwise: in the first level of cache, in the second, and in memory

for (const n of [2048, 65536, 1 << 22]) {
  const [p, m, v, gradient] = vector(n, 4) as [Node, Node, Node, Node];
  loops(`relu ${showSize(n)}`, [p], [g.binary("maximum", p, scalar(0, n))], [n]);
  loops(`add ${showSize(n)}`, [p, m], [g.binary("add", p, m)], [n]);
  const mix = (a: Node, b: Node, decay: number) =>
    g.binary("add", g.binary("mul", a, scalar(decay, n)), g.binary("mul", b, scalar(1 - decay, n)));
  const [m1, v1] = [mix(m, gradient, 0.9), mix(v, g.binary("mul", gradient, gradient), 0.999)];
  const step = g.binary("div", m1, g.binary("add", g.unary("sqrt", v1), scalar(1e-8, n)));
  loops(`adam ${showSize(n)}`, [p, m, v, gradient], [g.binary("sub", p, g.binary("mul", step, scalar(1e-3, n))), m1, v1], [n]);
}
for (const name of Object.keys(unaryMaths) as (keyof typeof unaryMaths)[]) {
  const [x] = vector(4096, 1) as [Node];
  loops(`${name} 4k`, [x], [g.unary(name, x)], [4096], [], true);
}
{
  const [x, y] = vector(4096, 2) as [Node, Node];
  loops("pow 4k", [x, y], [g.binary("pow", x, y)], [4096], [], true);
  const counter = g.input([4096], "uint32");
  const key = g.constant(7, "uint32", [4096]);
  loops("threefry 4k", [counter], [g.threefry(0, key, key, key, counter)], [4096], [], true);
}

// ---- Rows and reductions

for (const [rows, columns] of [
  [128, 10],
  [128, 1000],
  [2048, 64],
] as const) {
  const x = g.input([rows, columns], "float32");
  const spread = (r: Node) => g.expand(g.reshape(r, [rows, 1]), [rows, columns]);
  const e = g.unary("exp", g.binary("sub", x, spread(g.reduce("reduceMax", x, 1))));
  loops(`softmax ${rows}×${columns}`, [x], [g.binary("div", e, spread(g.reduce("reduceSum", e, 1)))], [rows], [columns], true);
  loops(`sum rows ${rows}×${columns}`, [x], [g.reduce("reduceSum", x, 1)], [rows]);
  loops(`sum columns ${rows}×${columns}`, [x], [g.reduce("reduceSum", x, 0)], [columns]);
}
{
  const x = g.input([1 << 20], "float32");
  loops("sum all 1M", [x], [g.reduce("reduceSum", x)], []);
}

// ---- Contractions

const best = peak();
lines.push(["multiply-add, registers only", "", `${best.toFixed(1)} GFLOP/s`]);

for (const [m, k, n] of [
  [128, 784, 512],
  [512, 512, 512],
  [784, 128, 512],
  [128, 512, 10],
] as const) {
  const tile = tileFor(target, { m, run: n, runs: 1, packed: true, doubles: false });
  const panels = Math.ceil(n / tile.columns);
  const [left, right] = [g.input([1, m, k], "float32"), g.input([1, k, n], "float32")];
  const transposed = g.input([1, n, k], "float32");
  const packed = g.input([1, panels, k, tile.columns], "float32");
  const pack = (x: Node) => {
    const filled = g.pad(x, [0, 0, 0], [0, 0, panels * tile.columns - n]);
    return g.permute(g.reshape(filled, [1, k, panels, tile.columns]), [0, 2, 1, 3]);
  };
  loops(`pack ${k}×${n} by rows`, [right], [pack(right)], packed.shape);
  loops(`pack ${k}×${n} transposed`, [transposed], [pack(g.permute(transposed, [0, 2, 1]))], packed.shape);
  const contraction = (name: string, left: Node, stored: Node, epilogue: (hero: Node) => { inputs: Node[]; output: Node }) => {
    const hero = g.contract(left, right, [[0], [0]], [[2], [1]]) as Node<"contract">;
    const { inputs, output } = epilogue(hero);
    const task: ContractTask = { kind: "contract", name, hero, packed, tile, inputs: [stored, packed, ...inputs], outputs: [output] };
    row(name, () => {
      const seconds = timeTask(task);
      const speed = (2 * m * n * k) / seconds / 1e9;
      return { seconds, figure: `${speed.toFixed(1)} GFLOP/s, ${((100 * speed) / best).toFixed(0)} %` };
    });
  };
  contraction(`contract ${m}×${k}·${k}×${n}`, left, left, (hero) => ({ inputs: [], output: hero }));
  const leftColumns = g.input([1, k, m], "float32");
  contraction(`contract (${k}×${m})ᵀ·${k}×${n}`, g.permute(leftColumns, [0, 2, 1]), leftColumns, (hero) => ({ inputs: [], output: hero }));
  const bias = g.input([n], "float32");
  contraction(`contract ${m}×${k}·${k}×${n} + bias, relu`, left, left, (hero) => ({
    inputs: [bias],
    output: g.binary("maximum", g.binary("add", hero, g.broadcastTo(bias, [1, m, n])), g.constant(0, "float32", [1, m, n])),
  }));
}

// ---- Routines

function routine(name: string, inputs: readonly Node[], hero: Node): void {
  const task = { kind: "routine", name, inputs, outputs: [hero], hero } as RoutineTask;
  row(name, () => {
    const seconds = timeTask(task);
    return { seconds, figure: `${((seconds / (inputs[inputs.length - 1] as Node).size) * 1e9).toFixed(2)} ns an element` };
  });
}
{
  const [indices, updates] = [g.input([4096], "int32"), g.input([4096, 64], "float32")];
  routine("scatterAdd 4k rows of 64", [indices, updates], g.scatterAdd([4096, 64], indices, updates, 0));
  const flat = g.input([4096], "float32");
  routine("scatterAdd 4k elements", [indices, flat], g.scatterAdd([4096], indices, flat, 0));
  const [keys, bits] = [g.input([65536], "float32"), g.input([65536], "uint32")];
  routine("argSort 64k float32", [keys], g.argSort(keys));
  routine("argSort 64k uint32", [bits], g.argSort(bits));
}

const widths = [0, 1].map((i) => Math.max(...lines.map((line) => (line[i] as string).length)));
for (const line of lines)
  console.log(line.map((cell, i) => (i === 1 ? cell.padStart(widths[1] as number) : cell.padEnd(widths[i] ?? 0))).join("   "));
