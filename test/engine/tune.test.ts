// Tuning changes the time and nothing else: every tile gives the same bits, winners are kept and found again.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { deviceOf } from "../../src/engine/devices.ts";
import { type Compilation, observer } from "../../src/engine/observer.ts";
import { readWinners, writeWinners } from "../../src/engine/winners.ts";
import type { ProgramDevice } from "../../src/graph/device.ts";
import type { Target } from "../../src/graph/kernel.ts";
import type { Tile } from "../../src/graph/task.ts";
import { tileCandidates } from "../../src/graph/tile.ts";
import { compile, normal, setDevice, setThreads, type Tensor } from "../../src/index.ts";
import { native } from "../support/native.ts";
import { train, trainings } from "../support/training.ts";

const cache = mkdtempSync(join(tmpdir(), "downhill-tune-"));
const before = process.env.DOWNHILL_CACHE;
afterAll(() => rmSync(cache, { recursive: true, force: true }));
afterEach(() => {
  observer.value = null;
  setDevice("auto");
  if (before === undefined) delete process.env.DOWNHILL_CACHE;
  else process.env.DOWNHILL_CACHE = before;
});

/** Watches what is compiled, and keeps it apart from what is compiled elsewhere. */
function watch(): Compilation[] {
  const seen: Compilation[] = [];
  observer.value = { marks: false, compiled: (compilation) => seen.push(compilation) };
  return seen;
}

const tilesOf = (compilations: readonly Compilation[]): Tile[] =>
  compilations.flatMap(({ schedule }) => schedule.tasks.flatMap((task) => (task.kind === "contract" ? [task.tile] : [])));

/** A target that takes the candidate of this rank for every result that has so many, else the last. */
function choosing(target: Target, rank: number): Target {
  const get = (key: string) => {
    const [, m, run, runs] = /^(\d+)×(\d+)×(\d+)/.exec(key) as RegExpExecArray;
    const request = {
      m: Number(m),
      run: Number(run),
      runs: Number(runs),
      packed: key.includes("packed"),
      doubles: key.includes("float64"),
    };
    const candidates = tileCandidates(target, request);
    return candidates[Math.min(rank, candidates.length - 1)];
  };
  return { ...target, tiles: { get } as unknown as ReadonlyMap<string, Tile> };
}

describe.each(native ? (["wasm", "native"] as const) : (["wasm"] as const))("every candidate on %s", (name) => {
  test.each(Object.keys(trainings))("trains a %s to the same bits", async (network) => {
    setDevice(name);
    setThreads(1);
    const device = deviceOf(name) as { -readonly [K in keyof ProgramDevice]: ProgramDevice[K] };
    const { target } = device;
    const expected = await train(network, 8);
    const used = new Set<string>();
    try {
      // A compiler's call for each makes native slow.
      for (const rank of name === "wasm" ? [0, 1, 2, 3, 4, 5] : [1, 3, 5]) {
        device.target = choosing(target, rank);
        const seen = watch();
        expect(await train(network, 8)).toEqual(expected);
        used.add(JSON.stringify(tilesOf(seen)));
      }
    } finally {
      device.target = target;
      setThreads("auto");
    }
    expect(used.size).toBeGreaterThan(1);
  });
});

describe("compile with tune", () => {
  const shapes = [
    [40, 30, 50],
    [7, 64, 33],
  ] as const;
  const products = (tune: boolean) => compile((a: Tensor, b: Tensor, c: Tensor, d: Tensor) => [a.matmul(b), c.matmul(d)], { tune });
  const operands = shapes.flatMap(([m, k, n]) => [normal([m, k]), normal([k, n])]) as [Tensor, Tensor, Tensor, Tensor];

  test("times each shape once, keeps the winners on the disk, and gives the same bits", async () => {
    process.env.DOWNHILL_CACHE = cache;
    setDevice("wasm");
    const plain = await Promise.all(products(false)(...operands).map((t) => t.data()));
    expect(readdirSync(cache)).toEqual([]);
    const tuned = await Promise.all(products(true)(...operands).map((t) => t.data()));
    expect(tuned).toEqual(plain);
    const [file] = readdirSync(cache);
    expect(file).toMatch(/^tiles-\d+-wasm-/);
    const { target } = deviceOf("wasm") as ProgramDevice;
    const winners = readWinners(target);
    expect([...winners.keys()].sort()).toEqual(["40×50×1 packed", "7×33×1 packed"]);
    for (const [key, tile] of winners) {
      const [m, run] = key.split("×").map((word) => Number.parseInt(word, 10)) as [number, number];
      expect(tileCandidates(target, { m, run, runs: 1, packed: true, doubles: false })).toContainEqual(tile);
    }
    // Known now: the file stays as it is.
    const text = readFileSync(join(cache, file as string), "utf8");
    writeFileSync(join(cache, file as string), "[]");
    watch();
    products(true)(...operands);
    expect(readFileSync(join(cache, file as string), "utf8")).toBe("[]");
    writeFileSync(join(cache, file as string), text);
  });

  test("a file that is damaged, or not for this machine, is not believed", () => {
    const { target } = deviceOf("wasm") as ProgramDevice;
    process.env.DOWNHILL_CACHE = cache;
    const path = join(cache, readdirSync(cache)[0] as string);
    const good = ["8×8×1 packed", { rows: 4, columns: 8, lanes: 4 }];
    const bad = [
      ["x", null],
      ["y", { rows: 0, columns: 8, lanes: 4 }],
      ["z", { rows: 4, columns: 9, lanes: 3 }],
      7,
      ["w", { rows: 1e9, columns: 8, lanes: 4 }],
    ];
    for (const text of ["", "{", "7", JSON.stringify({ a: 1 })]) {
      writeFileSync(path, text);
      expect(readWinners(target).size).toBe(0);
    }
    writeFileSync(path, JSON.stringify([good, ...bad]));
    expect([...readWinners(target)]).toEqual([good]);
  });

  test("what another process has found meanwhile is kept", () => {
    const { target } = deviceOf("wasm") as ProgramDevice;
    process.env.DOWNHILL_CACHE = cache;
    const tile = { rows: 4, columns: 8, lanes: 4 };
    writeWinners(target, new Map([["theirs", tile]]));
    writeWinners(target, new Map([["ours", tile]]));
    expect([...readWinners(target).keys()]).toEqual(expect.arrayContaining(["theirs", "ours"]));
  });

  test("no folder to write to is no mistake", async () => {
    process.env.DOWNHILL_CACHE = "/dev/null/nowhere";
    setDevice("wasm");
    const f = compile((a: Tensor) => a.matmul(a), { tune: true });
    expect((await f(normal([21, 21])).data()).length).toBe(441);
    expect(existsSync("/dev/null/nowhere")).toBe(false);
  });

  test("tune must be true or false", () => {
    expect(() => compile((a: Tensor) => a, { tune: 1 as never })).toThrow(/compile: tune is true or false; got 1/);
  });
});
