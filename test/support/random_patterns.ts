// The steps that random graphs are made of. Each looks at the pool of nodes made so far, picks operands by the given numbers,
// and pushes what it makes; where nothing in the pool fits, it makes what it needs.

import * as build from "../../src/graph/build.ts";
import { isFloat } from "../../src/graph/dtype.ts";
import type { Node } from "../../src/graph/node.ts";
import type { BinaryOp, PlainUnaryOp } from "../../src/graph/operation.ts";
import type { Shape } from "../../src/graph/shape.ts";
import { regionOf } from "./operations/case.ts";

type Pattern = (pool: Node[], choices: readonly number[]) => void;

const { binary, unary } = build;

const choose = <T>(list: readonly T[], choice: number | undefined): T => list[(choice ?? 0) % list.length] as T;
const number = (like: Node, value: number) => build.constant(value, like.dtype, like.shape);

/** A node of the pool that fits; later ones are as likely as early ones. */
function pick(pool: readonly Node[], choice: number | undefined, fits: (node: Node) => boolean = () => true): Node | undefined {
  const list = pool.filter(fits);
  return list.length === 0 ? undefined : choose(list, choice);
}

/** A float node; there always is one. Its dtype is that of all of the pool's floats. */
const float = (pool: readonly Node[], choice: number | undefined) => pick(pool, choice, (n) => isFloat(n.dtype)) as Node;

/** A float node with at least one axis. */
function withAxis(pool: readonly Node[], choice: number | undefined): Node {
  return pick(pool, choice, (n) => isFloat(n.dtype) && n.shape.length > 0) ?? build.reshape(float(pool, choice), [1]);
}

/** An int32 scalar. */
function whole(pool: readonly Node[], choice: number | undefined): Node {
  return pick(pool, choice, (n) => n.dtype === "int32" && n.shape.length === 0) ?? build.constant((choice ?? 0) % 5, "int32");
}

/** The node in another shape: broadcast if it can be, else its sum broadcast. */
function conform(x: Node, shape: Shape): Node {
  const aligned = x.shape.length <= shape.length && x.shape.every((n, i) => n === 1 || n === shape[shape.length - x.shape.length + i]);
  return build.broadcastTo(aligned ? x : build.reduce("reduceSum", x), shape);
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Some axes, at least one where there is one. */
function someAxes(x: Node, choice: number | undefined): number[] {
  const rank = x.shape.length;
  const mask = ((choice ?? 0) % (2 ** rank - 1 || 1)) + 1;
  return range(rank).filter((axis) => mask & (1 << axis));
}

function spread(x: Node, shape: Shape, axes: readonly number[]): Node {
  return build.expand(
    build.reshape(
      x,
      shape.map((n, i) => (axes.includes(i) ? 1 : n)),
    ),
    shape,
  );
}

const bounded: readonly PlainUnaryOp[] = ["sin", "cos", "tanh", "erf", "erfc", "neg", "abs"];
const steps: readonly PlainUnaryOp[] = ["sign", "floor", "ceil", "round", "trunc"];
const arithmetic: readonly BinaryOp[] = ["add", "sub", "mul", "maximum", "minimum"];
const comparisons: readonly BinaryOp[] = ["lt", "le", "eq", "ne"];
const integer: readonly BinaryOp[] = [
  "add",
  "sub",
  "mul",
  "div",
  "remainder",
  "and",
  "or",
  "xor",
  "maximum",
  "minimum",
  "shiftLeft",
  "shiftRight",
];

const inDouble = [
  ...["smooth", "steep", "step", "binary", "divide", "select", "reduce", "extreme", "centre", "softmax", "position", "sort", "running"],
  ...["angle", "slice", "pad", "join", "matmul", "gram"],
];

const positive = (x: Node) => binary("add", unary("abs", x), number(x, 0.5));

export const patterns: Record<string, Pattern> = {
  smooth: (pool, [a, b]) => pool.push(unary(choose(bounded, b), float(pool, a))),
  steep: (pool, [a, b]) => {
    const x = float(pool, a);
    const clipped = binary("minimum", x, number(x, 3));
    pool.push(
      choose(
        [
          () => unary("exp", clipped),
          () => unary("expm1", clipped),
          () => unary("log", positive(x)),
          () => unary("log1p", unary("abs", x)),
          () => unary("sqrt", positive(x)),
          () => binary("pow", positive(x), unary("tanh", x)),
          () => binary("pow", x, number(x, 2)),
        ],
        b,
      )(),
    );
  },
  step: (pool, [a, b]) => pool.push(unary(choose(steps, b), float(pool, a))),
  binary: (pool, [a, b, op]) => {
    const x = float(pool, a);
    pool.push(binary(choose(arithmetic, op), x, conform(float(pool, b), x.shape)));
  },
  divide: (pool, [a, b, op]) => {
    const x = float(pool, a);
    pool.push(binary(choose(["div", "remainder"], op), x, positive(conform(float(pool, b), x.shape))));
  },
  select: (pool, [a, b, op]) => {
    const x = float(pool, a);
    const y = conform(float(pool, b), x.shape);
    pool.push(build.where(binary(choose(comparisons, op), x, y), unary("sin", x), y));
  },
  reduce: (pool, [a, axes, op]) => {
    const x = float(pool, a);
    pool.push(build.reduce(choose(["reduceSum", "reduceSum", "reduceProduct"] as const, op), x, someAxes(x, axes)));
  },
  extreme: (pool, [a, axes, op]) => {
    const x = float(pool, a);
    if (x.size > 0) pool.push(build.reduce(choose(["reduceMax", "reduceMin"] as const, op), x, someAxes(x, axes)));
  },
  centre: (pool, [a, choice]) => {
    const x = withAxis(pool, a);
    const axes = someAxes(x, choice);
    pool.push(binary("sub", x, spread(build.reduce("reduceSum", x, axes), x.shape, axes)));
  },
  softmax: (pool, [a, choice]) => {
    const x = withAxis(pool, a);
    if (x.size === 0) return;
    const axes = someAxes(x, choice);
    const top = unary("stopGradient", build.reduce("reduceMax", x, axes));
    const powers = unary("exp", binary("sub", x, spread(top, x.shape, axes)));
    pool.push(binary("div", powers, spread(build.reduce("reduceSum", powers, axes), x.shape, axes)));
  },
  position: (pool, [a, axis, op]) => {
    const x = withAxis(pool, a);
    const at = (axis ?? 0) % x.shape.length;
    if (x.shape[at] !== 0) pool.push(build.argReduce(choose(["argMax", "argMin"] as const, op), x, at));
  },
  sort: (pool, [a, descending]) => {
    const x = withAxis(pool, a);
    pool.push(build.argSort(x, (descending ?? 0) % 2 === 1));
  },

  running: (pool, [a, axis, op]) => {
    const x = withAxis(pool, a);
    const combine = choose(["sum", "maximum"] as const, op);
    pool.push(build.recurrence(combine, [x], (axis ?? 0) % x.shape.length, (op ?? 0) % 4 > 1));
  },
  angle: (pool, [a]) => {
    const x = float(pool, a);
    pool.push(binary("atan2", unary("sin", x), unary("cos", x)));
  },

  flatten: (pool, [a, form]) => {
    const x = float(pool, a);
    const [first = 1, ...rest] = x.shape;
    pool.push(build.reshape(x, choose([[x.size], [1, ...x.shape], [...x.shape, 1], [...rest, first]], form)));
  },
  permute: (pool, [a, turn]) => {
    const x = withAxis(pool, a);
    const n = x.shape.length;
    pool.push(
      build.permute(
        x,
        range(n).map((i) => (i + 1 + (turn ?? 0)) % n),
      ),
    );
  },
  stretch: (pool, [a, count]) => {
    const x = float(pool, a);
    pool.push(build.broadcastTo(x, [1 + ((count ?? 0) % 3), ...x.shape]));
  },
  slice: (pool, [a, from, step, size]) => {
    const x = withAxis(pool, a);
    const parts = x.shape.map((n) => {
      const start = n === 0 ? 0 : (from ?? 0) % n;
      const by = choose([1, 2, -1, -2, 3], step);
      const room = n === 0 ? 0 : by > 0 ? Math.ceil((n - start) / by) : Math.ceil((start + 1) / -by);
      return { start, by, count: Math.min(room, 1 + ((size ?? 0) % 6)) };
    });
    pool.push(
      build.slice(
        x,
        parts.map((p) => p.start),
        parts.map((p) => p.count),
        parts.map((p) => p.by),
      ),
    );
  },
  pad: (pool, [a, low, high, interior]) => {
    const x = withAxis(pool, a);
    const each = (n: number | undefined) => x.shape.map((_, i) => ((n ?? 0) + i) % 3);
    pool.push(build.pad(x, each(low), each(high), choose([0, 1, -2.5], interior), each(interior)));
  },
  join: (pool, [a, b]) => {
    const x = build.reshape(float(pool, a), [float(pool, a).size]);
    const y = build.reshape(float(pool, b), [float(pool, b).size]);
    pool.push(binary("add", build.pad(x, [0], [y.size]), build.pad(y, [x.size], [0])));
  },

  matmul: (pool, [a, b, form]) => {
    const x = withAxis(pool, a);
    const axis = (form ?? 0) % x.shape.length;
    const k = x.shape[axis] as number;
    const y = pick(pool, b, (n) => n.dtype === "float32" && n.shape.includes(k)) ?? x;
    pool.push(build.contract(x, y, [[], []], [[axis], [y.shape.lastIndexOf(k)]]));
  },
  gram: (pool, [a, batch]) => {
    const x = withAxis(pool, a);
    const n = x.shape.length;
    const batches = range((batch ?? 0) % n);
    pool.push(build.contract(x, unary("tanh", x), [batches, batches], [[n - 1], [n - 1]]));
  },

  gather: (pool, [a, b, axis]) => {
    const x = withAxis(pool, a);
    const at = (axis ?? 0) % x.shape.length;
    const indices = pick(pool, b, (n) => n.dtype === "int32") as Node;
    if (x.shape[at] !== 0) pool.push(build.gather(x, indices, at));
  },
  scatter: (pool, [a, b]) => {
    const x = withAxis(pool, a);
    const n = x.shape[0] as number;
    const indices = pick(pool, b, (node) => node.dtype === "int32" && node.shape.length === 1 && node.shape[0] === n) ?? build.iota([n], 0);
    pool.push(build.scatterAdd([4, ...x.shape.slice(1)], indices, x, 0));
  },
  block: (pool, [a, b, size, write]) => {
    const x = float(pool, a);
    const starts = x.shape.map((_, i) => whole(pool, (b ?? 0) + i));
    const sizes = x.shape.map((n) => Math.min(n, 1 + ((size ?? 0) % 3)));
    const block = build.dynamicSlice(x, starts, sizes);
    pool.push((write ?? 0) % 2 === 0 ? block : build.dynamicUpdate(x, unary("sin", block), starts));
  },

  integers: (pool, [a, b, op]) => {
    const x = pick(pool, a, (n) => n.dtype === "int32") as Node;
    const y = pick(pool, b, (n) => n.dtype === "int32" && n.shape.length <= x.shape.length) as Node;
    pool.push(binary(choose(integer, op), x, conform(y, x.shape)));
  },
  total: (pool, [a, axes]) => {
    const x = pick(pool, a, (n) => n.dtype === "int32") as Node;
    pool.push(build.reduce("reduceSum", x, someAxes(x, axes)));
  },
  // What another pattern makes of floats, made in float64.
  double: (pool, [a, b, name, ...choices]) => {
    const wide: Node[] = [float(pool, a), float(pool, b)].map((x) => build.cast(x, "float64"));
    (patterns[choose(inDouble, name)] as Pattern)(wide, choices);
    pool.push(build.cast(wide[wide.length - 1] as Node, "float32"));
  },
  cast: (pool, [a, to]) => {
    const x = pick(pool, a) as Node;
    const dtype = isFloat(x.dtype) ? choose(["int32", "uint8", "bool"] as const, to) : "float32";
    const result = build.cast(x, dtype);
    pool.push(dtype === "int32" ? result : build.cast(result, "float32"));
  },
  index: (pool, [a, axis]) => {
    const x = withAxis(pool, a);
    pool.push(binary("add", x, build.cast(build.iota(x.shape, (axis ?? 0) % x.shape.length), "float32")));
  },
  random: (pool, [a, key]) => {
    const x = withAxis(pool, a);
    const words = (value: number) => build.constant(value, "uint32", x.shape);
    const bits = build.threefry(0, words(key ?? 0), words(7), build.cast(build.iota(x.shape, x.shape.length - 1), "uint32"), words(1));
    pool.push(binary("mul", build.cast(binary("shiftRight", bits, words(8)), "float32"), number(x, 2 ** -24)));
  },

  cond: (pool, [a, b]) => {
    const x = float(pool, a);
    const predicate = binary("lt", build.reduce("reduceSum", float(pool, b)), build.constant(0.3, "float32"));
    pool.push(
      ...build.cond(
        predicate,
        regionOf([x], ([p]) => [unary("sin", p as Node), build.reduce("reduceSum", p as Node)]),
        regionOf([x], ([p]) => [binary("mul", p as Node, p as Node), build.constant(2, "float32")]),
        [x],
      ),
    );
  },
  loop: (pool, [a, b]) => {
    // Behind stopGradient, because a while has no reverse mode.
    const x = unary("stopGradient", float(pool, a));
    const state = [x, build.constant(0, "int32")];
    const [result] = build.whileLoop(
      regionOf(state, ([, n]) => [binary("lt", n as Node, build.constant((b ?? 0) % 4, "int32"))]),
      regionOf(state, ([p, n]) => [
        unary("tanh", binary("add", p as Node, p as Node)),
        binary("add", n as Node, build.constant(1, "int32")),
      ]),
      [],
      state,
    );
    pool.push(result as Node);
  },
  scan: (pool, [a, reverse]) => {
    const x = withAxis(pool, a);
    const line = { shape: x.shape.slice(1), dtype: x.dtype };
    const body = regionOf([line, line], ([c, p]) => {
      const next = binary("add", unary("sin", c as Node), p as Node);
      return [next, binary("mul", next, c as Node)];
    });
    pool.push(...build.scan(body, [], [build.constant(0.5, "float32", line.shape)], [x], x.shape[0] as number, (reverse ?? 0) % 2 === 1));
  },
  recurrence: (pool, [a, b, length, reverse]) => {
    const x = withAxis(pool, a);
    const n = x.shape[x.shape.length - 1] as number;
    const w = build.broadcastTo(build.reduce("reduceSum", float(pool, b)), [n, n]);
    const counter = { shape: [], dtype: "int32" as const };
    const body = regionOf([w, x, counter], ([m, h, count]) => {
      const mixed = build.contract(h as Node, m as Node, [[], []], [[x.shape.length - 1], [0]]);
      const time = build.broadcastTo(build.cast(count as Node, "float32"), x.shape);
      return [unary("tanh", binary("add", mixed, time)), binary("add", count as Node, build.constant(1, "int32")), h as Node];
    });
    pool.push(...build.scan(body, [unary("sin", w)], [x, build.constant(0, "int32")], [], (length ?? 0) % 4, (reverse ?? 0) % 2 === 1));
  },
};
