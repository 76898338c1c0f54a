// What the engine asks of a device. Each folder of runtime/ provides one.

import type { DType, TypedArray } from "./dtype.ts";
import type { Program, Target } from "./kernel.ts";
import type { Region } from "./operation.ts";
import type { Resident, Storage } from "./storage.ts";

/** Per-call facts for one row of a program's table. */
export interface CallRow {
  readonly storage: Storage;
  /** With `repeat`: bytes from one repetition's slice to the next (0: the same every time). */
  readonly strideBytes: number;
}

/** What went wrong inside a program, read from its status word. */
export interface ProgramFailure {
  /** Index into `Program.checks`. */
  readonly check: number;
  /** The offending value. */
  readonly value: number;
  /** The repetition it happened in. */
  readonly repetition: number;
}

/** A loaded program. Dispatch is synchronous. */
export interface Executable {
  /** Where the program has marks: for each slot the seconds and the times it was met, since the program was loaded. */
  readonly marks?: Float64Array;
  /**
   * Runs the program `repeat` times. Inputs are made resident where they are not. Output storages are given memory by the
   * device unless they already have some (an in-place update passes the same storage as input and output).
   * Returns the failure, if any; then nothing that existed before the call was changed.
   */
  run(inputs: readonly CallRow[], outputs: readonly CallRow[], repeat: number): ProgramFailure | null;
}

/** How many threads there are, and why no more where there are fewer than were asked for. */
export interface Threads {
  readonly count: number;
  readonly reason: string | null;
}

/** How threads are made. */
export interface ThreadOptions {
  /** Where a browser finds the source of workers; by default it comes with the program. */
  readonly workerUrl?: string | URL;
}

/** A device that runs programs made of kernels. */
export interface ProgramDevice {
  readonly kind: "program";
  readonly name: string;
  readonly target: Target;
  /** Threads that a run may use, the calling one included. The same bits for any number. */
  readonly threads: Threads;
  /** Asks for so many threads; what came of it is in `threads`. Takes effect with the next run. */
  setThreads(count: number, options?: ThreadOptions): void;
  load(program: Program): Executable;
  /** Brings elements from JavaScript to the device. */
  upload(dtype: DType, data: TypedArray): Resident;
  /** Bytes and buffers held now, for tests of leaks and for `memory()`. */
  memory(): { readonly bytes: number; readonly buffers: number; readonly capacity: number };
}

/** A device that evaluates graphs directly: the reference. */
export interface GraphDevice {
  readonly kind: "graph";
  readonly name: string;
  /** Evaluates a region on its parameters' values. Throws a UserError where a check fails. */
  evaluate(region: Region, parameters: readonly TypedArray[]): TypedArray[];
}

export type Device = ProgramDevice | GraphDevice;
