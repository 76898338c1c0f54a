// Affine views: a chain of views over one stored node, as an offset and one stride for each axis.

import { inputOf, is, type Node } from "./node.ts";
import { type Shape, stridesOf } from "./shape.ts";

/** Element `index` of the view is element `offset + Σ index[i] · strides[i]` of `base`, row-major. */
export interface AffineView {
  readonly base: Node;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** The node as an affine view of a node that `stored` accepts, or null: it is computed, padded, or a reshape that no strides express. */
export function affineView(node: Node, stored: (node: Node) => boolean): AffineView | null {
  const chain: Node[] = [];
  let at = node;
  while (!stored(at)) {
    if (at.op !== "reshape" && at.op !== "permute" && at.op !== "expand" && at.op !== "slice" && at.op !== "window") return null;
    chain.push(at);
    at = inputOf(at, 0);
  }
  let shape: Shape = at.shape;
  let strides = stridesOf(shape);
  let offset = 0;
  for (const view of chain.reverse()) {
    if (is(view, "permute")) strides = view.attributes.axes.map((a) => strides[a] as number);
    else if (is(view, "expand")) strides = strides.map((s, i) => (shape[i] === view.shape[i] ? s : 0));
    else if (is(view, "slice")) {
      const { starts, steps } = view.attributes;
      offset += starts.reduce((sum, start, i) => sum + start * (strides[i] as number), 0);
      strides = strides.map((s, i) => s * (steps[i] as number));
    } else if (is(view, "window")) {
      const { axes, strides: steps, dilations } = view.attributes;
      const before = strides;
      const along = (axis: number) => before[axis] as number;
      strides = [
        ...before.map((s, axis) => s * (axes.includes(axis) ? (steps[axes.indexOf(axis)] as number) : 1)),
        ...axes.map((axis, i) => along(axis) * (dilations[i] as number)),
      ];
    } else {
      const next = reshapeStrides(shape, strides, view.shape);
      if (next === null) return null;
      strides = next;
    }
    shape = view.shape;
  }
  return { base: at, offset, strides };
}

/** Strides of the same elements under another shape, or null where no strides express it. */
export function reshapeStrides(shape: Shape, strides: readonly number[], target: Shape): number[] | null {
  if (shape.includes(0)) return stridesOf(target);
  // Merge what is contiguous, then split each merged run by the target's axes.
  const runs: { size: number; stride: number }[] = [];
  for (const [i, size] of shape.entries()) {
    if (size === 1) continue;
    const stride = strides[i] as number;
    const last = runs[runs.length - 1];
    if (last !== undefined && last.stride === size * stride) {
      last.size *= size;
      last.stride = stride;
    } else runs.push({ size, stride });
  }
  const result = new Array<number>(target.length).fill(0);
  let run = runs.length - 1;
  let left = runs[run]?.size ?? 1;
  let stride = runs[run]?.stride ?? 0;
  for (let i = target.length - 1; i >= 0; i--) {
    const size = target[i] as number;
    if (size === 1) continue;
    if (left === 1) {
      run--;
      left = runs[run]?.size ?? 1;
      stride = runs[run]?.stride ?? 0;
    }
    if (left % size !== 0) return null;
    result[i] = stride;
    left /= size;
    stride *= size;
  }
  return result;
}

/** A run of equal steps: `size` elements, `stride` apart. */
export interface Walk {
  readonly size: number;
  readonly stride: number;
}

/** A view whose axes may each be several runs, the outermost first: element (i, j, …) of a run list is offset + i·stride + j·stride + …. */
export interface WalkView {
  readonly base: Node;
  readonly offset: number;
  /** For each axis of the node; none for an axis of size 1. */
  readonly axes: readonly (readonly Walk[])[];
}

/**
 * The node as a view of a node that `stored` accepts, where each axis may be made of several axes of what it views (a reshape that joins
 * axes which no single stride walks); else null.
 */
export function walkView(node: Node, stored: (node: Node) => boolean): WalkView | null {
  const view = affineView(node, stored);
  if (view !== null) {
    const axes = view.strides.map((stride, i) => joined([{ size: node.shape[i] as number, stride }]));
    return { base: view.base, offset: view.offset, axes };
  }
  if (!is(node, "reshape")) return null;
  const inner = inputOf(node, 0);
  const finer = affineView(inner, stored);
  if (finer === null) return null;
  const axes: (readonly Walk[])[] = [];
  let next = 0;
  let walk: Walk = { size: 1, stride: 0 };
  for (const size of node.shape) {
    const walks: Walk[] = [];
    let left = size;
    while (left > 1) {
      if (walk.size === 1) {
        if (next === inner.shape.length) return null;
        walk = { size: inner.shape[next] as number, stride: finer.strides[next] as number };
        next++;
        continue;
      }
      const taken = left % walk.size === 0 ? walk.size : left;
      if (walk.size % taken !== 0) return null;
      const rest = walk.size / taken;
      walks.push({ size: taken, stride: walk.stride * rest });
      walk = { size: rest, stride: walk.stride };
      left /= taken;
    }
    axes.push(joined(walks));
  }
  return { base: finer.base, offset: finer.offset, axes };
}

/** Neighbours that one stride walks as one, nothing of size 1. */
function joined(walks: readonly Walk[]): Walk[] {
  const result: Walk[] = [];
  for (const { size, stride } of walks) {
    if (size === 1) continue;
    const last = result.at(-1);
    if (last !== undefined && last.stride === size * stride) result[result.length - 1] = { size: last.size * size, stride };
    else result.push({ size, stride });
  }
  return result;
}
