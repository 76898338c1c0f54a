// Cotangents of the contraction: contractions again. With result axes (batch, free of a, free of b), a's cotangent is the
// result's contracted with b over b's free axes, and b's likewise with a.

import { contract, permute } from "../../graph/build.ts";
import { inputOf, type Node } from "../../graph/node.ts";
import type { ReverseRows, ReverseRule } from "../rule.ts";

const range = (start: number, length: number) => Array.from({ length }, (_, i) => start + i);

/** The cotangent of operand `side`, from that of the result and the other operand. */
function cotangentOf(node: Node<"contract">, g: Node, side: 0 | 1): Node {
  const otherSide = side === 0 ? 1 : 0;
  const [mine, other] = [inputOf(node, side), inputOf(node, otherSide)];
  const { batch, contracted } = node.attributes;
  const freeOf = (x: Node, which: 0 | 1) =>
    range(0, x.shape.length).filter((i) => !batch[which].includes(i) && !contracted[which].includes(i));
  const [freeMine, freeOther] = [freeOf(mine, side), freeOf(other, otherSide)];

  const batches = range(0, batch[0].length);
  const startOther = side === 0 ? batches.length + freeMine.length : batches.length;
  const summed = range(startOther, freeOther.length);

  // The other operand's remaining axes are the contracted ones, in its own order; each faces one of mine.
  const remaining = [...contracted[otherSide]].sort((a, b) => a - b);
  const faced = remaining.map((axis) => contracted[side][contracted[otherSide].indexOf(axis)] as number);

  // Either order of operands will do: take the one whose result needs no permutation, if there is one.
  const resultFirst = [...batch[side], ...freeMine, ...faced];
  const otherFirst = [...batch[side], ...faced, ...freeMine];
  const order = (axes: readonly number[]) => range(0, axes.length).map((axis) => axes.indexOf(axis));
  const sorted = (axes: readonly number[]) => axes.every((axis, i) => axis === i);
  if (sorted(otherFirst) && !sorted(resultFirst)) return contract(other, g, [batch[otherSide], batches], [freeOther, summed]);
  return permute(contract(g, other, [batches, batch[otherSide]], [summed, freeOther]), order(resultFirst));
}

const rule: ReverseRule<"contract"> = (node, g) => [() => cotangentOf(node, g, 0), () => cotangentOf(node, g, 1)];

export const contractions: ReverseRows<"contract"> = { contract: rule };
