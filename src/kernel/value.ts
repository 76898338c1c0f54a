// One element of a node, symbolically: a small expression graph in which every view has already become index maths.
// Equal values are one object, so that common work is found by itself, and each knows the loop variables it depends on,
// which later decides where in the loop nest it is computed.

import type { DType } from "../graph/dtype.ts";
import type { Op } from "../graph/operation.ts";
import type { Index, Variable } from "./index.ts";
import { joinVariables } from "./index.ts";

interface ValueCommon {
  readonly id: number;
  readonly dtype: DType;
  /** The loop variables it depends on, by increasing id. */
  readonly variables: readonly Variable[];
  /** Reductions that must have run before: 1 + the deepest chain of them below. 0 where there is none. */
  readonly level: number;
}

/** Elementwise operations, and what indexing needs beside them. */
export type OperationName = Op | "clamp";

export interface Operation extends ValueCommon {
  readonly kind: "operation";
  readonly op: OperationName;
  readonly inputs: readonly Value[];
  /** For `threefry` its word, for `clamp` the bounds, for `checkBounds` the number of its message and the size. */
  readonly detail: readonly number[];
}

export interface Access extends ValueCommon {
  readonly kind: "access";
  readonly buffer: number;
  readonly index: Index;
  /** Elements of the buffer: indices outside are never needed, but must be made safe. */
  readonly size: number;
}

/** `sum` … of one value, `contract` (the sum of products) of two, `argMax` and `argMin`: over the variables of a group. */
export type ReduceKind = "reduceSum" | "reduceProduct" | "reduceMax" | "reduceMin" | "contract" | "argMax" | "argMin";

export interface Reduce extends ValueCommon {
  readonly kind: "reduce";
  readonly reduce: ReduceKind;
  readonly over: readonly Variable[];
  readonly bodies: readonly Value[];
}

export type Value =
  | (ValueCommon & { readonly kind: "constant"; readonly value: number })
  | Access
  /** An index as a number (int32). */
  | (ValueCommon & { readonly kind: "index"; readonly index: Index })
  /** low ≤ index < high. */
  | (ValueCommon & { readonly kind: "inside"; readonly index: Index; readonly low: number; readonly high: number })
  | Operation
  | Reduce
  /** The accumulator of a contraction task, at its own coordinates. */
  | (ValueCommon & { readonly kind: "hero" });

/** The values that must be known before this one, but for the bodies of a reduction. */
export function operandsOf(value: Value): readonly Value[] {
  switch (value.kind) {
    case "operation":
      return value.inputs;
    case "access":
    case "index":
    case "inside":
      return valuesIn(value.index);
    default:
      return [];
  }
}

/** Values known only at run time that an index is made of. */
export function valuesIn(index: Index): readonly Value[] {
  let result: Value[] | null = null;
  for (const { atom } of index.terms) {
    if (atom.kind === "variable") continue;
    const found = atom.kind === "value" ? [atom.value] : valuesIn(atom.index);
    if (found.length > 0) result = [...(result ?? []), ...found];
  }
  return result ?? [];
}

/** Everything that the roots need, bodies of reductions included, each once, operands before users. Iterative. */
export function reachable(roots: readonly Value[]): Value[] {
  const order: Value[] = [];
  const done = new Set<Value>();
  const stack: { value: Value; children: readonly Value[]; next: number }[] = [];
  const push = (value: Value) => {
    if (done.has(value)) return;
    done.add(value);
    stack.push({ value, children: value.kind === "reduce" ? value.bodies : operandsOf(value), next: 0 });
  };
  for (const root of roots) {
    push(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const child = top.children[top.next++];
      if (child !== undefined) push(child);
      else {
        order.push(top.value);
        stack.pop();
      }
    }
  }
  return order;
}

type Without<T> = T extends Value ? Omit<T, "id" | "level" | "variables"> : never;

/** Makes values, one object for equal ones. */
export class Values {
  private readonly known = new Map<string, Value>();

  constant(value: number, dtype: DType): Value {
    return this.unique(`c${Object.is(value, -0) ? "-0" : value}:${dtype}`, { kind: "constant", dtype, value }, [], 0);
  }

  access(buffer: number, index: Index, size: number, dtype: DType): Value {
    return this.unique(
      `a${buffer}[${index.key}]`,
      { kind: "access", dtype, buffer, index, size },
      index.variables,
      levelOf(valuesIn(index)),
    );
  }

  index(index: Index): Value {
    if (index.terms.length === 0) return this.constant(index.constant, "int32");
    return this.unique(`i${index.key}`, { kind: "index", dtype: "int32", index }, index.variables, levelOf(valuesIn(index)));
  }

  /** low ≤ index < high, or null where that always holds. */
  inside(index: Index, low: number, high: number): Value | null {
    if (index.low >= low && index.high < high) return null;
    if (index.high < low || index.low >= high) return this.constant(0, "bool");
    const key = `in${index.key}:${low}:${high}`;
    return this.unique(key, { kind: "inside", dtype: "bool", index, low, high }, index.variables, levelOf(valuesIn(index)));
  }

  operation(op: OperationName, dtype: DType, inputs: readonly Value[], detail: readonly number[] = []): Value {
    const key = `${op}:${dtype}:${detail.join()}(${inputs.map((x) => x.id).join()})`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const variables = joinVariables(inputs.map((x) => x.variables));
    return this.unique(key, { kind: "operation", dtype, op, inputs, detail }, variables, levelOf(inputs));
  }

  /** The conjunction; null stands for what always holds. */
  all(conditions: readonly (Value | null)[]): Value | null {
    let result: Value | null = null;
    for (const c of conditions) if (c !== null) result = result === null ? c : this.operation("and", "bool", [result, c]);
    return result;
  }

  reduce(reduce: ReduceKind, dtype: DType, over: readonly Variable[], bodies: readonly Value[]): Value {
    const variables = joinVariables(bodies.map((b) => b.variables)).filter((v) => !over.includes(v));
    const key = `r${reduce}:${dtype}:${over.map((v) => v.id).join()}(${bodies.map((b) => b.id).join()})`;
    return this.unique(key, { kind: "reduce", dtype, reduce, over, bodies }, variables, levelOf(bodies) + 1);
  }

  hero(dtype: DType, variables: readonly Variable[]): Value {
    return this.unique("hero", { kind: "hero", dtype }, variables, 0);
  }

  private unique(key: string, parts: Without<Value>, variables: readonly Variable[], level: number): Value {
    let value = this.known.get(key);
    if (value === undefined) {
      value = { ...parts, id: this.known.size, variables, level } as Value;
      this.known.set(key, value);
    }
    return value;
  }
}

function levelOf(values: readonly Value[]): number {
  let level = 0;
  for (const v of values) level = Math.max(level, v.level);
  return level;
}
