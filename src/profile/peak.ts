// What a device can do at most, measured: multiply-adds on registers alone, and a copy between arrays that no cache holds; on as many
// threads as the device has.

import type { ProgramDevice } from "../graph/device.ts";
import type { Expression, Kernel, Statement } from "../graph/kernel.ts";
import { Storage } from "../graph/storage.ts";
import { add, constant, fma, integer, load, mul, typeOf, variable } from "../kernel/expression.ts";

export interface Peak {
  /** Arithmetic operations in a second; a multiply-add is two. */
  readonly flops: number;
  /** Bytes read and written in a second. */
  readonly bytes: number;
}

const peaks = new WeakMap<ProgramDevice, Map<number, Peak>>();

/** The device's peak at its present number of threads; it is measured once, in a quarter of a second. */
export function peakOf(device: ProgramDevice): Peak {
  const known = peaks.get(device) ?? new Map<number, Peak>();
  peaks.set(device, known);
  const { count } = device.threads;
  const peak = known.get(count) ?? { flops: multiplyAdds(device), bytes: copying(device) };
  known.set(count, peak);
  return peak;
}

/** Independent sums: as many as keep the units busy, and no more than registers. */
const chains = 12;
const turns = 20_000;
/** Parts for threads to share. */
const extent = 64;

function multiplyAdds(device: ProgramDevice): number {
  const { lanes } = device.target;
  const type = typeOf("f32", lanes);
  const sums = Array.from({ length: chains }, (_, i) => variable(`s${i}`, type) as Expression & { kind: "variable" });
  const part = variable("i", typeOf("i32", 1));
  const body: Statement[] = [
    ...sums.map((s, i): Statement => ({ kind: "let", name: s.name, value: constant(type, i) })),
    {
      kind: "loop",
      variable: "turn",
      start: integer(0),
      end: integer(turns),
      step: 1,
      body: sums.map((s): Statement => ({ kind: "set", name: s.name, value: fma(s, 0.999, 0.001) })),
    },
    ...sums.map((s, i): Statement => ({ kind: "store", buffer: 0, index: add(mul(part, chains * lanes), i * lanes), value: s })),
  ];
  const flops = extent * turns * chains * lanes * 2;
  return flops / seconds(device, kernelOf("multiply-add", body, [], flops, 0), [], new Storage("float32", extent * chains * lanes, null));
}

/** Elements of a part of the copy: all parts together are larger than any cache. */
const copied = 1 << 18;

function copying(device: ProgramDevice): number {
  const { lanes } = device.target;
  const [part, at] = [variable("i", typeOf("i32", 1)), variable("at", typeOf("i32", 1))];
  const index = add(mul(part, copied), at);
  const value = load(0, typeOf("f32", lanes), index);
  const store: Statement = { kind: "store", buffer: 1, index, value };
  const body: Statement[] = [{ kind: "loop", variable: "at", start: integer(0), end: integer(copied), step: lanes, body: [store] }];
  const length = extent * copied;
  const from = new Storage("float32", length, new Float32Array(length).fill(1));
  return (8 * length) / seconds(device, kernelOf("copy", body, [0], 0, 8 * length), [from], new Storage("float32", length, null));
}

const measuring = 120;

function kernelOf(name: string, body: readonly Statement[], reads: readonly number[], flops: number, bytes: number): Kernel {
  const [start, end] = [variable("begin", typeOf("i32", 1)), variable("end", typeOf("i32", 1))];
  return {
    name,
    buffers: [...reads.map(() => ({ memory: "f32", access: "read" }) as const), { memory: "f32", access: "write" }],
    extent,
    body: [{ kind: "loop", variable: "i", start, end, step: 1, body }],
    cost: { flops, bytes },
  };
}

/** Least seconds of a run of a kernel, over some milliseconds at least: threads that have just been started take a few to come. */
function seconds(device: ProgramDevice, kernel: Kernel, inputs: readonly Storage[], output: Storage): number {
  const executable = device.load({
    kernels: [kernel],
    buffers: kernel.buffers.map((_, index) => ({ kind: "table", index })),
    steps: [{ kind: "call", kernel: 0, operands: kernel.buffers.map((_, buffer) => ({ buffer })) }],
    arenaBytes: 0,
    inputs: inputs.length,
    outputs: 1,
    exchanges: [],
    checks: [],
  });
  const row = (storage: Storage) => ({ storage, strideBytes: 0 });
  let least = Infinity;
  const end = performance.now() + measuring;
  for (let runs = 0; runs < 6 || performance.now() < end; runs++) {
    const start = performance.now();
    executable.run(inputs.map(row), [row(output)], 1);
    least = Math.min(least, performance.now() - start);
  }
  for (const { resident } of [...inputs, output]) resident?.release();
  return least / 1000;
}
