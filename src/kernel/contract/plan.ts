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
  /** Steps of k that all panels of a block make before the next ones, and how many times; the last time may have fewer. */
  readonly chunk: number;
  readonly chunks: number;
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
  /** How a tile of the left operand is copied; null where it is read in place. */
  readonly copy: Copy | null;
}

/** A copy of a tile's rows over one chunk: element (row, k) lies at row · byRow + k · byDepth. */
export interface Copy {
  readonly size: number;
  readonly byRow: number;
  readonly byDepth: number;
}

/** From so many steps of k on, they go in chunks of about so many: copied tiles of that length stay in the first cache. */
const longDepth = 1000;
const chunkDepth = 320;
/** Parts that threads should find at least. */
const fewParts = 16;

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
  const depths = common(left.axes[2] as readonly Walk[], right?.axes[1] ?? [{ size: k, stride: tile.columns }]);
  if (depths === null) throw new InternalError(`the operands of contract#${hero.id} walk the contracted axis differently`);
  const chunks = right === null && depths.length === 1 && k >= longDepth ? Math.ceil(k / chunkDepth) : 1;
  const chunk = chunks === 1 ? k : Math.ceil(k / chunks / 16) * 16;
  const elements = right === null ? Math.max(1, chunk) * tile.columns : right.base.size / b / panels;
  const most = Math.max(1, Math.floor(target.cache[1] / 2 / (bytesOf(hero.dtype) * elements)));
  const rowTiles = Math.ceil(m / tile.rows);
  const copy = copyOf(left, tile.rows, chunk, lanes, Math.min(most, panels));
  // Chunks and copies are shared by the panels of a block, which then are the work of one thread.
  const parts = chunks > 1 || copy !== null ? Math.ceil(fewParts / (b * rowTiles)) : 1;
  const block = Math.ceil(panels / Math.max(1, Math.ceil(panels / most), Math.min(panels, parts)));
  return {
    b,
    m,
    n,
    k,
    lanes,
    rows: tile.rows,
    vectors,
    rowTiles,
    panels,
    block,
    blocks: Math.ceil(panels / Math.max(1, block)),
    chunk,
    chunks: Math.max(1, Math.ceil(k / Math.max(1, chunk))),
    left,
    right,
    run,
    perRun,
    // What is packed is filled up.
    lastVectors: right === null ? vectors : total - (panels - 1) * vectors,
    depths,
    copy,
  };
}

/**
 * Rows that are contiguous across k, not along it, touch a line of cache for each step; and rows that lie powers of two apart meet in
 * few sets of the cache. Copying costs about as much as one panel in the first case, if not more, and little in the second.
 */
function copyOf({ axes }: WalkView, rows: number, chunk: number, lanes: number, panels: number): Copy | null {
  if (axes.some((walks) => walks.length > 1)) return null;
  const [, byRow = 0, byDepth = 0] = axes.map((walks) => walks[0]?.stride);
  if (byRow === 1 && byDepth !== 1 && panels >= (byDepth % 256 === 0 ? 2 : 6)) {
    const width = Math.ceil(rows / lanes) * lanes;
    return { size: width * chunk, byRow: 1, byDepth: width };
  }
  // The first cache has sets for 4 KB, each of 8 lines or so, of which the right operand needs some.
  const sameSet = rows / (1024 / powerOfTwoIn(byRow));
  if (byDepth === 1 && sameSet > 4 && panels >= 4) {
    const apart = Math.ceil(chunk / 16) * 16 + 16;
    return { size: rows * apart, byRow: apart, byDepth: 1 };
  }
  return null;
}

/** The largest power of two that divides a stride, up to 1024; 1 for none. */
function powerOfTwoIn(stride: number): number {
  let power = 1;
  while (power < 1024 && stride > 0 && stride % (2 * power) === 0) power *= 2;
  return power;
}

/** Whether the vectors of a tile always lie side by side in one run. */
export function isSideBySide({ run, n, perRun, vectors }: Plan): boolean {
  return run === n || perRun % vectors === 0;
}
