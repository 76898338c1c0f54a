// The mutable heart of a variable: a named place that holds one value after the other. Outside a trace the present value
// is a storage that the cell owns; it may be overwritten in place for as long as nobody else has looked at it.

import { buffer } from "../graph/build.ts";
import type { Device } from "../graph/device.ts";
import type { DType } from "../graph/dtype.ts";
import type { Node } from "../graph/node.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import { Storage } from "../graph/storage.ts";
import { InternalError } from "../util/errors.ts";
import { context, within } from "./context.ts";
import { currentDevice } from "./devices.ts";
import { release } from "./memory.ts";
import { evaluate } from "./realize.ts";
import { Setting } from "./setting.ts";

let nextId = 0;

const versions = new WeakMap<Node, Cell>();

export class Cell {
  /** Increasing in the order of creation. */
  readonly id: number = nextId++;
  readonly shape: Shape;
  readonly dtype: DType;
  name: string;
  /** Whether optimisers may change it; part of the key of every trace that asks. */
  readonly trainable: Setting<boolean>;
  /** The present value, once it is computed. */
  storage: Storage | null = null;
  /** A buffer of the same size that nobody needs: where the next value goes when it cannot be written in place. */
  spare: Storage | null = null;
  #pending: Node | null;
  #version: Node | null = null;

  /** `initial` is computed when it is first needed, together with that of other variables. */
  constructor(initial: Node, name: string, trainable: boolean) {
    this.shape = initial.shape;
    this.dtype = initial.dtype;
    this.name = name;
    this.trainable = new Setting(trainable);
    this.#pending = context.recorder === null ? initial : context.recorder.outside(initial, `the initial value of variable "${name}"`);
  }

  /** The present value as a node: inside a trace the traced one, else a realised one, which from then on must not change. */
  read(): Node {
    return context.recorder === null ? this.version() : context.recorder.read(this);
  }

  /** The present value outside all traces. */
  version(): Node {
    if (this.#version === null) {
      const storage = this.value();
      storage.shared = true;
      this.#version = buffer(storage, this.shape);
      versions.set(this.#version, this);
    }
    return this.#version;
  }

  /** The present value outside all traces, computed if it was not; still the cell's own. */
  value(): Storage {
    settle([this]);
    if (this.storage === null) throw new InternalError(`variable "${this.name}" has no value`);
    return this.storage;
  }

  assign(value: Node): void {
    if (context.recorder === null) assignTogether([[this, value]]);
    else context.recorder.assign(this, value);
  }

  /** Makes a storage the present value and gives the former one back. */
  replace(storage: Storage): Storage | null {
    const before = this.storage;
    this.storage = storage;
    this.#version = null;
    this.#pending = null;
    return before;
  }

  /** Makes a storage the present value. The former one is freed where nobody else holds it. */
  take(storage: Storage): void {
    const before = this.replace(storage);
    if (before !== null && before !== storage && !before.shared) release(before);
  }

  /** Gives memory back. Reading throws the error until a value is assigned. */
  discard(error: Error): void {
    const gone = new Storage(this.dtype, sizeOf(this.shape), null);
    gone.error = error;
    this.take(gone);
    if (this.spare !== null) release(this.spare);
    this.spare = null;
  }

  /** The value was overwritten where it stood. */
  overwritten(): void {
    (this.storage as Storage).host = null;
    this.#version = null;
  }

  get pending(): Node | null {
    return this.#pending;
  }
}

/** All nodes that stand for a variable's present value: in the body of a loop also those that it has outside. */
export function presentNodes(cell: Cell): readonly Node[] {
  const node = cell.read();
  return context.recorder === null ? [node] : context.recorder.presentNodes(cell);
}

/** The variable that a node is the present value of. */
export function cellOf(node: Node): Cell | undefined {
  if (context.recorder !== null) return context.recorder.cellOf(node);
  const cell = versions.get(node);
  return cell !== undefined && cell.storage === node.storage ? cell : undefined;
}

/** Computes the first values of all cells that have none, in one program. */
export function settle(cells: readonly Cell[], device: Device = currentDevice()): void {
  if (cells.every((cell) => cell.pending === null)) return;
  const waiting = cells.filter((cell) => cell.pending !== null);
  const storages = values(
    waiting.map((cell) => cell.pending as Node),
    device,
  );
  waiting.forEach((cell, i) => {
    cell.take(storages[i] as Storage);
  });
}

/** Outside a trace: computes all values from the present ones, then assigns them, all or none. */
export function assignTogether(pairs: readonly (readonly [Cell, Node])[]): void {
  if (pairs.length === 0) return;
  const storages = values(
    pairs.map(([, value]) => value),
    currentDevice(),
  );
  pairs.forEach(([cell], i) => {
    cell.take(storages[i] as Storage);
  });
}

/** Values for cells to own. What somebody else can see already is shared, and only what they alone see may be overwritten. */
function values(nodes: readonly Node[], device: Device): Storage[] {
  const storages = within(null, () => evaluate(nodes, device));
  const seen = new Set<Storage>();
  nodes.forEach((node, i) => {
    const storage = storages[i] as Storage;
    if (node.storage === storage || seen.has(storage)) storage.shared = true;
    seen.add(storage);
  });
  return storages;
}
