// The workers of one memory. They are made when a program is first shared, sleep in the shared memory while there is nothing to do,
// and never keep the process alive. Modules reach them by message, once each; before it is read, the work is done without that worker.

import type { Threads } from "../../graph/device.ts";
import { mostThreads } from "../../graph/parts.ts";
import type { Heap } from "./heap.ts";
import { at, Job, looks, open, type SharedProgram, sequence, slot, slotOf } from "./job.ts";
import { workerSource } from "./worker_source.ts";

/** The first message to a worker: its words, and the numbers of job.ts. */
interface Greeting {
  readonly memory: WebAssembly.Memory;
  readonly own: number;
  readonly at: typeof at;
  readonly slot: typeof slot;
  readonly open: number;
  readonly sequence: number;
  readonly looks: number;
}

/** A program to know, one to forget, or, empty, the request to end. */
type Letter =
  | { readonly program: number; readonly module: WebAssembly.Module; readonly parts: number }
  | { readonly program: number }
  | Record<string, never>;

/** What Node's workers and the browsers' have in common. */
interface Thread {
  postMessage(message: Greeting | Letter): void;
}

interface Member {
  readonly thread: Thread;
  /** Its number among the threads; that of the calling one is 0. */
  readonly number: number;
  /** Numbers of the programs that it was told of. */
  readonly known: Set<number>;
}

export class Pool {
  readonly job: Job;
  private readonly memory: WebAssembly.Memory;
  private readonly members: Member[] = [];
  private readonly freeNumbers: number[] = [];
  private wanted = 1;
  private workerUrl: string | URL | null = null;
  /** Whether there has been work for workers. */
  private started = false;
  /** Changes with every worker that comes. */
  private generation = 1;
  private failure: string | null = null;
  private readonly unused = new FinalizationRegistry<number>((program) => this.forget(program));

  constructor(heap: Heap) {
    this.memory = heap.memory;
    this.job = new Job(heap);
    for (let number = mostThreads - 1; number >= 1; number--) this.freeNumbers.push(number);
  }

  /** The threads that run programs, or will, the calling one included. */
  get threads(): Threads {
    return { count: this.started ? this.job.threads : this.wanted, reason: this.failure };
  }

  /** Asks for so many threads. A page takes the source of workers from `workerUrl`, else from a Blob. */
  setThreads(count: number, workerUrl: string | URL | null): void {
    this.wanted = count;
    this.workerUrl = workerUrl;
    if (this.started) this.resize();
  }

  /** Before a run of a program: every worker knows it, or will. */
  prepare(program: SharedProgram): void {
    if (!this.started && this.wanted > 1) {
      this.started = true;
      this.resize();
    }
    if (program.generation === this.generation) return;
    const { number, module, thunks } = program;
    if (program.generation === 0) this.unused.register(program, number);
    program.generation = this.generation;
    for (const member of this.members) {
      if (member.known.has(number)) continue;
      member.known.add(number);
      this.send(member, { program: number, module, parts: thunks.length });
    }
  }

  /** Makes workers or ends some. */
  private resize(): void {
    const { job, members, wanted } = this;
    this.failure = null;
    while (members.length + 1 > wanted) this.send(members.pop() as Member, {});
    while (members.length + 1 < wanted && this.add());
    job.threads = members.length + 1;
  }

  private forget(program: number): void {
    for (const member of this.members) if (member.known.delete(program)) this.send(member, { program });
  }

  private send({ thread, number }: Member, letter: Letter): void {
    thread.postMessage(letter);
    this.job.ring(number);
  }

  private add(): boolean {
    const number = this.freeNumbers.pop();
    if (number === undefined) return false;
    this.job.clear(number);
    try {
      const thread = startThread(this.workerUrl, (why) => this.left(member, why));
      const member: Member = { thread, number, known: new Set() };
      thread.postMessage({ memory: this.memory, own: slotOf(number), at, slot, open, sequence, looks });
      this.members.push(member);
      this.generation++;
      return true;
    } catch (error) {
      this.freeNumbers.push(number);
      this.failure = `no worker could be made: ${(error as Error).message}`;
      return false;
    }
  }

  /** A worker is gone; `why` is of interest where it was not sent away. */
  private left(member: Member, why: string): void {
    this.freeNumbers.push(member.number);
    const place = this.members.indexOf(member);
    if (place < 0) return;
    this.members.splice(place, 1);
    this.job.threads--;
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
