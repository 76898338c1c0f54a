// int8, and the 16-bit floats as storage: conversions exact on every device, and what is computed with them.

import { describe, expect, it } from "vitest";
import { type DType, dtypes, promote } from "../../src/graph/dtype.ts";
import * as d from "../../src/index.ts";
import { compile, gradients, type Tensor, tensor, variable, zeros } from "../../src/index.ts";
import { assignTensors, decodeSafetensors, encodeSafetensors, weightsOf } from "../../src/io/index.ts";
import { bfloatOf, halfOf, numberOfBfloat, numberOfHalf } from "../../src/util/half.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

const formats = [
  { dtype: "float16", of: halfOf, number: numberOfHalf, infinity: 0x7c00 },
  { dtype: "bfloat16", of: bfloatOf, number: numberOfBfloat, infinity: 0x7f80 },
] as const;

/** float32 numbers of every exponent, with fractions at, beside and between what 16 bits can hold. */
const numbers = (() => {
  const patterns: number[] = [];
  for (let exponent = 0; exponent < 256; exponent++)
    for (const fraction of [
      0, 1, 0xfff, 0x1000, 0x1001, 0x1fff, 0x2fff, 0x3000, 0x7fff, 0x8000, 0x8001, 0x18000, 0x3ff000, 0x7fefff, 0x7ff000, 0x7f8000,
      0x7fffff,
    ])
      for (const sign of [0, 0x80000000]) patterns.push((sign | (exponent << 23) | fraction) >>> 0);
  return new Float32Array(Uint32Array.from(patterns).buffer);
})();

describe.each(formats)("$dtype as bits", ({ dtype, of, number, infinity }) => {
  it("every pattern is the pattern of its number", () => {
    for (let pattern = 0; pattern < 65536; pattern++) {
      const value = number(pattern);
      const right = Number.isNaN(value) ? Number.isNaN(number(of(value))) : of(value) === pattern && Math.fround(value) === value;
      if (!right) throw new Error(`${pattern} is ${value}, whose pattern is ${of(value)}`);
    }
  });

  it("rounds to the nearest, halves to even", () => {
    for (const x of numbers) {
      const magnitude = Math.abs(x);
      const pattern = of(x);
      if (Number.isNaN(x)) {
        expect(Number.isNaN(number(pattern))).toBe(true);
        continue;
      }
      // Magnitudes grow with their patterns, and the one after the largest stands for what infinity begins at.
      const found = pattern & 0x7fff;
      const at = (p: number) => (p === infinity ? 2 * number(p - 1) - number(p - 2) : number(p));
      const wrong = () => new Error(`${x} became ${number(pattern)}`);
      if (pattern >> 15 !== (Object.is(x, -0) || x < 0 ? 1 : 0)) throw wrong();
      if (found < infinity || Number.isFinite(x)) {
        const error = Math.abs(at(found) - magnitude);
        for (const other of [found - 1, found + 1]) {
          if (other < 0 || other > infinity) continue;
          const distance = Math.abs(at(other) - magnitude);
          if (distance < error || (distance === error && found % 2 === 1))
            if (found !== infinity || magnitude < at(infinity)) throw wrong();
        }
      } else expect(found).toBe(infinity);
    }
  });

  it("a NaN stays one, quiet, with the upper bits of its payload and its sign", () => {
    const word = new Float32Array(1);
    const bits = new Uint32Array(word.buffer);
    // Through a variable a signalling NaN may become quiet before it is converted, so only quiet ones have known payloads.
    bits[0] = 0xffd54000;
    const expected = dtype === "float16" ? 0xfe00 | ((0x7fd54000 >> 13) & 0x3ff) : 0xffd5;
    expect(of(word[0] as number)).toBe(expected);
  });
});

it("float16 is JavaScript's, where it has one", () => {
  const { f16round } = Math as unknown as { f16round?: (x: number) => number };
  if (f16round !== undefined) for (const x of numbers) expect(numberOfHalf(halfOf(x))).toBe(f16round(x));
  expect(numberOfHalf(halfOf(65519.99609375))).toBe(65504);
  expect(numberOfHalf(halfOf(65520))).toBe(Number.POSITIVE_INFINITY);
  expect(numberOfHalf(halfOf(2 ** -25))).toBe(0);
  expect(numberOfHalf(halfOf(1.0001 * 2 ** -25))).toBe(2 ** -24);
});

function here<T>(device: d.DeviceName, body: () => T): T {
  d.setDevice(device);
  try {
    return body();
  } finally {
    d.setDevice("auto");
  }
}

describe.each([...devices, "native"] as const)("conversions on %s", (device) => {
  it.each(formats)("$dtype: casts there and back, of every kind of number", ({ dtype, of, number }) =>
    here(device, () => {
      const narrow = tensor(numbers).cast(dtype);
      const expected = Float32Array.from(numbers, (x) => number(of(x)));
      expect(narrow.dtype).toBe(dtype);
      expect(narrow.dataSync()).toEqual(expected);
      expect(tensor(numbers, { dtype }).cast("float32").dataSync()).toEqual(expected);
      // Not a multiple of the lanes, and in one kernel with arithmetic.
      const odd = tensor(numbers.slice(0, 4099)).cast(dtype).mul(2).dataSync();
      expect(odd).toEqual(expected.slice(0, 4099).map((x) => 2 * x));
    }),
  );
});

describe.each(devices)("arithmetic on %s", (device) => {
  it.each(formats)("$dtype: moved and chosen bit by bit, computed in float32", ({ dtype }) =>
    here(device, () => {
      const x = tensor([1.5, -2, Number.NaN, -0], { dtype });
      expectTensor(x.flip(), [-0, Number.NaN, -2, 1.5], dtype);
      expectTensor(x.at(tensor([1, 0], { dtype: "int32" })), [-2, 1.5], dtype);
      expectTensor(x.pad([1, 0], 0.5), [0.5, 1.5, -2, Number.NaN, -0], dtype);
      expectTensor(x.concat(x.slice([0, 1])), [1.5, -2, Number.NaN, -0, 1.5], dtype);
      expectTensor(x.slice([0, 2]).sort(), [-2, 1.5], dtype);
      expectTensor(
        d.full([2], 1 / 3, { dtype }),
        [dtype === "float16" ? 0.333251953125 : 0.333984375, dtype === "float16" ? 0.333251953125 : 0.333984375],
        dtype,
        0,
      );
      const y = x.slice([0, 2]);
      for (const result of [y.add(y), y.add(1), y.neg(), y.sum(), y.exp(), y.max(), y.matmul(y), d.cumsum(y), y.mean()])
        expect(result.dtype).toBe("float32");
      expectTensor(y.add(1 / 3), [1.5 + 1 / 3, -2 + 1 / 3]);
      expectTensor(y.mul(y).sum(), 6.25);
      expectTensor(y.lt(0), [false, true], "bool");
      expectTensor(y.cast("int32"), [1, -2], "int32");
      expectTensor(tensor([3, 300], { dtype: "int32" }).cast(dtype), [3, 300], dtype);
      expect(`${y}`).toContain(dtype);
    }),
  );

  it("int8 wraps in arithmetic and casts, and is summed in int32", () =>
    here(device, () => {
      const values = Array.from({ length: 256 }, (_, i) => i - 128);
      const x = tensor(values, { dtype: "int8" });
      const wrapped = (f: (v: number) => number) => values.map((v) => (f(v) << 24) >> 24);
      expectTensor(
        x.add(100),
        wrapped((v) => v + 100),
        "int8",
      );
      expectTensor(
        x.mul(x),
        wrapped((v) => v * v),
        "int8",
      );
      expectTensor(
        x.neg(),
        wrapped((v) => -v),
        "int8",
      );
      expectTensor(x.abs(), wrapped(Math.abs), "int8");
      expectTensor(x.sign(), values.map(Math.sign), "int8");
      expectTensor(
        x.remainder(7),
        values.map((v) => ((v % 7) + 7) % 7),
        "int8",
      );
      expectTensor(
        x.maximum(-3),
        values.map((v) => Math.max(v, -3)),
        "int8",
      );
      expectTensor(x.max(), 127, "int8");
      expectTensor(x.min(), -128, "int8");
      expectTensor(x.sum(), -128, "int32");
      expectTensor(x.sort(0, { descending: true }), values.toReversed(), "int8");
      expectTensor(tensor([300, -129, 5.9]).cast("int8"), [44, 127, 5], "int8");
      expectTensor(x.cast("uint8").cast("int8"), values, "int8");
      expectTensor(x.cast("float32"), values);
      expect(tensor(new Int8Array([-1])).dtype).toBe("int8");
      expect(
        tensor(new Int8Array([-1]))
          .add(tensor(new Uint8Array([200])))
          .dataSync(),
      ).toEqual(new Int32Array([199]));
    }));
});

describe.each([...devices, "native"] as const)("order on %s", (device) => {
  it.each(["float16", "bfloat16", "float32", "float64"] as const)(
    "%s: NaN is the largest, equals keep their order, as in PyTorch",
    (dtype) =>
      here(device, () => {
        const x = tensor([1, Number.NaN, 3, -0, Number.NaN, 0, Number.POSITIVE_INFINITY, 3], { dtype });
        expectTensor(x.argSort(), [3, 5, 0, 2, 7, 6, 1, 4], "int32");
        expectTensor(x.argSort(0, { descending: true }), [1, 4, 6, 2, 7, 0, 3, 5], "int32");
        expectTensor(x.topK(3).indices, [1, 4, 6], "int32");
        expectTensor(x.topK(3, 0, { largest: false }).indices, [3, 5, 0], "int32");
        expectTensor(x.sort(0, { descending: true }).slice([0, 3]), [Number.NaN, Number.NaN, Number.POSITIVE_INFINITY], dtype);
      }),
  );
});

it("a stored variable: half the bytes, gradients in float32, assigned in a compiled function", () => {
  const W = variable(tensor([0.1, 0.2], { dtype: "bfloat16" }), "W");
  expect(W.trainable).toBe(true);
  const [g] = gradients(W.mul(W).sum(), [W]) as [Tensor<never>];
  expect(g.dtype).toBe("float32");
  expectTensor(
    g,
    Array.from([0.1, 0.2], (x) => 2 * numberOfBfloat(bfloatOf(x))),
  );
  const step = compile((x: Tensor) => {
    const loss = W.mul(x).sum();
    const [dW] = gradients(loss, [W]) as [Tensor<never>];
    W.assign(W.sub(dW).cast("bfloat16"));
    return loss;
  });
  step(tensor([1, 2]));
  expectTensor(W, [-0.8984375, -1.796875], "bfloat16", 0);
  expect(errorOf(() => W.assign(zeros([2]))).code).toBe("DTYPE");
});

it("files hold them as they are", () => {
  for (const [dtype, data] of [
    ["float16", Float32Array.of(1.5, -65504, 2 ** -24)],
    ["bfloat16", Float32Array.of(1.5, 3.3895313892515355e38, -0)],
    ["int8", Int8Array.of(-128, 5, 127)],
  ] as const) {
    const bytes = encodeSafetensors([["x", { dtype, shape: [3], data }]]);
    expect(bytes.length % 8).toBe((3 * (dtype === "int8" ? 1 : 2)) % 8);
    expect(decodeSafetensors(bytes).tensors.get("x")?.data).toEqual(data);
  }
});

it("a stored variable is saved and loaded", async () => {
  const [saved, loaded] = [tensor([0.1, -3], { dtype: "float16" }), tensor([0, 0], { dtype: "float16" })].map((t) => variable(t, "W"));
  const bytes = await weightsOf({ variables: () => new Map([["W", saved as d.Variable<DType>]]) });
  assignTensors("file", new Map([["W", loaded as d.Variable<DType>]]), decodeSafetensors(bytes).tensors);
  expect(loaded?.dataSync()).toEqual(saved?.dataSync());
  expect(loaded?.dtype).toBe("float16");
});

it("any two dtypes meet in one, whatever the order", () => {
  const rank = ["bool", "uint8", "int8", "int32", "uint32", "float16", "bfloat16", "float32", "float64"];
  for (const a of dtypes) {
    for (const b of dtypes) {
      const both = new Set<DType>([a, b]);
      if (both.has("uint32") && (both.has("int8") || both.has("int32"))) {
        expect(errorOf(() => promote("test", a, b)).code).toBe("DTYPE");
        continue;
      }
      const half = both.has("float16") || both.has("bfloat16");
      const wider = rank.indexOf(a) > rank.indexOf(b) ? a : b;
      const expected = both.has("uint8") && both.has("int8") ? "int32" : half && !both.has("float64") ? "float32" : wider;
      expect(promote("test", a, b), `${a} and ${b}`).toBe(expected);
      expect(promote("test", b, a)).toBe(expected);
    }
  }
});

it("on reference and WASM alike: scatter and gather of stored rows, and where, which computes", async () => {
  for (const device of devices)
    await on(device, () => {
      const table = tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { dtype: "float16" },
      );
      expectTensor(
        d.embedding(tensor([1, 1], { dtype: "int32" }), table),
        [
          [3, 4],
          [3, 4],
        ],
        "float16",
      );
      expectTensor(
        d.where(tensor([true, false]), table, table.flip(0)),
        [
          [1, 4],
          [3, 2],
        ],
        "float32",
      );
      expectTensor(
        d.scatter(table, 0, tensor([[1, 0]], { dtype: "int32" }), tensor([[7, 8]], { dtype: "float16" })),
        [
          [1, 8],
          [7, 4],
        ],
        "float16",
      );
      const [g] = gradients(d.embedding(tensor([1, 1], { dtype: "int32" }), table).sum(), [table]) as [Tensor<never>];
      expectTensor(g, [
        [0, 0],
        [2, 2],
      ]);
    });
});
