// Where a tile begins in its operands.
//
// Where the rows of the left operand lie badly for reading them in place (plan.ts), each tile of rows is first copied, chunk by chunk,
// to a place of its own, which all panels of the block then read.

import type { Expression } from "../../graph/kernel.ts";
import type { ContractTask } from "../../graph/task.ts";
import type { Walk, WalkView } from "../../graph/view.ts";
import { type Builder, registerOf } from "../builder.ts";
import * as x from "../expression.ts";
import type { Frame } from "../frames.ts";
import { type Depth, offsetAlong } from "../walk.ts";
import { isSideBySide, type Plan } from "./plan.ts";

export type Mutable = Expression & { readonly kind: "variable" };

/** Which tile it is. */
export interface Counters {
  readonly batch: Expression;
  /** The first panel of the block. */
  readonly first: Expression;
  readonly rowTile: Expression;
  /** Of k. */
  readonly chunk: Expression;
  readonly panel: Expression;
}

/** A place in a buffer: an offset that depends on the tile, and a constant beyond it. */
export interface Start {
  readonly from: Expression;
  readonly beyond: number;
}

/** A tile, and its beginnings in the operands. */
export interface Place {
  readonly batch: Expression;
  readonly row: Expression;
  readonly panel: Expression;
  /** The buffer of the left operand, and where each row begins. */
  readonly buffer: number;
  readonly rows: readonly Start[];
  /** Where each vector of columns begins. */
  readonly columns: readonly Start[];
  readonly depths: readonly Depth[];
  /** The number of the block's row of tiles among all, and that of the tile in it. */
  readonly slot: Expression;
  readonly inBlock: Expression;
}

/** Finds where a tile lies, and copies its rows of the left operand where they are first needed. `scratch`: the copy's buffer. */
export function placeOf(builder: Builder, task: ContractTask, plan: Plan, scratch: number, frame: Frame, at: Counters): Place {
  const name = (e: Expression) => builder.let(frame, e);
  const { batch, panel, rowTile } = at;
  const row = name(x.mul(rowTile, plan.rows));
  // Chunks are of a single run of k.
  const depth = plan.chunks === 1 ? x.integer(0) : name(x.mul(at.chunk, plan.chunk));
  const columns = columnsOf(plan, batch, panel, x.mul(depth, plan.depths[0]?.right ?? 0), name);
  const buffer = task.inputs.indexOf(plan.left.base);
  const block = name(x.add(x.mul(batch, plan.blocks), x.div(at.first, plan.block)));
  const slot = name(x.add(x.mul(block, plan.rowTiles), rowTile));
  const inBlock = name(x.sub(panel, at.first));
  const place = { batch, row, panel, columns, slot, inBlock, depths: plan.depths };
  const [batches, walks, along] = plan.left.axes as [readonly Walk[], readonly Walk[], readonly Walk[]];
  const inBatch = x.add(offsetAlong(batches, batch, name), plan.left.offset);
  const count = Math.min(plan.rows, plan.m);
  if (walks.length > 1) {
    const rows = Array.from({ length: count }, (_, r) => ({
      from: name(x.add(inBatch, offsetAlong(walks, name(x.add(row, r)), name))),
      beyond: 0,
    }));
    return { ...place, buffer, rows };
  }
  const apart = (from: Expression, stride: number) => Array.from({ length: count }, (_, r) => ({ from, beyond: r * stride }));
  const [byRow, byDepth] = [walks[0]?.stride ?? 0, along[0]?.stride ?? 0];
  const start = name(x.add(inBatch, x.mul(depth, byDepth)));
  const inPlace = name(x.add(x.mul(row, byRow), start));
  const { copy } = plan;
  if (copy === null) return { ...place, buffer, rows: apart(inPlace, byRow) };

  const to = name(x.mul(slot, copy.size));
  const copying = builder.inside(frame);
  const length = plan.chunks === 1 ? x.integer(plan.chunk) : builder.let(copying, x.min(x.sub(plan.k, depth), plan.chunk));
  const move = (inner: Frame, target: Expression, source: Expression) => {
    const value = x.load(buffer, registerOf(task.hero.dtype, plan.lanes), source);
    inner.statements.push({ kind: "store", buffer: scratch, index: target, value });
  };
  if (copy.byRow === 1) {
    builder.loop(copying, 0, length, 1, (inner, k) => {
      const source = builder.let(inner, x.add(inPlace, x.mul(k, byDepth)));
      const target = builder.let(inner, x.add(to, x.mul(k, copy.byDepth)));
      for (let i = 0; i < plan.rows; i += plan.lanes) move(inner, x.add(target, i), x.add(source, i));
    });
  } else {
    // Behind the last row, the last one again.
    const sources = Array.from({ length: count }, (_, r) =>
      builder.let(copying, x.add(x.mul(x.min(x.add(row, r), plan.m - 1), byRow), start)),
    );
    builder.loop(copying, 0, length, plan.lanes, (inner, k) => {
      const target = builder.let(inner, x.add(to, k));
      sources.forEach((source, r) => {
        move(inner, x.add(target, r * copy.byRow), x.add(source, k));
      });
    });
  }
  frame.statements.push(x.branch(x.eq(panel, at.first), copying.statements));
  const depths = plan.depths.map(({ size, right }, i) => {
    const inner = plan.depths.slice(i + 1).reduce((product, d) => product * d.size, 1);
    return { size, left: copy.byDepth * inner, right };
  });
  return { ...place, buffer: scratch, rows: apart(to, copy.byRow), depths };
}

/** Where each vector of a panel begins in the right operand; `depth`: how far down. */
function columnsOf(plan: Plan, batch: Expression, panel: Expression, depth: Expression, name: (e: Expression) => Expression): Start[] {
  const { right, panels, k, lanes, vectors } = plan;
  const sideBySide = (from: Expression) => Array.from({ length: vectors }, (_, j) => ({ from, beyond: j * lanes }));
  if (right === null) return sideBySide(name(x.add(x.mul(x.add(x.mul(batch, panels), panel), k * vectors * lanes), depth)));
  const [batches, , walks] = right.axes as WalkView["axes"] & readonly [readonly Walk[], readonly Walk[], readonly Walk[]];
  const inBatch = name(x.add(x.add(offsetAlong(batches, batch, name), depth), right.offset));
  const at = ({ run, inRun }: Position) => name(x.add(x.add(inBatch, offsetAlong(walks.slice(0, -1), run, name)), x.mul(inRun, lanes)));
  if (isSideBySide(plan)) return sideBySide(at(positionOf(plan, panel, 0, name)));
  return Array.from({ length: vectors }, (_, j) => ({ from: at(positionOf(plan, panel, j, name)), beyond: 0 }));
}

/** The run that a vector lies in, and its number in it. */
export interface Position {
  readonly run: Expression;
  readonly inRun: Expression;
}

/** Where vector `j` of a panel lies among the runs of columns. */
export function positionOf(plan: Plan, panel: Expression, j: number, name: (e: Expression) => Expression): Position {
  const { run, n, perRun, vectors } = plan;
  const vector = name(x.add(x.mul(panel, vectors), j));
  if (run === n) return { run: x.integer(0), inRun: vector };
  return { run: name(x.div(vector, perRun)), inRun: name(x.rem(vector, perRun)) };
}
