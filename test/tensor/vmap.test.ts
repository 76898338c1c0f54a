import { describe, expect, test } from "vitest";
import {
  type AnyTensor,
  bernoulli,
  compile,
  cond,
  crossEntropy,
  gradients,
  normal,
  scalar,
  scan,
  seed,
  stack,
  type Tensor,
  tensor,
  uniform,
  variable,
  whileLoop,
} from "../../src/index.ts";
import { jvp, vmap } from "../../src/transforms.ts";
import { devices, errorOf, expectClose, expectTensor, on } from "./values.ts";

const draw = (shape: number[], from: number) => uniform(shape, { low: -1, high: 1, seed: from });

/** The loop that vmap stands for, over axis 0 of every argument. */
function loop<A extends Tensor[]>(fn: (...args: A) => Tensor, ...args: A): Tensor {
  const n = args[0]?.shape[0] as number;
  const parts = Array.from({ length: n }, (_, i) => fn(...(args.map((t) => t.at(i)) as A)));
  return stack(parts as [Tensor]) as Tensor;
}

describe.each(devices)("on %s", (device) => {
  const here = (name: string, body: () => void) => test(name, () => on(device, body));

  here("is the loop over examples", () => {
    const W = draw([4, 3], 1);
    const [X, Y] = [draw([5, 4], 2), draw([5, 3], 3)];
    const fn = (x: Tensor, y: Tensor) => x.matmul(W).tanh().mul(y).softmax(-1).add(y.max()) as Tensor;
    expectTensor(vmap(fn)(X, Y), loop(fn, X, Y).toArraySync());
  });

  here("over any axes, in and out, and over none", () => {
    const [X, v] = [draw([4, 5, 3], 2), draw([3], 3)];
    const fn = (x: Tensor, w: Tensor) => x.matmul(w) as Tensor;
    const expected = loop((x: Tensor) => fn(x, v), X.permute([1, 0, 2])).toArraySync();
    expectTensor(vmap(fn, { inAxes: [1, null] })(X, v), expected);
    expectTensor(vmap(fn, { inAxes: [-2, null], outAxes: -1 })(X, v).transpose(), expected);
    const two = vmap((x: Tensor) => [x.sum(), x.mul(2), v] as const, { inAxes: 2, outAxes: [0, 1, null] });
    const [sums, twice, same] = two(X);
    expectTensor(sums, X.sum([0, 1]).toArraySync());
    expectTensor(twice.permute([0, 2, 1]), X.mul(2).toArraySync());
    expectTensor(same, v.toArraySync());
  });

  here("nests", () => {
    const [A, B] = [draw([3, 4], 1), draw([5, 4], 2)];
    const dot = (a: Tensor, b: Tensor) => a.mul(b).sum() as Tensor;
    const all = vmap((a: Tensor) => vmap((b: Tensor) => dot(a, b))(B))(A);
    expectTensor(all, A.matmul(B.transpose()).toArraySync());
    const swapped = vmap(vmap(dot, { inAxes: [null, 0] }), { inAxes: [0, null], outAxes: 1 })(A, B);
    expectTensor(swapped, B.matmul(A.transpose()).toArraySync());
  });

  here("takes and gives structures; what does not depend on the example is repeated", () => {
    const fn = ({ x, list }: { x: Tensor; list: Tensor[] }) => ({ sum: x.add(list[0] as Tensor), one: tensor(1) });
    const out = vmap(fn)({ x: tensor([1, 2]), list: [tensor([10, 20])] });
    expectTensor(out.sum, [11, 22]);
    expectTensor(out.one, [1, 1]);
  });

  here("gradients for each example", () => {
    const W = variable(draw([4, 3], 1), "W");
    const b = variable(draw([3], 2), "b");
    const X = draw([6, 4], 3);
    const classes = tensor([0, 1, 2, 2, 1, 0], { dtype: "int32" });
    const step = compile((x: Tensor, y: Tensor<"int32">) => {
      const each = vmap((x: Tensor, y: Tensor<"int32">) =>
        gradients(crossEntropy(x.tanh().matmul(W).add(b).reshape([1, 3]) as Tensor, y.reshape([1])), [W, b]),
      )(x, y);
      return [...each, ...gradients(crossEntropy(x.tanh().matmul(W).add(b) as Tensor, y), [W, b])];
    });
    const [dW, db, meanW, meanB] = step(X, classes as never) as Tensor[];
    for (let i = 0; i < 6; i++) {
      const x = X.at(i).unsqueeze(0) as Tensor;
      const loss = crossEntropy(x.tanh().matmul(W).add(b) as Tensor, tensor([[0, 1, 2, 2, 1, 0][i] as number], { dtype: "int32" }));
      const [w, c] = gradients(loss, [W, b]);
      expectClose(dW?.at(i).toArraySync(), w?.toArraySync());
      expectClose(db?.at(i).toArraySync(), c?.toArraySync());
    }
    expectClose(dW?.mean(0).toArraySync(), meanW?.toArraySync());
    expectClose(db?.mean(0).toArraySync(), meanB?.toArraySync());
  });

  here("gradients through it, and both ways round with jvp", () => {
    const W = draw([4, 4], 1);
    const X = draw([3, 4], 2);
    const f = (x: Tensor) => x.matmul(W).sin().sum() as Tensor;
    const mapped = gradients(vmap(f)(X).square().sum(), [X, W]);
    const plain = gradients(loop(f, X).square().sum(), [X, W]);
    mapped.forEach((g, i) => {
      expectTensor(g, plain[i]?.toArraySync());
    });
    const V = draw([3, 4], 5);
    const slopes = vmap((x: Tensor, v: Tensor) => jvp(f, [x], [v]).tangent)(X, V);
    expectTensor(slopes, gradients(vmap(f)(X).sum(), [X])[0]?.mul(V).sum(1).toArraySync());
    expectTensor(jvp((x) => vmap(f)(x), [X], [V]).tangent, slopes.toArraySync());
  });

  here("loops and branches", () => {
    const xs = tensor([0.5, 3, 40, 0]);
    const halve = (x: Tensor) =>
      whileLoop(
        ([v]) => v.gt(1),
        ([v, n]) => [v.mul(0.5), n.add(1)] as [Tensor, Tensor],
        [x, tensor(0)] as [Tensor, Tensor],
      )[1];
    expectTensor(vmap(halve)(xs), [0, 2, 6, 0]);
    const choose = (x: Tensor) =>
      cond(
        x.gt(1),
        () => x.log(),
        () => x.mul(-1),
      ) as Tensor;
    expectTensor(vmap(choose)(xs), [-0.5, Math.log(3), Math.log(40), 0]);
    const sums = vmap((x: Tensor, row: Tensor) => scan((c: Tensor, r: Tensor) => [c.add(r), c.mul(x)] as [Tensor, Tensor], x, row));
    const rows = tensor([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
      [0, 1, 0],
    ]);
    const [last, outs] = sums(xs, rows);
    expectTensor(last, [6.5, 18, 64, 1]);
    expectTensor(outs, [
      [0.25, 0.75, 1.75],
      [9, 21, 36],
      [1600, 1880, 2200],
      [0, 0, 0],
    ]);
  });

  here("over hyper-parameters: a path of penalties in one program", () => {
    const [A, y] = [draw([8, 3], 1), draw([8], 2)];
    const ridge = (lambda: Tensor) => {
      const [w] = scan(
        (w: Tensor) => [w.sub(A.transpose().matmul(A.matmul(w).sub(y)).add(w.mul(lambda)).mul(0.1)), undefined] as [Tensor, undefined],
        tensor([0, 0, 0]),
        [],
        { length: 200 },
      );
      return w;
    };
    const all = vmap(ridge)(tensor([0.1, 1, 10])).toArraySync() as number[][];
    [0.1, 1, 10].forEach((lambda, i) => {
      expectClose(all[i], ridge(tensor(lambda)).toArraySync(), 1e-5);
    });
  });

  here("random numbers: each example its own, a seed the same for all, the generator goes on once", () => {
    const draws = compile((x: Tensor) => {
      const own = vmap((x: Tensor) => normal([2]).add(x.mul(0)))(x);
      const same = vmap((x: Tensor) => uniform([2], { seed: 7 }).add(x.mul(0)))(x);
      const nested = vmap((x: Tensor) => vmap((y: Tensor) => uniform([]).add(y.mul(0)))(x))(
        tensor([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
      );
      return [own, same, nested, uniform([2])] as Tensor[];
    });
    seed(3);
    const [own, same, nested, after] = draws(tensor([1, 2, 3]));
    seed(3);
    expectTensor(own as Tensor, normal([3, 2]).toArraySync());
    expectTensor(
      same as Tensor,
      [0, 1, 2].map(() => uniform([2], { seed: 7 }).toArraySync()),
    );
    expectTensor(nested as Tensor, uniform([3, 2]).toArraySync());
    expectTensor(after as Tensor, uniform([2]).toArraySync());
  });

  here("draws outside a compiled function, and in loops inside", () => {
    seed(4);
    const masks = vmap(
      (x: Tensor) => scan((c: Tensor) => [c, bernoulli([4]).cast("float32")] as [Tensor, Tensor], x, [], { length: 3 })[1],
    )(tensor([1, 2]));
    seed(4);
    const each = [0, 1, 2].map(() => bernoulli([2, 4]).cast("float32").toArraySync() as number[][]);
    expectTensor(
      masks,
      [0, 1].map((b) => each.map((m) => m[b])),
    );
  });
});

test("a variable may be assigned what is one for all examples", () => {
  const calls = scalar(0, "calls");
  const fn = vmap((x: Tensor) => {
    calls.assign(calls.add(1));
    return x.mul(2);
  });
  expectTensor(fn(tensor([1, 2, 3])), [2, 4, 6]);
  expect(calls.value).toBe(1);
  const last = variable(tensor(0), "last");
  const wrong = vmap((x: Tensor) => {
    last.assign(x);
    return x;
  });
  expect(errorOf(() => wrong(tensor([1, 2]))).message).toMatch(/vmap: variable "last" is assigned a value that depends on the example/);
  expect(last.itemSync()).toBe(0);
});

test("a product of a matrix and vectors becomes one contraction", () => {
  const W = variable(draw([16, 16], 1), "W");
  const step = compile((x: Tensor) => vmap((x: Tensor) => W.matmul(x))(x));
  const text = step.program(draw([32, 16], 2)).print();
  expect(text.match(/= contract /g)).toHaveLength(1);
  expect(text).toContain("contract f32[32,16]");
});

describe("mistakes", () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  const cases: [string, () => unknown, RegExp][] = [
    [
      "numbers of examples that differ",
      () => vmap((a: Tensor, b: Tensor) => a.add(b))(x, tensor([1, 2, 3])),
      /tensor 1 has another number of examples.*got 3.*expected 2/,
    ],
    ["nothing mapped", () => vmap((a: Tensor) => a, { inAxes: null })(x), /no argument has an axis/],
    ["axes that are too few", () => vmap((a: Tensor, b: Tensor) => a.add(b), { inAxes: [0] })(x, x), /inAxes needs an axis/],
    ["an axis that is none", () => vmap((a: Tensor) => a, { inAxes: 2 })(x), /vmap/],
    ["a result that differs", () => vmap((a: Tensor) => a, { outAxes: null })(x), /differs between examples/],
    ["no function", () => vmap(3 as never)(x as never), /needs a function/],
    ["an unknown option", () => vmap((a: AnyTensor) => a, { axes: 1 } as never), /axes/],
  ];
  test.each(cases)("%s", (_, body, message) => {
    const error = errorOf(body);
    expect(error.name).toBe("UserError");
    expect(error.message).toMatch(message);
  });
});
