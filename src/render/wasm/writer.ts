// Where instructions go: the function being written, the loops around the current place, and what was computed already.
// Four savings are made here, none of which V8 makes for WebAssembly:
// - a pure expression that does not change inside a loop is computed before it (vector constants above all);
// - an address whose only varying part is a loop's variable is a pointer that the loop advances, and start values of inner
//   pointers are addresses of the outer loop, treated in the same way;
// - constant parts of addresses go into the instructions' offsets;
// - within a statement, what occurs twice is computed once.

import type { Expression, HostFunction, Kernel, Statement } from "../../graph/kernel.ts";
import { InternalError } from "../../util/errors.ts";
import { Code, type FunctionBody } from "./assembler.ts";
import { localType, memoryRows } from "./instructions.ts";
import { Interner, operandsOf } from "./intern.ts";
import { addScaled, atomSum, type Linear, linearOf, substitute, sumKey, type Term, without } from "./linear.ts";
import { type LocalType, op } from "./opcodes.ts";

/** Constant offsets below this go into instructions. No buffer may lie below `lowestAddress`, so that no base can wrap under 0. */
const offsetWindow = 1 << 19;
export const lowestAddress: number = 1 << 20;

/** Pointers that one loop advances; further streams share an offset, because registers are few. */
const mostPointers = 6;

/** A loop around the current place. */
export interface Scope {
  readonly parent: Scope | null;
  /** The variable and step of a counted loop whose body does not set it. */
  readonly counted: { readonly name: string; readonly step: number; readonly start: Linear | null } | null;
  /** Variables that change inside. */
  readonly assigned: ReadonlySet<string>;
  /** Runs before the loop, in the parent's place. */
  readonly preheader: Code;
  /** Runs at the end of each iteration. */
  readonly advance: Code;
  readonly expressions: Map<number, number>;
  readonly sums: Map<string, number>;
  pointers: number;
}

/** What a statement computes more than once, and where it was kept. */
interface Memo {
  readonly uses: Map<number, number>;
  readonly locals: Map<number, number>;
}

/** For statements in which nothing can occur twice. Never written to. */
const noMemo: Memo = { uses: new Map(), locals: new Map() };

/** Whether an expression is one operation, or two in a row. */
function isFlat(e: Expression): boolean {
  const inner = operandsOf(e).filter((operand) => operand.kind !== "variable" && operand.kind !== "constant");
  if (e.kind === "load" || inner.length === 0) return true;
  return inner.length === 1 && operandsOf(inner[0] as Expression).every((x) => x.kind === "variable" || x.kind === "constant");
}

export interface Abilities {
  readonly simd: boolean;
  /** Relaxed multiply-add and lane select. */
  readonly relaxed: boolean;
  /** The index of an imported host function. */
  readonly host: (name: HostFunction) => number;
  /** The global that holds the address of the status word. */
  readonly statusGlobal: number;
}

export class Writer {
  readonly kernel: Kernel;
  readonly abilities: Abilities;
  code: Code;
  readonly interner: Interner = new Interner();
  /** Sums that variables of the enclosing blocks stand for. */
  readonly definitions: Map<string, Linear> = new Map();
  private readonly body: FunctionBody;
  private readonly emit: (writer: Writer, e: Expression) => void;
  private readonly variables = new Map<string, number>();
  private scope: Scope | null = null;
  /** Sums of the statement's indices. */
  private readonly linears = new Map<Expression, Linear>();
  private memo: Memo = noMemo;

  constructor(kernel: Kernel, body: FunctionBody, abilities: Abilities, emit: (writer: Writer, e: Expression) => void) {
    this.kernel = kernel;
    this.body = body;
    this.code = body.code;
    this.abilities = abilities;
    this.emit = emit;
    this.variables.set("begin", kernel.buffers.length);
    this.variables.set("end", kernel.buffers.length + 1);
  }

  fresh(type: LocalType): number {
    return this.body.local(type);
  }

  declare(name: string, type: LocalType): number {
    const local = this.variables.get(name) ?? this.fresh(type);
    this.variables.set(name, local);
    return local;
  }

  variable(name: string): number {
    const local = this.variables.get(name);
    if (local === undefined) throw this.wrong(`unknown variable ${name}`);
    return local;
  }

  wrong(what: string): InternalError {
    return new InternalError(`Kernel ${this.kernel.name}: ${what}`);
  }

  /** Starts a statement that evaluates these expressions, and addresses with these indices, unconditionally. */
  statement(expressions: readonly Expression[], indices: readonly Expression[] = []): void {
    this.linears.clear();
    if (expressions.every(isFlat)) {
      this.memo = noMemo;
      return;
    }
    const uses = new Map<number, number>();
    const visit = (e: Expression): void => {
      const number = this.interner.number(e);
      const known = uses.get(number) ?? 0;
      uses.set(number, known + 1);
      if (known > 0) return;
      if (e.kind === "load") visitIndex(e.index);
      else for (const operand of operandsOf(e)) visit(operand);
    };
    const visitIndex = (index: Expression): void => {
      for (const { atom } of this.linear(index).terms) visit(this.interner.facts(atom).expression);
    };
    for (const index of indices) visitIndex(index);
    for (const e of expressions) visit(e);
    this.memo = { uses, locals: new Map() };
  }

  /** Pushes the value of an expression. */
  value(e: Expression): void {
    if (e.kind === "variable") {
      this.code.get(this.variable(e.name));
      return;
    }
    if (e.kind === "constant" && (e.type.lanes === 1 || Object.is(e.value, 0))) {
      this.emit(this, e);
      return;
    }
    if (this.memo === noMemo && this.obviouslyVaries(e)) {
      this.emit(this, e);
      return;
    }
    const number = this.interner.number(e);
    if (this.scope !== null && !this.varies(number, this.scope)) {
      this.code.get(this.hoisted(e, number, this.scope));
      return;
    }
    const kept = this.memo.locals.get(number);
    if (kept !== undefined) {
      this.code.get(kept);
      return;
    }
    this.emit(this, e);
    if ((this.memo.uses.get(number) ?? 0) > 1) {
      const local = this.fresh(localType(e.type));
      this.code.tee(local);
      this.memo.locals.set(number, local);
    }
  }

  /** Whether `value` will write instructions for this expression here, not read what is kept. */
  isComputedHere(e: Expression): boolean {
    if (this.memo === noMemo) return true;
    const number = this.interner.number(e);
    return (this.memo.uses.get(number) ?? 0) <= 1 && !this.memo.locals.has(number);
  }

  /** Whether one look at an expression tells that it cannot be computed before the loop. */
  private obviouslyVaries(e: Expression): boolean {
    const { scope } = this;
    if (scope === null || e.kind === "load" || e.kind === "gather" || e.kind === "host") return true;
    return operandsOf(e).some((operand) => operand.kind === "variable" && scope.assigned.has(operand.name));
  }

  private varies(atom: number, scope: Scope): boolean {
    if (atom < 0) return false;
    const { pure, variables } = this.interner.facts(atom);
    return !pure || variables.some((name) => scope.assigned.has(name));
  }

  /** The local that holds an expression computed before the outermost loop in which it does not change. */
  private hoisted(e: Expression, number: number, scope: Scope): number {
    let local = scope.expressions.get(number);
    if (local !== undefined) return local;
    if (scope.parent !== null && !this.varies(number, scope.parent)) local = this.hoisted(e, number, scope.parent);
    else {
      local = this.fresh(localType(e.type));
      this.before(scope, () => {
        this.statement([e]);
        this.value(e);
        this.code.set(local as number);
      });
    }
    scope.expressions.set(number, local);
    return local;
  }

  /** Writes into the preheader of a loop. */
  private before(scope: Scope, write: () => void): void {
    const { code, memo, scope: here } = this;
    this.code = scope.preheader;
    this.scope = scope.parent;
    this.memo = noMemo;
    write();
    this.code = code;
    this.scope = here;
    this.memo = memo;
  }

  /** Writes a loop's body into code of its own; `finish` then places it, with what runs before it and between iterations. */
  inLoop(counted: Scope["counted"], assigned: ReadonlySet<string>, write: () => void, finish: (scope: Scope, body: Code) => void): void {
    const scope: Scope = {
      parent: this.scope,
      counted,
      assigned,
      preheader: new Code(),
      advance: new Code(),
      expressions: new Map(),
      sums: new Map(),
      pointers: 0,
    };
    const outer = this.code;
    const body = new Code();
    this.code = body;
    this.scope = scope;
    write();
    this.code = outer;
    this.scope = scope.parent;
    finish(scope, body);
  }

  linear(e: Expression): Linear {
    let sum = this.linears.get(e);
    if (sum === undefined) {
      sum = linearOf(
        e,
        (name) => this.definitions.get(name),
        (atom) => this.interner.number(atom),
      );
      this.linears.set(e, sum);
    }
    return sum;
  }

  /** The sum of an expression if only variables occur in it, so that computing it again is cheap and sound. */
  linearOfVariables(e: Expression): Linear | null {
    this.linears.clear();
    const sum = this.linear(e);
    return sum.terms.every(({ atom }) => this.interner.facts(atom).expression.kind === "variable") ? sum : null;
  }

  /** Pushes the base address of an element of a buffer; returns the constant offset to add in the instruction. */
  address(buffer: number, index: Expression): number {
    const memory = this.kernel.buffers[buffer]?.memory;
    if (memory === undefined) throw this.wrong(`no buffer ${buffer}`);
    const sum = addScaled(atomSum(-1 - buffer), this.linear(index), 1 << memoryRows[memory].shift);
    const offset = sum.constant & (offsetWindow - 1);
    this.sum({ constant: (sum.constant - offset) | 0, terms: sum.terms });
    return offset;
  }

  /** Pushes the value of a sum. */
  private sum(sum: Linear): void {
    const { scope } = this;
    if (scope === null || isAtom(sum)) {
      this.sumHere(sum);
      return;
    }
    const varying = sum.terms.filter(({ atom }) => this.varies(atom, scope));
    if (varying.length === 0) {
      if (sum.terms.length === 0) this.code.i32(sum.constant);
      else this.code.get(this.hoistedSum(sum, scope));
      return;
    }
    const counter = scope.counted === null ? null : this.interner.number(variableNamed(scope.counted.name));
    if (varying.length === 1 && varying[0]?.atom === counter) {
      this.pointer(sum, varying[0] as Term, scope);
      return;
    }
    const fixed: Linear = { constant: sum.constant, terms: sum.terms.filter((t) => !varying.includes(t)) };
    if (fixed.terms.length === 0) this.sumHere(sum);
    else {
      this.sum(fixed);
      for (const term of varying) {
        this.term(term);
        this.code.op(op.i32Add);
      }
    }
  }

  /** Computes a sum with instructions, here. */
  private sumHere(sum: Linear): void {
    const { terms, constant } = sum;
    for (const [i, term] of terms.entries()) {
      this.term(term);
      if (i > 0) this.code.op(op.i32Add);
    }
    if (terms.length === 0) this.code.i32(constant);
    else if (constant !== 0) this.code.i32(constant).op(op.i32Add);
  }

  private term({ atom, coefficient }: Term): void {
    if (atom < 0) this.code.get(-1 - atom);
    else this.value(this.interner.facts(atom).expression);
    if (coefficient === 1) return;
    const shift = Math.log2(coefficient);
    if (Number.isInteger(shift)) this.code.i32(shift).op(op.i32Shl);
    else this.code.i32(coefficient).op(op.i32Mul);
  }

  private hoistedSum(sum: Linear, scope: Scope): number {
    const key = sumKey(sum);
    let local = scope.sums.get(key);
    if (local !== undefined) return local;
    const { parent } = scope;
    if (parent !== null && !sum.terms.some(({ atom }) => this.varies(atom, parent))) local = this.hoistedSum(sum, parent);
    else {
      local = this.fresh("i32");
      this.before(scope, () => {
        this.sum(sum);
        this.code.set(local as number);
      });
    }
    scope.sums.set(key, local);
    return local;
  }

  /** Pushes a sum that moves with the loop's variable: a pointer of its own, or a base and an offset that others share. */
  private pointer(sum: Linear, moving: Term, scope: Scope): void {
    const key = sumKey(sum);
    const known = scope.sums.get(key);
    if (known !== undefined) {
      this.code.get(known);
      return;
    }
    const fixed = without(sum, moving.atom);
    if (fixed.terms.length > 0 && scope.pointers >= mostPointers) {
      const offset = { constant: 0, terms: [moving] };
      this.sum(fixed);
      if (isAtom(offset)) this.sumHere(offset);
      else this.pointer(offset, moving, scope);
      this.code.op(op.i32Add);
      return;
    }
    if (fixed.terms.length > 0) scope.pointers++;
    const { step, start } = scope.counted as NonNullable<Scope["counted"]>;
    const local = this.fresh("i32");
    this.before(scope, () => {
      this.sum(start === null ? sum : substitute(sum, moving.atom, start));
      this.code.set(local);
    });
    scope.advance.get(local).i32(Math.imul(moving.coefficient, step)).op(op.i32Add).set(local);
    scope.sums.set(key, local);
    this.code.get(local);
  }
}

function isAtom(sum: Linear): boolean {
  return sum.constant === 0 && sum.terms.length === 1 && sum.terms[0]?.coefficient === 1;
}

function variableNamed(name: string): Expression {
  return { kind: "variable", type: { scalar: "i32", lanes: 1 }, name };
}

/** For each loop of a kernel, the variables that its body assigns, and for each variable how often it is assigned. */
export function assignments(body: readonly Statement[]): {
  readonly loops: ReadonlyMap<Statement, ReadonlySet<string>>;
  readonly times: ReadonlyMap<string, number>;
} {
  const loops = new Map<Statement, ReadonlySet<string>>();
  const times = new Map<string, number>();
  const visit = (statements: readonly Statement[], outer: Set<string>): void => {
    const assign = (name: string): void => {
      outer.add(name);
      times.set(name, (times.get(name) ?? 0) + 1);
    };
    for (const s of statements) {
      if (s.kind === "let" || s.kind === "set") assign(s.name);
      else if (s.kind === "if") {
        visit(s.then, outer);
        visit(s.otherwise, outer);
      } else if (s.kind === "loop" || s.kind === "while") {
        const inside = new Set<string>();
        visit(s.body, inside);
        if (s.kind === "loop") {
          assign(s.variable);
          inside.add(s.variable);
        }
        loops.set(s, inside);
        for (const name of inside) outer.add(name);
      }
    }
  };
  visit(body, new Set());
  return { loops, times };
}
