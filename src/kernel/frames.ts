// Where statements go while a kernel is written: frames (the body, loops, branches), and what the loop variables are in them.

import type { Expression, Statement } from "../graph/kernel.ts";
import { InternalError } from "../util/errors.ts";
import * as x from "./expression.ts";
import type { Variable } from "./index.ts";

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

/** Writes statements into frames. */
export class Frames {
  readonly lanes: number;
  readonly top: Frame = { statements: [], depth: 0 };
  readonly empty: Environment = new Environment([]);
  protected readonly memo: Map<string, Expression> = new Map();
  private readonly fixed = new Map<string, Binding>();
  private names = 0;
  private bindings = 0;

  constructor(lanes: number) {
    this.lanes = lanes;
  }

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

  lanesOf(environment: Environment): number {
    return environment.vector === null ? 1 : this.lanes;
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

  /** Computes something once for a key, naming it in the frame. */
  once(key: string, frame: Frame, create: () => Expression): Expression {
    let expression = this.memo.get(key);
    if (expression === undefined) {
      expression = this.let(frame, create());
      this.memo.set(key, expression);
    }
    return expression;
  }
}
