// Parameters: variables whose first values derive from a seed and from their path in the outermost module that holds them. The
// path is known only once the module is whole, so the random key is left open until the parameter is first used; then all
// modules made so far are walked, and every key is set.

import { hostOf } from "../engine/memory.ts";
import { buffer } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { type Shape, sameShape, showShape } from "../graph/shape.ts";
import { Storage } from "../graph/storage.ts";
import { defaultGenerator, fold, type Key } from "../tensor/random.ts";
import { type Tensor, wrap } from "../tensor/tensor.ts";
import { assignAll, Variable } from "../tensor/variable.ts";
import { mistake } from "../util/errors.ts";
import { checkNames } from "../util/options.ts";
import { glorotUniform, type Initializer } from "./initialize.ts";
import { walk } from "./walk.ts";

export interface ParameterOptions {
  /** Whether penalties and weight decay take it by default; false for biases. Default true. */
  readonly penalized?: boolean;
}

/** A trainable variable of a module. */
export class Parameter extends Variable<"float32"> {
  readonly initializer: Initializer;
  /** Whether penalties take it unless told otherwise. */
  readonly penalized: boolean;
  /** The key of its first value, empty until the path is known. */
  readonly #key: Uint32Array;
  readonly #seed: Key;
  #placed = false;

  /** Use `parameter`. */
  constructor(shape: Shape, initializer: Initializer, penalized: boolean) {
    const key = new Uint32Array(2);
    super(firstValue(shape, initializer, key).node, "parameter", true);
    this.initializer = initializer;
    this.penalized = penalized;
    this.#key = key;
    this.#seed = seedNow();
  }

  override get node(): Node {
    if (!this.#placed) this.#place();
    return super.node;
  }

  protected override storage(): Storage {
    if (!this.#placed) this.#place();
    return super.storage();
  }

  #place(): void {
    placeAll();
    // Held by no module: its name is all that tells it apart.
    if (!this.#placed) this.place(this.name);
  }

  /** Gives the parameter its path, and with it its first value; for the library. */
  place(path: string): void {
    if (this.#placed) return;
    this.#placed = true;
    this.name = path;
    this.#key.set(fold(this.#seed, path));
  }

  /** The first value that another seed gives; for the library. */
  valueFor(seed: number, path: string): Tensor {
    return firstValue(this.shape, this.initializer, Uint32Array.from(fold(seed, path)));
  }
}

/** The seed of the default generator, wherever in its numbers that is. */
function seedNow(): Key {
  const [key0, key1] = hostOf(defaultGenerator().state.cell.value());
  return [key0 as number, key1 as number];
}

function firstValue(shape: Shape, initializer: Initializer, key: Uint32Array): Tensor {
  const value = initializer(shape, wrap(buffer(new Storage("uint32", 2, key), [2])));
  if (value.dtype === "float32" && sameShape(value.shape, shape)) return value;
  throw mistake("SHAPE", {
    where: "parameter",
    problem: "the initializer made another type",
    got: `${value.dtype}${showShape(value.shape)}`,
    expected: `float32${showShape(shape)}`,
  });
}

/**
 * A parameter of a module.
 *
 * @param shape for weights [outputs, inputs, ...]
 * @param initializer its first value. Default `glorotUniform()`
 * @param options `penalized: false` leaves it out of penalties, as biases are
 * @throws UserError `OPTION` for values in the place of a shape or of an initializer
 * @example
 * class Scale extends Module {
 *   factor = parameter([3], constantInitializer(1));
 *   forward(x: Tensor) {
 *     return x.mul(this.factor);
 *   }
 * }
 */
export function parameter(shape: Shape, initializer: Initializer = glorotUniform(), options: ParameterOptions = {}): Parameter {
  checkNames("parameter", options, ["penalized"]);
  if (!Array.isArray(shape) || typeof initializer !== "function")
    throw mistake("OPTION", {
      where: "parameter",
      problem: "takes a shape and an initializer",
      got: typeof initializer === "function" ? shape : initializer,
      advice: "variable(values) is a module's parameter too.",
    });
  return new Parameter(shape, initializer, options.penalized ?? true);
}

/** Modules that nobody has looked into yet, in the order of construction. */
let fresh: object[] = [];
/** Outermost modules that were looked into: a layer may be added to them later. */
let outermost: WeakRef<object>[] = [];

/** Notes a new module. */
export function noteModule(module: object): void {
  fresh.push(module);
}

/** Walks the modules there are, from the outermost ones, and gives every new parameter its path. */
export function placeAll(): void {
  if (fresh.length === 0) return;
  const known = outermost.map((ref) => ref.deref()).filter((module) => module !== undefined);
  const walks = new Map([...known, ...fresh].map((module) => [module, walk(module)]));
  const inner = new Set<object>();
  for (const [module, found] of walks) for (const other of found.modules) if (other !== module) inner.add(other);
  fresh = [];
  outermost = [];
  for (const [module, found] of walks) {
    if (inner.has(module)) continue;
    outermost.push(new WeakRef(module));
    for (const [path, variable] of found.variables) if (variable instanceof Parameter) variable.place(path);
  }
}

/** Draws the first values of parameters again, from a seed and their paths, in one program. */
export function drawAgain(parameters: ReadonlyMap<string, Parameter>, seed: number): void {
  const list = [...parameters];
  for (const [path, p] of list) p.place(path);
  assignAll(
    list.map(([, p]) => p),
    list.map(([path, p]) => p.valueFor(seed, path)),
  );
}
