// The whole compiler as one function: a graph goes in, something that runs comes out.

import type { CallRow, Device, Executable, GraphDevice, ProgramFailure } from "../graph/device.ts";
import { bytesOf, type TypedArray } from "../graph/dtype.ts";
import type { Region } from "../graph/operation.ts";
import type { Storage } from "../graph/storage.ts";
import { lower } from "../kernel/lower.ts";
import { place, schedule } from "../schedule/schedule.ts";
import { boundsMistake, InternalError } from "../util/errors.ts";
import { hostOf } from "./memory.ts";
import { observer, withMarks } from "./observer.ts";
import { tunedTarget } from "./tune.ts";

/** A parameter whose storage a result may take over: `[parameter, result]`. */
export type Donation = readonly [number, number];

/** A program on its device. */
export interface Loaded {
  readonly executable: Executable;
  /** Results that are written over the parameter donated to them. */
  readonly inPlace: ReadonlySet<number>;
  readonly checks: readonly { readonly message: string; readonly size: number }[];
  /** Bytes of intermediate values: how many the arena has, and how many are alive at one time at most. */
  readonly arena: { readonly bytes: number; readonly lowerBound: number };
}

/** Compiles a region for a device. `tune`: with the tiles that the clock says are the fastest. */
export function load(region: Region, donations: readonly Donation[], device: Device, tune = false): Loaded {
  if (device.kind === "graph") {
    return { executable: interpreter(region, donations, device), inPlace: new Set(), checks: [], arena: { bytes: 0, lowerBound: 0 } };
  }
  const target = tune ? tunedTarget(region, device) : device.target;
  const seconds = { schedule: 0, lower: 0, place: 0, load: 0 };
  const stage = <T>(name: keyof typeof seconds, work: () => T): T => {
    const start = performance.now();
    const result = work();
    seconds[name] = (performance.now() - start) / 1000;
    return result;
  };
  const watching = observer.peek();
  const plan = stage("schedule", () => schedule(region, target, donations));
  const kernels = stage("lower", () => plan.tasks.map((task) => lower(task, target, plan.checkOf)));
  const placed = stage("place", () => place(plan, kernels));
  const program = watching?.marks ? withMarks(placed) : placed;
  const executable = stage("load", () => device.load(program));
  watching?.compiled({ device, region, schedule: plan, program, executable, seconds });
  return {
    executable,
    inPlace: new Set(plan.inPlace.map(([, row]) => row - plan.inputs)),
    checks: plan.checks,
    arena: { bytes: placed.arenaBytes, lowerBound: placed.lowerBoundBytes },
  };
}

/** Runs a loaded program once. Throws where a check fails; then nothing was changed. */
export function run(loaded: Loaded, inputs: readonly Storage[], outputs: readonly Storage[]): void {
  const row = (storage: Storage): CallRow => ({ storage, strideBytes: 0 });
  complain(loaded, loaded.executable.run(inputs.map(row), outputs.map(row), 1));
}

/** Throws the user's error for a failed check. */
export function complain(loaded: Loaded, failure: ProgramFailure | null): void {
  if (failure === null) return;
  const check = loaded.checks[failure.check];
  if (check === undefined) throw new InternalError(`a program failed with unknown check ${failure.check}`);
  throw boundsMistake(check.message, failure.value, check.size);
}

/** A device that evaluates graphs, behind the interface of those that run programs. */
function interpreter(region: Region, donations: readonly Donation[], device: GraphDevice): Executable {
  return {
    run(inputs, outputs, repeat) {
      const current = inputs.map(({ storage }) => hostOf(storage));
      const collected: (TypedArray | undefined)[] = [];
      for (let i = 0; i < repeat; i++) {
        const values = current.map((array, j) => sliceOf(array, inputs[j] as CallRow, i, region.parameters[j]?.size ?? 0));
        const results = device.evaluate(region, values);
        results.forEach((result, j) => {
          const stride = outputs[j]?.strideBytes ?? 0;
          if (stride === 0) collected[j] = result;
          else {
            collected[j] ??= new (result.constructor as new (length: number) => TypedArray)(result.length * repeat);
            collected[j]?.set(result, i * result.length);
          }
        });
        for (const [from, to] of donations) current[from] = results[to] as TypedArray;
      }
      outputs.forEach((row, j) => {
        row.storage.host = collected[j] as TypedArray;
      });
      return null;
    },
  };
}

function sliceOf(array: TypedArray, row: CallRow, repetition: number, size: number): TypedArray {
  if (row.strideBytes === 0) return array;
  const start = (repetition * row.strideBytes) / bytesOf(row.storage.dtype);
  return array.subarray(start, start + size);
}
