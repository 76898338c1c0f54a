// Writing statements: a block grows by calls, and names are unique in the kernel. Shared by the routines.

import type { Expression, Statement } from "../../graph/kernel.ts";
import { integer, type Operand, variable } from "../expression.ts";

/** The part of its outer loop that a slice runs. */
export const begin: Expression = variable("begin", integer(0).type);
export const end: Expression = variable("end", integer(0).type);

const index = (value: Operand): Expression => (typeof value === "number" ? integer(value) : value);

export class Code {
  readonly statements: Statement[] = [];
  readonly #counter: { next: number };

  constructor(counter: { next: number } = { next: 0 }) {
    this.#counter = counter;
  }

  #block(write: (code: Code) => void): Statement[] {
    const inner = new Code(this.#counter);
    write(inner);
    return inner.statements;
  }

  #name(hint: string): string {
    return `${hint}${this.#counter.next++}`;
  }

  /** Computes a value once and returns its variable. */
  let(hint: string, value: Operand): Expression {
    const name = this.#name(hint);
    const given = index(value);
    this.statements.push({ kind: "let", name, value: given });
    return variable(name, given.type);
  }

  /** Gives a variable of `let` another value. */
  set(target: Expression, value: Operand): void {
    if (target.kind === "variable") this.statements.push({ kind: "set", name: target.name, value: index(value) });
  }

  store(buffer: number, at: Operand, value: Expression, count?: Expression): void {
    const statement: Statement = { kind: "store", buffer, index: index(at), value };
    this.statements.push(count === undefined ? statement : { ...statement, count });
  }

  /** For start ≤ i < end, by `step`. */
  loop(hint: string, start: Operand, limit: Operand, step: number, body: (i: Expression, code: Code) => void): void {
    const name = this.#name(hint);
    const i = variable(name, integer(0).type);
    const statements = this.#block((code) => body(i, code));
    this.statements.push({ kind: "loop", variable: name, start: index(start), end: index(limit), step, body: statements });
  }

  while(condition: Expression, body: (code: Code) => void): void {
    this.statements.push({ kind: "while", condition, body: this.#block(body) });
  }

  if(condition: Expression, then: (code: Code) => void): void {
    this.statements.push({ kind: "if", condition, then: this.#block(then), otherwise: [] });
  }
}
