// The contraction template: a tile of the result stays in registers while k runs, one row of packed right operand and one
// number of the left at a time: rows × columns multiply-adds for rows + columns loads. k ascends without splits, so the
// order of every sum is fixed by its length alone. Tiles go in blocks of as many column panels as fit half of the second
// cache; inside a block, all panels meet one tile of rows before the next. Whatever follows the product is computed on the
// accumulators before they are stored.
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
import { writeProduct } from "./product.ts";

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
  writeTiles(builder, task, plan, { variables, product: tracer.trace(hero, at), outputs }, buffers.length);
  const { flops, bytes } = costOf(values, task.inputs, task.outputs);
  const { b, m, n, k, rowTiles, block, blocks } = plan;
  const cost = { flops: flops + 2 * b * m * n * k, bytes: bytes + bytesOf(hero.dtype) * b * k * (m + n) };
  const name = `${task.name} ${b > 1 ? `${b} of ` : ""}${m}×${k}·${k}×${n}`;
  const shared = { name, buffers, extent: b * blocks * rowTiles * block, body: builder.top.statements, cost };
  if (plan.copied === 0) return { kernel: shared, scratch: [] };
  // Whoever works on a copy has made it himself.
  const kernel = { ...shared, grain: block };
  const { memory } = buffers[task.inputs.indexOf(plan.left.base)] as KernelBuffer;
  buffers.push({ memory, access: "readwrite" });
  return { kernel, scratch: [b * blocks * rowTiles * k * plan.copied * bytesOf(hero.dtype)] };
}

/** Writes the loop over the tiles. */
function writeTiles(builder: Builder, task: ContractTask, plan: Plan, results: Results, scratch: number): void {
  const { b, m, rows, vectors, lastVectors, rowTiles, panels, block, blocks } = plan;
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

  const right = task.inputs.indexOf(task.packed ?? (plan.right as WalkView).base);
  builder.loop(top, begin, end, 1, (frame) => {
    const work = builder.inside(frame);
    const place = placeOf(builder, task, plan, scratch, work, { batch, first, rowTile, panel, copied });
    const tile = (to: Frame, height: number, width: number) =>
      writeEpilogue(builder, plan, results, to, place, writeProduct(builder, task, right, to, place, height, width));
    either(builder, work, x.lt(rowTile, rowTiles - 1), rowTiles, rows, m - (rowTiles - 1) * rows, (to, height) =>
      either(builder, to, x.lt(panel, panels - 1), panels, vectors, lastVectors, (inner, width) => tile(inner, height, width)),
    );
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
