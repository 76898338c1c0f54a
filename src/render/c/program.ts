// A program → one C source: types and helpers, a function for each kernel, one for the steps, and one entry that repeats them.
// The entry takes the address of a call block, an array of doubles (addresses are below 2⁵³), so that JavaScript can
// fill it without BigInts: repeat, arena, strided, status, detail, repetition, then the table's addresses, then the rows' strides.

import type { Operand, Program, Step } from "../../graph/kernel.ts";
import { InternalError } from "../../util/errors.ts";
import { Helpers } from "./helpers.ts";
import { renderKernel } from "./kernel.ts";
import { comment, identifier, pointerType } from "./types.ts";

/** Where things lie in the array of doubles that an entry is called with. */
export interface CallBlock {
  /** In: how many times to run the steps. */
  readonly repeat: number;
  /** In: address of the arena. */
  readonly arena: number;
  /** In: whether any row has a stride. */
  readonly strided: number;
  /** Out, after a failure: check + 1, the offending value, and the repetition. */
  readonly status: number;
  readonly detail: number;
  readonly repetition: number;
  /** In: the address of each row of the table from here on. */
  readonly addresses: number;
  /** In: the bytes from one repetition's slice of each row to the next. */
  readonly strides: number;
  readonly length: number;
}

/** A program in C. `entry` is `int entry(uint64_t block)` and returns the status word: 0 where all went well. */
export interface CSource {
  readonly source: string;
  readonly entry: string;
  readonly block: CallBlock;
}

/** Renders a program; equal programs give equal text. */
export function renderC(program: Program): CSource {
  const rows = program.inputs + program.outputs;
  const block = {
    repeat: 0,
    arena: 1,
    strided: 2,
    status: 3,
    detail: 4,
    repetition: 5,
    addresses: 8,
    strides: 8 + rows,
    length: 8 + 2 * rows,
  };
  const helpers = new Helpers();
  const functions: string[] = [];
  const names = new Map<string, string>();
  const kernels = program.kernels.map((kernel, i) => {
    const text = renderKernel(kernel, helpers);
    const same = names.get(text);
    if (same !== undefined) return same;
    const name = `k${i}_${identifier(kernel.name)}`;
    names.set(text, name);
    functions.push(`// ${comment(kernel.name)}\nstatic __attribute__((noinline)) void ${name}${text}\n`);
    return name;
  });
  const steps = new StepWriter(program, kernels);
  steps.block(program.steps, 1);
  const entry = "downhill_run";
  const source = [
    helpers.text(),
    "typedef struct { i32 code, detail; } Status;\n",
    ...functions,
    `static void steps(u8 *const *t, u8 *arena, Status *status) {\n${steps.lines.join("\n")}\n}\n`,
    entryText(program, entry, block),
  ].join("\n");
  return { source, entry, block };
}

function entryText(program: Program, entry: string, block: CallBlock): string {
  const rows = program.inputs + program.outputs;
  const exchanges = program.exchanges.map(
    ([input, output]) => `    { u8 *kept = t[${input}]; t[${input}] = t[${output}]; t[${output}] = kept; }\n`,
  );
  return `\
__attribute__((visibility("default"))) i32 ${entry}(u64 at) {
  f64 *block = (f64 *)at;
  u8 *arena = (u8 *)(u64)block[${block.arena}];
  u8 *t[${Math.max(rows, 1)}];
  for (i32 i = 0; i < ${rows}; i++) t[i] = (u8 *)(u64)block[${block.addresses} + i];
  i64 repeat = (i64)block[${block.repeat}];
  i32 strided = block[${block.strided}] != 0;
  for (i64 r = 0; r < repeat; r++) {
    Status status = {0, 0};
    steps(t, arena, &status);
    if (status.code != 0) {
      block[${block.status}] = status.code;
      block[${block.detail}] = status.detail;
      block[${block.repetition}] = (f64)r;
      return status.code;
    }
    if (strided) for (i32 i = 0; i < ${rows}; i++) t[i] += (i64)block[${block.strides} + i];
${exchanges.join("")}  }
  return 0;
}
`;
}

class StepWriter {
  readonly lines: string[] = [];
  private readonly program: Program;
  private readonly kernels: readonly string[];

  constructor(program: Program, kernels: readonly string[]) {
    this.program = program;
    this.kernels = kernels;
  }

  block(steps: readonly Step[], depth: number): void {
    for (const step of steps) this.step(step, depth);
  }

  private step(step: Step, depth: number): void {
    const write = (text: string) => this.lines.push("  ".repeat(depth) + text);
    const close = () => write("}");
    switch (step.kind) {
      case "call": {
        const kernel = this.program.kernels[step.kernel];
        if (kernel === undefined || kernel.buffers.length !== step.operands.length) {
          throw new InternalError(`C renderer: a call of kernel ${step.kernel} with ${step.operands.length} operands`);
        }
        const pointers = kernel.buffers.map((buffer, i) => `(${pointerType(buffer)})(${this.address(step.operands[i] as Operand)}), `);
        write(`${this.kernels[step.kernel]}(${pointers.join("")}status, 0, ${kernel.extent});`);
        return;
      }
      case "copy":
        write(`__builtin_memmove(${this.address(step.to)}, ${this.address(step.from)}, ${step.bytes});`);
        return;
      case "loop": {
        const c = `c${step.counter}`;
        write(
          step.reverse ? `for (i64 ${c} = ${step.count - 1}; ${c} >= 0; ${c}--) {` : `for (i64 ${c} = 0; ${c} < ${step.count}; ${c}++) {`,
        );
        this.block(step.body, depth + 1);
        close();
        return;
      }
      case "while":
        write("for (;;) {");
        this.block(step.test, depth + 1);
        write(`  if (*(${this.address(step.condition)}) == 0) break;`);
        this.block(step.body, depth + 1);
        close();
        return;
      case "if":
        write(`if (*(${this.address(step.condition)}) != 0) {`);
        this.block(step.then, depth + 1);
        write("} else {");
        this.block(step.otherwise, depth + 1);
        close();
        return;
      case "guard":
        write("if (status->code != 0) return;");
        return;
      case "counter":
        write(`*(i32 *)(${this.address(step.to)}) = (i32)c${step.counter};`);
        return;
    }
  }

  private address(operand: Operand): string {
    const buffer = this.program.buffers[operand.buffer];
    if (buffer === undefined) throw new InternalError(`C renderer: the program has no buffer ${operand.buffer}`);
    const base = buffer.kind === "table" ? `t[${buffer.index}]` : `arena + ${buffer.offset}`;
    return [base, ...(operand.strides ?? []).map(({ counter, bytes }) => `c${counter} * ${bytes}`)].join(" + ");
  }
}
