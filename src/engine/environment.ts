// What the environment asks of the engine, unasked by the program: DOWNHILL_DEBUG and DOWNHILL_TUNE. Bundlers take environment.browser.ts
// in this file's place: a page has no environment.

import type { Observer } from "./observer.ts";

const variable = (name: string): string => globalThis.process?.env?.[name] ?? "";

/** Whether compiled functions are tuned that do not say: DOWNHILL_TUNE=1. */
export function tuneUnasked(): boolean {
  return !["", "0"].includes(variable("DOWNHILL_TUNE"));
}

/** The printer that DOWNHILL_DEBUG asks for. It is loaded only then, and on Node only. */
export function printerUnasked(): Observer | null {
  const value = variable("DOWNHILL_DEBUG");
  const modules = globalThis.process?.getBuiltinModule?.("node:module");
  if (modules === undefined || value === "" || value === "0") return null;
  const path = `../profile/debug${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`;
  const { printer } = modules.createRequire(import.meta.url)(path) as {
    printer: (value: string, print: (text: string) => void) => Observer;
  };
  return printer(value, (text) => process.stderr.write(text));
}
