// What convolutions, pools and image functions share: their arguments for each spatial axis, and tensors of the form
// [batch, channels, ...space], whose batch axis may be left out.

import { pad, reshape } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { type Shape, showShape } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";

/** One whole number for all spatial axes, or a list with one for each. */
export type Each = number | readonly number[];

/** The argument for each axis: a whole number that is at least `least`. */
export function each(where: string, name: string, value: Each, axes: number, least: number): number[] {
  const list = Array.isArray(value) ? (value as readonly number[]) : [value as number];
  const good = (n: unknown) => typeof n === "number" && Number.isSafeInteger(n) && n >= least;
  if ((list.length !== axes && list.length !== 1) || !list.every(good))
    throw mistake("OPTION", {
      where,
      problem: `${name} is wrong`,
      got: value,
      expected: `a whole number of at least ${least}, or a list of ${axes}`,
    });
  return list.length === axes ? [...list] : new Array<number>(axes).fill(list[0] as number);
}

/** The input with its batch axis, and the way back for a result where it had none. */
export function batched(where: string, x: Node, axes: number): { x: Node; unbatch: (y: Node) => Node } {
  const rank = x.shape.length;
  if (rank !== axes + 1 && rank !== axes + 2)
    throw mistake("SHAPE", {
      where,
      problem: "the input has the wrong number of axes",
      got: showShape(x.shape),
      expected: `[batch,channels,${spaceNames(axes)}] or [channels,${spaceNames(axes)}]`,
    });
  if (rank === axes + 2) return { x, unbatch: (y) => y };
  return { x: reshape(x, [1, ...x.shape]), unbatch: (y) => reshape(y, y.shape.slice(1)) };
}

function spaceNames(axes: number): string {
  return ["length", "height,width", "depth,height,width"][axes - 1] ?? "…";
}

/** The spatial sizes. */
export function spaceOf(x: Node): Shape {
  return x.shape.slice(2);
}

/** Pads the spatial axes. */
export function padSpace(x: Node, low: readonly number[], high: readonly number[], value: number): Node {
  return pad(x, [0, 0, ...low], [0, 0, ...high], value);
}
