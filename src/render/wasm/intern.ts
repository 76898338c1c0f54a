// Numbers expressions so that equal ones have equal numbers, and knows of each what decides where it may be computed.

import type { Expression } from "../../graph/kernel.ts";

export interface Facts {
  readonly expression: Expression;
  /** Names of the variables inside. */
  readonly variables: readonly string[];
  /** No loads and no host calls inside: may be computed earlier, or not at all. */
  readonly pure: boolean;
}

export class Interner {
  private readonly objects = new Map<Expression, number>();
  private readonly keys = new Map<string, number>();
  private readonly all: Facts[] = [];

  number(e: Expression): number {
    const known = this.objects.get(e);
    if (known !== undefined) return known;
    const operands = operandsOf(e);
    let key = `${headOf(e)}:${e.type.scalar}${e.type.lanes}`;
    for (const operand of operands) key += `,${this.number(operand)}`;
    let number = this.keys.get(key);
    if (number === undefined) {
      number = this.all.length;
      this.keys.set(key, number);
      this.all.push({ expression: e, variables: this.variables(e, operands), pure: this.pure(e, operands) });
    }
    this.objects.set(e, number);
    return number;
  }

  facts(number: number): Facts {
    return this.all[number] as Facts;
  }

  private variables(e: Expression, operands: readonly Expression[]): readonly string[] {
    if (e.kind === "variable") return [e.name];
    if (operands.length === 1) return this.facts(this.number(operands[0] as Expression)).variables;
    const names = new Set<string>();
    for (const operand of operands) for (const name of this.facts(this.number(operand)).variables) names.add(name);
    return [...names];
  }

  private pure(e: Expression, operands: readonly Expression[]): boolean {
    if (e.kind === "load" || e.kind === "gather" || e.kind === "host") return false;
    return operands.every((operand) => this.facts(this.number(operand)).pure);
  }
}

export function operandsOf(e: Expression): readonly Expression[] {
  switch (e.kind) {
    case "constant":
    case "variable":
      return [];
    case "load":
    case "gather":
      return [e.index];
    case "unary":
    case "cast":
    case "bitcast":
    case "splat":
    case "lane":
    case "ramp":
      return [e.value];
    case "binary":
      return [e.left, e.right];
    case "select":
      return [e.condition, e.yes, e.no];
    case "fma":
      return [e.a, e.b, e.c];
    case "host":
      return e.arguments;
  }
}

/** What tells expressions with equal operands apart. */
function headOf(e: Expression): string {
  switch (e.kind) {
    case "constant":
      return Object.is(e.value, -0) ? "constant -0" : `constant ${e.value}`;
    case "variable":
      return `variable ${e.name}`;
    case "load":
    case "gather":
      return `${e.kind} ${e.buffer}`;
    case "unary":
    case "binary":
      return e.operation;
    case "lane":
      return `lane ${e.lane}`;
    case "host":
      return `host ${e.function}`;
    default:
      return e.kind;
  }
}
