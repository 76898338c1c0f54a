// Where a tile begins in its operands.
//
// A left operand whose rows are not contiguous along k (the transposed activations of every weight gradient) would touch a
// line of cache for each k, often all in the same few sets: each tile of its rows is first copied to a place of its own,
// [k][rows], which all panels of the block then read.

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
  readonly panel: Expression;
  /** The number of the tile of rows that was copied last; null where none are. */
  readonly copied: Mutable | null;
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
}

/** Finds where a tile lies, and copies its rows of the left operand if this has not just been done. `scratch`: the copy's buffer. */
export function placeOf(builder: Builder, task: ContractTask, plan: Plan, scratch: number, frame: Frame, at: Counters): Place {
  const name = (e: Expression) => builder.let(frame, e);
  const { batch, panel, rowTile, copied } = at;
  const row = name(x.mul(rowTile, plan.rows));
  const columns = columnsOf(plan, batch, panel, name);
  const buffer = task.inputs.indexOf(plan.left.base);
  const place = { batch, row, panel, columns };
  const [batches, walks, along] = plan.left.axes as [readonly Walk[], readonly Walk[], readonly Walk[]];
  const inBatch = x.add(offsetAlong(batches, batch, name), plan.left.offset);
  const count = Math.min(plan.rows, plan.m);
  if (walks.length > 1) {
    const rows = Array.from({ length: count }, (_, r) => ({
      from: name(x.add(inBatch, offsetAlong(walks, name(x.add(row, r)), name))),
      beyond: 0,
    }));
    return { ...place, buffer, rows, depths: plan.depths };
  }
  const apart = (from: Expression, stride: number) => Array.from({ length: count }, (_, r) => ({ from, beyond: r * stride }));
  const byRow = walks[0]?.stride ?? 0;
  const inPlace = name(x.add(x.mul(row, byRow), inBatch));
  if (copied === null) return { ...place, buffer, rows: apart(inPlace, byRow), depths: plan.depths };

  const block = name(x.add(x.mul(batch, plan.blocks), x.div(at.first, plan.block)));
  const slot = name(x.add(x.mul(block, plan.rowTiles), rowTile));
  const copy = name(x.mul(slot, plan.k * plan.copied));
  const copying = builder.inside(frame);
  const register = registerOf(task.hero.dtype, plan.lanes);
  builder.loop(copying, 0, plan.k, 1, (inner, depth) => {
    const from = builder.let(inner, x.add(inPlace, x.mul(depth, along[0]?.stride ?? 0)));
    const to = builder.let(inner, x.add(copy, x.mul(depth, plan.copied)));
    for (let i = 0; i < plan.copied; i += plan.lanes)
      inner.statements.push({ kind: "store", buffer: scratch, index: x.add(to, i), value: x.load(buffer, register, x.add(from, i)) });
  });
  copying.statements.push(x.set(copied, slot));
  frame.statements.push(x.branch(x.ne(slot, copied), copying.statements));
  const depths = plan.depths.map(({ size, right }, i) => {
    const inner = plan.depths.slice(i + 1).reduce((product, d) => product * d.size, 1);
    return { size, left: plan.copied * inner, right };
  });
  return { ...place, buffer: scratch, rows: apart(copy, 1), depths };
}

/** Where each vector of a panel begins in the right operand. */
function columnsOf(plan: Plan, batch: Expression, panel: Expression, name: (e: Expression) => Expression): Start[] {
  const { right, panels, k, lanes, vectors } = plan;
  const sideBySide = (from: Expression) => Array.from({ length: vectors }, (_, j) => ({ from, beyond: j * lanes }));
  if (right === null) return sideBySide(name(x.mul(x.add(x.mul(batch, panels), panel), k * vectors * lanes)));
  const [batches, , walks] = right.axes as WalkView["axes"] & readonly [readonly Walk[], readonly Walk[], readonly Walk[]];
  const inBatch = name(x.add(offsetAlong(batches, batch, name), right.offset));
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
