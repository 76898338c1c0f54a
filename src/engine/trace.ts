// Tracing: runs a function on placeholders and turns what it builds into a region, closed over nothing. Tensors from outside
// become parameters, variables become parameters and results. The same walk serves a compiled function and the bodies of
// cond, while and scan. Until it ends well, nothing outside the trace has changed: dropping it is all that a throw needs.

import { constant, input, unary } from "../graph/build.ts";
import type { DType } from "../graph/dtype.ts";
import { is, type Node, topological } from "../graph/node.ts";
import type { Region } from "../graph/operation.ts";
import { substitute } from "../graph/rewrite.ts";
import { type Shape, sameShape, showShape } from "../graph/shape.ts";
import { InternalError, mistake } from "../util/errors.ts";
import type { Cell } from "./cell.ts";
import { context, type Examples, type Recorder, within } from "./context.ts";
import { isConstant } from "./key.ts";
import { misplaced, ownedBy } from "./realize.ts";
import type { Setting } from "./setting.ts";

export interface Type {
  readonly shape: Shape;
  readonly dtype: DType;
}

interface TracedCell {
  readonly placeholder: Node<"input">;
  present: Node;
  assigned: boolean;
}

/** What a function became. */
export interface Traced {
  /** One for each type that was asked for, whether used or not. */
  readonly parameters: readonly Node<"input">[];
  readonly results: readonly Node[];
  /** Variables that were read or assigned, in the order of their first use. `next` is null where it was only read. */
  readonly cells: readonly { readonly cell: Cell; readonly placeholder: Node<"input">; readonly next: Node | null }[];
  /** Nodes from outside, and the placeholders that stand for them. */
  readonly captured: readonly { readonly node: Node; readonly placeholder: Node<"input"> }[];
  /** Settings that were read, and what they said. */
  readonly guards: ReadonlyMap<Setting<unknown>, unknown>;
}

class Trace implements Recorder {
  readonly name: string;
  readonly parent: Trace | null;
  readonly cells: Map<Cell, TracedCell> = new Map();
  readonly guards: Map<Setting<unknown>, unknown> = new Map();
  readonly settingsBefore: Map<Setting<unknown>, unknown> = new Map();
  /** Nodes made before this one are from outside. */
  readonly start: number;
  readonly parameters: readonly Node<"input">[];
  readonly #examples: Examples | null;
  /** Of a loop or branch, not of a compiled function. */
  readonly #isBody: boolean;
  readonly #own: Set<Node> = new Set();
  readonly #versions: Map<Node, Cell> = new Map();

  constructor(name: string, types: readonly Type[], parent: Trace | null, isBody: boolean, examples: number | null = null) {
    this.#isBody = isBody;
    this.name = name;
    this.parent = parent;
    this.start = constant(0, "bool").id;
    const index: Type[] = examples === null ? [] : [{ shape: [], dtype: "uint32" }];
    this.parameters = [...types, ...index].map((type, i) => this.#placeholder(type, `${i}`));
    this.#examples = examples === null ? null : { size: examples, index: this.parameters[types.length] as Node };
  }

  #placeholder(type: Type, name: string): Node<"input"> {
    const node = input(type.shape, type.dtype, name);
    this.#own.add(node);
    ownedBy(node, this.#root.name);
    return node;
  }

  get #root(): Trace {
    return this.#chain().at(-1) as Trace;
  }

  read(cell: Cell): Node {
    return this.#entry(cell).present;
  }

  #entry(cell: Cell): TracedCell {
    let entry = this.cells.get(cell);
    if (entry === undefined) {
      const placeholder = this.#placeholder(cell, cell.name);
      entry = { placeholder, present: placeholder, assigned: false };
      this.cells.set(cell, entry);
      this.#versions.set(placeholder, cell);
    }
    return entry;
  }

  assign(cell: Cell, value: Node): void {
    const entry = this.#entry(cell);
    // The new version is a leaf for gradients: what was assigned is a value, not a formula.
    entry.present = unary("stopGradient", value);
    entry.assigned = true;
    this.#versions.set(entry.present, cell);
  }

  cellOf(node: Node): Cell | undefined {
    for (let trace: Trace | null = this; trace !== null; trace = trace.parent) {
      const cell = trace.#versions.get(node);
      if (cell !== undefined) return this.#aliases(cell).includes(node) ? cell : undefined;
    }
    return undefined;
  }

  presentNodes(cell: Cell): readonly Node[] {
    const nodes = this.#aliases(cell);
    // The body of a loop that runs at once sees the value outside all traces.
    const reachesOut = this.#root.#isBody && this.#chain().every((trace) => trace.cells.get(cell)?.assigned !== true);
    return reachesOut ? [...nodes, cell.version()] : nodes;
  }

  /** What this trace and the enclosing ones have for the cell's present value, up to the one that assigned it. */
  #aliases(cell: Cell): Node[] {
    const nodes: Node[] = [];
    for (const trace of this.#chain()) {
      const entry = trace.cells.get(cell);
      if (entry !== undefined) nodes.push(entry.present);
      if (entry?.assigned === true) break;
    }
    return nodes;
  }

  /** This trace and those around it, the innermost first. */
  #chain(): Trace[] {
    const list: Trace[] = [];
    for (let trace: Trace | null = this; trace !== null; trace = trace.parent) list.push(trace);
    return list;
  }

  outside(node: Node, what: string): Node {
    const replacements = new Map<Node, Node>();
    for (const n of topological([node], (m) => m.storage !== null)) {
      if (!is(n, "input")) continue;
      const cell = this.#cellBehind(n);
      if (cell === undefined)
        throw mistake("TRACED", {
          where: this.#root.name,
          problem: `${what} depends on the arguments of the traced function`,
          advice: "A variable made while tracing is initialised once, before the first call: compute its first value without them.",
        });
      replacements.set(n, cell.version());
    }
    return replacements.size === 0 ? node : (substitute([node], replacements)[0] as Node);
  }

  #cellBehind(placeholder: Node): Cell | undefined {
    for (let trace: Trace | null = this; trace !== null; trace = trace.parent) {
      const cell = trace.#versions.get(placeholder);
      if (cell !== undefined) return cell;
    }
    return undefined;
  }

  examples(): readonly Examples[] {
    return this.#chain().flatMap((trace) => (trace.#examples === null ? [] : [trace.#examples]));
  }

  guard(setting: Setting<unknown>, value: unknown): void {
    const { guards, settingsBefore } = this.#root;
    if (!settingsBefore.has(setting) && !guards.has(setting)) guards.set(setting, value);
  }

  changed(setting: Setting<unknown>, before: unknown): void {
    const { settingsBefore } = this.#root;
    if (!settingsBefore.has(setting)) settingsBefore.set(setting, before);
  }

  finish(results: readonly Node[]): Traced {
    const entries = [...this.cells];
    const assigned = entries.filter(([, entry]) => entry.assigned);
    const roots = [...results, ...assigned.map(([, entry]) => entry.present)];
    const outside = (node: Node) =>
      !this.#own.has(node) && (node.storage !== null || (node.id < this.start && !isConstant(node)) || is(node, "input"));
    const captured = topological(roots, outside)
      .filter(outside)
      .map((node) => {
        if (is(node, "input") && node.id > this.start) throw misplaced(node, true);
        return { node, placeholder: this.#placeholder(node, "captured") };
      });
    const closed = substitute(roots, new Map(captured.map(({ node, placeholder }) => [node, placeholder])));
    const next = new Map(assigned.map(([cell], i) => [cell, closed[results.length + i] as Node]));
    return {
      parameters: this.parameters,
      results: closed.slice(0, results.length),
      cells: entries.map(([cell, { placeholder }]) => ({ cell, placeholder, next: next.get(cell) ?? null })),
      captured,
      guards: this.guards,
    };
  }

  /** Restores settings that the function changed; says whether any is not what it was. */
  restoreSettings(): boolean {
    let changed = false;
    for (const [setting, before] of this.settingsBefore) {
      if (Object.is(setting.peek(), before)) continue;
      changed = true;
      within(null, () => {
        setting.value = before;
      });
    }
    return changed;
  }
}

/** Traces a function that is to be compiled on its own. */
export function traceFunction(name: string, types: readonly Type[], body: (parameters: readonly Node[]) => readonly Node[]): Traced {
  const trace = new Trace(name, types, null, false);
  try {
    const traced = within(trace, () => trace.finish(body(trace.parameters)));
    if (trace.restoreSettings())
      throw mistake("SETTING", {
        where: name,
        problem: "a mode was changed inside the traced function, and calls of the compiled program would not repeat that",
        advice: "Call train(), eval(), freeze() and setDevice() outside.",
      });
    return traced;
  } catch (error) {
    trace.restoreSettings();
    throw error;
  }
}

/**
 * Traces the body of a loop or branch, inside the running trace if there is one. With `examples` it is the function of one of so
 * many; one more parameter says which one.
 */
export function traceBody(
  name: string,
  types: readonly Type[],
  body: (parameters: readonly Node[]) => readonly Node[],
  examples: number | null = null,
): Traced {
  const parent = context.recorder;
  if (parent !== null && !(parent instanceof Trace)) throw new InternalError("an unknown recorder");
  const trace = new Trace(parent === null ? name : parent.name, types, parent, true, examples);
  return within(trace, () => trace.finish(body(trace.parameters)));
}

/** What a body is closed over: variables and outer nodes. */
export type Free = Cell | Node;

/** The variables and outer nodes of some bodies, each once; the first `assigned` ones are variables that some body assigns. */
export function freeOf(bodies: readonly Traced[]): { readonly assigned: readonly Cell[]; readonly constants: readonly Free[] } {
  const assigned = new Set<Cell>();
  const constants = new Set<Free>();
  for (const { cells, captured } of bodies) {
    for (const { cell, next } of cells) {
      if (next === null) constants.add(cell);
      else assigned.add(cell);
    }
    for (const { node } of captured) constants.add(node);
  }
  return { assigned: [...assigned], constants: [...constants].filter((c) => !assigned.has(c as Cell)) };
}

/** A body as a region with parameters in the given order: free things, or positions of its own parameters. */
export function regionWith(traced: Traced, order: readonly (Free | number)[], results: readonly Node[]): Region {
  const placeholders = new Map<Free, Node<"input">>();
  for (const { cell, placeholder } of traced.cells) placeholders.set(cell, placeholder);
  for (const { node, placeholder } of traced.captured) placeholders.set(node, placeholder);
  const parameters = order.map((item) => {
    if (typeof item === "number") return traced.parameters[item] as Node<"input">;
    return placeholders.get(item) ?? input(item.shape, item.dtype);
  });
  return { parameters, results };
}

/** What a variable is at the end of a body: what it was assigned, or what came in. */
export function cellAfter(traced: Traced, cell: Cell, order: readonly (Free | number)[], region: Region): Node {
  const entry = traced.cells.find((c) => c.cell === cell);
  if (entry?.next != null) return entry.next;
  return region.parameters[order.indexOf(cell)] as Node;
}

/** Refuses a value that does not have the variable's type. */
export function checkAssignment(name: string, expected: Type, got: Type): void {
  if (sameShape(expected.shape, got.shape) && expected.dtype === got.dtype) return;
  throw mistake(expected.dtype === got.dtype ? "SHAPE" : "DTYPE", {
    where: `assign to "${name}"`,
    problem: "the value has another type than the variable",
    got: `${got.dtype}${showShape(got.shape)}`,
    expected: `${expected.dtype}${showShape(expected.shape)}`,
    advice: expected.dtype === got.dtype ? "Reduce or reshape it first." : "Cast it first.",
  });
}
