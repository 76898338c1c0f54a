// Rows of branches and loops.

import * as build from "../../../src/graph/build.ts";
import type { Node } from "../../../src/graph/node.ts";
import { floats, vector } from "../values.ts";
import { plain, type Rows, regionOf, smooth, start } from "./case.ts";

const f = (...shape: number[]) => ({ shape, dtype: "float32" as const });
const i32 = (...shape: number[]) => ({ shape, dtype: "int32" as const });
const add = (a?: Node, b?: Node) => build.binary("add", a as Node, b as Node);
const mul = (a?: Node, b?: Node) => build.binary("mul", a as Node, b as Node);
const number = (like: Node | undefined, value: number) => build.constant(value, (like as Node).dtype, (like as Node).shape);

/** tanh(W·h + x): a recurrent step on vectors. */
const recurrent = regionOf([f(3, 3), f(3), f(3)], ([w, h, x]) => {
  const next = build.unary("tanh", add(build.contract(w as Node, h as Node, [[], []], [[1], [0]]), x));
  return [next, mul(next, next)];
});

export const regionRows: Rows<"region" | "project"> = {
  cond: [0, 1].flatMap((taken) => [
    smooth(`predicate ${taken}`, [{ shape: [], dtype: "bool", data: [taken] }, floats([3]), floats([3], 0.5, 2, 2)], ([p, a, b]) =>
      build.cond(
        p as Node,
        regionOf([f(3), f(3)], ([x, y]) => [mul(x, y), build.reduce("reduceSum", x as Node)]),
        regionOf([f(3), f(3)], ([x]) => [build.unary("sin", x as Node), number(build.reduce("reduceSum", x as Node), 4)]),
        [a as Node, b as Node],
      ),
    ),
    plain(`integers, predicate ${taken}`, [{ shape: [], dtype: "bool", data: [taken] }, vector("int32", 1, 2)], ([p, a]) =>
      build.cond(
        p as Node,
        regionOf([i32(2)], ([x]) => [x as Node]),
        regionOf([i32(2)], ([x]) => [build.unary("neg", x as Node)]),
        [a as Node],
      ),
    ),
  ]),
  while: [
    plain("doubles until large", [floats([3], 0.1, 1), start(0)], ([x, n]) =>
      build.whileLoop(
        regionOf([f(3), i32()], ([state]) => [
          build.binary("lt", build.reduce("reduceSum", state as Node), build.constant(100, "float32")),
        ]),
        regionOf([f(3), i32()], ([state, count]) => [mul(state, number(state, 2)), add(count, number(count, 1))]),
        [],
        [x as Node, n as Node],
      ),
    ),
    plain("never runs", [floats([2])], ([x]) =>
      build.whileLoop(
        regionOf([f(2)], () => [build.constant(0, "bool")]),
        regionOf([f(2)], ([s]) => [add(s, s)]),
        [],
        [x as Node],
      ),
    ),
    plain("with a constant", [start(3), start(1)], ([step, from]) =>
      build.whileLoop(
        regionOf([i32(), i32()], ([, s]) => [build.binary("lt", s as Node, build.constant(20, "int32"))]),
        regionOf([i32(), i32()], ([c, s]) => [add(s, c)]),
        [step as Node],
        [from as Node],
      ),
    ),
  ],
  scan: [
    ...[false, true].flatMap((reverse) => [
      smooth(
        `recurrent network, reverse ${reverse}`,
        [floats([3, 3], -0.8, 0.9), floats([3], -1, 1, 2), floats([4, 3], -1, 1, 3)],
        ([w, h, x]) => build.scan(recurrent, [w as Node], [h as Node], [x as Node], 4, reverse),
      ),
      smooth(`running sum, reverse ${reverse}`, [floats([2]), floats([5, 2], -1, 1, 2)], ([c, x]) => {
        const body = regionOf([f(2), f(2)], ([a, b]) => [add(a, b), a as Node]);
        return build.scan(body, [], [c as Node], [x as Node], 5, reverse);
      }),
    ]),
    smooth("a counter among the carries", [floats([2], 0.5, 1.5), start(0)], ([x, n]) => {
      const body = regionOf([f(2), f(2), i32()], ([k, s, count]) => [
        mul(s, build.unary("sin", add(k, build.broadcastTo(build.cast(count as Node, "float32"), [2])))),
        add(count, number(count, 1)),
      ]);
      return build.scan(body, [x as Node], [x as Node, n as Node], [], 3);
    }),
    smooth("carries that feed one another", [floats([], 0.3, 0.5), floats([], 0.7, 0.9)], ([a, b]) => {
      const body = regionOf([f(), f(), f()], ([p, q, r]) => [mul(p, q), add(q, r), build.unary("sin", p as Node)]);
      return build.scan(body, [], [a as Node, b as Node, b as Node], [], 4);
    }),
    smooth("no iterations", [floats([2]), floats([0, 2])], ([c, x]) =>
      build.scan(
        regionOf([f(2), f(2)], ([a, b]) => [mul(a, b), b as Node]),
        [],
        [c as Node],
        [x as Node],
        0,
      ),
    ),
    smooth("a scan in a scan", [floats([2], 0.4, 0.9), floats([3, 4], -1, 1, 2)], ([c, x]) => {
      const inner = regionOf([f(2), f()], ([state, element]) => [build.unary("tanh", add(state, build.broadcastTo(element as Node, [2])))]);
      const outer = regionOf([f(2), f(4)], ([state, line]) => {
        const [next] = build.scan(inner, [], [state as Node], [line as Node], 4, true);
        return [mul(next, state), build.reduce("reduceSum", next as Node)];
      });
      return build.scan(outer, [], [c as Node], [x as Node], 3);
    }),
  ],
  call: [
    smooth("several results", [floats([3, 3], -0.8, 0.9), floats([3]), floats([3], -1, 1, 3)], ([w, h, x]) =>
      build.call(recurrent, [w as Node, h as Node, x as Node]),
    ),
    smooth("calls in a chain, and in one another", [floats([3, 3], -0.8, 0.9), floats([3])], ([w, x]) => {
      const inner = regionOf([f(3, 3), f(3)], ([v, y]) => [
        build.unary("tanh", build.contract(v as Node, y as Node, [[], []], [[1], [0]])),
      ]);
      const outer = regionOf([f(3, 3), f(3)], ([v, y]) => {
        const [once] = build.call(inner, [v as Node, y as Node]);
        return [mul(build.call(inner, [v as Node, once as Node])[0], y)];
      });
      const [first] = build.call(outer, [w as Node, x as Node]);
      return build.call(outer, [w as Node, first as Node]);
    }),
    smooth("a scan inside", [floats([2]), floats([3, 2], -1, 1, 2)], ([c, x]) => {
      const step = regionOf([f(2), f(2)], ([a, b]) => [build.unary("sin", add(a, b)), mul(a, b)]);
      return build.call(
        regionOf([f(2), f(3, 2)], ([a, b]) => build.scan(step, [], [a as Node], [b as Node], 3)),
        [c as Node, x as Node],
      );
    }),
    smooth("its own gradient, which is the right one", [floats([3]), floats([3], 0.5, 1.5, 2)], ([x, y]) =>
      build.call(
        regionOf([f(3), f(3)], ([a, b]) => [mul(a, mul(b, b))]),
        [x as Node, y as Node],
        {
          backward: regionOf([f(3), f(3), f(3), f(3)], ([a, b, , g]) => [mul(g, mul(b, b)), mul(g, mul(a, add(b, b)))]),
          targets: [0, 1],
        },
      ),
    ),
    plain("integers", [vector("int32", 1, 2, 3)], ([x]) =>
      build.call(
        regionOf([i32(3)], ([a]) => [add(a, a), build.reduce("reduceSum", a as Node)]),
        [x as Node],
      ),
    ),
  ],
  project: [
    smooth(
      "one result of several",
      [floats([2]), floats([3, 2], -1, 1, 2)],
      ([c, x]) =>
        build.scan(
          regionOf([f(2), f(2)], ([a, b]) => [mul(a, b), add(a, b), mul(b, b)]),
          [],
          [c as Node],
          [x as Node],
          3,
        )[1] as Node,
    ),
    smooth("the same result twice", [floats([2]), floats([3, 2], -1, 1, 2)], ([c, x]) => {
      const [carry] = build.scan(
        regionOf([f(2), f(2)], ([a, b]) => [mul(a, b)]),
        [],
        [c as Node],
        [x as Node],
        3,
      );
      return mul(carry, build.project((carry as Node).inputs[0] as Node, 0));
    }),
  ],
};
