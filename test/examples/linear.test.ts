// The example's model: each of its 1,000 iterates against float64 gradient descent, and where 100,000 steps end against the
// closed form.

import { execFileSync } from "node:child_process";
import { afterAll, describe, expect, test } from "vitest";
import { compile, l2, mse, setDevice, sgd, type Tensor, tensor, variable, zeros } from "../../src/index.ts";

afterAll(() => setDevice("auto"));

const X = [
  [1, 2],
  [3, 4],
  [5, 6],
];
const Y = [
  [1, 0, 2],
  [2, 1, 1],
  [3, 1, 0],
];
const [samples, features, outputs] = [3, 2, 3];
const lambda = 0.1;
const rate = 0.01;
const startW = [
  [0.1, -0.05, 0.2],
  [-0.15, 0.02, 0.07],
];

const at = (m: readonly (readonly number[])[], i: number, j: number) => (m[i] as readonly number[])[j] as number;

/** Gradient descent on mean((XW + b − Y)²) + λ·½‖W‖², in float64, written out. */
function* descent(): Generator<{ W: number[][]; b: number[]; loss: number }> {
  const W = startW.map((row) => [...row]);
  const b = [0, 0, 0];
  for (;;) {
    const gradW = W.map((row) => row.map((w) => lambda * w));
    const gradB = [0, 0, 0];
    let loss = 0;
    for (const row of W) for (const w of row) loss += (lambda / 2) * w * w;
    for (let s = 0; s < samples; s++) {
      for (let o = 0; o < outputs; o++) {
        let error = (b[o] as number) - at(Y, s, o);
        for (let f = 0; f < features; f++) error += at(X, s, f) * at(W, f, o);
        loss += error ** 2 / (samples * outputs);
        const g = (2 * error) / (samples * outputs);
        gradB[o] = (gradB[o] as number) + g;
        for (let f = 0; f < features; f++) (gradW[f] as number[])[o] = at(gradW, f, o) + g * at(X, s, f);
      }
    }
    for (let o = 0; o < outputs; o++) {
      b[o] = (b[o] as number) - rate * (gradB[o] as number);
      for (let f = 0; f < features; f++) (W[f] as number[])[o] = at(W, f, o) - rate * at(gradW, f, o);
    }
    yield { W: W.map((row) => [...row]), b: [...b], loss };
  }
}

function setUp() {
  const W = variable(startW, "W");
  const b = variable(zeros([3]), "b");
  const optimizer = sgd({ learningRate: rate });
  const penalty = l2(lambda);
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = mse(x.matmul(W).add(b), y).add(penalty(W));
    optimizer.minimize(loss);
    return loss;
  });
  return { W, b, step };
}

/** Solves (XcᵀXc/m + λI/2·…) for the penalised least squares with a free bias: centre, then normal equations. */
function closedForm(): { W: number[][]; b: number[] } {
  const meanX = [0, 1].map((f) => X.reduce((s, row) => s + (row[f] as number), 0) / samples);
  const meanY = [0, 1, 2].map((o) => Y.reduce((s, row) => s + (row[o] as number), 0) / samples);
  const centred = X.map((row) => row.map((v, f) => v - (meanX[f] as number)));
  // d/dW: 2/(n·m) Xcᵀ(XcW − Yc) + λW = 0.
  const scale = 2 / (samples * outputs);
  const A = [0, 1].map((f) =>
    [0, 1].map((g) => scale * centred.reduce((s, row) => s + (row[f] as number) * (row[g] as number), 0) + (f === g ? lambda : 0)),
  );
  const B = [0, 1].map((f) =>
    meanY.map((mean, o) => scale * centred.reduce((s, row, i) => s + (row[f] as number) * (at(Y, i, o) - mean), 0)),
  );
  const determinant = at(A, 0, 0) * at(A, 1, 1) - at(A, 0, 1) * at(A, 1, 0);
  const W = [
    meanY.map((_, o) => (at(A, 1, 1) * at(B, 0, o) - at(A, 0, 1) * at(B, 1, o)) / determinant),
    meanY.map((_, o) => (at(A, 0, 0) * at(B, 1, o) - at(A, 1, 0) * at(B, 0, o)) / determinant),
  ];
  return { W, b: meanY.map((mean, o) => mean - meanX.reduce((s, m, f) => s + m * at(W, f, o), 0)) };
}

describe.each([
  ["reference", 1e-7],
  ["wasm", 5e-6],
] as const)("on %s", (device, tolerance) => {
  test("each of 1,000 iterates is that of float64 gradient descent", () => {
    setDevice(device);
    const { W, b, step } = setUp();
    const truth = descent();
    let largest = 0;
    for (let i = 0; i < 1000; i++) {
      const loss = step(tensor(X), tensor(Y)).itemSync();
      const expected = truth.next().value as { W: number[][]; b: number[]; loss: number };
      const [w, v] = [W.dataSync({ exact: true }), b.dataSync({ exact: true })];
      const pairs = [...w]
        .map((x, k) => [x, expected.W.flat()[k] as number] as const)
        .concat([...v].map((x, k) => [x, expected.b[k] as number] as const));
      for (const [got, want] of [...pairs, [loss, expected.loss] as const])
        largest = Math.max(largest, Math.abs(got - want) / Math.max(1, Math.abs(want)));
    }
    expect(largest).toBeLessThan(tolerance);
    expect(step.traces).toBe(1);
  });
});

test("100,000 repeated steps end at the closed form, on WASM", () => {
  setDevice("wasm");
  const { W, b, step } = setUp();
  const losses = step.repeat(100_000, [tensor(X), tensor(Y)]);
  expect(losses.shape).toEqual([100_000]);
  const expected = closedForm();
  for (const [k, w] of expected.W.flat().entries()) expect(Math.abs((W.dataSync()[k] as number) - w)).toBeLessThan(2e-4);
  for (const [k, v] of expected.b.entries()) expect(Math.abs((b.dataSync()[k] as number) - v)).toBeLessThan(2e-4);
});

test("the closed form is right: its gradient is 0, so a step from it goes nowhere", () => {
  setDevice("reference");
  const { W, b } = closedForm();
  const [w, v] = [variable(W, "W"), variable(b, "b")];
  sgd({ learningRate: 1 }).minimize(mse(tensor(X).matmul(w).add(v), tensor(Y)).add(l2(lambda)(w)));
  for (const [k, x] of W.flat().entries()) expect(w.dataSync()[k]).toBeCloseTo(x, 5);
  for (const [k, x] of b.entries()) expect(v.dataSync()[k]).toBeCloseTo(x, 5);
});

test("a column of targets is refused at the call, with both shapes", () => {
  setDevice("wasm");
  const { step } = setUp();
  expect(() => step(tensor(X), tensor([[1], [2], [3]]))).toThrow("got prediction [3,3] and target [3,1], expected equal shapes.");
});

test("the example runs and shows W and b every 100 steps", () => {
  const output = execFileSync(process.execPath, ["examples/linear.ts"], { encoding: "utf8" });
  expect(output.match(/^step \d+00: loss \d/gm)).toHaveLength(10);
  expect(output.match(/^W = tensor\(\[\[/gm)).toHaveLength(10);
  expect(output.match(/^b = tensor\(\[/gm)).toHaveLength(10);
  const losses = [...output.matchAll(/loss ([\d.]+)/g)].map((m) => Number(m[1]));
  expect(losses).toEqual([...losses].sort((a, b) => b - a));
});
