// Symbolic integers: where in a buffer an element lies, in terms of loop variables. An index is a linear form
// constant + Σ coefficient · atom; an atom is a loop variable, a floor division of another index, or a value known only
// when the kernel runs. `x mod c` is x − c·⌊x/c⌋, so that splitting an index and joining it again cancels by itself:
// reshapes become plain strides wherever they can. Ranges are known throughout and decide most divisions.

import type { Shape } from "../graph/shape.ts";
import type { Value } from "./value.ts";

/** A loop variable, running over [0, size). */
export interface Variable {
  readonly id: number;
  readonly name: string;
  readonly size: number;
  /** 0 for the task's own loops; for reductions, one more than what they stand in. */
  readonly depth: number;
}

interface AtomCommon {
  readonly id: number;
  readonly low: number;
  readonly high: number;
  readonly variables: readonly Variable[];
}

export type Atom =
  | (AtomCommon & { readonly kind: "variable"; readonly variable: Variable })
  /** ⌊index / by⌋ */
  | (AtomCommon & { readonly kind: "divide"; readonly index: Index; readonly by: number })
  /** An int32 value of the graph, already clamped to the range. */
  | (AtomCommon & { readonly kind: "value"; readonly value: Value });

export interface Term {
  readonly atom: Atom;
  readonly coefficient: number;
}

export interface Index {
  readonly constant: number;
  /** By increasing atom id, no coefficient 0. */
  readonly terms: readonly Term[];
  /** Inclusive bounds. */
  readonly low: number;
  readonly high: number;
  /** Equal for equal indices. */
  readonly key: string;
  readonly variables: readonly Variable[];
}

/** The sets, as lists by increasing id, joined. */
export function joinVariables(lists: readonly (readonly Variable[])[]): readonly Variable[] {
  let result: readonly Variable[] = [];
  for (const list of lists) {
    if (list.length === 0 || list === result) continue;
    if (result.length === 0) result = list;
    else if (!list.every((v) => result.includes(v))) result = [...new Set([...result, ...list])].sort((a, b) => a.id - b.id);
  }
  return result;
}

/** A part of an index with a range of its own: an atom, or `index mod by`. */
export type Unit =
  | { readonly kind: "atom"; readonly coefficient: number; readonly atom: Atom }
  | {
      readonly kind: "modulo";
      readonly coefficient: number;
      readonly index: Index;
      readonly by: number;
      readonly divide: Atom & { kind: "divide" };
    };

/** The index as a sum of units with tight ranges: finds again the `mod` in x − c·⌊x/c⌋. */
export function unitsOf(index: { readonly terms: readonly Term[] }): Unit[] {
  const left = new Map(index.terms.map((t) => [t.atom, t.coefficient]));
  const units: Unit[] = [];
  for (const { atom, coefficient } of index.terms) {
    if (atom.kind !== "divide" || !left.has(atom)) continue;
    const inner = moduloOf(atom, coefficient, left);
    if (inner === null) continue;
    for (const term of inner.index.terms) left.delete(term.atom);
    left.delete(atom);
    units.push({ kind: "modulo", ...inner, divide: atom });
  }
  for (const [atom, coefficient] of left) units.push({ kind: "atom", coefficient, atom });
  return units;
}

/** The `mod` that the division belongs to, if the terms hold its dividend with the fitting coefficients. */
function moduloOf(
  atom: Atom & { kind: "divide" },
  coefficient: number,
  terms: ReadonlyMap<Atom, number>,
): { index: Index; by: number; coefficient: number } | null {
  // y − c·⌊y/c⌋, k times.
  if (coefficient % atom.by === 0) {
    const k = -coefficient / atom.by;
    if (atom.index.terms.every((t) => terms.get(t.atom) === k * t.coefficient)) return { index: atom.index, by: atom.by, coefficient: k };
  }
  // ⌊y/a⌋ − b·⌊y/ab⌋, k times.
  for (const [other, k] of terms) {
    if (other.kind !== "divide" || other === atom || other.index.key !== atom.index.key) continue;
    if (atom.by % other.by !== 0 || coefficient !== -k * (atom.by / other.by)) continue;
    return { index: make(0, [{ atom: other, coefficient: 1 }]), by: atom.by / other.by, coefficient: k };
  }
  return null;
}

function rangeOf(constant: number, units: readonly Unit[]): [number, number] {
  let low = constant;
  let high = constant;
  for (const unit of units) {
    const [from, to] = unit.kind === "atom" ? [unit.atom.low, unit.atom.high] : [0, unit.by - 1];
    const { coefficient } = unit;
    low += coefficient * (coefficient > 0 ? from : to);
    high += coefficient * (coefficient > 0 ? to : from);
  }
  return [low, high];
}

function make(constant: number, terms: readonly Term[]): Index {
  // A modulo's dividend may carry a constant, which belongs to the sum.
  const units = unitsOf({ terms });
  let rest = constant;
  for (const unit of units) if (unit.kind === "modulo") rest -= unit.coefficient * unit.index.constant;
  const [low, high] = rangeOf(rest, units);
  return {
    constant,
    terms,
    low,
    high,
    key: `${constant}${terms.map((t) => `+${t.coefficient}*${t.atom.id}`).join("")}`,
    variables: joinVariables(terms.map((t) => t.atom.variables)),
  };
}

/** The constant that remains beside the units. */
export function constantBeside(index: Index, units: readonly Unit[]): number {
  let rest = index.constant;
  for (const unit of units) if (unit.kind === "modulo") rest -= unit.coefficient * unit.index.constant;
  return rest;
}

export const zero: Index = make(0, []);

export function constantIndex(value: number): Index {
  return value === 0 ? zero : make(value, []);
}

export function atomIndex(atom: Atom): Index {
  return make(0, [{ atom, coefficient: 1 }]);
}

export function addIndex(a: Index, b: Index): Index {
  if (a.terms.length === 0 && a.constant === 0) return b;
  if (b.terms.length === 0) return b.constant === 0 ? a : make(a.constant + b.constant, a.terms);
  const terms: Term[] = [];
  let i = 0;
  let j = 0;
  while (i < a.terms.length || j < b.terms.length) {
    const x = a.terms[i];
    const y = b.terms[j];
    if (y === undefined || (x !== undefined && x.atom.id < y.atom.id)) {
      terms.push(x as Term);
      i++;
    } else if (x === undefined || y.atom.id < x.atom.id) {
      terms.push(y);
      j++;
    } else {
      const coefficient = x.coefficient + y.coefficient;
      if (coefficient !== 0) terms.push({ atom: x.atom, coefficient });
      i++;
      j++;
    }
  }
  return make(a.constant + b.constant, terms);
}

export function scaleIndex(a: Index, by: number): Index {
  if (by === 1) return a;
  if (by === 0) return zero;
  return make(
    a.constant * by,
    a.terms.map((t) => ({ atom: t.atom, coefficient: t.coefficient * by })),
  );
}

export function shiftIndex(a: Index, by: number): Index {
  return by === 0 ? a : make(a.constant + by, a.terms);
}

/** Σ coordinates[i] · strides[i]. */
export function dot(coordinates: readonly Index[], strides: readonly number[]): Index {
  let sum = zero;
  for (const [i, c] of coordinates.entries()) sum = addIndex(sum, scaleIndex(c, strides[i] as number));
  return sum;
}

/** The coefficient of a variable among the terms (not inside divisions). */
export function coefficientOf(index: Index, variable: Variable): number {
  for (const { atom, coefficient } of index.terms) if (atom.kind === "variable" && atom.variable === variable) return coefficient;
  return 0;
}

/** Makes atoms, one object for equal ones, so that indices compare by key. One for each lowering. */
export class Atoms {
  private next = 0;
  private nextVariable = 0;
  private readonly known = new Map<string, Atom>();

  /** A new loop variable as an index. */
  variable(name: string, size: number, depth: number): { variable: Variable; index: Index } {
    const variable: Variable = { id: this.nextVariable++, name, size, depth };
    const atom: Atom = { id: this.next++, kind: "variable", variable, low: 0, high: Math.max(0, size - 1), variables: [variable] };
    return { variable, index: atomIndex(atom) };
  }

  /** A run-time value within bounds. */
  value(value: Value, low: number, high: number): Index {
    if (low === high) return constantIndex(low);
    return atomIndex(this.unique(`v${value.id}`, (id) => ({ id, kind: "value", value, low, high, variables: value.variables })));
  }

  /** ⌊index / by⌋, by > 0. */
  divide(index: Index, by: number): Index {
    if (by === 1) return index;
    const units = unitsOf(index);
    let quotient = zero;
    let rest = zero;
    for (const unit of units) {
      const part = unitIndex(unit);
      if (unit.coefficient % by === 0) quotient = addIndex(quotient, scaleIndex(part, unit.coefficient / by));
      else rest = addIndex(rest, scaleIndex(part, unit.coefficient));
    }
    const constant = constantBeside(index, units);
    const whole = Math.floor(constant / by);
    quotient = shiftIndex(quotient, whole);
    rest = shiftIndex(rest, constant - whole * by);
    return addIndex(quotient, this.divideRest(rest, by));
  }

  /** index mod by, in [0, by). */
  modulo(index: Index, by: number): Index {
    return addIndex(index, scaleIndex(this.divide(index, by), -by));
  }

  private divideRest(rest: Index, by: number): Index {
    const low = Math.floor(rest.low / by);
    if (low === Math.floor(rest.high / by)) return constantIndex(low);
    const units = unitsOf(rest);
    const constant = constantBeside(rest, units);
    // Where everything but multiples of g stays below g, it does not reach the quotient: ⌊(g·y + r) / (g·d)⌋ = ⌊y / d⌋.
    const factors = [...new Set(units.map((u) => Math.abs(u.coefficient)))].filter((g) => g > 1 && by % g === 0).sort((a, b) => b - a);
    for (const g of factors) {
      let multiple = constantIndex(Math.floor(constant / g));
      let below = constantIndex(constant - Math.floor(constant / g) * g);
      for (const unit of units) {
        const part = unitIndex(unit);
        if (unit.coefficient % g === 0) multiple = addIndex(multiple, scaleIndex(part, unit.coefficient / g));
        else below = addIndex(below, scaleIndex(part, unit.coefficient));
      }
      if (below.low >= 0 && below.high < g) return this.divide(multiple, by / g);
    }
    // ⌊(y mod c·d) / c⌋ = ⌊y / c⌋ mod d: one form for both.
    const [unit] = units;
    if (units.length === 1 && unit?.kind === "modulo" && unit.coefficient === 1 && constant === 0 && unit.by % by === 0)
      return addIndex(this.divide(unit.index, by), scaleIndex(atomIndex(unit.divide), -unit.by / by));
    const [only] = rest.terms;
    if (rest.terms.length === 1 && only?.coefficient === 1 && only.atom.kind === "divide") {
      return this.divide(shiftIndex(only.atom.index, rest.constant * only.atom.by), only.atom.by * by);
    }
    const { variables } = rest;
    return atomIndex(
      this.unique(`${rest.key}/${by}`, (id) => ({
        id,
        kind: "divide",
        index: rest,
        by,
        low,
        high: Math.floor(rest.high / by),
        variables,
      })),
    );
  }

  private unique(key: string, create: (id: number) => Atom): Atom {
    let atom = this.known.get(key);
    if (atom === undefined) {
      atom = create(this.next++);
      this.known.set(key, atom);
    }
    return atom;
  }

  /** Coordinates of the element at a flat row-major position. */
  unflatten(flat: Index, shape: Shape): Index[] {
    const result = new Array<Index>(shape.length).fill(zero);
    let rest = flat;
    const first = shape.findIndex((n) => n > 1);
    for (let i = shape.length - 1; i >= 0; i--) {
      const n = shape[i] as number;
      if (n <= 1) continue;
      if (i === first) {
        result[i] = rest;
        break;
      }
      const quotient = this.divide(rest, n);
      result[i] = addIndex(rest, scaleIndex(quotient, -n));
      rest = quotient;
    }
    return result;
  }

  /** Coordinates in `target` of the element at the coordinates in `shape`: the same elements under another shape. */
  reshape(coordinates: readonly Index[], shape: Shape, target: Shape): Index[] {
    const result: Index[] = [];
    if (target.includes(0)) return target.map(() => zero);
    // Axes group together as soon as the products of their sizes agree.
    let i = 0;
    let j = 0;
    while (i < shape.length || j < target.length) {
      const from = i;
      const to = j;
      let m = shape[i++] ?? 1;
      let n = target[j++] ?? 1;
      while (m !== n) {
        if (m < n) m *= shape[i++] ?? 1;
        else n *= target[j++] ?? 1;
      }
      result.push(...this.regroup(coordinates.slice(from, i), shape.slice(from, i), target.slice(to, j)));
    }
    return result;
  }

  private regroup(coordinates: readonly Index[], shape: Shape, target: Shape): Index[] {
    if (shape.length === 1 && target.length === 1) return [...coordinates];
    let flat = zero;
    for (const [i, c] of coordinates.entries()) flat = addIndex(scaleIndex(flat, shape[i] as number), c);
    return this.unflatten(flat, target);
  }
}

/** One unit, without its coefficient, as an index. */
function unitIndex(unit: Unit): Index {
  if (unit.kind === "atom") return atomIndex(unit.atom);
  return addIndex(unit.index, scaleIndex(atomIndex(unit.divide), -unit.by));
}
