import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { type AnyTensor, type Tensor, tensor } from "../../src/index.ts";
import { erf } from "../../src/util/special.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

const xs = [-2.5, -1, -0.25, 0, 0.5, 1, 3.75];
const positive = [0.1, 0.5, 1, 2, 7.5];
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Method and free function of one name, the numbers they are tried on, and plain JavaScript's answer. */
const unary: Record<string, { on?: number[]; answer: (x: number) => number | boolean; dtype?: string }> = {
  neg: { answer: (x) => 0 - x },
  abs: { answer: Math.abs },
  sign: { answer: Math.sign },
  exp: { answer: Math.exp },
  expm1: { answer: Math.expm1 },
  log: { on: positive, answer: Math.log },
  log1p: { on: positive, answer: Math.log1p },
  sqrt: { on: positive, answer: Math.sqrt },
  rsqrt: { on: positive, answer: (x) => 1 / Math.sqrt(x) },
  square: { answer: (x) => x * x },
  reciprocal: { on: positive, answer: (x) => 1 / x },
  sin: { answer: Math.sin },
  cos: { answer: Math.cos },
  tanh: { answer: Math.tanh },
  erf: { answer: erf },
  floor: { answer: Math.floor },
  ceil: { answer: (x) => Math.ceil(x) + 0 },
  trunc: { answer: (x) => Math.trunc(x) + 0 },
  round: {
    on: [-2.5, -1.5, -0.25, 0.5, 1.5, 2.75],
    answer: (x) => [-2, -2, -0, 0, 2, 3][[-2.5, -1.5, -0.25, 0.5, 1.5, 2.75].indexOf(x)] as number,
  },
  sigmoid: { on: [...xs, -80, 80], answer: sigmoid },
  relu: { answer: (x) => Math.max(0, x) },
  leakyRelu: { answer: (x) => (x > 0 ? x : 0.01 * x) },
  elu: { on: [...xs, -100, 200], answer: (x) => (x > 0 ? x : Math.expm1(x)) },
  gelu: { answer: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)) },
  silu: { answer: (x) => x * sigmoid(x) },
  softplus: { on: [...xs, -90, 90], answer: (x) => (x > 30 ? x : Math.log1p(Math.exp(x))) },
  stopGradient: { answer: (x) => x },
  isNaN: { on: [1, Number.NaN, Number.POSITIVE_INFINITY], answer: Number.isNaN, dtype: "bool" },
  isFinite: { on: [1, Number.NaN, Number.NEGATIVE_INFINITY], answer: Number.isFinite, dtype: "bool" },
};

const a = [1, -2.5, 3, 0.5];
const b = [2, 2, -0.5, 0.5];
const modulo = (x: number, y: number) => x - Math.floor(x / y) * y;
const binary: Record<string, { answer: (x: number, y: number) => number | boolean; dtype?: string; positive?: boolean }> = {
  add: { answer: (x, y) => x + y },
  sub: { answer: (x, y) => x - y },
  mul: { answer: (x, y) => x * y },
  div: { answer: (x, y) => x / y },
  pow: { answer: (x, y) => x ** y, positive: true },
  remainder: { answer: modulo },
  maximum: { answer: Math.max },
  minimum: { answer: Math.min },
  eq: { answer: (x, y) => x === y, dtype: "bool" },
  ne: { answer: (x, y) => x !== y, dtype: "bool" },
  lt: { answer: (x, y) => x < y, dtype: "bool" },
  le: { answer: (x, y) => x <= y, dtype: "bool" },
  gt: { answer: (x, y) => x > y, dtype: "bool" },
  ge: { answer: (x, y) => x >= y, dtype: "bool" },
};

type Free = Record<string, (...args: unknown[]) => AnyTensor>;
type Methods = Record<string, (...args: unknown[]) => AnyTensor>;

describe.each(devices)("elementwise on %s", (device) => {
  it.each(Object.keys(unary))("%s", async (name) => {
    const { on: numbers = xs, answer, dtype = "float32" } = unary[name] as (typeof unary)[string];
    await on(device, () => {
      const expected = numbers.map((x) => answer(Math.fround(x)));
      expectTensor((tensor(numbers) as unknown as Methods)[name]?.() as AnyTensor, expected, dtype);
      expectTensor((d as unknown as Free)[name]?.(tensor(numbers)) as AnyTensor, expected, dtype);
    });
  });

  it.each(Object.keys(binary))("%s", async (name) => {
    const { answer, dtype = "float32", positive: onlyPositive = false } = binary[name] as (typeof binary)[string];
    await on(device, () => {
      const left = onlyPositive ? a.map(Math.abs) : a;
      const expected = left.map((x, i) => answer(x, b[i] as number));
      const free = (d as unknown as Free)[name] as Free[string];
      expectTensor((tensor(left) as unknown as Methods)[name]?.(tensor(b)) as AnyTensor, expected, dtype);
      expectTensor(free(tensor(left), tensor(b)), expected, dtype);
      // A number on either side, and broadcasting a column against a row.
      expectTensor(
        free(tensor(left), 2),
        left.map((x) => answer(x, 2)),
        dtype,
      );
      expectTensor(
        free(2, tensor(left)),
        left.map((y) => answer(2, y)),
        dtype,
      );
      const column = left.slice(0, 2);
      expectTensor(
        free(tensor(column).unsqueeze(1), tensor(b)),
        column.map((x) => b.map((y) => answer(x, y))),
        dtype,
      );
    });
  });

  it("pow with a number takes products and roots", () =>
    on(device, () => {
      for (const p of [-1, -0.5, 0, 0.5, 1, 2, 3, 4, 5, 1.5])
        expectTensor(
          tensor(positive).pow(p),
          positive.map((x) => Math.fround(x) ** p),
          "float32",
          1e-5,
        );
      expectTensor(tensor([-2, -3]).pow(3), [-8, -27]);
    }));

  it("a power of 1 is 1 whatever the exponent, in both precisions", () =>
    on(device, () => {
      const [bases, exponents] = [
        [1, 1, 1, -1, -1, -1, 2],
        [Number.NaN, Infinity, -Infinity, Infinity, -Infinity, Number.NaN, Number.NaN],
      ];
      const answers = [1, 1, 1, 1, 1, Number.NaN, Number.NaN];
      expectTensor(tensor(bases).pow(tensor(exponents)), answers);
      expectTensor(tensor(bases, { dtype: "float64" }).pow(tensor(exponents, { dtype: "float64" })), answers, "float64");
    }));

  it("gelu by tanh", () =>
    on(device, () => {
      const answer = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
      expectTensor(tensor(xs).gelu("tanh"), xs.map(answer));
      expectTensor(d.gelu(tensor(xs), "tanh"), xs.map(answer));
    }));

  it("options of leakyRelu and elu", () =>
    on(device, () => {
      expectTensor(tensor([-2, 2]).leakyRelu(0.5), [-1, 2]);
      expectTensor(d.elu(tensor([-1, 2]), 2), [2 * Math.expm1(-1), 2]);
    }));

  it("relu, clamp, maximum and where keep NaN", () =>
    on(device, () => {
      expectTensor(tensor([Number.NaN, -1]).relu(), [Number.NaN, 0]);
      expectTensor(tensor([Number.NaN, -1]).clamp(0, 1), [Number.NaN, 0]);
      expectTensor(tensor([Number.NaN, -1]).maximum(0), [Number.NaN, 0]);
    }));

  it("clamp with one limit, both, and tensors", () =>
    on(device, () => {
      expectTensor(tensor([-1, 0.5, 2]).clamp(0, 1), [0, 0.5, 1]);
      expectTensor(tensor([-1, 0.5, 2]).clamp(0), [0, 0.5, 2]);
      expectTensor(d.clamp(tensor([-1, 0.5, 2]), undefined, 1), [-1, 0.5, 1]);
      expectTensor(tensor([-1, 0.5, 2]).clamp(tensor([0, 1, 0]), 1), [0, 1, 1]);
      expectTensor(tensor([1, 5]).cast("int32").clamp(2, 4), [2, 4], "int32");
    }));

  it("where broadcasts and promotes", () =>
    on(device, () => {
      const test = tensor([[true], [false]]);
      expectTensor(test.where(tensor([1, 2]), 0), [
        [1, 2],
        [0, 0],
      ]);
      expectTensor(d.where(test, 1, tensor([5, 6])), [
        [1, 1],
        [5, 6],
      ]);
      expectTensor(d.where(test, tensor([1], { dtype: "int32" }), 2.5), [[1], [2.5]]);
      expectTensor(d.where(test, 1, 2), [[1], [2]]);
    }));

  it("logic on bool and bits on integers", () =>
    on(device, () => {
      const [p, q] = [tensor([true, true, false]), tensor([true, false, false])];
      expectTensor(p.and(q), [true, false, false], "bool");
      expectTensor(p.or(q), [true, true, false], "bool");
      expectTensor(p.xor(q), [false, true, false], "bool");
      expectTensor(p.not(), [false, false, true], "bool");
      expectTensor(d.and(p, q), [true, false, false], "bool");
      expectTensor(d.or(p, q), [true, true, false], "bool");
      expectTensor(d.xor(p, q), [false, true, false], "bool");
      expectTensor(d.not(q), [false, true, true], "bool");
      const bits = tensor([12, 10], { dtype: "int32" });
      expectTensor(bits.and(6), [4, 2], "int32");
      expectTensor(bits.or(1), [13, 11], "int32");
      expectTensor(bits.xor(15), [3, 5], "int32");
    }));

  it("cast", () =>
    on(device, () => {
      expectTensor(tensor([1.7, -1.7, 3e9]).cast("int32"), [1, -1, 2 ** 31 - 1], "int32");
      expectTensor(d.cast(tensor([0, 2, -1]), "bool"), [false, true, true], "bool");
      expectTensor(tensor([true, false]).cast("float32"), [1, 0]);
      expectTensor(tensor([300, 2], { dtype: "int32" }).cast("uint8"), [44, 2], "uint8");
    }));
});

describe("dtypes that meet", () => {
  const int = tensor([1, 2], { dtype: "int32" });
  const byte = tensor([1, 2], { dtype: "uint8" });
  const float = tensor([1, 2]);
  const bool = tensor([true, false]);

  it.each([
    ["int32 + integer", () => int.add(1), "int32"],
    ["int32 + fraction", () => int.add(0.5), "float32"],
    ["uint8 + int32", () => byte.add(int), "int32"],
    ["uint8 + float32", () => byte.mul(float), "float32"],
    ["bool · integer", () => bool.mul(3), "int32"],
    ["bool + float32", () => bool.add(float), "float32"],
    ["int32 / int32", () => int.div(int), "float32"],
    ["uint8 / 255", () => byte.div(255), "float32"],
    ["exp of int32", () => int.exp(), "float32"],
    ["mean of uint8", () => byte.mean(), "float32"],
    ["sum of bool", () => bool.sum(), "int32"],
    ["sum of uint8", () => byte.sum(), "int32"],
    ["float64 scalar · float32", () => d.scalar(2).mul(float), "float32"],
    ["float32 · float64 scalar", () => float.mul(d.scalar(2)), "float32"],
    ["float64 scalar · int32 tensor", () => d.scalar(2).mul(int), "float32"],
    ["float64 scalar · number", () => d.scalar(2).mul(3), "float64"],
    ["float64 scalar · int32 scalar", () => d.scalar(2).mul(tensor(3, { dtype: "int32" })), "float64"],
    ["float64 scalar · float32 scalar", () => d.scalar(2).mul(tensor(3)), "float32"],
  ] as const)("%s", (_, make, dtype) => {
    expect(make().dtype).toBe(dtype);
  });

  it("keeps scalar arithmetic in double precision until it meets a tensor", async () => {
    for (const device of devices) {
      await on(device, () => {
        const beta = d.scalar(0.999);
        expect(d.sub(1, beta).itemSync()).toBe(1 - 0.999);
        expect(
          d
            .sub(1, beta)
            .mul(tensor([1]))
            .itemSync(),
        ).toBe(Math.fround(1 - 0.999));
      });
    }
  });

  it("types say the same", () => {
    const a: Tensor<"int32"> = int.add(byte);
    const b: Tensor = int.add(float);
    const c: Tensor<"bool"> = int.lt(float);
    const e: Tensor = d.scalar(1).mul(float);
    const f: Tensor<"int32"> = bool.sum();
    const g: Tensor = d.add(1, float);
    expect([a, b, c, e, f, g].map((t) => t.dtype)).toEqual(["int32", "float32", "bool", "float32", "int32", "float32"]);
  });
});

describe("mistakes", () => {
  const x = tensor([[1, 2, 3]]);

  it.each([
    [
      "shapes that do not broadcast",
      () => x.add(tensor([1, 2])),
      "SHAPE",
      /^add: shapes do not broadcast at axis 1; got \[1,3\] and \[2\]/,
    ],
    [
      "a condition that is no bool",
      () => (x as unknown as Tensor<"bool">).where(1, 2),
      "DTYPE",
      /^where: the condition must be bool; got float32/,
    ],
    ["clamp without a limit", () => x.clamp(), "OPTION", /^clamp: there is no limit; got neither, expected one or two limits/],
    ["not of a float", () => (x as unknown as Tensor<"bool">).not(), "DTYPE", /^not: /],
    ["and of floats", () => x.and(x), "DTYPE", /^and: /],
    ["int32 with uint32", () => tensor([1], { dtype: "int32" }).add(tensor([1], { dtype: "uint32" }) as never), "DTYPE", /^add: /],
  ] as const)("%s", (_, body, code, message) => {
    const error = errorOf(body);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it("a tensor used as a number or condition names the way out", () => {
    expect(errorOf(() => Number(x)).message).toMatch(/used as a JavaScript number or condition.*where.*item\(\)/);
    expect(errorOf(() => (x as unknown as number) > 1).message).toMatch(/where/);
    expect(`${tensor([1])}`).toBe("tensor([1], float32 [1])");
  });

  it("errors start at the caller's line", () => {
    const error = errorOf(() => x.add(tensor([1, 2])));
    const first = (error.stack ?? "").split("\n").find((line) => /^\s+at /.test(line)) as string;
    expect(first).toContain("elementwise.test.ts");
  });
});
