// The patterns of simplification, by operation: what a node with simplified inputs is better written as. None changes a bit of
// a result, but for the sign of a zero (x + 0 is x).

import { binary, cast, constant, expand, pad, permute, reshape, slice, unary, where } from "../graph/build.ts";
import { type DType, isFloat, isReal } from "../graph/dtype.ts";
import { inputOf, is, Node } from "../graph/node.ts";
import { type Attributes, isElementwise, type Op } from "../graph/operation.ts";
import { inline } from "../graph/rewrite.ts";
import { type Shape, sameShape } from "../graph/shape.ts";
import { constantOf, folded } from "./fold.ts";
import { splitReduction } from "./reduction.ts";

/** A better node of the same type and values, or null. */
type Pattern<O extends Op> = (node: Node<O>) => Node | null;

const first = (node: Node): Node => inputOf(node, 0);
const second = (node: Node): Node => inputOf(node, 1);

/** A constant operand and the other one, either way round. */
function withConstant(node: Node): { value: number; other: Node } | null {
  const right = constantOf(second(node));
  if (right !== null) return { value: right, other: first(node) };
  const left = constantOf(first(node));
  return left === null ? null : { value: left, other: second(node) };
}

// ---- Arithmetic

const add: Pattern<"add"> = (node) => {
  const [a, b] = [first(node), second(node)];
  const known = withConstant(node);
  if (known?.value === 0) return known.other;
  if (is(b, "neg")) return binary("sub", a, first(b));
  if (is(a, "neg")) return binary("sub", b, first(a));
  return null;
};

const sub: Pattern<"sub"> = (node) => {
  const [a, b] = [first(node), second(node)];
  if (constantOf(b) === 0) return a;
  return is(b, "neg") ? binary("add", a, first(b)) : null;
};

const mul: Pattern<"mul"> = (node) => {
  const known = withConstant(node);
  if (known === null) return null;
  if (known.value === 1) return known.other;
  if (known.value === 0 && !isFloat(node.dtype)) return constant(0, node.dtype, node.shape);
  return known.value === -1 && isFloat(node.dtype) ? unary("neg", known.other) : null;
};

const div: Pattern<"div"> = (node) => {
  const by = constantOf(second(node));
  if (by === 1) return first(node);
  if (by === null || !isFloat(node.dtype) || !isPowerOfTwo(by)) return null;
  return binary("mul", first(node), constant(1 / by, node.dtype, node.shape));
};

/** With a reciprocal that is a normal float32 too. */
function isPowerOfTwo(value: number): boolean {
  const exponent = Math.log2(Math.abs(value));
  return Number.isInteger(exponent) && Math.abs(exponent) < 126 && 2 ** exponent === Math.abs(value);
}

const pow: Pattern<"pow"> = (node) => {
  const exponent = constantOf(second(node));
  const base = first(node);
  if (exponent === 0) return constant(1, node.dtype, node.shape);
  if (exponent === 1) return base;
  return exponent === 2 ? binary("mul", base, base) : null;
};

/** x ∘ x is x. */
const idempotent = (node: Node): Node | null => (first(node) === second(node) ? first(node) : null);

function logical(node: Node, neutral: number, absorbing: number): Node | null {
  const same = idempotent(node);
  if (same !== null || node.dtype !== "bool") return same;
  const known = withConstant(node);
  if (known?.value === neutral) return known.other;
  return known?.value === absorbing ? constant(absorbing, "bool", node.shape) : null;
}

const whereRule: Pattern<"where"> = (node) => {
  const [condition, yes, no] = node.inputs as [Node, Node, Node];
  const known = constantOf(condition);
  if (known !== null) return known === 0 ? no : yes;
  if (yes === no) return yes;
  if (is(condition, "not")) return where(first(condition), no, yes);
  if (node.dtype !== "bool") return null;
  const [y, n] = [constantOf(yes), constantOf(no)];
  return y === 1 && n === 0 ? condition : y === 0 && n === 1 ? unary("not", condition) : null;
};

const exactly: Record<DType, readonly DType[]> = {
  bool: ["bool", "uint8", "int8", "int32", "uint32", "float16", "bfloat16", "float32", "float64"],
  uint8: ["uint8", "int32", "uint32", "float16", "float32", "float64"],
  int8: ["int8", "int32", "float16", "bfloat16", "float32", "float64"],
  int32: ["int32", "float64"],
  uint32: ["uint32", "float64"],
  float16: ["float16", "float32", "float64"],
  bfloat16: ["bfloat16", "float32", "float64"],
  float32: ["float32", "float64"],
  float64: ["float64"],
};

/** Two casts of which the first loses nothing are one, unless the way through floats saturates what would wrap. */
const castRule: Pattern<"cast"> = (node) => {
  const between = first(node);
  if (!is(between, "cast")) return null;
  const x = first(between);
  if (!exactly[x.dtype].includes(between.dtype)) return null;
  const wraps = !isReal(x.dtype) && isReal(between.dtype) && !isReal(node.dtype);
  return wraps && x.dtype !== node.dtype && x.dtype !== "bool" && x.dtype !== "uint8" ? null : cast(x, node.dtype);
};

const checkBounds: Pattern<"checkBounds"> = (node) => {
  const x = first(node);
  const { size } = node.attributes;
  const value = constantOf(x);
  if (value !== null && value >= 0 && value < size) return x;
  return is(x, "iota") && (x.shape[x.attributes.axis] as number) <= size ? x : null;
};

// ---- Views

const permuteRule: Pattern<"permute"> = (node) => {
  const x = first(node);
  const { axes } = node.attributes;
  const moved = axes.filter((a) => x.shape[a] !== 1);
  if (moved.every((a, i) => i === 0 || a > (moved[i - 1] as number))) return reshape(x, node.shape);
  if (!is(x, "permute")) return null;
  return permute(
    first(x),
    axes.map((a) => x.attributes.axes[a] as number),
  );
};

const sliceRule: Pattern<"slice"> = (node) => {
  const x = first(node);
  const { starts, steps } = node.attributes;
  if (is(x, "slice")) {
    const inner = x.attributes;
    return slice(
      first(x),
      starts.map((s, i) => (inner.starts[i] as number) + s * (inner.steps[i] as number)),
      node.shape,
      steps.map((s, i) => s * (inner.steps[i] as number)),
    );
  }
  if (!is(x, "pad") || x.attributes.interior.some((n) => n > 0)) return null;
  const from = starts.map((s, i) => s - (x.attributes.low[i] as number));
  const inside = from.every((s, i) => {
    const last = s + ((node.shape[i] as number) - 1) * (steps[i] as number);
    const size = first(x).shape[i] as number;
    return s >= 0 && s < size && last >= 0 && last < size;
  });
  return inside ? slice(first(x), from, node.shape, steps) : null;
};

const padRule: Pattern<"pad"> = (node) => {
  const x = first(node);
  const { low, high, interior, value } = node.attributes;
  if (Object.is(constantOf(x), value)) return constant(value, node.dtype, node.shape);
  if (!is(x, "pad") || !Object.is(x.attributes.value, value) || [...interior, ...x.attributes.interior].some((n) => n > 0)) return null;
  const sum = (a: readonly number[], b: readonly number[]) => a.map((n, i) => n + (b[i] as number));
  return pad(first(x), sum(low, x.attributes.low), sum(high, x.attributes.high), value);
};

// ---- Reductions

/** Reductions of nothing, and of axes of size 1. */
function trivialReduction(node: Node, axes: readonly number[], empty: number): Node | null {
  const x = first(node);
  if (axes.every((a) => x.shape[a] === 1)) return reshape(x, node.shape);
  return x.size === 0 ? constant(empty, node.dtype, node.shape) : null;
}

function argReduction(node: Node<"argMax"> | Node<"argMin">): Node | null {
  return first(node).shape[node.attributes.axis] === 1 ? constant(0, "int32", node.shape) : null;
}

/** The largest or smallest of equal values. */
function extreme(node: Node<"reduceMax"> | Node<"reduceMin">): Node | null {
  const value = constantOf(first(node));
  return value !== null ? constant(value, node.dtype, node.shape) : trivialReduction(node, node.attributes.axes, 0);
}

// ---- The table

const patterns: { readonly [O in Op]?: Pattern<O> } = {
  neg: (node) => (is(first(node), "neg") ? first(first(node)) : null),
  abs: (node) => {
    const x = first(node);
    return is(x, "abs") ? x : is(x, "neg") ? unary("abs", first(x)) : null;
  },
  not: (node) => {
    const x = first(node);
    if (is(x, "not")) return first(x);
    return is(x, "eq") || is(x, "ne") ? binary(is(x, "eq") ? "ne" : "eq", first(x), second(x)) : null;
  },
  cast: castRule,
  stopGradient: first,
  checkBounds,
  add,
  sub,
  mul,
  div,
  pow,
  maximum: idempotent,
  minimum: idempotent,
  and: (node) => logical(node, 1, 0),
  or: (node) => logical(node, 0, 1),
  where: whereRule,
  reduceSum: (node) => trivialReduction(node, node.attributes.axes, 0) ?? splitReduction(node),
  reduceProduct: (node) => trivialReduction(node, node.attributes.axes, 1),
  reduceMax: extreme,
  reduceMin: extreme,
  argMax: argReduction,
  argMin: argReduction,
  reshape: (node) => (is(first(node), "reshape") ? reshape(first(first(node)), node.shape) : null),
  permute: permuteRule,
  expand: (node) => (is(first(node), "expand") ? expand(first(first(node)), node.shape) : null),
  slice: sliceRule,
  pad: padRule,
  dynamicSlice: (node) => {
    const starts = node.inputs.slice(1).map(constantOf);
    if (starts.includes(null)) return null;
    const x = first(node);
    const clamped = starts.map((s, i) => Math.max(0, Math.min(s as number, (x.shape[i] as number) - (node.shape[i] as number))));
    return slice(x, clamped, node.shape);
  },
  project: (node) => {
    const from = first(node);
    if (!is(from, "cond")) return null;
    const known = constantOf(first(from));
    if (known === null) return null;
    const { then, otherwise } = from.attributes;
    return inline(known === 0 ? otherwise : then, from.inputs.slice(1))[node.attributes.index] as Node;
  },
};

/** What the node is better written as, or null where nothing is to be gained. */
export function improve<O extends Op>(node: Node<O>): Node | null {
  const { op } = node as Node;
  if (op === "constant" || op === "input" || op === "buffer") return null;
  if (node.size === 0 && op !== "project" && op !== "cond" && op !== "while" && op !== "scan")
    return constantOf(node) === null ? constant(0, node.dtype, node.shape) : canonicalConstant(node);
  if (isElementwise(op)) {
    const known = folded(node) ?? throughExpand(node);
    if (known !== null) return known;
  } else if (op === "reshape" || op === "permute" || op === "expand" || op === "slice" || op === "window") {
    const known = canonicalConstant(node);
    if (known !== null || constantOf(node) !== null) return known;
  }
  const next = (patterns[op] as Pattern<O> | undefined)?.(node) ?? null;
  return (next as Node | null) === node ? null : next;
}

/** A view of a constant as the one form that all of them have: a scalar, reshaped to axes of size 1, expanded. */
function canonicalConstant(node: Node): Node | null {
  const value = constantOf(node);
  if (value === null) return null;
  const base = is(node, "expand") ? first(node) : node;
  if (is(base, "reshape") && is(first(base), "constant")) return null;
  return constant(value, node.dtype, node.shape);
}

/** Elementwise work on operands that are all stretched alike: done before stretching. */
function throughExpand(node: Node): Node | null {
  let small: Shape | null = null;
  for (const x of node.inputs) {
    if (constantOf(x) !== null) continue;
    if (!is(x, "expand") || (small !== null && !sameShape(small, first(x).shape))) return null;
    small = first(x).shape;
  }
  if (small === null) return null;
  const shape: Shape = small;
  const inputs = node.inputs.map((x) => {
    const value = constantOf(x);
    return value === null ? first(x) : constant(value, x.dtype, shape);
  });
  return expand(new Node<Op>(node.op, inputs, node.attributes as Attributes[Op], shape, node.dtype), node.shape);
}
