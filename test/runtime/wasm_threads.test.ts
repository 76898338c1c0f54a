// Threads on the wasm device: the same bits and the same failures for any number of them, that they do take part, and that none is
// left behind.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Worker } from "node:worker_threads";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import type { Executable, ProgramDevice } from "../../src/graph/device.ts";
import type { Kernel, Program } from "../../src/graph/kernel.ts";
import * as l from "../support/language.ts";
import { runOn } from "../support/run_program.ts";
import { expectSameBits } from "../support/same_bits.ts";
import { flagging, laborious, uneven } from "../support/sharing.ts";
import { trainings } from "../support/training.ts";
import { generator } from "../support/values.ts";
import { given, newDevice, row } from "./wasm_device.ts";

const root = mkdtempSync(join(tmpdir(), "downhill-wasm-threads-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const workerThreads = process.getBuiltinModule("node:worker_threads");
const made: ProgramDevice[] = [];
const device = (count: number): ProgramDevice => {
  const d = newDevice();
  made.push(d);
  d.setThreads(count);
  return d;
};
afterEach(() => {
  for (const d of made.splice(0)) d.setThreads(1);
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** Workers that are made from now on. */
function watchWorkers(): Worker[] {
  const workers: Worker[] = [];
  class Watched extends workerThreads.Worker {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      super(...given);
      workers.push(this);
    }
  }
  vi.spyOn(workerThreads, "Worker").mockImplementation(Watched);
  return workers;
}

const ended = (worker: Worker) => new Promise((resolve) => worker.once("exit", resolve));

/** Each of `n` parts says that it is there, and looks for a while for all others: how many it saw. */
function meeting(n: number): Program {
  const seen = l.variable(l.i32, "seen");
  const count = [l.set("seen", l.int(0)), l.loop("k", 0, n, 1, [l.set("seen", l.add(seen, l.load(l.i32, 0, "k")))])];
  const some = l.binary("and", l.binary("lt", seen, l.int(n)), l.binary("lt", l.variable(l.i32, "turn"), l.int(1 << 20)));
  const body = [
    l.store(0, "i", l.int(1)),
    l.define("seen", l.int(0)),
    l.define("turn", l.int(0)),
    { kind: "while" as const, condition: some, body: [...count, l.set("turn", l.add("turn", 1))] },
    l.store(1, "i", seen),
  ];
  const kernel = l.kernel(["i32!", "i32!"], n, [l.loop("i", l.begin, l.end, 1, body)]);
  return laborious(l.program([kernel], 0, 2, [l.call(0, 0, 1)]));
}

/** Runs a meeting until all parts met, which only happens when each is on a thread of its own. */
async function meet(program: Executable, n: number): Promise<boolean> {
  for (const until = performance.now() + 20_000; performance.now() < until; ) {
    const zeros = { dtype: "int32", data: new Int32Array(n) } as const;
    const [, seen] = runOn(program, [], [zeros, zeros]).outputs;
    if (seen?.every((count) => count === n)) return true;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return false;
}

const numbers = (n: number) => [{ dtype: "float32", data: Array.from({ length: n }, (_, i) => i / 7) }] as const;
const zeros = (n: number) => [{ dtype: "float32", data: new Float32Array(n) }] as const;

describe("threads of the wasm device", () => {
  it.each(Object.keys(trainings))("train a %s to the same bits, whatever their number", (name) => expectSameBits("wasm", name));

  it("all take part, in programs that are loaded early and late", async () => {
    const workers = watchWorkers();
    const d = device(3);
    expect(await meet(d.load(meeting(3)), 3)).toBe(true);
    // By now the workers sleep, or look for work.
    const [two, three] = [d.load(meeting(2)), d.load(meeting(3))];
    for (let turn = 0; turn < 3; turn++) {
      expect(await meet(three, 3)).toBe(true);
      expect(await meet(two, 2)).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    d.setThreads(4);
    expect(await meet(d.load(meeting(4)), 4)).toBe(true);
    expect(await meet(three, 3)).toBe(true);
    expect(workers).toHaveLength(3);
  });

  it("see memory that grew after they began", async () => {
    const d = device(2);
    expect(await meet(d.load(meeting(2)), 2)).toBe(true);
    const before = d.memory().capacity;
    const n = 1 << 16;
    const high = given("float32", new Float32Array(40 << 20));
    const touch = l.kernel(["f32", "f32!"], 1, [l.store(1, 0, l.load(l.f32, 0, 0))]);
    d.load(l.program([touch], 1, 1, [l.call(0, 0, 1)])).run([row(high)], [row(given("float32", new Float32Array(1)))], 1);
    expect(d.memory().capacity).toBeGreaterThan(before + (100 << 20));
    const expected = runOn(device(1).load(uneven(n)), numbers(n), zeros(n)).outputs;
    for (let turn = 0; turn < 5; turn++) expect(runOn(d.load(uneven(n)), numbers(n), zeros(n)).outputs).toEqual(expected);
    expect(await meet(d.load(meeting(2)), 2)).toBe(true);
  });

  it("share work of any size in any number, however the parts differ", () => {
    const random = generator(3);
    const d = device(1);
    for (const n of [1, 2, 3, 63, 64, 65, 1000, 4099]) {
      const program = d.load(uneven(n, n > 100 ? 7 : 1));
      const [expected] = runOn(program, numbers(n), zeros(n)).outputs;
      expect(new Set(expected).size).toBeGreaterThan(n / 2);
      for (let turn = 0; turn < 20; turn++) {
        if (turn % 5 === 0) d.setThreads(1 + Math.floor(random() * 5));
        const { outputs } = runOn(program, numbers(n), zeros(n), 1 + Math.floor(random() * 4));
        expect(outputs[0]).toEqual(expected);
      }
    }
  });

  it("fail with the first element that is wrong", async () => {
    const n = 5000;
    for (const count of [1, 2, 4]) {
      const d = device(count);
      expect(await meet(d.load(meeting(count)), count)).toBe(true);
      const program = d.load(flagging(n));
      for (let turn = 0; turn < 50; turn++) {
        const data = Array.from({ length: n }, (_, i) => i);
        for (const at of [4999, 4000, 777 + turn, 1203 + 7 * turn, 2500]) data[at] = -at;
        const outputs = [{ dtype: "int32", data: new Int32Array(n) }] as const;
        const { failure } = runOn(program, [{ dtype: "int32", data }], outputs);
        expect(failure).toEqual({ check: 1, value: -(777 + turn), repetition: 0 });
        data[3] = -1;
        expect(runOn(program, [{ dtype: "int32", data }], outputs).failure).toEqual({ check: 0, value: -1, repetition: 0 });
        if (turn % 10 === 0) {
          const fine = Array.from({ length: n }, (_, i) => i);
          expect(runOn(program, [{ dtype: "int32", data: fine }], outputs).failure).toBeNull();
        }
      }
    }
  });

  it("keep a failure that came before", () => {
    const d = device(2);
    const [check] = flagging(64).kernels as [Kernel];
    const twice = { ...flagging(64), inputs: 2, steps: [l.call(0, 1, 2), l.call(0, 0, 2)] };
    const good = Array.from({ length: 64 }, (_, i) => i);
    const run = (first: number[], second: number[]) =>
      runOn(
        d.load({ ...twice, kernels: [check], buffers: [0, 1, 2].map((index) => ({ kind: "table", index })) }),
        [
          { dtype: "int32", data: second },
          { dtype: "int32", data: first },
        ],
        [{ dtype: "int32", data: new Int32Array(64) }],
      ).failure;
    expect(run(good.with(63, -63), good.with(0, -7))).toEqual({ check: 1, value: -63, repetition: 0 });
    expect(run(good, good.with(0, -7))).toEqual({ check: 1, value: -7, repetition: 0 });
  });

  it("trap without a hang, and go on", async () => {
    const n = 64;
    const far = l.select(l.binary("lt", l.variable(l.i32, "i"), l.int(n / 2)), l.int("i"), l.int(1 << 29));
    const kernel = l.kernel(["f32", "f32!"], n, [l.loop("i", l.begin, l.end, 1, [l.store(1, "i", l.load(l.f32, 0, far))])]);
    for (const count of [1, 2, 3]) {
      const d = device(count);
      const meets = d.load(meeting(count));
      expect(await meet(meets, count)).toBe(true);
      const wild = d.load(laborious(l.program([kernel], 1, 1, [l.call(0, 0, 1)])));
      for (let turn = 0; turn < 20; turn++) expect(() => runOn(wild, numbers(n), zeros(n))).toThrow(/trapped/);
      expect(await meet(meets, count)).toBe(true);
    }
  });

  it("come and go as they are asked for", async () => {
    const workers = watchWorkers();
    const d = device(4);
    const program = d.load(uneven(64));
    const expected = runOn(program, numbers(64), zeros(64)).outputs;
    expect(workers).toHaveLength(3);
    d.setThreads(2);
    expect(d.threads).toEqual({ count: 2, reason: null });
    expect(runOn(program, numbers(64), zeros(64)).outputs).toEqual(expected);
    await Promise.all(workers.slice(1).map(ended));
    expect(d.threads).toEqual({ count: 2, reason: null });
    d.setThreads(1);
    await ended(workers[0] as Worker);
    d.setThreads(2);
    expect(await meet(d.load(meeting(2)), 2)).toBe(true);
    expect(workers).toHaveLength(4);
  });

  it("are not made before a program has work for them", () => {
    const workers = watchWorkers();
    const d = device(5);
    const { kernels, ...rest } = uneven(8);
    const short = { ...rest, kernels: kernels.map((kernel) => ({ ...kernel, cost: { flops: 100, bytes: 100 } })) };
    runOn(d.load(short), numbers(8), zeros(8));
    expect([workers.length, d.threads.count]).toEqual([0, 5]);
  });

  it("are fewer, with the reason, where one ended, until they are asked for again", async () => {
    const workers = watchWorkers();
    const d = device(3);
    const program = d.load(uneven(64));
    const expected = runOn(program, numbers(64), zeros(64)).outputs;
    expect(await meet(d.load(meeting(3)), 3)).toBe(true);
    await workers[0]?.terminate();
    expect(d.threads).toEqual({ count: 2, reason: expect.stringMatching(/worker ended/) });
    expect(runOn(program, numbers(64), zeros(64)).outputs).toEqual(expected);
    expect(await meet(d.load(meeting(2)), 2)).toBe(true);
    d.setThreads(3);
    expect(d.threads).toEqual({ count: 3, reason: null });
    expect(await meet(d.load(meeting(3)), 3)).toBe(true);
  });

  it("are one, with the reason, where no worker can be made", () => {
    class Refused {
      constructor() {
        throw new Error("no more threads");
      }
    }
    const expected = runOn(device(1).load(uneven(64)), numbers(64), zeros(64)).outputs;
    vi.spyOn(workerThreads, "Worker").mockImplementation(Refused as unknown as typeof Worker);
    const d = device(3);
    expect(runOn(d.load(uneven(64)), numbers(64), zeros(64)).outputs).toEqual(expected);
    expect(d.threads).toEqual({ count: 1, reason: "no worker could be made: no more threads" });
  });

  it("are one where memory cannot be shared, with the reason", () => {
    const expected = runOn(device(1).load(uneven(64)), numbers(64), zeros(64)).outputs;
    vi.stubGlobal("process", undefined);
    const onPage = device(2);
    vi.unstubAllGlobals();
    class Unshared extends WebAssembly.Memory {
      constructor(descriptor: WebAssembly.MemoryDescriptor) {
        if (descriptor.shared) throw new RangeError("could not allocate");
        super(descriptor);
      }
    }
    vi.spyOn(WebAssembly, "Memory").mockImplementation(Unshared);
    const starved = device(2);
    vi.restoreAllMocks();
    for (const [d, reason] of [
      [onPage, /not cross-origin isolated.*Cross-Origin-Opener-Policy/],
      [starved, /no shared memory.*could not allocate/],
    ] as const) {
      expect(d.threads).toEqual({ count: 1, reason: expect.stringMatching(reason) });
      expect(runOn(d.load(uneven(64)), numbers(64), zeros(64)).outputs).toEqual(expected);
    }
  });

  it("forget programs that are garbage", async () => {
    const d = device(2);
    const letters: unknown[] = [];
    vi.spyOn(workerThreads.Worker.prototype, "postMessage").mockImplementation((letter) => void letters.push(letter));
    for (let i = 0; i < 20; i++) runOn(d.load(uneven(64 + i)), numbers(64), zeros(64));
    const collect = (globalThis as { gc?: () => void }).gc as () => void;
    const forgotten = () => letters.filter((letter) => Object.keys(letter as object).join() === "program").length;
    for (let i = 0; i < 50 && forgotten() < 15; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      collect();
    }
    expect(forgotten()).toBeGreaterThanOrEqual(15);
  });

  it("let the process end by itself", async () => {
    const script = join(root, "ends.ts");
    const source = (path: string) => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);
    writeFileSync(
      script,
      `import { deviceOf } from ${source("src/engine/devices.ts")};
      import { setDevice, setThreads, threads } from ${source("src/index.ts")};
      import { shareEverything } from ${source("test/support/sharing.ts")};
      import { train } from ${source("test/support/training.ts")};
      setDevice("wasm");
      setThreads(3);
      shareEverything(deviceOf("wasm"));
      const losses = [];
      for (let i = 0; i < 3; i++) losses.push((await train("gpt", 20)).get("losses").join());
      console.log(new Set(losses).size, losses[0].split(",").length, threads().count);`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 50_000 });
    expect(stdout).toBe("1 20 3\n");
  });
});
