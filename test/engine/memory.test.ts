// Nothing grows: 10,000 compiled steps and 10,000 eager reads in a loop that never yields.

import { expect, it } from "vitest";
import { currentDevice } from "../../src/engine/devices.ts";
import { compile, gradients, normal, scalar, setDevice, stats, type Tensor, tensor, variable } from "../../src/index.ts";

function capacity(): number {
  const device = currentDevice();
  if (device.kind !== "program") throw new Error("needs a program device");
  return device.memory().capacity;
}

/** Runs a loop once to warm up, then again, and tells what that added. */
function growth(loop: () => void): { buffers: number; bytes: number; capacity: number } {
  setDevice("wasm");
  loop();
  const before = { ...stats(), capacity: capacity() };
  loop();
  const after = { ...stats(), capacity: capacity() };
  return { buffers: after.buffers - before.buffers, bytes: after.bytes - before.bytes, capacity: after.capacity - before.capacity };
}

const none = { buffers: 0, bytes: 0, capacity: 0 };

it("compiled steps", () => {
  const w = variable(normal([50, 50]), "w");
  const rate = scalar(0.1, "rate");
  const x = tensor(new Float32Array(50).fill(1), { shape: [1, 50] });
  const step = compile((x: Tensor) => {
    const loss = x.matmul(w).square().mean();
    w.assign(w.sub((gradients(loss, [w])[0] as Tensor).mul(rate)));
    return loss;
  });
  let last = 0;
  expect(
    growth(() => {
      for (let i = 0; i < 10_000; i++) {
        rate.value = 0.1 / (i + 1);
        const loss = step(x);
        if (i % 1000 === 0) last = loss.itemSync();
      }
    }),
  ).toEqual(none);
  expect(last).toBeGreaterThanOrEqual(0);
});

it("steps that exchange buffers, and old values that were handed out", () => {
  const a = variable(normal([2000]), "a");
  const step = compile(() => {
    a.assign(a.flip());
  });
  expect(
    growth(() => {
      for (let i = 0; i < 10_000; i++) step();
    }),
  ).toEqual(none);
});

it("eager reads, with batches cut from a larger tensor", () => {
  const x = tensor(
    new Float32Array(64 * 100).map((_, i) => i),
    { shape: [100, 64] },
  );
  x.sum().itemSync();
  expect(
    growth(() => {
      for (let i = 0; i < 10_000; i++)
        x.slice([i % 90, (i % 90) + 4])
          .mul(i)
          .sum()
          .itemSync();
    }),
  ).toEqual(none);
});

it("a state computed eagerly from the last one", () => {
  let x = tensor(new Float32Array(100).fill(1));
  const grown = growth(() => {
    for (let i = 0; i < 10_000; i++) {
      x = x.mul(0.5).add(1);
      x.dataSync();
    }
  });
  expect(grown).toEqual(none);
  expect(x.dataSync()[0]).toBe(2);
});

it("large results that are dropped", () => {
  const x = tensor(new Float32Array(1 << 16).fill(1));
  const f = compile((x: Tensor) => x.mul(2));
  const grown = growth(() => {
    for (let i = 0; i < 2000; i++) f(x);
  });
  expect(grown.capacity).toBe(0);
});
