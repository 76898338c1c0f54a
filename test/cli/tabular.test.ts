import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeTarget, fitTarget, rowsWithTarget, splitSamples, takeRows } from "../../src/data/index.ts";
import { readTable } from "../../src/data/node/read.ts";
import { downhill, downhillHere, share, workplace } from "./run.ts";

const orchard = resolve("test/data/orchard.csv");
const lines = (text: string) => text.trimEnd().split("\n");

describe("a messy table of one's own", () => {
  const place = workplace();
  const trained = downhill(place, ["train", orchard, "--target", "Sorte", "--lambda", "auto", "--seed", "1"]);

  test("is read, described, trained and tested", () => {
    expect(trained.err).not.toMatch(/error/i);
    expect(trained.code).toBe(0);
    for (const sentence of [
      "240 rows, 8 columns",
      "a comma separates the decimals",
      "rows without a value left out",
      "target Sorte: classification, 3 classes: Apfel, Birne,",
      "missing values set to the mean",
      "missing values set to the most frequent",
      "one-hot: Farbe (4), Hof; Region (4)",
      "Nummer: left out,",
      "choosing λ by 5-fold cross-validation over 13 values",
    ])
      expect(trained.out).toContain(sentence);
    expect(share(trained.out, "test accuracy")).toBeGreaterThanOrEqual(0.95);
    expect(share(trained.out, "test accuracy of the most frequent class")).toBeLessThan(0.5);
    const table = lines(trained.out).filter((l) => /^ {2}\s*[\d.e-]+\s+[\d.]+\s+[\d.]+/.test(l));
    expect(table).toHaveLength(13);
    expect(table.filter((l) => l.includes("smallest error"))).toHaveLength(1);
    expect(table.filter((l) => l.includes("chosen"))).toHaveLength(1);
  });

  test("leaves a bundle, a picture, a checkpoint and a log, and nothing else", () => {
    expect(readdirSync(place)).toEqual(["runs"]);
    expect(readdirSync(join(place, "runs", "orchard")).sort()).toEqual([
      "checkpoint.safetensors",
      "events.jsonl",
      "loss.svg",
      "model.safetensors",
      "options.json",
    ]);
    const svg = readFileSync(join(place, "runs/orchard/loss.svg"), "utf8");
    expect(svg).toMatch(/^<svg xmlns[\s\S]*<polyline[\s\S]*<\/svg>\n$/);
    expect(svg).not.toContain("NaN");
    const events = lines(readFileSync(join(place, "runs/orchard/events.jsonl"), "utf8")).map((l) => JSON.parse(l));
    expect(events.filter((e) => e.type === "fold")).toHaveLength(65);
    expect(events.at(-1).type).toBe("end");
    expect(events.every((e) => !Number.isNaN(Date.parse(e.time)))).toBe(true);
  });

  test("predict gives the same answers as the test did", () => {
    const bundle = join(place, "runs/orchard/model.safetensors");
    const result = downhill(place, ["predict", bundle, orchard, "--out", "answers.csv"]);
    expect(result).toMatchObject({ code: 0, out: "" });
    expect(result.err).toContain("240 predictions in answers.csv");
    const answers = readTable(join(place, "answers.csv"), { categorical: ["Sorte"] });
    expect(answers.columns.map((c) => c.name)).toEqual(["Sorte", "p(Apfel)", "p(Birne)", 'p(Zwetschge, "früh")']);
    const whole = readTable(orchard);
    const known = rowsWithTarget(whole, "Sorte");
    const table = takeRows(whole, known);
    const target = fitTarget(table, "Sorte", "classify");
    const truth = encodeTarget(target, table);
    const said = encodeTarget(target, takeRows(answers, known));
    const { test: held } = splitSamples(table.rows, { seed: 1, labels: truth });
    const right = held.filter((i) => truth[i] === said[i]).length / held.length;
    expect(right).toBeCloseTo(share(trained.out, "test accuracy"), 4);
    const printed = downhill(place, ["predict", bundle, orchard]);
    expect(printed.out).toBe(readFileSync(join(place, "answers.csv"), "utf8"));
  });

  test("the same seed gives the same model, and a second run its own folder", () => {
    downhill(place, ["train", orchard, "--target", "Sorte", "--lambda", "auto", "--seed", "1", "--quiet"]);
    expect(readdirSync(join(place, "runs"))).toEqual(["orchard", "orchard-2"]);
    const answers = ["orchard", "orchard-2"].map((run) => downhill(place, ["predict", `runs/${run}/model.safetensors`, orchard]).out);
    expect(answers[1]).toBe(answers[0]);
  });

  test("rows with new texts and gaps are predicted too; other columns and orders do not matter", () => {
    writeFileSync(
      join(place, "new.csv"),
      "Farbe,Tage seit Ernte,mehr,Hof; Region,Bemerkung,Gewicht (g),Durchmesser (cm)\nlila,3,x,Hof Neu,,37.5,3.4\n,,x,,,200,6.1\n",
    );
    const result = downhill(place, ["predict", "runs/orchard/model.safetensors", "new.csv"]);
    expect(result.err).toBe(
      'Farbe: 1 value was never seen in training, such as "lila", and stands for no category\n' +
        'Hof; Region: 1 value was never seen in training, such as "Hof Neu", and stands for no category\n',
    );
    expect(
      lines(result.out)
        .slice(1)
        .map((l) => l.split(",")[0]),
    ).toEqual(['"Zwetschge', "Birne"]);
  });
});

describe("bars", () => {
  test.each(["iris", "breast_cancer"])("%s with --lambda auto: at least 95 % right", async (name) => {
    const file = resolve(`../shared/data/${name}.csv`);
    if (!existsSync(file)) return;
    const place = workplace();
    const result = await downhillHere(place, ["train", file, "--target", "target", "--lambda", "auto"]);
    expect(result.code).toBe(0);
    expect(share(result.out, "test accuracy")).toBeGreaterThanOrEqual(0.95);
  });
});

describe("regression and networks", () => {
  const place = workplace();
  const rows = Array.from({ length: 200 }, (_, i) => {
    const [a, b] = [Math.sin(i * 1.7) * 30, Math.cos(i * 0.9) * 4];
    return `${a.toFixed(3)},${i % 2 === 0 ? "ja" : "nein"},${(1000 + 12 * a - 70 * b + (i % 2 === 0 ? 90 : 0) + Math.sin(i * 77)).toFixed(2)},${b.toFixed(3)}`;
  });
  writeFileSync(join(place, "houses.csv"), `area,garden,price,age\n${rows.join("\n")}\n`);

  test("numbers are told from classes, and predicted in their own units", async () => {
    const result = await downhillHere(place, ["train", "houses.csv", "--target", "price", "--lambda", "1e-5"]);
    expect(result.code).toBe(0);
    expect(result.out).toContain("target price: regression (numbers with decimals; --task overrules)");
    expect(Number(/test R²\s+([\d.]+)/.exec(result.out)?.[1])).toBeGreaterThan(0.9999);
    expect(Number(/test RMSE\s+([\d.]+)/.exec(result.out)?.[1])).toBeLessThan(2);
    writeFileSync(join(place, "one.csv"), "age,garden,area\n-2,ja,10\n");
    const answer = lines((await downhillHere(place, ["predict", "runs/houses/model.safetensors", "one.csv"])).out);
    expect(answer[0]).toBe("price");
    expect(Math.abs(Number(answer[1]) - (1000 + 120 + 140 + 90))).toBeLessThan(3);
  });

  test("an mlp stops early by rows of its own, and learns what a line cannot", async () => {
    const bent = Array.from({ length: 300 }, (_, i) => {
      const [a, b] = [Math.sin(i * 1.7), Math.cos(i * 0.61)];
      return `${a.toFixed(4)},${b.toFixed(4)},${a * b > 0 ? "same" : "other"}`;
    });
    writeFileSync(join(place, "bent.csv"), `a,b,sign\n${bent.join("\n")}\n`);
    const linear = await downhillHere(place, ["train", "bent.csv", "--target", "sign"]);
    const mlp = await downhillHere(place, ["train", "bent.csv", "--target", "sign", "--model", "mlp", "--hidden", "32,16"]);
    expect(mlp.out).toContain("mlp 2-32-16-2, 658 parameters");
    expect(share(mlp.out, "test accuracy")).toBeGreaterThan(0.93);
    expect(share(linear.out, "test accuracy")).toBeLessThan(0.75);
  });

  test("--task, --test, --run, --epochs, --one-standard-error are obeyed", async () => {
    const result = await downhillHere(place, [
      ...[
        "train",
        "houses.csv",
        "--target",
        "garden",
        "--task=classify",
        "--test",
        "0.5",
        "--run",
        "mine",
        "--epochs",
        "3",
        "--lambda",
        "auto",
      ],
      ...["--folds", "3", "--one-standard-error", "--batch-size", "50", "--learning-rate", "0.01"],
    ]);
    expect(result.code).toBe(0);
    expect(result.out).toContain("100 rows to train, 100 to test");
    expect(result.out).toContain("3-fold");
    expect(readdirSync(join(place, "mine"))).toContain("model.safetensors");
    const log = readFileSync(join(place, "mine/events.jsonl"), "utf8");
    expect(
      lines(log)
        .map((l) => JSON.parse(l))
        .find((e) => e.type === "start"),
    ).toMatchObject({ epochs: 3, batchSize: 50, settings: { seed: 0 } });
    expect(/([\d.e-]+)\s+[\d.]+\s+[\d.]+\s+.*chosen/.exec(result.out)?.[0]).toMatch(/standard error|smallest/);
  });
});
