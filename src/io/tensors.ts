// Named variables in and out of files: what is read is checked as a whole before anything changes.

import { type DType, isHalf, type TypedArray } from "../graph/dtype.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import { tensor } from "../tensor/create.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { assignAll, type Variable } from "../tensor/variable.ts";
import { mistake } from "../util/errors.ts";
import { encodeSafetensors, type RawTensor } from "./safetensors.ts";

/** What has named variables: a module. */
export interface Named {
  /** Each variable once, by its path. */
  variables(): ReadonlyMap<string, Variable<DType>>;
  /** Variables by PyTorch's names, a shared one under all of its names. */
  stateDict?(): ReadonlyMap<string, Variable<DType>>;
}

/** Names of weights in a file: paths of fields, or those of PyTorch's state dicts. */
export type Naming = "paths" | "pytorch";

/**
 * Reads tensors from their device.
 *
 * @example
 * const raw = await readTensors(new Map([["x", tensor([1, 2])]]));
 * console.log(raw.get("x")?.shape); // [ 2 ]
 */
export async function readTensors(tensors: ReadonlyMap<string, AnyTensor>): Promise<Map<string, RawTensor>> {
  const raw = new Map<string, RawTensor>();
  for (const [name, t] of tensors) raw.set(name, { dtype: t.dtype, shape: t.shape, data: (await t.data()) as TypedArray });
  return raw;
}

/**
 * Gives variables the values of a file: all of them, or none.
 *
 * @param file a name for messages
 * @throws UserError `WEIGHTS` that names what is missing, what is too much, or whose shape or dtype differs
 * @example
 * const w = variable([0, 0], "w");
 * assignTensors("memory", new Map([["w", w]]), await readTensors(new Map([["w", tensor([1, 2])]])));
 * console.log(await w.toArray()); // [ 1, 2 ]
 */
export function assignTensors(
  file: string,
  variables: ReadonlyMap<string, Variable<DType>>,
  tensors: ReadonlyMap<string, RawTensor>,
): void {
  const few = (names: readonly string[]) => names.slice(0, 5).join(", ") + (names.length > 5 ? `, … (${names.length})` : "");
  const missing = [...variables.keys()].filter((name) => !tensors.has(name));
  const extra = [...tensors.keys()].filter((name) => !variables.has(name));
  if (missing.length + extra.length > 0) {
    const parts = [missing.length > 0 ? `the file lacks ${few(missing)}` : "", extra.length > 0 ? `the model has no ${few(extra)}` : ""];
    throw mistake("WEIGHTS", { where: file, problem: parts.filter((p) => p !== "").join("; "), advice: "Build the model that was saved." });
  }
  for (const [name, v] of variables) {
    const t = tensors.get(name) as RawTensor;
    // 16-bit floats come out of a file as float32.
    if (sameShape(t.shape, v.shape) && (t.dtype === v.dtype || (t.dtype === "float32" && isHalf(v.dtype)))) continue;
    const type = (x: { dtype: string; shape: readonly number[] }) => `${x.dtype}${showShape(x.shape)}`;
    throw mistake("WEIGHTS", {
      where: file,
      problem: `${name} has another type`,
      got: type(t),
      expected: type(v),
      advice: "Build the model that was saved.",
    });
  }
  const list = [...variables];
  assignAll(
    list.map(([, v]) => v),
    list.map(([name, { dtype }]) => {
      const { data, shape } = tensors.get(name) as RawTensor;
      return tensor(data, { shape, dtype });
    }),
  );
}

/**
 * Gives a module the weights of a file, whose names are the paths of `variables()` or those of `stateDict()`: all of them, or none.
 * A shared variable may stand under one of its names or under several.
 *
 * @param file a name for messages
 * @throws UserError `WEIGHTS` that names what is missing, what is too much, or whose shape or dtype differs
 */
export function assignWeights(file: string, module: Named, tensors: ReadonlyMap<string, RawTensor>): void {
  const own = module.variables();
  const state = module.stateDict?.() ?? own;
  const known = (names: ReadonlyMap<string, unknown>) => [...tensors.keys()].filter((name) => names.has(name)).length;
  if (known(own) >= known(state)) {
    assignTensors(file, own, tensors);
    return;
  }
  const chosen = new Map<Variable<DType>, string>();
  for (const [name, v] of state) {
    const before = chosen.get(v);
    if (before === undefined || (!tensors.has(before) && tensors.has(name))) chosen.set(v, name);
  }
  const variables = new Map([...chosen].map(([v, name]) => [name, v]));
  const others = [...state.keys()].filter((name) => !variables.has(name));
  assignTensors(file, variables, new Map([...tensors].filter(([name]) => !others.includes(name))));
}

/**
 * A module's variables as the bytes of a safetensors file.
 *
 * @param options `names`: `paths` as in `module.variables()` (default), or `pytorch` as in `module.stateDict()`
 * @example
 * const bytes = await weightsOf(model);
 */
export async function weightsOf(
  module: Named,
  metadata: Readonly<Record<string, string>> = {},
  options: { readonly names?: Naming } = {},
): Promise<Uint8Array> {
  const { names = "paths" } = options;
  if (names !== "paths" && names !== "pytorch")
    throw mistake("OPTION", { where: "weightsOf", problem: "unknown names", got: names, expected: "paths or pytorch" });
  if (names === "paths") return encodeSafetensors(await readTensors(module.variables()), metadata);
  const seen = new Set<Variable<DType>>();
  const once = [...(module.stateDict?.() ?? module.variables())].filter(([, v]) => !seen.has(v) && seen.add(v));
  return encodeSafetensors(await readTensors(new Map(once)), metadata);
}
