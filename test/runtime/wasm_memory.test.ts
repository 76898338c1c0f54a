// The wasm device's memory: no growth in synchronous loops, results that keep their values, storages brought in and moved out.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { padded } from "../../src/graph/kernel.ts";
import type { Storage } from "../../src/graph/storage.ts";
import { aligned, Heap } from "../../src/runtime/wasm/heap.ts";
import * as l from "../support/language.ts";
import { fresh, given, newDevice, row, valueOf } from "./wasm_device.ts";

const f4 = l.wide(l.f32);

/** out = in + 1 over so many elements. */
function increment(length: number) {
  const body = [l.store(1, "i", l.add(l.load(f4, 0, "i"), l.constant(f4, 1)), l.sub(l.end, "i"))];
  return l.program([l.kernel(["f32", "f32!"], length, [l.loop("i", l.begin, l.end, 4, body)])], 1, 1, [l.call(0, 0, 1)]);
}

describe("a synchronous loop of 10,000 runs", () => {
  it("does not grow memory when small results are held, and holds none of them on the device", () => {
    const device = newDevice();
    const executable = device.load(increment(8));
    const weights = given("float32", new Float32Array(8));
    executable.run([row(weights)], [row(weights)], 1);
    const before = device.memory();
    const held: Storage[] = [];
    for (let i = 0; i < 10_000; i++) {
      executable.run([row(weights)], [row(weights)], 1);
      const loss = fresh("float32", 8);
      executable.run([row(weights)], [row(loss)], 1);
      held.push(loss);
    }
    expect(device.memory()).toEqual(before);
    for (const [i, loss] of held.entries()) expect(valueOf(loss)[7]).toBe(i + 3);
  });

  it("holds a bounded part when large results are dropped, and keeps the weights there", () => {
    const length = 4096;
    const device = newDevice();
    const executable = device.load(increment(length));
    const weights = given("float32", new Float32Array(length));
    let capacity = 0;
    for (let i = 0; i < 10_000; i++) {
      executable.run([row(weights)], [row(weights)], 1);
      executable.run([row(weights)], [row(fresh("float32", length))], 1);
      if (i === 3000) capacity = device.memory().capacity;
    }
    expect(device.memory().capacity).toBe(capacity);
    expect(capacity).toBeLessThan(32 * 2 ** 20);
    expect(weights.host).toBeNull();
    expect(valueOf(weights)[length - 1]).toBe(10_000);
  });

  it("keeps every value when large results are held", () => {
    const length = 2048;
    const device = newDevice();
    const executable = device.load(increment(length));
    let state = given("float32", new Float32Array(length));
    const held: Storage[] = [];
    let capacity = 0;
    for (let i = 0; i < 10_000; i++) {
      const next = fresh("float32", length);
      executable.run([row(state)], [row(next)], 1);
      held.push(next);
      state = next;
      if (i === 4000) capacity = device.memory().capacity;
    }
    expect(device.memory().capacity).toBe(capacity);
    for (const [i, storage] of held.entries()) {
      const value = valueOf(storage);
      expect(value[0]).toBe(i + 1);
      expect(value[length - 1]).toBe(i + 1);
    }
    // What was moved out is an input like any other.
    const again = fresh("float32", length);
    executable.run([row(held[5] as Storage)], [row(again)], 1);
    expect(valueOf(again)[3]).toBe(7);
    expect(valueOf(held[5] as Storage)[3]).toBe(6);
  });

  it("holds a bounded part when inputs are new arrays", () => {
    const length = 4096;
    const device = newDevice();
    const executable = device.load(increment(length));
    let capacity = 0;
    let total = 0;
    for (let i = 0; i < 10_000; i++) {
      const batch = given("float32", new Float32Array(length).fill(i));
      const out = fresh("float32", length);
      executable.run([row(batch)], [row(out)], 1);
      if (i % 100 === 0) total += valueOf(out)[1] as number;
      out.resident?.release();
      if (i === 3000) capacity = device.memory().capacity;
    }
    expect(total).toBe(100 * 1 + 4950 * 100);
    expect(device.memory().capacity).toBe(capacity);
  });
});

describe("the budget", () => {
  it("grows until a working set larger than it stays", () => {
    const length = 1 << 20;
    const device = newDevice();
    const executable = device.load(increment(length));
    const weights = Array.from({ length: 8 }, () => given("float32", new Float32Array(length)));
    for (let i = 0; i < 50; i++) for (const w of weights) executable.run([row(w)], [row(w)], 1);
    expect(device.memory().buffers).toBe(8);
    for (const w of weights) {
      expect(w.host).toBeNull();
      expect(valueOf(w)[length - 1]).toBe(50);
    }
  });
});

describe("a storage", () => {
  it("is brought in once, stays, and keeps its array", () => {
    const device = newDevice();
    const length = 4096;
    const executable = device.load(increment(length));
    const data = given("float32", new Float32Array(length).fill(3));
    executable.run([row(data)], [row(fresh("float32", length))], 1);
    const { resident } = data;
    expect(resident?.device).toBe("wasm");
    executable.run([row(data)], [row(fresh("float32", length))], 1);
    expect(data.resident).toBe(resident);
    expect(data.host?.[0]).toBe(3);
  });

  it("updated in place has no stale array, of any size", () => {
    for (const length of [4, 4096]) {
      const device = newDevice();
      const original = new Float32Array(length);
      const w = given("float32", original);
      device.load(increment(length)).run([row(w)], [row(w)], 1);
      expect(w.host).toBeNull();
      expect(valueOf(w)[length - 1]).toBe(1);
      expect(original[0]).toBe(0);
    }
  });

  it("uploaded, read and released leaves nothing", () => {
    const device = newDevice();
    for (const [dtype, data] of [
      ["float32", new Float32Array([1, 2, 3])],
      ["float64", new Float64Array([0.1, 0.2])],
      ["int32", new Int32Array([-1])],
      ["uint32", new Uint32Array([2 ** 32 - 1])],
      ["uint8", new Uint8Array([255, 0, 7])],
      ["bool", new Uint8Array([1, 0])],
      ["float32", new Float32Array(0)],
    ] as const) {
      const resident = device.upload(dtype, data);
      const value = resident.read();
      expect(value).toEqual(data);
      value.fill(0);
      expect(resident.read()).toEqual(data);
      expect(device.memory().bytes).toBe(padded(data.byteLength));
      resident.release();
      resident.release();
      expect(device.memory()).toMatchObject({ bytes: 0, buffers: 0 });
      expect(() => resident.read()).toThrow(/released buffer/);
    }
  });

  it("resident elsewhere comes over, as an input and to be updated in place", () => {
    const device = newDevice();
    const other = newDevice();
    for (const length of [4, 4096]) {
      const elsewhere = fresh("float32", length);
      elsewhere.resident = other.upload("float32", new Float32Array(length).fill(1));
      const out = fresh("float32", length);
      device.load(increment(length)).run([row(elsewhere)], [row(out)], 1);
      expect(valueOf(out)[length - 1]).toBe(2);
      expect(valueOf(elsewhere)[0]).toBe(1);

      const updated = fresh("float32", length);
      updated.resident = other.upload("float32", new Float32Array(length).fill(1));
      // Writes the first four elements only.
      device.load({ ...increment(length), kernels: increment(4).kernels }).run([row(updated)], [row(updated)], 1);
      expect([...valueOf(updated).slice(0, 4)]).toEqual([2, 2, 2, 2]);
      expect(
        valueOf(updated)
          .slice(4)
          .every((v) => v === 1),
      ).toBe(true);
    }
  });

  it("that is garbage frees its memory when the loop yields", async () => {
    const device = newDevice();
    const length = 4096;
    const executable = device.load(increment(length));
    const kept = fresh("float32", length);
    const input = given("float32", new Float32Array(length));
    executable.run([row(input)], [row(kept)], 1);
    for (let i = 0; i < 20; i++) executable.run([row(input)], [row(fresh("float32", length))], 1);
    expect(device.memory().buffers).toBe(22);
    const collect = (globalThis as { gc?: () => void }).gc as () => void;
    for (let i = 0; i < 20 && device.memory().buffers > 2; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      collect();
    }
    expect(device.memory().buffers).toBe(2);
    expect(valueOf(kept)[0]).toBe(1);
    expect(valueOf(input)[0]).toBe(0);
  });
});

describe("programs of one device", () => {
  it("share an arena that grows to the largest, and one memory that grows under them", () => {
    const device = newDevice();
    const viaArena = (length: number) => {
      const { kernels } = increment(length);
      return {
        ...l.program(kernels, 1, 1, [l.call(0, 0, 2), l.call(0, 2, 1)], { arena: 1 }),
        arenaBytes: length * 4,
      };
    };
    const run = (executable: ReturnType<typeof device.load>, length: number) => {
      const out = fresh("float32", length);
      executable.run([row(given("float32", new Float32Array(length).fill(1)))], [row(out)], 1);
      expect(valueOf(out).every((v) => v === 3)).toBe(true);
      out.resident?.release();
    };
    const small = device.load(viaArena(16));
    run(small, 16);
    const large = device.load(viaArena(3_000_000));
    run(large, 3_000_000);
    run(small, 16);
    const { capacity } = device.memory();
    for (let i = 0; i < 20; i++) device.load(viaArena(2_000_000));
    expect(device.memory().capacity).toBe(capacity);
  });
});

describe("the heap", () => {
  it("never gives the same byte twice, and does not grow for what it could join", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 200_000 }), fc.nat(1000), fc.boolean()), { maxLength: 300 }), (actions) => {
        const heap = new Heap(1 << 20);
        const live: { address: number; size: number }[] = [];
        for (const [bytes, pick, release] of actions) {
          if (release && live.length > 0) {
            const [block] = live.splice(pick % live.length, 1);
            heap.release(block?.address as number, block?.size as number);
          } else {
            const size = aligned(bytes);
            const address = heap.allocate(size);
            expect(address % 64).toBe(0);
            expect(address).toBeGreaterThanOrEqual(1 << 20);
            expect(address + size).toBeLessThanOrEqual(heap.capacity);
            expect(live.every((other) => other.address + other.size <= address || address + size <= other.address)).toBe(true);
            live.push({ address, size });
          }
        }
        for (const { address, size } of live) heap.release(address, size);
        const { capacity } = heap;
        heap.allocate(capacity - (1 << 20));
        expect(heap.capacity).toBe(capacity);
      }),
      { numRuns: 60 },
    );
  });

  it("says that memory is out, and works on", () => {
    const heap = new Heap(1 << 20);
    expect(() => heap.allocate(2 ** 33)).toThrow(/out of memory/);
    expect(heap.allocate(64)).toBeGreaterThan(0);
  });
});
