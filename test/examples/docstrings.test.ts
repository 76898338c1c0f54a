// The examples in the docstrings of everything around the layers and losses run, and print what their comments say.

import { mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as data from "../../src/data/index.ts";
import * as core from "../../src/index.ts";
import * as io from "../../src/io/index.ts";
import * as node from "../../src/node.ts";
import * as optim from "../../src/optim/index.ts";
import * as train from "../../src/train/index.ts";
import * as tune from "../../src/tune/index.ts";
import { findExamples, runExample } from "../support/docstrings.ts";

/** Names that examples use without making them. */
const given = `
  seed(0);
  let X = normal([100, 2]), Y = X.sum(1, { keepDimensions: true }), x = X, y = Y.mul(1), W = variable(normal([2, 1]), "W"), b = variable(zeros([1]), "b");
  let inputs = X, targets = X.argMax(-1), validation = { inputs: X, targets: Y };
  let model = new Sequential(new Linear(2, 2)), optimizer = sgd({ learningRate: 0.01 });
  const step = (x, y) => mse(x.sum(1, { keepDimensions: true }), y);
  const options = { loss: crossEntropy, optimizer, epochs: 2, metrics: { accuracy } };
  const test = { inputs, targets }, train = { inputs, targets };
`;

/** Examples of regression need a model with one output. */
const oneOutput = "model = new Sequential(new Linear(2, 1)); train.targets = Y;";

const names = { ...core, ...data, ...io, ...node, ...optim, ...train, ...tune, writeFileSync };
const examples = findExamples(["data", "io", "optim", "regularize", "train", "tune"]);
const before = process.cwd();

beforeAll(() => {
  // Files are written and found in a folder of its own.
  const place = mkdtempSync(join(tmpdir(), "downhill-examples-"));
  for (const name of ["test", "node_modules"]) symlinkSync(resolve(name), join(place, name));
  process.chdir(place);
});
afterAll(() => process.chdir(before));

it("finds the examples", () => {
  expect(examples.length).toBeGreaterThan(50);
  expect(examples.filter((e) => /console\.log\(.*\/\//.test(e.code)).length).toBeGreaterThan(25);
});

describe.each([...new Set(examples.map((e) => e.file))])("%s", (file) => {
  it.each(examples.filter((e) => e.file === file).map((e) => [e.name, e] as const))("%s", (_, example) =>
    runExample(example, names, given + (example.code.includes("mse") ? oneOutput : "")),
  );
});
