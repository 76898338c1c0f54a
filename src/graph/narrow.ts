// A part of a tensor, taken as early as it can be: through views, contractions and windows to what they are computed from, so that
// what is cut away is never computed. For tensors that nobody else uses, such as the cotangent of padding.

import { contract, expand, pad, permute, reshape, slice, window } from "./build.ts";
import { inputOf, is, type Node } from "./node.ts";
import { type Shape, sameShape } from "./shape.ts";
import { partOfUnwindow } from "./unwindow.ts";

/** Elements `starts` to `starts + sizes − 1` of every axis. */
export function narrow(x: Node, starts: readonly number[], sizes: Shape): Node {
  if (sameShape(x.shape, sizes)) return x;
  return (sizes.includes(0) ? null : through(x, starts, sizes)) ?? slice(x, starts, sizes);
}

function through(x: Node, starts: readonly number[], sizes: Shape): Node | null {
  const part = partOfUnwindow(x, starts, sizes);
  if (part !== null) return part;
  const first = x.inputs[0] as Node;
  if (is(x, "permute")) {
    const place = (list: readonly number[]) => first.shape.map((_, axis) => list[x.attributes.axes.indexOf(axis)] as number);
    return permute(narrow(first, place(starts), place(sizes)), x.attributes.axes);
  }
  if (is(x, "reshape")) return throughReshape(x, starts, sizes);
  if (is(x, "expand")) {
    const stretched = first.shape.map((n, axis) => n !== x.shape[axis]);
    const inner = narrow(
      first,
      starts.map((s, axis) => (stretched[axis] === true ? 0 : s)),
      sizes.map((n, axis) => (stretched[axis] === true ? 1 : n)),
    );
    return expand(inner, sizes);
  }
  if (is(x, "slice") && x.attributes.steps.every((s) => s === 1)) {
    const inner = x.attributes.starts;
    return narrow(
      first,
      starts.map((s, axis) => s + (inner[axis] as number)),
      sizes,
    );
  }
  if (is(x, "pad")) return throughPad(x, starts, sizes);
  if (is(x, "window")) return throughWindow(x, starts, sizes);
  if (is(x, "contract")) return throughContract(x, starts, sizes);
  return null;
}

/** Axes that the reshape keeps, if only such are narrowed; axes of size 1 come and go. */
function throughReshape(x: Node, starts: readonly number[], sizes: Shape): Node | null {
  const first = inputOf(x, 0);
  const from = first.shape.map(() => 0);
  const kept = [...first.shape];
  let [i, j] = [0, 0];
  while (i < first.shape.length || j < x.shape.length) {
    const [a, b] = [i, j];
    let m = first.shape[i++] ?? 1;
    let n = x.shape[j++] ?? 1;
    while (m !== n) {
      if (m < n) m *= first.shape[i++] ?? 1;
      else n *= x.shape[j++] ?? 1;
    }
    const narrowed = sizes.slice(b, j).some((size, axis) => size !== x.shape[b + axis]);
    if (!narrowed) continue;
    const inner = first.shape.flatMap((size, axis) => (axis >= a && axis < i && size > 1 ? [axis] : []));
    const outer = x.shape.flatMap((size, axis) => (axis >= b && axis < j && size > 1 ? [axis] : []));
    if (inner.length !== 1 || outer.length !== 1) return null;
    from[inner[0] as number] = starts[outer[0] as number] as number;
    kept[inner[0] as number] = sizes[outer[0] as number] as number;
  }
  return reshape(narrow(first, from, kept), sizes);
}

/** Less padding, and less of what is padded. */
function throughPad(x: Node<"pad">, starts: readonly number[], sizes: Shape): Node | null {
  const { low, interior, value } = x.attributes;
  const first = inputOf(x, 0);
  const parts = first.shape.map((n, axis) => {
    const [start, size] = [starts[axis] as number, sizes[axis] as number];
    const begin = low[axis] as number;
    const end = begin + n + Math.max(0, n - 1) * (interior[axis] as number);
    const inside = start <= begin && start + size >= end;
    if (inside) return { from: 0, count: n, low: begin - start, high: start + size - end };
    if ((interior[axis] as number) > 0) return null;
    const from = Math.min(n, Math.max(0, start - begin));
    const until = Math.max(from, Math.min(n, start + size - begin));
    const before = Math.min(size, Math.max(0, begin - start));
    return { from, count: until - from, low: before, high: size - before - (until - from) };
  });
  const known = parts.filter((part) => part !== null);
  if (known.length < parts.length || known.some((part) => part.count === 0)) return null;
  const inner = narrow(
    first,
    known.map((part) => part.from),
    known.map((part) => part.count),
  );
  return pad(
    inner,
    known.map((part) => part.low),
    known.map((part) => part.high),
    value,
    interior,
  );
}

/** Fewer blocks of a smaller tensor; all places are kept. */
function throughWindow(x: Node<"window">, starts: readonly number[], sizes: Shape): Node | null {
  const { axes, sizes: places, strides, dilations } = x.attributes;
  const first = inputOf(x, 0);
  const rank = first.shape.length;
  if (places.some((n, i) => sizes[rank + i] !== n)) return null;
  const from = first.shape.map((_, axis) => {
    const i = axes.indexOf(axis);
    return (starts[axis] as number) * (i < 0 ? 1 : (strides[i] as number));
  });
  const kept = first.shape.map((_, axis) => {
    const i = axes.indexOf(axis);
    const n = sizes[axis] as number;
    return i < 0 ? n : (n - 1) * (strides[i] as number) + ((places[i] as number) - 1) * (dilations[i] as number) + 1;
  });
  return window(narrow(first, from, kept), axes, places, strides, dilations);
}

function throughContract(x: Node<"contract">, starts: readonly number[], sizes: Shape): Node {
  const { batch, contracted } = x.attributes;
  let next = batch[0].length;
  const operands = ([0, 1] as const).map((side) => {
    const operand = inputOf(x, side);
    const from = operand.shape.map(() => 0);
    const kept = [...operand.shape];
    const take = (axis: number, at: number) => {
      from[axis] = starts[at] as number;
      kept[axis] = sizes[at] as number;
    };
    batch[side].forEach(take);
    operand.shape.forEach((_, axis) => {
      if (!batch[side].includes(axis) && !contracted[side].includes(axis)) take(axis, next++);
    });
    return narrow(operand, from, kept);
  });
  return contract(operands[0] as Node, operands[1] as Node, batch, contracted);
}
