// The native device: who owns which memory, what a call leaves behind, and that nothing grows.

import { describe, expect, it } from "vitest";
import type { CallRow, ProgramDevice } from "../../src/graph/device.ts";
import type { Program, Step } from "../../src/graph/kernel.ts";
import { type Resident, Storage } from "../../src/graph/storage.ts";
import { renderC } from "../../src/render/c/program.ts";
import { createNativeDevice, nativeSupport } from "../../src/runtime/native/device.ts";
import { InternalError } from "../../src/util/errors.ts";
import * as l from "../support/language.ts";
import { native } from "../support/native.ts";

const floats = (...data: number[]) => new Storage("float32", data.length, Float32Array.from(data));
const empty = (length: number) => new Storage("float32", length, null);
const row = (storage: Storage, strideBytes = 0): CallRow => ({ storage, strideBytes });
const read = (storage: Storage) => Array.from(storage.host ?? storage.resident?.read() ?? []);
const device = () => createNativeDevice({ render: renderC });

/** b[i] = a[i] + 1 for n elements; fails with the value where a[0] > limit[0]. */
function incrementer(n: number, form: "plain" | "checked" | "exchanged" | "checked and exchanged" = "plain"): Program {
  const x = l.load(l.f32, 0, 0);
  const excess = { kind: "flag", check: 0, condition: l.binary("lt", l.load(l.f32, 1, 0), x), value: l.cast(l.i32, x) } as const;
  const check = l.kernel(["f32", "f32"], 1, [excess]);
  const sum = l.binary("add", l.load(l.f32, 0, "i"), l.constant(l.f32, 1));
  const increment = l.kernel(["f32", "f32!"], n, [l.loop("i", l.begin, l.end, 1, [l.store(1, "i", sum)])]);
  const checked = form.startsWith("checked");
  const exchanges: [number, number][] = form.endsWith("exchanged") ? [[0, checked ? 2 : 1]] : [];
  const guarded: Step[] = [l.call(0, 0, 1), { kind: "guard" }];
  if (checked) {
    const checks = [{ message: "too much", size: 0 }];
    return l.program([check, increment], 2, 1, [...guarded, l.call(1, 0, 2)], { exchanges, checks });
  }
  return l.program([increment], 1, 1, [l.call(0, 0, 1)], { exchanges });
}

describe.runIf(native)("the native device", () => {
  it("says what it is", () => {
    const { name, kind, target } = device();
    expect([name, kind, target.name]).toEqual(["native", "program", "native"]);
    expect([4, 8, 16]).toContain(target.lanes);
    expect([16, 32]).toContain(target.registers);
    expect(target.cache[0]).toBeGreaterThanOrEqual(8 << 10);
    expect(target.cache[1]).toBeGreaterThan(target.cache[0]);
    expect(nativeSupport()).toMatchObject({ available: true, reason: null });
    expect(nativeSupport().compiler).toMatch(/^(gcc|clang) \d+\./);
    expect(createNativeDevice({ render: renderC, lanes: 4 }).target.lanes).toBe(4);
    expect(() => createNativeDevice({ render: renderC, lanes: 5 as 4 })).toThrow(/got 5, expected 4, 8 or 16/);
  });

  it("brings elements in and copies them out", () => {
    const d = device();
    const given = Int32Array.of(1, -2, 3);
    const resident = d.upload("int32", given);
    given[0] = 9;
    const first = resident.read();
    expect(first).toEqual(Int32Array.of(1, -2, 3));
    first[1] = 7;
    expect(resident.read()).toEqual(Int32Array.of(1, -2, 3));
    // The reference device keeps float32 as doubles.
    expect(d.upload("float32", Float64Array.of(0.1)).read()).toEqual(Float32Array.of(0.1));
    expect(d.upload("bool", new Uint8Array(0)).read()).toEqual(new Uint8Array(0));
  });

  it("gives outputs memory where they have none, and keeps inputs where they are", () => {
    const d = device();
    const program = d.load(incrementer(3));
    const [a, b, c] = [floats(1, 2, 3), empty(3), empty(3)];
    expect(program.run([row(a)], [row(b)], 1)).toBeNull();
    const { resident } = a;
    expect(resident?.device).toBe("native");
    program.run([row(b)], [row(c)], 1);
    expect([read(b), read(c)]).toEqual([
      [2, 3, 4],
      [3, 4, 5],
    ]);
    program.run([row(a)], [row(b)], 1);
    expect(a.resident).toBe(resident);
  });

  it("updates in place: the old elements in JavaScript are forgotten", () => {
    const program = device().load(incrementer(2));
    const a = floats(5, 6);
    program.run([row(a)], [row(a)], 1);
    expect(a.host).toBeNull();
    expect(read(a)).toEqual([6, 7]);
    program.run([row(a)], [row(a)], 10);
    expect(read(a)).toEqual([16, 17]);
  });

  it("takes over what lies on another device", () => {
    const d = device();
    let released = 0;
    const foreign: Resident = { device: "wasm", read: () => Float32Array.of(8, 9), release: () => released++ };
    const a = empty(2);
    a.resident = foreign;
    const b = empty(2);
    d.load(incrementer(2)).run([row(a)], [row(b)], 1);
    expect(read(b)).toEqual([9, 10]);
    expect([a.resident?.device, released]).toEqual(["native", 1]);
  });

  it("throws an input's own error, and refuses calls that do not fit the program", () => {
    const program = device().load(incrementer(1));
    const failed = empty(1);
    failed.error = new RangeError("computed wrongly");
    expect(() => program.run([row(failed)], [row(empty(1))], 1)).toThrow("computed wrongly");
    expect(() => program.run([row(empty(1))], [row(empty(1))], 1)).toThrow(InternalError);
    expect(() => program.run([], [row(empty(1))], 1)).toThrow(/1 inputs and 1 outputs was run on 0 and 1/);
    for (const repeat of [0, -1, 1.5, Number.NaN])
      expect(() => program.run([row(floats(1))], [row(empty(1))], repeat)).toThrow(InternalError);
  });

  it("changes nothing where a check fails", () => {
    const program = device().load(incrementer(1, "checked"));
    const [a, limit, out] = [floats(5), floats(4), empty(1)];
    expect(program.run([row(a), row(limit)], [row(out)], 1)).toEqual({ check: 0, value: 5, repetition: 0 });
    expect([out.resident, out.host]).toEqual([null, null]);
    expect(read(a)).toEqual([5]);
    expect(program.run([row(a), row(limit)], [row(a)], 1)).toEqual({ check: 0, value: 5, repetition: 0 });
    expect(read(a)).toEqual([5]);
  });

  it("changes nothing where a check fails in a later repetition", () => {
    const program = device().load(incrementer(1, "checked"));
    const a = floats(0);
    expect(program.run([row(a), row(floats(2))], [row(a)], 10)).toEqual({ check: 0, value: 3, repetition: 3 });
    expect(read(a)).toEqual([0]);
    expect(program.run([row(a), row(floats(9))], [row(a)], 10)).toBeNull();
    expect(read(a)).toEqual([10]);
    const exchanged = device().load(incrementer(1, "checked and exchanged"));
    const [b, c] = [floats(0), floats(77)];
    expect(exchanged.run([row(b), row(floats(2))], [row(c)], 10)).toEqual({ check: 0, value: 3, repetition: 3 });
    expect([read(b), read(c)]).toEqual([[0], [77]]);
    expect(exchanged.run([row(b), row(floats(9))], [row(c)], 10)).toBeNull();
    expect([read(b), read(c)]).toEqual([[0], [10]]);
  });

  it("exchanges without touching the input, for any number of repetitions, and reuses the rest", () => {
    const d = device();
    const n = 5000;
    const program = d.load(incrementer(n, "exchanged"));
    const a = floats(...new Array(n).fill(0));
    for (const repeat of [1, 2, 3, 4]) {
      const out = empty(n);
      program.run([row(a)], [row(out)], repeat);
      expect([read(a)[n - 1], read(out)[n - 1], read(out).every((x) => x === repeat)]).toEqual([0, repeat, true]);
      out.resident?.release();
    }
    expect(d.memory().buffers).toBe(1);
  });

  it("shares one arena between programs, which may hold anything before", () => {
    const d = device();
    const copy = (offset: number): Program => ({
      ...l.program(
        [],
        1,
        1,
        [
          { kind: "copy", from: { buffer: 0 }, to: { buffer: 2 }, bytes: 8 },
          { kind: "copy", from: { buffer: 2 }, to: { buffer: 1 }, bytes: 8 },
        ],
        { arena: 1 },
      ),
      arenaBytes: offset + 64,
      buffers: [
        { kind: "table", index: 0 },
        { kind: "table", index: 1 },
        { kind: "arena", offset },
      ],
    });
    const small = d.load(copy(0));
    const before = d.memory().capacity;
    const large = d.load(copy(1 << 20));
    expect(d.memory().capacity - before).toBeGreaterThan(1 << 19);
    d.load(copy(1 << 19));
    expect(d.memory().capacity - before).toBeLessThan(3 << 19);
    for (const program of [small, large]) {
      const out = empty(2);
      program.run([row(floats(3, 4))], [row(out)], 1);
      expect(read(out)).toEqual([3, 4]);
    }
  });

  it("lays buffers on multiples of 64 bytes", () => {
    // Loads of whole vectors do not need it, but kernels may rely on it.
    const d = device();
    for (let i = 0; i < 300; i++) {
      const { block } = d.upload("uint8", new Uint8Array((i * 37) % 3000)) as unknown as { block: { address: number; bytes: number } };
      expect(block.address % 64).toBe(0);
      expect(block.bytes).toBeGreaterThanOrEqual(((i * 37) % 3000) + 64);
    }
  });

  it("keeps blocks apart, released and reused ones too", () => {
    const d = device();
    const held = Array.from({ length: 200 }, (_, i) =>
      d.upload(
        "int32",
        Int32Array.from({ length: 1 + ((i * i) % 900) }, () => i),
      ),
    );
    for (let i = 0; i < 200; i += 3) held[i]?.release();
    const again = Array.from({ length: 100 }, (_, i) =>
      d.upload(
        "int32",
        Int32Array.from({ length: 1 + ((i * i) % 900) }, () => -i),
      ),
    );
    for (let i = 0; i < 200; i++) if (i % 3 !== 0) expect(new Set(held[i]?.read())).toEqual(new Set([i]));
    for (const [i, resident] of again.entries()) expect(new Set(resident.read())).toEqual(new Set([-i + 0]));
    const twice = d.upload("float32", new Float32Array(4000));
    twice.release();
    twice.release();
    const [x, y] = [d.upload("float32", new Float32Array(4000).fill(1)), d.upload("float32", new Float32Array(4000).fill(2))];
    expect([x.read()[0], y.read()[0]]).toEqual([1, 2]);
  });

  it("counts what it gave out", () => {
    const d = device();
    const start = d.memory();
    expect([start.bytes, start.buffers]).toEqual([0, 0]);
    const resident = d.upload("float32", new Float32Array(1000));
    expect(d.memory()).toMatchObject({ bytes: 4096, buffers: 1 });
    resident.release();
    resident.release();
    expect(d.memory()).toMatchObject({ bytes: 0, buffers: 0 });
  });

  it("counts off what the garbage collector found", async () => {
    const d = device();
    for (let i = 0; i < 50; i++) d.upload("float32", new Float32Array(1 << 16));
    const deadline = performance.now() + 10_000;
    while (d.memory().buffers > 25 && performance.now() < deadline) {
      new ArrayBuffer(1 << 26);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(d.memory().buffers).toBeLessThanOrEqual(25);
  });

  it("says so where memory cannot be had", () => {
    const d = device();
    expect(() => d.upload("float32", { length: 2 ** 50, byteLength: 2 ** 52 } as Float32Array)).toThrow(
      "native: out of memory; got a request for",
    );
  });

  it("does not grow in a loop that never yields and releases nothing", () => {
    const d = device();
    const n = 250_000;
    const program = d.load(incrementer(n));
    let a = floats(...new Array(10).fill(0));
    a = new Storage("float32", n, new Float32Array(n));
    const held = process.memoryUsage();
    let most = 0;
    for (let i = 0; i < 2000; i++) {
      const out = empty(n);
      program.run([row(a)], [row(out)], 1);
      a = out;
      if (i % 50 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - held.arrayBuffers);
    }
    // 2,000 results of 1 MB.
    expect(most).toBeLessThan(400e6);
    expect(a.resident?.read()[n - 1]).toBe(2000);
  });

  it("gives the same results while the collector runs", () => {
    const d: ProgramDevice = device();
    const program = d.load(incrementer(600));
    let a = new Storage("float32", 600, new Float32Array(600));
    for (let i = 0; i < 3000; i++) {
      const out = empty(600);
      // A row that nobody else holds.
      program.run([row(a)], [row(out)], 1);
      a = new Storage("float32", 600, out.resident?.read() as Float32Array);
      if (i % 500 === 0) (globalThis as { gc?: () => void }).gc?.();
    }
    expect(new Set(read(a))).toEqual(new Set([3000]));
  });
});
