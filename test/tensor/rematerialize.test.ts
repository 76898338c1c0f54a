import { describe, expect, test } from "vitest";
import { bernoulli, compile, gradients, scan, seed, type Tensor, tensor, uniform, variable, zeros } from "../../src/index.ts";
import { customGradient, hessianVectorProduct, jvp, rematerialize, vmap } from "../../src/transforms.ts";
import { devices, errorOf, expectClose, expectTensor, on } from "./values.ts";

const draw = (shape: number[], from: number) => uniform(shape, { low: -1, high: 1, seed: from });

/** A deep network of blocks of three layers, and its gradients; `wrap` is put around each block. */
function network(blocks: number, width: number, wrap: (block: (x: Tensor) => Tensor) => (x: Tensor) => Tensor) {
  const weights = Array.from({ length: 3 * blocks }, (_, i) => variable(draw([width, width], i + 1).mul(1.5 / Math.sqrt(width)), `W${i}`));
  const run = compile((x: Tensor) => {
    let y = x;
    for (let b = 0; b < blocks; b++) {
      const block = (z: Tensor) => weights.slice(3 * b, 3 * b + 3).reduce((v, W) => v.matmul(W).tanh() as Tensor, z);
      y = wrap(block)(y);
    }
    const loss = y.square().mean();
    return [loss, ...gradients(loss, weights)];
  });
  return run;
}

describe("rematerialize", () => {
  test.each(devices)("gives the same values and gradients, on %s", (device) =>
    on(device, () => {
      const x = draw([6, 8], 90);
      const [plain, again] = [network(4, 8, (f) => f)(x), network(4, 8, (f) => rematerialize(f))(x)];
      plain.forEach((t, i) => {
        if (device === "wasm") expect([...(again[i] as Tensor).dataSync()]).toEqual([...t.dataSync()]);
        else expectClose((again[i] as Tensor).toArraySync(), t.toArraySync());
      });
    }),
  );

  test("needs less memory: that of one block, not of all", () => {
    const [blocks, width, rows] = [16, 32, 256];
    const x = zeros([rows, width]);
    const arena = (wrap: Parameters<typeof network>[2]) => network(blocks, width, wrap).program(x).memory().arena;
    const [plain, again] = [arena((f) => f), arena((f) => rematerialize(f))];
    const value = rows * width * 4;
    expect(plain).toBeGreaterThan(3 * blocks * value);
    expect(again).toBeLessThan((blocks + 10) * value);
  });

  test("draws the same random numbers in both passes, and assigns once", () => {
    const calls = variable(tensor(0), "calls");
    const W = variable(draw([8, 8], 1), "W");
    const block = (x: Tensor): Tensor => {
      calls.assign(calls.add(1));
      return bernoulli([4, 8]).where(x.matmul(W).tanh(), 0) as Tensor;
    };
    const step = (f: (x: Tensor) => Tensor) =>
      compile((x: Tensor) => {
        const y = f(f(x));
        return [y, ...gradients(y.square().sum(), [W, x])] as Tensor[];
      });
    const x = draw([4, 8], 2);
    seed(5);
    const plain = step(block)(x).map((t) => t.toArraySync());
    const after = uniform([3]).toArraySync();
    expect(calls.itemSync()).toBe(2);
    seed(5);
    const again = step(rematerialize(block))(x).map((t) => t.toArraySync());
    expect(again).toEqual(plain);
    expect(uniform([3]).toArraySync()).toEqual(after);
    expect(calls.itemSync()).toBe(4);
  });

  test("outside a compiled function, nested, around a scan, and twice differentiated", () => {
    const [W, x] = [draw([3, 3], 1), draw([5, 3], 2)];
    const inner = rematerialize((y: Tensor) => y.matmul(W).sin() as Tensor);
    const outer = rematerialize((y: Tensor) => ({ out: inner(inner(y)).mul(y) }));
    const looped = rematerialize((y: Tensor) => scan((c: Tensor, r: Tensor) => [c.add(r).tanh(), c] as [Tensor, Tensor], zeros([3]), y)[1]);
    const f = (y: Tensor) => looped(outer(y).out).square().sum() as Tensor;
    const g = (y: Tensor) => {
      const plain = y.matmul(W).sin().matmul(W).sin().mul(y) as Tensor;
      return scan((c: Tensor, r: Tensor) => [c.add(r).tanh(), c] as [Tensor, Tensor], zeros([3]), plain)[1]
        .square()
        .sum() as Tensor;
    };
    const twice = (h: (y: Tensor) => Tensor) => {
      const [slope] = gradients(h(x), [x]) as [Tensor];
      return [slope, ...gradients(slope.square().sum(), [x, W]), ...hessianVectorProduct(h(x), [x], [draw([5, 3], 7)])];
    };
    const [found, expected] = [twice(f), twice(g)];
    found.forEach((t, i) => {
      expectClose(t.toArraySync(), expected[i]?.toArraySync(), 1e-5);
    });
    expectTensor(vmap(looped)(x.reshape([1, 5, 3])), [looped(x).toArraySync()]);
  });
});

describe("customGradient", () => {
  const straight = customGradient(
    (x: Tensor) => x.round(),
    ({ cotangents: [g] }) => [g],
  );

  test.each(devices)("is what gradients get, on %s", (device) =>
    on(device, () => {
      const x = tensor([0.2, 1.7, -2.6]);
      const y = straight(x);
      expectTensor(y, [0, 2, -3]);
      expectTensor(gradients(y.square().sum(), [x])[0] as Tensor, [0, 4, -6]);
      expectTensor(jvp((v) => straight(v).mul(3), [x], [tensor([1, 2, 3])]).tangent, [3, 6, 9]);
      expectTensor(vmap((v: Tensor) => gradients(straight(v).square(), [v])[0] as Tensor)(x), [0, 4, -6]);
    }),
  );

  test("sees arguments, results and cotangents; integers need none; closures are constants", () => {
    const scale = variable(tensor(2), "scale");
    const f = customGradient(
      (x: Tensor, k: Tensor<"int32">, y: Tensor) => [x.mul(y).mul(scale), k.add(1), y.sum()] as [Tensor, Tensor<"int32">, Tensor],
      ({ inputs: [x, , y], outputs: [p, k, s], cotangents }) => {
        expect(cotangents.length).toBe(2);
        const [g, h] = cotangents as [Tensor, Tensor];
        return [
          g.mul(p as Tensor).add((y as Tensor).mul(k?.cast("float32") as Tensor)),
          null,
          h
            .mul(s as Tensor)
            .add(x as Tensor)
            .mul(scale),
        ];
      },
    );
    const [x, y] = [tensor([1, 2]), tensor([3, 5])];
    const k = tensor([4, 6], { dtype: "int32" });
    const [p, n, s] = f(x, k, y);
    expectTensor(p, [6, 20]);
    expectTensor(n, [5, 7], "int32");
    const [dx, dy] = gradients(p.sum().mul(10).add(s), [x, y]) as [Tensor, Tensor];
    expectTensor(dx, [10 * 6 + 3 * 5, 10 * 20 + 5 * 7]);
    expectTensor(dy, [2 * (8 + 1), 2 * (8 + 2)]);
    expect(errorOf(() => gradients(p.sum(), [scale])).message).toMatch(/does not depend on variable "scale"/);
  });

  test("what is one for all examples gets the sum of their cotangents", () => {
    const product = customGradient(
      (w: Tensor, x: Tensor) => w.mul(x).sum(),
      ({ inputs: [w, x], cotangents: [g] }) => [(x as Tensor).mul(g as Tensor), (w as Tensor).mul(g as Tensor)],
    );
    const [w, X] = [
      tensor([1, 2]),
      tensor([
        [3, 4],
        [5, 6],
        [7, 8],
      ]),
    ];
    const [dw, dX] = gradients(
      vmap(product, { inAxes: [null, 0] })(w, X)
        .mul(tensor([1, 10, 100]))
        .sum(),
      [w, X],
    ) as [Tensor, Tensor];
    expectTensor(dw, [753, 864]);
    expectTensor(dX, [
      [1, 2],
      [10, 20],
      [100, 200],
    ]);
  });

  test("variables that the function assigns are assigned once", () => {
    const count = variable(tensor(0), "count");
    const f = customGradient(
      (x: Tensor) => {
        count.assign(count.add(1));
        return x.mul(2);
      },
      ({ cotangents: [g] }) => [g],
    );
    const x = tensor([1]);
    expectTensor(gradients(f(x).sum(), [x])[0] as Tensor, [1]);
    expect(count.itemSync()).toBe(1);
  });

  const x = tensor([1, 2]);
  const cases: [string, () => unknown, RegExp][] = [
    [
      "a cotangent of another shape",
      () =>
        customGradient(
          (x: Tensor) => x.mul(2),
          () => [tensor(1)],
        )(x),
      /cotangent of argument 0 has another type.*got float32\[\].*expected float32\[2\]/,
    ],
    [
      "too few",
      () =>
        customGradient(
          (x: Tensor) => x.mul(2),
          () => [],
        )(x),
      /a list with a cotangent/,
    ],
    [
      "an argument that is no tensor",
      () =>
        customGradient(
          (x: Tensor) => x,
          () => [null],
        )(3 as never),
      /takes tensors only/,
    ],
    ["no function", () => rematerialize(null as never)(), /needs a function/],
  ];
  test.each(cases)("refuses %s", (_, body, message) => {
    const error = errorOf(body);
    expect(error.name).toBe("UserError");
    expect(error.message).toMatch(message);
  });
});
