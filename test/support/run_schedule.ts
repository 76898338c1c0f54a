// Executes a schedule in plain JavaScript: every task is evaluated by the reference device from what its inputs hold in
// memory, every step obeyed. So a schedule is proven without lowering: a missing input, a wrong order, a lifetime that ends too
// early or a value overwritten too soon all give wrong numbers, for memory starts out as garbage.
//
// Memory has two bytes for each byte of the device's: so float32 elements are kept in double precision and results are those of
// the exact reference.

import { permute, reshape, slice } from "../../src/graph/build.ts";
import { bytesOf, type DType, type TypedArray } from "../../src/graph/dtype.ts";
import type { Kernel, Operand, Step } from "../../src/graph/kernel.ts";
import { Node } from "../../src/graph/node.ts";
import type { Op, Region } from "../../src/graph/operation.ts";
import { inline, substitute } from "../../src/graph/rewrite.ts";
import { sameShape, sizeOf } from "../../src/graph/shape.ts";
import { type Lowered, memoryOf, type Schedule, type Task } from "../../src/graph/task.ts";
import { walkView } from "../../src/graph/view.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { store } from "../../src/runtime/reference/rules.ts";
import { place } from "../../src/schedule/schedule.ts";
import { UserError } from "../../src/util/errors.ts";

export interface RunOptions {
  /** Temporaries in one arena, placed by `place`; otherwise each has memory of its own. Default true. */
  readonly arena?: boolean;
  /** Check that outputs written over inputs depend on them element by element. Default true. */
  readonly probe?: boolean;
  /** Scratch bytes to pretend that every kernel needs. */
  readonly scratch?: number;
}

export interface RunResult {
  /** Floats as Float64Array, others in their dtype's array. */
  readonly results: readonly TypedArray[];
  /** What the call failed with; then results are what lay there. */
  readonly error: UserError | null;
  /** What the rows of the parameters hold after the run. */
  readonly parameters: readonly TypedArray[];
}

/** A lowered form with the right buffers and nothing in it. */
export function pretendLowered(task: Task, scratch = 0): Lowered {
  const buffers: Kernel["buffers"] = [
    ...task.inputs.map((n) => ({ memory: memoryOf(n.dtype), access: "read" as const })),
    ...task.outputs.map((n) => ({ memory: memoryOf(n.dtype), access: "write" as const })),
    ...(scratch > 0 ? [{ memory: "f32" as const, access: "readwrite" as const }] : []),
  ];
  const kernel: Kernel = { name: task.name, buffers, extent: 1, body: [], cost: { flops: 0, bytes: 0 } };
  return { kernel, scratch: scratch > 0 ? [scratch] : [] };
}

const garbage = 0xa7;

/** What task.ts says of every task, as far as it can be seen. */
function checkForm(task: Task): void {
  const fail = (what: string) => {
    throw new Error(`${task.name}: ${what}`);
  };
  if (new Set(task.inputs).size !== task.inputs.length || new Set(task.outputs).size !== task.outputs.length) fail("a buffer occurs twice");
  for (const output of task.outputs) {
    const sizes = task.kind === "loops" ? [sizeOf(task.domain), sizeOf(task.domain) * sizeOf(task.inner)] : [task.hero.size];
    if (!sizes.includes(output.size)) fail(`an output of ${output.size} elements over a domain of ${sizes}`);
  }
  if (task.kind !== "contract") return;
  const { hero, packed, tile } = task;
  const [b, k, n] = (hero.inputs[1] as Node).shape as [number, number, number];
  const viewOf = (side: 0 | 1) => walkView(hero.inputs[side] as Node, (x) => task.inputs.includes(x));
  if (viewOf(0) === null) fail("the left operand is no view of an input");
  if (packed === null) {
    if (viewOf(1)?.axes[2]?.at(-1)?.stride !== 1)
      fail("the right operand is neither packed nor a view of an input with its columns side by side");
    return;
  }
  if (!sameShape(packed.shape, [b, Math.ceil(n / tile.columns), k, tile.columns])) fail(`packed is [${packed.shape}]`);
  if (!task.inputs.includes(packed)) fail("packed is no input");
}

/** Runs a schedule made of `region` on the values of its parameters. */
export function runSchedule(schedule: Schedule, region: Region, parameters: readonly TypedArray[], options: RunOptions = {}): RunResult {
  const scratch = options.scratch ?? 0;
  schedule.tasks.forEach(checkForm);
  const program = place(
    schedule,
    schedule.tasks.map((task) => pretendLowered(task, scratch)),
  );
  const memory = (bytes: number): DataView => new DataView(new Uint8Array(2 * bytes + 256).fill(garbage).buffer);
  const table: DataView[] = [...region.parameters, ...region.results].map((node) => memory(node.size * bytesOf(node.dtype)));
  for (const [input, output] of schedule.inPlace) table[output] = table[input] as DataView;
  const arena = memory(program.arenaBytes);
  const own = schedule.buffers.map((b) => (b.kind === "temporary" ? memory(b.bytes) : null));
  const counters = new Map<number, number>();
  let error: UserError | null = null;

  const locate = (operand: Operand): Place => {
    const buffer = program.buffers[operand.buffer];
    if (buffer === undefined) throw new Error(`no buffer ${operand.buffer}`);
    let offset = 0;
    for (const { counter, bytes } of operand.strides ?? []) {
      const value = counters.get(counter);
      if (value === undefined) throw new Error(`counter ${counter} outside its loop`);
      offset += value * bytes;
    }
    if (buffer.kind === "table") return { view: table[buffer.index] as DataView, offset: 2 * offset };
    if (options.arena === false) return { view: own[operand.buffer] ?? memory(scratch), offset: 2 * offset };
    return { view: arena, offset: 2 * (buffer.offset + offset) };
  };

  const call = (index: number, operands: readonly Operand[]) => {
    const task = schedule.tasks[index] as Task;
    const places = operands.map(locate);
    const inputs = places.slice(0, task.inputs.length);
    const outputs = places.slice(task.inputs.length, task.inputs.length + task.outputs.length);
    const values = task.inputs.map((node, i) => read(inputs[i] as Place, node.dtype, node.size));
    const run = (given: readonly TypedArray[]) => {
      try {
        return evaluateRegion(regionOf(task), given);
      } catch (problem) {
        if (!(problem instanceof UserError)) throw problem;
        error ??= problem;
        return evaluateRegion(withoutChecks(regionOf(task)), given);
      }
    };
    const results = run(values);
    if (options.probe !== false) {
      inputs.forEach((from, i) => {
        const over = outputs.findIndex((to) => to.view === from.view && to.offset === from.offset);
        if (over >= 0) probe(task, i, over, values, results, run);
      });
    }
    task.outputs.forEach((node, i) => {
      write(outputs[i] as Place, node.dtype, results[i] as TypedArray);
    });
    places.slice(task.inputs.length + task.outputs.length).forEach(({ view, offset }) => {
      new Uint8Array(view.buffer).fill(0x5b, offset, offset + 2 * scratch);
    });
  };

  /** False to leave the program. */
  const runSteps = (steps: readonly Step[]): boolean => steps.every(runStep);
  const runStep = (step: Step): boolean => {
    switch (step.kind) {
      case "call":
        call(step.kernel, step.operands);
        return true;
      case "copy": {
        const [from, to] = [locate(step.from), locate(step.to)];
        new Uint8Array(to.view.buffer).set(new Uint8Array(from.view.buffer).slice(from.offset, from.offset + 2 * step.bytes), to.offset);
        return true;
      }
      case "loop":
        for (let i = 0; i < step.count; i++) {
          counters.set(step.counter, step.reverse ? step.count - 1 - i : i);
          if (!runSteps(step.body)) return false;
        }
        counters.delete(step.counter);
        return true;
      case "while":
        for (;;) {
          if (!runSteps(step.test)) return false;
          if (read(locate(step.condition), "bool", 1)[0] === 0) return true;
          if (!runSteps(step.body)) return false;
        }
      case "if":
        return runSteps(read(locate(step.condition), "bool", 1)[0] === 0 ? step.otherwise : step.then);
      case "guard":
        return error === null;
      case "mark":
        return true;
      case "counter":
        write(locate(step.to), "int32", [counters.get(step.counter) as number]);
        return true;
    }
  };

  region.parameters.forEach((node, i) => {
    write({ view: table[i] as DataView, offset: 0 }, node.dtype, parameters[i] as TypedArray);
  });
  runSteps(program.steps);
  const row = (node: Node, i: number) => read({ view: table[i] as DataView, offset: 0 }, node.dtype, node.size);
  return {
    results: region.results.map((node, i) => row(node, schedule.inputs + i)),
    error,
    parameters: region.parameters.map(row),
  };
}

interface Place {
  readonly view: DataView;
  readonly offset: number;
}

function read({ view, offset }: Place, dtype: DType, size: number): TypedArray {
  const values = store(dtype, size);
  const step = 2 * bytesOf(dtype);
  for (let i = 0; i < size; i++) {
    const at = offset + i * step;
    if (dtype === "float32" || dtype === "float64") values[i] = view.getFloat64(at, true);
    else if (dtype === "int32") values[i] = view.getInt32(at, true);
    else if (dtype === "uint32") values[i] = view.getUint32(at, true);
    else values[i] = view.getUint8(at);
  }
  return values;
}

function write({ view, offset }: Place, dtype: DType, values: ArrayLike<number>): void {
  const step = 2 * bytesOf(dtype);
  for (let i = 0; i < values.length; i++) {
    const [at, value] = [offset + i * step, values[i] as number];
    if (dtype === "float32" || dtype === "float64") view.setFloat64(at, value, true);
    else if (dtype === "int32") view.setInt32(at, value, true);
    else if (dtype === "uint32") view.setUint32(at, value, true);
    else view.setUint8(at, value);
  }
}

/** The task as a region of its own: its inputs are parameters, and a hero's right operand is unpacked again. */
function regionOf(task: Task): Region {
  const parameters = task.inputs.map((node) => new Node("input", [], { name: "", key: -1 }, node.shape, node.dtype));
  const from = new Map<Node, Node>(task.inputs.map((node, i) => [node, parameters[i] as Node]));
  if (task.kind === "contract" && task.packed !== null) {
    const right = task.hero.inputs[1] as Node;
    const [b, k, n] = right.shape as [number, number, number];
    const packed = from.get(task.packed) as Node;
    const { columns } = task.tile;
    const panels = Math.ceil(n / columns);
    const rows = reshape(permute(packed, [0, 2, 1, 3]), [b, k, panels * columns]);
    const unpacked = slice(rows, [0, 0, 0], [b, k, n]);
    const [left] = substitute([task.hero.inputs[0] as Node], from) as [Node];
    from.set(task.hero, new Node("contract", [left, unpacked], task.hero.attributes, task.hero.shape, task.hero.dtype));
  }
  const results = substitute(task.outputs, from);
  return { parameters, results };
}

/** The same without bounds checks: what a device computes beside flagging. */
function withoutChecks(region: Region): Region {
  const results = inline(region, region.parameters);
  const memo = new Map<Node, Node>();
  const order = [...new Set(allNodes(results))];
  for (const node of order) {
    const inputs = node.inputs.map((x) => memo.get(x) as Node);
    if (node.op === "checkBounds") memo.set(node, inputs[0] as Node);
    else
      memo.set(
        node,
        inputs.every((x, i) => x === node.inputs[i]) ? node : new Node<Op>(node.op, inputs, node.attributes, node.shape, node.dtype),
      );
  }
  return { parameters: region.parameters, results: results.map((r) => memo.get(r) as Node) };
}

function allNodes(roots: readonly Node[]): Node[] {
  const seen = new Set<Node>(roots);
  for (const node of seen) for (const x of node.inputs) seen.add(x);
  return [...seen].sort((a, b) => a.id - b.id);
}

/** Changes single elements of an input that an output is written over: no other element of any output may change. */
function probe(
  task: Task,
  input: number,
  output: number,
  values: readonly TypedArray[],
  results: readonly TypedArray[],
  run: (values: readonly TypedArray[]) => TypedArray[],
): void {
  const size = (values[input] as TypedArray).length;
  for (const at of new Set([0, Math.floor(size / 2), size - 1])) {
    const changed = values.map((v, i) => (i === input ? v.slice() : v));
    (changed[input] as TypedArray)[at] = ((changed[input] as TypedArray)[at] as number) === 0 ? 1 : 0;
    run(changed).forEach((result, r) => {
      const before = results[r] as TypedArray;
      result.forEach((value, i) => {
        if (!Object.is(value, before[i]) && !(result.length === size && i === at))
          throw new Error(`${task.name}: output ${r}[${i}] depends on element ${at} of the input that output ${output} is written over`);
      });
    });
  }
}
