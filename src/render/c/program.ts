// A program → one C source: types and helpers, a function for each kernel, one for the steps, and one entry that repeats them.
// The entry takes the address of a call block, an array of doubles (addresses are below 2⁵³), so that JavaScript can
// fill it without BigInts: repeat, arena, strided, status, detail, repetition, share, threads, then the table's addresses, then the rows'
// strides.
//
// A kernel that is worth it is handed over in parts: as a function of an array of operands, to the function at `share`, which runs the
// parts on several threads (runtime/native/pool.ts). All others are plain calls.

import type { Kernel, Operand, Program, Step } from "../../graph/kernel.ts";
import { partOf } from "../../graph/parts.ts";
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
  /** In: the address of the function that shares out kernels, 0 for none, and how many threads it may use. */
  readonly share: number;
  readonly threads: number;
  /** In: the address of each row of the table from here on. */
  readonly addresses: number;
  /** In: the bytes from one repetition's slice of each row to the next. */
  readonly strides: number;
  /** Out, where the program has marks: the time of the last one, then seconds and times for each slot. */
  readonly marks: number;
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
    share: 6,
    threads: 7,
    addresses: 8,
    strides: 8 + rows,
    marks: 8 + 2 * rows,
    length: 8 + 2 * rows + (program.marks === undefined ? 0 : 1 + 2 * program.marks),
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
    sharing,
    program.marks === undefined ? "" : marking,
    ...functions,
    ...steps.parts.values(),
    `static void steps(u8 *const *t, u8 *arena, Status *status, Share *share, i32 threads${program.marks === undefined ? "" : ", f64 *marks"}) {\n${steps.lines.join("\n")}\n}\n`,
    entryText(program, entry, block),
  ].join("\n");
  return { source, entry, block };
}

/** What a shared kernel is: the same as without threads where there is no pool. */
const sharing = `\
typedef struct { i32 code, detail; } Status;
typedef void Body(u8 *const *p, Status *status, i32 begin, i32 end);
typedef void Share(Body *body, u8 *const *p, Status *status, i32 extent, i32 part, i32 threads);
static void alone(Body *body, u8 *const *p, Status *status, i32 extent, i32 part, i32 threads) { body(p, status, 0, extent); }
static void copy_part(u8 *const *p, Status *status, i32 begin, i32 end) { __builtin_memmove(p[0] + begin, p[1] + begin, end - begin); }
`;

const marking = `\
#include <time.h>
static f64 now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (f64)t.tv_sec + 1e-9 * (f64)t.tv_nsec; }
static void mark(f64 *marks, i32 slot) {
  f64 at = now();
  marks[1 + 2 * slot] += at - marks[0];
  marks[2 + 2 * slot] += 1;
  marks[0] = at;
}
`;

function entryText(program: Program, entry: string, block: CallBlock): string {
  const rows = program.inputs + program.outputs;
  const marked = program.marks !== undefined;
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
  Share *share = block[${block.share}] != 0 ? (Share *)(u64)block[${block.share}] : alone;
  i32 threads = (i32)block[${block.threads}];
${marked ? `  f64 *marks = block + ${block.marks};\n  marks[0] = now();\n` : ""}  for (i64 r = 0; r < repeat; r++) {
    Status status = {0, 0};
    steps(t, arena, &status, share, threads${marked ? ", marks" : ""});
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

/** Parts of a copy are pages. */
const copyGrain = 4096;

function callOf(name: string, kernel: Kernel, operands: readonly string[], range: string): string {
  const pointers = kernel.buffers.map((buffer, i) => `(${pointerType(buffer)})(${operands[i]}), `);
  return `${name}(${pointers.join("")}status, ${range});`;
}

class StepWriter {
  readonly lines: string[] = [];
  /** Functions of shared kernels, by name. */
  readonly parts = new Map<string, string>();
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
        const operands = step.operands.map((operand) => this.address(operand));
        const name = this.kernels[step.kernel] as string;
        const part = partOf(kernel);
        if (part < kernel.extent) write(this.shared(this.partsOf(name, kernel), operands, kernel.extent, part));
        else write(callOf(name, kernel, operands, `0, ${kernel.extent}`));
        return;
      }
      case "copy":
        write(this.copy(this.address(step.to), this.address(step.from), step.bytes));
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
      case "mark":
        write(`mark(marks, ${step.slot});`);
        return;
      case "counter":
        write(`*(i32 *)(${this.address(step.to)}) = (i32)c${step.counter};`);
        return;
    }
  }

  /** A function of an array of operands that runs part of a kernel. */
  private partsOf(kernelName: string, kernel: Kernel): string {
    const name = `${kernelName}_part`;
    const call = callOf(
      kernelName,
      kernel,
      kernel.buffers.map((_, i) => `p[${i}]`),
      "begin, end",
    );
    this.parts.set(name, `static void ${name}(u8 *const *p, Status *status, i32 begin, i32 end) { ${call} }\n`);
    return name;
  }

  private shared(body: string, operands: readonly string[], extent: number, part: number): string {
    return `{ u8 *const p[] = {${operands.join(", ")}}; share(${body}, p, status, ${extent}, ${part}, threads); }`;
  }

  private copy(to: string, from: string, bytes: number): string {
    const part = partOf({ extent: bytes, cost: { flops: 0, bytes: 2 * bytes }, grain: copyGrain });
    return part < bytes && bytes < 2 ** 31
      ? this.shared("copy_part", [to, from], bytes, part)
      : `__builtin_memmove(${to}, ${from}, ${bytes});`;
  }

  private address(operand: Operand): string {
    const buffer = this.program.buffers[operand.buffer];
    if (buffer === undefined) throw new InternalError(`C renderer: the program has no buffer ${operand.buffer}`);
    const base = buffer.kind === "table" ? `t[${buffer.index}]` : `arena + ${buffer.offset}`;
    return [base, ...(operand.strides ?? []).map(({ counter, bytes }) => `c${counter} * ${bytes}`)].join(" + ");
  }
}
