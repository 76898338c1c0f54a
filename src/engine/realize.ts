// Eager evaluation: what happens when a tensor is read outside a compiled function. The graph is cut at what is realised
// already, keyed by its structure, compiled once, and run. Constants and the starts of slices are arguments, so that a loop
// over batches or over numbers compiles once.

import { dynamicSlice, input, rebuild } from "../graph/build.ts";
import type { Device } from "../graph/device.ts";
import { allocate, bytesOf, type DType, dtypes, encode } from "../graph/dtype.ts";
import { is, type Node, topological } from "../graph/node.ts";
import type { Attributes } from "../graph/operation.ts";
import { Storage } from "../graph/storage.ts";
import { InternalError, UserError } from "../util/errors.ts";
import { cached, type Loaded } from "./cache.ts";
import { context } from "./context.ts";
import { currentDevice } from "./devices.ts";
import { KeyWriter } from "./key.ts";
import { bring, release } from "./memory.ts";
import { run } from "./pipeline.ts";

/** Nodes that wait to be computed before a lazy graph is computed unasked. */
const pendingLimit = 2000;
/** How much of its origin a realised value remembers: values read in a row, their bytes, and the nodes between them. */
const historyLimit: History = { values: 1000, bytes: 2 ** 29, nodes: 200_000 };

/** What a realised value was made from, one from the other. */
interface History {
  readonly values: number;
  readonly bytes: number;
  readonly nodes: number;
}

const noHistory: History = { values: 0, bytes: 0, nodes: 0 };

const tracedBy = new WeakMap<Node, string>();
const histories = new WeakMap<Node, History>();
const forgotten = new WeakSet<Node>();

/** Notes that a placeholder belongs to the trace of a function, for messages. */
export function ownedBy(placeholder: Node, name: string): void {
  tracedBy.set(placeholder, name);
}

/** Computes the nodes that have no value, on the chosen device, and keeps the values. */
export function realize(nodes: readonly Node[], device: Device = currentDevice()): Storage[] {
  const storages = evaluate(nodes, device);
  nodes.forEach((node, i) => {
    if (node.storage !== null) return;
    node.storage = storages[i] as Storage;
    remember(node);
  });
  return storages;
}

/** Computes the nodes without keeping the values in them: the storages are the caller's own, but for nodes that had one. */
export function evaluate(roots: readonly Node[], device: Device): Storage[] {
  const results = roots.map((node) => realized(node));
  const wanted = [...new Set(roots.filter((_, i) => results[i] === null))];
  if (wanted.length === 0) return results as Storage[];
  const computed = compute(wanted, device);
  return roots.map((node, i) => results[i] ?? (computed[wanted.indexOf(node)] as Storage));
}

/** The value that is there already: a realised node's, also under another shape. */
function realized(node: Node): Storage | null {
  let at = node;
  while (at.storage === null && at.op === "reshape") at = at.inputs[0] as Node;
  if (at !== node && at.storage !== null) at.storage.shared = true;
  return at.storage;
}

interface Arguments {
  /** Values in the order of the parameters. */
  readonly storages: Storage[];
  /** Those that belong to this call alone. */
  readonly temporary: Storage[];
}

function compute(roots: readonly Node[], device: Device): Storage[] {
  const order = topological(roots, (node) => node.storage !== null);
  const values: Arguments = { storages: [], temporary: [] };
  const key = describe(order, roots, values);
  const loaded = cached(device, key, [], () => regionOf(order, roots));
  const results = roots.map((node) => new Storage(node.dtype, node.size, null));
  execute(loaded, values.storages, results, device);
  for (const storage of values.temporary) release(storage);
  return results;
}

function execute(loaded: Loaded, inputs: readonly Storage[], outputs: readonly Storage[], device: Device): void {
  for (const storage of inputs) bring(storage, device);
  run(loaded, inputs, outputs);
}

/** Whether a slice of stored elements takes its starts at run time. */
function isWindow(node: Node): node is Node<"slice"> {
  return is(node, "slice") && (node.inputs[0] as Node).storage !== null && node.attributes.steps.every((s) => s === 1);
}

/** Writes the key and collects what the program is to be given. The order of parameters is that of `regionOf`. */
function describe(order: readonly Node[], roots: readonly Node[], values: Arguments): string {
  const writer = new KeyWriter();
  for (const node of order) {
    if (node.storage !== null) {
      writer.parameter(node);
      values.storages.push(node.storage);
    } else if (is(node, "constant")) {
      writer.parameter(node);
      values.storages.push(scalarStorage(node.dtype, node.attributes.value, values));
    } else if (isWindow(node)) {
      writer.special(node, `window:${node.shape.join()}`, node.inputs);
      for (const start of node.attributes.starts) values.storages.push(scalarStorage("int32", start, values));
    } else if (is(node, "input")) {
      throw misplaced(node);
    } else writer.node(node);
  }
  return writer.end(roots);
}

function regionOf(order: readonly Node[], roots: readonly Node[]): { parameters: Node<"input">[]; results: Node[] } {
  const parameters: Node<"input">[] = [];
  const renewed = new Map<Node, Node>();
  const parameter = (node: { shape: readonly number[]; dtype: DType }): Node => {
    const p = input(node.shape, node.dtype);
    parameters.push(p);
    return p;
  };
  for (const node of order) {
    const inputs = node.storage === null ? node.inputs.map((x) => renewed.get(x) as Node) : [];
    if (node.storage !== null || is(node, "constant")) renewed.set(node, parameter(node));
    else if (isWindow(node)) {
      const starts = node.attributes.starts.map(() => parameter({ shape: [], dtype: "int32" }));
      renewed.set(node, dynamicSlice(inputs[0] as Node, starts, node.shape));
    } else renewed.set(node, rebuild(node, inputs));
  }
  return { parameters, results: roots.map((r) => renewed.get(r) as Node) };
}

// ---- Scalars that are given at run time, kept for the next call

const scalars = Object.fromEntries(dtypes.map((d) => [d, new Map<number, Storage>()])) as Record<DType, Map<number, Storage>>;
const scalarLimit = 512;

function scalarStorage(dtype: DType, value: number, values: Arguments): Storage {
  const known = scalars[dtype];
  const storage = known.get(value);
  if (storage !== undefined && !Object.is(value, -0)) return storage;
  const host = allocate(dtype, 1);
  host[0] = encode(dtype, value);
  const fresh = new Storage(dtype, 1, host);
  if (known.size < scalarLimit && !Object.is(value, -0)) known.set(value, fresh);
  else values.temporary.push(fresh);
  return fresh;
}

// ---- Lazy graphs that grow

let made = 0;

/** Called for every new tensor: now and then looks how much waits behind it, and computes it when that is too much. */
export function watch(node: Node): void {
  if (++made % 256 !== 0 || context.recorder !== null || node.storage !== null) return;
  const order = topological([node], (n) => n.storage !== null);
  if (order.length > pendingLimit && !order.some((n) => is(n, "input"))) realize([node]);
}

/**
 * Counts what a realised value was made from, and cuts the chain when it is long: a loop that computes each state from the
 * last must not hold all of them.
 */
function remember(node: Node): void {
  const between = topological([node], (n) => n !== node && n.storage !== null);
  const origins = between.filter((n) => n !== node && n.storage !== null);
  let history = extended(origins, node, between.length);
  if (exceeds(history, 1)) {
    for (const n of origins) if (exceeds(histories.get(n) ?? noHistory, 0.5)) forget(n);
    history = extended(origins, node, between.length);
  }
  histories.set(node, history);
}

/** The longest history of the origins, and one value more. */
function extended(origins: readonly Node[], node: Node, between: number): History {
  let { values, bytes, nodes } = noHistory;
  for (const origin of origins) {
    const history = histories.get(origin) ?? noHistory;
    values = Math.max(values, history.values);
    bytes = Math.max(bytes, history.bytes);
    nodes = Math.max(nodes, history.nodes);
  }
  return { values: values + 1, bytes: bytes + node.size * bytesOf(node.dtype), nodes: nodes + between };
}

function exceeds(history: History, share: number): boolean {
  const { values, bytes, nodes } = historyLimit;
  return history.values > share * values || history.bytes > share * bytes || history.nodes > share * nodes;
}

/** Turns a realised node into the plain buffer that it has become. */
function forget(node: Node): void {
  const { storage } = node;
  if (storage === null) throw new InternalError("only a realised node can forget its origin");
  Object.assign(node, { op: "buffer", inputs: [], attributes: { storage } satisfies Attributes["buffer"] });
  histories.delete(node);
  forgotten.add(node);
}

/** Whether the node's origin was dropped, so that gradients cannot go through it. */
export function isForgotten(node: Node): boolean {
  return forgotten.has(node);
}

/** The error for a placeholder where a value is needed: read too early, or carried out of its trace. */
export function misplaced(placeholder: Node, escaped: boolean = context.recorder === null): UserError {
  const name = tracedBy.get(placeholder) ?? "a compiled function";
  if (!escaped)
    return new UserError(
      "TRACED",
      `${name}: a tensor cannot be read while the function is traced: it has no value yet. Return it and read the result, or use where, cond or whileLoop to decide on its value.`,
    );
  return new UserError(
    "ESCAPED",
    `${name}: a tensor from inside the traced function is used outside it, where it has no value. Return it from the function, or assign it to a variable.`,
  );
}
