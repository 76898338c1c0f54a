import { expect, test } from "vitest";
import { batchIndices, kFold, splitSamples } from "../../src/data/split.ts";

const sorted = (lists: Int32Array[]) => lists.flatMap((l) => [...l]).sort((a, b) => a - b);
const all = (n: number) => Array.from({ length: n }, (_, i) => i);
const labels = [...Array(50).fill(0), ...Array(30).fill(1), ...Array(23).fill(2)];
const count = (indices: Int32Array, label: number) => indices.filter((i) => labels[i] === label).length;

test("batches hold every sample once, the last may be smaller, epochs and seeds differ, and each can be made again", () => {
  const first = batchIndices(103, { batchSize: 10, seed: 3 });
  expect(first.map((b) => b.length)).toEqual([...Array(10).fill(10), 3]);
  expect(sorted(first)).toEqual(all(103));
  expect(batchIndices(103, { batchSize: 10, seed: 3 })).toEqual(first);
  expect(batchIndices(103, { batchSize: 10, seed: 3, epoch: 1 })).not.toEqual(first);
  expect(batchIndices(103, { batchSize: 10, seed: 4 })).not.toEqual(first);
  expect(batchIndices(103, { batchSize: 10, dropLast: true })).toHaveLength(10);
  expect(batchIndices(3, { batchSize: 10, dropLast: true })).toHaveLength(1);
  expect(batchIndices(5, { batchSize: 2, shuffle: false })).toEqual([Int32Array.of(0, 1), Int32Array.of(2, 3), Int32Array.of(4)]);
});

test("the shuffle's numbers stay what they are: checkpoints of older versions depend on it", () => {
  expect([...(batchIndices(8, { batchSize: 8, seed: 1 })[0] as Int32Array)]).toMatchInlineSnapshot(`
    [
      1,
      6,
      5,
      7,
      2,
      3,
      0,
      4,
    ]
  `);
});

test("every order is about equally likely", () => {
  const places = new Array(4).fill(0);
  for (let seed = 0; seed < 4000; seed++) places[(batchIndices(4, { batchSize: 4, seed })[0] as Int32Array).indexOf(0)]++;
  for (const n of places) expect(Math.abs(n - 1000)).toBeLessThan(120);
});

test("split keeps the classes' proportions and loses nobody", () => {
  const { train, test: held } = splitSamples(103, { fraction: 0.2, labels, seed: 5 });
  expect(sorted([train, held])).toEqual(all(103));
  expect(held.length).toBe(21);
  expect([0, 1, 2].map((c) => count(held, c))).toEqual([10, 6, 5]);
  expect(splitSamples(103, { labels, seed: 5 })).toEqual({ train, test: held });
  expect(splitSamples(103, { labels, seed: 6 }).test).not.toEqual(held);
  expect(splitSamples(2, { fraction: 0.01 }).test).toHaveLength(1);
});

test("folds are disjoint, even in size and in classes, and together everything", () => {
  const folds = kFold(103, { folds: 5, labels, seed: 1 });
  expect(sorted(folds.map((f) => f.validation))).toEqual(all(103));
  for (const { train, validation } of folds) {
    expect(sorted([train, validation])).toEqual(all(103));
    expect([20, 21]).toContain(validation.length);
    expect(count(validation, 0)).toBe(10);
    expect(count(validation, 1)).toBe(6);
  }
});

test("bad options are refused", () => {
  expect(() => batchIndices(0, { batchSize: 1 })).toThrow("there are no samples");
  expect(() => batchIndices(5, { batchSize: 0 })).toThrow("batchSize must be a positive integer; got 0");
  expect(() => splitSamples(5, { fraction: 1 })).toThrow("fraction must lie between 0 and 1; got 1");
  expect(() => splitSamples(1)).toThrow("one sample cannot be split");
  expect(() => kFold(4, { folds: 5 })).toThrow("got 5, expected 2 to 4");
  expect(() => kFold(4, { folds: 2, labels: [1] })).toThrow("labels must be one for each sample");
});

test("an option that there is not is refused with its likely name", () => {
  expect(() => splitSamples(10, { fracton: 0.5 } as object)).toThrow(
    'splitSamples: there is no option "fracton". Did you mean "fraction"?',
  );
  expect(() => kFold(10, { fold: 3 } as object)).toThrow('Did you mean "folds"?');
  expect(() => batchIndices(10, { batch_size: 3 } as never)).toThrow('Did you mean "batchSize"?');
  expect(() => batchIndices(10, undefined as never)).toThrow("batchIndices: the options must be an object; got undefined.");
});
