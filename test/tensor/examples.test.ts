// The examples in the docstrings of src/tensor run, and where a comment says what comes out, it does.

import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { describe, expect, it } from "vitest";
import * as downhill from "../../src/index.ts";
import { Tensor } from "../../src/index.ts";
import { expectClose } from "./values.ts";

const folder = new URL("../../src/tensor/", import.meta.url);

interface Example {
  readonly file: string;
  readonly name: string;
  readonly code: string;
}

/** The examples of a file: what follows `@example` in a doc comment, up to the next tag, `Source:` or the comment's end. */
function examplesOf(file: string): Example[] {
  const text = readFileSync(new URL(file, folder), "utf8");
  return [...text.matchAll(/\/\*\*(.*?)\*\/\s*(?:export )?(?:async )?(?:function|class) (\w+)/gs)].flatMap(([, comment, name]) =>
    [...(comment as string).matchAll(/@example(.*?)(?=\n\s*\* @|\n\s*\* Source:|@throws|@param|$)/gs)].map(([, code]) => ({
      file,
      name: name as string,
      code: (code as string).replace(/^\s*\* ?/gm, "").trim(),
    })),
  );
}

/** Names that examples use without making them. */
const given = `
  const loss0 = null;
  let x = tensor([[1, 2], [3, 4]]), X = x, Y = x, g = tensor([3, 4]), norm = tensor(5);
  let W = variable(normal([2, 2]), "W"), b = variable(zeros([2]), "b"), dW = ones([2, 2]), db = ones([2]);
  let table = zeros([5, 4]), y = zeros([2, 2]);
  let loss = mse(x.matmul(W).add(b), y);
`;

/** Runs the lines one by one; a line `expression;   // value` must give the value. */
function run(code: string): void {
  const checks: [actual: unknown, expected: string][] = [];
  const lines = code.split("\n").map((line) => {
    const found = /^((?:const (?:\[[\w, ]+\]|\w+) = )?)(.*?);\s*\/\/ (?:(\w+): )?([[\d-].*)$/.exec(line);
    if (found === null) return line;
    const [, declaration, expression, shown, value] = found as unknown as [string, string, string, string | undefined, string];
    return `${declaration === "" ? `const result = ${expression}` : `${declaration}${expression}`}; $check(${shown ?? "result"}, ${JSON.stringify(value)});`;
  });
  const names = Object.keys(downhill);
  // A block of its own, so that an example may declare what is given.
  const body = stripTypeScriptTypes(`${given} {\n${lines.map((l) => (l.startsWith("const result") ? `{ ${l} }` : l)).join("\n")}\n}`);
  new Function(...names, "$check", body)(
    ...names.map((n) => (downhill as unknown as Record<string, unknown>)[n]),
    (actual: unknown, expected: string) => checks.push([actual, expected]),
  );
  for (const [actual, expected] of checks) expectClose((actual as Tensor).toArraySync(), JSON.parse(expected));
}

const examples = readdirSync(folder)
  .filter((name) => name.endsWith(".ts"))
  .flatMap(examplesOf);

it("finds the examples", () => {
  expect(examples.length).toBeGreaterThan(40);
  expect(examples.filter((e) => /\/\/ \[/.test(e.code)).length).toBeGreaterThan(20);
  expect(Tensor.name).toBe("Tensor");
});

describe.each([...new Set(examples.map((e) => e.file))])("%s", (file) => {
  it.each(examples.filter((e) => e.file === file).map((e) => [e.name, e.code] as const))("%s", (_, code) => {
    run(code);
  });
});
