// From nodes to values: what one element of a node is, given its coordinates. Views turn into index maths, reductions
// into bodies over fresh loop variables, padding into a choice whose other side reads a safe place. Iterative, so that a
// chain of any length works.

import { is, type Node, topological } from "../graph/node.ts";
import { isElementwise } from "../graph/operation.ts";
import { type Shape, sizeOf, stridesOf } from "../graph/shape.ts";
import { InternalError } from "../util/errors.ts";
import { Atoms, addIndex, dot, type Index, joinVariables, scaleIndex, shiftIndex, type Variable, zero } from "./index.ts";
import { type Value, Values } from "./value.ts";

/** Loop variables that stand for several axes: the variables, and the axes' coordinates in terms of them. */
export interface Axes {
  readonly key: string;
  readonly sizes: Shape;
  readonly variables: readonly Variable[];
  readonly coordinates: readonly Index[];
}

/** For a set of axes (by key), the runs of neighbours that one variable can walk. */
export type Merging = ReadonlyMap<string, readonly (readonly number[])[]>;

interface Request {
  readonly node: Node;
  readonly at: readonly Index[];
  readonly key: string;
  /** Whether the element is needed at all, where that is not certain: only bounds checks ask. */
  readonly guard: Value | null;
}

export class Tracer {
  readonly atoms: Atoms = new Atoms();
  readonly values: Values = new Values();
  /** All axes that were made, by key. */
  readonly axes: Map<string, Axes> = new Map();
  private readonly merging: Merging;
  private readonly buffers: ReadonlyMap<Node, number>;
  private readonly checkOf: (node: Node<"checkBounds">) => number;
  private readonly checked: ReadonlySet<Node>;
  private readonly memo = new Map<Node, Map<string, Value>>();
  private readonly hero: Node | null;
  private inner: Axes | null = null;
  private stack: Request[] = [];

  constructor(
    inputs: readonly Node[],
    outputs: readonly Node[],
    checkOf: (node: Node<"checkBounds">) => number,
    merging: Merging = new Map(),
    hero: Node | null = null,
  ) {
    this.buffers = new Map(inputs.map((node, i) => [node, i]));
    this.checkOf = checkOf;
    this.merging = merging;
    this.hero = hero;
    const stop = (node: Node) => this.buffers.has(node) || node === hero;
    const checked = new Set<Node>();
    for (const node of topological(outputs, stop)) {
      if (!stop(node) && (node.op === "checkBounds" || node.inputs.some((x) => checked.has(x)))) checked.add(node);
    }
    this.checked = checked;
  }

  /** Variables for axes of these sizes; the same ones for the same key. Axes that merge are one variable. */
  axesOf(name: string, sizes: Shape, depth: number): Axes {
    const key = `${name}${depth}:${sizes.join()}`;
    const known = this.axes.get(key);
    if (known !== undefined) return known;
    const runs = this.merging.get(key) ?? sizes.map((_, i) => [i]);
    const variables: Variable[] = [];
    const coordinates = new Array<Index>(sizes.length).fill(zero);
    for (const run of runs) {
      const shape = run.map((axis) => sizes[axis] as number);
      const size = shape.reduce((a, b) => a * b, 1);
      if (size === 1) continue;
      const { variable, index } = this.atoms.variable(`${name}${variables.length}`, size, depth);
      variables.push(variable);
      this.atoms.unflatten(index, shape).forEach((c, i) => {
        coordinates[run[i] as number] = c;
      });
    }
    const axes = { key, sizes, variables, coordinates };
    this.axes.set(key, axes);
    return axes;
  }

  /** The axes that follow the domain's. Reductions over all of them walk the same variables, and so share what they compute. */
  innerAxes(sizes: Shape): Axes {
    const axes = this.axesOf("n", sizes, 0);
    this.inner = axes;
    return axes;
  }

  /** The element of a node at the coordinates. */
  trace(node: Node, at: readonly Index[]): Value {
    const root: Request = { node, at, key: keyOf(at), guard: null };
    this.stack = [root];
    for (let top = this.stack.at(-1); top !== undefined; top = this.stack.at(-1)) {
      const value = this.lookup(top) ?? this.attempt(top);
      if (value === null) continue;
      this.stack.pop();
      this.remember(top, value);
    }
    return this.lookup(root) as Value;
  }

  /** The value if it is known; else null, and it is the next thing to be found. */
  private need(node: Node, at: readonly Index[], guard: Value | null, key: string = keyOf(at)): Value | null {
    const request = { node, at, key, guard };
    const value = this.lookup(request);
    if (value === null) this.stack.push(request);
    return value;
  }

  private lookup(request: Request): Value | null {
    return this.memo.get(request.node)?.get(this.memoKey(request)) ?? null;
  }

  private remember(request: Request, value: Value): void {
    let row = this.memo.get(request.node);
    if (row === undefined) {
      row = new Map();
      this.memo.set(request.node, row);
    }
    row.set(this.memoKey(request), value);
  }

  private memoKey({ node, key, guard }: Request): string {
    return guard !== null && this.checked.has(node) ? `${key}?${guard.id}` : key;
  }

  /** The value, or null where something it needs must be found first. */
  private attempt(request: Request): Value | null {
    const { node, at, key, guard } = request;
    const { values, atoms } = this;
    const buffer = this.buffers.get(node);
    if (buffer !== undefined) return values.access(buffer, dot(at, stridesOf(node.shape)), node.size, node.dtype);
    if (node === this.hero) return values.hero(node.dtype, joinVariables(at.map((c) => c.variables)));
    if (is(node, "constant")) return values.constant(node.attributes.value, node.dtype);
    if (is(node, "iota")) return values.index(at[node.attributes.axis] as Index);
    const first = node.inputs[0] as Node;

    if (is(node, "checkBounds")) {
      const x = this.need(first, at, guard, key);
      if (x === null) return null;
      const inputs = guard === null ? [x] : [x, guard];
      return values.operation("checkBounds", "int32", inputs, [this.checkOf(node), node.attributes.size]);
    }
    if (node.op === "stopGradient" || node.op === "barrier") return this.need(first, at, guard, key);
    if (isElementwise(node.op)) {
      const inputs = all(node.inputs.map((x) => this.need(x, at, guard, key)));
      return inputs && values.operation(node.op, node.dtype, inputs, is(node, "threefry") ? [node.attributes.word] : []);
    }

    if (is(node, "reshape")) return this.need(first, atoms.reshape(at, node.shape, first.shape), guard);
    if (is(node, "permute")) {
      const inner = new Array<Index>(at.length);
      node.attributes.axes.forEach((axis, i) => {
        inner[axis] = at[i] as Index;
      });
      return this.need(first, inner, guard);
    }
    if (is(node, "expand")) {
      const inner = at.map((c, i) => (first.shape[i] === 1 ? zero : c));
      return this.need(first, inner, guard);
    }
    if (is(node, "slice")) {
      const { starts, steps } = node.attributes;
      const inner = at.map((c, i) => shiftIndex(scaleIndex(c, steps[i] as number), starts[i] as number));
      return this.need(first, inner, guard);
    }
    if (is(node, "window")) {
      const { axes, strides, dilations } = node.attributes;
      const inner = at.slice(0, first.shape.length);
      axes.forEach((axis, i) => {
        const place = scaleIndex(at[first.shape.length + i] as Index, dilations[i] as number);
        inner[axis] = addIndex(scaleIndex(inner[axis] as Index, strides[i] as number), place);
      });
      return this.need(first, inner, guard);
    }
    if (is(node, "pad")) return this.pad(node, first, at, guard);

    if (is(node, "reduceSum") || is(node, "reduceProduct") || is(node, "reduceMax") || is(node, "reduceMin")) {
      return this.reduce(node, node.attributes.axes, first, at, guard);
    }
    if (is(node, "argMax") || is(node, "argMin")) return this.reduce(node, [node.attributes.axis], first, at, guard);
    if (is(node, "contract")) return this.contract(node, at, guard);

    if (is(node, "gather")) {
      const [x, indices] = node.inputs as [Node, Node];
      const { axis } = node.attributes;
      const until = axis + indices.shape.length;
      const index = this.need(indices, at.slice(axis, until), guard);
      if (index === null) return null;
      const found = this.clamped(index, (x.shape[axis] as number) - 1);
      return this.need(x, [...at.slice(0, axis), found, ...at.slice(until)], guard);
    }
    if (is(node, "dynamicSlice")) {
      const starts = this.starts(node.inputs.slice(1), first.shape, node.shape, guard);
      if (starts === null) return null;
      const inner = at.map((c, i) => addIndex(c, starts[i] as Index));
      return this.need(first, inner, guard);
    }
    if (is(node, "dynamicUpdate")) return this.dynamicUpdate(node, at, guard);
    throw new InternalError(`${node.op}#${node.id} cannot stand inside a kernel`);
  }

  private pad(node: Node<"pad">, x: Node, at: readonly Index[], guard: Value | null): Value | null {
    const { low, interior, value } = node.attributes;
    const outside = this.values.constant(value, node.dtype);
    if (x.size === 0) return outside;
    const conditions: (Value | null)[] = [];
    const inner = at.map((c, i) => {
      const moved = shiftIndex(c, -(low[i] as number));
      const step = (interior[i] as number) + 1;
      const n = x.shape[i] as number;
      conditions.push(this.values.inside(moved, 0, (n - 1) * step + 1));
      if (step === 1) return moved;
      conditions.push(this.values.inside(this.atoms.modulo(moved, step), 0, 1));
      return this.atoms.divide(moved, step);
    });
    const condition = this.values.all(conditions);
    if (condition === null) return this.need(x, inner, guard);
    const found = this.need(x, inner, this.values.all([guard, condition]));
    return found && this.choose(condition, found, outside);
  }

  private dynamicUpdate(node: Node<"dynamicUpdate">, at: readonly Index[], guard: Value | null): Value | null {
    const [x, update] = node.inputs as [Node, Node];
    const starts = this.starts(node.inputs.slice(2), x.shape, update.shape, guard);
    if (starts === null) return null;
    if (update.size === 0) return this.need(x, at, guard);
    const inner = at.map((c, i) => addIndex(c, scaleIndex(starts[i] as Index, -1)));
    const condition = this.values.all(inner.map((c, i) => this.values.inside(c, 0, update.shape[i] as number)));
    if (condition === null) return this.need(update, inner, guard);
    const outside = this.values.operation("not", "bool", [condition]);
    const operands = all([
      this.need(update, inner, this.values.all([guard, condition])),
      this.need(x, at, this.values.all([guard, outside])),
    ]);
    return operands && this.choose(condition, operands[0] as Value, operands[1] as Value);
  }

  private choose(condition: Value, yes: Value, no: Value): Value {
    if (condition.kind === "constant") return condition.value !== 0 ? yes : no;
    return yes === no ? yes : this.values.operation("where", yes.dtype, [condition, yes, no]);
  }

  /** Clamped starts of a block. */
  private starts(nodes: readonly Node[], shape: Shape, sizes: Shape, guard: Value | null): Index[] | null {
    const found = all(nodes.map((s) => this.need(s, [], guard)));
    return found?.map((value, i) => this.clamped(value, Math.max(0, (shape[i] as number) - (sizes[i] as number)))) ?? null;
  }

  private clamped(value: Value, high: number): Index {
    if (value.kind === "index" && value.index.low >= 0 && value.index.high <= high) return value.index;
    if (value.kind === "constant") return shiftIndex(zero, Math.max(0, Math.min(high, value.value)));
    return this.atoms.value(this.values.operation("clamp", "int32", [value], [0, high]), 0, high);
  }

  /** The variables of a reduction over axes of these sizes, standing at these coordinates. */
  private over(sizes: Shape, at: readonly Index[]): Pick<Axes, "variables" | "coordinates"> {
    const outside = joinVariables(at.map((c) => c.variables));
    const { inner } = this;
    if (inner !== null && inner.variables.length > 0 && sizeOf(sizes) === sizeOf(inner.sizes)) {
      // One axis is one variable, whose value is the position that argMax and argMin ask for.
      const fits = sizes.length > 1 || inner.variables.length === 1;
      const apart = outside.every((v) => v.depth === 0 && !inner.variables.includes(v));
      if (fits && apart) return { variables: inner.variables, coordinates: this.atoms.reshape(inner.coordinates, inner.sizes, sizes) };
    }
    return this.axesOf("r", sizes, Math.max(0, ...outside.map((v) => v.depth)) + 1);
  }

  private reduce(
    node: Node<"reduceSum" | "reduceProduct" | "reduceMax" | "reduceMin" | "argMax" | "argMin">,
    axes: readonly number[],
    x: Node,
    at: readonly Index[],
    guard: Value | null,
  ): Value | null {
    const sizes = axes.map((a) => x.shape[a] as number);
    if (sizes.includes(0)) return this.values.constant(node.op === "reduceProduct" ? 1 : 0, node.dtype);
    const over = this.over(sizes, at);
    const inner: Index[] = [];
    let next = 0;
    for (let axis = 0; axis < x.shape.length; axis++) {
      const reduced = axes.indexOf(axis);
      inner.push(reduced >= 0 ? (over.coordinates[reduced] as Index) : (at[next++] as Index));
    }
    const body = this.need(x, inner, guard);
    return body && this.values.reduce(node.op, node.dtype, over.variables, [body]);
  }

  private contract(node: Node<"contract">, at: readonly Index[], guard: Value | null): Value | null {
    const [a, b] = node.inputs as [Node, Node];
    const { batch, contracted } = node.attributes;
    const sizes = contracted[0].map((axis) => a.shape[axis] as number);
    if (sizes.includes(0)) return this.values.constant(0, node.dtype);
    const over = this.over(sizes, at);
    let free = batch[0].length;
    const sides = [a, b].map((x, side) => {
      const inner = new Array<Index>(x.shape.length);
      batch[side as 0 | 1].forEach((axis, i) => {
        inner[axis] = at[i] as Index;
      });
      contracted[side as 0 | 1].forEach((axis, i) => {
        inner[axis] = over.coordinates[i] as Index;
      });
      for (let axis = 0; axis < inner.length; axis++) if (inner[axis] === undefined) inner[axis] = at[free++] as Index;
      return this.need(x, inner, guard);
    });
    const bodies = all(sides);
    return bodies && this.values.reduce("contract", node.dtype, over.variables, bodies);
  }
}

function keyOf(at: readonly Index[]): string {
  let key = "";
  for (const c of at) key += `${c.key},`;
  return key;
}

/** The list if nothing is missing. */
function all(values: readonly (Value | null)[]): Value[] | null {
  return values.includes(null) ? null : (values as Value[]);
}
