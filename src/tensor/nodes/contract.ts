// Products of matrices and vectors on nodes, all of them one contraction.

import { broadcastTo, cast, contract, reshape } from "../../graph/build.ts";
import { isFloat } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import { broadcastShapes, showShape } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { meet } from "./operands.ts";

/** One float dtype for both; integers are refused, because their products would silently leave their range. */
function floats(where: string, a: Node, b: Node): [Node, Node] {
  const dtype = meet(where, a, b);
  if (!isFloat(dtype))
    throw mistake("DTYPE", {
      where,
      problem: "needs floating-point tensors",
      got: `${a.dtype} and ${b.dtype}`,
      advice: 'Cast them: cast("float32").',
    });
  return [cast(a, dtype), cast(b, dtype)];
}

/** NumPy's matmul: vectors lose the axis they got, leading axes broadcast. */
export function matmul(first: Node, second: Node): Node {
  const [a, b] = floats("matmul", first, second);
  const [m, n] = [a.shape.length, b.shape.length];
  const complaint = (problem: string, advice?: string) =>
    mistake("SHAPE", {
      where: "matmul",
      problem,
      got: `${showShape(a.shape)} and ${showShape(b.shape)}`,
      expected: "[…,m,k] and […,k,n]",
      ...(advice === undefined ? {} : { advice }),
    });
  if (m === 0 || n === 0) throw complaint("a scalar has no axis to multiply along", "Multiply a scalar with mul.");
  const inner = Math.max(0, n - 2);
  if (a.shape[m - 1] !== b.shape[inner])
    throw complaint(`axis ${m - 1} of the left (${a.shape[m - 1]}) and axis ${inner} of the right (${b.shape[inner]}) differ`);
  // Without leading axes on the right, those on the left are rows like others.
  if (n <= 2) return contract(a, b, [[], []], [[m - 1], [inner]]);
  const rows = m === 1 ? reshape(a, [1, ...a.shape]) : a;
  const lead = broadcastShapes("matmul", rows.shape.slice(0, -2), b.shape.slice(0, -2));
  const left = broadcastTo(rows, [...lead, ...rows.shape.slice(-2)]);
  const right = broadcastTo(b, [...lead, ...b.shape.slice(-2)]);
  const batch = lead.map((_, i) => i);
  const rank = lead.length;
  const product = contract(left, right, [batch, batch], [[rank + 1], [rank]]);
  return m === 1 ? reshape(product, [...lead, product.shape[rank + 1] as number]) : product;
}

function vectors(where: string, first: Node, second: Node): [Node, Node] {
  const [a, b] = floats(where, first, second);
  if (a.shape.length !== 1 || b.shape.length !== 1)
    throw mistake("SHAPE", {
      where,
      problem: "needs two vectors",
      got: `${showShape(a.shape)} and ${showShape(b.shape)}`,
      advice: "Use matmul for matrices.",
    });
  return [a, b];
}

/** Σ aᵢ bᵢ of two vectors. */
export function dot(first: Node, second: Node): Node {
  const [a, b] = vectors("dot", first, second);
  if (a.shape[0] !== b.shape[0])
    throw mistake("SHAPE", {
      where: "dot",
      problem: "the vectors differ in length",
      got: `${showShape(a.shape)} and ${showShape(b.shape)}`,
    });
  return contract(a, b, [[], []], [[0], [0]]);
}

/** aᵢ bⱼ of two vectors. */
export function outer(first: Node, second: Node): Node {
  return contract(...vectors("outer", first, second), [[], []], [[], []]);
}
