// Writes values as statements. A value is computed once for each binding of the loop variables it depends on, in the
// outermost loop where all of them are bound: what does not depend on the inner loops is hoisted by construction.
// At most one variable is bound as a vector: it stands for `lanes` consecutive values, and what depends on it is a vector.

import { bytesOf, type DType, encode } from "../graph/dtype.ts";
import { alignment, type Expression } from "../graph/kernel.ts";
import { InternalError } from "../util/errors.ts";
import { operate, scalarOf } from "./elementwise.ts";
import * as x from "./expression.ts";
import type { Environment, Frame } from "./frames.ts";
import type { Index } from "./index.ts";
import type { Kept } from "./keep.ts";
import { Positions } from "./positions.ts";
import { type Access, type Operation, operandsOf, type Reduce, type Value } from "./value.ts";
import type { Writer } from "./writer.ts";

/** Lowers a reduction where it is first needed; gives the values of all reductions that it computed along the way. */
export type ReduceHere = (builder: Builder, reduce: Reduce, environment: Environment) => void;

export class Builder extends Positions {
  /** Every reduction of the kernel. */
  readonly reductions: readonly Reduce[];
  private readonly reduceHere: ReduceHere;
  private readonly kept: ReadonlyMap<Value, Kept>;
  /** Kept values that lie in memory by now. */
  private readonly inMemory = new Set<Value>();

  constructor(lanes: number, values: readonly Value[], reduceHere: ReduceHere, kept: readonly Kept[] = []) {
    super(lanes);
    this.reductions = values.filter((v): v is Reduce => v.kind === "reduce");
    this.reduceHere = reduceHere;
    this.kept = new Map(kept.map((k) => [k.value, k]));
  }

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
    const at = this.scalarIndex(index, environment);
    const count = this.validLanes(environment);
    frame.statements.push(
      count === undefined ? { kind: "store", buffer, index: at, value } : { kind: "store", buffer, index: at, value, count },
    );
  }

  /** Adds a value to what lies in memory. */
  accumulate(frame: Frame, buffer: number, index: Index, value: Expression, environment: Environment): void {
    const at = this.scalarIndex(index, environment);
    const before = x.load(buffer, value.type, at, value.type.lanes > 1 ? this.validLanes(environment) : undefined);
    this.store(frame, buffer, index, x.add(before, value), environment);
  }

  /** Of a vector that reaches beyond its loop's end, how many lanes are inside. */
  private validLanes({ vector }: Environment): Expression | undefined {
    return vector === null || vector.last === null ? undefined : x.sub(vector.last + 1, this.positionOf(vector));
  }

  /** Says that loops have run for all of their elements: what they leave in memory can be read. */
  finished(reduces: readonly Reduce[]): void {
    for (const [value, { by }] of this.kept) if (reduces.some((r) => by.has(r))) this.inMemory.add(value);
  }

  private expressionOf(value: Exclude<Value, Reduce>, environment: Environment, frame: Frame): Expression {
    switch (value.kind) {
      case "constant":
        return x.constant(x.typeOf(scalarOf(value.dtype), 1), encode(value.dtype, value.value));
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
      block: (write) => {
        const inner = this.inside(frame);
        write(this.writer(inner));
        return inner.statements;
      },
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

  /** Whether lanes behind a loop's end that are `step` bytes apart may lie behind the readable padding of a buffer. */
  private reachesFar(step: number, { vector }: Environment): boolean {
    if (vector === null || vector.last === null) return false;
    const first = x.constantOf(this.positionOf(vector));
    // What lies between the last lane and the next may be read too.
    return first === null || (first + this.lanes - vector.last) * step > alignment;
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
    if (stride === null && !below && !above) {
      const times = this.laneRepeat(index, environment);
      if (times !== null) return x.gather(buffer, scalar, this.repeated(this.scalarIndex(index, environment), times));
    }
    if (stride === null || stride < 0 || (stride > 1 && this.reachesFar(stride * bytesOf(value.dtype), environment)))
      return x.gather(buffer, scalar, safe(this.vectorIndex(index, environment)));
    const read = (from: Expression) =>
      stride === 1 ? x.load(buffer, vectorType, from, this.validLanes(environment)) : x.gather(buffer, scalar, this.strided(from, stride));
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

/** What a register holds for an element in so many lanes. */
export function registerOf(dtype: DType, lanes: number): Expression["type"] {
  return x.typeOf(scalarOf(dtype), lanes);
}
