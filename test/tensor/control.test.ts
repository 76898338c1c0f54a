import { describe, expect, it } from "vitest";
import { compile, cond, Generator, gradients, scan, type Tensor, tensor, uniform, variable, whileLoop, zeros } from "../../src/index.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

describe.each(devices)("control flow on %s", (device) => {
  const using = (body: () => void) => () => on(device, body);

  it(
    "cond runs one branch, with operands and what it closes over",
    using(() => {
      const outer = tensor([10, 20]);
      const f = (p: Tensor<"bool">) =>
        cond(
          p,
          (x) => ({ y: (x as Tensor).add(outer), n: [tensor(1)] }),
          (x) => ({ y: (x as Tensor).mul(2), n: [tensor(2)] }),
          [tensor([1, 2])],
        );
      expectTensor(f(tensor(true)).y, [11, 22]);
      expectTensor(f(tensor(false)).y, [2, 4]);
      expectTensor(f(tensor(false)).n[0] as Tensor, 2);
      const compiled = compile((s: Tensor) =>
        cond(
          s.gt(0),
          () => outer.sum(),
          () => s.mul(100),
        ),
      );
      expectTensor(compiled(1), 30);
      expectTensor(compiled(-1), -100);
    }),
  );

  it(
    "variables assigned in one branch are kept in the other",
    using(() => {
      const [a, b] = [variable([1], "a"), variable([10], "b")];
      const step = compile((flag: Tensor) => {
        const r = cond(
          flag.gt(0),
          () => {
            a.assign(a.add(b));
            return a.mul(1);
          },
          () => {
            b.assign(b.mul(2));
            return a.mul(-1);
          },
        );
        return [r, a.add(b)];
      });
      const read = () => [a.itemSync(), b.itemSync()];
      const [r, s] = step(1) as [Tensor, Tensor];
      expectTensor(r, [11]);
      expectTensor(s, [21]);
      expect(read()).toEqual([11, 10]);
      expectTensor(step(-1)[0] as Tensor, [-11]);
      expect(read()).toEqual([11, 20]);
      // Outside a compiled function it happens at once.
      cond(
        tensor(true),
        () => a.assign([7]),
        () => undefined,
      );
      expect(read()).toEqual([7, 20]);
    }),
  );

  it(
    "the gradient of cond is that of the branch taken",
    using(() => {
      const x = tensor([3]);
      const f = (p: boolean) =>
        gradients(
          cond(
            tensor(p),
            () => x.square(),
            () => x.mul(5),
          ).sum(),
          [x],
        )[0] as Tensor;
      expectTensor(f(true), [6]);
      expectTensor(f(false), [5]);
    }),
  );

  it(
    "whileLoop with state, constants and variables",
    using(() => {
      const limit = tensor(100);
      const calls = variable(tensor(0, { dtype: "int32" }), "calls");
      const step = compile((start: Tensor) =>
        whileLoop(
          ({ x }) => x.lt(limit),
          ({ x, n }) => {
            calls.assign(calls.add(1));
            return { x: x.mul(2), n: n.add(1) };
          },
          { x: start, n: tensor(0, { dtype: "int32" }) },
        ),
      );
      const { x, n } = step(3);
      expectTensor(x, 192);
      expectTensor(n, 6, "int32");
      expectTensor(step(500).n, 0, "int32");
      expectTensor(calls, 6, "int32");
      // The condition sees what the body assigns.
      const count = variable(0, "count");
      whileLoop(
        () => count.lt(5),
        () => {
          count.assign(count.add(1));
        },
        undefined,
      );
      expectTensor(count, 5);
    }),
  );

  it(
    "scan: carries, outputs, reverse, several sequences, none at all",
    using(() => {
      const xs = tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]);
      const [last, all] = scan((c: Tensor, x: Tensor) => [c.add(x), c.add(x)], zeros([2]) as Tensor, xs);
      expectTensor(last, [9, 12]);
      expectTensor(all, [
        [1, 2],
        [4, 6],
        [9, 12],
      ]);
      const [, back] = scan((c: Tensor, x: Tensor) => [c.add(x), c.add(x)], zeros([2]) as Tensor, xs, { reverse: true });
      expectTensor(back, [
        [9, 12],
        [8, 10],
        [5, 6],
      ]);
      const [state, outputs] = scan(
        (c: { h: Tensor; n: Tensor }, [a, b]: [Tensor, Tensor]) =>
          [
            { h: c.h.add(a.mul(b)), n: c.n.add(1) },
            { product: a.mul(b), none: undefined },
          ] as const,
        { h: tensor(0) as Tensor, n: tensor(0) as Tensor },
        [tensor([1, 2, 3]), tensor([4, 5, 6])] as [Tensor, Tensor],
      );
      expectTensor(state.h, 32);
      expectTensor(state.n, 3);
      expectTensor(outputs.product, [4, 10, 18]);
      const [power] = scan((c: Tensor) => [c.mul(2), undefined], tensor(1) as Tensor, undefined, { length: 10 });
      expectTensor(power, 1024);
    }),
  );

  it(
    "variables assigned in scan go on from step to step, generators too",
    using(() => {
      const seen = variable([0], "seen");
      const generator = new Generator(3);
      const other = new Generator(3);
      const step = compile((xs: Tensor) => {
        const [, draws] = scan(
          (c: Tensor, x: Tensor) => {
            seen.assign(seen.add(x));
            return [c, uniform([2], { generator })];
          },
          tensor(0) as Tensor,
          xs,
        );
        return draws;
      });
      const draws = step(tensor([1, 2, 3]));
      expectTensor(seen, [6]);
      const expected = [0, 1, 2].map(() => uniform([2], { generator: other }).toArraySync());
      expectTensor(draws, expected);
      expect([...generator.state.dataSync()]).toEqual([...other.state.dataSync()]);
    }),
  );

  it(
    "nests: a loop in a branch in a loop, reading the outer carry",
    using(() => {
      const f = compile((n: Tensor) =>
        scan(
          (c: Tensor, x: Tensor) => {
            const inner = cond(
              x.gt(1),
              () =>
                whileLoop(
                  (y) => y.lt(c.add(10)),
                  (y) => y.add(x),
                  c,
                ),
              () => c.add(n),
            );
            return [inner, inner];
          },
          tensor(0) as Tensor,
          tensor([1, 2, 3]),
        ),
      );
      const [last, all] = f(5);
      // 5, then 5 + 2k ≥ 15 → 15, then 15 + 3k ≥ 25 → 27
      expectTensor(all, [5, 15, 27]);
      expectTensor(last, 27);
    }),
  );
});

describe("mistakes", () => {
  it.each([
    [
      "a predicate that is no scalar",
      () =>
        cond(
          tensor([true]),
          () => tensor(1),
          () => tensor(2),
        ),
      "SHAPE",
      "cond: the predicate must be a bool scalar; got bool[1].",
    ],
    [
      "branches of other shapes",
      () =>
        cond(
          tensor(true),
          () => tensor(1),
          () => tensor([2]),
        ),
      "SHAPE",
      "cond: the branches return different types; got float32[1], expected float32[].",
    ],
    [
      "branches of other structures",
      () =>
        cond<unknown>(
          tensor(true),
          () => [tensor(1)],
          () => ({ a: tensor(1) }),
        ),
      "OPTION",
      /^cond: the branches return different structures/,
    ],
    [
      "numbers from a branch",
      () =>
        cond<unknown>(
          tensor(true),
          () => 1,
          () => 2,
        ),
      "OPTION",
      /^cond: the results of a branch must be tensors.*tensor\(\)\.$/,
    ],
    [
      "a state that changes its type",
      () =>
        whileLoop(
          (i: Tensor<"int32">) => i.lt(3),
          (i: Tensor<"int32">) => i.add(0.5),
          tensor(0, { dtype: "int32" }),
        ),
      "SHAPE",
      "whileLoop: part 0 of the state changes its type in the body; got float32[], expected int32[]. Cast or reshape it, or start with that type.",
    ],
    [
      "a body without a pair",
      () => scan((c: Tensor) => c as never, tensor(1) as Tensor, tensor([1])),
      "OPTION",
      /^scan: the body must return \[carry, output\]/,
    ],
    [
      "no length",
      () => scan((c: Tensor) => [c, undefined], tensor(1) as Tensor, undefined),
      "OPTION",
      /^scan: without sequences the number of steps is unknown/,
    ],
    [
      "sequences of other lengths",
      () => scan((c: Tensor) => [c, undefined], tensor(1) as Tensor, [tensor([1]), tensor([1, 2])]),
      "SHAPE",
      /^scan: a sequence has the wrong length along axis 0; got \[2\]/,
    ],
    [
      "a gradient through a while",
      () => {
        const x = tensor(0) as Tensor;
        const last = whileLoop(
          (y) => y.lt(3),
          (y) => y.add(1),
          x,
        );
        return gradients(last, [x]);
      },
      "GRADIENT",
      /while.*Use scan with a fixed length/,
    ],
  ] as const)("%s", (_, body, code, message) => {
    const error = errorOf(body);
    expect(error.code).toBe(code);
    if (typeof message === "string") expect(error.message).toBe(message);
    else expect(error.message).toMatch(message);
  });

  it("a tensor from inside a body cannot leave it but through the result", () => {
    let inside: Tensor | null = null;
    const [last] = scan(
      (c: Tensor, x: Tensor) => {
        inside = x;
        return [c.add(x), undefined];
      },
      tensor(0) as Tensor,
      tensor([1]),
    );
    expectTensor(last, 1);
    expect(errorOf(() => (inside as unknown as Tensor).add(1).dataSync()).code).toBe("ESCAPED");
  });

  it("a condition that assigns is refused", () => {
    const v = variable(0, "v");
    const loop = () =>
      whileLoop(
        (x) => {
          v.assign(1);
          return x.lt(3);
        },
        (x) => x.add(1),
        tensor(0) as Tensor,
      );
    expect(errorOf(loop).message).toBe("whileLoop: the condition assigns a variable. Assign in the body.");
    expectTensor(v, 0);
  });
});
