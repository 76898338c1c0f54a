// Named variables in and out of files: what is read is checked as a whole before anything changes.

import type { DType, TypedArray } from "../graph/dtype.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import { tensor } from "../tensor/create.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { assignAll, type Variable } from "../tensor/variable.ts";
import { mistake } from "../util/errors.ts";
import { encodeSafetensors, type RawTensor } from "./safetensors.ts";

/** What has named variables: a module. */
export interface Named {
  variables(): ReadonlyMap<string, Variable<DType>>;
}

/** Reads tensors from their device. */
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
    if (sameShape(t.shape, v.shape) && t.dtype === v.dtype) continue;
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
    list.map(([name]) => {
      const { data, shape, dtype } = tensors.get(name) as RawTensor;
      return tensor(data, { shape, dtype });
    }),
  );
}

/**
 * A module's variables as the bytes of a safetensors file, names as in `module.variables()`.
 *
 * @example
 * const bytes = await weightsOf(model);
 */
export async function weightsOf(module: Named, metadata: Readonly<Record<string, string>> = {}): Promise<Uint8Array> {
  return encodeSafetensors(await readTensors(module.variables()), metadata);
}
