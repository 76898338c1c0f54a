// Builders: the only place where nodes are made, and so the one home of the shape and dtype rules; a file for each family.
// Operands must already have one shape and one dtype (tensor/ broadcasts and promotes); what is wrong here is refused
// with both shapes in the message.

import { InternalError } from "../util/errors.ts";
import { inputOf, Node } from "./node.ts";
import type { Op } from "./operation.ts";
import { sameShape } from "./shape.ts";

export { cast } from "./build/common.ts";
export * from "./build/contract.ts";
export * from "./build/elementwise.ts";
export * from "./build/indexing.ts";
export * from "./build/leaf.ts";
export * from "./build/reduce.ts";
export * from "./build/region.ts";
export * from "./build/view.ts";

/** The same operation on other inputs of the same types: what every rewrite needs. */
export function rebuild(node: Node, inputs: readonly Node[]): Node {
  if (inputs.every((x, i) => x === node.inputs[i])) return node;
  inputs.forEach((x, i) => {
    const before = inputOf(node, i);
    if (x.dtype !== before.dtype || !sameShape(x.shape, before.shape))
      throw new InternalError(`rebuild of ${node.op}#${node.id} changes the type of input ${i}`);
  });
  return new Node<Op>(node.op, inputs, node.attributes, node.shape, node.dtype);
}
