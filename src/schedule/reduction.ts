// Long sums, cut into chunks whose sums are added in a second reduction. Where to cut depends on the shape alone, so the
// order of the additions does too; the chunks run in parallel, and the rounding errors grow more slowly.

import { binary, reduce, reshape, slice } from "../graph/build.ts";
import { inputOf, type Node } from "../graph/node.ts";
import { sizeOf } from "../graph/shape.ts";
import { chunkOfRows } from "./sums.ts";

/** Sums of more elements than this are cut. */
const longest = 32_768;
/** Chunks have at most as many elements, and at least this many if a divisor of the length allows it. */
const chunk: { readonly least: number; readonly most: number } = { least: 1024, most: 16_384 };

/** The sum in two steps, or null where it is short enough. */
export function splitReduction(node: Node<"reduceSum">): Node | null {
  const x = inputOf(node, 0);
  const { axes } = node.attributes;
  const rows = chunkOfRows(x, axes);
  if (rows !== null) return sumOfChunks(joined(x, axes), axes[0] as number, rows);
  const length = axes.reduce((product, a) => product * (x.shape[a] as number), 1);
  if (length <= longest) return null;
  const [outer, ...others] = axes as [number, ...number[]];
  if (others.length > 0) return reduce("reduceSum", reduce("reduceSum", x, others), outer);
  const size = largestDivisor(length);
  if (size !== null) return sumOfChunks(x, outer, size);
  const whole = length - (length % chunk.most);
  const part = (start: number, count: number) => {
    const starts = x.shape.map((_, i) => (i === outer ? start : 0));
    return slice(
      x,
      starts,
      x.shape.map((n, i) => (i === outer ? count : n)),
    );
  };
  return binary("add", sumOfChunks(part(0, whole), outer, chunk.most), reduce("reduceSum", part(whole, length - whole), outer));
}

/** Neighbouring axes as one. */
function joined(x: Node, axes: readonly number[]): Node {
  const [first] = axes as [number, ...number[]];
  const after = first + axes.length;
  return reshape(x, [...x.shape.slice(0, first), sizeOf(x.shape.slice(first, after)), ...x.shape.slice(after)]);
}

function largestDivisor(length: number): number | null {
  for (let size = chunk.most; size >= chunk.least; size--) if (length % size === 0) return size;
  return null;
}

function sumOfChunks(x: Node, axis: number, size: number): Node {
  const length = x.shape[axis] as number;
  const cut = reshape(x, [...x.shape.slice(0, axis), length / size, size, ...x.shape.slice(axis + 1)]);
  return reduce("reduceSum", reduce("reduceSum", cut, axis + 1), axis);
}
