// The examples in docstrings: found in the sources, and run. What `console.log` prints is compared with the comment behind it.

import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { inspect } from "node:util";
import { expect } from "vitest";

export interface Example {
  /** Below src. */
  readonly file: string;
  readonly name: string;
  readonly code: string;
}

const root = new URL("../../src/", import.meta.url);

/** The examples of a file: what follows `@example` in a doc comment, up to the next tag, `Source:` or the comment's end. */
function examplesOf(file: string): Example[] {
  const text = readFileSync(new URL(file, root), "utf8");
  const documented = /\/\*\*((?:(?!\*\/).)*?)\*\/\s*(?:export )?(?:abstract )?(?:async )?(?:function|class|const|interface) (\w+)/gs;
  return [...text.matchAll(documented)].flatMap(([, comment, name]) =>
    [...(comment as string).matchAll(/@example(.*?)(?=\n\s*\* @|\n\s*\* Source:|$)/gs)].map(([, code]) => ({
      file,
      name: name as string,
      code: (code as string).replace(/^\s*\* ?/gm, "").trim(),
    })),
  );
}

/** All examples of some folders of src. */
export function findExamples(folders: readonly string[]): Example[] {
  return folders.flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .flatMap((name) => examplesOf(`${folder}/${name}`)),
  );
}

const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...args: unknown[]) => Promise<void>;

/** Lists are written in one line in comments, names in them without quotes, and the brackets may be left out. */
const plain = (text: string): string =>
  text
    .replace(/'/g, "")
    .replace(/\s+/g, " ")
    .replace(/\[ | \]/g, (bracket) => bracket.trim())
    .replace(/^\[|\]$/g, "");

/** Runs an example with these names at hand; `given` is code before it, whose names it may declare again. */
export async function runExample({ code }: Example, names: Readonly<Record<string, unknown>>, given: string): Promise<void> {
  const expected = [...code.matchAll(/console\.log\(.*\);\s*\/\/ (.*)/g)].map(([, text]) => text as string);
  const printed: string[] = [];
  const log = (...values: unknown[]) => printed.push(values.map((v) => (typeof v === "string" ? v : inspect(v))).join(" "));
  const body = stripTypeScriptTypes(`${given} {\n${code}\n}`);
  await new AsyncFunction(...Object.keys(names), "console", body)(...Object.values(names), { log });
  expected.forEach((text, i) => {
    expect(plain(printed[i] ?? "nothing")).toBe(plain(text));
  });
}
