// A node of the graph: an operation, its inputs, its attributes, and the type of its result. Immutable, but for one
// cache: `storage`, the value once somebody has computed it. Builders (build.ts) make nodes; nobody else calls `new Node`.

import { InternalError } from "../util/errors.ts";
import type { DType } from "./dtype.ts";
import type { Attributes, Op } from "./operation.ts";
import { type Shape, sizeOf } from "./shape.ts";
import type { Storage } from "./storage.ts";

let nextId = 0;

export class Node<O extends Op = Op> {
  /** Increasing in the order of creation, so that an input's id is below its user's. */
  readonly id: number = nextId++;
  readonly op: O;
  readonly inputs: readonly Node[];
  readonly attributes: Attributes[O];
  /** For a region operation, the type of its first result; use `project`. */
  readonly shape: Shape;
  readonly dtype: DType;
  /** The realised value, kept after reading. */
  storage: Storage | null = null;

  constructor(op: O, inputs: readonly Node[], attributes: Attributes[O], shape: Shape, dtype: DType) {
    this.op = op;
    this.inputs = inputs;
    this.attributes = attributes;
    this.shape = shape;
    this.dtype = dtype;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }
}

/** Whether the node is of this operation; narrows its attributes. */
export function is<O extends Op>(node: Node, op: O): node is Node<O> {
  return (node.op as Op) === op;
}

/** The input at a position; a missing one is our bug. */
export function inputOf(node: Node, index: number): Node {
  const input = node.inputs[index];
  if (input === undefined) throw new InternalError(`node ${node.op}#${node.id} has no input ${index}`);
  return input;
}

/**
 * Nodes that the roots need, inputs before users, each once. Iterative: chains of any length work.
 * `stop` keeps a node but does not look at its inputs.
 */
export function topological(roots: readonly Node[], stop?: (node: Node) => boolean): Node[] {
  const order: Node[] = [];
  const done = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  for (const root of roots) {
    if (done.has(root)) continue;
    done.add(root);
    stack.push({ node: root, next: stop?.(root) ? root.inputs.length : 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as { node: Node; next: number };
      const child = top.node.inputs[top.next];
      if (child === undefined) {
        order.push(top.node);
        stack.pop();
        continue;
      }
      top.next++;
      if (done.has(child)) continue;
      done.add(child);
      stack.push({ node: child, next: stop?.(child) ? child.inputs.length : 0 });
    }
  }
  return order;
}
