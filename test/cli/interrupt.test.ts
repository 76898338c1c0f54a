import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { downhill, start, workplace } from "./run.ts";

const orchard = resolve("test/data/orchard.csv");

test("Ctrl-C keeps the run, and --resume goes on to the same model", async () => {
  const place = workplace();
  const options = ["--target", "Sorte", "--model", "mlp", "--hidden", "512,512", "--epochs", "20", "--batch-size", "2"];
  downhill(place, ["train", orchard, ...options, "--run", "whole", "--quiet"]);
  const { child, outcome } = start(place, ["train", orchard, ...options, "--run", "cut"]);
  const log = join(place, "cut/events.jsonl");
  while (!existsSync(log) || !readFileSync(log, "utf8").includes('"checkpoint"')) await new Promise((r) => setTimeout(r, 5));
  child.kill("SIGINT");
  const stopped = await outcome;
  expect(stopped).toMatchObject({ code: 130 });
  expect(stopped.out).toContain("The run is kept: go on with --resume cut");
  expect(readdirSync(join(place, "cut"))).not.toContain("model.safetensors");
  expect(downhill(place, ["train", orchard, ...options, "--resume", "cut"]).code).toBe(0);
  const answers = ["whole", "cut"].map((run) => downhill(place, ["predict", `${run}/model.safetensors`, orchard]).out);
  expect(answers[1]).toBe(answers[0]);
  expect(answers[0]).toContain("Birne");
});

test("a run that was killed goes on to the same model, and what was half-written is gone", async () => {
  const place = workplace();
  const options = ["--target", "Sorte", "--epochs", "3000", "--learning-rate", "0.01", "--batch-size", "32"];
  downhill(place, ["train", orchard, ...options, "--run", "whole", "--quiet"]);
  const { child, outcome } = start(place, ["train", orchard, ...options, "--run", "cut"]);
  const log = join(place, "cut/events.jsonl");
  while (!existsSync(log) || !readFileSync(log, "utf8").includes('"checkpoint"')) await new Promise((r) => setTimeout(r, 5));
  child.kill("SIGKILL");
  await outcome;
  // As a crash in the middle of a write leaves them.
  const leftover = join(place, `cut/.checkpoint.safetensors.${child.pid}.tmp`);
  writeFileSync(leftover, "half");
  writeFileSync(join(place, `cut/.checkpoint.safetensors.${process.pid}.tmp`), "another process is writing");
  appendFileSync(log, '{"time":"2026-');
  expect(downhill(place, ["train", orchard, ...options, "--resume", "cut"])).toMatchObject({ code: 0 });
  const answers = ["whole", "cut"].map((run) => downhill(place, ["predict", `${run}/model.safetensors`, orchard]).out);
  expect(answers[1]).toBe(answers[0]);
  expect(existsSync(leftover)).toBe(false);
  expect(readdirSync(join(place, "cut")).filter((name) => name.endsWith(".tmp"))).toHaveLength(1);
  for (const line of readFileSync(log, "utf8").trimEnd().split("\n")) JSON.parse(line);
});

test("Ctrl-C while λ is being chosen ends it", async () => {
  const place = workplace();
  const { child, outcome } = start(place, ["train", orchard, "--target", "Sorte", "--lambda", "auto", "--model", "mlp", "--run", "cut"]);
  const log = join(place, "cut/events.jsonl");
  while (!existsSync(log) || !readFileSync(log, "utf8").includes('"fold"')) await new Promise((r) => setTimeout(r, 5));
  child.kill("SIGINT");
  expect(await outcome).toMatchObject({
    code: 1,
    err: expect.stringContaining("error: downhill train: interrupted before a λ was chosen.\n"),
  });
  expect(readdirSync(join(place, "cut"))).toEqual(["events.jsonl", "options.json"]);
});
