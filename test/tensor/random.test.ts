import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { bernoulli, compile, fold, Generator, normal, permutation, randomInteger, seed, type Tensor, uniform } from "../../src/index.ts";
import { threefry2x32 } from "../../src/util/threefry.ts";
import { devices, errorOf, expectTensor, on } from "./values.ts";

const moments = (values: ArrayLike<number>) => {
  const list = Array.from(values);
  const mean = list.reduce((s, x) => s + x, 0) / list.length;
  return { mean, variance: list.reduce((s, x) => s + (x - mean) ** 2, 0) / list.length };
};

describe.each(devices)("random numbers on %s", (device) => {
  const using = (body: () => void) => () => on(device, body);

  it(
    "uniform is Threefry's upper 24 bits, element by element",
    using(() => {
      const values = uniform([2, 3], { seed: 5 }).dataSync();
      for (let i = 0; i < 6; i++) expect(values[i]).toBe((threefry2x32(5, 0, i, 0)[0] >>> 8) / 2 ** 24);
      const scaled = uniform([6], { seed: 5, low: -2, high: 3 }).dataSync();
      for (let i = 0; i < 6; i++) expect(scaled[i]).toBeCloseTo((values[i] as number) * 5 - 2, 6);
    }),
  );

  it(
    "normal is Box and Muller's formula on both words",
    using(() => {
      const values = normal([50], { seed: 9, mean: 1, std: 2 }).toArraySync() as number[];
      values.forEach((v, i) => {
        const [a, b] = threefry2x32(9, 0, i, 0);
        const z = Math.sqrt(-2 * Math.log(((a >>> 8) + 1) / 2 ** 24)) * Math.cos((2 * Math.PI * (b >>> 8)) / 2 ** 24);
        expect(Math.abs(v - (1 + 2 * z))).toBeLessThan(1e-5);
      });
    }),
  );

  it(
    "moments and ranges",
    using(() => {
      seed(1);
      const n = 20_000;
      const u = moments(uniform([n], { low: -1, high: 1 }).dataSync());
      expect(Math.abs(u.mean)).toBeLessThan(0.02);
      expect(Math.abs(u.variance - 1 / 3)).toBeLessThan(0.01);
      const z = moments(normal([n], { mean: 3, std: 2 }).dataSync());
      expect(Math.abs(z.mean - 3)).toBeLessThan(0.06);
      expect(Math.abs(z.variance - 4)).toBeLessThan(0.15);
      const b = moments(bernoulli([n], { probability: 0.3 }).dataSync());
      expect(Math.abs(b.mean - 0.3)).toBeLessThan(0.015);
      const counts = new Array<number>(7).fill(0);
      for (const k of randomInteger([n], { low: -3, high: 4 }).dataSync()) (counts[k + 3] as number)++;
      for (const c of counts) expect(Math.abs(c - n / 7)).toBeLessThan(300);
      expect(bernoulli([1000], { probability: 0 }).dataSync().includes(1)).toBe(false);
      expect(bernoulli([1000], { probability: 1 }).dataSync().includes(0)).toBe(false);
      expectTensor(bernoulli([3], { probability: d.scalar(1) }), [true, true, true], "bool");
    }),
  );

  it(
    "permutation holds every number once, in another order each time",
    using(() => {
      seed(2);
      const [p, q] = [permutation(1000).dataSync(), permutation(1000).dataSync()];
      expect([...p].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
      expect([...p]).not.toEqual([...q]);
      expectTensor(permutation(0), [], "int32");
    }),
  );

  it(
    "a tensor takes its key when it is made: reading twice, or late, gives the same numbers",
    using(() => {
      seed(3);
      const first = normal([4]);
      const second = normal([4]);
      const late = second.toArraySync();
      const early = first.toArraySync();
      expect(first.toArraySync()).toEqual(early);
      expect(first.add(0).toArraySync()).toEqual(early);
      expect(early).not.toEqual(late);
      seed(3);
      expect([normal([4]).toArraySync(), normal([4]).toArraySync()]).toEqual([early, late]);
    }),
  );

  it(
    "compiled and eager draws go on from one another",
    using(() => {
      const [a, b] = [new Generator(7), new Generator(7)];
      const draw = compile(() => [uniform([3], { generator: a }), normal([2], { generator: a })] as const);
      const rows: unknown[] = [];
      for (let i = 0; i < 3; i++) rows.push(...draw().map((t) => t.toArraySync()));
      rows.push(uniform([2], { generator: a }).toArraySync());
      const expected: unknown[] = [];
      for (let i = 0; i < 3; i++) expected.push(uniform([3], { generator: b }).toArraySync(), normal([2], { generator: b }).toArraySync());
      expected.push(uniform([2], { generator: b }).toArraySync());
      expect(rows).toEqual(expected);
      expect([...a.state.dataSync()]).toEqual([7, 0, 17, 0]);
    }),
  );

  it(
    "a generator's state is all there is: setting it back repeats the numbers",
    using(() => {
      const g = new Generator(11);
      uniform([5], { generator: g }).dataSync();
      const saved = g.state.dataSync();
      const numbers = uniform([5], { generator: g }).toArraySync();
      g.state.assign(saved);
      expect(uniform([5], { generator: g }).toArraySync()).toEqual(numbers);
    }),
  );

  it(
    "the counter carries into its upper word",
    using(() => {
      const g = new Generator(1);
      g.state.assign(new Uint32Array([1, 0, 2 ** 32 - 2, 0]));
      const expected = [-2, -1, 0, 1].map((i) => (threefry2x32(1, 0, i >>> 0, i < 0 ? 0 : 1)[0] >>> 8) / 2 ** 24);
      const eager = new Generator(1);
      eager.state.assign(g.state);
      expectTensor(compile(() => uniform([4], { generator: g }))(), expected);
      expectTensor(uniform([4], { generator: eager }), expected);
      expect([...g.state.dataSync()]).toEqual([1, 0, 2, 1]);
      expect([...eager.state.dataSync()]).toEqual([1, 0, 2, 1]);
    }),
  );

  it(
    "an explicit seed leaves the generator alone",
    using(() => {
      seed(4);
      const before = [...d.defaultGenerator().state.dataSync()];
      expect(uniform([3], { seed: 8 }).toArraySync()).toEqual(uniform([3], { seed: 8 }).toArraySync());
      expect([...d.defaultGenerator().state.dataSync()]).toEqual(before);
    }),
  );
});

it("is the same on every device", async () => {
  const draw = () =>
    [uniform([100], { seed: 1 }), permutation(50, { seed: 1 }), randomInteger([50], { seed: 1, high: 1000 })].map((t) => t.toArraySync());
  const [a, b] = [await on("reference", draw), await on("wasm", draw)];
  expect(b).toEqual(a);
  const bell = () => normal([500], { seed: 1 }).toArraySync() as number[];
  const [x, y] = [await on("reference", bell), await on("wasm", bell)];
  x.forEach((v, i) => {
    expect(Math.abs(v - (y[i] as number))).toBeLessThan(2e-6);
  });
});

it("fold gives every name and seed a key of its own", () => {
  const keys = [
    fold(1, "a"),
    fold(1, "b"),
    fold(2, "a"),
    fold(1, "aa"),
    fold(1, ""),
    fold(2 ** 40, "a"),
    fold(1, "layers.0.weight"),
    fold(1, "layers.1.weight"),
  ];
  expect(new Set(keys.map(String)).size).toBe(keys.length);
  expect(fold(1, "a")).toEqual(fold(1, "a"));
  expect(fold(fold(1, "a"), "b")).not.toEqual(fold(fold(1, "b"), "a"));
});

describe("mistakes", () => {
  it.each([
    [
      "probability",
      () => bernoulli([1], { probability: 1.5 }),
      "bernoulli: the probability is none; got 1.5, expected a number from 0 to 1.",
    ],
    ["limits", () => uniform([1], { low: 2, high: 1 }), "uniform: low is above high; got 2 and 1."],
    ["NaN", () => normal([1], { mean: Number.NaN }), "normal: mean must be a finite number; got NaN."],
    ["std", () => normal([1], { std: -1 }), "normal: std must not be negative; got -1."],
    ["integers", () => randomInteger([1], { high: 0 }), "randomInteger: needs int32 limits with low < high; got 0 and 0."],
    ["seed", () => seed(1.5), "seed: the seed must be an integer below 2⁵³; got 1.5."],
    ["shape", () => normal([-1]), "normal: a shape is a list of sizes; got [-1], expected integers from 0 on."],
  ] as [string, () => Tensor, string][])("%s", (_, body, message) => {
    expect(errorOf(body).message).toBe(message);
  });
});
