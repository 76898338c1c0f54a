// The examples in the docstrings of src/loss and src/nn run, and print what their comments say.

import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import * as downhill from "../../src/index.ts";
import * as loss from "../../src/loss/index.ts";
import * as nn from "../../src/nn/index.ts";

interface Example {
  readonly file: string;
  readonly name: string;
  readonly code: string;
}

/** The examples of a file: what follows `@example` in a doc comment, up to `Source:` or the comment's end. */
function examplesOf(folder: string, file: string): Example[] {
  const text = readFileSync(new URL(`../../src/${folder}/${file}`, import.meta.url), "utf8");
  const documented = /\/\*\*((?:(?!\*\/).)*?)\*\/\s*(?:export )?(?:abstract )?(?:async )?(?:function|class|const) (\w+)/gs;
  return [...text.matchAll(documented)].flatMap(([, comment, name]) =>
    [...(comment as string).matchAll(/@example(.*?)(?=\n\s*\* @|\n\s*\* Source:|$)/gs)].map(([, code]) => ({
      file: `${folder}/${file}`,
      name: name as string,
      code: (code as string).replace(/^\s*\* ?/gm, "").trim(),
    })),
  );
}

/** Names that examples use without making them. */
const given = `
  let x = normal([2, 16, 128]), memory = x, layer = new TransformerDecoderLayer(128, 4), labels = zeros([16, 4], { dtype: "int32" });
  let lengths = new Array(16).fill(4), queries = normal([4, 8]), keys = normal([4, 8]), constant = constantInitializer;
`;

const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...args: unknown[]) => Promise<void>;

async function run({ code }: Example): Promise<void> {
  const expected = [...code.matchAll(/console\.log\(.*\);\s*\/\/ (.*)/g)].map(([, text]) => (text as string).trim());
  const printed: string[] = [];
  const console = { log: (value: unknown) => printed.push(typeof value === "string" ? value : inspect(value)) };
  const names: Record<string, unknown> = { ...downhill, ...loss, ...nn };
  const body = stripTypeScriptTypes(`${given} {\n${code}\n}`);
  await new AsyncFunction(...Object.keys(names), "console", body)(...Object.values(names), console);
  expected.forEach((text, i) => {
    // Lists of names are written without quotes in comments.
    expect((printed[i] ?? "").replace(/^\[\n? *|'|\n? *\]$|\n */g, "").replace(/,(?=\S)/g, ", ")).toBe(text.replace(/^\[ *| *\]$/g, ""));
  });
}

const examples = ["loss", "nn"].flatMap((folder) =>
  readdirSync(new URL(`../../src/${folder}/`, import.meta.url))
    .filter((name) => name.endsWith(".ts"))
    .flatMap((file) => examplesOf(folder, file)),
);

it("finds the examples", () => {
  expect(examples.length).toBeGreaterThan(45);
  expect(examples.filter((e) => /console\.log\(.*\/\//.test(e.code)).length).toBeGreaterThan(20);
});

describe.each([...new Set(examples.map((e) => e.file))])("%s", (file) => {
  it.each(examples.filter((e) => e.file === file).map((e) => [e.name, e] as const))("%s", (_, example) => run(example));
});
