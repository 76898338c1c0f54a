// Loop tasks: elementwise work over views with reductions. The task's axes become as few loop variables as its memory
// accesses allow; the outer ones, flattened, are the part of the kernel that can be divided, the last is the vector.

import type { Expression, Kernel, Target } from "../graph/kernel.ts";
import { type Node, topological } from "../graph/node.ts";
import { type Shape, sizeOf, stridesOf } from "../graph/shape.ts";
import type { LoopsTask, Lowered } from "../graph/task.ts";
import { kernelBuffers } from "./buffers.ts";
import { type Binding, Builder, type Environment, type Frame, isPowerOfTwo } from "./builder.ts";
import { costOf, weightOf } from "./cost.ts";
import * as x from "./expression.ts";
import { dot, type Index, type Variable } from "./index.ts";
import { mergingOf, refine } from "./merge.ts";
import { laneCost, reduceHere, reduceTogether } from "./reduction.ts";
import { type Axes, Tracer } from "./trace.ts";
import { type Reduce, reachable, type Value } from "./value.ts";

type CheckOf = (node: Node<"checkBounds">) => number;

/** The task's outputs as values over loop variables. */
interface Traced {
  readonly domain: Axes;
  readonly inner: Axes;
  readonly outputs: readonly Output[];
  /** Everything that is computed. */
  readonly values: readonly Value[];
  readonly tracer: Tracer;
}

interface Output {
  readonly buffer: number;
  readonly value: Value;
  /** Where it is stored. */
  readonly index: Index;
  /** Whether it has an element for each point of the inner axes too. */
  readonly isInner: boolean;
}

export function lowerLoops(task: LoopsTask, target: Target, checkOf: CheckOf): Lowered {
  const buffers = kernelBuffers(task);
  const done = (extent: number, body: Kernel["body"], cost: Kernel["cost"]): Lowered => ({
    kernel: { name: task.name, buffers, extent, body, cost },
    scratch: [],
  });
  if (sizeOf(task.domain) === 0 || task.outputs.every((o) => o.size === 0)) return done(0, [], { flops: 0, bytes: 0 });
  const traced = trace(task, checkOf);
  const builder = new Builder(
    target.lanes,
    traced.values.filter((v): v is Reduce => v.kind === "reduce"),
    reduceHere,
  );
  const extent = new Nest(builder, traced).write();
  return done(extent, builder.top.statements, costOf(traced.values, task.inputs, task.outputs));
}

// ---- Tracing

function trace(task: LoopsTask, checkOf: CheckOf): Traced {
  const stored = new Set(task.inputs);
  const nodes = topological(task.outputs, (n) => stored.has(n));
  const shapes = [...task.outputs, ...nodes].map((n) => n.shape);
  const [domain, inner] = refine(task.domain, sizeOf(task.inner) === 0 ? [] : task.inner, shapes);
  const first = traceOnce(task, domain, inner, new Tracer(task.inputs, task.outputs, checkOf));
  const merging = mergingOf(first.tracer.axes.values(), first.values);
  return merging === null ? first : traceOnce(task, domain, inner, new Tracer(task.inputs, task.outputs, checkOf, merging));
}

function traceOnce(task: LoopsTask, domainShape: Shape, innerShape: Shape, tracer: Tracer): Traced {
  const domain = tracer.axesOf("d", domainShape, 0);
  const inner = tracer.axesOf("n", innerShape, 0);
  const domainSize = sizeOf(domainShape);
  const outputs = task.outputs.flatMap((node, i): Output[] => {
    if (node.size === 0) return [];
    const isInner = node.size !== domainSize;
    const shape = isInner ? [...domainShape, ...innerShape] : domainShape;
    const at = isInner ? [...domain.coordinates, ...inner.coordinates] : domain.coordinates;
    const value = tracer.trace(node, tracer.atoms.reshape(at, shape, node.shape));
    return [{ buffer: task.inputs.length + i, value, index: dot(at, stridesOf(shape)), isInner }];
  });
  return { domain, inner, outputs, values: reachable(outputs.map((o) => o.value)), tracer };
}

// ---- The loop nest

/** Vectors of one block: enough to keep loops cheap where the work is light. */
function vectorsPerBlock(weight: number): number {
  return weight <= 10 ? 4 : weight <= 30 ? 2 : 1;
}

class Nest {
  private readonly builder: Builder;
  private readonly traced: Traced;
  private readonly vector: Variable | null;
  /** Vectors computed side by side. */
  private readonly copies: number;
  /** Reductions whose result is a vector, by level. */
  private readonly columns: readonly (readonly Reduce[])[];
  private readonly innermost: readonly Output[];
  private readonly outer: readonly Output[];

  constructor(builder: Builder, traced: Traced) {
    this.builder = builder;
    this.traced = traced;
    this.innermost = traced.outputs.some((o) => o.isInner) ? traced.outputs.filter((o) => o.isInner) : traced.outputs;
    this.outer = traced.outputs.filter((o) => !this.innermost.includes(o));
    this.vector = this.chooseVector();
    const varying = traced.values.filter((v) => this.vector !== null && v.variables.includes(this.vector));
    this.columns = groups(varying.filter((v): v is Reduce => v.kind === "reduce" && v.variables.every((d) => d.depth === 0)));
    const widest = Math.max(1, ...this.columns.map((g) => g.length));
    const weight = varying.reduce((sum, v) => sum + weightOf(v), this.innermost.length);
    this.copies = this.columns.length > 0 ? Math.max(1, Math.min(4, Math.floor(12 / widest))) : vectorsPerBlock(weight);
  }

  /** The last of the innermost variables, unless float64 or reductions along their own elements speak against it. */
  private chooseVector(): Variable | null {
    const { traced, builder } = this;
    const axes = this.outer.length > 0 || this.innermost.some((o) => o.isInner) ? traced.inner : traced.domain;
    const candidate = axes.variables.at(-1);
    if (candidate === undefined || builder.lanes === 1) return null;
    const varying = traced.values.filter((v) => v.variables.includes(candidate));
    if (varying.some((v) => v.dtype === "float64")) return null;
    const reduces = varying.filter((v): v is Reduce => v.kind === "reduce");
    if (reduces.length === 0) return candidate;
    let columns = 0;
    let rows = 0;
    for (const r of reduces) {
      const bodies = reachable(r.bodies);
      columns += laneCost(bodies, candidate);
      rows += r.over.length === 0 ? laneCost(bodies, candidate) : Math.min(...r.over.map((v) => laneCost(bodies, v)));
    }
    return columns < rows || (columns === rows && candidate.size >= builder.lanes) ? candidate : null;
  }

  /** Writes the kernel's body; returns its extent. */
  write(): number {
    const { builder, traced, vector } = this;
    const { top } = builder;
    const begin = x.variable("begin", x.indexType);
    const end = x.variable("end", x.indexType);
    const hasInner = this.innermost.some((o) => o.isInner);
    const loops = [...traced.domain.variables];
    if (!hasInner && vector !== null) loops.pop();
    const middle = hasInner ? traced.inner.variables.filter((v) => v !== vector) : this.takeMiddle(loops);

    if (!hasInner && vector !== null) {
      const block = this.copies * builder.lanes;
      const whole = Math.floor(vector.size / block);
      const blocks = Math.ceil(vector.size / block);
      if (loops.length === 0) {
        // One flat loop: its blocks are what can be divided.
        if (whole > 0) {
          const until = x.min(x.mul(end, block), whole * block);
          builder.loop(top, x.mul(begin, block), until, block, (frame, base) => this.block(frame, [], base, this.copies));
        }
        if (blocks > whole) {
          const frame = builder.inside(top);
          this.tail(frame, [], whole * block);
          top.statements.push(x.branch(x.lt(x.max(begin, blocks - 1), end), frame.statements));
        }
        return blocks;
      }
      if (this.columns.length > 0 && middle.length === 0) {
        // Columns: every block of every row stands alone.
        return this.flattened([...loops.map((v) => v.size), blocks], (frame, at) => {
          const bindings = this.bindAll(loops, frame, at);
          const base = builder.let(frame, x.mul(at.at(-1) as Expression, block));
          const inner = builder.inside(frame);
          if (whole > 0) this.block(inner, bindings, base, this.copies);
          if (blocks === whole) frame.statements.push(...inner.statements);
          else {
            const last = builder.inside(frame);
            this.tail(last, bindings, whole * block);
            if (whole === 0) frame.statements.push(...last.statements);
            else frame.statements.push(x.branch(x.lt(base, whole * block), inner.statements, last.statements));
          }
        });
      }
    }

    const sizes = loops.map((v) => v.size);
    return this.flattened(sizes, (frame, at) => {
      const bindings = this.bindAll(loops, frame, at);
      const environment = builder.empty.with(...bindings);
      const outer = this.outer.map((o) => builder.value(o.value, environment));
      this.overMiddle(frame, bindings, middle);
      this.outer.forEach((o, i) => {
        this.store(frame, o, outer[i] as Expression, environment, null);
      });
    });
  }

  /** A loop over the flattened sizes from `begin` to `end`, with the position along each. */
  private flattened(sizes: readonly number[], body: (frame: Frame, at: readonly Expression[]) => void): number {
    const { builder } = this;
    const extent = sizes.reduce((a, b) => a * b, 1);
    const begin = x.variable("begin", x.indexType);
    const end = x.variable("end", x.indexType);
    builder.loop(builder.top, begin, end, 1, (frame, flat) => {
      const at = new Array<Expression>(sizes.length);
      let rest = flat;
      for (let i = sizes.length - 1; i >= 0; i--) {
        const n = sizes[i] as number;
        if (i === 0) at[i] = rest;
        else {
          const quotient = builder.let(frame, isPowerOfTwo(n) ? x.shr(rest, Math.log2(n)) : x.div(rest, n));
          at[i] = builder.let(frame, isPowerOfTwo(n) ? x.and(rest, n - 1) : x.sub(rest, x.mul(quotient, n)));
          rest = quotient;
        }
      }
      body(frame, at);
    });
    return extent;
  }

  private bindAll(variables: readonly Variable[], frame: Frame, at: readonly Expression[]): Binding[] {
    return variables.map((v, i) => this.builder.bind(v, frame, at[i] as Expression));
  }

  /** Takes the last of several outer loops as a plain loop, where enough remains to divide: it saves the division. */
  private takeMiddle(loops: Variable[]): Variable[] {
    if (loops.length < 2) return [];
    const outer = loops.slice(0, -1).reduce((n, v) => n * v.size, 1);
    const total = loops.reduce((n, v) => n * v.size, this.vector?.size ?? 1);
    return outer >= 16 || total <= 32768 ? loops.splice(-1) : [];
  }

  private overMiddle(frame: Frame, bindings: readonly Binding[], middle: readonly Variable[]): void {
    const [variable, ...rest] = middle;
    if (variable === undefined) this.overVector(frame, bindings);
    else
      this.builder.loop(frame, 0, variable.size, 1, (inner, at) =>
        this.overMiddle(inner, [...bindings, this.builder.bind(variable, inner, at)], rest),
      );
  }

  /** The whole innermost loop. */
  private overVector(frame: Frame, bindings: readonly Binding[]): void {
    const { builder, vector } = this;
    if (vector === null) {
      this.point(frame, builder.empty.with(...bindings));
      return;
    }
    const block = this.copies * builder.lanes;
    const whole = Math.floor(vector.size / block);
    // At known positions, what depends on nothing else leaves the loops altogether.
    const home = builder.top;
    if (whole === 1) this.block(frame, bindings, x.integer(0), this.copies, undefined, home);
    else if (whole > 1) builder.loop(frame, 0, whole * block, block, (inner, base) => this.block(inner, bindings, base, this.copies));
    if (whole * block < vector.size) this.tail(frame, bindings, whole * block, home);
  }

  /** What lies behind the last whole block, from a known position on. */
  private tail(frame: Frame, bindings: readonly Binding[], start: number, home: Frame = frame): void {
    const size = (this.vector as Variable).size - start;
    this.block(frame, bindings, x.integer(start), Math.ceil(size / this.builder.lanes), size, home);
  }

  /** Some vectors side by side; of the last only the valid lanes are stored. `home` is where the base is known. */
  private block(
    frame: Frame,
    outer: readonly Binding[],
    base: Expression,
    copies: number,
    valid: number = copies * this.builder.lanes,
    home: Frame = frame,
  ): void {
    const { builder } = this;
    const { lanes } = builder;
    const vector = this.vector as Variable;
    const first = builder.bind(vector, home, base, { vector: true });
    const environments = Array.from({ length: copies }, (_, i) => {
      const last = valid < (i + 1) * lanes ? vector.size - 1 : null;
      return builder.empty.with(...outer, builder.bind(vector, home, base, { offset: i * lanes, vector: true, last, sharing: first }));
    });
    for (const group of this.columns) reduceTogether(builder, group, environments);
    const values = environments.map((e) => this.innermost.map((o) => builder.spread(o.value, e)));
    environments.forEach((environment, i) => {
      const count = Math.min(lanes, valid - i * lanes);
      this.innermost.forEach((o, j) => {
        this.store(frame, o, values[i]?.[j] as Expression, environment, count < lanes ? count : null);
      });
    });
  }

  /** One element of everything, without vectors. */
  private point(frame: Frame, environment: Environment): void {
    const values = this.innermost.map((o) => this.builder.value(o.value, environment));
    this.innermost.forEach((o, i) => {
      this.store(frame, o, values[i] as Expression, environment, null);
    });
  }

  private store(frame: Frame, output: Output, value: Expression, environment: Environment, count: number | null): void {
    const index = this.builder.scalarIndex(output.index, environment);
    const { buffer } = output;
    frame.statements.push({ kind: "store", buffer, index, value, ...(count === null ? {} : { count: x.integer(count) }) });
  }
}

/** Reductions that can run in one loop, in the order in which they can run. */
function groups(reduces: readonly Reduce[]): Reduce[][] {
  const found = new Map<string, Reduce[]>();
  for (const r of [...reduces].sort((a, b) => a.level - b.level)) {
    const key = `${r.level}:${r.over.map((v) => v.id).join()}:${r.variables.map((v) => v.id).join()}`;
    found.set(key, [...(found.get(key) ?? []), r]);
  }
  return [...found.values()];
}
