// The loop nest of a loops task. The outer loops, flattened, are the part of the kernel that can be divided; the innermost
// is the vector, several of which are computed side by side. Everything in a block is computed before anything is stored.

import type { Expression } from "../graph/kernel.ts";
import { type Builder, registerOf } from "./builder.ts";
import { weightOf } from "./cost.ts";
import * as x from "./expression.ts";
import type { Binding, Environment, Frame } from "./frames.ts";
import { coefficientOf, type Index, type Variable } from "./index.ts";
import { shortRow } from "./keep.ts";
import { isPowerOfTwo } from "./positions.ts";
import { laneCost, reduceTogether } from "./reduction.ts";
import type { Axes } from "./trace.ts";
import { operandsOf, type Reduce, reachable, type Value } from "./value.ts";

/** A task's outputs as values over loop variables. */
export interface Traced {
  readonly domain: Axes;
  readonly inner: Axes;
  readonly outputs: readonly Output[];
  /** Everything that is computed, operands before users. */
  readonly values: readonly Value[];
  /** All loops, those of reductions too. */
  readonly axes: readonly Axes[];
}

export interface Output {
  readonly buffer: number;
  readonly value: Value;
  /** Where it is stored. */
  readonly index: Index;
  readonly size: number;
  /** Whether it has an element for each point of the inner axes too. */
  readonly isInner: boolean;
  /** Whether its elements are sums of the values over the last variables of the domain. */
  readonly isSum: boolean;
}

/** A longer innermost loop is divided, where there are few others. */
const longLoop = 4096;
const chunk = 2048;
/** Loops below this many turns cost more to begin than to run. */
const shortLoop = 8;
/** Rows of a tile of a transposed read. */
const tileSize = 16;

const begin = x.variable("begin", x.indexType);
const end = x.variable("end", x.indexType);

/** Vectors of one block: enough to keep loops cheap where the work is light. */
function vectorsPerBlock(weight: number): number {
  return weight <= 10 ? 4 : weight <= 30 ? 2 : 1;
}

export class Nest {
  private readonly builder: Builder;
  private readonly traced: Traced;
  private readonly vector: Variable | null;
  /** Vectors computed side by side. */
  private readonly copies: number;
  /** Reductions whose result is a vector, by level. */
  private readonly columns: readonly (readonly Reduce[])[];
  /** Reductions over the inner axes. */
  private readonly inRows: readonly Reduce[];
  private readonly innermost: readonly Output[];
  private readonly outer: readonly Output[];

  constructor(builder: Builder, traced: Traced) {
    this.builder = builder;
    this.traced = traced;
    this.innermost = traced.outputs.some((o) => o.isInner) ? traced.outputs.filter((o) => o.isInner) : traced.outputs;
    this.outer = traced.outputs.filter((o) => !this.innermost.includes(o));
    this.inRows = traced.values.filter((v): v is Reduce => v.kind === "reduce" && v.over.some((d) => traced.inner.variables.includes(d)));
    this.vector = this.chooseVector();
    const varying = traced.values.filter((v) => this.vector !== null && v.variables.includes(this.vector));
    this.columns = groups(this.outerReductions(varying));
    const widest = Math.max(1, ...this.columns.map((g) => g.length));
    const weight = varying.reduce((sum, v) => sum + weightOf(v), this.innermost.length);
    this.copies = this.columns.length > 0 ? Math.max(1, Math.min(4, Math.floor(12 / widest))) : vectorsPerBlock(weight);
  }

  /** Reductions that the innermost outputs need themselves, or that stand inside such a one without depending on its loops. */
  private outerReductions(among: readonly Value[]): Reduce[] {
    const found = new Set(this.innermost.map((o) => o.value));
    for (const v of found) {
      for (const operand of operandsOf(v)) found.add(operand);
      if (v.kind !== "reduce") continue;
      for (const r of reachable(v.bodies))
        if (r.kind === "reduce" && r.variables.every((d) => d.depth === 0 && !v.over.includes(d))) found.add(r);
    }
    return among.filter((v): v is Reduce => v.kind === "reduce" && found.has(v));
  }

  /** The last of the innermost variables, unless reductions along their own elements speak against it. */
  private chooseVector(): Variable | null {
    const { traced, builder } = this;
    const axes = this.outer.length > 0 || this.innermost.some((o) => o.isInner) ? traced.inner : traced.domain;
    const candidate = axes.variables.at(-1);
    if (candidate === undefined || builder.lanes === 1) return null;
    const varying = traced.values.filter((v) => v.variables.includes(candidate));
    const reduces = varying.filter((v): v is Reduce => v.kind === "reduce");
    if (reduces.length === 0) return this.isTooShort(candidate, varying) ? null : candidate;
    let columns = 0;
    let rows = 0;
    for (const r of reduces) {
      const bodies = reachable(r.bodies);
      columns += laneCost(bodies, candidate);
      rows += r.over.length === 0 ? laneCost(bodies, candidate) : Math.min(...r.over.map((v) => laneCost(bodies, v)));
    }
    return columns < rows || (columns === rows && candidate.size >= builder.lanes) ? candidate : null;
  }

  /** Whether elements are only moved, and a gather would fill less than half of a vector: one by one is faster then. */
  private isTooShort(candidate: Variable, varying: readonly Value[]): boolean {
    if (2 * candidate.size >= this.builder.lanes || this.traced.values.some((v) => v.kind !== "access")) return false;
    return varying.some((v) => v.kind === "access" && Math.abs(coefficientOf(v.index, candidate)) > 1);
  }

  /** Writes the kernel's body; returns its extent. */
  write(): number {
    const { traced, vector } = this;
    const loops = [...traced.domain.variables];
    if (this.innermost.some((o) => o.isInner))
      return this.rows(
        loops,
        traced.inner.variables.filter((v) => v !== vector),
      );
    if (vector === null) {
      const middle = this.takeMiddle(loops);
      // A very short loop takes the next one along.
      if ((middle[0]?.size ?? shortLoop) < shortLoop) middle.unshift(...this.takeMiddle(loops));
      return this.rows(loops, middle);
    }
    loops.pop();
    if (loops.length === 0) return this.flat(vector);
    const across = this.acrossOf(vector, loops);
    if (across !== null) return this.tiled(vector, loops, across);
    const middle = this.takeMiddle(loops);
    if (middle.length > 0) return this.rows(loops, middle);
    const block = this.copies * this.builder.lanes;
    if (this.columns.length > 0) return this.divided(vector, loops, block);
    const few = loops.reduce((n, v) => n * v.size, 1) < 64;
    if (few && vector.size >= longLoop) return this.divided(vector, loops, Math.ceil(chunk / block) * block);
    return this.rows(loops, []);
  }

  /** One loop only: its blocks are what can be divided. */
  private flat(vector: Variable): number {
    const { builder } = this;
    const { top } = builder;
    const block = this.copies * builder.lanes;
    const whole = Math.floor(vector.size / block);
    const blocks = Math.ceil(vector.size / block);
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

  /** The outer loops are divided; the middle ones and the innermost run whole inside. */
  private rows(loops: readonly Variable[], middle: readonly Variable[]): number {
    const sums = this.innermost.filter((o) => o.isSum);
    if (sums.length > 0) return this.rowsWithSums(loops, middle, sums);
    const sizes = loops.map((v) => v.size);
    return this.flattened(sizes, (frame, at) => this.row(frame, this.bindAll(loops, frame, at), middle));
  }

  /** Those of the outer loops that sums run over stay whole: their turns follow one another. */
  private rowsWithSums(loops: readonly Variable[], middle: readonly Variable[], sums: readonly Output[]): number {
    const { builder } = this;
    const summed = loops.filter((v) => sums.every((o) => !o.index.variables.includes(v)));
    const divided = loops.filter((v) => !summed.includes(v));
    return this.flattened(
      divided.map((v) => v.size),
      (frame, at) => {
        const bindings = this.bindAll(divided, frame, at);
        this.clear(frame, bindings, this.traced.inner.variables, sums);
        const nest = (parent: Frame, bound: readonly Binding[], [variable, ...rest]: readonly Variable[]): void => {
          if (variable === undefined) this.row(parent, bound, middle);
          else
            builder.loop(parent, 0, variable.size, 1, (inner, position) =>
              nest(inner, [...bound, builder.bind(variable, inner, position)], rest),
            );
        };
        nest(frame, bindings, summed);
      },
    );
  }

  /** Sums begin at 0. */
  private clear(frame: Frame, bindings: readonly Binding[], variables: readonly Variable[], sums: readonly Output[]): void {
    const { builder } = this;
    const [variable, ...rest] = variables;
    if (variable === undefined) {
      const environment = builder.empty.with(...bindings);
      const lanes = builder.lanesOf(environment);
      for (const { buffer, index, value } of sums)
        builder.store(frame, buffer, index, x.constant(registerOf(value.dtype, lanes), 0), environment);
      return;
    }
    const isVector = variable === this.vector;
    const step = isVector ? builder.lanes : 1;
    const whole = Math.floor(variable.size / step) * step;
    const bind = (inner: Frame, at: Expression, last: number | null) => [
      ...bindings,
      builder.bind(variable, inner, at, { vector: isVector, last }),
    ];
    builder.loop(frame, 0, whole, step, (inner, at) => this.clear(inner, bind(inner, at, null), rest, sums));
    if (whole < variable.size) this.clear(frame, bind(frame, x.integer(whole), variable.size - 1), rest, sums);
  }

  /** One point of the domain: the loops over the inner axes, and what is stored once. */
  private row(frame: Frame, bindings: readonly Binding[], middle: readonly Variable[]): void {
    const { builder } = this;
    const environment = builder.empty.with(...bindings);
    const outer = this.outer.map((o) => builder.value(o.value, environment));
    this.overMiddle(frame, bindings, middle);
    this.outer.forEach((o, i) => {
      builder.store(frame, o.buffer, o.index, outer[i] as Expression, environment);
    });
  }

  /** An outer loop along which lie the elements that the vector has to gather, if any. */
  private acrossOf(vector: Variable, loops: readonly Variable[]): Variable | null {
    if (this.columns.length > 0 || vector.size < tileSize) return null;
    let best: Variable | null = null;
    let most = 0;
    for (const loop of loops) {
      if (loop.size < tileSize / 2) continue;
      const along = this.traced.values.filter(
        (v) => v.kind === "access" && coefficientOf(v.index, loop) === 1 && Math.abs(coefficientOf(v.index, vector)) > 1,
      );
      if (along.length > most) [best, most] = [loop, along.length];
    }
    return best;
  }

  /**
   * For transposed reads: a few vectors, for each of some neighbouring rows, so that all of a line of cache is used while
   * it is there.
   */
  private tiled(vector: Variable, loops: readonly Variable[], across: Variable): number {
    const { builder } = this;
    const others = loops.filter((v) => v !== across);
    const copies = Math.min(2, this.copies);
    const block = copies * builder.lanes;
    const whole = Math.floor(vector.size / block) * block;
    const tiles = Math.ceil(across.size / tileSize);
    return this.flattened([...others.map((v) => v.size), tiles], (frame, at) => {
      const bindings = this.bindAll(others, frame, at);
      const start = builder.let(frame, x.mul(at.at(-1) as Expression, tileSize));
      const next = x.add(start, tileSize);
      const end = builder.let(frame, across.size % tileSize === 0 ? next : x.min(next, across.size));
      const rows = (parent: Frame, body: (inner: Frame, bindings: readonly Binding[]) => void) =>
        builder.loop(parent, start, end, 1, (inner, position) => body(inner, [...bindings, builder.bind(across, inner, position)]));
      if (whole > 0) {
        builder.loop(frame, 0, whole, block, (outer, base) =>
          rows(outer, (inner, bound) => this.block(inner, bound, base, copies, block, outer)),
        );
      }
      if (whole < vector.size) rows(frame, (inner, bound) => this.tail(inner, bound, whole, builder.top));
    });
  }

  /** The innermost loop in parts of so many elements, whole blocks each, which can be divided like the outer loops. */
  private divided(vector: Variable, loops: readonly Variable[], part: number): number {
    const { builder } = this;
    const { size } = vector;
    const block = this.copies * builder.lanes;
    const whole = Math.floor(size / block) * block;
    const parts = Math.ceil(size / part);
    return this.flattened([...loops.map((v) => v.size), parts], (frame, at) => {
      const bindings = this.bindAll(loops, frame, at);
      const start = builder.let(frame, x.mul(at.at(-1) as Expression, part));
      const until = size % part === 0 ? x.add(start, part) : x.min(x.add(start, part), whole);
      if (whole > 0) builder.loop(frame, start, until, block, (inner, base) => this.block(inner, bindings, base, this.copies));
      if (whole === size) return;
      const last = builder.inside(frame);
      this.tail(last, bindings, whole);
      frame.statements.push(x.branch(x.le(parts - 1, at.at(-1) as Expression), last.statements));
    });
  }

  /** A loop over the flattened sizes from `begin` to `end`, with the position along each. */
  private flattened(sizes: readonly number[], body: (frame: Frame, at: readonly Expression[]) => void): number {
    const { builder } = this;
    const extent = sizes.reduce((a, b) => a * b, 1);
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
    // A short row is written out, so that what its reductions computed is still in registers.
    const isShort = this.outer.length + this.inRows.length > 0 && vector.size < shortRow;
    const whole = isShort ? 0 : Math.floor(vector.size / block);
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
      this.innermost.forEach((o, j) => {
        this.put(frame, o, values[i]?.[j] as Expression, environment);
      });
    });
  }

  private put(frame: Frame, { buffer, index, isSum }: Output, value: Expression, environment: Environment): void {
    if (isSum) this.builder.accumulate(frame, buffer, index, value, environment);
    else this.builder.store(frame, buffer, index, value, environment);
  }

  /** One element of everything, without vectors. */
  private point(frame: Frame, environment: Environment): void {
    const values = this.innermost.map((o) => this.builder.value(o.value, environment));
    this.innermost.forEach((o, i) => {
      this.put(frame, o, values[i] as Expression, environment);
    });
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
