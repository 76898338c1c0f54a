// What a module is made of, found by walking its public fields: variables, other modules, and arrays and plain objects of them.
// The path of fields is the name. What is reached twice keeps the first name.

import type { DType } from "../graph/dtype.ts";
import { Variable } from "../tensor/variable.ts";

const modules = new WeakSet<object>();

/** Makes an object one whose fields are walked. */
export function markModule(module: object): void {
  modules.add(module);
}

interface Found {
  readonly variables: Map<string, Variable<DType>>;
  /** The module itself first. */
  readonly modules: object[];
}

/** Everything inside a module, in the order of its fields. */
export function walk(module: object): Found {
  const found: Found = { variables: new Map(), modules: [] };
  const seen = new Set<object>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Variable) {
      found.variables.set(path, value);
      return;
    }
    if (modules.has(value)) found.modules.push(value);
    else if (!Array.isArray(value) && !isPlain(value)) return;
    for (const [name, inner] of Object.entries(value)) visit(inner, path === "" ? name : `${path}.${name}`);
  };
  visit(module, "");
  return found;
}

interface Named {
  stateName(path: string): string;
}

/** Every variable by its name in a state dict, as the modules on the way name their parts. */
export function stateOf(module: object & Named): Map<string, Variable<DType>> {
  const state = new Map<string, Variable<DType>>();
  const open = new Set<object>();
  const visit = (value: unknown, owner: Named, prefix: string, path: string): void => {
    if (typeof value !== "object" || value === null || open.has(value)) return;
    const name = () => prefix + owner.stateName(path);
    if (value instanceof Variable) {
      state.set(name(), value);
      return;
    }
    const isModule = modules.has(value);
    if (!isModule && !Array.isArray(value) && !isPlain(value)) return;
    open.add(value);
    const inside = !isModule || path === "" ? prefix : name() === prefix ? prefix : `${name()}.`;
    const base = isModule || path === "" ? "" : `${path}.`;
    for (const [field, inner] of Object.entries(value)) visit(inner, isModule ? (value as Named) : owner, inside, base + field);
    open.delete(value);
  };
  visit(module, module, "", "");
  return state;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
