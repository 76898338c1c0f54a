// Indexing on nodes, as NumPy and PyTorch have it: positions, ranges, new axes and the ellipsis are a slice and a reshape; tensors
// of indices and masks are one gather along one axis, made of all the axes that they index.

import {
  binary,
  broadcastTo,
  buffer,
  gather as builtGather,
  slice as builtSlice,
  checkBounds,
  constant,
  permute,
  reshape,
  where,
} from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { broadcastShapes, type Shape, showShape, sizeOf, stridesOf } from "../../graph/shape.ts";
import { Storage } from "../../graph/storage.ts";
import { mistake } from "../../util/errors.ts";
import { checkPosition, type Range, rangeOf } from "./move.ts";
import { indices as asIndices } from "./operands.ts";
import { positionsWhere } from "./read.ts";

/** One item of an index: a position, a range (null: all), a new axis, all axes between, or a tensor of indices or truth values. */
export type IndexItem<T = Node> = number | Range | "new" | "..." | T;

const isNode = (item: IndexItem): item is Node => typeof item === "object" && item !== null && !Array.isArray(item);

/** Axes of the tensor that an item stands for. */
function spanOf(item: IndexItem): number {
  if (item === "new" || item === "...") return 0;
  return isNode(item) && item.dtype === "bool" ? item.shape.length : 1;
}

/** The ellipsis, which stands at the end where there is none, as the whole axes that it stands for. */
function spell(x: Node, items: readonly IndexItem[]): IndexItem[] {
  const used = items.reduce<number>((n, item) => n + spanOf(item), 0);
  const rank = x.shape.length;
  if (used > rank)
    throw mistake("AXIS", {
      where: "at",
      problem: "more items than axes",
      got: `${used} for ${showShape(x.shape)}`,
      expected: `at most ${rank}`,
    });
  const place = items.indexOf("...");
  if (place !== items.lastIndexOf("..."))
    throw mistake("OPTION", {
      where: "at",
      problem: "more than one ellipsis",
      got: items.filter((i) => i === "...").length,
      expected: "at most one",
    });
  const between = new Array<IndexItem>(rank - used).fill(null);
  return place < 0 ? [...items, ...between] : [...items.slice(0, place), ...between, ...items.slice(place + 1)];
}

/** Indices into one axis of the sliced tensor, or into a few merged: `span` axes from `axis` on. */
interface Advanced {
  readonly axis: number;
  readonly span: number;
  readonly positions: Node;
}

export function at(x: Node, items: readonly IndexItem[]): Node {
  const [starts, sizes, steps, shape]: [number[], number[], number[], number[]] = [[], [], [], []];
  const advanced: Advanced[] = [];
  let axis = 0;
  for (const item of spell(x, items)) {
    const n = x.shape[axis] as number;
    const keep = (start: number, size: number, step: number) => {
      starts.push(start);
      sizes.push(size);
      steps.push(step);
      axis++;
    };
    if (item === "new") shape.push(1);
    else if (typeof item === "number") keep(checkPosition("at", item, n, axis), 1, 1);
    else if (isNode(item)) {
      const span = spanOf(item);
      const sizesHere = x.shape.slice(axis, axis + span);
      const positions = item.dtype === "bool" ? maskPositions(item, sizesHere, axis) : wrapped("at", item, n, axis);
      advanced.push({ axis: shape.length, span, positions });
      shape.push(...sizesHere);
      for (const size of sizesHere) keep(0, size, 1);
    } else {
      const [start, size, step] = rangeOf("at", item as Range, n, axis);
      keep(start, size, step);
      shape.push(size);
    }
  }
  const sliced = reshape(builtSlice(x, starts, sizes, steps), shape);
  return advanced.length === 0 ? sliced : gatherAll(sliced, advanced);
}

/** The mask's true positions, as indices of its merged axes. */
function maskPositions(mask: Node, sizes: Shape, axis: number): Node {
  if (mask.shape.length === 0 || mask.shape.some((n, i) => n !== sizes[i]))
    throw mistake("SHAPE", {
      where: "at",
      problem: `the mask does not fit the axes from ${axis} on`,
      got: showShape(mask.shape),
      expected: showShape(sizes),
    });
  const positions = positionsWhere("at", mask);
  return buffer(new Storage("int32", positions.length, positions), [positions.length]);
}

/** Indices counted from either end, from 0 on; those outside are found when it runs. */
export function wrapped(place: string, item: Node, n: number, axis: number): Node {
  const positions = asIndices(place, item);
  if (n === 0 && positions.size > 0)
    throw mistake("RANGE", {
      where: place,
      problem: `index outside axis ${axis}`,
      got: `${positions.size} indices`,
      expected: "nothing: the axis is empty",
    });
  const like = (value: number) => constant(value, "int32", positions.shape);
  const fromEnd = binary("and", binary("le", like(-n), positions), binary("lt", positions, like(0)));
  return checkBounds(where(fromEnd, binary("add", positions, like(n)), positions), n, `${place}: an index is outside axis ${axis}`);
}

/** Scalars first, each taking its axis away; the others broadcast and meet in one axis, in place if they are neighbours, else in front. */
function gatherAll(x: Node, advanced: readonly Advanced[]): Node {
  let from = x;
  let gone = 0;
  const rest: Advanced[] = [];
  for (const { axis, span, positions } of advanced) {
    if (positions.shape.length > 0) rest.push({ axis: axis - gone, span, positions });
    else from = builtGather(from, positions, axis - gone++);
  }
  const [first] = rest;
  if (first === undefined) return from;
  const list = rest.flatMap(({ axis, span }) => Array.from({ length: span }, (_, i) => axis + i));
  const together = list.every((a, i) => i === 0 || a === (list[i - 1] as number) + 1);
  const others = [...from.shape.keys()].filter((i) => !list.includes(i));
  const moved = together ? from : permute(from, [...list, ...others]);
  const start = together ? (list[0] as number) : 0;

  const sizes = rest.map(({ axis, span }) => sizeOf(from.shape.slice(axis, axis + span)));
  const strides = stridesOf(sizes);
  const shape = rest.reduce<Shape>((s, { positions }) => broadcastShapes("at", s, positions.shape), []);
  const position = rest
    .map(({ positions }, i) => {
      const spread = broadcastTo(positions, shape);
      const stride = strides[i] as number;
      return stride === 1 ? spread : binary("mul", spread, constant(stride, "int32", shape));
    })
    .reduce((sum, term) => binary("add", sum, term));
  const merged = reshape(moved, [...moved.shape.slice(0, start), sizeOf(sizes), ...moved.shape.slice(start + list.length)]);
  return builtGather(merged, position, start);
}
