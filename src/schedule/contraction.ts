// Contractions, brought to the two forms that the rest of the compiler knows. Small ones, products of vectors and all that
// is no float become products summed by `reduceSum`, which fuse with their neighbours. Others become a *hero*: a contract
// of [b, m, k] by [b, k, n], whose right operand is also packed into panels of the tile's width, by ordinary views.

import { binary, broadcastTo, contract, expand, pad, permute, reduce, reshape } from "../graph/build.ts";
import { isFloat } from "../graph/dtype.ts";
import type { Target } from "../graph/kernel.ts";
import type { Node } from "../graph/node.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import { tileFor, tileRequest } from "../graph/tile.ts";
import { affineView, type WalkView, walkView } from "../graph/view.ts";

/** Products up to this many multiplications are not worth packing. */
export const smallWork = 4096;

/** The operands as [b, m, k] and [b, k, n]. */
interface Flat {
  readonly left: Node;
  readonly right: Node;
  readonly b: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Whether a contract node has the form [b, m, k] by [b, k, n]. */
export function isHero(node: Node<"contract">): boolean {
  const { batch, contracted } = node.attributes;
  const [a, b] = node.inputs as [Node, Node];
  const at = (list: readonly number[], axis: number) => list.length === 1 && list[0] === axis;
  return a.shape.length === 3 && b.shape.length === 3 && at(batch[0], 0) && at(batch[1], 0) && at(contracted[0], 2) && at(contracted[1], 1);
}

/** Whether the contraction is to be written out as products and a sum. */
export function isSmall(node: Node<"contract">, limit: number = smallWork): boolean {
  const { b, m, n, k } = sizes(node);
  return !isFloat(node.dtype) || m === 1 || n === 1 || k === 1 || b * m * n * k <= limit;
}

/** The same values from a hero, or from products and a sum where `isSmall`. */
export function normalizeContraction(node: Node<"contract">, limit: number = smallWork): Node {
  const flat = flatten(node);
  if (isSmall(node, limit))
    return node.inputs.some((x) => viewed(x).windowed) ? sumOverAxes(node) : reshape(sumOfProducts(flat), node.shape);
  const divided = divideWindow(node);
  if (divided !== null) return divided;
  if (isBetterTurned(flat)) {
    const { left, right } = flatten(turned(node));
    return reshape(permute(contract(left, right, [[0], [0]], [[2], [1]]), [0, 2, 1]), node.shape);
  }
  return reshape(contract(flat.left, flat.right, [[0], [0]], [[2], [1]]), node.shape);
}

/** The right operand of a hero in panels: [b, ceil(n / columns), k, columns], zero behind the last column; null where it is read in place. */
export function packRight(hero: Node<"contract">, target: Target): Node | null {
  const right = hero.inputs[1] as Node;
  if (isDirect(right)) return null;
  const [b, k, n] = right.shape as [number, number, number];
  const { columns } = tileFor(
    target,
    tileRequest(hero, true, () => false),
  );
  const panels = Math.ceil(n / columns);
  const filled = pad(right, [0, 0, 0], [0, 0, panels * columns - n]);
  if (panels === 1) return reshape(filled, [b, 1, k, columns]);
  return permute(reshape(filled, [b, k, panels, columns]), [0, 2, 1, 3]);
}

// ---- Windows: operands in which elements come many times, which are not worth writing out

/** What a view looks at, through everything that moves no element; padding is stored. */
function viewed(node: Node): { base: Node; windowed: boolean } {
  let base = node;
  let windowed = false;
  while (base.op === "reshape" || base.op === "permute" || base.op === "expand" || base.op === "slice" || base.op === "window") {
    windowed ||= base.op === "window";
    base = base.inputs[0] as Node;
  }
  return { base, windowed };
}

/** The operand as a window that can be read in place; null for any other. */
function windowOf(operand: Node): WalkView | null {
  const { base, windowed } = viewed(operand);
  return windowed ? walkView(operand, (node) => node === base) : null;
}

/** Whether the right operand of a hero is a window whose columns lie side by side, in runs that vectors fill well. */
function isDirect(right: Node): boolean {
  const run = windowOf(right)?.axes[2]?.at(-1);
  if (run === undefined || run.stride !== 1 || run.size < 6) return false;
  return Math.ceil(run.size / 4) * 4 <= 1.25 * run.size;
}

/**
 * A window on the right that is not read well there is better on the left, where any strides will do: then the other operand is
 * packed, once for all places of the window.
 */
function isBetterTurned({ left, right }: Flat): boolean {
  return !isDirect(right) && windowOf(right) !== null && windowOf(left) === null;
}

/** Sums over more positions than this are divided, and fewer free positions of a window than this stay together. */
const longDepth = 2048;
const fewPositions = 64;

/**
 * A contraction with a window that goes sample by sample: over long depths as a batch of shorter ones whose results are summed, so
 * that what is packed fits the cache; else with samples as batch axes, if enough positions remain in each, so that results lie in the
 * order in which convolutions want them. Null where nothing is to be divided.
 */
function divideWindow(node: Node<"contract">): Node | null {
  const windowed = node.inputs.map((x) => viewed(x).windowed);
  if (windowed[0] === windowed[1]) return null;
  const { batch, contracted } = node.attributes;
  const [left, right] = node.inputs as [Node, Node];
  const { k } = sizes(node);
  if (k > longDepth) {
    const [l, r] = [contracted[0][0] as number, contracted[1][0] as number];
    const n = left.shape[l] as number;
    let chunks = 1;
    while (chunks < n && (n % chunks !== 0 || k / chunks > longDepth)) chunks++;
    if (chunks === 1) return null;
    const cut = (x: Node, axis: number) => reshape(x, [...x.shape.slice(0, axis), chunks, n / chunks, ...x.shape.slice(axis + 1)]);
    const moved = (axes: readonly number[], from: number) => axes.map((a) => (a >= from ? a + 1 : a));
    const parts = contract(
      cut(left, l),
      cut(right, r),
      [
        [l, ...moved(batch[0], l)],
        [r, ...moved(batch[1], r)],
      ],
      [moved(contracted[0], l), moved(contracted[1], r)],
    );
    return reduce("reduceSum", parts, 0);
  }
  return windowed[1] === true ? bySample(node) : null;
}

/** The outer free axes of the window on the right as batch axes, where it can be read in place then. */
function bySample(node: Node<"contract">): Node | null {
  const { batch, contracted } = node.attributes;
  const [left, right] = node.inputs as [Node, Node];
  const axes = free(node, 1);
  let rest = sizeOf(axes.map((a) => right.shape[a] as number));
  let count = 0;
  for (const axis of axes) {
    const n = right.shape[axis] as number;
    if (rest / n < fewPositions) break;
    rest /= n;
    count++;
  }
  if (count === 0) return null;
  const outer = axes.slice(0, count);
  // The left operand in the order in which it is read, so that nothing but stretching is left to do.
  const own = free(node, 0);
  const ordered = permute(left, [...batch[0], ...own, ...contracted[0]]);
  const spread = broadcastTo(ordered, [...outer.map((a) => right.shape[a] as number), ...ordered.shape]);
  const from = (at: number, length: number) => Array.from({ length }, (_, i) => at + i);
  const batches = batch[0].length;
  const product = contract(
    spread,
    right,
    [from(0, count + batches), [...outer, ...batch[1]]],
    [from(count + batches + own.length, contracted[0].length), contracted[1]],
  ) as Node<"contract">;
  if (!isDirect(flatten(product).right)) return null;
  const start = count + batches;
  return permute(product, [
    ...from(count, batches),
    ...from(start, own.length),
    ...from(0, count),
    ...from(start + own.length, axes.length - count),
  ]);
}

/** The contraction with its operands exchanged. */
function turned(node: Node<"contract">): Node<"contract"> {
  const { batch, contracted } = node.attributes;
  const [left, right] = node.inputs as [Node, Node];
  return contract(right, left, [batch[1], batch[0]], [contracted[1], contracted[0]]) as Node<"contract">;
}

function free(node: Node<"contract">, side: 0 | 1): number[] {
  const { batch, contracted } = node.attributes;
  const shape = (node.inputs[side] as Node).shape;
  return shape.map((_, i) => i).filter((i) => !batch[side].includes(i) && !contracted[side].includes(i));
}

function sizes(node: Node<"contract">): { b: number; m: number; n: number; k: number } {
  const { batch, contracted } = node.attributes;
  const [left, right] = node.inputs as [Node, Node];
  const count = (shape: Shape, axes: readonly number[]) => sizeOf(axes.map((i) => shape[i] as number));
  return {
    b: count(left.shape, batch[0]),
    m: count(left.shape, free(node, 0)),
    n: count(right.shape, free(node, 1)),
    k: count(left.shape, contracted[0]),
  };
}

function flatten(node: Node<"contract">): Flat {
  const { batch, contracted } = node.attributes;
  const { b, m, n, k } = sizes(node);
  const [left, right] = node.inputs as [Node, Node];
  return {
    left: reshape(permute(left, [...batch[0], ...free(node, 0), ...contracted[0]]), [b, m, k]),
    right: reshape(permute(right, [...batch[1], ...contracted[1], ...free(node, 1)]), [b, k, n]),
    b,
    m,
    n,
    k,
  };
}

/**
 * The sum stands where vectors run well: k last where the operands are contiguous along it, else before the columns, or
 * before the rows where there is one column only.
 */
function sumOfProducts({ left, right, b, m, n, k }: Flat): Node {
  const product = (shape: Shape, l: Node, r: Node) => binary("mul", expand(l, shape), expand(r, shape));
  if (k === 1) return product([b, m, n], left, right);
  const alongColumns = n > 1 && stride(right, 2) === 1;
  if (alongColumns) return reduce("reduceSum", product([b, m, k, n], reshape(left, [b, m, k, 1]), reshape(right, [b, 1, k, n])), 2);
  if (n === 1 && m > 1 && stride(left, 1) === 1) {
    const summed = reduce("reduceSum", product([b, k, m], permute(left, [0, 2, 1]), right), 1);
    return reshape(summed, [b, m, 1]);
  }
  const columns = permute(right, [0, 2, 1]);
  return reduce("reduceSum", product([b, m, n, k], reshape(left, [b, m, 1, k]), reshape(columns, [b, 1, n, k])), 3);
}

/** The same for windows, whose axes stay apart: joined, their indices would have to be taken apart again for each element. */
function sumOverAxes(node: Node<"contract">): Node {
  const { batch, contracted } = node.attributes;
  const [left, right] = node.inputs as [Node, Node];
  const [own, other] = [free(node, 0), free(node, 1)];
  const size = (x: Node, axes: readonly number[]) => axes.map((a) => x.shape[a] as number);
  const [lead, rows, columns, depth] = [size(left, batch[0]), size(left, own), size(right, other), size(left, contracted[0])];
  const ones = (axes: readonly number[]) => axes.map(() => 1);
  const shape = [...lead, ...rows, ...columns, ...depth];
  const l = reshape(permute(left, [...batch[0], ...own, ...contracted[0]]), [...lead, ...rows, ...ones(columns), ...depth]);
  const r = reshape(permute(right, [...batch[1], ...other, ...contracted[1]]), [...lead, ...ones(rows), ...columns, ...depth]);
  const products = binary("mul", expand(l, shape), expand(r, shape));
  return reduce(
    "reduceSum",
    products,
    depth.map((_, i) => node.shape.length + i),
  );
}

/** The stride along an axis in what the node views, or null. */
function stride(node: Node, axis: number): number | null {
  return (
    affineView(node, ({ op }) => op !== "reshape" && op !== "permute" && op !== "expand" && op !== "slice" && op !== "window")?.strides[
      axis
    ] ?? null
  );
}
