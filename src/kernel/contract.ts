// The contraction template: a tile of the result stays in registers while k runs, one row of packed right operand and one
// number of the left at a time: rows × columns multiply-adds for rows + columns loads. k ascends without splits, so the
// order of every sum is fixed by its length alone. Tiles go in blocks of as many column panels as fit half of the second
// cache; inside a block, all panels meet one tile of rows before the next. Whatever follows the product is computed on the
// accumulators before they are stored.
//
// Operands that are read in place may be windows, whose rows, columns and depth are several runs of strides each (walk.ts): a
// convolution reads its input where it lies. A right operand read in place has its columns in runs of stride 1, and a tile stays inside one
// of them.
//
// A left operand whose rows are not contiguous along k (the transposed activations of every weight gradient) would touch a
// line of cache for each k, often all in the same few sets: each tile of its rows is first copied to a place of its own,
// [k][rows], which all panels of the block then read.

import { bytesOf } from "../graph/dtype.ts";
import type { Expression, KernelBuffer, Target } from "../graph/kernel.ts";
import type { Node } from "../graph/node.ts";
import { stridesOf } from "../graph/shape.ts";
import type { ContractTask, Lowered } from "../graph/task.ts";
import { type Walk, type WalkView, walkView } from "../graph/view.ts";
import { InternalError } from "../util/errors.ts";
import { kernelBuffers } from "./buffers.ts";
import { Builder, registerOf } from "./builder.ts";
import { costOf } from "./cost.ts";
import * as x from "./expression.ts";
import type { Binding, Environment, Frame } from "./frames.ts";
import { dot, type Index, type Variable } from "./index.ts";
import { reduceHere } from "./reduction.ts";
import { Tracer } from "./trace.ts";
import { reachable, type Value } from "./value.ts";
import { common, type Depth, offsetAlong } from "./walk.ts";

/** Steps of k in one turn of the loop. */
const unrolled = 4;
/** Runs of k up to so long are written out whole. */
const writtenOut = 12;

/** Where tiles lie: sizes in tiles, and the order in which they come. */
interface Plan {
  readonly b: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly rows: number;
  readonly columns: number;
  readonly rowTiles: number;
  readonly panels: number;
  /** Panels of one block, and the blocks; the last one may have fewer. */
  readonly block: number;
  readonly blocks: number;
  readonly left: WalkView;
  /** The right operand where it is read in place; null where it is packed. */
  readonly right: WalkView | null;
  /** The columns that lie side by side in the right operand, and the tiles of one such run. */
  readonly run: number;
  readonly perRun: number;
  /** The runs of k, the outermost first. */
  readonly depths: readonly Depth[];
  /** Numbers for each k in the copy of a tile of the left operand; 0 where it is read in place. */
  readonly copied: number;
}

type Mutable = Expression & { readonly kind: "variable" };

export function lowerContract(task: ContractTask, target: Target, checkOf: (node: Node<"checkBounds">) => number): Lowered {
  const { hero } = task;
  const tracer = new Tracer(task.inputs, task.outputs, checkOf, new Map(), hero);
  // A variable for each, whatever its size, so that every vector of a tile has bindings of its own.
  const axes = ["b", "m", "n"].map((name, i) => tracer.atoms.variable(name, hero.shape[i] as number, 0));
  const at = axes.map((a) => a.index);
  const flat = dot(at, stridesOf(hero.shape));
  const outputs = task.outputs.map((node, i) => ({
    buffer: task.inputs.length + i,
    value: tracer.trace(node, tracer.atoms.reshape(at, hero.shape, node.shape)),
    index: flat,
  }));
  const values = reachable(outputs.map((o) => o.value));
  const doubles = hero.dtype === "float64" || values.some((v) => v.dtype === "float64" && v.variables.length > 0);
  const lanes = doubles ? 1 : target.lanes;
  const plan = planOf(task, target, lanes);
  const builder = new Builder(lanes, values, reduceHere);
  const variables = axes.map((a) => a.variable) as [Variable, Variable, Variable];
  const buffers = kernelBuffers(task);
  new Contraction(builder, task, plan, variables, outputs, tracer.trace(hero, at), buffers.length).write();
  const { flops, bytes } = costOf(values, task.inputs, task.outputs);
  const { b, m, n, k, rowTiles, block, blocks } = plan;
  const cost = { flops: flops + 2 * b * m * n * k, bytes: bytes + 4 * b * k * (m + n) };
  const shared = { name: task.name, buffers, extent: b * blocks * rowTiles * block, body: builder.top.statements, cost };
  if (plan.copied === 0) return { kernel: shared, scratch: [] };
  // Whoever works on a copy has made it himself.
  const kernel = { ...shared, grain: block };
  const { memory } = buffers[task.inputs.indexOf(plan.left.base)] as KernelBuffer;
  buffers.push({ memory, access: "readwrite" });
  return { kernel, scratch: [b * blocks * rowTiles * k * plan.copied * bytesOf(hero.dtype)] };
}

function planOf(task: ContractTask, target: Target, lanes: number): Plan {
  const { hero, tile } = task;
  const viewOf = (side: 0 | 1): WalkView => {
    const view = walkView(hero.inputs[side] as Node, (node) => task.inputs.includes(node));
    if (view === null) throw new InternalError(`operand ${side} of contract#${hero.id} is no view of an input`);
    return view;
  };
  const left = viewOf(0);
  const right = task.packed === null ? viewOf(1) : null;
  const [b, m, n] = hero.shape as [number, number, number];
  const k = (hero.inputs[0] as Node).shape[2] as number;
  const run = right === null ? n : (right.axes[2]?.at(-1)?.size ?? 1);
  const perRun = Math.ceil(run / tile.columns);
  const panels = (n / run) * perRun;
  const bytes = right === null ? 4 * Math.max(1, k) * tile.columns : (4 * right.base.size) / b / panels;
  const most = Math.max(1, Math.floor(target.cache[1] / 2 / bytes));
  const block = Math.ceil(panels / Math.max(1, Math.ceil(panels / most)));
  const depths = common(left.axes[2] as readonly Walk[], right?.axes[1] ?? [{ size: k, stride: tile.columns }]);
  if (depths === null) throw new InternalError(`the operands of contract#${hero.id} walk the contracted axis differently`);
  return {
    b,
    m,
    n,
    k,
    rows: tile.rows,
    columns: tile.columns,
    rowTiles: Math.ceil(m / tile.rows),
    panels,
    block,
    blocks: Math.ceil(panels / Math.max(1, block)),
    left,
    right,
    run,
    perRun,
    depths,
    copied: isWorthCopying(left, panels) ? Math.ceil(tile.rows / lanes) * lanes : 0,
  };
}

/** Copying costs about as much as one panel; strides of large powers of two cost several times that. */
function isWorthCopying({ axes }: WalkView, panels: number): boolean {
  if (axes.some((walks) => walks.length > 1)) return false;
  const [, byRow = 0, byDepth = 0] = axes.map((walks) => walks[0]?.stride);
  return byRow === 1 && byDepth !== 1 && panels >= (byDepth % 256 === 0 ? 2 : 6);
}

/** Where a tile lies: its coordinates, and its beginnings in the operands. */
interface Place {
  readonly batch: Expression;
  readonly row: Expression;
  readonly panel: Expression;
  readonly right: Expression;
  /** The tile's number in its run of columns. */
  readonly inRun: Expression;
  readonly left: Expression;
  /** The buffer of the left operand. */
  readonly buffer: number;
  /** What each row adds: a number where rows are equally far apart, else for each row an expression that depends on the tile. */
  readonly byRow: number | readonly Expression[];
  readonly depths: readonly Depth[];
}

/** A result of the task. */
interface Output {
  readonly buffer: number;
  readonly value: Value;
  readonly index: Index;
}

class Contraction {
  private readonly builder: Builder;
  private readonly task: ContractTask;
  private readonly plan: Plan;
  /** b, m and n. */
  private readonly variables: readonly [Variable, Variable, Variable];
  private readonly outputs: readonly Output[];
  private readonly hero: Value;
  /** The buffer of the left operand's copy. */
  private readonly scratch: number;

  constructor(
    builder: Builder,
    task: ContractTask,
    plan: Plan,
    variables: readonly [Variable, Variable, Variable],
    outputs: readonly Output[],
    hero: Value,
    scratch: number,
  ) {
    this.builder = builder;
    this.task = task;
    this.plan = plan;
    this.variables = variables;
    this.outputs = outputs;
    this.hero = hero;
    this.scratch = scratch;
  }

  write(): void {
    const { builder, plan } = this;
    const { b, m, rows, rowTiles, panels, block, blocks } = plan;
    const { top } = builder;
    if (b * rowTiles * panels === 0) return;
    const begin = x.variable("begin", x.indexType);
    const end = x.variable("end", x.indexType);
    const name = (e: Expression) => builder.let(top, e);

    // Where the first tile lies; from there the counters walk.
    const perBatch = blocks * rowTiles * block;
    const batch = builder.mutable(top, x.div(begin, perBatch), "batch");
    const inBatch = name(x.rem(begin, perBatch));
    const first = builder.mutable(top, x.mul(x.div(inBatch, rowTiles * block), block), "first");
    const inBlock = name(x.rem(inBatch, rowTiles * block));
    const rowTile = builder.mutable(top, x.div(inBlock, block), "row");
    const panel = builder.mutable(top, x.add(first, x.rem(inBlock, block)), "panel");
    const copied = plan.copied === 0 ? null : builder.mutable(top, x.integer(-1), "copied");

    builder.loop(top, begin, end, 1, (frame) => {
      const edge = m % rows;
      const work = builder.inside(frame);
      const at = this.start(work, batch, first, rowTile, panel, copied);
      const full = builder.inside(work);
      this.columns(full, at, rows);
      if (edge === 0) work.statements.push(...full.statements);
      else {
        const partial = builder.inside(work);
        this.columns(partial, at, edge);
        if (rowTiles === 1) work.statements.push(...partial.statements);
        else work.statements.push(x.branch(x.lt(rowTile, rowTiles - 1), full.statements, partial.statements));
      }
      // The last block may have places for more panels than there are.
      if (blocks * block === panels) frame.statements.push(...work.statements);
      else frame.statements.push(x.branch(x.lt(panel, panels), work.statements));
      const nextBatch = [x.set(batch, x.add(batch, 1)), x.set(first, x.integer(0))];
      const nextBlock = [x.set(rowTile, x.integer(0)), x.set(first, x.add(first, block)), x.branch(x.le(panels, first), nextBatch)];
      frame.statements.push(
        x.set(panel, x.add(panel, 1)),
        x.branch(x.le(x.add(first, block), panel), [
          x.set(rowTile, x.add(rowTile, 1)),
          x.branch(x.le(rowTiles, rowTile), nextBlock),
          x.set(panel, first),
        ]),
      );
    });
  }

  /** Where a tile begins in its operands; copies its rows of the left one if this has not just been done. */
  private start(frame: Frame, batch: Expression, first: Expression, rowTile: Expression, panel: Expression, copied: Mutable | null): Place {
    const { builder, plan } = this;
    const { lanes } = builder;
    const [batches, walks, depth] = plan.left.axes as [readonly Walk[], readonly Walk[], readonly Walk[]];
    const name = (e: Expression) => builder.let(frame, e);
    const row = name(x.mul(rowTile, plan.rows));
    const inRun = plan.perRun === plan.panels ? panel : name(x.rem(panel, plan.perRun));
    const right = this.rightStart(batch, panel, inRun, name);
    const buffer = this.task.inputs.indexOf(plan.left.base);
    const at = { batch, row, panel, right, inRun, depths: plan.depths };
    const inBatch = x.add(offsetAlong(batches, batch, name), plan.left.offset);
    if (walks.length > 1) {
      const rows = Array.from({ length: Math.min(plan.rows, plan.m) }, (_, r) =>
        name(x.add(inBatch, offsetAlong(walks, name(x.add(row, r)), name))),
      );
      return { ...at, buffer, left: x.integer(0), byRow: rows };
    }
    const byRow = walks[0]?.stride ?? 0;
    const inPlace = name(x.add(x.mul(row, byRow), inBatch));
    if (copied === null) return { ...at, buffer, left: inPlace, byRow };
    const byDepth = depth[0]?.stride ?? 0;

    const block = name(x.add(x.mul(batch, plan.blocks), x.div(first, plan.block)));
    const slot = name(x.add(x.mul(block, plan.rowTiles), rowTile));
    const left = name(x.mul(slot, plan.k * plan.copied));
    const copy = builder.inside(frame);
    builder.loop(copy, 0, plan.k, 1, (inner, depth) => {
      const from = builder.let(inner, x.add(inPlace, x.mul(depth, byDepth)));
      const to = builder.let(inner, x.add(left, x.mul(depth, plan.copied)));
      for (let i = 0; i < plan.copied; i += lanes) {
        const value = x.load(buffer, registerOf(this.task.hero.dtype, lanes), x.add(from, i));
        inner.statements.push({ kind: "store", buffer: this.scratch, index: x.add(to, i), value });
      }
    });
    copy.statements.push(x.set(copied, slot));
    frame.statements.push(x.branch(x.ne(slot, copied), copy.statements));
    const depths = plan.depths.map(({ size, right: step }, i) => {
      const inner = plan.depths.slice(i + 1).reduce((product, d) => product * d.size, 1);
      return { size, left: plan.copied * inner, right: step };
    });
    return { ...at, buffer: this.scratch, left, byRow: 1, depths };
  }

  /** Where a panel of columns begins in the right operand. */
  private rightStart(batch: Expression, panel: Expression, inRun: Expression, name: (e: Expression) => Expression): Expression {
    const { right, panels, k, columns, perRun } = this.plan;
    if (right === null) return name(x.mul(x.add(x.mul(batch, panels), panel), k * columns));
    const [batches, , walks] = right.axes as [readonly Walk[], readonly Walk[], readonly Walk[]];
    const inBatch = x.add(offsetAlong(batches, batch, name), right.offset);
    const run = offsetAlong(walks.slice(0, -1), name(x.div(panel, perRun)), name);
    return name(x.add(x.add(inBatch, run), x.mul(inRun, columns)));
  }

  /** One tile of so many rows, of fewer vectors at the end of a run of columns. */
  private columns(frame: Frame, at: Place, rows: number): void {
    const { builder, plan } = this;
    const { lanes } = builder;
    const vectors = plan.columns / lanes;
    const last = Math.ceil((plan.run - (plan.perRun - 1) * plan.columns) / lanes);
    if (plan.right === null || last === vectors) {
      this.tile(frame, at, rows, vectors);
      return;
    }
    const partial = builder.inside(frame);
    this.tile(partial, at, rows, last);
    if (plan.perRun === 1) frame.statements.push(...partial.statements);
    else {
      const full = builder.inside(frame);
      this.tile(full, at, rows, vectors);
      frame.statements.push(x.branch(x.lt(at.inRun, plan.perRun - 1), full.statements, partial.statements));
    }
  }

  /** One tile of so many rows and vectors. */
  private tile(frame: Frame, at: Place, rows: number, vectors: number): void {
    const { builder, plan, task } = this;
    const { lanes } = builder;
    const rightBuffer = task.inputs.indexOf(task.packed ?? (plan.right as WalkView).base);
    const scalar = registerOf(task.hero.dtype, 1);
    const vector = registerOf(task.hero.dtype, lanes);
    const name = (to: Frame, e: Expression) => builder.let(to, e);
    const sums = Array.from({ length: rows }, () =>
      Array.from({ length: vectors }, (): Mutable => builder.mutable(frame, x.constant(vector, 0), "sum")),
    );

    /** Multiplies and adds at so many positions of k, whose distances from `left` and `right` are known. */
    const steps = (to: Frame, left: Expression, right: Expression, positions: readonly { left: number; right: number }[]) => {
      const { byRow } = at;
      const a = typeof byRow === "number" ? [name(to, left)] : byRow.slice(0, rows).map((row) => name(to, x.add(row, left)));
      const b = name(to, right);
      for (const position of positions) {
        const values = Array.from({ length: vectors }, (_, j) =>
          name(to, x.load(rightBuffer, vector, x.add(b, position.right + j * lanes))),
        );
        for (let r = 0; r < rows; r++) {
          const start = typeof byRow === "number" ? x.add(a[0] as Expression, r * byRow) : (a[r] as Expression);
          const spread = name(to, x.splat(x.load(at.buffer, scalar, x.add(start, position.left)), lanes));
          values.forEach((value, j) => {
            const sum = sums[r]?.[j] as Mutable;
            to.statements.push(x.set(sum, x.fma(spread, value, sum)));
          });
        }
      }
    };
    const { outer, looped, inner } = splitDepths(at.depths);
    const walk = (to: Frame, left: Expression, right: Expression, rest: readonly Depth[]): void => {
      const [depth, ...more] = rest;
      if (depth !== undefined) {
        builder.loop(to, 0, depth.size, 1, (body, i) =>
          walk(body, x.add(left, x.mul(i, depth.left)), x.add(right, x.mul(i, depth.right)), more),
        );
        return;
      }
      if (looped === null) {
        steps(to, left, right, positionsOf(inner));
        return;
      }
      const some = (count: number) => positionsOf([{ ...looped, size: count }]);
      const along = (i: Expression) => [x.add(left, x.mul(i, looped.left)), x.add(right, x.mul(i, looped.right))] as const;
      const whole = Math.floor(looped.size / unrolled) * unrolled;
      if (whole > 0) builder.loop(to, 0, whole, unrolled, (body, i) => steps(body, ...along(i), some(unrolled)));
      if (whole < looped.size) steps(to, ...along(x.integer(whole)), some(looped.size - whole));
    };
    walk(frame, at.left, at.right, outer);
    this.epilogue(frame, at, sums);
  }

  /** The outputs of a tile from its accumulators. */
  private epilogue(frame: Frame, { batch, row, panel, inRun }: Place, sums: readonly (readonly Mutable[])[]): void {
    const { builder, plan } = this;
    const { lanes } = builder;
    const [b, m, n] = this.variables;
    const exact = plan.run % plan.columns === 0;
    const start = x.mul(inRun, plan.columns);
    const column = builder.let(
      frame,
      exact || plan.perRun === plan.panels ? x.mul(panel, plan.columns) : x.add(x.mul(x.div(panel, plan.perRun), plan.run), start),
    );
    const inBatch = builder.bind(b, frame, batch);
    const firstRow = builder.bind(m, frame, row);
    const firstColumn = builder.bind(n, frame, column, { vector: true });
    // Behind the last column, work goes on at a safe place and is not stored.
    const columns = (sums[0] as readonly Mutable[]).map((_, j) => {
      const offset = j * lanes;
      if (exact) return builder.bind(n, frame, column, { offset, vector: true, sharing: firstColumn });
      const safe = builder.let(frame, x.min(x.add(column, offset), plan.n - 1));
      return builder.bind(n, frame, safe, { vector: true, last: plan.n - 1 });
    });
    const counts = columns.map((_, j) => (exact ? null : builder.let(frame, x.sub(x.sub(plan.run, start), j * lanes))));
    sums.forEach((vectors, r) => {
      const inRow = builder.bind(m, frame, row, { offset: r, sharing: firstRow });
      const environments = vectors.map((sum, j) => {
        const environment = builder.empty.with(inBatch, inRow, columns[j] as Binding);
        builder.define(this.hero, environment, sum);
        return environment;
      });
      const values = environments.map((e) => this.outputs.map((o) => builder.spread(o.value, e)));
      environments.forEach((environment, j) => {
        this.store(frame, environment, values[j] as readonly Expression[], counts[j] as Expression | null);
      });
    });
  }

  private store(frame: Frame, environment: Environment, values: readonly Expression[], count: Expression | null): void {
    const { builder } = this;
    const to = count === null ? frame : builder.inside(frame);
    this.outputs.forEach(({ buffer, index }, i) => {
      const store = { kind: "store", buffer, index: builder.scalarIndex(index, environment), value: values[i] as Expression } as const;
      to.statements.push(count === null ? store : { ...store, count });
    });
    if (count !== null) frame.statements.push(x.branch(x.lt(0, count), to.statements));
  }
}

/**
 * How the runs of k are written: `outer` as loops, then either the last run as a loop of a few steps a turn (`looped`), or all of
 * the `inner` ones written out.
 */
function splitDepths(depths: readonly Depth[]): { outer: readonly Depth[]; looped: Depth | null; inner: readonly Depth[] } {
  const last = depths.at(-1);
  if (last === undefined || last.size > writtenOut || depths.length === 1)
    return { outer: depths.slice(0, -1), looped: last ?? null, inner: [] };
  let first = depths.length - 1;
  let product = last.size;
  for (; first > 0 && product * (depths[first - 1] as Depth).size <= writtenOut; first--) product *= (depths[first - 1] as Depth).size;
  return { outer: depths.slice(0, first), looped: null, inner: depths.slice(first) };
}

/** The distances of all positions of some runs. */
function positionsOf(depths: readonly Depth[]): { left: number; right: number }[] {
  return depths.reduce(
    (positions, d) =>
      positions.flatMap((p) => Array.from({ length: d.size }, (_, i) => ({ left: p.left + i * d.left, right: p.right + i * d.right }))),
    [{ left: 0, right: 0 }],
  );
}
