// Where the tiles of a contraction lie, and in which order they come.

import { bytesOf } from "../../graph/dtype.ts";
import type { Target } from "../../graph/kernel.ts";
import type { Node } from "../../graph/node.ts";
import type { ContractTask } from "../../graph/task.ts";
import { type Walk, type WalkView, walkView } from "../../graph/view.ts";
import { InternalError } from "../../util/errors.ts";
import { common, type Depth } from "../walk.ts";

/** Sizes in elements, but where vectors, tiles or panels are named. */
export interface Plan {
  readonly b: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Of one vector. */
  readonly lanes: number;
  /** A tile: so many rows by so many vectors. */
  readonly rows: number;
  readonly vectors: number;
  /** Tiles from top to bottom, and from left to right: a panel is a column of tiles. */
  readonly rowTiles: number;
  readonly panels: number;
  /** Panels of one block, and the blocks; the last one may have fewer. */
  readonly block: number;
  readonly blocks: number;
  readonly left: WalkView;
  /** The right operand where it is read in place; null where it is packed. */
  readonly right: WalkView | null;
  /** Columns that lie side by side in the right operand, and the vectors of one such run: no vector lies in two. */
  readonly run: number;
  readonly perRun: number;
  /** Vectors of the last panel. */
  readonly lastVectors: number;
  /** The runs of k, the outermost first. */
  readonly depths: readonly Depth[];
  /** Numbers for each k in the copy of a tile of the left operand; 0 where it is read in place. */
  readonly copied: number;
}

export function planOf(task: ContractTask, target: Target, lanes: number): Plan {
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
  const vectors = tile.columns / lanes;
  const run = right === null ? n : (right.axes[2]?.at(-1)?.size ?? 1);
  const perRun = Math.ceil(run / lanes);
  const total = (n / Math.max(1, run)) * perRun;
  const panels = Math.ceil(total / vectors);
  const elements = right === null ? Math.max(1, k) * tile.columns : right.base.size / b / panels;
  const most = Math.max(1, Math.floor(target.cache[1] / 2 / (bytesOf(hero.dtype) * elements)));
  const block = Math.ceil(panels / Math.max(1, Math.ceil(panels / most)));
  const depths = common(left.axes[2] as readonly Walk[], right?.axes[1] ?? [{ size: k, stride: tile.columns }]);
  if (depths === null) throw new InternalError(`the operands of contract#${hero.id} walk the contracted axis differently`);
  return {
    b,
    m,
    n,
    k,
    lanes,
    rows: tile.rows,
    vectors,
    rowTiles: Math.ceil(m / tile.rows),
    panels,
    block,
    blocks: Math.ceil(panels / Math.max(1, block)),
    left,
    right,
    run,
    perRun,
    // What is packed is filled up.
    lastVectors: right === null ? vectors : total - (panels - 1) * vectors,
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

/** Whether the vectors of a tile always lie side by side in one run. */
export function isSideBySide({ run, n, perRun, vectors }: Plan): boolean {
  return run === n || perRun % vectors === 0;
}
