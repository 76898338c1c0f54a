// Symbolic indices as expressions. Sums are written from the outside in: what the outer loops contribute is added up and
// named where they stand, so that the innermost loop adds its own part only, and neighbouring vectors share one base.

import type { Expression } from "../graph/kernel.ts";
import * as x from "./expression.ts";
import { type Binding, type Environment, type Frame, Frames } from "./frames.ts";
import { type Atom, constantBeside, type Index, type Unit, unitsOf } from "./index.ts";
import type { Value } from "./value.ts";

/** A summand of an index: scale · (value + offset). */
interface Part {
  readonly key: string;
  readonly scale: number;
  readonly value: Expression;
  readonly offset: number;
  readonly frame: Frame;
}

export abstract class Positions extends Frames {
  /** The value: a vector where it differs between lanes, else a scalar. */
  abstract value(value: Value, environment: Environment): Expression;

  /** The scalar that a variable is here (for a vector, its first lane). */
  positionOf(binding: Binding): Expression {
    return x.add(binding.base, binding.offset);
  }

  /** How much an index grows from lane to lane; null where it is irregular. */
  laneStride(index: Index, environment: Environment): number | null {
    const { vector } = environment;
    if (vector === null || !index.variables.includes(vector.variable)) return 0;
    let stride = 0;
    for (const { atom, coefficient } of index.terms) {
      if (!atom.variables.includes(vector.variable) || this.isLaneInvariant(atom, environment)) continue;
      if (atom.kind !== "variable") return null;
      stride += coefficient;
    }
    return stride;
  }

  /** A division by a multiple of the lanes gives the same for all lanes of an aligned vector. */
  private isLaneInvariant(atom: Atom, environment: Environment): boolean {
    const { vector } = environment;
    if (vector === null || atom.kind !== "divide" || atom.by % this.lanes !== 0) return false;
    if (atom.index.constant % this.lanes !== 0) return false;
    return atom.index.terms.every((t) =>
      t.atom.kind === "variable" && t.atom.variable === vector.variable
        ? t.coefficient === 1
        : t.coefficient % this.lanes === 0 && (!t.atom.variables.includes(vector.variable) || this.isLaneInvariant(t.atom, environment)),
    );
  }

  /** How many lanes in a row share each value of an index that grows by one from group to group; null for any other index. */
  protected laneRepeat(index: Index, environment: Environment): number | null {
    const { vector } = environment;
    if (vector === null) return null;
    const varying = index.terms.filter(({ atom }) => atom.variables.includes(vector.variable) && !this.isLaneInvariant(atom, environment));
    const [term] = varying;
    if (varying.length !== 1 || term?.coefficient !== 1 || term.atom.kind !== "divide") return null;
    const { by, index: dividend } = term.atom;
    if (!isPowerOfTwo(by) || this.lanes % by !== 0 || dividend.constant % by !== 0) return null;
    const aligned = dividend.terms.every(({ atom, coefficient }) =>
      atom.kind === "variable" && atom.variable === vector.variable
        ? coefficient === 1
        : coefficient % by === 0 && !atom.variables.includes(vector.variable),
    );
    return aligned ? by : null;
  }

  /** An index as a scalar: that of the first lane, where it differs between lanes. */
  scalarIndex(index: Index, environment: Environment): Expression {
    const units = unitsOf(index);
    let constant = constantBeside(index, units);
    const positive: Part[] = [];
    const negative: Part[] = [];
    for (const unit of units) {
      const part = this.part(unit, environment);
      constant += unit.coefficient * part.offset;
      const c = x.constantOf(part.value);
      if (c !== null) constant += unit.coefficient * c;
      else (unit.coefficient > 0 ? positive : negative).push(part);
    }
    const plus = this.sum(positive);
    if (plus === null && negative.length === 0) return x.integer(constant);
    const sum = plus === null ? x.integer(constant) : x.add(plus, constant);
    const neverNegative = units.every((u) => u.kind === "modulo" || u.atom.low >= 0);
    if (negative.length === 0 && neverNegative) return sum;
    // Renderers fold `… + constant` into an address, which must not be when the rest is negative: a name hides it.
    const named = this.let(this.innermost(positive), sum);
    return negative.length === 0 ? named : x.sub(named, this.sum(negative) as Expression);
  }

  private innermost(parts: readonly Part[]): Frame {
    return parts.reduce((frame, p) => (p.frame.depth > frame.depth ? p.frame : frame), this.top);
  }

  /** Σ |coefficient| · value, what is bound further out first and named there. */
  private sum(parts: readonly Part[]): Expression | null {
    let sum: Expression | null = null;
    let key = "";
    for (const part of [...parts].sort((a, b) => a.frame.depth - b.frame.depth)) {
      key += `+${part.scale}*${part.key}`;
      const before: Expression | null = sum;
      sum = this.once(`x${key}`, part.frame, () => {
        const product = x.mul(part.value, part.scale);
        return before === null ? product : x.add(before, product);
      });
    }
    return sum;
  }

  private part(unit: Unit, environment: Environment): Part {
    const scale = Math.abs(unit.coefficient);
    if (unit.kind === "modulo") {
      const { variables } = unit.divide;
      const frame = this.frameOf(variables, environment);
      const key = `m${unit.divide.id},${unit.by}@${environment.key(variables)}`;
      const value = this.once(key, frame, () => this.modulo(unit, environment));
      return { key, scale, value, offset: 0, frame };
    }
    const { atom } = unit;
    if (atom.kind === "variable") {
      const binding = environment.of(atom.variable);
      return { key: `b${binding.baseId}`, scale, value: binding.base, offset: binding.offset, frame: binding.frame };
    }
    const frame = this.frameOf(atom.variables, environment);
    const key = `d${atom.id}@${environment.key(atom.variables)}`;
    return { key, scale, value: this.atom(atom, environment), offset: 0, frame };
  }

  private modulo(unit: Unit & { kind: "modulo" }, environment: Environment): Expression {
    const { by, index } = unit;
    const dividend = this.scalarIndex(index, environment);
    if (index.low >= 0 && isPowerOfTwo(by)) return x.and(dividend, by - 1);
    return x.sub(dividend, x.mul(this.quotient(index, by, dividend), by));
  }

  private atom(atom: Exclude<Atom, { kind: "variable" }>, environment: Environment): Expression {
    if (atom.kind === "value") return this.value(atom.value, environment);
    const frame = this.frameOf(atom.variables, environment);
    return this.once(`d${atom.id}@${environment.key(atom.variables)}`, frame, () =>
      this.quotient(atom.index, atom.by, this.scalarIndex(atom.index, environment)),
    );
  }

  /** ⌊dividend / by⌋; the dividend is that of the index, in any number of lanes. */
  private quotient(index: Index, by: number, dividend: Expression): Expression {
    if (isPowerOfTwo(by)) return x.shr(dividend, Math.log2(by));
    const lift = index.low >= 0 ? 0 : Math.ceil(-index.low / by);
    return x.sub(x.div(x.add(dividend, lift * by), by), lift);
  }

  /** An index in every lane. */
  vectorIndex(index: Index, environment: Environment): Expression {
    const { vector } = environment;
    if (vector === null || this.laneStride(index, environment) === 0)
      return x.splat(this.scalarIndex(index, environment), this.lanesOf(environment));
    const key = `w${index.key}@${environment.key(index.variables)}`;
    return this.once(key, this.frameOf(index.variables, environment), () => {
      const stride = this.laneStride(index, environment);
      if (stride !== null && vector.last === null) {
        const first = this.scalarIndex(index, environment);
        return stride === 1 ? x.ramp(first, this.lanes) : this.strided(first, stride);
      }
      let sum: Expression | null = null;
      for (const { atom, coefficient } of index.terms) {
        const term = x.mul(this.vectorAtom(atom, environment), coefficient);
        sum = sum === null ? term : x.add(sum, term);
      }
      return x.add(sum ?? x.integer(0), index.constant);
    });
  }

  /** first + stride · [0, 1, 2, …], the form by which a renderer knows that a gather has one address and constant offsets. */
  protected strided(first: Expression, stride: number): Expression {
    return x.add(x.splat(first, this.lanes), x.mul(x.ramp(0, this.lanes), stride));
  }

  /** first + [0, …, 0, 1, …, 1, 2, …], each `times` times, a power of two: another such form. */
  protected repeated(first: Expression, times: number): Expression {
    return x.add(x.splat(first, this.lanes), x.shr(x.ramp(0, this.lanes), Math.log2(times)));
  }

  private vectorAtom(atom: Atom, environment: Environment): Expression {
    const { lanes } = this;
    if (!environment.varies(atom.variables) || this.isLaneInvariant(atom, environment)) {
      const scalar = atom.kind === "variable" ? this.positionOf(environment.of(atom.variable)) : this.atom(atom, environment);
      return x.splat(scalar, lanes);
    }
    if (atom.kind === "value") return x.splat(this.value(atom.value, environment), lanes);
    const frame = this.frameOf(atom.variables, environment);
    return this.once(`u${atom.id}@${environment.key(atom.variables)}`, frame, () => {
      if (atom.kind === "divide") return this.quotient(atom.index, atom.by, this.vectorIndex(atom.index, environment));
      const binding = environment.of(atom.variable);
      const ramp = x.ramp(this.positionOf(binding), lanes);
      return binding.last === null ? ramp : x.min(ramp, binding.last);
    });
  }

  protected insideOf(index: Index, low: number, high: number, environment: Environment): Expression {
    const stride = this.laneStride(index, environment);
    const at = stride === 0 ? this.scalarIndex(index, environment) : this.vectorIndex(index, environment);
    if (index.low >= low) return x.lt(at, high);
    if (index.high < high) return x.le(x.constant(at.type, low), at);
    return x.lt(x.bitcast(x.sub(at, low), "u32"), high - low);
  }
}

export function isPowerOfTwo(n: number): boolean {
  return n > 0 && (n & (n - 1)) === 0;
}
