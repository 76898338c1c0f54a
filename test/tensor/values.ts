// Shared by the tests of this folder: run on several devices, and compare nested values.

import { expect } from "vitest";
import { type AnyTensor, setDevice } from "../../src/index.ts";

export const devices = ["reference", "wasm"] as const;

/** Calls `body` with a device chosen, and goes back to `auto` after. */
export async function on<T>(device: (typeof devices)[number], body: () => T | Promise<T>): Promise<T> {
  setDevice(device);
  try {
    return await body();
  } finally {
    setDevice("auto");
  }
}

/** Numbers nested as `expected`, to about float32's precision; NaN and infinities exactly. */
export function expectClose(actual: unknown, expected: unknown, tolerance = 2e-6, path = ""): void {
  if (Array.isArray(expected)) {
    expect(Array.isArray(actual), `${path} is an array`).toBe(true);
    expect((actual as unknown[]).length, `${path} length`).toBe(expected.length);
    for (const [i, e] of expected.entries()) expectClose((actual as unknown[])[i], e, tolerance, `${path}[${i}]`);
    return;
  }
  if (typeof expected !== "number" || !Number.isFinite(expected)) {
    expect(actual, path).toBe(expected);
    return;
  }
  expect(Math.abs((actual as number) - expected), `${path}: ${actual} is not ${expected}`).toBeLessThanOrEqual(
    tolerance * Math.max(1, Math.abs(expected)),
  );
}

/** A tensor's values, shape and dtype. */
export function expectTensor(t: AnyTensor, values: unknown, dtype = "float32", tolerance?: number): void {
  expect(t.dtype).toBe(dtype);
  expectClose(t.toArraySync(), values, tolerance);
}

/** The error that a call throws; fails where there is none. */
export function errorOf(body: () => unknown): Error & { code?: string } {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}
