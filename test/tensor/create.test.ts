import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { type Tensor, tensor, zeros } from "../../src/index.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

describe.each(devices)("creation on %s", (device) => {
  it("tensor of nested arrays, numbers and booleans", () =>
    on(device, () => {
      expectTensor(tensor(2), 2);
      expectTensor(
        tensor([
          [1, 2],
          [3, 4.5],
        ]),
        [
          [1, 2],
          [3, 4.5],
        ],
      );
      expectTensor(tensor([true, false]), [true, false], "bool");
      expectTensor(tensor([[]]), [[]]);
      expectTensor(tensor([1, 0], { dtype: "bool" }), [true, false], "bool");
      expectTensor(
        tensor([1, 2, 3, 4], { shape: [2, 2], dtype: "int32" }),
        [
          [1, 2],
          [3, 4],
        ],
        "int32",
      );
    }));

  it("tensor of typed arrays, which are copied", () =>
    on(device, () => {
      const data = new Float32Array([1, 2]);
      const x = tensor(data);
      data[0] = 9;
      expectTensor(x, [1, 2]);
      expectTensor(tensor(new Float64Array([0.5])), [0.5]);
      expectTensor(tensor(new Int32Array([-1])), [-1], "int32");
      expectTensor(tensor(new Uint8Array([255])), [255], "uint8");
      expectTensor(tensor(new Uint32Array([4294967295])), [4294967295], "uint32");
      expectTensor(tensor(new Int16Array([-3])), [-3], "int32");
      expectTensor(tensor(new Uint8Array([0, 1]), { dtype: "float32" }), [0, 1]);
    }));

  it("what is read is a copy", () =>
    on(device, async () => {
      const x = tensor([1, 2]);
      (await x.data())[0] = 9;
      expect([...(await x.data())]).toEqual([1, 2]);
      const y = x.add(1);
      (await y.data())[0] = 9;
      expect([...(await y.data())]).toEqual([2, 3]);
    }));

  it("zeros, ones, full, eye and their like", () =>
    on(device, () => {
      expectTensor(d.zeros([2]), [0, 0]);
      expectTensor(d.ones([1, 2], { dtype: "int32" }), [[1, 1]], "int32");
      expectTensor(d.full([2], 0.5), [0.5, 0.5]);
      expectTensor(d.zerosLike(tensor([1], { dtype: "int32" })), [0], "int32");
      expectTensor(d.onesLike(tensor([true, false])), [true, true], "bool");
      expectTensor(d.eye(2), [
        [1, 0],
        [0, 1],
      ]);
      expectTensor(
        d.eye(2, 3, { dtype: "int32" }),
        [
          [1, 0, 0],
          [0, 1, 0],
        ],
        "int32",
      );
    }));

  it("arange and linspace", () =>
    on(device, () => {
      expectTensor(d.arange(4), [0, 1, 2, 3], "int32");
      expectTensor(d.arange(2, 8, 3), [2, 5], "int32");
      expectTensor(d.arange(3, 0, -1), [3, 2, 1], "int32");
      expectTensor(d.arange(0, 1, 0.25, { dtype: "float32" }), [0, 0.25, 0.5, 0.75]);
      expectTensor(d.arange(3, { dtype: "float32" }), [0, 1, 2]);
      expectTensor(d.arange(2, 2), [], "int32");
      expectTensor(d.linspace(0, 1, 5), [0, 0.25, 0.5, 0.75, 1]);
      expectTensor(d.linspace(3, 7, 1), [3]);
    }));

  it("reading one element", () =>
    on(device, async () => {
      expect(await tensor([[2.5]]).item()).toBe(2.5);
      expect(tensor(true).itemSync()).toBe(1);
      expect(errorOf(() => tensor([1, 2]).itemSync()).message).toBe(
        "item: needs exactly one element; got [2]. Reduce first, or read all with data().",
      );
    }));
});

describe("float64", () => {
  it.each(["reference", "wasm"] as const)("scalars and tensors on %s", (device) =>
    on(device, () => {
      expect(tensor(0.1, { dtype: "float64" }).mul(3).itemSync()).toBe(0.1 * 3);
      expect(tensor([0.1], { dtype: "float64" }).mul(3).dataSync()).toEqual(Float64Array.of(0.1 * 3));
      expect(zeros([1], { dtype: "float64" }).dataSync()).toEqual(Float64Array.of(0));
      expect(tensor([0.1]).cast("float64").dataSync()).toEqual(Float64Array.of(Math.fround(0.1)));
    }),
  );

  it("reference computes float32 in doubles, from one program to the next", () =>
    on("reference", () => {
      const third = tensor(1).div(3);
      third.itemSync();
      expect(third.mul(3).sub(1).dataSync({ exact: true })[0]).toBe(0);
      expect(third.dataSync({ exact: true })[0]).toBe(1 / 3);
      expect(third.dataSync()[0]).toBe(Math.fround(1 / 3));
    }));
});

describe("mistakes", () => {
  it.each([
    [
      "ragged",
      () => tensor([[1, 2], [3]]),
      "SHAPE",
      "tensor: the nested arrays are ragged at data[1]; got 1 elements, expected 2 elements.",
    ],
    ["too deep in one place", () => tensor([1, [2]]), "SHAPE", /^tensor: the nested arrays are ragged at data\[1\]/],
    ["no numbers", () => tensor(["a"] as never), "DTYPE", "tensor: data[0] is not a number; got a, expected a number or a boolean."],
    ["tensors inside", () => tensor([tensor(1)] as never), "DTYPE", /got a tensor.*Join tensors with stack or concat/],
    [
      "a shape that does not fit",
      () => tensor([1, 2, 3], { shape: [2, 2] }),
      "SHAPE",
      "tensor: the data does not fill the shape; got 3 elements for [2,2], expected 4.",
    ],
    [
      "fractions as integers",
      () => tensor([1.5], { dtype: "int32" }),
      "DTYPE",
      "tensor: element 0 is no int32; got 1.5, expected integers from -2147483648 to 2147483647. Choose another dtype, or round first.",
    ],
    ["beyond a byte", () => tensor([256], { dtype: "uint8" }), "DTYPE", /element 0 is no uint8; got 256/],
    [
      "an unknown dtype",
      () => tensor([1], { dtype: "float8" as never }),
      "DTYPE",
      "tensor: unknown dtype; got float8, expected bool, uint8, int8, int32, uint32, float16, bfloat16, float32, float64.",
    ],
    ["big integers", () => tensor(new BigInt64Array(1) as never), "DTYPE", /^tensor: cannot take this kind of array; got BigInt64Array/],
    ["a shape of fractions", () => zeros([1.5]), "SHAPE", "zeros: a shape is a list of sizes; got [1.5], expected integers from 0 on."],
    ["a number for a shape", () => zeros(3 as never), "SHAPE", "zeros: a shape is a list of sizes; got 3, expected integers from 0 on."],
    ["arange of fractions", () => d.arange(0, 1, 0.1), "OPTION", 'arange: fractions in int32; got [0,1,0.1]. Give { dtype: "float32" }.'],
    ["arange by nothing", () => d.arange(0, 1, 0), "OPTION", /^arange: needs finite numbers and a step other than 0/],
    ["linspace of none", () => d.linspace(0, 1, 0), "OPTION", "linspace: the count must be a positive integer; got 0."],
    [
      "an unknown device",
      () => d.setDevice("gpu" as never),
      "OPTION",
      "setDevice: unknown device; got gpu, expected auto, reference, wasm, native.",
    ],
  ] as const)("%s", (_, body, code, message) => {
    const error = errorOf(body);
    expect(error.code).toBe(code);
    if (typeof message === "string") expect(error.message).toBe(message);
    else expect(error.message).toMatch(message);
  });
});

describe("printing", () => {
  it.each([
    [
      tensor([
        [1, 2],
        [3, 4],
      ]),
      "tensor([[1, 2], [3, 4]], float32 [2,2])",
    ],
    [tensor(2.5), "tensor(2.5, float32 [])"],
    [tensor([0.1, 20.25]), "tensor([0.10, 20.25], float32 [2])"],
    [tensor([true, false]), "tensor([true, false], bool [2])"],
    [tensor([1e-8, 1]), "tensor([1.0000e-8, 1.0000e+0], float32 [2])"],
    [tensor([Number.NaN, Number.POSITIVE_INFINITY, -1]), "tensor([NaN, ∞, -1], float32 [3])"],
    [zeros([0, 2]), "tensor([], float32 [0,2])"],
    [d.arange(3), "tensor([0, 1, 2], int32 [3])"],
  ] as [Tensor, string][])("%s", (t, text) => {
    expect(t.toString()).toBe(text);
    expect(inspect(t)).toBe(text);
  });

  it("aligns columns, and breaks lines between rows", () => {
    const x = tensor([
      [1.5, -200.25, 3, 4, 5, 6, 7, 8, 9, 10],
      [10, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    ]);
    expect(x.toString().split("\n")).toEqual([
      "tensor([[   1.50, -200.25,    3.00,    4.00,    5.00,    6.00,    7.00,    8.00,    9.00,   10.00],",
      "        [  10.00,    2.00,    3.00,    4.00,    5.00,    6.00,    7.00,    8.00,    9.00,   10.00]], float32 [2,10])",
    ]);
  });

  it("leaves out the middle of large tensors", () => {
    expect(d.arange(2000).toString()).toBe("tensor([0, 1, 2, …, 1997, 1998, 1999], int32 [2000])");
    expect(zeros([1000, 1000]).toString().split("\n").length).toBe(7);
  });

  it("shows a variable's present value", () => {
    const w = d.variable([1, 2], "w");
    w.assign([3, 4]);
    expect(String(w)).toBe("tensor([3, 4], float32 [2])");
  });
});

it.each(["reference", "wasm"] as const)("more than there is memory for, on %s", (device) =>
  on(device, () =>
    expect(
      errorOf(() =>
        zeros([2 ** 30, 2 ** 30])
          .add(1)
          .dataSync(),
      ),
    ).toMatchObject({ code: "MEMORY" }),
  ),
);
