// Index arithmetic as sums: constant + Σ coefficient · atom, modulo 2³². An atom is a variable, a buffer's pointer, or an expression
// that is no sum. Two addresses with equal sums up to the constant share a pointer; a sum in which a loop's variable is the only
// thing that varies becomes a pointer that the loop advances.

import type { Expression } from "../../graph/kernel.ts";

export interface Term {
  /** An expression's number (see intern.ts), or −1 − b for the pointer of buffer b. */
  readonly atom: number;
  readonly coefficient: number;
}

/** Terms are sorted by atom, each atom once, no coefficient 0. */
export interface Linear {
  readonly constant: number;
  readonly terms: readonly Term[];
}

export function constantSum(constant: number): Linear {
  return { constant: constant | 0, terms: [] };
}

export function atomSum(atom: number): Linear {
  return { constant: 0, terms: [{ atom, coefficient: 1 }] };
}

/** a + scale · b. */
export function addScaled(a: Linear, b: Linear, scale: number): Linear {
  const terms: Term[] = [];
  let i = 0;
  let j = 0;
  while (i < a.terms.length || j < b.terms.length) {
    const left = a.terms[i];
    const right = b.terms[j];
    if (right === undefined || (left !== undefined && left.atom < right.atom)) {
      terms.push(left as Term);
      i++;
      continue;
    }
    let coefficient = Math.imul(right.coefficient, scale);
    if (left !== undefined && left.atom === right.atom) {
      coefficient = (coefficient + left.coefficient) | 0;
      i++;
    }
    if (coefficient !== 0) terms.push({ atom: right.atom, coefficient });
    j++;
  }
  return { constant: (a.constant + Math.imul(b.constant, scale)) | 0, terms };
}

/** The sum with one atom replaced by another sum. */
export function substitute(sum: Linear, atom: number, by: Linear): Linear {
  const term = sum.terms.find((t) => t.atom === atom);
  if (term === undefined) return sum;
  return addScaled(without(sum, atom), by, term.coefficient);
}

export function without(sum: Linear, atom: number): Linear {
  return { constant: sum.constant, terms: sum.terms.filter((t) => t.atom !== atom) };
}

export function sumKey(sum: Linear): string {
  let key = `${sum.constant}`;
  for (const { atom, coefficient } of sum.terms) key += `,${atom}*${coefficient}`;
  return key;
}

/**
 * The sum that an i32 scalar expression is. `variable` may give the sum that a variable stands for; `atom` numbers what is no sum.
 */
export function linearOf(e: Expression, variable: (name: string) => Linear | undefined, atom: (e: Expression) => number): Linear {
  const of = (inner: Expression): Linear => linearOf(inner, variable, atom);
  switch (e.kind) {
    case "constant":
      return constantSum(e.value);
    case "variable":
      return variable(e.name) ?? atomSum(atom(e));
    case "cast":
      if (e.value.type.scalar === "i32" || e.value.type.scalar === "u32") return of(e.value);
      break;
    case "unary":
      if (e.operation === "neg") return addScaled(constantSum(0), of(e.value), -1);
      break;
    case "binary":
      switch (e.operation) {
        case "add":
          return addScaled(of(e.left), of(e.right), 1);
        case "sub":
          return addScaled(of(e.left), of(e.right), -1);
        case "mul": {
          const left = of(e.left);
          const right = of(e.right);
          if (right.terms.length === 0) return addScaled(constantSum(0), left, right.constant);
          if (left.terms.length === 0) return addScaled(constantSum(0), right, left.constant);
          break;
        }
        case "shl": {
          const right = of(e.right);
          if (right.terms.length === 0) return addScaled(constantSum(0), of(e.left), 1 << (right.constant & 31));
          break;
        }
        default:
          break;
      }
      break;
    default:
      break;
  }
  return atomSum(atom(e));
}
