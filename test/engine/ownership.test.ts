// Who owns a value: what is handed out keeps its value and its memory, whatever others do with theirs.

import { beforeEach, describe, expect, it } from "vitest";
import {
  assignAll,
  compile,
  full,
  gradients,
  ones,
  scan,
  setDevice,
  type Tensor,
  tensor,
  type Variable,
  variable,
  whileLoop,
  zeros,
} from "../../src/index.ts";

const first = (x: Tensor) => x.dataSync()[0];
const int = (...values: number[]) => tensor(values, { dtype: "int32" });

describe.each(["reference", "wasm"] as const)("on %s", (device) => {
  beforeEach(() => {
    setDevice(device);
    return () => setDevice("auto");
  });

  // Small values live in JavaScript, large ones on the device.
  describe.each([2, 5000])("with %d elements", (n) => {
    it("disposing of a result leaves the argument and the other results alone", () => {
      const f = compile((x: Tensor) => {
        const y = x.mul(2);
        return [x, y, y] as const;
      });
      const x = tensor(new Float32Array(n).fill(3));
      const [same, y, again] = f(x);
      same.dispose();
      y.dispose();
      expect([first(x), first(again)]).toEqual([3, 6]);
    });

    it("plain data belongs to its owner again after the call", () => {
      const w = variable(zeros([n]));
      const f = compile((x: Tensor) => {
        w.assign(x);
        return [x, x.reshape([n, 1]), x.reshape([1, n]).reshape([n]), x.slice([0, 1])];
      });
      const data = new Float32Array(n).fill(5);
      const results = f(data);
      data.fill(1);
      expect([...results, w].map(first)).toEqual([5, 5, 5, 5, 5]);
    });

    it("variables change places, one or many repetitions at a time", () => {
      const [a, b, c] = [1, 2, 3].map((v) => variable(full([n], v))) as [Variable, Variable, Variable];
      const values = () => [a, b, c].map(first);
      const swap = compile(() => {
        const before = a.mul(1);
        a.assign(b);
        b.assign(before);
      });
      const turn = compile(() => assignAll([a, b, c], [b, c, a]));
      swap();
      expect(values()).toEqual([2, 1, 3]);
      turn();
      expect(values()).toEqual([1, 3, 2]);
      turn.repeat(2, []);
      expect(values()).toEqual([2, 1, 3]);
      swap.repeat(3, []);
      expect(values()).toEqual([1, 2, 3]);
      assignAll([a, b], [b, a]);
      a.assign(b);
      compile(() => a.assign(a.add(10)))();
      expect(values()).toEqual([11, 1, 3]);
    });

    it("a step that fails leaves values, handles and the present version as they were", () => {
      const w = variable(ones([n]), "w");
      const u = variable(ones([n]), "u");
      const step = compile((k: Tensor<"int32">) => {
        const picked = w.gather(k).sum();
        w.assign(w.add(1));
        u.assign(u.mul(2).add(picked));
        return picked;
      });
      step(int(0));
      const handle = w.mul(2);
      expect(() => step(int(n))).toThrow(`got ${n}`);
      expect([first(w), first(u), first(handle)]).toEqual([2, 3, 4]);
      expect(first(gradients(handle.sum(), [w])[0] as Tensor)).toBe(2);
      expect(() => step.repeat(3, [int(0, -1, 0).reshape([3, 1])], { sliced: [0] })).toThrow("got -1");
      expect([first(w), first(u)]).toEqual([2, 3]);
      step(int(1));
      expect([first(w), first(u), first(handle)]).toEqual([3, 8, 4]);
    });

    it("a loop outside all traces assigns all of its variables or none", () => {
      const [a, b] = [variable(zeros([n])), variable(zeros([n]))];
      const loop = (indices: Tensor<"int32">) =>
        scan(
          (c: Tensor, i: Tensor) => {
            a.assign(a.add(1));
            b.assign(b.add(a.gather(i.reshape([1]) as unknown as Tensor<"int32">)));
            return [c, undefined];
          },
          tensor(0),
          indices as unknown as Tensor,
        );
      expect(() => loop(int(0, n))).toThrow(`got ${n}`);
      expect([first(a), first(b)]).toEqual([0, 0]);
      loop(int(0, 1));
      expect([first(a), first(b)]).toEqual([2, 3]);
    });
  });

  it("a loop whose result is returned and assigned starts from the variable, not from what the result's memory held", () => {
    const w = variable([0.5, -2], "w");
    const step = compile((limit: Tensor) => {
      const [y] = whileLoop(
        ([, i]: Tensor[]) => (i as Tensor).lt(limit),
        ([x, i]: Tensor[]) => [(x as Tensor).add(1), (i as Tensor).add(1)],
        [w, tensor(0)] as Tensor[],
      ) as [Tensor];
      w.assign(y);
      return y.reshape([2, 1]);
    });
    for (const [limit, expected] of [
      [0, 0.5],
      [2, 2.5],
      [0, 2.5],
    ] as const)
      expect([first(step(limit)), first(w)]).toEqual([expected, expected]);
  });

  it("assignAll refuses a variable that stands twice, traced or not", () => {
    const a = variable([1, 2], "a");
    const twice = () => assignAll([a, a], [a.add(1), a.add(2)]);
    expect(twice).toThrow('variable "a" stands twice');
    expect(compile(twice)).toThrow('variable "a" stands twice');
    expect(a.toArraySync()).toEqual([1, 2]);
  });
});
