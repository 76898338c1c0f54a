// Writes values as statements. A value is computed once for each binding of the loop variables it depends on, in the
// outermost loop where all of them are bound: what does not depend on the inner loops is hoisted by construction.
// At most one variable is bound as a vector: it stands for `lanes` consecutive values, and what depends on it is a vector.

import type { DType } from "../graph/dtype.ts";
import type { Expression, Statement } from "../graph/kernel.ts";
import { InternalError } from "../util/errors.ts";
import { operate, scalarOf, type Writer } from "./elementwise.ts";
import * as x from "./expression.ts";
import { type Atom, constantBeside, type Index, type Unit, unitsOf, type Variable } from "./index.ts";
import type { Kept } from "./keep.ts";
import { type Access, type Operation, operandsOf, type Reduce, type Value } from "./value.ts";

/** A list of statements being written: the kernel's body, or that of a loop or branch. */
export interface Frame {
  readonly statements: Statement[];
  readonly depth: number;
}

/** What a loop variable is, at one place. */
export interface Binding {
  readonly variable: Variable;
  /** The variable is base + offset. */
  readonly base: Expression;
  readonly offset: number;
  readonly frame: Frame;
  readonly vector: boolean;
  /** For a vector that may reach beyond its loop's end: the last valid value. */
  readonly last: number | null;
  readonly id: number;
  readonly baseId: number;
}

/** The bindings of the loop variables at some place. */
export class Environment {
  private readonly bindings: ReadonlyMap<Variable, Binding>;
  /** The vector variable's binding. */
  readonly vector: Binding | null;

  constructor(bindings: readonly Binding[]) {
    this.bindings = new Map(bindings.map((b) => [b.variable, b]));
    this.vector = bindings.find((b) => b.vector) ?? null;
  }

  with(...more: readonly Binding[]): Environment {
    return new Environment([...this.bindings.values(), ...more]);
  }

  /** Only these variables. */
  only(variables: readonly Variable[]): Environment {
    return new Environment(variables.map((v) => this.of(v)));
  }

  of(variable: Variable): Binding {
    const binding = this.bindings.get(variable);
    if (binding === undefined) throw new InternalError(`loop variable ${variable.name} is not bound`);
    return binding;
  }

  has(variable: Variable): boolean {
    return this.bindings.has(variable);
  }

  key(variables: readonly Variable[]): string {
    let key = "";
    for (const v of variables) key += `${this.of(v).id},`;
    return key;
  }

  /** Whether something that depends on these variables differs between lanes. */
  varies(variables: readonly Variable[]): boolean {
    return this.vector !== null && variables.includes(this.vector.variable);
  }
}

/** Lowers a reduction where it is first needed; gives the values of all reductions that it computed along the way. */
export type ReduceHere = (builder: Builder, reduce: Reduce, environment: Environment) => void;

export class Builder {
  readonly lanes: number;
  readonly top: Frame = { statements: [], depth: 0 };
  readonly empty: Environment = new Environment([]);
  /** Every reduction of the kernel. */
  readonly reductions: readonly Reduce[];
  private readonly reduceHere: ReduceHere;
  private readonly kept: ReadonlyMap<Value, Kept>;
  /** Kept values that lie in memory by now. */
  private readonly inMemory = new Set<Value>();
  private readonly memo = new Map<string, Expression>();
  private readonly fixed = new Map<string, Binding>();
  private names = 0;
  private bindings = 0;

  constructor(lanes: number, values: readonly Value[], reduceHere: ReduceHere, kept: readonly Kept[] = []) {
    this.lanes = lanes;
    this.reductions = values.filter((v): v is Reduce => v.kind === "reduce");
    this.reduceHere = reduceHere;
    this.kept = new Map(kept.map((k) => [k.value, k]));
  }

  // ---- Statements

  name(prefix: string): string {
    return `${prefix}${this.names++}`;
  }

  /** Names a value unless it is a constant or a variable already. */
  let(frame: Frame, value: Expression, prefix = "t"): Expression {
    if (x.isSimple(value)) return value;
    const name = this.name(prefix);
    frame.statements.push({ kind: "let", name, value });
    return x.variable(name, value.type);
  }

  /** A variable that is set later. */
  mutable(frame: Frame, value: Expression, prefix = "a"): Expression & { kind: "variable" } {
    const name = this.name(prefix);
    frame.statements.push({ kind: "let", name, value });
    return { kind: "variable", name, type: value.type };
  }

  inside(parent: Frame): Frame {
    return { statements: [], depth: parent.depth + 1 };
  }

  /** Writes a loop; the body is given its frame and the loop variable. */
  loop(
    parent: Frame,
    start: Expression | number,
    end: Expression | number,
    step: number,
    body: (frame: Frame, variable: Expression) => void,
  ): void {
    const frame = this.inside(parent);
    const name = this.name("i");
    body(frame, x.variable(name, x.indexType));
    const bound = (e: Expression | number) => (typeof e === "number" ? x.integer(e) : e);
    parent.statements.push({ kind: "loop", variable: name, start: bound(start), end: bound(end), step, body: frame.statements });
  }

  bind(
    variable: Variable,
    frame: Frame,
    base: Expression,
    more: { offset?: number; vector?: boolean; last?: number | null; sharing?: Binding } = {},
  ): Binding {
    const { offset = 0, vector = false, last = null, sharing } = more;
    // A known place that is bound outside all loops is the same place wherever it is named.
    const key = frame === this.top && base.kind === "constant" ? `${variable.id}@${base.value}+${offset},${vector},${last}` : null;
    const known = key === null ? undefined : this.fixed.get(key);
    if (known !== undefined) return known;
    const id = this.bindings++;
    const binding = { variable, base, offset, frame, vector: vector && this.lanes > 1, last, id, baseId: sharing?.baseId ?? id };
    if (key !== null) this.fixed.set(key, binding);
    return binding;
  }

  /** The innermost frame among the variables' bindings. */
  frameOf(variables: readonly Variable[], environment: Environment): Frame {
    let frame = this.top;
    for (const v of variables) {
      const binding = environment.of(v);
      if (binding.frame.depth > frame.depth) frame = binding.frame;
    }
    return frame;
  }

  // ---- Values

  /** The value: a vector where it differs between lanes, else a scalar. */
  value(value: Value, environment: Environment): Expression {
    const known = this.known(value, environment);
    if (known !== undefined) return known;
    // Operands first, without recursion: chains may be long.
    const stack: Value[] = [value];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (this.known(top, environment) !== undefined) {
        stack.pop();
        continue;
      }
      const missing = this.inMemory.has(top) ? [] : operandsOf(top).filter((v) => this.known(v, environment) === undefined);
      if (missing.length > 0) stack.push(...missing);
      else {
        this.compute(top, environment);
        stack.pop();
      }
    }
    return this.known(value, environment) as Expression;
  }

  /** The value with as many lanes as the environment has; a scalar is spread where it was computed. */
  spread(value: Value, environment: Environment): Expression {
    const scalar = this.value(value, environment);
    if (environment.vector === null || scalar.type.lanes > 1 || scalar.kind === "constant")
      return x.splat(scalar, this.lanesOf(environment));
    return this.once(`s${value.id}@${environment.key(value.variables)}`, this.frameOf(value.variables, environment), () =>
      x.splat(scalar, this.lanes),
    );
  }

  lanesOf(environment: Environment): number {
    return environment.vector === null ? 1 : this.lanes;
  }

  /** Takes a value as computed. */
  define(value: Value, environment: Environment, expression: Expression): void {
    this.memo.set(this.keyOf(value, environment), expression);
  }

  known(value: Value, environment: Environment): Expression | undefined {
    return this.memo.get(this.keyOf(value, environment));
  }

  private keyOf(value: Value, environment: Environment): string {
    return `v${value.id}@${environment.key(value.variables)}`;
  }

  /** Computes something once for a key, naming it in the frame. */
  private once(key: string, frame: Frame, create: () => Expression): Expression {
    let expression = this.memo.get(key);
    if (expression === undefined) {
      expression = this.let(frame, create());
      this.memo.set(key, expression);
    }
    return expression;
  }

  private compute(value: Value, environment: Environment): void {
    if (value.kind === "reduce") {
      this.reduceHere(this, value, environment);
      return;
    }
    const frame = this.frameOf(value.variables, environment);
    const kept = this.kept.get(value);
    if (kept !== undefined && this.inMemory.has(value)) {
      const access = { ...value, kind: "access", buffer: kept.buffer, index: kept.index, size: kept.size } as const;
      this.define(value, environment, this.let(frame, this.access(access, environment, frame)));
      return;
    }
    this.define(value, environment, this.let(frame, this.expressionOf(value, environment, frame)));
    if (kept !== undefined) this.store(frame, kept.buffer, kept.index, this.spread(value, environment), environment);
  }

  /** Stores a value; of a vector that reaches beyond its loop's end, only what is inside. */
  store(frame: Frame, buffer: number, index: Index, value: Expression, environment: Environment): void {
    const binding = environment.vector;
    const at = this.scalarIndex(index, environment);
    if (binding === null || binding.last === null) frame.statements.push({ kind: "store", buffer, index: at, value });
    else {
      const count = x.sub(binding.last + 1, this.positionOf(binding));
      frame.statements.push({ kind: "store", buffer, index: at, value, count });
    }
  }

  /** Says that loops have run for all of their elements: what they leave in memory can be read. */
  finished(reduces: readonly Reduce[]): void {
    for (const [value, { by }] of this.kept) if (reduces.some((r) => by.has(r))) this.inMemory.add(value);
  }

  private expressionOf(value: Exclude<Value, Reduce>, environment: Environment, frame: Frame): Expression {
    switch (value.kind) {
      case "constant":
        return x.constant(x.typeOf(scalarOf(value.dtype), 1), value.value);
      case "index":
        return this.laneStride(value.index, environment) === 0
          ? this.scalarIndex(value.index, environment)
          : this.vectorIndex(value.index, environment);
      case "inside":
        return this.insideOf(value.index, value.low, value.high, environment);
      case "access":
        return this.access(value, environment, frame);
      case "operation":
        return this.operation(value, environment, frame);
      case "hero":
        throw new InternalError("the accumulator is defined before it is used");
    }
  }

  /** Where an operation writes its intermediate values. */
  writer(frame: Frame): Writer {
    return {
      emit: (value) => this.let(frame, value),
      mutable: (value) => this.mutable(frame, value),
      push: (statement) => frame.statements.push(statement),
    };
  }

  private operation(value: Operation, environment: Environment, frame: Frame): Expression {
    const scalars = value.inputs.map((v) => this.value(v, environment));
    const vector = scalars.some((e) => e.type.lanes > 1);
    const inputs = vector ? value.inputs.map((v) => this.spread(v, environment)) : scalars;
    if (value.op === "checkBounds") return this.checkBounds(value, inputs, environment, frame);
    return operate(value.op, value.dtype, (value.inputs[0] as Value).dtype, inputs, value.detail, this.writer(frame));
  }

  private checkBounds(value: Operation, inputs: readonly Expression[], environment: Environment, frame: Frame): Expression {
    const [checked, guard] = inputs as [Expression, Expression | undefined];
    const [check, size] = value.detail as [number, number];
    for (let i = 0; i < checked.type.lanes; i++) {
      const one = x.lane(checked, i);
      let condition = x.le(x.constant(x.typeOf("u32", 1), size), x.bitcast(one, "u32"));
      if (guard !== undefined) condition = x.and(x.lane(guard, i), condition);
      const binding = environment.vector;
      if (checked.type.lanes > 1 && binding !== null && binding.last !== null) {
        condition = x.and(x.le(x.add(this.positionOf(binding), i), binding.last), condition);
      }
      if (x.constantOf(condition) !== 0) frame.statements.push({ kind: "flag", check, condition, value: one });
    }
    return checked;
  }

  // ---- Indices

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
  private strided(first: Expression, stride: number): Expression {
    return x.add(x.splat(first, this.lanes), x.mul(x.ramp(0, this.lanes), stride));
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

  private insideOf(index: Index, low: number, high: number, environment: Environment): Expression {
    const stride = this.laneStride(index, environment);
    const at = stride === 0 ? this.scalarIndex(index, environment) : this.vectorIndex(index, environment);
    if (index.low >= low) return x.lt(at, high);
    if (index.high < high) return x.le(x.constant(at.type, low), at);
    return x.lt(x.bitcast(x.sub(at, low), "u32"), high - low);
  }

  private access(value: Access, environment: Environment, frame: Frame): Expression {
    const { index, buffer, size } = value;
    const scalar = scalarOf(value.dtype);
    const stride = this.laneStride(index, environment);
    const below = index.low < 0;
    const above = index.high >= size;
    const safe = (at: Expression) => {
      const low = below ? x.max(at, 0) : at;
      return above ? x.min(low, size - 1) : low;
    };
    if (stride === 0) return x.load(buffer, x.typeOf(scalar, 1), safe(this.scalarIndex(index, environment)));
    const vectorType = x.typeOf(scalar, this.lanes);
    const isTail = environment.vector?.last !== null;
    if (stride === null || stride < 0 || (stride > 1 && isTail))
      return x.gather(buffer, scalar, safe(this.vectorIndex(index, environment)));
    const read = (from: Expression) =>
      stride === 1 ? x.load(buffer, vectorType, from) : x.gather(buffer, scalar, this.strided(from, stride));
    const at = this.scalarIndex(index, environment);
    if (!below && !above) return read(at);
    if (!below && stride === 1) return read(safe(at));
    // A vector that reaches out of the buffer is picked together lane by lane; no other is.
    const start = this.let(frame, at);
    const reach = stride === 1 ? 0 : (this.lanes - 1) * stride;
    const ends = [...(below ? [x.le(0, start)] : []), ...(above ? [x.lt(start, size - reach)] : [])];
    const isInside = ends.reduce((a, b) => x.and(a, b));
    const result = this.mutable(frame, x.constant(vectorType, 0), "t");
    const lanes = stride === 1 ? x.ramp(start, this.lanes) : this.strided(start, stride);
    const [inside, outside] = [x.set(result, read(start)), x.set(result, x.gather(buffer, scalar, safe(lanes)))];
    frame.statements.push(x.branch(isInside, [inside], [outside]));
    return result;
  }
}

/** A summand of an index: scale · (value + offset). */
interface Part {
  readonly key: string;
  readonly scale: number;
  readonly value: Expression;
  readonly offset: number;
  readonly frame: Frame;
}

export function isPowerOfTwo(n: number): boolean {
  return n > 0 && (n & (n - 1)) === 0;
}

/** What a register holds for an element in so many lanes. */
export function registerOf(dtype: DType, lanes: number): Expression["type"] {
  return x.typeOf(scalarOf(dtype), lanes);
}
