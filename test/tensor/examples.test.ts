// The examples in the docstrings of src/tensor run, and where a comment says what comes out, it does.

import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import * as core from "../../src/index.ts";
import { Tensor } from "../../src/index.ts";
import * as linalg from "../../src/linalg.ts";
import * as nn from "../../src/nn/index.ts";
import * as transforms from "../../src/transforms.ts";
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

/** Every public name. Two functions are called `fold`: image.ts means that of `downhill/nn`. */
function namesFor(file: string): Readonly<Record<string, unknown>> {
  return { ...nn, ...transforms, ...linalg, ...core, ...(file === "image.ts" ? { fold: nn.fold } : {}) };
}

/** Names that examples use without making them. */
const given = `
  const loss0 = null;
  let x = tensor([[1, 2], [3, 4]]), X = x, Y = x, g = tensor([3, 4]), norm = tensor(5);
  let W = variable(normal([2, 2]), "W"), b = variable(zeros([2]), "b"), dW = ones([2, 2]), db = ones([2]);
  let table = zeros([5, 4]), y = zeros([2, 2]);
  let loss = mse(x.matmul(W).add(b), y);
`;

/**
 * Runs the lines one by one. `expression; // value` must give the value, `const name = …; // [other:] value` must give it to a name,
 * and `console.log(…); // text` must print the text.
 */
function run(code: string, file: string): void {
  const checks: [actual: unknown, expected: string][] = [];
  const printed: [actual: string, expected: string][] = [];
  const lines = code.split("\n").map((line) => {
    const log = /^console\.log\((.*)\);\s*\/\/ (.*)$/.exec(line);
    if (log !== null) return `$print([${log[1]}], ${JSON.stringify(log[2])});`;
    const found = /^((?:const (?:[[{][\w, ]+[\]}]|(\w+)) = )?)(.*?);\s*\/\/ (?:(\w+): )?((?:\[|-?\d).*)$/.exec(line);
    if (found === null) return line;
    const [, declaration, name, expression, shown, value] = found as unknown as [string, string, string?, string?, string?, string?];
    if (!isJson(value as string)) return line;
    if (declaration === "") return `{ const result = ${expression}; $check(${shown ?? "result"}, ${JSON.stringify(value)}); }`;
    return `${declaration}${expression}; $check(${shown ?? name}, ${JSON.stringify(value)});`;
  });
  const names = namesFor(file);
  // A block of its own, so that an example may declare what is given.
  const body = stripTypeScriptTypes(`${given} {\n${lines.join("\n")}\n}`);
  new Function(...Object.keys(names), "$check", "$print", body)(
    ...Object.values(names),
    (actual: unknown, expected: string) => checks.push([actual, expected]),
    (values: unknown[], expected: string) =>
      printed.push([values.map((v) => (typeof v === "string" ? v : inspect(v))).join(" "), expected]),
  );
  for (const [actual, expected] of checks) expectClose((actual as Tensor).toArraySync(), JSON.parse(expected));
  for (const [actual, expected] of printed) expect(actual).toBe(expected);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
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
    run(code, file);
  });
});
