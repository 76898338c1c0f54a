// Diagonals and triangles on nodes. A diagonal is a view: with its two axes merged, its elements are equally far apart. A matrix
// with a given diagonal is one too: rows padded by one element, merged, shift by one from row to row.

import { binary, constant, iota, pad, permute, reshape, where as select, slice } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { normalizeAxis, showShape } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { fill } from "./operands.ts";

function checkOffset(where: string, offset: number): void {
  if (!Number.isInteger(offset))
    throw mistake("OPTION", {
      where,
      problem: "the offset must be an integer",
      got: offset,
      expected: "0, or the distance above (+) or below (−)",
    });
}

/** The elements [i, i + offset] of two axes, on a new last axis. */
export function diagonal(x: Node, offset: number, axis1: number, axis2: number): Node {
  const rank = x.shape.length;
  const first = normalizeAxis("diagonal", axis1, rank);
  const second = normalizeAxis("diagonal", axis2, rank);
  checkOffset("diagonal", offset);
  if (first === second)
    throw mistake("AXIS", { where: "diagonal", problem: "the two axes are the same", got: `${axis1} and ${axis2}`, expected: "two axes" });
  const others = [...x.shape.keys()].filter((i) => i !== first && i !== second);
  const moved = permute(x, [...others, first, second]);
  const lead = others.map((i) => x.shape[i] as number);
  const [rows, columns] = [x.shape[first] as number, x.shape[second] as number];
  const count = Math.max(0, Math.min(rows - Math.max(0, -offset), columns - Math.max(0, offset)));
  if (count === 0) return constant(0, x.dtype, [...lead, 0]);
  const start = offset >= 0 ? offset : -offset * columns;
  return slice(
    reshape(moved, [...lead, rows * columns]),
    [...lead.map(() => 0), start],
    [...lead, count],
    [...lead.map(() => 1), columns + 1],
  );
}

/** A matrix with the elements of a vector on a diagonal, zeros beside it; of a matrix, its diagonal. */
export function diag(x: Node, offset: number): Node {
  if (x.shape.length === 2) return diagonal(x, offset, 0, 1);
  if (x.shape.length !== 1)
    throw mistake("SHAPE", {
      where: "diag",
      problem: "needs a vector or a matrix",
      got: showShape(x.shape),
      expected: "[n] or [m,n]",
      advice: "Use diagonal for two axes of many.",
    });
  checkOffset("diag", offset);
  const n = x.shape[0] as number;
  const aside = Math.abs(offset);
  if (n === 0) return constant(0, x.dtype, [aside, aside]);
  const shifted = reshape(pad(reshape(x, [n, 1]), [0, 0], [0, n]), [n * (n + 1)]);
  const square = reshape(slice(shifted, [0], [n * n]), [n, n]);
  const [below, right] = offset >= 0 ? [0, aside] : [aside, 0];
  return pad(square, [below, right], [aside - below, aside - right]);
}

/** Keeps what is on a diagonal and below it (`tril`) or above it (`triu`); zeros elsewhere. */
export function triangle(where: "tril" | "triu", x: Node, offset: number): Node {
  const rank = x.shape.length;
  if (rank < 2)
    throw mistake("SHAPE", { where, problem: "needs matrices", got: showShape(x.shape), expected: "at least two axes, […,m,n]" });
  checkOffset(where, offset);
  const [row, column] = [iota(x.shape, rank - 2), iota(x.shape, rank - 1)];
  const limit = binary("add", row, constant(offset, "int32", x.shape));
  return select(where === "tril" ? binary("le", column, limit) : binary("le", limit, column), x, fill(x, 0));
}
