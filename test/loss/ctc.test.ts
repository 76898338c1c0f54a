// CTC against its definition: the sum over all alignments.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gradients, logSoftmax, setDevice, type Tensor, tensor } from "../../src/index.ts";
import { ctc } from "../../src/loss/index.ts";

beforeAll(() => setDevice("reference"));
afterAll(() => setDevice("auto"));

const [steps, classes] = [5, 4];
const raw = Array.from({ length: 2 }, (_, n) =>
  Array.from({ length: steps }, (_, t) => Array.from({ length: classes }, (_, c) => Math.sin(7 * n + 3 * t + 1.7 * c))),
);
const int = (values: number[], shape = [values.length]) => tensor(Int32Array.from(values), { shape });

/** [steps, samples, classes] */
const scores = () => tensor(raw.map((rows) => rows)).transpose(0, 1) as Tensor;

/** −log Σ over every path of `length` steps that collapses to the labels. */
function byPaths(rows: number[][], labels: number[], length: number, blank: number): number {
  let total = 0;
  const visit = (path: number[], p: number): void => {
    if (path.length === length) {
      const merged = path.filter((c, i) => c !== path[i - 1]).filter((c) => c !== blank);
      if (merged.join() === labels.join()) total += p;
      return;
    }
    const row = rows[path.length] as number[];
    const norm = row.reduce((s, v) => s + Math.exp(v), 0);
    for (let c = 0; c < classes; c++) visit([...path, c], (p * Math.exp(row[c] as number)) / norm);
  };
  visit([], 1);
  return -Math.log(total);
}

describe("ctc", () => {
  test.each([0, 3])("is the sum over alignments, blank %i, repeated labels and short samples included", (blank) => {
    const labels = blank === 0 ? [[1, 1], [2]] : [[1, 1], [2]];
    const lengths = [5, 3];
    const expected = labels.map((l, n) => byPaths(raw[n] as number[][], l, lengths[n] as number, blank));
    const padded = int([...(labels[0] as number[]), 2, -7], [2, 2]);
    const losses = ctc(logSoftmax(scores()), padded, lengths, [2, 1], { blank, reduction: "none" });
    expect([...losses.dataSync()].map((v) => v.toFixed(5))).toEqual(expected.map((v) => v.toFixed(5)));
    const mean = ctc(logSoftmax(scores()), padded, int(lengths), int([2, 1]), { blank });
    expect(mean.itemSync()).toBeCloseTo(((expected[0] as number) / 2 + (expected[1] as number)) / 2, 5);
  });

  test("lists of labels one behind the other, and a single sample", () => {
    const rows = ctc(logSoftmax(scores()), int([1, 2, 3, 0], [2, 2]), [5, 5], [2, 1], { reduction: "none" });
    const flat = ctc(logSoftmax(scores()), int([1, 2, 3]), [5, 5], [2, 1], { reduction: "none" });
    expect([...flat.dataSync()]).toEqual([...rows.dataSync()]);
    const one = ctc(logSoftmax(tensor(raw[0] as number[][]) as Tensor), int([1, 2]), [5], [2], { reduction: "none" });
    expect(one.shape).toEqual([]);
    expect(one.itemSync()).toBeCloseTo(rows.dataSync()[0] as number, 6);
  });

  test("no labels at all: every step is blank", () => {
    const loss = ctc(logSoftmax(scores()), int([0, 0], [2, 1]), [2, 2], [0, 0], { reduction: "none" });
    expect(loss.dataSync()[1]).toBeCloseTo(byPaths(raw[1] as number[][], [], 2, 0), 5);
  });

  test("the gradient is that of central differences", () => {
    const x = tensor(raw).transpose(0, 1) as Tensor;
    const loss = (t: Tensor) => ctc(logSoftmax(t), int([1, 1, 2, 3], [2, 2]), [5, 4], [2, 2]);
    const g = gradients(loss(x), [x])[0] as Tensor;
    const at = (n: number, t: number, c: number, h: number) => {
      const moved = raw.map((rows, i) => rows.map((row, j) => row.map((v, k) => (i === n && j === t && k === c ? v + h : v))));
      return loss(tensor(moved, { dtype: "float64" }).transpose(0, 1) as unknown as Tensor).dataSync({ exact: true })[0] as number;
    };
    for (const [n, t, c] of [
      [0, 0, 1],
      [1, 3, 2],
      [1, 4, 2],
    ] as const)
      expect(g.slice([t, t + 1], [n, n + 1], [c, c + 1]).itemSync()).toBeCloseTo((at(n, t, c, 1e-4) - at(n, t, c, -1e-4)) / 2e-4, 6);
  });

  test("labels that do not fit: infinite, or 0 without gradient", () => {
    const x = scores();
    const call = (zeroInfinity: boolean) =>
      ctc(logSoftmax(x), int([1, 1, 2, 3], [2, 2]), [2, 4], [2, 2], { zeroInfinity, reduction: "none" });
    expect(call(false).dataSync()[0]).toBe(Number.POSITIVE_INFINITY);
    const losses = call(true);
    expect(losses.dataSync()[0]).toBe(0);
    const g = gradients(losses.sum(), [x])[0] as Tensor;
    expect([...g.slice(null, [0, 1]).dataSync()].every((v) => v === 0)).toBe(true);
    expect([...g.slice(null, [1, 2]).dataSync()].every(Number.isFinite)).toBe(true);
  });

  test("what does not fit is refused", () => {
    const x = scores();
    expect(() => ctc(x, int([1, 2], [1, 2]), [5, 5], [1, 1])).toThrow("targets do not fit the samples; got targets int32[1,2]");
    expect(() => ctc(x, int([1, 2, 3]), [5, 5], [1, 1])).toThrow(
      "targetLengths do not add up to the number of targets; got a sum of 2, and targets [3], expected",
    );
    expect(() => ctc(x, int([1, 2, 3]), [5, 5], int([1, 1])).itemSync()).toThrow(/targetLengths do not add up .*left over; got 1/);
    expect(() => ctc(x, int([1, 2], [2, 1]), [5, 6], [1, 1])).toThrow("inputLengths is out of range; got 6");
    expect(() => ctc(x, int([1, 2], [2, 1]), [5], [1, 1])).toThrow("inputLengths must have one length for each sample");
    expect(() => ctc(x, int([1, 4], [2, 1]), [5, 5], [1, 1]).itemSync()).toThrow("ctc: a label is no class; got 4, expected 0 to 3");
    expect(() => ctc(x, int([1, 1], [2, 1]), int([5, 7]), [1, 1]).itemSync()).toThrow(
      "a length among inputLengths is too large or negative; got 7",
    );
    expect(() => ctc(x, int([1, 2], [2, 1]), [5, 5], [1, 1], { blank: 4 })).toThrow("blank is out of range");
  });
});
