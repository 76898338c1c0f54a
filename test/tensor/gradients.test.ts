import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { compile, gradients, scan, type Tensor, tensor, variable, variablesOf } from "../../src/index.ts";
import { devices, errorOf, expectClose, expectTensor, on } from "./values.ts";

const near = [-2.3, -0.7, 0.4, 1.9];
const smooth: Record<string, (x: Tensor) => Tensor> = {
  sigmoid: (x) => x.sigmoid(),
  softplus: (x) => x.softplus(),
  gelu: (x) => x.gelu(),
  geluTanh: (x) => x.gelu("tanh"),
  silu: (x) => x.silu(),
  elu: (x) => x.elu(0.7),
  leakyRelu: (x) => x.leakyRelu(0.2),
  relu: (x) => x.relu(),
  softmax: (x) => x.softmax().mul(tensor([1, 2, 3, 4])),
  logSoftmax: (x) => x.logSoftmax().mul(tensor([1, 2, 3, 4])),
  logSumExp: (x) => x.logSumExp(),
  variance: (x) => x.variance(),
  std: (x) => x.std(),
  prod: (x) => x.prod(),
  max: (x) => x.max(),
  clamp: (x) => x.clamp(-1, 1),
  pow3: (x) => x.pow(3),
  reciprocal: (x) => x.reciprocal(),
  rsqrt: (x) => x.square().add(1).rsqrt(),
  sort: (x) => x.sort().mul(tensor([1, 2, 3, 4])),
  flip: (x) => x.flip().mul(tensor([1, 2, 3, 4])),
  gather: (x) => x.gather(tensor([0, 0, 3], { dtype: "int32" })).square(),
  where: (x) => x.gt(0).where(x.square(), x.neg()),
};

describe("gradients of composed functions agree with finite differences, in double precision", () => {
  it.each(Object.keys(smooth))("%s", (name) =>
    on("reference", () => {
      const f = smooth[name] as (x: Tensor) => Tensor;
      // float64 tensors: they are exact on this device, and the perturbation is not rounded.
      const at = (values: number[]) => tensor(values, { dtype: "float64" }) as unknown as Tensor;
      const x = at(near);
      const [g] = gradients(f(x).sum(), [x]) as [Tensor];
      const h = 1e-5;
      const expected = near.map((v, i) => {
        const shifted = (s: number) =>
          f(at(near.with(i, v + s)))
            .sum()
            .itemSync();
        return (shifted(h) - shifted(-h)) / (2 * h);
      });
      expectClose(g.toArraySync(), expected, 2e-7);
    }),
  );
});

describe.each(devices)("gradients on %s", (device) => {
  const using = (body: () => void) => () => on(device, body);

  it(
    "at the kinks and far out nothing is NaN",
    using(() => {
      const derivative = (f: (x: Tensor) => Tensor, x: number) => {
        const t = tensor([x]);
        return (gradients(f(t).sum(), [t])[0] as Tensor).dataSync()[0];
      };
      expect(derivative((x) => x.relu(), 0)).toBe(0);
      expect(derivative((x) => x.sigmoid(), 0)).toBe(0.25);
      expect(derivative((x) => x.softplus(), 0)).toBe(0.5);
      expect(derivative((x) => x.sigmoid(), -200)).toBe(0);
      expect(derivative((x) => x.softplus(), 200)).toBe(1);
      expect(derivative((x) => x.elu(), 500)).toBe(1);
      expect(derivative((x) => x.clamp(-1, 1), 1)).toBe(1);
      expect(derivative((x) => x.clamp(-1, 1), 2)).toBe(0);
    }),
  );

  it(
    "second derivatives, through variables and plain tensors",
    using(() => {
      const x = variable([2, 3], "x");
      const [g] = gradients(x.pow(3).sum(), [x]) as [Tensor];
      const [h] = gradients(g.sum(), [x]) as [Tensor];
      expectTensor(g, [12, 27]);
      expectTensor(h, [12, 18]);
      const t = tensor([0.3]);
      const [a] = gradients(t.sin().sum(), [t]) as [Tensor];
      expectTensor(gradients(a.sum(), [t])[0] as Tensor, [-Math.sin(0.3)]);
    }),
  );

  it(
    "after the loss was read, and with a seed",
    using(() => {
      const x = tensor([1, 2]);
      const y = x.square();
      y.dataSync();
      expectTensor(gradients(y.sum(), [x])[0] as Tensor, [2, 4]);
      expectTensor(gradients(y, [x], { seed: tensor([1, 10]) })[0] as Tensor, [2, 40]);
    }),
  );

  it(
    "valueAndGradients, allowUnused, stopGradient",
    using(() => {
      const [a, b] = [tensor([1, 2]), tensor([3])];
      const { value, gradients: gs } = d.valueAndGradients((x, y) => x.mul(y.stopGradient()).sum(), [a, b], { allowUnused: true });
      expectTensor(value, 9);
      expectTensor(gs[0] as Tensor, [3, 3]);
      expectTensor(gs[1] as Tensor, [0]);
      expect(errorOf(() => gradients(a.sum(), [a, b])).message).toMatch(/the loss does not depend on tensor 1 of the list/);
    }),
  );

  it(
    "an assigned variable is a leaf: what comes after depends on the new value only",
    using(() => {
      const [w, v] = [variable([2], "w"), variable([3], "v")];
      const step = compile(() => {
        w.assign(w.mul(v));
        const loss = w.square().sum();
        return [...gradients(loss, [w]), tensor(variablesOf(loss).map((x) => x.cell.id))];
      });
      const [g, ids] = step() as [Tensor, Tensor];
      expectTensor(g, [12]);
      expectTensor(ids, [w.cell.id]);
      expectTensor(w, [6]);
    }),
  );

  it(
    "variablesOf: creation order, trainable only, present versions only",
    using(() => {
      const [a, b, c] = [variable([1], "a"), variable([2], "b"), variable([3], { name: "c", trainable: false })];
      const loss = c.mul(b).add(a).sum();
      expect(variablesOf(loss)).toEqual([a, b]);
      expect(variablesOf(loss, { all: true }).map((v) => v.name)).toEqual(["a", "b", "c"]);
      a.assign([5]);
      expect(variablesOf(loss).map((v) => v.name)).toEqual(["b"]);
      expect(variablesOf(a.stopGradient())).toEqual([]);
      expect(d.scalar(1).trainable).toBe(false);
    }),
  );

  it(
    "through scan",
    using(() => {
      const w = variable(0.5, "w");
      const xs = tensor([1, 2, 3]);
      const [last] = scan((h: Tensor, x: Tensor) => [h.mul(w).add(x), undefined], tensor(1) as Tensor, xs);
      // ((w + 1) w + 2) w + 3 = w³ + w² + 2 w + 3
      expectTensor(last, 0.125 + 0.25 + 1 + 3);
      expectTensor(gradients(last, [w])[0] as Tensor, 3 * 0.25 + 2 * 0.5 + 2);
    }),
  );
});

it("a graph forgets the far past of values that were read, and gradients say so", () => {
  let x = tensor([1]);
  const first = x;
  for (let i = 0; i < 1500; i++) {
    x = x.mul(1);
    x.dataSync();
  }
  expect(errorOf(() => gradients(x.sum(), [first])).message).toMatch(/goes back through more values that were read.*stopGradient/);
  const w = tensor([2]);
  expectTensor(gradients(x.stopGradient().mul(w).sum(), [w])[0] as Tensor, [1]);
});

it("so does one of very many operations that nobody read", () => {
  let x = tensor([1]);
  const first = x;
  for (let i = 0; i < 40_000; i++) x = x.mul(1);
  expectTensor(gradients(x.sum(), [first])[0] as Tensor, [1]);
  for (let i = 0; i < 40_000; i++) x = x.mul(1);
  expect(errorOf(() => gradients(x.sum(), [first])).message).toMatch(/goes back through more values/);
});
