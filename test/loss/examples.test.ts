// The examples in the docstrings of src/loss and src/nn run, and print what their comments say.

import { describe, expect, it } from "vitest";
import * as core from "../../src/index.ts";
import * as loss from "../../src/loss/index.ts";
import * as nn from "../../src/nn/index.ts";
import { findExamples, runExample } from "../support/docstrings.ts";

/** Names that examples use without making them. */
const given = `
  let x = normal([2, 16, 128]), memory = x, layer = new TransformerDecoderLayer(128, 4), labels = zeros([16, 4], { dtype: "int32" });
  let lengths = new Array(16).fill(4), queries = normal([4, 8]), keys = normal([4, 8]), constant = constantInitializer;
`;
const names = { ...core, ...loss, ...nn };
const examples = findExamples(["loss", "nn"]);

it("finds the examples", () => {
  expect(examples.length).toBeGreaterThan(45);
  expect(examples.filter((e) => /console\.log\(.*\/\//.test(e.code)).length).toBeGreaterThan(20);
});

describe.each([...new Set(examples.map((e) => e.file))])("%s", (file) => {
  it.each(examples.filter((e) => e.file === file).map((e) => [e.name, e] as const))("%s", (_, example) =>
    runExample(example, names, given),
  );
});
