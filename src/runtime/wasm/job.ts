// A kernel on several threads, and this thread's side of it: the caller opens a job in the shared memory, everybody takes parts by an atomic
// counter, and the caller, when none is left, closes the job and waits for those alone who are inside. So a worker that comes late, was
// put aside by the system or does not know the program yet holds nobody up, and no message is sent. worker_source.ts has the others' side.
//
// One word is the state: sequence (23 bits), open (1), workers inside (8). Workers enter by compare-exchange while the job is open, so
// what they find in the other words does not change until they leave. The caller adds one to the sequence when it opens.
//
// Checks: each thread flags into words of its own; of all failures that of the lowest part counts, which is the one that a single
// thread would have met first.

import { mostThreads } from "../../graph/parts.ts";
import type { Heap } from "./heap.ts";

/**
 * Places of the job's words, int32 each, below all buffers; modules keep to the first 8 KiB (render/wasm/share.ts). What is written
 * often has a line of cache of its own.
 */
export const at = {
  state: 2048,
  next: 2080,
  /** Workers that sleep, and whether the caller does. */
  sleepers: 2112,
  waiting: 2113,
  /** How many threads have failed parts; whether a worker's kernel trapped. */
  failures: 2114,
  trapped: 2115,
  program: 2144,
  thunk: 2145,
  extent: 2146,
  part: 2147,
  parts: 2148,
  /** Two words for failures that nobody asks for. */
  nowhere: 2176,
} as const;

/** A thread's own words: first the status that kernels flag into; its detail, the part that failed plus one, the last job, the mail. */
export const slot = { detail: 1, failed: 2, seen: 3, mail: 4, words: 32 } as const;

/** Where the words of a thread begin; the caller is thread 0. */
export function slotOf(thread: number): number {
  return 2560 + thread * slot.words;
}

export const open = 0x100;
export const inside = 0xff;
export const sequence = 0x200;

/** Looks at the state before sleeping on it, at some nanoseconds each: longer than what mostly stands between two shared kernels. */
export const looks = 20_000;
/** The caller's, before it leaves its processor to a worker that was put aside. */
const patience = 4000;

/** Runs a part of a kernel on the operands that the caller left; failures go to the address `status`. */
export type Thunk = (status: number, begin: number, end: number) => void;

/** A program that workers can help with. */
export interface SharedProgram {
  /** One for each program of a device, from 1 on. */
  readonly number: number;
  readonly module: WebAssembly.Module;
  /** What it exports for the kernels that threads share. */
  readonly thunks: Thunk[];
  /** That of the pool when all workers were last told of it; 0 before. */
  generation: number;
}

export class Job {
  /** Threads that may take part, this one included. */
  threads = 1;
  private readonly heap: Heap;
  /** A page's main thread must not sleep. */
  private readonly mayWait: boolean = !("window" in globalThis);

  constructor(heap: Heap) {
    this.heap = heap;
  }

  private get words(): Int32Array {
    return this.heap.words;
  }

  /**
   * Runs a kernel, given by its thunk, in parts of length `part` on all threads that know the program; in slices, where there is one.
   * Failures go to the address `status`.
   */
  share({ number, thunks }: SharedProgram, status: number, thunk: number, extent: number, part: number, slice: number): void {
    const { words } = this;
    const run = thunks[thunk] as Thunk;
    if (this.threads === 1) {
      for (let begin = 0; begin < extent; begin += slice) run(status, begin, Math.min(begin + slice, extent));
      return;
    }
    const parts = Math.ceil(extent / part);
    words[at.program] = number;
    words[at.thunk] = thunk;
    words[at.extent] = extent;
    words[at.part] = part;
    words[at.parts] = parts;
    words[at.next] = 0;
    Atomics.add(words, at.state, sequence + open);
    if (Atomics.load(words, at.sleepers) > 0) Atomics.notify(words, at.state, parts - 1);
    const own = slotOf(0);
    for (let i = Atomics.add(words, at.next, 1); i < parts; i = Atomics.add(words, at.next, 1)) {
      run(4 * own, i * part, Math.min((i + 1) * part, extent));
      if (words[own] === 0 || words[own + slot.failed] !== 0) continue;
      words[own + slot.failed] = i + 1;
      Atomics.add(words, at.failures, 1);
    }
    this.close();
    if (words[at.trapped] !== 0) throw new WebAssembly.RuntimeError("in a worker");
    if (words[at.failures] !== 0) this.settle(status >>> 2);
  }

  /** Tells a worker of a letter, wherever it is. */
  ring(thread: number): void {
    const { words } = this;
    Atomics.add(words, slotOf(thread) + slot.mail, 1);
    Atomics.add(words, at.state, sequence);
    Atomics.notify(words, at.state);
  }

  /** Makes the words of a thread those of a new one. */
  clear(thread: number): void {
    this.words.fill(0, slotOf(thread), slotOf(thread + 1));
  }

  /** After a trap in the middle of a job. */
  recover(): void {
    this.close();
    this.words[at.trapped] = 0;
    this.settle(at.nowhere);
  }

  /** Lets nobody enter any more, and waits for those who are inside. */
  private close(): void {
    const { words } = this;
    Atomics.and(words, at.state, ~open);
    for (let left = patience; ; left--) {
      const state = Atomics.load(words, at.state);
      if ((state & inside) === 0) return;
      if (left > 0 || !this.mayWait) continue;
      Atomics.store(words, at.waiting, 1);
      Atomics.wait(words, at.state, state);
      Atomics.store(words, at.waiting, 0);
    }
  }

  /** Passes the first failure on to the words at `status`, unless they have one; all threads' own words are as new. */
  private settle(status: number): void {
    const { words } = this;
    let [first, code, detail] = [Number.POSITIVE_INFINITY, 0, 0];
    for (let thread = 0; thread < mostThreads; thread++) {
      const own = slotOf(thread);
      const failed = words[own + slot.failed] as number;
      if (failed !== 0 && failed < first) [first, code, detail] = [failed, words[own] as number, words[own + slot.detail] as number];
      words[own] = 0;
      words[own + slot.failed] = 0;
    }
    words[at.failures] = 0;
    if (words[status] !== 0) return;
    words[status] = code;
    words[status + slot.detail] = detail;
  }
}
