// A kernel on several threads, as far as the module goes: the caller leaves the operands where everybody finds them and calls the host's
// `share`; host and workers then call the kernel's thunk for one part after the other. The protocol is the runtime's.

import { type Code, FunctionBody, type ModuleBuilder, type Signature } from "./assembler.ts";
import { op } from "./opcodes.ts";

/** Address of the operands of the kernel that is shared: below all buffers, and below 8 KiB, where the runtime's words begin. */
const operands = 4096;

/** What a module imports as `share`: (status, thunk, extent, part, slice). */
const shareSignature: Signature = { parameters: ["i32", "i32", "i32", "i32", "i32"], results: [] };

/** What it exports as `part0`, `part1`, …: (status, begin, end). */
const thunkSignature: Signature = { parameters: ["i32", "i32", "i32"], results: [] };

export class Sharing {
  private readonly module: ModuleBuilder;
  private readonly statusGlobal: number;
  private readonly share: number;
  /** Numbers of the thunks, by the kernel's function. */
  private readonly thunks = new Map<number, number>();

  /** Imports `share`: before any function is called by its index. */
  constructor(module: ModuleBuilder, statusGlobal: number) {
    this.module = module;
    this.statusGlobal = statusGlobal;
    this.share = module.importFunction("share", shareSignature);
  }

  /** How many thunks the module exports. */
  get count(): number {
    return this.thunks.size;
  }

  /**
   * Runs a kernel, given by its function's index, in parts of length `part`; in slices, where there is one thread. `operand(i)`
   * pushes the address of its i-th buffer.
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
      code.memory(op.i32Store, 2, operands + 4 * i);
    }
    const status = this.statusGlobal;
    code.op(op.globalGet).unsigned(status).op(op.globalGet).unsigned(status);
    code.i32(this.thunk(kernel.index, kernel.buffers)).i32(kernel.extent).i32(lengths.part).i32(lengths.slice);
    code.op(op.call).unsigned(this.share).op(op.globalSet).unsigned(status);
  }

  /** The function that runs a part of a kernel on the operands, with failures flagged at `status`. */
  private thunk(index: number, buffers: number): number {
    let number = this.thunks.get(index);
    if (number === undefined) {
      number = this.thunks.size;
      this.thunks.set(index, number);
      const body = new FunctionBody(3);
      const { code } = body;
      code.get(0).op(op.globalSet).unsigned(this.statusGlobal);
      for (let i = 0; i < buffers; i++) code.i32(0).memory(op.i32Load, 2, operands + 4 * i);
      code.get(1).get(2).op(op.call).unsigned(index);
      const name = `part${number}`;
      this.module.export(name, this.module.function(name, thunkSignature, body.encode()));
    }
    return number;
  }
}
