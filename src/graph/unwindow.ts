// The adjoint of `window`: every place of a block added back to the element it was taken from. It is written as a sum over
// the places (each element pulls what belongs to it), never as a scatter.
//
// Where the blocks are themselves a contraction with the places in one operand and the blocks' positions in the other (the
// gradient of a convolution, a transposed convolution), the sum over places joins the contraction's: weights turned round meet a
// window over the padded other operand, and no matrix of columns exists. With a stride s, the elements q·s + r of each phase r meet
// only the places j·s + r, so the phases are rows of one dense contraction over q.

import { binary, contract, pad, permute, reshape, slice, window } from "./build.ts";
import { inputOf, is, type Node } from "./node.ts";
import type { Attributes } from "./operation.ts";
import type { Shape } from "./shape.ts";

type Window = Attributes["window"];

const range = (start: number, length: number): number[] => Array.from({ length }, (_, i) => start + i);

/**
 * Sums the blocks back into a tensor of `shape`.
 *
 * @param g of the shape that `window` gives for `shape`: […, o, …, k…]
 */
export function unwindow(g: Node, shape: Shape, attributes: Window): Node {
  const joined = joinContraction(g, null, shape, attributes);
  if (joined !== null) {
    joinedFrom.set(joined, { g, attributes });
    return joined;
  }
  let sum = g;
  for (let i = attributes.axes.length - 1; i >= 0; i--) sum = addPlaces(sum, shape, attributes, i);
  return sum;
}

/** What results that were joined to a contraction are made of. */
const joinedFrom = new WeakMap<Node, { readonly g: Node; readonly attributes: Window }>();

/**
 * Elements `starts` to `starts + sizes − 1` of what `unwindow` gave, where a contraction makes just these; else null. A part that begins
 * between two blocks has other phases than the whole.
 */
export function partOfUnwindow(x: Node, starts: readonly number[], sizes: Shape): Node | null {
  const made = joinedFrom.get(x);
  if (made === undefined) return null;
  const { g, attributes } = made;
  const isWhole = x.shape.every((n, axis) => attributes.axes.includes(axis) || n === sizes[axis]);
  return isWhole ? joinContraction(g, starts, sizes, attributes) : null;
}

// ---- The plain sum

/** Part of an axis: `low` zeros before, `between` between elements, and as many behind as make it `size`. */
function padAxis(x: Node, axis: number, low: number, between: number, size: number): Node {
  const n = x.shape[axis] as number;
  const only = (value: number) => x.shape.map((_, i) => (i === axis ? value : 0));
  return pad(x, only(low), only(size - low - n - Math.max(0, n - 1) * between), 0, only(between));
}

/** Elements `first` to `first + size − 1` of an axis, zeros where it has none; null where that is all of them. */
function stretch(x: Node, axis: number, first: number, size: number, between: number): Node | null {
  if (between > 0) return padAxis(x, axis, -first, between, size);
  const [from, until] = [Math.max(0, first), Math.min(x.shape[axis] as number, first + size)];
  return from < until ? padAxis(part(x, axis, from, until - from), axis, from - first, 0, size) : null;
}

function part(x: Node, axis: number, start: number, size: number): Node {
  return slice(
    x,
    x.shape.map((_, i) => (i === axis ? start : 0)),
    x.shape.map((n, i) => (i === axis ? size : n)),
  );
}

/** Adds the places on the last axis, those of listed axis `i`, into that axis. */
function addPlaces(g: Node, shape: Shape, { axes, sizes, strides, dilations }: Window, i: number): Node {
  const axis = axes[i] as number;
  const [n, size, stride, dilation] = [shape[axis], sizes[i], strides[i], dilations[i]] as [number, number, number, number];
  const last = g.shape.length - 1;
  const dropLast = (x: Node) => reshape(x, x.shape.slice(0, -1));
  const add = (terms: readonly Node[]) => terms.reduce((a, b) => binary("add", a, b));
  if (dilation > 1) return add(range(0, size).map((k) => padAxis(dropLast(part(g, last, k, 1)), axis, k * dilation, stride - 1, n)));
  // Place j·stride + r of block o belongs to element (o + j)·stride + r.
  const count = Math.ceil(size / stride);
  const outputs = g.shape[axis] as number;
  const blocks = Math.max(Math.ceil(n / stride), outputs + count - 1);
  const filled = padAxis(g, last, 0, 0, count * stride);
  const phases = add(range(0, count).map((j) => padAxis(part(filled, last, j * stride, stride), axis, j, 0, blocks)));
  return part(interleave(phases, axis, last), axis, 0, n);
}

/** Makes [q·R + r] of the axes q and r. */
function interleave(x: Node, q: number, r: number): Node {
  const rest = range(0, x.shape.length).filter((a) => a !== r);
  const order = rest.flatMap((a) => (a === q ? [q, r] : [a]));
  const shape = rest.map((a) => (x.shape[a] as number) * (a === q ? (x.shape[r] as number) : 1));
  return reshape(permute(x, order), shape);
}

// ---- Joined to a contraction

/** Where an axis of a contraction's result comes from. */
interface Origin {
  readonly kind: "batch" | "free";
  readonly side: 0 | 1;
  /** The axis of that operand (of the left one for batch axes). */
  readonly axis: number;
}

function originsOf(node: Node<"contract">): Origin[] {
  const { batch, contracted } = node.attributes;
  const free = (side: 0 | 1) =>
    range(0, inputOf(node, side).shape.length)
      .filter((a) => !batch[side].includes(a) && !contracted[side].includes(a))
      .map((axis): Origin => ({ kind: "free", side, axis }));
  return [...batch[0].map((axis): Origin => ({ kind: "batch", side: 0, axis })), ...free(0), ...free(1)];
}

/** Elements of the sum from `starts` on, as many as `shape`; the whole where it is null. */
function joinContraction(
  g: Node,
  starts: readonly number[] | null,
  shape: Shape,
  { axes, sizes, strides, dilations }: Window,
): Node | null {
  const order = is(g, "permute") ? g.attributes.axes : range(0, g.shape.length);
  const node = is(g, "permute") ? inputOf(g, 0) : g;
  if (!is(node, "contract")) return null;
  const origins = originsOf(node);
  const originAt = (axis: number) => origins[order[axis] as number] as Origin;
  const positions = axes.map(originAt);
  const places = sizes.map((_, i) => originAt(shape.length + i));
  const side = places[0]?.side;
  if (side === undefined || ![...positions, ...places].every((o) => o.kind === "free")) return null;
  if (places.some((o) => o.side !== side) || positions.some((o) => o.side === side)) return null;
  const other = side === 0 ? 1 : 0;
  const [weights, data] = [inputOf(node, side), inputOf(node, other)];
  const { batch, contracted } = node.attributes;

  // Axis by axis: phases where the blocks are dense, else zeros between the data. Element q·stride + r of the result meets place
  // d·stride + r − before of block q + first + count − 1 − d, with d backwards from count − 1.
  const plans = axes.map((axis, i) => {
    const [n, size, stride, dilation] = [shape[axis], sizes[i], strides[i], dilations[i]] as [number, number, number, number];
    const start = starts?.[axis] ?? 0;
    if (dilation > 1) {
      if (starts !== null && stride > 1) return null;
      const data = { first: start + (1 - size) * dilation, total: n + (size - 1) * dilation, between: stride - 1 };
      return { axis, n, stride: 1, before: 0, count: size, kept: 1, dilation, ...data };
    }
    const phase = start % stride;
    const before = phase === 0 ? 0 : stride - phase;
    const count = Math.ceil((size + before) / stride);
    const first = Math.ceil(start / stride) - count + 1;
    const kept = count === 1 ? size : stride;
    return { axis, n, stride, before, count, kept, dilation, first, total: Math.ceil(n / stride) + count - 1, between: 0 };
  });
  if (!plans.every((plan) => plan !== null)) return null;

  // Weights as [others…, (j, r)…], j backwards.
  const others = range(0, weights.shape.length).filter((a) => !places.some((o) => o.axis === a));
  let turned = permute(weights, [...others, ...places.map((o) => o.axis)]);
  plans.forEach(({ count, kept, before }, i) => {
    turned = padAxis(turned, others.length + i, count === 1 ? 0 : before, 0, count * kept);
  });
  turned = reshape(turned, [...others.map((a) => weights.shape[a] as number), ...plans.flatMap(({ count, kept }) => [count, kept])]);
  const isPlace = (a: number) => a >= others.length && (a - others.length) % 2 === 0;
  turned = slice(
    turned,
    turned.shape.map((n, a) => (isPlace(a) ? n - 1 : 0)),
    turned.shape,
    turned.shape.map((_, a) => (isPlace(a) ? -1 : 1)),
  );

  let padded: Node | null = data;
  plans.forEach(({ first, total, between }, i) => {
    padded = padded && stretch(padded, (positions[i] as Origin).axis, first, total, between);
  });
  if (padded === null) return null;
  const moving = plans.flatMap(({ count }, i) => (count > 1 ? [i] : []));
  const dataAxes = positions.map((o) => o.axis);
  const blocks =
    moving.length === 0
      ? padded
      : window(
          padded,
          moving.map((i) => dataAxes[i] as number),
          moving.map((i) => (plans[i] as { count: number }).count),
          moving.map(() => 1),
          moving.map((i) => (plans[i] as { dilation: number }).dilation),
        );

  const ownAxis = (a: number) => others.indexOf(a);
  const pairs = {
    weights: [...contracted[side].map(ownAxis), ...moving.map((i) => others.length + 2 * i)],
    data: [...contracted[other], ...moving.map((_, i) => data.shape.length + i)],
  };
  const batches = { weights: batch[side].map(ownAxis), data: [...batch[other]] };
  const product = contract(turned, blocks, [batches.weights, batches.data], [pairs.weights, pairs.data]);

  // Back to the order of the tensor, each phase beside its positions.
  const found = originsOf(product as Node<"contract">);
  const resultOf = (kind: Origin["kind"], at: 0 | 1, axis: number) =>
    found.findIndex((o) => o.kind === kind && o.side === at && o.axis === axis);
  const batchAt = (axis: number) => resultOf("batch", 0, ownAxis(side === 0 ? axis : (batch[1][batch[0].indexOf(axis)] as number)));
  const resultAt = ({ kind, side: from, axis }: Origin) =>
    kind === "batch" ? batchAt(axis) : from === side ? resultOf("free", 0, ownAxis(axis)) : resultOf("free", 1, axis);
  const wanted = range(0, shape.length).map((axis) => resultAt(originAt(axis)));
  const phases = plans.map((_, i) => resultOf("free", 0, others.length + 2 * i + 1));
  const idle =
    moving.length === plans.length ? [] : plans.flatMap((_, i) => (moving.includes(i) ? [] : [resultOf("free", 0, others.length + 2 * i)]));
  let result = permute(product, [...wanted, ...phases, ...idle]);
  result = reshape(result, result.shape.slice(0, shape.length + phases.length));
  for (let i = plans.length - 1; i >= 0; i--) {
    const { axis, n, stride, count, before } = plans[i] as NonNullable<(typeof plans)[number]>;
    const last = result.shape.length - 1;
    result = part(interleave(padAxis(result, last, count === 1 ? before : 0, 0, stride), axis, last), axis, 0, n);
  }
  return result;
}
