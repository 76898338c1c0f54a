// The program's steps as one function, run(table, repeat): every kernel in order, with loops and branches, for so many repetitions.
// It returns how many repetitions ended well; fewer than `repeat` means that the status word says why the next one did not.

import type { Kernel, Operand, Program, Step } from "../../graph/kernel.ts";
import { partOf } from "../../graph/parts.ts";
import { FunctionBody, type Signature } from "./assembler.ts";
import { op } from "./opcodes.ts";
import type { Sharing } from "./share.ts";

/**
 * The call table, which the host writes before each call: byte offsets of its fields. Rows hold a pointer and the bytes to add to
 * it after each repetition (int32 both); they are moved and exchanged while the program runs.
 */
export interface TableLayout {
  /** Number of the failed check plus one; the host writes 0. The offending value lies 4 bytes on. */
  readonly status: number;
  /** Address of the arena. */
  readonly arena: number;
  /** Not 0 where any row has a stride. */
  readonly strided: number;
  readonly rows: number;
  readonly rowBytes: number;
}

export const tableLayout: TableLayout = { status: 0, arena: 8, strided: 12, rows: 16, rowBytes: 8 };

export const runSignature: Signature = { parameters: ["i32", "i32"], results: ["i32"] };

/** Work that takes a millisecond or less, so that an engine that compiles in tiers may change the code between slices. */
const slice = { flops: 2e7, bytes: 1e7 };

/** How much of its extent a kernel runs in one call. */
export function sliceOf({ extent, cost, grain = 1 }: Pick<Kernel, "extent" | "cost" | "grain">): number {
  const slices = Math.ceil(Math.max(cost.flops / slice.flops, cost.bytes / slice.bytes));
  if (!(slices > 1)) return extent;
  const length = Math.max(1, Math.ceil(extent / slices));
  const unit = length > 64 && grain === 1 ? 64 : grain;
  return Math.ceil(length / unit) * unit;
}

/**
 * Writes `run`, given each kernel's function, the global that tells kernels where the status word is, and how kernels are shared;
 * null where one thread runs them. `mark` is the imported function that takes the time for a slot, of a program with marks.
 */
export function writeRun(
  program: Program,
  kernels: readonly KernelIndex[],
  statusGlobal: number,
  sharing: Sharing | null,
  mark: number | null,
): FunctionBody {
  const body = new FunctionBody(2);
  new StepWriter(program, kernels, body, sharing, mark).run(statusGlobal);
  return body;
}

export interface KernelIndex {
  /** By which the kernel's function is called. */
  readonly index: number;
  /** Whether workers can run it. */
  readonly sharable: boolean;
}

class StepWriter {
  private readonly program: Program;
  private readonly kernels: readonly KernelIndex[];
  private readonly sharing: Sharing | null;
  private readonly mark: number | null;
  private readonly body: FunctionBody;
  private readonly table = 0;
  private readonly repeat = 1;
  private readonly arena: number;
  private readonly repetition: number;
  private readonly counters = new Map<number, number>();
  /** Blocks open inside the one that a guard leaves. */
  private depth = 0;

  constructor(program: Program, kernels: readonly KernelIndex[], body: FunctionBody, sharing: Sharing | null, mark: number | null) {
    this.program = program;
    this.kernels = kernels;
    this.sharing = sharing;
    this.mark = mark;
    this.body = body;
    this.arena = body.local("i32");
    this.repetition = body.local("i32");
  }

  run(statusGlobal: number): void {
    const { code } = this.body;
    code.get(this.table).i32(tableLayout.status).op(op.i32Add).op(op.globalSet).unsigned(statusGlobal);
    code.get(this.table).memory(op.i32Load, 2, tableLayout.arena).set(this.arena);
    code.open(op.loop).open(op.block);
    this.steps(this.program.steps);
    code.end();
    code.get(this.table).memory(op.i32Load, 2, tableLayout.status).open(op.if).get(this.repetition).op(op.return).end();
    code.get(this.repetition).i32(1).op(op.i32Add).tee(this.repetition).get(this.repeat).op(op.i32LtS).open(op.if);
    this.advance();
    code.op(op.br).unsigned(1).end().end();
    code.get(this.repetition);
  }

  /** Between repetitions: moves the rows by their strides, exchanges those that change places. */
  private advance(): void {
    const { code } = this.body;
    const { rows, rowBytes, strided } = tableLayout;
    const count = this.program.inputs + this.program.outputs;
    if (count > 0) {
      const row = this.body.local("i32");
      code.get(this.table).memory(op.i32Load, 2, strided).open(op.if);
      code.get(this.table).set(row).open(op.loop);
      code
        .get(row)
        .get(row)
        .memory(op.i32Load, 2, rows)
        .get(row)
        .memory(op.i32Load, 2, rows + 4);
      code.op(op.i32Add).memory(op.i32Store, 2, rows);
      code.get(row).i32(rowBytes).op(op.i32Add).tee(row).get(this.table).op(op.i32Sub);
      code
        .i32(count * rowBytes)
        .op(op.i32LtS)
        .op(op.brIf)
        .unsigned(0)
        .end()
        .end();
    }
    for (const [input, output] of this.program.exchanges) {
      const [a, b] = [rows + input * rowBytes, rows + output * rowBytes];
      code.get(this.table).get(this.table).memory(op.i32Load, 2, b);
      code.get(this.table).get(this.table).memory(op.i32Load, 2, a);
      code.memory(op.i32Store, 2, b).memory(op.i32Store, 2, a);
    }
  }

  private steps(steps: readonly Step[]): void {
    for (const step of steps) this.step(step);
  }

  private step(step: Step): void {
    const { code } = this.body;
    switch (step.kind) {
      case "call":
        this.call(step.kernel, step.operands);
        return;
      case "copy":
        if (step.bytes === 0) return;
        this.operand(step.to);
        this.operand(step.from);
        code.i32(step.bytes).op(op.memoryCopy).byte(0).byte(0);
        return;
      case "loop":
        this.loop(step);
        return;
      case "while":
        code.open(op.block).open(op.loop);
        this.depth += 2;
        this.steps(step.test);
        this.operand(step.condition);
        code.memory(op.i32Load8u, 0, 0).op(op.i32Eqz).op(op.brIf).unsigned(1);
        this.steps(step.body);
        code.op(op.br).unsigned(0).end().end();
        this.depth -= 2;
        return;
      case "if":
        this.operand(step.condition);
        code.memory(op.i32Load8u, 0, 0).open(op.if);
        this.depth++;
        this.steps(step.then);
        code.op(op.else);
        this.steps(step.otherwise);
        code.end();
        this.depth--;
        return;
      case "guard":
        code.get(this.table).memory(op.i32Load, 2, tableLayout.status).op(op.brIf).unsigned(this.depth);
        return;
      case "mark":
        code
          .i32(step.slot)
          .op(op.call)
          .unsigned(this.mark as number);
        return;
      case "counter":
        this.operand(step.to);
        code.get(this.counter(step.counter)).memory(op.i32Store, 2, 0);
        return;
    }
  }

  private loop(step: Extract<Step, { kind: "loop" }>): void {
    if (step.count <= 0) return;
    const { code } = this.body;
    const counter = this.body.local("i32");
    this.counters.set(step.counter, counter);
    code.i32(step.reverse ? step.count - 1 : 0).set(counter);
    code.open(op.loop);
    this.depth++;
    this.steps(step.body);
    code.get(counter).i32(step.reverse ? -1 : 1);
    code.op(op.i32Add).tee(counter);
    if (step.reverse) code.i32(0).op(op.i32GeS);
    else code.i32(step.count).op(op.i32LtS);
    code.op(op.brIf).unsigned(0).end();
    this.depth--;
    this.counters.delete(step.counter);
  }

  private call(number: number, operands: readonly Operand[]): void {
    const { code } = this.body;
    const kernel = this.program.kernels[number];
    const written = this.kernels[number];
    if (kernel === undefined || written === undefined) throw new Error(`no kernel ${number}`);
    if (kernel.extent <= 0) return;
    const { index, sharable } = written;
    const length = sliceOf(kernel);
    const part = partOf(kernel);
    if (this.sharing !== null && sharable && part < kernel.extent) {
      const callee = { index, buffers: operands.length, extent: kernel.extent };
      this.sharing.call(code, callee, { part, slice: length }, (i) => this.operand(operands[i] as Operand));
      return;
    }
    if (length >= kernel.extent) {
      for (const operand of operands) this.operand(operand);
      code.i32(0).i32(kernel.extent).op(op.call).unsigned(index);
      return;
    }
    const begin = this.body.local("i32");
    const end = this.body.local("i32");
    code.i32(0).set(begin).open(op.loop);
    for (const operand of operands) this.operand(operand);
    code.get(begin);
    code.get(begin).i32(length).op(op.i32Add).tee(end);
    code.i32(kernel.extent).get(end).i32(kernel.extent).op(op.i32LtS).op(op.select);
    code.op(op.call).unsigned(index);
    code.get(end).tee(begin).i32(kernel.extent).op(op.i32LtS).op(op.brIf).unsigned(0).end();
  }

  private counter(number: number): number {
    const local = this.counters.get(number);
    if (local === undefined) throw new Error(`counter ${number} outside its loop`);
    return local;
  }

  /** Pushes an operand's address. */
  private operand({ buffer, strides }: Operand): void {
    const { code } = this.body;
    const place = this.program.buffers[buffer];
    if (place === undefined) throw new Error(`no buffer ${buffer}`);
    if (place.kind === "table") code.get(this.table).memory(op.i32Load, 2, tableLayout.rows + tableLayout.rowBytes * place.index);
    else {
      code.get(this.arena);
      if (place.offset !== 0) code.i32(place.offset).op(op.i32Add);
    }
    for (const { counter, bytes } of strides ?? []) {
      code.get(this.counter(counter));
      if (bytes !== 1) code.i32(bytes).op(op.i32Mul);
      code.op(op.i32Add);
    }
  }
}
