// Placing by lifetimes, on random lifetimes and on random programs of steps.

import fc from "fast-check";
import { expect, test } from "vitest";
import { alignment, padded, type Step, type Target } from "../../src/graph/kernel.ts";
import { tileFor } from "../../src/graph/tile.ts";
import { arrangeArena, type Lifetime, mostAlive } from "../../src/schedule/arena.ts";
import { lifetimesOf } from "../../src/schedule/place.ts";

const lifetime: fc.Arbitrary<Lifetime> = fc
  .tuple(fc.nat(500), fc.nat(30), fc.nat(8))
  .map(([bytes, first, length]) => ({ bytes, first, last: first + length }));

/** Pairs that are alive together and share a byte. */
function clashes(lifetimes: readonly Lifetime[], offsets: readonly number[]): number {
  let count = 0;
  lifetimes.forEach((a, i) => {
    lifetimes.forEach((b, j) => {
      if (j <= i || a.last < b.first || b.last < a.first) return;
      const [x, y] = [offsets[i] as number, offsets[j] as number];
      if (x < y + padded(b.bytes) && y < x + padded(a.bytes)) count++;
    });
  });
  return count;
}

test("what is alive together lies apart, aligned, inside the arena", () => {
  fc.assert(
    fc.property(fc.array(lifetime, { maxLength: 40 }), (lifetimes) => {
      const { offsets, bytes } = arrangeArena(lifetimes);
      expect(clashes(lifetimes, offsets)).toBe(0);
      offsets.forEach((offset, i) => {
        expect(offset % alignment).toBe(0);
        expect(offset + padded((lifetimes[i] as Lifetime).bytes)).toBeLessThanOrEqual(bytes);
      });
      expect(bytes).toBeGreaterThanOrEqual(mostAlive(lifetimes));
    }),
  );
});

test("very many buffers: in order of time, and still apart", () => {
  const lifetimes = Array.from({ length: 4000 }, (_, i): Lifetime => ({ bytes: (i * 7919) % 1000, first: i, last: i + ((i * 31) % 5) }));
  const { offsets, bytes } = arrangeArena(lifetimes);
  for (let start = 0; start < 4000; start += 50)
    expect(clashes(lifetimes.slice(start, start + 60), offsets.slice(start, start + 60))).toBe(0);
  expect(bytes).toBeLessThan(3 * mostAlive(lifetimes));
});

test("where largest first is bad, another order is found", () => {
  let next = 5;
  const random = (n: number) => {
    next = (next * 1103515245 + 12345) % 2 ** 31;
    return next % n;
  };
  let sum = 0;
  for (let k = 0; k < 40; k++) {
    const lifetimes = Array.from({ length: 30 }, (): Lifetime => {
      const first = random(30);
      return { bytes: alignment * (1 + random(40)), first, last: first + random(10) };
    });
    sum += arrangeArena(lifetimes).bytes / mostAlive(lifetimes);
  }
  // Largest first alone takes 1.035 times the least possible here.
  expect(sum / 40).toBeLessThan(1.02);
});

test("a chain of equal buffers takes two places", () => {
  const chain = Array.from({ length: 20 }, (_, i): Lifetime => ({ bytes: 1000, first: i, last: i + 1 }));
  expect(arrangeArena(chain).bytes).toBe(2 * padded(1000));
});

test("lifetimes in loops, loops in loops, branches and conditions", () => {
  const call = (...buffers: number[]): Step => ({ kind: "call", kernel: 0, operands: buffers.map((buffer) => ({ buffer })) });
  const steps: Step[] = [
    call(0, 1), // 0
    {
      kind: "loop", // 1
      counter: 0,
      count: 3,
      reverse: false,
      body: [
        call(1, 2), // 2
        call(2, 3), // 3
        { kind: "loop", counter: 1, count: 2, reverse: false, body: [call(3, 4), call(4, 5)] }, // 4: 5 and 6
        call(6, 7), // 7
      ],
    },
    { kind: "if", condition: { buffer: 8 }, then: [call(9), call(9, 10)], otherwise: [call(10)] }, // 8: 9, 10 and 11
    { kind: "while", test: [call(11), call(12)], condition: { buffer: 11 }, body: [call(13)] }, // 12: 13, 14 and 15
  ];
  const found = lifetimesOf(
    steps,
    Array.from({ length: 14 }, () => 4),
  );
  const ranges = Object.fromEntries([...found].map(([buffer, { first, last }]) => [buffer, [first, last]]));
  expect(ranges).toEqual({
    0: [0, 0],
    1: [0, 7], // read in every iteration
    2: [2, 3],
    3: [3, 6], // written outside the inner loop
    4: [5, 6],
    5: [6, 6],
    6: [7, 7],
    7: [7, 7],
    8: [8, 8],
    9: [9, 10],
    10: [8, 11], // in both branches
    11: [12, 15], // tested again after the body
    12: [14, 14],
    13: [15, 15],
  });
});

test("tiles leave registers for the operands, even out the rows and waste few lanes", () => {
  const target = (lanes: number, registers: number): Target => ({ name: "", lanes, registers, cache: [0, 0] });
  const tile = (lanes: number, m: number, run: number, runs = 1, packed = runs === 1) =>
    tileFor(target(lanes, 2 * lanes > 16 ? 32 : 16), { m, run, runs, packed, doubles: false });
  expect(tile(4, 126, 512)).toEqual({ rows: 6, columns: 8, lanes: 4 });
  expect(tile(4, 8, 512)).toEqual({ rows: 4, columns: 8, lanes: 4 });
  expect(tile(4, 128, 3)).toEqual({ rows: 13, columns: 4, lanes: 4 });
  expect(tile(16, 1400, 512)).toEqual({ rows: 14, columns: 32, lanes: 16 });
  // Half vectors where they fit a run better.
  expect(tile(16, 64, 24, 24)).toEqual({ rows: 8, columns: 16, lanes: 8 });
  expect(tile(16, 64, 8)).toEqual({ rows: 13, columns: 8, lanes: 8 });
  // Short runs share a tile.
  expect(tile(16, 64, 8, 8)).toEqual({ rows: 8, columns: 16, lanes: 8 });
  expect(tileFor(target(8, 16), { m: 64, run: 64, runs: 1, packed: true, doubles: true }).lanes).toBe(4);
  for (const lanes of [1, 4, 8, 16]) {
    for (const m of [1, 2, 5, 100]) {
      const { rows, columns } = tileFor(target(lanes, 16), { m, run: 100, runs: 1, packed: true, doubles: false });
      expect(rows).toBeLessThanOrEqual(m);
      expect((rows * columns) / lanes + columns / lanes + 1).toBeLessThanOrEqual(16);
    }
  }
});
