// Positions in operands that are read in place, along runs of strides (`Walk` in graph/view.ts).

import type { Expression } from "../graph/kernel.ts";
import type { Walk } from "../graph/view.ts";
import * as x from "./expression.ts";

/** Where element `at` of the runs lies: the flat position taken apart, the innermost run last. */
export function offsetAlong(walks: readonly Walk[], at: Expression, name: (e: Expression) => Expression): Expression {
  let offset: Expression | null = null;
  let rest = at;
  for (let i = walks.length - 1; i >= 0; i--) {
    const { size, stride } = walks[i] as Walk;
    let place = rest;
    if (i > 0) {
      const quotient = name(x.div(rest, size));
      place = name(x.sub(rest, x.mul(quotient, size)));
      rest = quotient;
    }
    const part = x.mul(place, stride);
    offset = offset === null ? part : x.add(offset, part);
  }
  return name(offset ?? x.integer(0));
}

/** A run of the contracted positions, with its stride in the left and in the right operand. */
export interface Depth {
  readonly size: number;
  readonly left: number;
  readonly right: number;
}

/** The runs of both operands cut alike, or null where they do not divide each other. Both have as many elements. */
export function common(left: readonly Walk[], right: readonly Walk[]): Depth[] | null {
  const depths: Depth[] = [];
  const [l, r] = [[...left], [...right]];
  let [a, b] = [l.pop(), r.pop()];
  while (a !== undefined && b !== undefined) {
    const size = Math.min(a.size, b.size);
    if (a.size % size !== 0 || b.size % size !== 0) return null;
    depths.unshift({ size, left: a.stride, right: b.stride });
    a = a.size === size ? l.pop() : { size: a.size / size, stride: a.stride * size };
    b = b.size === size ? r.pop() : { size: b.size / size, stride: b.stride * size };
  }
  return depths;
}
