// What a binding is: a thin translation of a torch call into a call of our public functions. One file a group in bindings/,
// each exporting `bindings`; main.ts finds them by the group's name.

import type { AnyTensor, Tensor } from "../../src/index.ts";

/** One item of an index: `start:stop:step`. */
export interface Slice {
  readonly slice: readonly [number | null, number | null, number | null];
}

export interface Ellipsis {
  readonly ellipsis: true;
}

/** An argument as the cases give it, with tensors in place of their names. A tensor that the call mutates is a Variable. */
export type Value = AnyTensor | number | boolean | string | null | undefined | Slice | Ellipsis | readonly Value[];

export type Keywords = Readonly<Record<string, Value>>;

/** Calls our function; several results, or a list, come in torch's order. */
export type Binding = (args: readonly Value[], kwargs: Keywords) => AnyTensor | readonly AnyTensor[];

/** Bindings by torch's name of the operation. */
export type Bindings = Readonly<Record<string, Binding>>;

/** torch takes booleans for numbers. */
const numeric = (value: Value): Value => (typeof value === "boolean" ? Number(value) : value);

/** The arguments of one call by torch's names. The getters only name types: what is wrong must reach our functions. */
export class Arguments {
  readonly #values: Keywords;

  constructor(values: Keywords) {
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values[name] != null;
  }

  get(name: string): Value {
    return this.#values[name];
  }

  tensor(name: string): AnyTensor {
    return this.#values[name] as AnyTensor;
  }

  /** A float tensor, where our function's type asks for one. */
  float(name: string): Tensor {
    return this.#values[name] as Tensor;
  }

  /** The tensor, or undefined for None and what was left out. */
  maybe(name: string): AnyTensor | undefined {
    return (this.#values[name] ?? undefined) as AnyTensor | undefined;
  }

  /** A tensor or a number. */
  operand(name: string): AnyTensor | number {
    return numeric(this.#values[name]) as AnyTensor | number;
  }

  number(name: string): number | undefined;
  number(name: string, otherwise: number): number;
  number(name: string, otherwise?: number): number | undefined {
    return (numeric(this.#values[name]) ?? otherwise) as number | undefined;
  }

  flag(name: string, otherwise = false): boolean {
    return (this.#values[name] ?? otherwise) as boolean;
  }

  text(name: string): string | undefined;
  text(name: string, otherwise: string): string;
  text(name: string, otherwise?: string): string | undefined {
    return (this.#values[name] ?? otherwise) as string | undefined;
  }

  /** One number or a list of them. */
  numbers(name: string): number | readonly number[] | undefined {
    return (this.#values[name] ?? undefined) as number | readonly number[] | undefined;
  }

  list<T extends Value = number>(name: string): readonly T[] {
    return this.#values[name] as readonly T[];
  }
}

/**
 * A binding from torch's parameter names, in order: positional arguments and keywords meet in one record. A name with `*` before
 * it takes all positional arguments that are left, as a list, or a list given in their place.
 *
 * @example
 * bind(["input", "dim", "keepdim"], (a) => a.tensor("input").sum(a.numbers("dim"), { keepDimensions: a.flag("keepdim") }))
 */
export function bind(parameters: readonly string[], call: (a: Arguments) => AnyTensor | readonly AnyTensor[]): Binding {
  return (args, kwargs) => {
    const values: Record<string, Value> = { ...kwargs };
    let taken = 0;
    for (const parameter of parameters) {
      const name = parameter.replace("*", "");
      if (parameter.startsWith("*")) {
        const rest = args.slice(taken);
        taken = args.length;
        if (name in kwargs && rest.length === 0) continue;
        values[name] = rest.length === 1 && Array.isArray(rest[0]) ? rest[0] : rest;
      } else if (taken < args.length && !(name in kwargs)) values[name] = args[taken++];
    }
    const names = parameters.map((p) => p.replace("*", ""));
    const unknown = Object.keys(kwargs).filter((name) => !names.includes(name));
    if (taken < args.length || unknown.length > 0)
      throw new Error(
        `the binding takes ${names.join(", ")}; given ${args.length} positional arguments and ${Object.keys(kwargs).join(", ")}`,
      );
    return call(new Arguments(values));
  };
}
