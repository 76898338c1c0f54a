// Reductions inside a loop nest, in one of two ways.
// Sequential: one accumulator for each result, over the reduced positions in row-major order; where the result itself is a
// vector (columns), several vectors side by side share the loops.
// Interleaved: one reduced variable is the vector; position p belongs to lane p mod 16 of 16 accumulators, whatever the
// vector's width, and a fixed tree joins them: lanes i and i + 8, then i + 4, i + 2, i + 1. Tail lanes are masked.
// Reductions over the same variables that do not depend on each other run in one loop.

import { type DType, isInteger, limitsOf } from "../graph/dtype.ts";
import type { Expression, Statement } from "../graph/kernel.ts";
import { type Builder, registerOf } from "./builder.ts";
import { scalarOf, wrap } from "./elementwise.ts";
import * as x from "./expression.ts";
import type { Binding, Environment, Frame } from "./frames.ts";
import { coefficientOf, type Variable } from "./index.ts";
import { isPowerOfTwo } from "./positions.ts";
import { type Access, type Reduce, reachable, type Value } from "./value.ts";

/** Lanes of an interleaved reduction, on every target. */
const interleaved = 16;

/** Mutable accumulators of one reduction; two for `argMax` and `argMin`, the extreme and its position. */
type Accumulators = readonly (Expression & { readonly kind: "variable" })[];

/** Lowers a reduction where it is needed first, together with its companions. */
export function reduceHere(builder: Builder, reduce: Reduce, environment: Environment): void {
  const key = environment.key(reduce.variables);
  const companions = builder.reductions.filter(
    (r) =>
      r === reduce ||
      (sameVariables(r.over, reduce.over) &&
        r.level === reduce.level &&
        sameVariables(r.variables, reduce.variables) &&
        environment.key(r.variables) === key &&
        builder.known(r, environment) === undefined),
  );
  reduceTogether(builder, companions, [environment]);
}

function sameVariables(a: readonly Variable[], b: readonly Variable[]): boolean {
  return a.length === b.length && a.every((v, i) => v === b[i]);
}

/** Lowers reductions over the same variables, in several environments at once that differ in the vector's position. */
export function reduceTogether(builder: Builder, reduces: readonly Reduce[], environments: readonly Environment[]): void {
  const [first] = reduces as [Reduce];
  const [environment] = environments as [Environment];
  const frame = builder.frameOf(first.variables, environment);
  if (first.over.length === 0) {
    for (const e of environments) for (const r of reduces) builder.define(r, e, builder.let(frame, alone(builder, r, e)));
    return;
  }
  if (!environment.varies(first.variables)) {
    reduceInterleaved(builder, reduces, environment.only(first.variables), interleavedVariable(reduces), frame);
  } else {
    const narrowed = environments.map((e) => e.only(first.variables));
    reduceSequential(builder, reduces, narrowed, frame);
  }
  builder.finished(reduces);
}

/** A reduction over a single element. */
function alone(builder: Builder, reduce: Reduce, environment: Environment): Expression {
  const bodies = reduce.bodies.map((b) =>
    environment.varies(reduce.variables) ? builder.spread(b, environment) : builder.value(b, environment),
  );
  const [a, b] = bodies as [Expression, Expression];
  switch (reduce.reduce) {
    case "contract":
      return x.mul(a, b);
    case "argMax":
    case "argMin":
      return x.integer(0);
    case "reduceSum":
      // A sum begins at +0.
      return scalarOf(reduce.dtype) === "f32" || scalarOf(reduce.dtype) === "f64" ? x.add(a, x.constant(a.type, 0)) : a;
    default:
      return a;
  }
}

// ---- Sequential

function reduceSequential(builder: Builder, reduces: readonly Reduce[], environments: readonly Environment[], frame: Frame): void {
  const [first] = reduces as [Reduce];
  const lanes = (environments[0] as Environment).varies(first.variables) ? builder.lanes : 1;
  const accumulators = environments.map(() => reduces.map((r) => begin(builder, r, lanes, frame)));
  const nest = (parent: Frame, bindings: readonly Binding[], rest: readonly Variable[]): void => {
    const [variable, ...others] = rest;
    if (variable !== undefined) {
      builder.loop(parent, 0, variable.size, 1, (inner, position) =>
        nest(inner, [...bindings, builder.bind(variable, inner, position)], others),
      );
      return;
    }
    environments.forEach((outer, i) => {
      const environment = outer.with(...bindings);
      const position = (bindings[0] as Binding).base;
      const steps = reduces.map((r, j) =>
        step(builder, r, accumulators[i]?.[j] as Accumulators, environment, lanes, position, null, parent),
      );
      parent.statements.push(...steps.flat());
    });
  };
  nest(frame, [], first.over);
  environments.forEach((environment, i) => {
    reduces.forEach((r, j) => {
      builder.define(r, environment, finish(builder, r, accumulators[i]?.[j] as Accumulators, frame));
    });
  });
}

// ---- Interleaved

/** The variable whose vectors take the least: along it lanes read neighbouring elements, and few of them are left over. */
function interleavedVariable(reduces: readonly Reduce[]): Variable {
  const { over } = reduces[0] as Reduce;
  const values = reachable(reduces.flatMap((r) => r.bodies));
  let best = over[0] as Variable;
  let least = Number.POSITIVE_INFINITY;
  for (const variable of over) {
    const lanes = Math.ceil(variable.size / interleaved) * interleaved;
    const cost = ((1 + laneCost(values, variable)) * lanes) / variable.size;
    if (cost <= least) {
      best = variable;
      least = cost;
    }
  }
  return best;
}

/** What a vector over the variable would have to pick together instead of loading it, roughly. */
export function laneCost(values: readonly Value[], variable: Variable): number {
  let cost = 0;
  for (const v of values) if (v.kind === "access" && v.variables.includes(variable)) cost += accessCost(v, variable);
  return cost;
}

/** 0 for neighbours; little for every other element or each one several times, which a shuffle does; more for a gather. */
function accessCost({ index }: Access, variable: Variable): number {
  const stride = coefficientOf(index, variable);
  const [other, ...more] = index.terms.filter((t) => t.atom.kind !== "variable" && t.atom.variables.includes(variable));
  if (other === undefined) return stride === 1 ? 0 : stride === 2 ? 1 : 2;
  const repeats =
    stride === 0 && more.length === 0 && other.coefficient === 1 && other.atom.kind === "divide" && isPowerOfTwo(other.atom.by);
  return repeats && coefficientOf(other.atom.index, variable) === 1 ? 1 : 3;
}

function reduceInterleaved(builder: Builder, reduces: readonly Reduce[], environment: Environment, vector: Variable, frame: Frame): void {
  const { lanes } = builder;
  const { over } = reduces[0] as Reduce;
  const whole = Math.floor(vector.size / interleaved) * interleaved;
  const rest = vector.size - whole;
  const count = whole > 0 ? interleaved / lanes : Math.ceil(rest / lanes);
  const accumulators = Array.from({ length: count }, (_, i) =>
    reduces.map((r) => begin(builder, r, lanes, frame, x.ramp(i * lanes, lanes))),
  );

  /** One group of 16 positions from `start` on, or the `valid` first of them. */
  const group = (parent: Frame, bindings: readonly Binding[], start: Expression, valid: number): void => {
    const home = start.kind === "constant" ? builder.top : parent;
    const first = builder.bind(vector, home, start, { vector: true });
    for (let i = 0; i * lanes < valid; i++) {
      const partial = valid - i * lanes < lanes;
      const last = partial ? vector.size - 1 : null;
      const binding = builder.bind(vector, home, start, { offset: i * lanes, vector: true, last, sharing: first });
      const mask = partial ? x.lt(x.ramp(0, lanes), valid - i * lanes) : null;
      const position = builder.positionOf(binding);
      const inner = environment.with(...bindings, binding);
      const steps = reduces.map((r, j) => step(builder, r, accumulators[i]?.[j] as Accumulators, inner, lanes, position, mask, parent));
      parent.statements.push(...steps.flat());
    }
  };
  const nest = (parent: Frame, bindings: readonly Binding[], others: readonly Variable[]): void => {
    const [variable, ...more] = others;
    if (variable !== undefined) {
      builder.loop(parent, 0, variable.size, 1, (inner, position) =>
        nest(inner, [...bindings, builder.bind(variable, inner, position)], more),
      );
      return;
    }
    if (whole === interleaved) group(parent, bindings, x.integer(0), interleaved);
    else if (whole > 0) builder.loop(parent, 0, whole, interleaved, (inner, position) => group(inner, bindings, position, interleaved));
    if (rest > 0) group(parent, bindings, x.integer(whole), rest);
  };
  nest(
    frame,
    [],
    over.filter((v) => v !== vector),
  );
  reduces.forEach((r, j) => {
    const vectors = accumulators.map((row) => row[j] as Accumulators);
    builder.define(r, environment, finish(builder, r, tree(builder, r, vectors, frame), frame));
  });
}

/** Joins 16 lanes: i with i + 8, then i + 4, i + 2, i + 1. Vectors that are missing at the end hold nothing. */
function tree(builder: Builder, reduce: Reduce, vectors: readonly (readonly Expression[])[], frame: Frame): readonly Expression[] {
  const join = (a: readonly Expression[], b: readonly Expression[]) =>
    combine(reduce, a, b, (e) => builder.let(frame, e)).map((e) => builder.let(frame, e));
  const halve = (parts: (readonly Expression[])[], width: number): (readonly Expression[])[] => {
    for (let half = width / 2; half >= 1; half /= 2) {
      const high = parts.slice(half);
      parts = parts.slice(0, half).map((part, i) => (high[i] === undefined ? part : join(part, high[i])));
    }
    return parts;
  };
  const [vector] = halve([...vectors], interleaved / builder.lanes) as [readonly Expression[]];
  const lanes = Array.from({ length: builder.lanes }, (_, i) => vector.map((e) => builder.let(frame, x.lane(e, i))));
  return halve(lanes, builder.lanes)[0] as readonly Expression[];
}

// ---- One reduction: its beginning, a step, joining two parts, its result

/** The neutral element in new accumulators, at the position that wins where nothing is better. */
function begin(builder: Builder, reduce: Reduce, lanes: number, frame: Frame, position: Expression = x.integer(0)): Accumulators {
  const dtype = accumulated(reduce);
  const neutral = builder.mutable(frame, x.constant(registerOf(dtype, lanes), neutralOf(reduce, dtype)));
  if (reduce.reduce !== "argMax" && reduce.reduce !== "argMin") return [neutral];
  return [neutral, builder.mutable(frame, x.splat(position, lanes))];
}

/** The dtype that the accumulator holds: that of the elements, and numbers for an extreme of bool. */
function accumulated(reduce: Reduce): DType {
  const { dtype } = reduce.bodies[0] as Value;
  return (reduce.reduce === "argMax" || reduce.reduce === "argMin") && dtype === "bool" ? "uint8" : dtype;
}

function neutralOf(reduce: Reduce, dtype: DType): number {
  switch (reduce.reduce) {
    case "reduceSum":
    case "contract":
      return 0;
    case "reduceProduct":
      return 1;
    case "reduceMax":
    case "argMax":
      return limitsOf(dtype)[0];
    case "reduceMin":
    case "argMin":
      return limitsOf(dtype)[1];
  }
}

/** Takes one more vector (or scalar) of elements into the accumulators. */
function step(
  builder: Builder,
  reduce: Reduce,
  accumulators: Accumulators,
  environment: Environment,
  lanes: number,
  position: Expression,
  mask: Expression | null,
  frame: Frame,
): Statement[] {
  const bodies = reduce.bodies.map((b) => x.splat(lanes === 1 ? builder.value(b, environment) : builder.spread(b, environment), lanes));
  const emit = (e: Expression) => builder.let(frame, e);
  let next: readonly Expression[];
  if (reduce.reduce === "contract") next = [x.fma(bodies[0] as Expression, bodies[1] as Expression, accumulators[0] as Expression)];
  else if (accumulators.length === 1) next = combine(reduce, accumulators, bodies, emit);
  else {
    const [extreme, at] = accumulators as [Expression, Expression];
    const [raw] = bodies as [Expression];
    const element = raw.type.scalar === "bool" ? x.cast(raw, "i32") : raw;
    const better = emit(isBetter(reduce, element, extreme));
    const here =
      environment.vector !== null && lanes > 1 && environment.vector.variable === reduce.over[0]
        ? x.ramp(position, lanes)
        : x.splat(position, lanes);
    next = [x.select(better, element, extreme), x.select(better, here, at)];
  }
  // Named before they are set: the second may look at the first's old value.
  const named = accumulators.length === 1 ? next : next.map(emit);
  return accumulators.map((a, i) => x.set(a, mask === null ? (named[i] as Expression) : x.select(mask, named[i] as Expression, a)));
}

/** Two partial results as one; the left holds the earlier lanes. */
function combine(reduce: Reduce, a: readonly Expression[], b: readonly Expression[], emit: x.Emit): readonly Expression[] {
  const [left, leftAt] = a as [Expression, Expression];
  const [right, rightAt] = b as [Expression, Expression];
  const bool = left.type.scalar === "bool";
  switch (reduce.reduce) {
    case "reduceSum":
    case "contract":
      return [x.add(left, right)];
    case "reduceProduct":
      return [x.mul(left, right)];
    case "reduceMax":
      return [bool ? x.or(left, right) : x.max(left, right)];
    case "reduceMin":
      return [bool ? x.and(left, right) : x.min(left, right)];
    case "argMax":
    case "argMin": {
      const better = isBetter(reduce, right, left);
      const same = x.isFloatScalar(left.type.scalar)
        ? x.or(x.eq(left, right), x.and(x.ne(left, left), x.ne(right, right)))
        : x.eq(left, right);
      const take = emit(x.or(better, x.and(same, x.lt(rightAt, leftAt))));
      return [x.select(take, right, left), x.select(take, rightAt, leftAt)];
    }
  }
}

/** Whether an element is more extreme than the best so far; a NaN is more extreme than any number. */
function isBetter(reduce: Reduce, element: Expression, best: Expression): Expression {
  const notBetter = reduce.reduce === "argMax" ? x.le(element, best) : x.le(best, element);
  return x.isFloatScalar(best.type.scalar) ? x.and(x.not(notBetter), x.eq(best, best)) : x.not(notBetter);
}

function finish(builder: Builder, reduce: Reduce, parts: readonly Expression[], frame: Frame): Expression {
  const result = parts[parts.length - 1] as Expression;
  return isInteger(reduce.dtype) ? builder.let(frame, wrap(reduce.dtype, result)) : result;
}
