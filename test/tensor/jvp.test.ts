import { describe, expect, test } from "vitest";
import { compile, gradients, scan, stack, type Tensor, tensor, uniform, variable, whileLoop } from "../../src/index.ts";
import { hessianVectorProduct, jacobian, jvp } from "../../src/transforms.ts";
import { devices, errorOf, expectClose, expectTensor, on } from "./values.ts";

const draw = (shape: number[], from: number) => uniform(shape, { low: -1, high: 1, seed: from });

describe.each(devices)("on %s", (device) => {
  const here = (name: string, body: () => void) => test(name, () => on(device, body));

  here("jvp: value and tangent, in the structure of the function's result", () => {
    const [x, y] = [tensor([1, 2]), tensor([3, 4])];
    const { value, tangent } = jvp((a, b) => ({ p: a.mul(b), n: a.argMax(), c: tensor(5) }), [x, y], [tensor([1, 0]), tensor([0, 10])]);
    expectTensor(value.p, [3, 8]);
    expectTensor(tangent.p, [3, 20]);
    expectTensor(value.n, 1, "int32");
    expectTensor(tangent.n, 0, "int32");
    expectTensor(tangent.c, 0);
  });

  here("jvp: of one tensor for two parameters, of what the function is closed over nothing, of a loop", () => {
    const x = tensor([2, 3]);
    const twice = x.mul(2);
    const { tangent } = jvp((a, b) => a.mul(b).add(twice).mul(x), [x, x], [tensor([1, 1]), tensor([0, 0])]);
    expectTensor(tangent, [4, 9]);
    const loop = jvp(
      (a) =>
        whileLoop(
          ([v]) => v.lt(100),
          ([v]) => [v.mul(v)] as [Tensor],
          [a] as [Tensor],
        )[0],
      [tensor(3)],
      [tensor(1)],
    );
    expectTensor(loop.value, 6561);
    expectTensor(loop.tangent, 8 * 3 ** 7);
  });

  here("jvp: of jvp", () => {
    const x = tensor(0.7);
    const first = (a: Tensor) => jvp((b) => b.sin().exp(), [a], [tensor(1)]).tangent as Tensor;
    expectTensor(jvp(first, [x], [tensor(1)]).tangent, Math.exp(Math.sin(0.7)) * (Math.cos(0.7) ** 2 - Math.sin(0.7)));
    expectTensor(gradients(first(x), [x])[0] as Tensor, Math.exp(Math.sin(0.7)) * (Math.cos(0.7) ** 2 - Math.sin(0.7)));
  });

  here("hessianVectorProduct: the Hessian's columns, of variables in a compiled function", () => {
    const W = variable(draw([3, 4], 1), "W");
    const b = variable(draw([4], 2), "b");
    const X = draw([5, 3], 3);
    const loss = () => X.matmul(W).add(b).tanh().square().sum().add(W.square().sum().mul(0.1));
    const product = compile((v: Tensor, w: Tensor) => hessianVectorProduct(loss(), [W, b], [v, w]));
    const [v, w] = [draw([3, 4], 4), draw([4], 5)];
    const found = product(v, w);
    const [dW, db] = gradients(loss(), [W, b]) as [Tensor, Tensor];
    const expected = gradients(dW.mul(v).sum().add(db.mul(w).sum()), [W, b]);
    found.forEach((t, i) => {
      expectClose(t.toArraySync(), expected[i]?.toArraySync(), 1e-5);
    });
  });

  here("of a loss built outside, in the body of a loop: a variable is the same there", () => {
    const W = variable(draw([3], 1), "W");
    const product = () => {
      const loss = W.square().square().sum();
      return scan(
        (v: Tensor) => [hessianVectorProduct(loss.add(W.sum()), [W], [v])[0], gradients(loss, [W])[0]] as [Tensor, Tensor],
        tensor([1, 2, 3]),
        [],
        {
          length: 2,
        },
      );
    };
    const w = W.toArraySync() as number[];
    for (const run of [product, compile(product)]) {
      const [v, slopes] = run();
      expectTensor(
        v,
        w.map((x, i) => (12 * x * x) ** 2 * (i + 1)),
        "float32",
        1e-5,
      );
      expectTensor(
        slopes,
        [0, 1].map(() => w.map((x) => 4 * x ** 3)),
        "float32",
        1e-5,
      );
    }
    const moved = compile(() => {
      const loss = W.square().sum();
      const [v, slope] = scan(
        (c: Tensor) => {
          const before = gradients(loss, [W])[0] as Tensor;
          W.assign(W.add(1));
          return [c, [before, gradients(loss.add(W.square().sum()), [W])[0] as Tensor]] as [Tensor, [Tensor, Tensor]];
        },
        tensor(0),
        [],
        { length: 1 },
      );
      return [v, ...slope] as Tensor[];
    });
    const [, before, after] = moved();
    expectTensor(before as Tensor, [w.map((x) => 2 * x)]);
    expectTensor(after as Tensor, [w.map((x) => 2 * (x + 1))], "float32", 1e-5);
  });

  here("jacobian: every derivative of a tensor by another, and of that again", () => {
    const [x, W] = [draw([3], 1), variable(draw([3, 2], 2), "W")];
    const y = x.matmul(W).sin();
    expectTensor(jacobian(y, x), x.matmul(W).cos().unsqueeze(-1).mul(W.transpose()).toArraySync(), "float32", 1e-5);
    const J = jacobian(y, W);
    expect(J.shape).toEqual([2, 3, 2]);
    const rows = [0, 1].map((i) => gradients(y.at(i), [W])[0] as Tensor);
    expectTensor(J, stack(rows as [Tensor, Tensor]).toArraySync());
    const H = jacobian(gradients(x.square().square().sum(), [x])[0] as Tensor, x);
    expectTensor(
      H,
      (x.toArraySync() as number[]).map((v, i) => [0, 1, 2].map((j) => (i === j ? 12 * v * v : 0))),
      "float32",
      1e-5,
    );
    expectTensor(compile((v: Tensor) => jacobian(v.square(), v))(tensor([1, 2])), [
      [2, 0],
      [0, 4],
    ]);
  });
});

describe("mistakes", () => {
  const x = tensor([1, 2]);
  const cases: [string, () => unknown, RegExp][] = [
    ["a tangent too few", () => jvp((a) => a, [x], []), /needs a tangent for each tensor; got 0, expected 1/],
    [
      "a tangent of another shape",
      () => jvp((a) => a, [x], [tensor(1)]),
      /jvp: tangent 0 does not fit; got float32\[\], expected float32\[2\]/,
    ],
    [
      "integers",
      () => jvp((a) => a, [tensor([1], { dtype: "int32" }) as never], [tensor([1], { dtype: "int32" }) as never]),
      /floats only/,
    ],
    ["a vector of another shape", () => hessianVectorProduct(x.sum(), [x], [tensor([1])]), /hessianVectorProduct: tangent 0 does not fit/],
    ["an output that does not depend", () => jacobian(tensor([1]), x), /does not depend/],
  ];
  test.each(cases)("%s", (_, body, message) => {
    const error = errorOf(body);
    expect(error.name).toBe("UserError");
    expect(error.message).toMatch(message);
  });
});
