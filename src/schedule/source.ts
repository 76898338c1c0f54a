// What an operand reads: a computed or stored node, seen through views.

import { inputOf, type Node } from "../graph/node.ts";
import { affineView } from "../graph/view.ts";
import { isView } from "./memory.ts";

export interface Source {
  readonly base: Node;
  /**
   * `same`: the base's elements in the base's order. `rows`: each of them stands for a whole row, the last axes, in order.
   * `affine`: any other strides. `other`: padding, or a reshape that no strides express.
   */
  readonly way: "same" | "rows" | "affine" | "other";
}

/** Follows views down to nodes that are computed or stored; remembers what it found. */
export class Sources {
  private readonly stored: ReadonlySet<Node>;
  private readonly known = new Map<Node, Source>();

  /** `stored`: the views among these have memory of their own. */
  constructor(stored: ReadonlySet<Node>) {
    this.stored = stored;
  }

  of(operand: Node): Source {
    if (!isView(operand) || this.stored.has(operand)) return { base: operand, way: "same" };
    const known = this.known.get(operand);
    if (known !== undefined) return known;
    const source = this.through(operand);
    this.known.set(operand, source);
    return source;
  }

  /** What a view reads, even if it is stored itself. */
  through(view: Node): Source {
    let base = inputOf(view, 0);
    while (isView(base) && !this.stored.has(base)) base = inputOf(base, 0);
    return { base, way: wayOf(view, base) };
  }
}

function wayOf(operand: Node, base: Node): Source["way"] {
  const view = affineView(operand, (node) => node === base);
  if (view === null) return "other";
  if (view.offset !== 0 || base.size === 0) return "affine";
  // The leading axes must go through the base as it lies, the others must stand still.
  let repeats = operand.size / base.size;
  let dense = 1;
  for (let i = operand.shape.length - 1; i >= 0; i--) {
    const n = operand.shape[i] as number;
    if (n === 1) continue;
    if (repeats > 1) {
      if (view.strides[i] !== 0 || repeats % n !== 0) return "affine";
      repeats /= n;
    } else {
      if (view.strides[i] !== dense) return "affine";
      dense *= n;
    }
  }
  return repeats !== 1 ? "affine" : operand.size > base.size ? "rows" : "same";
}
