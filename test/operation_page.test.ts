// docs/adding-an-operation.md is true: the files that it names are there, and those of its tables know the operations that it
// counts.

import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const root = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const page = read("docs/adding-an-operation.md");
const pathsIn = (text: string): string[] => [...text.matchAll(/`((?:src|test|docs)\/[^`\s]+)`/g)].map((match) => match[1] as string);

/** The rows of the table whose last column is about an operation. */
const rowsFor = (operation: string): string[] =>
  page
    .split(/\n\n/)
    .filter((block) => block.startsWith(`| | place | for \`${operation}\``))
    .flatMap((block) => block.split("\n").slice(2));

it("names files that exist", () => {
  const paths = pathsIn(page);
  expect(paths.length).toBeGreaterThan(15);
  expect(paths.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
});

it.each(["logit", "erfinv"])("the places of %s mention it", (operation) => {
  const paths = rowsFor(operation)
    .flatMap(pathsIn)
    .filter((path) => path.endsWith(".ts"));
  expect(paths.length).toBeGreaterThan(2);
  expect(paths.filter((path) => !new RegExp(`\\b${operation}\\b`).test(read(path)))).toEqual([]);
});

it("counts what its tables list, and no place of a renderer", () => {
  expect(rowsFor("logit")).toHaveLength(3);
  expect(rowsFor("erfinv")).toHaveLength(8);
  expect(page).toMatch(/composed operation: 3 places/);
  expect(page).toMatch(/primitive: 5 places, and 3 more/);
});

it("says rightly that renderers do not know operations by name", () => {
  for (const path of ["src/render/c/expression.ts", "src/render/wasm/expression.ts"])
    expect(read(path)).not.toMatch(/graph\/operation\.ts/);
});
