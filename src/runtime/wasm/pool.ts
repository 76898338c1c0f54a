// The workers of one memory. They are made when a program is first shared, sleep in the shared memory while there is nothing to do,
// and never keep the process alive. Modules reach them by message, once each; before it is read, the work is done without that worker.

import type { Threads } from "../../graph/device.ts";
import { mostThreads } from "../../graph/parts.ts";
import type { Heap } from "./heap.ts";
import { workerSource } from "./worker_source.ts";

/** Where threads meet: see render/wasm/share.ts. */
export interface ShareLayout {
  readonly state: number;
  readonly open: number;
  readonly inside: number;
  readonly sequence: number;
  readonly sleepers: number;
  readonly program: number;
  readonly threads: number;
  readonly mayWait: number;
  readonly trapped: number;
  readonly slots: number;
  readonly slotBytes: number;
  readonly mail: number;
}

/** The first message to a worker. */
export interface Greeting {
  readonly memory: WebAssembly.Memory;
  readonly layout: ShareLayout;
  readonly slot: number;
}

/** A program to know, one to forget, or, empty, the request to end. */
export type Letter =
  | { readonly program: number; readonly module: WebAssembly.Module; readonly hostFunctions: readonly string[] }
  | { readonly program: number }
  | Record<string, never>;

/** A program that workers can help with. */
export interface SharedProgram {
  /** One for each program of a device, from 1 on. */
  readonly number: number;
  readonly module: WebAssembly.Module;
  readonly hostFunctions: readonly string[];
  /** That of the pool when all workers were last told of it; 0 before. */
  generation: number;
}

/** What Node's workers and the browsers' have in common. */
interface Thread {
  postMessage(message: Greeting | Letter): void;
}

interface Member {
  readonly thread: Thread;
  readonly slot: number;
  /** Numbers of the programs that it was told of. */
  readonly known: Set<number>;
}

export class Pool {
  private readonly heap: Heap;
  private readonly layout: ShareLayout;
  private readonly members: Member[] = [];
  private readonly freeSlots: number[] = [];
  /** Changes with every worker that comes. */
  private generation = 0;
  private failure: string | null = null;
  private readonly unused = new FinalizationRegistry<number>((program) => this.forget(program));

  constructor(heap: Heap, layout: ShareLayout) {
    this.heap = heap;
    this.layout = layout;
    // The first slot is the calling thread's.
    for (let i = mostThreads - 1; i >= 1; i--) this.freeSlots.push(layout.slots + i * layout.slotBytes);
    heap.words[layout.mayWait >> 2] = mayWait() ? 1 : 0;
  }

  /** The threads that run programs, the calling one included. */
  get threads(): Threads {
    return { count: this.members.length + 1, reason: this.failure };
  }

  /** Makes workers or ends some, for so many threads. A page takes their source from `workerUrl`, else from a Blob. */
  resize(count: number, workerUrl: string | URL | null): void {
    this.failure = null;
    while (this.members.length + 1 > count) this.send(this.members.pop() as Member, {});
    while (this.members.length + 1 < count && this.add(workerUrl));
  }

  /** Before a run of a program: every worker knows it, or will. */
  prepare(program: SharedProgram): void {
    const { words } = this.heap;
    words[this.layout.program >> 2] = program.number;
    words[this.layout.threads >> 2] = this.members.length + 1;
    if (program.generation !== this.generation) this.introduce(program);
  }

  /** After a trap: nobody enters the job any more; waits for whoever is inside. */
  recover(): void {
    const { words } = this.heap;
    const { state, open, inside, trapped } = this.layout;
    Atomics.and(words, state >> 2, ~open);
    while ((Atomics.load(words, state >> 2) & inside) !== 0);
    words[trapped >> 2] = 0;
  }

  private introduce(program: SharedProgram): void {
    const { number, module, hostFunctions } = program;
    if (program.generation === 0) this.unused.register(program, number);
    program.generation = this.generation;
    for (const member of this.members) {
      if (member.known.has(number)) continue;
      member.known.add(number);
      this.send(member, { program: number, module, hostFunctions });
    }
  }

  private forget(program: number): void {
    for (const member of this.members) if (member.known.delete(program)) this.send(member, { program });
  }

  /** Sends a letter, and lets a worker that sleeps or looks for work in the shared memory know of it. */
  private send(member: Member, letter: Letter): void {
    const { words } = this.heap;
    const { state, sequence, mail } = this.layout;
    member.thread.postMessage(letter);
    Atomics.add(words, (member.slot + mail) >> 2, 1);
    Atomics.add(words, state >> 2, sequence);
    Atomics.notify(words, state >> 2);
  }

  private add(workerUrl: string | URL | null): boolean {
    const slot = this.freeSlots.pop();
    if (slot === undefined) return false;
    const { heap, layout } = this;
    heap.bytes.fill(0, slot, slot + layout.slotBytes);
    try {
      const thread = startThread(workerUrl, (why) => this.left(member, why));
      const member: Member = { thread, slot, known: new Set() };
      thread.postMessage({ memory: heap.memory, layout, slot });
      this.members.push(member);
      this.generation++;
      return true;
    } catch (error) {
      this.freeSlots.push(slot);
      this.failure = `no worker could be made: ${(error as Error).message}`;
      return false;
    }
  }

  /** A worker is gone; `why` is of interest where it was not sent away. */
  private left(member: Member, why: string): void {
    this.freeSlots.push(member.slot);
    const at = this.members.indexOf(member);
    if (at < 0) return;
    this.members.splice(at, 1);
    this.failure = `a worker ended: ${why}`;
  }
}

/** Starts a worker that does not keep the process alive. */
function startThread(workerUrl: string | URL | null, ended: (why: string) => void): Thread {
  const node = (globalThis as { process?: NodeJS.Process }).process?.getBuiltinModule?.("node:worker_threads");
  if (node !== undefined) {
    let why = "without a reason";
    // Without the flags and variables of this process, which may preload what workers have no use for.
    const worker = new node.Worker(workerSource, { eval: true, execArgv: [], env: {}, name: "downhill" });
    worker.unref();
    worker.on("error", (error: Error) => {
      why = error.message;
    });
    worker.on("exit", () => ended(why));
    return worker;
  }
  const worker = new Worker(workerUrl ?? blobUrl(), { name: "downhill" });
  worker.onerror = ({ message }) => {
    worker.terminate();
    ended(message || "it could not be loaded; where the page forbids blob: addresses, give setThreads a workerUrl");
  };
  // Its last word.
  worker.onmessage = () => ended("");
  return worker;
}

let blob: string | null = null;

function blobUrl(): string {
  blob ??= URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
  return blob;
}

/** Whether this thread may sleep: a page's main one may not. */
function mayWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}
