// Shared by the tests of convolutions, pools and images: a convolution written out, and gradients by finite differences.

import { expect } from "vitest";
import { gradients, setDevice, type Tensor, tensor } from "../../src/index.ts";

/** Numbers that repeat late and have no order. */
export function numbers(length: number, seed: number): Float32Array {
  let state = seed * 2654435761 + 12345;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

export function make(shape: readonly number[], seed: number): Tensor {
  return tensor(
    numbers(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    { shape },
  );
}

export interface Settings {
  readonly stride: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** All positions below the sizes, in row-major order. */
export function positions(sizes: readonly number[]): number[][] {
  return sizes.reduce<number[][]>((list, n) => list.flatMap((at) => Array.from({ length: n }, (_, i) => [...at, i])), [[]]);
}

export const flat = (at: readonly number[], sizes: readonly number[]): number =>
  at.reduce((sum, i, a) => sum * (sizes[a] as number) + i, 0);

/** The definition, term by term, in doubles. */
export function written(
  x: Float32Array,
  shape: readonly number[],
  w: Float32Array,
  kernel: readonly number[],
  bias: Float32Array | null,
  { stride, low, high, dilation, groups }: Settings,
): { shape: number[]; values: Float64Array } {
  const [batch, inputs, ...space] = shape as [number, number, ...number[]];
  const [outputs, perGroup, ...sizes] = kernel as [number, number, ...number[]];
  const count = space.map((n, i) => {
    const reach = ((sizes[i] as number) - 1) * (dilation[i] as number) + 1;
    return Math.floor((n + (low[i] as number) + (high[i] as number) - reach) / (stride[i] as number)) + 1;
  });
  const result = [batch, outputs, ...count];
  const values = positions(result).map(([n, o, ...at]) => {
    let sum = bias === null ? 0 : (bias[o as number] as number);
    const group = Math.floor((o as number) / (outputs / groups));
    for (let c = 0; c < perGroup; c++)
      for (const k of positions(sizes)) {
        const from = at.map((p, i) => p * (stride[i] as number) + (k[i] as number) * (dilation[i] as number) - (low[i] as number));
        if (from.some((p, i) => p < 0 || p >= (space[i] as number))) continue;
        const here = x[flat([n as number, group * perGroup + c, ...from], [batch, inputs, ...space])] as number;
        sum += here * (w[flat([o as number, c, ...k], kernel)] as number);
      }
    return sum;
  });
  return { shape: result, values: Float64Array.from(values) };
}

/** Largest distance, as a part of the largest expected value. */
export function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what = ""): void {
  expect(actual.length, what).toBe(expected.length);
  let most = 1e-30;
  let error = 0;
  for (let i = 0; i < expected.length; i++) {
    most = Math.max(most, Math.abs(expected[i] as number));
    error = Math.max(error, Math.abs((actual[i] as number) - (expected[i] as number)));
  }
  expect(error / most, what).toBeLessThanOrEqual(tolerance);
}

/** A weighted sum of what the function gives, so that every element counts differently. */
export function probe(y: Tensor): Tensor {
  return y.mul(make(y.shape, 77)).sum();
}

/**
 * Gradients of the probe: on the reference against central differences in float64 at some elements of each operand, and on wasm against the reference.
 */
export function checkGradients(call: (operands: Tensor[]) => Tensor, operands: readonly Tensor[], what: string, tolerance = 1e-5): void {
  setDevice("reference");
  try {
    const exact = gradients(probe(call([...operands])), [...operands]).map((g) => Float64Array.from(g.dataSync({ exact: true })));
    operands.forEach((operand, i) => {
      const data = operand.dataSync();
      const step = 2 ** -10;
      for (let probeAt = 0; probeAt < 5; probeAt++) {
        const at = (probeAt * 7919 + 3) % data.length;
        const value = (sign: number) => {
          const moved = data.slice();
          moved[at] = (moved[at] as number) + sign * step;
          const list = operands.map((o, j) => (j === i ? tensor(moved, { shape: o.shape }) : o));
          return [probe(call(list)).dataSync({ exact: true })[0] as number, moved[at] as number];
        };
        const [[up, high], [down, low]] = [value(1), value(-1)] as [[number, number], [number, number]];
        const slope = (up - down) / (high - low);
        const got = exact[i]?.[at] as number;
        expect(Math.abs(got - slope), `${what}: operand ${i}, element ${at}: ${got} is not ${slope}`).toBeLessThanOrEqual(
          1e-4 * Math.max(1, Math.abs(slope)),
        );
      }
    });
    setDevice("wasm");
    const fast = [...operands].map((o) => tensor(o.dataSync(), { shape: o.shape }));
    gradients(probe(call(fast)), fast).forEach((g, i) => {
      expectNear(g.dataSync(), exact[i] as Float64Array, tolerance, `${what}: gradient ${i} on wasm`);
    });
  } finally {
    setDevice("auto");
  }
}
