// Forward mode's rules, one for every operation; the compiler refuses a missing row. Few are written out: elementwise operations
// have a diagonal Jacobian, which is its own transpose, so that the reverse rule is the forward rule; linear operations are
// applied to the tangent; and the rest is the transpose of the reverse rule.

import {
  binary,
  cast,
  contract,
  dynamicSlice,
  dynamicUpdate,
  expand,
  gather,
  input,
  pad,
  permute,
  reduce,
  reshape,
  scatterAdd,
  slice,
  where,
  window,
} from "../../graph/build.ts";
import { computed } from "../../graph/dtype.ts";
import { inputOf, type Node } from "../../graph/node.ts";
import { binaryOps, type Op, type OpsOf, plainUnaryOps, tabulate } from "../../graph/operation.ts";
import { add, like, zerosLike } from "../arithmetic.ts";
import { reverseTable } from "../reverse/table.ts";
import type { ForwardRule, ForwardTable, ReverseRule } from "../rule.ts";
import { regionRules } from "./region.ts";
import { transposeOf } from "./transpose.ts";

const pull = (node: Node, cotangent: Node): readonly ((() => Node) | null)[] => (reverseTable[node.op] as ReverseRule<Op>)(node, cotangent);

const total = (terms: readonly (Node | null)[]): Node => (terms.filter((t) => t !== null) as Node[]).reduce(add);

/** Σ ∂node/∂input · tangent, element by element. */
function diagonal(node: Node, tangents: readonly (Node | null)[]): Node {
  const terms = tangents.map((t, i) => (t === null ? null : (pull(node, t)[i]?.() ?? null)));
  return terms.every((t) => t === null) ? zerosLike(node) : total(terms);
}

/** A product of a thing with itself has one cotangent, for both operands. */
const product = (node: Node, tangents: readonly (Node | null)[]): Node => {
  const [a, b] = [inputOf(node, 0), inputOf(node, 1)];
  return a === b ? diagonal(node, [tangents[0] ?? null, null]) : diagonal(node, tangents);
};

/** Each result is a function of one row, so that the cotangents of a result of ones are its partial derivatives. */
const rows = (node: Node, [t]: readonly (Node | null)[]): Node => {
  const partial = (pull(node, like(node, 1))[0] as () => Node)();
  return reduce("reduceSum", binary("mul", partial, t as Node), (node as Node<"reduceMax">).attributes.axes);
};

/** The transpose of the reverse rule, which is linear in the cotangent. */
function transposed(node: Node, tangents: readonly (Node | null)[]): Node {
  const cotangent = input(node.shape, node.dtype);
  const reached = pull(node, cotangent).flatMap((thunk, i) => (tangents[i] == null || thunk === null ? [] : [{ i, x: thunk() }]));
  return transposeOf(
    reached.map(({ x }) => x),
    cotangent,
    reached.map(({ i }) => tangents[i] as Node),
  );
}

/** An elementwise operation goes forward where it goes backward. */
const elementwise = (op: OpsOf<"unary" | "binary" | "nary">): ForwardRule<Op> | null => (reverseTable[op] === null ? null : diagonal);

export const forwardTable: ForwardTable = {
  constant: null,
  input: null,
  buffer: null,
  iota: null,

  ...tabulate(plainUnaryOps, elementwise),
  ...tabulate(binaryOps, elementwise),
  mul: product,
  checkBounds: null,
  barrier: diagonal,
  threefry: null,
  cast: (node, [t]) => cast(t as Node, computed(node.dtype)),
  where: (node, [, yes, no]) => where(inputOf(node, 0), yes ?? zerosLike(node), no ?? zerosLike(node)),

  reduceSum: (node, [t]) => reduce("reduceSum", t as Node, node.attributes.axes),
  reduceProduct: rows,
  reduceMax: rows,
  reduceMin: rows,
  argMax: null,
  argMin: null,

  reshape: (node, [t]) => reshape(t as Node, node.shape),
  permute: (node, [t]) => permute(t as Node, node.attributes.axes),
  expand: (node, [t]) => expand(t as Node, node.shape),
  slice: ({ shape, attributes: { starts, steps } }, [t]) => slice(t as Node, starts, shape, steps),
  window: ({ attributes: { axes, sizes, strides, dilations } }, [t]) => window(t as Node, axes, sizes, strides, dilations),
  pad: ({ attributes: { low, high, interior } }, [t]) => pad(t as Node, low, high, 0, interior),

  contract: (node, [s, t]) => {
    const [a, b] = [inputOf(node, 0), inputOf(node, 1)];
    const { batch, contracted } = node.attributes;
    return total([s == null ? null : contract(s, b, batch, contracted), t == null ? null : contract(a, t, batch, contracted)]);
  },

  gather: (node, [t]) => gather(t as Node, inputOf(node, 1), node.attributes.axis),
  scatterAdd: (node, tangents) => {
    const { axis, combine } = node.attributes;
    const linear = combine === "sum" || combine === "last";
    return linear ? scatterAdd(node.shape, inputOf(node, 0), tangents[1] as Node, axis, combine) : transposed(node, tangents);
  },
  dynamicSlice: (node, [t]) => dynamicSlice(t as Node, node.inputs.slice(1), node.shape),
  dynamicUpdate: (node, [t, u]) => dynamicUpdate(t ?? zerosLike(node), u ?? zerosLike(inputOf(node, 1)), node.inputs.slice(2)),
  argSort: null,
  recurrence: transposed,

  ...regionRules,
  // The walk takes a region operation's tangents apart.
  project: null,
};
