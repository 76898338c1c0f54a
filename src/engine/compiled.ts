// A traced function as something to call: which storages go in, which come out, and which variables change. A call
// allocates its results and nothing else; variables change only when the program has ended well.

import type { CallRow, Device } from "../graph/device.ts";
import { bytesOf } from "../graph/dtype.ts";
import type { Node } from "../graph/node.ts";
import { topological } from "../graph/node.ts";
import type { Region } from "../graph/operation.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import { Storage } from "../graph/storage.ts";
import { cachedRegion, type Loaded } from "./cache.ts";
import { type Cell, settle } from "./cell.ts";
import { bring, duplicate, release } from "./memory.ts";
import { type Observer, observer } from "./observer.ts";
import { complain, type Donation } from "./pipeline.ts";
import { realize } from "./realize.ts";
import { type Setting, settingsEpoch } from "./setting.ts";
import type { Traced } from "./trace.ts";

interface Row extends CallRow {
  storage: Storage;
  strideBytes: number;
}

const nothing = new Storage("bool", 0, null);
const row = (): Row => ({ storage: nothing, strideBytes: 0 });

/** Where a result of the function comes from: an output of the program, or something that went in. */
type ResultSource =
  | { readonly kind: "output"; readonly index: number }
  | { readonly kind: "argument"; readonly index: number }
  | { readonly kind: "cell"; readonly cell: Cell }
  | { readonly kind: "captured"; readonly storage: Storage };

interface Update {
  readonly cell: Cell;
  /** Its rows: as an input, or −1 where the program does not read it, and as an output. */
  readonly from: number;
  readonly to: number;
  readonly inPlace: boolean;
}

/** One trace of a compiled function, loaded on its device. */
export class Entry {
  readonly region: Region;
  readonly loaded: Loaded;
  readonly device: Device;
  /** Shapes of the function's results, for one repetition. */
  readonly resultShapes: readonly Shape[];
  readonly #guards: ReadonlyMap<Setting<unknown>, unknown>;
  #validAt: number = settingsEpoch();
  readonly #observer: Observer | null = observer.peek();
  /** For each argument: its row, or −1 where the program does not use it. */
  readonly #argumentRows: readonly number[];
  readonly #cells: readonly Cell[];
  readonly #cellRows: readonly number[];
  readonly #updates: readonly Update[];
  readonly #inputs: readonly Row[];
  readonly #outputs: readonly Row[];
  /** Nodes that come out, one for each output row that is no variable. */
  readonly #outputNodes: readonly Node[];
  readonly #results: readonly ResultSource[];
  /** Outputs that are several results at once. */
  readonly #repeated: ReadonlySet<number>;

  /** `stacked`: for `run` with a count, where what passes through must be stacked like any other result. `tune`: as for `load`. */
  constructor(traced: Traced, device: Device, { stacked = false, tune = false }: { stacked?: boolean; tune?: boolean } = {}) {
    this.device = device;
    this.#guards = traced.guards;
    this.resultShapes = traced.results.map((node) => node.shape);

    const next = traced.cells.filter((c) => c.next !== null);
    const { results, outputs } = sourcesOf(traced, device, stacked);
    const roots = [...outputs, ...next.map((c) => c.next as Node)];

    // Parameters that the program needs: arguments, variables, tensors from outside.
    const used = new Set(topological(roots));
    const parameters: Node<"input">[] = [];
    const add = (node: Node<"input">) => (used.has(node) ? parameters.push(node) - 1 : -1);
    this.#argumentRows = traced.parameters.map(add);
    const cells = traced.cells.map((c) => ({ ...c, row: add(c.placeholder) }));
    const captured = traced.captured.filter((c) => used.has(c.placeholder));
    const fixed = realize(
      captured.map((c) => c.node),
      device,
    ).map((storage, i) => ({ storage, row: add((captured[i] as (typeof captured)[number]).placeholder) }));

    const donations: Donation[] = [];
    next.forEach((c, i) => {
      const from = cells.find((other) => other.cell === c.cell)?.row ?? -1;
      if (from >= 0) donations.push([from, outputs.length + i]);
    });
    this.region = { parameters, results: roots };
    this.loaded = cachedRegion(device, this.region, donations, tune);

    this.#cells = cells.filter((c) => c.row >= 0).map((c) => c.cell);
    this.#cellRows = cells.filter((c) => c.row >= 0).map((c) => c.row);
    this.#updates = next.map((c, i) => {
      const to = outputs.length + i;
      const from = cells.find((other) => other.cell === c.cell)?.row ?? -1;
      return { cell: c.cell, from, to, inPlace: this.loaded.inPlace.has(to) };
    });
    this.#inputs = parameters.map(row);
    this.#outputs = roots.map(row);
    for (const { storage, row: at } of fixed) {
      storage.shared = true;
      (this.#inputs[at] as Row).storage = storage;
    }
    this.#outputNodes = outputs;
    this.#results = results;
    const given = results.flatMap((result) => (result.kind === "output" ? [result.index] : []));
    this.#repeated = new Set(given.filter((index, i) => given.indexOf(index) !== i));
  }

  /** Whether every setting that the trace read says the same now. */
  valid(): boolean {
    const epoch = settingsEpoch();
    if (this.#validAt === epoch) return true;
    if (observer.peek() !== this.#observer) return false;
    for (const [setting, value] of this.#guards) if (!Object.is(setting.peek(), value)) return false;
    this.#validAt = epoch;
    return true;
  }

  /**
   * Runs the program and gives its results, in storages of their own. With `count` it runs so many times: arguments with a
   * stride move along, results are stacked.
   */
  run(values: readonly Storage[], count = 1, strides: readonly number[] | null = null): Storage[] {
    const { device, loaded } = this;
    const [inputs, outputs] = [this.#inputs, this.#outputs];
    settle(this.#cells, device);
    // What is returned as it was: from now on it must not be overwritten.
    const results = this.#results.map((result) => {
      if (result.kind === "output") return null;
      const storage =
        result.kind === "argument" ? (values[result.index] as Storage) : result.kind === "cell" ? result.cell.value() : result.storage;
      storage.shared = true;
      return storage;
    });

    for (let i = 0; i < this.#argumentRows.length; i++) {
      const at = this.#argumentRows[i] as number;
      if (at < 0) continue;
      const input = inputs[at] as Row;
      input.storage = values[i] as Storage;
      input.strideBytes = strides === null ? 0 : (strides[i] as number);
    }
    for (let i = 0; i < this.#cells.length; i++) {
      (inputs[this.#cellRows[i] as number] as Row).storage = (this.#cells[i] as Cell).storage as Storage;
    }
    for (const update of this.#updates) this.#makeRoom(update);
    const fresh = this.#outputNodes.map((node, i) => {
      const output = outputs[i] as Row;
      output.strideBytes = count === 1 ? 0 : node.size * bytesOf(node.dtype);
      output.storage = new Storage(node.dtype, node.size * count, null);
      return output.storage;
    });

    try {
      for (const input of inputs) bring(input.storage, device);
      complain(loaded, loaded.executable.run(inputs, outputs, count));
    } catch (error) {
      for (const update of this.#updates) this.#withdraw(update);
      this.#forget(fresh.length);
      throw error;
    }

    for (const update of this.#updates) this.#commit(update);
    this.#forget(fresh.length);
    this.#results.forEach((result, i) => {
      if (result.kind !== "output") return;
      const storage = fresh[result.index] as Storage;
      if (this.#repeated.has(result.index)) storage.shared = true;
      results[i] = storage;
    });
    return results as Storage[];
  }

  /** What went in and came out belongs to others: this entry must not keep it alive. */
  #forget(fresh: number): void {
    for (const at of this.#argumentRows) if (at >= 0) (this.#inputs[at] as Row).storage = nothing;
    for (const at of this.#cellRows) (this.#inputs[at] as Row).storage = nothing;
    for (let i = 0; i < fresh; i++) (this.#outputs[i] as Row).storage = nothing;
    for (const { to } of this.#updates) (this.#outputs[to] as Row).storage = nothing;
  }

  /** Chooses where a variable's next value goes, so that writing it spoils nothing that somebody else can see. */
  #makeRoom({ cell, from, to, inPlace }: Update): void {
    const output = this.#outputs[to] as Row;
    if (inPlace) {
      const storage = cell.storage as Storage;
      output.storage = storage.shared ? duplicate(storage) : storage;
      (this.#inputs[from] as Row).storage = output.storage;
      return;
    }
    cell.spare ??= new Storage(cell.dtype, sizeOf(cell.shape), null);
    if (cell.spare.resident !== null && cell.spare.resident.device !== this.device.name) release(cell.spare);
    output.storage = cell.spare;
  }

  /** After a failure: the variable is what it was. */
  #withdraw({ cell, to, inPlace }: Update): void {
    const { storage } = this.#outputs[to] as Row;
    if (inPlace && storage !== cell.storage) release(storage);
  }

  #commit({ cell, to, inPlace }: Update): void {
    const next = (this.#outputs[to] as Row).storage;
    if (inPlace) {
      if (next === cell.storage) cell.overwritten();
      else cell.replace(next);
      return;
    }
    cell.spare = null;
    const before = cell.replace(next);
    if (before === null || before.shared || before.error !== null) return;
    if (this.device.kind === "graph") {
      release(before);
      return;
    }
    before.host = null;
    cell.spare = before;
  }
}

/** Each result once: what merely passes through is handed on, and what is returned twice is computed once. */
function sourcesOf(traced: Traced, device: Device, stacked: boolean): { results: ResultSource[]; outputs: Node[] } {
  const outputs: Node[] = [];
  const output = (node: Node): ResultSource => {
    const known = outputs.indexOf(node);
    return { kind: "output", index: known >= 0 ? known : outputs.push(node) - 1 };
  };
  const results = traced.results.map((node): ResultSource => {
    if (stacked) return output(node);
    const argument = traced.parameters.indexOf(node as Node<"input">);
    if (argument >= 0) return { kind: "argument", index: argument };
    const cell = traced.cells.find((c) => c.placeholder === node);
    if (cell !== undefined) return { kind: "cell", cell: cell.cell };
    const captured = traced.captured.find((c) => c.placeholder === node);
    if (captured !== undefined) return { kind: "captured", storage: realize([captured.node], device)[0] as Storage };
    return output(node);
  });
  return { results, outputs };
}
