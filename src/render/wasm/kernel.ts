// The loop language's statements, and so a whole kernel: one function (pointers…, begin, end).

import type { Expression, Kernel, Statement } from "../../graph/kernel.ts";
import { type Code, FunctionBody, type Signature } from "./assembler.ts";
import { emitExpression } from "./expression.ts";
import { localType } from "./instructions.ts";
import type { Linear } from "./linear.ts";
import { emitStore } from "./memory.ts";
import { op } from "./opcodes.ts";
import { type Abilities, assignments, type Scope, Writer } from "./writer.ts";

/** From so many on, accumulators may not all keep their registers after their loop. */
const manyAccumulators = 6;

export interface KernelFunction {
  readonly signature: Signature;
  /** As the code section holds it. Kernels with equal bytes do the same. */
  readonly body: Code;
}

export function writeKernel(kernel: Kernel, abilities: Abilities): KernelFunction {
  const parameters = kernel.buffers.length + 2;
  const body = new FunctionBody(parameters);
  const statements = new StatementWriter(kernel, new Writer(kernel, body, abilities, emitExpression));
  statements.block(kernel.body);
  return { signature: { parameters: new Array(parameters).fill("i32"), results: [] }, body: body.encode() };
}

class StatementWriter {
  private readonly w: Writer;
  private readonly loops: ReadonlyMap<Statement, ReadonlySet<string>>;
  private readonly times: ReadonlyMap<string, number>;

  constructor(kernel: Kernel, writer: Writer) {
    this.w = writer;
    const { loops, times } = assignments(kernel.body);
    this.loops = loops;
    this.times = times;
  }

  block(statements: readonly Statement[]): void {
    const defined: string[] = [];
    for (const s of statements) {
      if (s.kind === "let" && this.define(s.name, s.value)) defined.push(s.name);
      this.statement(s);
    }
    for (const name of defined) this.w.definitions.delete(name);
  }

  /** Remembers what a variable stands for, where that is a sum of variables that keep their values while it is visible. */
  private define(name: string, value: Expression): boolean {
    if (value.type.lanes > 1 || value.type.scalar !== "i32" || this.times.get(name) !== 1) return false;
    const sum = this.w.linearOfVariables(value);
    if (sum === null || !sum.terms.every(({ atom }) => this.isConstant(this.w.interner.facts(atom).expression))) return false;
    this.w.definitions.set(name, sum);
    return true;
  }

  /** Given a value in one place only: a loop's variable, a `let` that nobody sets, `begin`, `end`. */
  private isConstant(e: Expression): boolean {
    return e.kind === "variable" && (this.times.get(e.name) ?? 0) <= 1;
  }

  private statement(s: Statement): void {
    const { w } = this;
    switch (s.kind) {
      case "let":
        w.statement([s.value]);
        w.value(s.value);
        w.code.set(w.declare(s.name, localType(s.value.type)));
        return;
      case "set":
        w.statement([s.value]);
        w.value(s.value);
        w.code.set(w.variable(s.name));
        return;
      case "store":
        emitStore(w, s);
        return;
      case "loop":
        this.loop(s);
        return;
      case "while":
        this.while(s);
        return;
      case "if":
        w.statement([s.condition]);
        w.value(s.condition);
        w.code.open(op.if);
        this.block(s.then);
        if (s.otherwise.length > 0) {
          w.code.op(op.else);
          this.block(s.otherwise);
        }
        w.code.end();
        return;
      case "flag":
        w.statement([s.condition, s.value]);
        w.value(s.condition);
        w.code.op(op.globalGet).unsigned(w.abilities.statusGlobal).memory(op.i32Load, 2, 0);
        w.code.op(op.i32Eqz).op(op.i32And).open(op.if);
        w.code.op(op.globalGet).unsigned(w.abilities.statusGlobal);
        w.code.i32(s.check + 1).memory(op.i32Store, 2, 0);
        w.code.op(op.globalGet).unsigned(w.abilities.statusGlobal);
        w.value(s.value);
        w.code.memory(op.i32Store, 2, 4).end();
        return;
    }
  }

  private loop(s: Extract<Statement, { kind: "loop" }>): void {
    const { w } = this;
    const assigned = this.loops.get(s) as ReadonlySet<string>;
    const certain = s.start.kind === "constant" && s.end.kind === "constant";
    if (certain && (s.start as { value: number }).value >= (s.end as { value: number }).value) return;

    w.statement([s.start, s.end]);
    const end = this.loopEnd(s.end, assigned);
    w.value(s.start);
    const variable = w.declare(s.variable, "i32");
    w.code.set(variable);
    if (!certain) {
      w.code.open(op.block).get(variable);
      end();
      w.code.op(op.i32GeS).op(op.brIf).unsigned(0);
    }
    const steady = (this.times.get(s.variable) ?? 0) === 1;
    const counted: Scope["counted"] = steady ? { name: s.variable, step: s.step, start: this.startSum(s.start) } : null;
    w.inLoop(
      counted,
      assigned,
      () => this.block(s.body),
      (scope, body) => {
        w.code.append(scope.preheader).open(op.loop).append(body).append(scope.advance);
        w.code.get(variable).i32(s.step).op(op.i32Add).tee(variable);
        end();
        w.code.op(op.i32LtS).op(op.brIf).unsigned(0).end();
        this.detach(s.body);
      },
    );
    if (!certain) w.code.end();
  }

  /**
   * Gives a loop's vector accumulators new names after it. V8 spills a value where it is defined: an accumulator that finds no
   * register in some epilogue would be stored to the stack in every iteration (20 instead of 50 GFLOP/s measured). After an
   * operation that V8 does not see through, another value is spilled, outside the loop.
   */
  private detach(body: readonly Statement[]): void {
    const { w } = this;
    const names = new Set<string>();
    for (const s of body) if (s.kind === "set" && s.value.type.lanes > 1) names.add(s.name);
    if (names.size < manyAccumulators) return;
    for (const name of names) {
      const local = w.variable(name);
      w.code.get(local).v128(0).op(op.v128Or).set(local);
    }
  }

  /** Keeps the end of a loop, unless it is at hand; returns how to push it. */
  private loopEnd(end: Expression, assigned: ReadonlySet<string>): () => void {
    const { w } = this;
    if (end.kind === "constant") return () => w.code.i32(end.value);
    if (end.kind === "variable" && !assigned.has(end.name)) {
      const local = w.variable(end.name);
      return () => w.code.get(local);
    }
    const local = w.fresh("i32");
    w.value(end);
    w.code.set(local);
    return () => w.code.get(local);
  }

  private startSum(start: Expression): Linear | null {
    return this.w.linearOfVariables(start);
  }

  private while(s: Extract<Statement, { kind: "while" }>): void {
    const { w } = this;
    const write = (): void => {
      w.statement([s.condition]);
      w.value(s.condition);
      w.code.op(op.i32Eqz).op(op.brIf).unsigned(1);
      this.block(s.body);
    };
    w.inLoop(null, this.loops.get(s) as ReadonlySet<string>, write, (scope, body) => {
      w.code.append(scope.preheader).open(op.block).open(op.loop).append(body);
      w.code.op(op.br).unsigned(0).end().end();
    });
  }
}
