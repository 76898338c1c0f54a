// What variables and compiled functions promise: values never change under a handle, traces leave nothing behind, errors say
// what to do.

import { describe, expect, it, vi } from "vitest";
import * as d from "../../src/index.ts";
import { compile, gradients, scalar, stats, type Tensor, tensor, variable, variablesOf, zeros } from "../../src/index.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

describe.each(devices)("variables on %s", (device) => {
  const using = (body: () => void | Promise<void>) => () => on(device, body);

  it(
    "what was built from a variable keeps its old value",
    using(async () => {
      const w = variable([1, 2], "w");
      const y = w.mul(2);
      const step = compile(() => {
        w.assign(w.add(10));
      });
      step();
      w.assign(w.add(100));
      step();
      expect([...(await y.data())]).toEqual([2, 4]);
      expectTensor(w, [121, 122]);
    }),
  );

  it(
    "holds every loss and an old W over 100 steps",
    using(() => {
      const w = variable([[1, 2]], "w");
      const x = tensor([[3], [4]]);
      const step = compile((x: Tensor) => {
        const y = w.matmul(x).sum();
        w.assign(w.mul(0.99));
        return y;
      });
      const [old, losses, olds]: [Tensor, Tensor[], Tensor[]] = [w.add(0), [], []];
      for (let i = 0; i < 100; i++) {
        losses.push(step(x));
        if (i === 50) olds.push(w.mul(1), w.reshape([2]));
      }
      const expected: number[] = [];
      let v = [1, 2];
      for (let i = 0; i < 100; i++) {
        expected.push(3 * (v[0] as number) + 4 * (v[1] as number));
        v = v.map((x) => (device === "wasm" ? Math.fround(x * Math.fround(0.99)) : x * Math.fround(0.99)));
        if (i === 50) {
          expectTensor(olds[0] as Tensor, [v]);
          expectTensor(olds[1] as Tensor, v);
        }
      }
      losses.forEach((loss, i) => {
        expectTensor(loss, expected[i]);
      });
      expectTensor(old, [[1, 2]]);
      expectTensor(w, [v]);
    }),
  );

  it(
    "assigning a tensor, and one variable to another, shares nothing that changes",
    using(() => {
      const start = tensor([1, 2]);
      const [a, b] = [variable(start, "a"), variable([0, 0], "b")];
      b.assign(a);
      const step = compile(() => {
        a.assign(a.add(1));
        b.assign(b.mul(3));
      });
      for (let i = 0; i < 3; i++) step();
      expectTensor(start, [1, 2]);
      expectTensor(a, [4, 5]);
      expectTensor(b, [27, 54]);
    }),
  );

  it(
    "a variable given as an argument is itself: the function may assign it",
    using(() => {
      const w = variable([1], "w");
      const step = compile((w: d.Variable) => {
        const before = w.mul(1);
        w.assign(w.add(1));
        return [before, w.mul(1)];
      });
      const [before, after] = step(w) as [Tensor, Tensor];
      expectTensor(before, [1]);
      expectTensor(after, [2]);
      expectTensor(w, [2]);
    }),
  );

  it(
    "returns the variable's old value, its new value, an argument, and one tensor twice",
    using(() => {
      const w = variable([1, 2], "w");
      const step = compile((x: Tensor) => {
        const old = w.reshape([2]);
        w.assign(w.add(x));
        const sum = w.sum();
        return { old, next: w.reshape([2]), x, same: [sum, sum], nothing: undefined, label: "static" };
      });
      const first = step(tensor([10, 20]));
      const second = step(tensor([100, 200]));
      expectTensor(first.old, [1, 2]);
      expectTensor(first.next, [11, 22]);
      expectTensor(second.old, [11, 22]);
      expectTensor(second.next, [111, 222]);
      expectTensor(first.x, [10, 20]);
      expectTensor(second.same[0] as Tensor, 333);
      expectTensor(second.same[1] as Tensor, 333);
      expect(second.label).toBe("static");
      expect(second.nothing).toBeUndefined();
      expectTensor(w, [111, 222]);
    }),
  );

  it(
    "exchanges two variables",
    using(() => {
      const [a, b] = [variable([1, 2], "a"), variable([3, 4], "b")];
      const swap = compile(() => {
        const t = a.reshape([2]);
        a.assign(b.reshape([2]));
        b.assign(t);
      });
      swap();
      expectTensor(a, [3, 4]);
      swap();
      swap();
      expectTensor(a, [3, 4]);
      expectTensor(b, [1, 2]);
      swap.repeat(2, []);
      expectTensor(a, [3, 4]);
      swap.repeat(3, []);
      expectTensor(a, [1, 2]);
      expectTensor(b, [3, 4]);
    }),
  );

  it(
    "an assignment that reads other indices of the same variable",
    using(() => {
      const a = variable([1, 2, 3, 4], "a");
      const old = compile(() => {
        a.assign(a.flip().add(a.mean()));
        return a.sum();
      });
      expectTensor(old(), 20);
      expectTensor(a, [6.5, 5.5, 4.5, 3.5]);
    }),
  );

  it(
    "assignAll computes from the present values, then assigns all",
    using(() => {
      const [a, b] = [variable([1], "a"), variable([10], "b")];
      d.assignAll([a, b], [b.mul(1), a.add(b)]);
      expectTensor(a, [10]);
      expectTensor(b, [11]);
      expect(errorOf(() => d.assignAll([a, a], [b, b])).message).toBe('assignAll: variable "a" stands twice in the list.');
      expect(errorOf(() => d.assignAll([a], [b, b])).message).toMatch(/^assignAll: needs a value for each variable/);
    }),
  );

  it(
    "closed-over tensors are inputs, also those that were not computed yet",
    using(() => {
      const base = tensor([1, 2]);
      const lazy = base.mul(10);
      const f = compile((x: Tensor) => x.add(lazy).add(base));
      expectTensor(f(tensor([1, 1])), [12, 23]);
      expect(f.program(tensor([1, 1])).print()).not.toMatch(/constant f32\[2\]|buffer/);
      expectTensor(f(tensor([2, 2])), [13, 24]);
    }),
  );

  it(
    "a step that fails on its data commits nothing, and the next one goes on",
    using(() => {
      const table = variable([[1], [2]], "table");
      const count = scalar(0, "count");
      const step = compile((i: Tensor<"int32">) => {
        count.assign(count.add(1));
        const row = table.gather(i);
        table.assign(table.mul(2));
        return row;
      });
      const good = tensor([1], { dtype: "int32" });
      expectTensor(step(good), [[2]]);
      expect(errorOf(() => step(tensor([2], { dtype: "int32" }))).code).toBe("RANGE");
      expectTensor(table, [[2], [4]]);
      expect(count.value).toBe(1);
      expectTensor(step(good), [[4]]);
      expectTensor(table, [[4], [8]]);
      expect(count.value).toBe(2);
      const steps = tensor([[0], [1], [7], [0]], { dtype: "int32" });
      expect(errorOf(() => step.repeat(4, [steps], { sliced: [0] })).code).toBe("RANGE");
      expectTensor(table, [[4], [8]]);
      expect(count.value).toBe(2);
    }),
  );

  it(
    "repeat runs so many steps, stacks results and cuts sliced arguments",
    using(() => {
      const make = () => {
        const w = variable([1, 2], "w");
        const step = compile((x: Tensor, scale: Tensor) => {
          w.assign(w.add(x.mul(scale)));
          return { sum: w.sum(), w: w.mul(1), scale };
        });
        return { w, step };
      };
      const xs = Array.from({ length: 5 }, (_, i) => [i, i * i]);
      const [one, many] = [make(), make()];
      const single = xs.map((x) => one.step(tensor(x), 0.5));
      for (const count of [5]) {
        const result = many.step.repeat(count, [tensor(xs), 0.5], { sliced: [0] });
        expectTensor(
          result.sum,
          single.map((r) => r.sum.itemSync()),
        );
        expectTensor(
          result.w,
          single.map((r) => r.w.toArraySync()),
        );
        expectTensor(result.scale, new Array(count).fill(0.5));
      }
      expectTensor(many.w, one.w.toArraySync());
      const old = many.w.mul(1);
      many.step.repeat(4, [tensor([0, 1]), 1]);
      expectTensor(old, one.w.toArraySync());
      expectTensor(
        many.w,
        (one.w.toArraySync() as number[]).map((v, i) => v + 4 * i),
      );
    }),
  );

  it(
    "a hyper-parameter changes without compiling again",
    using(() => {
      const rate = scalar(0.1, "rate");
      const w = variable([1], "w");
      const step = compile(() => {
        w.assign(w.sub(rate.mul(w)));
      });
      step();
      const before = stats().compiles;
      for (const value of [0.2, 0.3, 0.5]) {
        rate.value = value;
        step();
      }
      expect(step.traces).toBe(1);
      expect(stats().compiles).toBe(before);
      expectTensor(w, [0.9 * 0.8 * 0.7 * 0.5]);
      expect(rate.value).toBe(0.5);
    }),
  );

  it(
    "numbers and typed arrays are data",
    using(() => {
      const f = compile((x: Tensor, s: Tensor) => x.mul(s));
      const data = new Float32Array([1, 2]);
      expectTensor(f(data, 3), [3, 6]);
      data[0] = 5;
      expectTensor(f(data, 4), [20, 8]);
      expectTensor(f(tensor([1, 1]), tensor(2)), [2, 2]);
      expect(f.traces).toBe(1);
      const identity = compile((x: Tensor) => x);
      const returned = identity(data);
      data[0] = 0;
      expectTensor(returned, [5, 2]);
    }),
  );

  it(
    "static arguments, nesting, and shapes are part of the key",
    using(() => {
      const f = compile((batch: { x: Tensor; ys: Tensor[] }, mode: string, flag: boolean) =>
        mode === "sum" ? batch.x.add(batch.ys[0] as Tensor).sum() : flag ? batch.x.mean() : batch.x.max(),
      );
      const batch = { x: tensor([1, 2]), ys: [tensor([3, 4])] };
      expectTensor(f(batch, "sum", true), 10);
      expectTensor(f(batch, "other", true), 1.5);
      expectTensor(f(batch, "other", false), 2);
      expectTensor(f(batch, "sum", true), 10);
      expect(f.traces).toBe(3);
      expectTensor(f({ x: tensor([1, 2, 3]), ys: [tensor([1])] }, "sum", true), 9);
      expect(f.traces).toBe(4);
    }),
  );

  it(
    "a compiled function inside another is just a function",
    using(() => {
      const w = variable([1], "w");
      const inner = compile((x: Tensor, s: Tensor) => {
        w.assign(w.add(1));
        return x.mul(w).mul(s);
      });
      const outer = compile((x: Tensor) => inner(x, 2).add(inner(x, 3)));
      expectTensor(outer(tensor([10])), [10 * 2 * 2 + 10 * 3 * 3]);
      expectTensor(w, [3]);
      expect(inner.traces).toBe(0);
    }),
  );

  it(
    "variables made while tracing are initialised once",
    using(() => {
      const w = variable([1, 2], "w");
      let slot: d.Variable | null = null;
      const step = compile(() => {
        slot ??= variable(zeros([2]).add(w), "slot");
        slot.assign(slot.add(1));
        w.assign(w.mul(2));
        return slot.mul(1);
      });
      expectTensor(step(), [2, 3]);
      expectTensor(step(), [3, 4]);
      expectTensor(slot as unknown as Tensor, [3, 4]);
      expectTensor(w, [4, 8]);
    }),
  );

  it(
    "a throwing trace restores everything, and a variable made in it still works",
    using(() => {
      const w = variable([1], "w");
      let slot: d.Variable | null = null;
      let fail = true;
      const step = compile((x: Tensor) => {
        slot ??= variable([5], "slot");
        slot.assign(slot.add(x));
        w.assign(w.add(x));
        if (fail) throw new Error("on purpose");
        return w.mul(1);
      });
      expect(() => step(tensor([1]))).toThrow("on purpose");
      expectTensor(w, [1]);
      expectTensor(slot as unknown as Tensor, [5]);
      expectTensor(w.add(1), [2]);
      fail = false;
      expectTensor(step(tensor([1])), [2]);
      expectTensor(slot as unknown as Tensor, [6]);
    }),
  );
});

describe.each(devices)("functions with little in them on %s", (device) => {
  it("nothing, statics, constants, a variable, empty tensors", () =>
    on(device, () => {
      expect(compile(() => {})()).toBeUndefined();
      expect(compile(() => [1, "a"])()).toEqual([1, "a"]);
      expectTensor(compile(() => zeros([2]))(), [0, 0]);
      expectTensor(compile(() => tensor([1, 2]))(), [1, 2]);
      const v = variable([1, 2], "v");
      expectTensor(compile(() => v)(), [1, 2]);
      compile(() => v.assign([3, 4]))();
      compile(() => v.assign(v))();
      expectTensor(v, [3, 4]);
      const none = zeros([0, 3]);
      expect(compile((x: Tensor) => x.add(1))(none).shape).toEqual([0, 3]);
      expectTensor(compile((x: Tensor) => x.sum(0))(none), [0, 0, 0]);
      expectTensor(variable(zeros([0])).add(1), []);
      expectTensor(
        compile((x: Tensor) =>
          d.cond(
            x.gt(0),
            () => x.mul(2),
            () => x,
          ),
        )(tensor(4)),
        8,
      );
      d.cond(
        tensor(true),
        () => undefined,
        () => undefined,
      );
    }));
});

describe("tracing", () => {
  it("reading inside a traced function says what to do", () => {
    const w = variable([1], "w");
    for (const read of [(x: Tensor) => x.dataSync(), () => w.itemSync(), (x: Tensor) => x.add(w).toArraySync()]) {
      const step = compile(
        (x: Tensor) => {
          read(x);
          return x;
        },
        { name: "step" },
      );
      const error = errorOf(() => step(tensor([1])));
      expect(error.code).toBe("TRACED");
      expect(error.message).toBe(
        "step: a tensor cannot be read while the function is traced: it has no value yet. Return it and read the result, or use where, cond or whileLoop to decide on its value.",
      );
    }
    // What does not depend on the trace can be read in it.
    const fine = compile((x: Tensor) => x.mul(tensor([2, 3]).sum().itemSync()));
    expectTensor(fine(tensor([1])), [5]);
  });

  it("prints the type of a traced tensor", () => {
    let text = "";
    compile((x: Tensor) => {
      text = `${x.add(1)}`;
      return x;
    })(tensor([1, 2]));
    expect(text).toBe("tensor(traced, float32 [2])");
  });

  it("an escaped tensor is an error where it is used", () => {
    let escaped: Tensor | null = null;
    const step = compile(
      (x: Tensor) => {
        escaped = x.add(1);
        return x;
      },
      { name: "step" },
    );
    step(tensor([1]));
    const other = compile((x: Tensor) => x.add(escaped as unknown as Tensor));
    for (const use of [() => escaped?.dataSync(), () => (escaped as unknown as Tensor).mul(2).itemSync(), () => other(tensor([1]))]) {
      const error = errorOf(use);
      expect(error.code).toBe("ESCAPED");
      expect(error.message).toBe(
        "step: a tensor from inside the traced function is used outside it, where it has no value. Return it from the function, or assign it to a variable.",
      );
    }
    expectTensor(step(tensor([3])), [3]);
  });

  it("a variable's first value cannot depend on arguments", () => {
    const step = compile((x: Tensor) => variable(x.mul(2), "slot").add(1), { name: "step" });
    const error = errorOf(() => step(tensor([1])));
    expect(error.message).toBe(
      'step: the initial value of variable "slot" depends on the arguments of the traced function. A variable made while tracing is initialised once, before the first call: compute its first value without them.',
    );
  });

  it("an async function is refused", () => {
    expect(errorOf(() => compile(async (x: Tensor) => x)(tensor(1))).message).toMatch(/a traced function cannot be async/);
  });

  it("warns once after 8 traces", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    try {
      const f = compile((x: Tensor) => x.sum(), { name: "grows" });
      for (let n = 1; n <= 12; n++) f(zeros([n]));
      expect(f.traces).toBe(12);
      expect(warn).toHaveBeenCalledTimes(1);
      expect(warn.mock.calls[0]?.[0]).toMatch(/grows was traced 9 times/);
    } finally {
      warn.mockRestore();
    }
  });

  it("keeps the traces that were used last, not all there ever were", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const f = compile((x: Tensor, _key: string) => x);
    for (let i = 0; i < 300; i++) {
      f(1, "first");
      f(1, `key ${i}`);
    }
    expect(f.traces).toBe(301);
    f(1, "key 299");
    f(1, "first");
    expect(f.traces).toBe(301);
    f(1, "key 0");
    expect(f.traces).toBe(302);
    warn.mockRestore();
  });

  it("repeat says what is wrong with its arguments", () => {
    const f = compile((x: Tensor) => x.sum(), { name: "f" });
    expect(errorOf(() => f.repeat(0, [tensor([1])])).message).toBe("f.repeat: the count must be a positive integer; got 0.");
    expect(errorOf(() => f.repeat(3, [tensor([1, 2])], { sliced: [0] })).message).toBe(
      "f.repeat: a sliced argument does not have one part for each repetition; got [2], expected [3,…].",
    );
    expect(errorOf(() => f.repeat(3, [tensor([1, 2])], { sliced: [1] })).message).toMatch(/^f.repeat: sliced names no argument; got 1/);
  });
});

describe("settings", () => {
  it("a mode is never stale, and changing it back finds the old trace", () => {
    const training = new d.Setting(true);
    const f = compile((x: Tensor) => (training.value ? x.mul(2) : x));
    const other = new d.Setting(0);
    const x = tensor([3]);
    for (const [mode, expected] of [
      [true, 6],
      [false, 3],
      [true, 6],
      [false, 3],
    ] as const) {
      training.value = mode;
      other.value++;
      expectTensor(f(x), [expected]);
    }
    expect(f.traces).toBe(2);
  });

  it("freezing a variable is part of the key", () => {
    const w = variable([1], "w");
    const f = compile((x: Tensor) => {
      const loss = x.mul(w).sum();
      for (const v of variablesOf(loss)) v.assign(v.sub(1));
      return loss;
    });
    f(tensor([1]));
    w.trainable = false;
    f(tensor([1]));
    f(tensor([1]));
    expectTensor(w, [0]);
    w.trainable = true;
    f(tensor([1]));
    expectTensor(w, [-1]);
    expect(f.traces).toBe(2);
  });

  it("a traced function that throws leaves modes, variables and the next call as they were", () => {
    const mode = new d.Setting("train");
    const v = d.variable([1, 2], "v");
    let broken = true;
    const f = d.compile((x: d.Tensor) => {
      v.assign(v.add(x));
      if (broken) mode.value = "eval";
      if (broken) throw new Error("on purpose");
      return mode.value === "train" ? v.sum() : v.mean();
    });
    const outer = d.compile((x: d.Tensor) => f(x));
    for (const g of [f, outer]) expect(errorOf(() => g(1)).message).toBe("on purpose");
    expect(mode.value).toBe("train");
    expectTensor(v, [1, 2]);
    broken = false;
    expectTensor(f(1), 5);
    expectTensor(v, [2, 3]);
  });

  it("changing a mode inside a traced function is refused and undone", () => {
    const training = new d.Setting(true);
    const f = compile(
      (x: Tensor) => {
        training.value = false;
        return x;
      },
      { name: "f" },
    );
    expect(errorOf(() => f(tensor(1))).message).toBe(
      "f: a mode was changed inside the traced function, and calls of the compiled program would not repeat that. Call train(), eval(), freeze() and setDevice() outside.",
    );
    expect(training.value).toBe(true);
    const back = compile((x: Tensor) => {
      training.value = false;
      const y = training.value ? x.mul(100) : x.mul(2);
      training.value = true;
      return y;
    });
    expectTensor(back(tensor(1)), 2);
  });

  it("device tells the choice and the reason", async () => {
    expect(d.device()).toEqual({ name: "wasm", reason: expect.stringMatching(/^auto: WebAssembly/) });
    await on("reference", () => expect(d.device()).toEqual({ name: "reference", reason: "chosen by setDevice" }));
  });

  it("the device is part of the key, and values move", async () => {
    const w = variable([1, 2], "w");
    const f = compile((x: Tensor) => {
      w.assign(w.add(x));
      return w.sum();
    });
    const x = tensor([1, 1]);
    const results: number[] = [];
    for (const device of ["wasm", "reference", "wasm", "reference"] as const) await on(device, () => void results.push(f(x).itemSync()));
    expect(results).toEqual([5, 7, 9, 11]);
    expect(f.traces).toBe(2);
    const pinned = compile((x: Tensor) => x.div(3), { device: "reference" });
    expect(pinned(tensor([1])).dataSync({ exact: true })[0]).toBe(1 / 3);
    expect(errorOf(() => compile((x: Tensor) => x, { device: "gpu" as never })).code).toBe("OPTION");
  });
});

describe("mistakes", () => {
  const w = variable([[1, 2]], "w");
  it.each([
    [
      "another shape",
      () => w.assign([1, 2]),
      "SHAPE",
      'assign to "w": the value has another type than the variable; got float32[2], expected float32[1,2]. Reduce or reshape it first.',
    ],
    [
      "another dtype",
      () => w.assign(zeros([1, 2], { dtype: "int32" })),
      "DTYPE",
      'assign to "w": the value has another type than the variable; got int32[1,2], expected float32[1,2]. Cast it first.',
    ],
    ["a scalar that is no number", () => scalar("0.1" as never), "OPTION", "scalar: the value must be a number; got 0.1."],
    ["compile of no function", () => compile(3 as never), "OPTION", "compile: needs a function; got 3."],
    [
      "a gradient that is not there",
      () => gradients(tensor([1]).sum(), [w]),
      "GRADIENT",
      'gradients: the loss does not depend on variable "w". Leave it out, give { allowUnused: true } for zeros, or look whether it was assigned after the loss was built.',
    ],
  ] as const)("%s", (_, body, code, message) => {
    const error = errorOf(body);
    expect(error.code).toBe(code);
    expect(error.message).toBe(message);
  });

  it("a disposed tensor cannot be read, nor what was to come of it", () => {
    const x = tensor([1, 2]).add(1);
    x.dataSync();
    const y = x.mul(2);
    x.dispose();
    expect(errorOf(() => x.dataSync()).code).toBe("DISPOSED");
    expect(errorOf(() => y.dataSync()).code).toBe("DISPOSED");
    {
      using z = tensor([1]);
      expectTensor(z, [1]);
    }
    const start = tensor([7]);
    const v = variable(start, "v");
    v.add(0).dataSync();
    start.dispose();
    expectTensor(v, [7]);
  });

  it.each(devices)("a disposed variable has no value until one is assigned, at once or by a step, on %s", (device) =>
    on(device, () => {
      const [fresh, read, large] = [variable([1, 2], "v"), variable([1, 2], "v"), variable(zeros([2000]), "v")];
      const handle = read.mul(2);
      for (const v of [fresh, read, large]) {
        const step = compile((x: Tensor) => v.assign(x.mul(1)));
        const add = compile(() => v.assign(v.add(1)));
        const value = large === v ? zeros([2000]).add(3) : tensor([3, 3]);
        v.dispose();
        for (const use of [() => v.dataSync(), () => v.add(1).dataSync(), add])
          expect(errorOf(use)).toMatchObject({ code: "DISPOSED", message: "v: the variable was disposed of. Assign a value first." });
        step(value);
        step(value);
        add();
        step(value);
        expect(v.dataSync()[1]).toBe(3);
        v.dispose();
        v.assign(value);
        add();
        expect(v.dataSync()[1]).toBe(4);
      }
      expectTensor(handle, [2, 4]);
    }),
  );
});
