// A kernel on several threads: the caller opens a job in the shared memory, everybody takes parts of it by an atomic counter, and the
// caller, when none is left, closes it and waits for those alone who are inside. So a worker that comes late, was put aside by the
// system or does not know the program yet holds nobody up, and no message is sent.
//
// One word is the job's state: sequence (23 bits), open (1), workers inside (8). Workers enter by compare-exchange while it is
// open; the caller adds one to the sequence when it opens. Whoever finds nothing to do looks at the state for a while, then sleeps on it.
//
// Checks: each thread flags into words of its own, and the failure of the lowest part is kept, which is the one that a single
// thread would have met first.

import { type Code, FunctionBody, type ModuleBuilder, type Signature } from "./assembler.ts";
import { op } from "./opcodes.ts";

/** Where a device's threads meet: addresses, below all buffers. Words are int32. */
export interface ShareLayout {
  readonly state: number;
  /** Bits of the state. */
  readonly open: number;
  readonly inside: number;
  /** What to add to the state for everybody who sleeps on it to look around. */
  readonly sequence: number;
  /** How many workers sleep. */
  readonly sleepers: number;
  /** The program that runs, by a number that the host gives. */
  readonly program: number;
  /** How many threads run it. */
  readonly threads: number;
  /** Whether the calling thread may sleep. */
  readonly mayWait: number;
  /** Set when a worker's kernel trapped. */
  readonly trapped: number;
  /** One for each thread; the caller's is the first. */
  readonly slots: number;
  readonly slotBytes: number;
  /** In a slot: how many messages were sent to this worker. */
  readonly mail: number;
}

const open = 0x100;
const inside = 0xff;
const sequence = 0x200;

/** What is written often has a line of cache of its own. */
const job = {
  state: 1024,
  next: 1152,
  sleepers: 1280,
  waiting: 1284,
  lock: 1288,
  failedPart: 1292,
  failedStatus: 1296,
  failedDetail: 1300,
  trapped: 1304,
  thunk: 1408,
  extent: 1412,
  part: 1416,
  parts: 1420,
  threads: 1424,
  program: 1428,
  mayWait: 1432,
  operands: 2048,
  slots: 8192,
};

/** In a slot: the status words that kernels flag into, the last job that the worker has seen, its mail. */
const slot = { status: 0, detail: 4, seen: 8, mail: 12, bytes: 128 };

export const shareLayout: ShareLayout = {
  state: job.state,
  open,
  inside,
  sequence,
  sleepers: job.sleepers,
  program: job.program,
  threads: job.threads,
  mayWait: job.mayWait,
  trapped: job.trapped,
  slots: job.slots,
  slotBytes: slot.bytes,
  mail: slot.mail,
};

/** Looks at the state before sleeping, at 3 ns or so: longer than what mostly stands between two shared kernels. */
const looks = 1 << 15;

const thunkSignature: Signature = { parameters: ["i32", "i32"], results: [] };

/** Writes what a module needs for sharing kernels, as far as it is asked for. */
export class Sharing {
  private readonly module: ModuleBuilder;
  private readonly statusGlobal: number;
  /** Places in the module's table, by the kernel's function. */
  private readonly thunks = new Map<number, number>();
  private shareFunction: number | null = null;

  constructor(module: ModuleBuilder, statusGlobal: number) {
    this.module = module;
    this.statusGlobal = statusGlobal;
  }

  /** Whether any kernel is shared. */
  get used(): boolean {
    return this.shareFunction !== null;
  }

  /**
   * Runs a kernel, given by its function's index, on all threads in parts of length `part`; in slices, where there is one thread.
   * `operand(i)` pushes the address of its i-th buffer.
   */
  call(
    code: Code,
    kernel: { readonly index: number; readonly buffers: number; readonly extent: number },
    lengths: { readonly part: number; readonly slice: number },
    operand: (i: number) => void,
  ): void {
    for (let i = 0; i < kernel.buffers; i++) {
      code.i32(0);
      operand(i);
      code.memory(op.i32Store, 2, job.operands + 4 * i);
    }
    code.i32(this.thunk(kernel.index, kernel.buffers)).i32(kernel.extent);
    code
      .i32(lengths.part)
      .i32(Math.ceil(kernel.extent / lengths.part))
      .i32(lengths.slice);
    code.op(op.call).unsigned(this.share());
  }

  /** A function (begin, end) that runs a kernel on the job's operands. */
  private thunk(index: number, buffers: number): number {
    let place = this.thunks.get(index);
    if (place === undefined) {
      const body = new FunctionBody(2);
      for (let i = 0; i < buffers; i++) load(body.code, job.operands + 4 * i);
      body.code.get(0).get(1).op(op.call).unsigned(index);
      place = this.module.tabulate(this.module.function("thunk", thunkSignature, body.encode()));
      this.thunks.set(index, place);
    }
    return place;
  }

  private share(): number {
    if (this.shareFunction === null) {
      const take = this.add("take", ["i32"], (body) => this.writeTake(body));
      this.shareFunction = this.add("share", ["i32", "i32", "i32", "i32", "i32"], (body) => this.writeShare(body, take));
      const work = new FunctionBody(3);
      this.writeWork(work, take);
      const signature: Signature = { parameters: ["i32", "i32", "i32"], results: [] };
      this.module.export("work", this.module.function("work", signature, work.encode()));
    }
    return this.shareFunction;
  }

  private add(name: string, parameters: Signature["parameters"], write: (body: FunctionBody) => void): number {
    const body = new FunctionBody(parameters.length);
    write(body);
    return this.module.indexOf(this.module.function(name, { parameters, results: [] }, body.encode()));
  }

  /** take(slot): runs parts of the job until none is left. */
  private writeTake(body: FunctionBody): void {
    const { code } = body;
    const [mine, part, begin, end] = [0, body.local("i32"), body.local("i32"), body.local("i32")];
    code.open(op.loop);
    code.i32(0).i32(1).memory(op.i32AtomicAdd, 2, job.next).tee(part);
    load(code, job.parts);
    code.op(op.i32GeU).open(op.if).op(op.return).end();

    code.get(part);
    load(code, job.part);
    code.op(op.i32Mul).tee(begin).get(begin);
    load(code, job.part);
    code.op(op.i32Add).tee(end);
    load(code, job.extent);
    code.get(end);
    load(code, job.extent);
    code.op(op.i32LtU).op(op.select);
    load(code, job.thunk);
    code.op(op.callIndirect).unsigned(this.module.type(thunkSignature)).unsigned(0);

    code.get(mine).memory(op.i32Load, 2, slot.status).open(op.if);
    code.open(op.loop);
    code.i32(0).i32(0).i32(1).memory(op.i32AtomicCompareExchange, 2, job.lock).op(op.brIf).unsigned(0).end();
    code.get(part);
    load(code, job.failedPart);
    code.op(op.i32LtU).open(op.if);
    code.i32(0).get(part).memory(op.i32Store, 2, job.failedPart);
    code.i32(0).get(mine).memory(op.i32Load, 2, slot.status).memory(op.i32Store, 2, job.failedStatus);
    code.i32(0).get(mine).memory(op.i32Load, 2, slot.detail).memory(op.i32Store, 2, job.failedDetail);
    code.end();
    code.i32(0).i32(0).memory(op.i32AtomicStore, 2, job.lock);
    code.end();
    code.op(op.br).unsigned(0).end();
  }

  /** share(thunk, extent, part, parts, slice): the caller's side of a job. */
  private writeShare(body: FunctionBody, take: number): void {
    const { code } = body;
    const [thunk, extent, part, parts, slice] = [0, 1, 2, 3, 4];
    const [begin, end, status, state, left] = [0, 0, 0, 0, 0].map(() => body.local("i32")) as [number, number, number, number, number];

    load(code, job.threads);
    code.i32(1).op(op.i32LeU).open(op.if).open(op.loop);
    code.get(begin).get(begin).get(slice).op(op.i32Add).tee(end);
    code.get(extent).get(end).get(extent).op(op.i32LtU).op(op.select);
    code.get(thunk).op(op.callIndirect).unsigned(this.module.type(thunkSignature)).unsigned(0);
    code.get(end).tee(begin).get(extent).op(op.i32LtU).op(op.brIf).unsigned(0).end();
    code.op(op.return).end();

    for (const [address, value] of [
      [job.thunk, thunk],
      [job.extent, extent],
      [job.part, part],
      [job.parts, parts],
    ] as const)
      code.i32(0).get(value).memory(op.i32Store, 2, address);
    code.i32(0).i32(0).memory(op.i32Store, 2, job.next);
    code.i32(0).i32(-1).memory(op.i32Store, 2, job.failedPart);
    code
      .i32(0)
      .i32(0)
      .memory(op.i32Store, 2, job.slots + slot.status);
    code.op(op.globalGet).unsigned(this.statusGlobal).set(status);
    code.i32(job.slots).op(op.globalSet).unsigned(this.statusGlobal);

    code
      .i32(0)
      .i32(sequence + open)
      .memory(op.i32AtomicAdd, 2, job.state)
      .op(op.drop);
    code.i32(0).memory(op.i32AtomicLoad, 2, job.sleepers).open(op.if);
    code.i32(0).get(parts).i32(1).op(op.i32Sub).memory(op.atomicNotify, 2, job.state).op(op.drop);
    code.end();
    code.i32(job.slots).op(op.call).unsigned(take);
    code.i32(0).i32(~open).memory(op.i32AtomicAnd, 2, job.state).op(op.drop);

    code.i32(looks).set(left).open(op.block).open(op.loop);
    code.i32(0).memory(op.i32AtomicLoad, 2, job.state).tee(state).i32(inside).op(op.i32And).op(op.i32Eqz).op(op.brIf).unsigned(1);
    code.get(left).open(op.if).get(left).i32(1).op(op.i32Sub).set(left).op(op.br).unsigned(1).end();
    load(code, job.mayWait);
    code.op(op.i32Eqz).op(op.brIf).unsigned(0);
    code.i32(0).i32(1).memory(op.i32AtomicStore, 2, job.waiting);
    sleep(code, state);
    code.i32(0).i32(0).memory(op.i32AtomicStore, 2, job.waiting);
    code.op(op.br).unsigned(0).end().end();

    code.get(status).op(op.globalSet).unsigned(this.statusGlobal);
    load(code, job.trapped);
    code.open(op.if).op(op.unreachable).end();
    load(code, job.failedPart);
    code.i32(-1).op(op.i32Ne).get(status).memory(op.i32Load, 2, 0).op(op.i32Eqz).op(op.i32And).open(op.if);
    for (const [from, to] of [
      [job.failedStatus, slot.status],
      [job.failedDetail, slot.detail],
    ] as const) {
      code.get(status);
      load(code, from);
      code.memory(op.i32Store, 2, to);
    }
    code.end();
  }

  /** work(slot, program, mail): a worker's side. Returns when another program runs, or when there is mail beyond `mail`. */
  private writeWork(body: FunctionBody, take: number): void {
    const { code } = body;
    const [mine, program, mail] = [0, 1, 2];
    const [state, left] = [body.local("i32"), body.local("i32")];
    code.get(mine).op(op.globalSet).unsigned(this.statusGlobal);
    code.open(op.loop);
    code.i32(looks).set(left);

    // Until there is a job that this worker has not seen.
    code.open(op.block).open(op.loop);
    code.i32(0).memory(op.i32AtomicLoad, 2, job.state).tee(state).i32(open).op(op.i32And);
    code.open(op.if);
    code.get(state).i32(-sequence).op(op.i32And).get(mine).memory(op.i32Load, 2, slot.seen).op(op.i32Ne).op(op.brIf).unsigned(2);
    code.end();
    code.get(mine).memory(op.i32AtomicLoad, 2, slot.mail).get(mail).op(op.i32Ne).open(op.if).op(op.return).end();
    code.get(left).open(op.if).get(left).i32(1).op(op.i32Sub).set(left).op(op.br).unsigned(1).end();
    code.i32(0).i32(1).memory(op.i32AtomicAdd, 2, job.sleepers).op(op.drop);
    sleep(code, state);
    code.i32(0).i32(1).memory(op.i32AtomicSub, 2, job.sleepers).op(op.drop);
    code.i32(looks).set(left);
    code.op(op.br).unsigned(0).end().end();

    code.i32(0).get(state).get(state).i32(1).op(op.i32Add).memory(op.i32AtomicCompareExchange, 2, job.state);
    code.get(state).op(op.i32Ne).op(op.brIf).unsigned(0);
    load(code, job.program);
    code.get(program).op(op.i32Ne).open(op.if);
    this.leave(code);
    code.op(op.return).end();
    code.get(mine).get(state).i32(-sequence).op(op.i32And).memory(op.i32Store, 2, slot.seen);
    code.get(mine).i32(0).memory(op.i32Store, 2, slot.status);
    code.get(mine).op(op.call).unsigned(take);
    this.leave(code);
    code.op(op.br).unsigned(0).end();
  }

  /** Leaves the job; wakes the caller if it sleeps. */
  private leave(code: Code): void {
    code.i32(0).i32(1).memory(op.i32AtomicSub, 2, job.state).op(op.drop);
    code.i32(0).memory(op.i32AtomicLoad, 2, job.waiting).open(op.if);
    code.i32(0).i32(-1).memory(op.atomicNotify, 2, job.state).op(op.drop).end();
  }
}

function load(code: Code, address: number): void {
  code.i32(0).memory(op.i32Load, 2, address);
}

/** Sleeps while the state is what the local holds. */
function sleep(code: Code, state: number): void {
  code.i32(0).get(state).op(op.i64Const).signed(-1).memory(op.atomicWait32, 2, job.state).op(op.drop);
}
