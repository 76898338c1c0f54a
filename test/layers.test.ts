// The import rule of docs/architecture.md: a folder imports itself and lower ranks, and `node:` only where it is allowed.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const source = fileURLToPath(new URL("../src", import.meta.url));

const ranks: Record<string, number> = {
  util: 0,
  graph: 1,
  autodiff: 2,
  schedule: 2,
  kernel: 2,
  render: 2,
  runtime: 2,
  engine: 3,
  tensor: 4,
  nn: 5,
  loss: 5,
  optim: 5,
  data: 5,
  io: 5,
  profile: 5,
  regularize: 6,
  train: 7,
  tune: 8,
  compress: 8,
  cli: 9,
  dashboard: 9,
};

/** Folders and files of src that may name `node:` modules. */
const nodeAllowed = ["util/system.ts", "runtime/native", "runtime/wasm/node", "io/node", "data/node", "cli", "dashboard/server", "node.ts"];

function files(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : path.endsWith(".ts") ? [path] : [];
  });
}

/** Every module a file names: static and dynamic imports, re-exports. */
function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  return [...code.matchAll(/(?:\bfrom\s+|\bimport\s+|(?<!\.)\bimport\s*\(\s*)["']([^"']+)["']/g)].map((m) => m[1] as string);
}

function violations(file: string, text: string): string[] {
  const path = relative(source, file).split(sep).join("/");
  const folder = path.includes("/") ? (path.split("/")[0] as string) : null;
  const found: string[] = [];
  if (folder !== null && !(folder in ranks)) found.push(`${path}: folder ${folder} has no rank`);
  for (const name of importsOf(text)) {
    if (name.startsWith(".")) {
      const target = relative(source, resolve(dirname(file), name))
        .split(sep)
        .join("/");
      const other = target.includes("/") ? (target.split("/")[0] as string) : null;
      if (folder === null || folder === other) continue;
      if (other === null) found.push(`${path}: imports the façade ${target}`);
      else if (!((ranks[other] as number) < (ranks[folder] as number))) found.push(`${path}: ${folder} imports ${other}`);
    } else if (name.startsWith("node:")) {
      if (!nodeAllowed.some((allowed) => path === allowed || path.startsWith(`${allowed}/`) || path.startsWith(`${allowed}.`)))
        found.push(`${path}: imports ${name}`);
    } else if (folder !== "cli") found.push(`${path}: imports the package ${name}`);
  }
  return found;
}

describe("layers", () => {
  const all = files(source);

  it("every file imports only its own folder and lower ranks", () => {
    expect(all.length).toBeGreaterThan(20);
    expect(all.flatMap((file) => violations(file, readFileSync(file, "utf8")))).toEqual([]);
  });

  it("notices a wrong import", () => {
    const at = (path: string) => join(source, path);
    expect(violations(at("graph/x.ts"), 'import { a } from "../tensor/tensor.ts";')).toHaveLength(1);
    expect(violations(at("kernel/x.ts"), 'export { a } from "../schedule/fuse.ts";')).toHaveLength(1);
    expect(violations(at("tensor/x.ts"), 'const fs = await import("node:fs");')).toHaveLength(1);
    expect(violations(at("tensor/x.ts"), 'import { a } from "../index.ts";')).toHaveLength(1);
    expect(violations(at("tensor/x.ts"), 'import type { A } from "../graph/node.ts";')).toEqual([]);
    expect(violations(at("data/node/x.ts"), 'import { readFileSync } from "node:fs";')).toEqual([]);
  });

  it("no top-level await in the library", () => {
    for (const file of all.filter((f) => !f.includes(`${sep}cli${sep}`)))
      expect(readFileSync(file, "utf8"), file).not.toMatch(/^(?:const .* = )?await /m);
  });
});
