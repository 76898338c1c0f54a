// The contraction template: a tile of the result stays in registers while k runs, one row of packed right operand and one
// number of the left at a time: rows × columns multiply-adds for rows + columns loads. k ascends, whatever the tile and the
// chunks, so the order of every sum is fixed by its length alone. Tiles go in blocks of as many column panels as fit half of the
// second cache; inside a block, all panels meet one tile of rows before the next, and of a long k one chunk after the other. Whatever
// follows the product is computed on the accumulators before they are stored.
//
// Operands that are read in place may be windows, whose rows, columns and depth are several runs of strides each (walk.ts): a
// convolution reads its input where it lies. A right operand read in place has its columns in runs of stride 1; a vector stays inside
// one of them, but the vectors of a tile may lie in different ones.

import { bytesOf } from "../../graph/dtype.ts";
import { type Expression, type KernelBuffer, lanesOf, type Target } from "../../graph/kernel.ts";
import type { Node } from "../../graph/node.ts";
import { stridesOf } from "../../graph/shape.ts";
import type { ContractTask, Lowered } from "../../graph/task.ts";
import type { WalkView } from "../../graph/view.ts";
import { kernelBuffers } from "../buffers.ts";
import { Builder } from "../builder.ts";
import { costOf } from "../cost.ts";
import * as x from "../expression.ts";
import type { Frame } from "../frames.ts";
import { dot, type Variable } from "../index.ts";
import { reduceHere } from "../reduction.ts";
import { Tracer } from "../trace.ts";
import { reachable } from "../value.ts";
import { type Results, writeEpilogue } from "./epilogue.ts";
import { placeOf } from "./place.ts";
import { type Plan, planOf } from "./plan.ts";
import { accumulatorsOf, writeProduct, writeWaiting } from "./product.ts";

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
  const doubles =
    [hero, ...task.outputs].some((n) => n.dtype === "float64") || values.some((v) => v.dtype === "float64" && v.variables.length > 0);
  const lanes = Math.min(task.tile.lanes ?? target.lanes, lanesOf(target, doubles));
  const plan = planOf(task, target, lanes);
  const builder = new Builder(lanes, values, reduceHere);
  const variables = axes.map((a) => a.variable) as [Variable, Variable, Variable];
  const buffers = kernelBuffers(task);
  const { b, m, n, k, rowTiles, block, blocks, chunks, copy } = plan;
  // Scratch: the copies, and accumulators between chunks.
  const bytes = bytesOf(hero.dtype);
  const scratch: number[] = [];
  const own = (size: number) => buffers.length + scratch.push(b * blocks * rowTiles * size * bytes) - 1;
  const copyBuffer = copy === null ? -1 : own(copy.size);
  const waiting = chunks === 1 ? -1 : own(block * accumulatorsOf(plan));
  writeTiles(builder, task, plan, { variables, product: tracer.trace(hero, at), outputs }, copyBuffer, waiting);
  const { memory } = buffers[task.inputs.indexOf(plan.left.base)] as KernelBuffer;
  const cost = costOf(values, task.inputs, task.outputs);
  const kernel = {
    name: `${task.name} ${b > 1 ? `${b} of ` : ""}${m}×${k}·${k}×${n}`,
    buffers: [...buffers, ...scratch.map((): KernelBuffer => ({ memory, access: "readwrite" }))],
    extent: b * blocks * rowTiles * chunks * block,
    // Whoever works on a copy or on waiting accumulators has made them himself.
    grain: scratch.length === 0 ? 1 : chunks * block,
    body: builder.top.statements,
    cost: { flops: cost.flops + 2 * b * m * n * k, bytes: cost.bytes + bytes * b * k * (m + n) },
  };
  return { kernel, scratch };
}

/** Writes the loop over the tiles. */
function writeTiles(builder: Builder, task: ContractTask, plan: Plan, results: Results, copyBuffer: number, waiting: number): void {
  const { b, m, rows, vectors, lastVectors, rowTiles, panels, block, blocks, chunks } = plan;
  const { top } = builder;
  if (b * rowTiles * panels === 0) return;
  const begin = x.variable("begin", x.indexType);
  const end = x.variable("end", x.indexType);
  const name = (e: Expression) => builder.let(top, e);

  // Where the first tile lies; from there the counters walk.
  const perRow = chunks * block;
  const batch = builder.mutable(top, x.div(begin, blocks * rowTiles * perRow), "batch");
  const inBatch = name(x.rem(begin, blocks * rowTiles * perRow));
  const first = builder.mutable(top, x.mul(x.div(inBatch, rowTiles * perRow), block), "first");
  const inBlock = name(x.rem(inBatch, rowTiles * perRow));
  const rowTile = builder.mutable(top, x.div(inBlock, perRow), "row");
  // Parts begin with a chunk where there are several.
  const chunk = chunks === 1 ? x.integer(0) : builder.mutable(top, x.integer(0), "chunk");
  const panel = builder.mutable(top, chunks === 1 ? x.add(first, x.rem(inBlock, block)) : first, "panel");

  const rightBuffer = task.inputs.indexOf(task.packed ?? (plan.right as WalkView).base);
  const product = { dtype: task.hero.dtype, plan, rightBuffer, waiting, chunk };
  builder.loop(top, begin, end, 1, (frame) => {
    const work = builder.inside(frame);
    const place = placeOf(builder, task, plan, copyBuffer, work, { batch, first, rowTile, chunk, panel });
    const tile = (to: Frame, height: number, width: number) => {
      const sums = writeProduct(builder, product, to, place, height, width);
      const [wait, finish] = [builder.inside(to), chunks === 1 ? to : builder.inside(to)];
      if (chunks > 1) writeWaiting(builder, product, wait, place, sums);
      writeEpilogue(builder, plan, results, finish, place, sums);
      if (chunks > 1) to.statements.push(x.branch(x.lt(chunk, chunks - 1), wait.statements, finish.statements));
    };
    either(builder, work, x.lt(rowTile, rowTiles - 1), rowTiles, rows, m - (rowTiles - 1) * rows, (to, height) =>
      either(builder, to, x.lt(panel, panels - 1), panels, vectors, lastVectors, (inner, width) => tile(inner, height, width)),
    );
    // The last block may have places for more panels than there are.
    if (blocks * block === panels) frame.statements.push(...work.statements);
    else frame.statements.push(x.branch(x.lt(panel, panels), work.statements));
    const nextBatch = [x.set(batch, x.add(batch, 1)), x.set(first, x.integer(0))];
    const nextBlock = [x.set(rowTile, x.integer(0)), x.set(first, x.add(first, block)), x.branch(x.le(panels, first), nextBatch)];
    const nextRow = [x.set(rowTile, x.add(rowTile, 1)), x.branch(x.le(rowTiles, rowTile), nextBlock)];
    const nextChunk =
      chunk.kind !== "variable"
        ? nextRow
        : [x.set(chunk, x.add(chunk, 1)), x.branch(x.le(chunks, chunk), [x.set(chunk, x.integer(0)), ...nextRow])];
    frame.statements.push(x.set(panel, x.add(panel, 1)), x.branch(x.le(x.add(first, block), panel), [...nextChunk, x.set(panel, first)]));
  });
}

/** Writes work of the full size, and of the last one's where that differs. */
function either(
  builder: Builder,
  frame: Frame,
  isNotLast: Expression,
  count: number,
  full: number,
  last: number,
  write: (frame: Frame, size: number) => void,
): void {
  if (count === 1 || full === last) {
    write(frame, last);
    return;
  }
  const [most, end] = [builder.inside(frame), builder.inside(frame)];
  write(most, full);
  write(end, last);
  frame.statements.push(x.branch(isNotLast, most.statements, end.statements));
}
