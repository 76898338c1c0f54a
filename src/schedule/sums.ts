// Sums down the columns of tall operands, which reduction.ts has cut into chunks of rows: each chunk is gone through row by
// row, as it lies in memory, and its sums are added up in memory. Where another draft goes through the same rows (the gradient
// of a layer norm, beside those of its weight and bias), the sums join it.

import { inputOf, is, type Node } from "../graph/node.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import { type Draft, mostNodes } from "./draft.ts";
import type { Fusion } from "./fuse.ts";
import type { Group } from "./group.ts";

/** Columns, and rows of a chunk: with fewer columns, registers hold the sums of a whole row. */
const fewestColumns = 128;
const rowsOfChunk: { readonly least: number; readonly most: number } = { least: 64, most: 256 };
/** Of fewer elements, the caches hold everything. */
const fewestElements = 1 << 20;

/** The sum over an axis seen as [chunks, rows, columns]; null where it is no long sum down long rows. */
function tallOf(x: Node, axes: readonly number[]): { chunks: number; rows: number; columns: number } | null {
  const [first] = axes as [number, ...number[]];
  const after = first + axes.length;
  if (x.size < fewestElements || axes.some((a, i) => a !== first + i) || (x.dtype !== "float32" && x.dtype !== "float64")) return null;
  const columns = sizeOf(x.shape.slice(after));
  return columns < fewestColumns ? null : { chunks: sizeOf(x.shape.slice(0, first)), rows: sizeOf(x.shape.slice(first, after)), columns };
}

/** The rows of a chunk for a sum down long rows, of many elements: the most that divide them. Null for other sums. */
export function chunkOfRows(x: Node, axes: readonly number[]): number | null {
  const tall = tallOf(x, axes);
  if (tall === null || tall.rows <= rowsOfChunk.most) return null;
  for (let rows = rowsOfChunk.most; rows >= rowsOfChunk.least; rows--) if (tall.rows % rows === 0) return rows;
  return null;
}

/** Whether the node is the sum of each of many chunks of rows. */
function isChunked(node: Node): node is Node<"reduceSum"> {
  if (!is(node, "reduceSum")) return false;
  const tall = tallOf(inputOf(node, 0), node.attributes.axes);
  return tall !== null && node.attributes.axes.length === 1 && tall.rows <= rowsOfChunk.most && tall.chunks >= 2;
}

/** The loops for a draft of columns whose results are all sums of chunks; null for any other. */
export function chunkedLoops(draft: Draft, outputs: readonly Node[]): Pick<Group, "domain" | "inner" | "sums"> | null {
  if (draft.form !== "columns" || !outputs.every(isChunked)) return null;
  const [sum] = outputs as readonly Node<"reduceSum">[];
  if (sum === undefined) return null;
  const [axis] = sum.attributes.axes as readonly [number];
  const { shape } = inputOf(sum, 0);
  return { domain: shape.slice(0, axis + 1), inner: shape.slice(axis + 1), sums: outputs };
}

/** Lets sums join drafts that go through the same rows and do not need them. `levels`: what is read lies on a lower one. */
export function joinRows(
  fusion: Fusion,
  drafts: readonly Draft[],
  levels: ReadonlyMap<Draft, number>,
  reads: ReadonlyMap<Draft, ReadonlySet<Node>>,
): void {
  const levelOf = (draft: Draft) => levels.get(draft) as number;
  const rows = drafts.filter((d) => d.form === "rows");
  for (const draft of drafts) {
    const outputs = [...draft.members].filter((node) => fusion.isNeededOutside(node, draft));
    const loops = chunkedLoops(draft, outputs);
    if (loops === null) continue;
    const read = [...(reads.get(draft) ?? [])];
    const fits = (other: Draft) =>
      sameRows(other, loops) &&
      levelOf(other) <= levelOf(draft) &&
      other.nodes + draft.nodes <= mostNodes &&
      read.some((node) => node.size === other.points && (reads.get(other)?.has(node) || fusion.homeOf(node) === other)) &&
      read.every((node) => {
        const home = fusion.homeOf(node);
        if (home === null) return true;
        return home === other ? node.size === other.outer || node.size === other.points : levelOf(home) < levelOf(other);
      });
    const other = rows.find((d) => d.current() === d && fits(d));
    if (other === undefined) continue;
    other.absorb(draft);
    for (const node of outputs) other.sums.add(node);
  }
}

/** Whether a draft of rows has these rows, and could go through them chunk by chunk. */
function sameRows({ kept, points, outer }: Draft, { domain, inner }: { domain: Shape; inner: Shape }): boolean {
  if (sizeOf(inner) * outer !== points || sizeOf(domain) !== outer) return false;
  const chunk = domain.at(-1) as number;
  let cut = 1;
  return [...kept].reverse().every((n) => {
    cut *= n;
    return cut % chunk === 0 || chunk % cut === 0;
  });
}
