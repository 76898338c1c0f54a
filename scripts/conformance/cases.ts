// The files of cases (../shared/conformance/README.md says what they hold) as data, with every name of a tensor looked up.

import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type AnyTensor, tensor, variable } from "../../src/index.ts";
import { decodeSafetensors, type RawTensor } from "../../src/io/index.ts";
import type { Keywords, Value } from "./binding.ts";

export interface Case {
  readonly id: string;
  readonly op: string;
  readonly file: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly outputs: readonly string[];
  readonly grads?: Readonly<Record<string, string>>;
  readonly gradOutputs?: readonly number[];
  readonly mutates?: Readonly<Record<string, string>>;
  readonly pre?: string;
  readonly post?: string;
  readonly rtol?: number;
  readonly atol?: number;
}

export interface ErrorCase extends Pick<Case, "id" | "op" | "file" | "args" | "kwargs"> {
  readonly group: string;
  readonly dataDependent?: boolean;
}

export interface Index<C> {
  readonly rtol: number;
  readonly atol: number;
  readonly cases: readonly C[];
}

export function readIndex<C>(folder: string, name: string): Index<C> {
  return JSON.parse(readFileSync(join(folder, name), "utf8")) as Index<C>;
}

/** The tensors of a folder's safetensors files, each file read once. */
export class Tensors {
  readonly #folder: string;
  readonly #floats: "float32" | "float64";
  readonly #files = new Map<string, ReadonlyMap<string, RawTensor>>();

  /** `floats` is what the files' float32 tensors become. */
  constructor(folder: string, floats: "float32" | "float64" = "float32") {
    this.#folder = folder;
    this.#floats = floats;
  }

  raw(file: string, name: string): RawTensor {
    let tensors = this.#files.get(file);
    if (tensors === undefined) {
      const path = join(this.#folder, file);
      if (!existsSync(path)) throw new Error(`there is no ${path}`);
      ({ tensors } = decodeSafetensors(readFileSync(path), file));
      this.#files.set(file, tensors);
    }
    const found = tensors.get(name);
    if (found === undefined) throw new Error(`${file} has no tensor ${name}`);
    return found;
  }

  /** A tensor of a file; U8 is bool. */
  tensor(file: string, name: string): AnyTensor {
    const { data, shape, dtype } = this.raw(file, name);
    return tensor(data, { shape, dtype: dtype === "uint8" ? "bool" : dtype === "float32" ? this.#floats : dtype });
  }
}

/** The group of a case: the stem of its file. */
export function groupOf(c: Pick<Case, "file">): string {
  return basename(c.file, ".safetensors");
}

/** A call's arguments, and the input tensors by their names in the file. */
export interface Call {
  readonly args: readonly Value[];
  readonly kwargs: Keywords;
  readonly inputs: ReadonlyMap<string, AnyTensor>;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** Looks up the tensors of a case; those that it mutates become variables. */
export function resolve(c: Pick<Case, "file" | "args" | "kwargs" | "mutates">, tensors: Tensors): Call {
  const inputs = new Map<string, AnyTensor>();
  const input = (name: string): AnyTensor => {
    let found = inputs.get(name);
    if (found === undefined) {
      found = tensors.tensor(c.file, name);
      if (c.mutates !== undefined && name in c.mutates) found = variable(found, { name, trainable: false });
      inputs.set(name, found);
    }
    return found;
  };
  const value = (given: unknown): Value => {
    if (Array.isArray(given)) return given.map(value);
    if (!isRecord(given)) return given as Value;
    if ("tensor" in given) return input(given.tensor as string);
    if ("number" in given) return Number(given.number);
    return given as unknown as Value;
  };
  const args = c.args.map(value);
  const kwargs = Object.fromEntries(Object.entries(c.kwargs).map(([name, given]) => [name, value(given)]));
  return { args, kwargs, inputs };
}
