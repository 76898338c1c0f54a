// The workers of one memory. They are made when a program is first shared, sleep in the shared memory while there is nothing to do,
// and never keep the process alive. Modules reach them by message, once each; before it is read, the work is done without that worker.

import type { HostFunction } from "../../graph/kernel.ts";
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
  | { readonly program: number; readonly module: WebAssembly.Module; readonly hostFunctions: readonly HostFunction[] }
  | { readonly program: number }
  | Record<string, never>;

/** A program that workers can help with. */
export interface SharedProgram {
  /** One for each program of a device, from 1 on. */
  readonly number: number;
  readonly module: WebAssembly.Module;
  readonly hostFunctions: readonly HostFunction[];
  /** The pool's generation that it was last sent to. */
  sent: number;
}

/** What Node's workers and the browsers' have in common. */
interface Thread {
  postMessage(message: Greeting | Letter): void;
}

interface Member {
  readonly thread: Thread;
  readonly slot: number;
  /** Numbers of the programs that were sent. */
  readonly sent: Set<number>;
}

const mostThreads = 256;

export class Pool {
  /** Why there are fewer workers than were asked for. */
  reason: string | null = null;
  private readonly heap: Heap;
  private readonly layout: ShareLayout;
  private readonly members: Member[] = [];
  private readonly freeSlots: number[] = [];
  private wanted = 0;
  /** Changes with every worker that comes. */
  private generation = 1;
  private readonly unused = new FinalizationRegistry<number>((program) => this.forget(program));

  constructor(heap: Heap, layout: ShareLayout) {
    this.heap = heap;
    this.layout = layout;
    for (let slot = mostThreads - 1; slot >= 1; slot--) this.freeSlots.push(layout.slots + slot * layout.slotBytes);
    heap.words[layout.mayWait >> 2] = mayWait() ? 1 : 0;
  }

  /** Threads that run programs, the calling one included. */
  get count(): number {
    return this.members.length + 1;
  }

  /** Makes or ends workers, so that there are so many threads. */
  resize(count: number): void {
    if (count - 1 === this.wanted) return;
    this.wanted = count - 1;
    this.reason = null;
    while (this.members.length > this.wanted) this.send(this.members.pop() as Member, {});
    while (this.members.length < this.wanted && this.add());
  }

  /** Before a run of a program: all workers know it, or will. */
  prepare(program: SharedProgram): void {
    const { words } = this.heap;
    words[this.layout.program >> 2] = program.number;
    words[this.layout.threads >> 2] = this.count;
    if (program.sent !== this.generation) this.provide(program);
  }

  private provide(program: SharedProgram): void {
    const { number, module, hostFunctions } = program;
    if (program.sent === 0) this.unused.register(program, number);
    program.sent = this.generation;
    for (const member of this.members) {
      if (member.sent.has(number)) continue;
      member.sent.add(number);
      this.send(member, { program: number, module, hostFunctions });
    }
  }

  /** After a trap: nobody enters the job any more; waits for whoever is inside. */
  recover(): void {
    const { words } = this.heap;
    const { state, open, inside, trapped } = this.layout;
    Atomics.and(words, state >> 2, ~open);
    while ((Atomics.load(words, state >> 2) & inside) !== 0);
    words[trapped >> 2] = 0;
  }

  private forget(program: number): void {
    for (const member of this.members) if (member.sent.delete(program)) this.send(member, { program });
  }

  private send(member: Member, letter: Letter): void {
    const { words } = this.heap;
    const { state, sequence, mail } = this.layout;
    member.thread.postMessage(letter);
    Atomics.add(words, (member.slot + mail) >> 2, 1);
    Atomics.add(words, state >> 2, sequence);
    Atomics.notify(words, state >> 2);
  }

  private add(): boolean {
    const slot = this.freeSlots.pop();
    if (slot === undefined) return false;
    const { heap, layout } = this;
    heap.bytes.fill(0, slot, slot + layout.slotBytes);
    try {
      let member: Member | null = null;
      const thread = startThread((why) => {
        this.freeSlots.push(slot);
        const at = member === null ? -1 : this.members.indexOf(member);
        if (at < 0) return;
        this.members.splice(at, 1);
        this.reason = `a worker ended: ${why}`;
      });
      member = { thread, slot, sent: new Set() };
      this.members.push(member);
      this.generation++;
      thread.postMessage({ memory: heap.memory, layout, slot });
      return true;
    } catch (error) {
      this.reason = `no worker could be made: ${(error as Error).message}`;
      return false;
    }
  }
}

/** Starts a worker; `ended` is called when it is gone. */
function startThread(ended: (why: string) => void): Thread {
  const node = (globalThis as { process?: NodeJS.Process }).process?.getBuiltinModule?.("node:worker_threads");
  if (node !== undefined) {
    let why = "it was told to";
    const worker = new node.Worker(workerSource, { eval: true, execArgv: [], name: "downhill" });
    worker.unref();
    worker.on("error", (error: Error) => {
      why = error.message;
    });
    worker.on("exit", () => ended(why));
    return worker;
  }
  const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
  const worker = new Worker(url);
  worker.onerror = (event) => ended(event.message);
  worker.onmessage = () => ended("it was told to");
  return worker;
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
