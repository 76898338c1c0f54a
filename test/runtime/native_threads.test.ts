// Threads on the native device: the same bits and the same failures for any number of them, and nothing left behind.

import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import type { ProgramDevice } from "../../src/graph/device.ts";
import { bytesOf } from "../../src/graph/dtype.ts";
import { renderC } from "../../src/render/c/program.ts";
import { createNativeDevice } from "../../src/runtime/native/device.ts";
import * as l from "../support/language.ts";
import { native } from "../support/native.ts";
import { runOn } from "../support/run_program.ts";
import { expectSameBits } from "../support/same_bits.ts";
import { flagging, uneven } from "../support/sharing.ts";
import { trainings } from "../support/training.ts";
import { generator } from "../support/values.ts";

const root = mkdtempSync(join(tmpdir(), "downhill-threads-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const device = (count: number, options: { compiler?: string } = {}): ProgramDevice => {
  const made = createNativeDevice({ render: renderC, ...options });
  made.setThreads(count);
  return made;
};
/** Threads of this process, as Linux counts them. */
const alive = () => readdirSync("/proc/self/task").length;
const run = promisify(execFile);

describe.runIf(native)("threads of the native device", () => {
  it.each(Object.keys(trainings))("train a %s to the same bits, whatever their number", (name) => expectSameBits("native", name));

  it("share work of any size in any number, however the parts differ", () => {
    const random = generator(3);
    const d = device(1);
    for (const n of [1, 2, 3, 63, 64, 65, 1000, 4099]) {
      const program = d.load(uneven(n, n > 100 ? 7 : 1));
      const data = Array.from({ length: n }, () => random());
      const [expected] = runOn(program, [{ dtype: "float32", data }], [{ dtype: "float32", data: new Float32Array(n) }]).outputs;
      expect(new Set(expected).size).toBeGreaterThan(n / 2);
      for (let turn = 0; turn < 20; turn++) {
        d.setThreads(1 + Math.floor(random() * 9));
        const repeat = 1 + Math.floor(random() * 4);
        const { outputs } = runOn(program, [{ dtype: "float32", data }], [{ dtype: "float32", data: new Float32Array(n) }], repeat);
        expect(outputs[0]).toEqual(expected);
      }
    }
    d.setThreads(1);
  });

  it("are done with a kernel before the next one begins", () => {
    const n = 5000;
    const given = uneven(n);
    const copier = l.kernel(["f32", "f32!"], 1, [l.loop("i", 0, n, 1, [l.store(1, "i", l.load(l.f32, 0, "i"))])]);
    const program = l.program([...given.kernels, copier], 1, 2, [l.call(0, 0, 1), l.call(1, 1, 2)]);
    const data = Array.from({ length: n }, (_, i) => 1 + i);
    const empty = { dtype: "float32", data: new Float32Array(n) } as const;
    const d = device(4);
    const executable = d.load(program);
    for (let turn = 0; turn < 300; turn++) {
      const [first, second] = runOn(executable, [{ dtype: "float32", data }], [empty, empty]).outputs;
      expect(second?.every((x, i) => x !== 0 && x === first?.[i])).toBe(true);
    }
    d.setThreads(1);
  });

  it("copy in parts what is long, and any length", () => {
    const d = device(3);
    for (const bytes of [1 << 20, (8 << 20) + 4, (3 << 20) - 4096 + 12]) {
      const program = l.program([], 1, 1, [{ kind: "copy", from: { buffer: 0 }, to: { buffer: 1 }, bytes }]);
      const data = Int32Array.from({ length: bytes / bytesOf("int32") + 2 }, (_, i) => Math.imul(i, 7919));
      const { outputs } = runOn(d.load(program), [{ dtype: "int32", data }], [{ dtype: "int32", data: new Int32Array(data.length) }]);
      const differing = (outputs[0] as Int32Array).findIndex((x, i) => x !== (i < bytes / 4 ? data[i] : 0));
      expect(differing).toBe(-1);
    }
    expect(renderC(l.program([], 1, 1, [{ kind: "copy", from: { buffer: 0 }, to: { buffer: 1 }, bytes: 1 << 20 }])).source).toMatch(
      /share\(copy_part/,
    );
    d.setThreads(1);
  });

  it("fail with the first element that is wrong", () => {
    const n = 5000;
    for (const count of [1, 2, 7]) {
      const d = device(count);
      const program = d.load(flagging(n));
      for (let turn = 0; turn < 50; turn++) {
        const data = Array.from({ length: n }, (_, i) => i);
        for (const at of [4999, 4000, 777 + turn, 1203 + 7 * turn, 2500]) data[at] = -at;
        const { failure } = runOn(program, [{ dtype: "int32", data }], [{ dtype: "int32", data: new Int32Array(n) }]);
        expect(failure).toEqual({ check: 1, value: -(777 + turn), repetition: 0 });
        data[3] = -1;
        const second = runOn(program, [{ dtype: "int32", data }], [{ dtype: "int32", data: new Int32Array(n) }]).failure;
        expect(second).toEqual({ check: 0, value: -1, repetition: 0 });
      }
      d.setThreads(1);
    }
  });

  it.runIf(process.platform === "linux")("come and go as they are asked for, and are one pool for all devices", () => {
    const [a, b] = [device(1), device(1)];
    const before = alive();
    a.setThreads(5);
    expect([alive() - before, a.threads]).toEqual([4, { count: 5, reason: null }]);
    b.setThreads(3);
    expect(alive() - before).toBe(4);
    a.setThreads(2);
    expect([alive() - before, a.threads.count, b.threads.count]).toEqual([2, 2, 3]);
    b.setThreads(1);
    expect(alive() - before).toBe(1);
    a.setThreads(1);
    expect(alive() - before).toBe(0);
  });

  it("say so where the system gives no more, and work with those that there are", () => {
    const header = join(root, "stingy.h");
    writeFileSync(
      header,
      `#define _GNU_SOURCE
      #include <pthread.h>
      static int stingy(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *x) {
        static int given;
        return given++ < 2 ? pthread_create(t, a, f, x) : 11;
      }
      #define pthread_create stingy\n`,
    );
    const d = device(6, { compiler: `cc -include ${header}` });
    expect(d.threads).toEqual({ count: 3, reason: expect.stringContaining("pthread_create failed") });
    const data = Array.from({ length: 500 }, (_, i) => i);
    const rows = [{ dtype: "float32", data }] as const;
    const outcome = (on: ProgramDevice) => runOn(on.load(uneven(500)), rows, [{ dtype: "float32", data: new Float32Array(500) }]);
    expect(outcome(d)).toEqual(outcome(device(1)));
    d.setThreads(1);
    expect(d.threads).toEqual({ count: 1, reason: null });
  });

  it("do without a pool that does not load", () => {
    const d = device(2, { compiler: "cc -Dpthread_atfork=no_such_function" });
    expect(d.threads).toEqual({ count: 1, reason: expect.stringMatching(/pool of threads cannot be loaded: .*no_such_function/) });
    const out = [{ dtype: "float32", data: new Float32Array(9) }] as const;
    const [result] = runOn(d.load(uneven(9)), [{ dtype: "float32", data: [1, 2, 3, 4, 5, 6, 7, 8, 9] }], out).outputs;
    expect(result?.slice(0, 3)).toEqual(Float32Array.of(1, 2, 3));
  });

  it("let the process end by itself, and are shared by isolates that run at once", async () => {
    const script = join(root, "isolates.ts");
    const source = (path: string) => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);
    writeFileSync(
      script,
      `import { Worker, isMainThread, parentPort } from "node:worker_threads";
      import { deviceOf } from ${source("src/engine/devices.ts")};
      import { setDevice, setThreads } from ${source("src/index.ts")};
      import { shareEverything } from ${source("test/support/sharing.ts")};
      import { train } from ${source("test/support/training.ts")};
      setDevice("native");
      setThreads(3);
      shareEverything(deviceOf("native"));
      const losses = [];
      for (let i = 0; i < 3; i++) losses.push((await train("gpt", 20)).get("losses").join());
      if (isMainThread) {
        const others = [1, 2].map(() => new Promise((resolve, reject) => {
          const worker = new Worker(new URL(import.meta.url));
          worker.on("message", resolve);
          worker.on("error", reject);
        }));
        for (let i = 0; i < 3; i++) losses.push((await train("gpt", 20)).get("losses").join());
        console.log(new Set([...losses, ...(await Promise.all(others)).flat()]).size, losses[0].split(",").length);
      } else parentPort.postMessage(losses);`,
    );
    const { stdout } = await run(process.execPath, [script], { timeout: 50_000 });
    expect(stdout).toBe("1 20\n");
  });
});
