// Node's built-in modules and koffi, reached synchronously and only when asked for, so that the core bundles for browsers.

/** A library in this process. */
export interface Library {
  func(name: string, result: string, parameters: string[]): (...values: number[]) => number;
}

/** The part of koffi that we use. */
export interface Koffi {
  load(path: string): Library;
  address(value: ArrayBuffer): bigint;
}

/** A module of Node, or null where there is no Node. */
export function builtin<T>(name: string): T | null {
  const process = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  return (process?.getBuiltinModule?.(name) as T | undefined) ?? null;
}

/** A module of Node, on a path that only runs under Node. */
export function required<T>(name: string): T {
  const found = builtin<T>(name);
  if (found === null) throw new Error(`${name} is not available`);
  return found;
}

let koffi: Koffi | null = null;

/** Loads koffi, from beside this library or from the user's project; the error of the first try where there is none. */
export function loadKoffi(): Koffi {
  if (koffi !== null) return koffi;
  const { createRequire } = required<typeof import("node:module")>("node:module");
  try {
    koffi = createRequire(import.meta.url)("koffi") as Koffi;
  } catch (error) {
    try {
      koffi = createRequire(`${process.cwd()}/package.json`)("koffi") as Koffi;
    } catch {
      throw error;
    }
  }
  return koffi;
}
