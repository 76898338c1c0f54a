// Tensors nested in arrays and plain objects: what functions take and return.

import type { DType } from "../graph/dtype.ts";
import { mistake, show } from "../util/errors.ts";
import { Tensor } from "./tensor.ts";
import type { AnyTensor } from "./types.ts";

/** The shape of a nested value: where its tensors stand, and everything that is no tensor. */
export type Template =
  | { readonly kind: "leaf"; readonly index: number }
  | { readonly kind: "array"; readonly items: readonly Template[] }
  | { readonly kind: "object"; readonly entries: readonly (readonly [string, Template])[] }
  | { readonly kind: "static"; readonly value: unknown };

/** An object literal or its like: not an instance of a class. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Takes a nested value apart. `leaf` says what counts as a tensor, by giving it; anything else that is no array or plain object is static. */
export function flatten<T>(value: unknown, leaf: (value: unknown) => T | undefined): { readonly leaves: T[]; readonly template: Template } {
  const leaves: T[] = [];
  const walk = (x: unknown): Template => {
    const found = leaf(x);
    if (found !== undefined) return { kind: "leaf", index: leaves.push(found) - 1 };
    if (Array.isArray(x)) return { kind: "array", items: x.map(walk) };
    if (isPlain(x)) return { kind: "object", entries: Object.entries(x).map(([key, y]) => [key, walk(y)]) };
    return { kind: "static", value: x };
  };
  return { template: walk(value), leaves };
}

/** Puts a nested value together again with other leaves. */
export function unflatten(template: Template, leaves: readonly unknown[]): unknown {
  switch (template.kind) {
    case "leaf":
      return leaves[template.index];
    case "array":
      return template.items.map((item) => unflatten(item, leaves));
    case "object":
      return Object.fromEntries(template.entries.map(([key, item]) => [key, unflatten(item, leaves)]));
    case "static":
      return template.value;
  }
}

/** Tensors of a nested value in which nothing else may stand. */
export function tensorsOf(where: string, what: string, value: unknown): { leaves: AnyTensor[]; template: Template } {
  const flat = flatten(value, (x) => (x instanceof Tensor ? (x as Tensor<DType>) : undefined));
  const refuse = (t: Template): void => {
    if (t.kind === "array") t.items.forEach(refuse);
    else if (t.kind === "object") for (const [, item] of t.entries) refuse(item);
    else if (t.kind === "static" && t.value !== undefined)
      throw mistake("OPTION", {
        where,
        problem: `${what} must be tensors, in arrays or objects if there are several`,
        got: show(t.value),
        advice: "Make tensors of numbers with tensor().",
      });
  };
  refuse(flat.template);
  return flat;
}

/** Whether two nested values have their tensors in the same places. */
export function sameStructure(a: Template, b: Template): boolean {
  if (a.kind === "array" && b.kind === "array")
    return a.items.length === b.items.length && a.items.every((item, i) => sameStructure(item, b.items[i] as Template));
  if (a.kind === "object" && b.kind === "object")
    return (
      a.entries.length === b.entries.length &&
      a.entries.every(
        ([key, item], i) => key === b.entries[i]?.[0] && sameStructure(item, (b.entries[i] as readonly [string, Template])[1]),
      )
    );
  if (a.kind === "static" && b.kind === "static") return Object.is(a.value, b.value);
  return a.kind === b.kind;
}
