// What the README and the guides import is there: a renamed function is renamed on the pages too.

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const { exports } = JSON.parse(read("package.json")) as { exports: Record<string, { default: string }> };

/** Names of values that a page's programs import from us, by the module. */
function importsOf(page: string): [module: string, names: string[]][] {
  return [...read(page).matchAll(/^import \{([^}]*)\} from "downhill([^"]*)"/gm)].map(([, list, path]) => {
    const names = (list as string).split(",").map((name) => name.trim());
    return [`.${path}`, names.filter((name) => name !== "" && !name.startsWith("type "))];
  });
}

const pages = ["README.md", ...readdirSync(new URL("docs/guide", root)).map((name) => `docs/guide/${name}`)];

test.each(pages.map((page) => [page, importsOf(page)] as const).filter(([, imports]) => imports.length > 0))("%s", async (_, imports) => {
  for (const [path, names] of imports) {
    const entry = exports[path]?.default.replace("./dist/", "src/").replace(/\.js$/, ".ts");
    expect(entry, `package.json exports ${path}`).toBeDefined();
    const module = (await import(new URL(entry as string, root).href)) as object;
    for (const name of names) expect(Object.keys(module), `${name} of downhill${path.slice(1)}`).toContain(name);
  }
});
