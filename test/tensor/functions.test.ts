// Functions of real numbers and activations: values against formulas in JavaScript, gradients against their differences, and
// what happens at kinks.

import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { gradients, type Tensor, tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { erf, erfc, erfinv } from "../../src/util/special.ts";
import { devices, errorOf, expectClose, expectTensor, on } from "./values.ts";

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const softplus = (x: number) => Math.log1p(Math.exp(x));

interface Row {
  readonly of: (x: Tensor) => Tensor;
  readonly exact: (x: number) => number;
  readonly at?: readonly number[];
}

const everywhere = [-3.7, -1.3, -0.4, 0.3, 0.8, 2.6, 7.1];
const inside = [-0.9, -0.3, 0.2, 0.7];

const rows: Record<string, Row> = {
  exp2: { of: d.exp2, exact: (x) => 2 ** x },
  log2: { of: d.log2, exact: Math.log2, at: [0.2, 1.5, 8] },
  log10: { of: d.log10, exact: Math.log10, at: [0.2, 1.5, 100] },
  tan: { of: d.tan, exact: Math.tan },
  asin: { of: d.asin, exact: Math.asin, at: inside },
  acos: { of: d.acos, exact: Math.acos, at: inside },
  atan: { of: d.atan, exact: Math.atan },
  sinh: { of: d.sinh, exact: Math.sinh },
  cosh: { of: d.cosh, exact: Math.cosh },
  asinh: { of: d.asinh, exact: Math.asinh },
  acosh: { of: d.acosh, exact: Math.acosh, at: [1.1, 2, 30] },
  atanh: { of: d.atanh, exact: Math.atanh, at: inside },
  erf: { of: d.erf, exact: erf },
  erfc: { of: d.erfc, exact: erfc },
  erfinv: { of: d.erfinv, exact: erfinv, at: inside },
  logit: { of: d.logit, exact: (x) => Math.log(x / (1 - x)), at: [0.01, 0.3, 0.7, 0.995] },
  "logit with limits": {
    of: (x) => d.logit(x, 0.2),
    exact: (x) => Math.log(Math.min(0.8, Math.max(0.2, x)) / (1 - Math.min(0.8, Math.max(0.2, x)))),
    at: [0.01, 0.3, 0.7, 0.995],
  },
  frac: { of: d.frac, exact: (x) => x - Math.trunc(x) },
  logSigmoid: { of: nn.logSigmoid, exact: (x) => -softplus(-x) },
  mish: { of: nn.mish, exact: (x) => x * Math.tanh(softplus(x)) },
  softSign: { of: nn.softSign, exact: (x) => x / (1 + Math.abs(x)) },
  tanhShrink: { of: nn.tanhShrink, exact: (x) => x - Math.tanh(x) },
  hardTanh: { of: (x) => nn.hardTanh(x, -1.5, 0.5), exact: (x) => Math.min(0.5, Math.max(-1.5, x)) },
  relu6: { of: nn.relu6, exact: (x) => Math.min(6, Math.max(0, x)) },
  hardSigmoid: { of: nn.hardSigmoid, exact: (x) => Math.min(1, Math.max(0, (x + 3) / 6)) },
  hardSwish: { of: nn.hardSwish, exact: (x) => (x * Math.min(6, Math.max(0, x + 3))) / 6 },
  selu: { of: nn.selu, exact: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)) },
  celu: { of: (x) => nn.celu(x, 0.7), exact: (x) => (x > 0 ? x : 0.7 * Math.expm1(x / 0.7)) },
  "softplus with β and threshold": {
    of: (x) => d.softplus(x, { beta: 2, threshold: 5 }),
    exact: (x) => (2 * x > 5 ? x : softplus(2 * x) / 2),
  },
  threshold: { of: (x) => nn.threshold(x, 0.5, -7), exact: (x) => (x > 0.5 ? x : -7) },
  hardShrink: { of: (x) => nn.hardShrink(x, 0.5), exact: (x) => (Math.abs(x) > 0.5 ? x : 0) },
  softShrink: { of: (x) => nn.softShrink(x, 0.5), exact: (x) => Math.sign(x) * Math.max(0, Math.abs(x) - 0.5) },
  prelu: { of: (x) => nn.prelu(x, tensor(0.3)), exact: (x) => (x > 0 ? x : 0.3 * x) },
  "fmod by 1.5": { of: (x) => d.fmod(x, 1.5), exact: (x) => x % 1.5 },
  "hypot with 2": { of: (x) => d.hypot(x, 2), exact: (x) => Math.hypot(x, 2) },
  "atan2 of 2": { of: (x) => d.atan2(2, x), exact: (x) => Math.atan2(2, x) },
  "logAddExp with 1": { of: (x) => d.logAddExp(x, 1), exact: (x) => Math.log(Math.exp(x) + Math.E) },
  "xlogy of 3": { of: (x) => d.xlogy(x, 3), exact: (x) => x * Math.log(3) },
  "lerp from 2 to 5": { of: (x) => d.lerp(tensor(2), 5, x), exact: (x) => 2 + 3 * x },
  sigmoid: { of: d.sigmoid, exact: sigmoid },
};

describe.each(devices)("functions on %s", (device) => {
  it.each(Object.keys(rows))("%s", (name) =>
    on(device, () => {
      const { of, exact, at = everywhere } = rows[name] as Row;
      const x = tensor(at as number[]);
      const points = at.map(Math.fround);
      expectTensor(of(x), points.map(exact), "float32", 4e-6);
      const slope = (p: number) => (exact(p + 1e-5) - exact(p - 1e-5)) / 2e-5;
      expectClose((gradients(of(x).sum(), [x])[0] as Tensor).toArraySync(), points.map(slope), 2e-5);
    }),
  );

  it("huge and tiny arguments stay in the range", () =>
    on(device, () => {
      expectTensor(d.hypot(tensor([3e30, 3e-30]), tensor([4e30, 4e-30])).div(tensor([5e30, 5e-30])), [1, 1]);
      expectTensor(d.hypot(tensor([Infinity]), Number.NaN), [Infinity]);
      expectTensor(d.asinh(tensor([1e30, -1e30])), [Math.asinh(1e30), -Math.asinh(1e30)]);
      expectTensor(d.acosh(tensor([3e38, 0.5])), [Math.acosh(3e38), Number.NaN]);
      expectTensor(d.sinh(tensor([89.3])).div(Math.sinh(89.3)), [1], "float32", 2e-5);
      expectTensor(d.logAddExp(tensor([1000, -Infinity, Infinity]), tensor([1000, -Infinity, Infinity])), [
        1000 + Math.LN2,
        -Infinity,
        Infinity,
      ]);
      expectTensor(d.xlogy(tensor([0, 0, 2]), tensor([0, Number.NaN, 0])), [0, Number.NaN, -Infinity]);
      expectTensor(d.sin(tensor([1e20, -3e38])), [Math.sin(Math.fround(1e20)), Math.sin(Math.fround(-3e38))]);
      expectTensor(d.erfc(tensor([5, -5])).mul(1e12), [erfc(5) * 1e12, erfc(-5) * 1e12]);
    }));

  it("logit reaches both infinities, and its limits are checked", () =>
    on(device, () => {
      expectTensor(d.logit(tensor([0, 1, -0.5, 1.5])), [-Infinity, Infinity, Number.NaN, Number.NaN]);
      expectTensor(d.logit(tensor([0, 1]), 0.25), [-Math.log(3), Math.log(3)]);
      expect(errorOf(() => d.logit(tensor([0.5]), 0.6))).toMatchObject({ code: "OPTION" });
    }));

  it("rounded quotients are exact", () =>
    on(device, () => {
      const [a, b] = [tensor([7, -7, 7, -7, 1, 5.5]), tensor([2, 2, -2, -2, 0.1, Infinity])];
      expectTensor(d.floorDivide(a, b), [3, -4, -4, 3, 9, 0]);
      expectTensor(d.truncDivide(a.slice([0, 4]), b.slice([0, 4])), [3, -3, -3, 3]);
      expectTensor(d.floorDivide(tensor([-1, 1]), tensor([Infinity, 0])), [-1, Infinity]);
    }));

  it("NaN and infinities", () =>
    on(device, () => {
      const x = tensor([Number.NaN, Infinity, -Infinity, 2]);
      expectTensor(d.nanToNumber(x, { nan: 7, positive: 8, negative: 9 }), [7, 8, 9, 2]);
      expectTensor(d.nanToNumber(x), [0, 3.4028234663852886e38, -3.4028234663852886e38, 2]);
      expectTensor(d.isInfinite(x), [false, true, true, false], "bool");
      expectTensor(d.fmax(x, 3), [3, Infinity, 3, 3]);
      expectTensor(d.fmin(x, 3), [3, 3, -Infinity, 2]);
      expectTensor(d.clamp(x, tensor([1, Number.NaN, 3, Number.NaN])), [Number.NaN, Number.NaN, 3, Number.NaN]);
      expectTensor(d.clamp(x, undefined, tensor([1, 5, Number.NaN, 1])), [Number.NaN, 5, Number.NaN, 1]);
      expectTensor(d.sign(x), [0, 1, -1, 1]);
      for (const f of [nn.relu6, nn.hardTanh, nn.hardShrink, nn.softShrink, nn.hardSwish]) expectTensor(f(x).at(0), Number.NaN);
      expectTensor(nn.threshold(x, 0, 1).at(0), Number.NaN);
      expectTensor(d.logicalAnd(x, tensor([1, 0, 1, 1])), [true, false, true, true], "bool");
    }));
});

describe("gradients at kinks are PyTorch's", () => {
  const slope = (f: (x: Tensor) => Tensor, at: number) => {
    const x = tensor(at);
    return (gradients(f(x), [x])[0] as Tensor).itemSync();
  };
  it.each([
    ["hardTanh at its limit", (x: Tensor) => nn.hardTanh(x), 1, 0],
    ["clamp at its limit", (x: Tensor) => x.clamp(-1, 1), 1, 1],
    ["relu6 at 0", nn.relu6, 0, 0],
    ["hardSwish at −3", nn.hardSwish, -3, -0.5],
    ["softShrink at λ", (x: Tensor) => nn.softShrink(x, 0.5), 0.5, 0],
    ["fmod at 0", (x: Tensor) => d.fmod(x, 2), 0, 1],
    ["asinh at 0", d.asinh, 0, 1],
    ["sinh at 0", d.sinh, 0, 1],
    ["atanh at 0", d.atanh, 0, 1],
    ["hypot at (3, 0)", (x: Tensor) => d.hypot(x, 0), 3, 1],
    ["fmax at a tie", (x: Tensor) => d.fmax(x, 1), 1, 1],
    ["logAddExp at a tie", (x: Tensor) => d.logAddExp(x, 1), 1, 0.5],
    ["xlogy at 0", (x: Tensor) => d.xlogy(x, 0), 0, 0],
  ] as const)("%s", (_, f, at, expected) => {
    expect(slope(f, at)).toBeCloseTo(expected, 6);
  });
});

it("glu halves an axis, and softmin is the softmax of the opposite", () => {
  const x = tensor([
    [1, 2, 0, 3],
    [-1, 0.5, 1, -2],
  ]);
  expectTensor(nn.glu(x), [
    [1 * sigmoid(0), 2 * sigmoid(3)],
    [-1 * sigmoid(1), 0.5 * sigmoid(-2)],
  ]);
  expectTensor(nn.glu(x, 0), [[1 * sigmoid(-1), 2 * sigmoid(0.5), 0, 3 * sigmoid(-2)]]);
  expectTensor(nn.softmin(x), x.neg().softmax().toArraySync());
  expectTensor(nn.prelu(x.reshape([1, 2, 4]), tensor([0.1, 0.2])), [
    [
      [1, 2, 0, 3],
      [-0.2, 0.5, 1, -0.4],
    ],
  ]);
});

it("addcmul and addcdiv", () => {
  expectTensor(d.addcmul(tensor([1, 2]), tensor([3, 4]), tensor([5, 6]), 0.5), [8.5, 14]);
  expectTensor(d.addcdiv(tensor([1, 2]), tensor([3, 4]), tensor([2, 8])), [2.5, 2.5]);
});

describe("mistakes", () => {
  const x = tensor([[1, 2, 3]]);
  it.each([
    [
      "limits upside down",
      () => nn.hardTanh(x, 1, 0),
      "hardTanh: the lower limit is above the upper one; got low 1 and high 0, expected low ≤ high.",
    ],
    ["a negative λ", () => nn.softShrink(x, -1), "softShrink: lambda is negative; got -1, expected a number from 0 on."],
    ["an odd axis", () => nn.glu(x), "glu: axis 1 cannot be halved; got [1,3], expected an even size."],
    ["an unknown approximation", () => d.gelu(x, "fast" as never), "gelu: unknown approximation; got fast, expected none or tanh."],
    ["α of 0", () => nn.celu(x, 0), "celu: alpha cannot be 0; got 0, expected another number."],
    [
      "too many weights",
      () => nn.prelu(x, tensor([1, 2])),
      "prelu: the weight does not fit the channels; got weight [2] for x [1,3], expected a scalar, or [1] or [3].",
    ],
  ] as const)("%s", (_, body, message) => {
    expect(errorOf(body).message).toBe(message);
  });
});
