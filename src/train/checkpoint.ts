// A checkpoint: one safetensors file with the model, the optimiser's slots, the generator and the callbacks' tensors, and in
// its metadata, as JSON, where the run is. Written whole or not at all.

import { checkFormat, formatEntries, type OwnFormat } from "../io/format.ts";
import { exists, makeFolder, writeFileAtomically } from "../io/node/file.ts";
import { decodeSafetensors, encodeSafetensors } from "../io/safetensors.ts";
import { mistake } from "../util/errors.ts";
import { checkNames, checkNumber } from "../util/options.ts";
import { paths, readFile } from "../util/system.ts";
import type { Callback, SavedRun } from "./run.ts";

const checkpointFormat: OwnFormat = { format: "downhill-checkpoint", version: 1, code: "CHECKPOINT", noun: "checkpoint" };

export interface CheckpointOptions {
  /** Go on from the folder's checkpoint, if there is one. Default false. */
  readonly resume?: boolean;
  /** Save every so many epochs; the last one always. Default 1. */
  readonly every?: number;
}

/**
 * Saves the whole run to `<folder>/checkpoint.safetensors` after each epoch, and goes on from there when told to: with the
 * same data and options, to the same numbers as a run that was never interrupted.
 *
 * @throws UserError `FILE` when the folder cannot be written to, before the first step; `CHECKPOINT` or `WEIGHTS` when the
 *   checkpoint is of another run
 * @example
 * await fit(model, train, { ...options, callbacks: [checkpoint("runs/mnist", { resume: true })] });
 */
export function checkpoint(folder: string, options: CheckpointOptions = {}): Callback {
  const where = "checkpoint";
  checkNames(where, options, ["resume", "every"]);
  const every = checkNumber(where, "every", options.every ?? 1, { least: 1, integer: true });
  if (typeof folder !== "string" || folder === "")
    throw mistake("OPTION", { where, problem: "needs the path of a folder", got: folder, advice: 'For example checkpoint("runs/mnist").' });
  let path = "";

  return {
    name: where,
    begin(run) {
      makeFolder(folder);
      path = paths("checkpoints").join(folder, "checkpoint.safetensors");
      if (options.resume === true && exists(path)) run.restore(path, readCheckpoint(path));
    },
    async save(run) {
      if (run.epoch % every !== 0 && run.epoch < run.epochs && run.stopReason === null) return;
      const saved = await run.capture();
      const metadata = { ...formatEntries(checkpointFormat), run: JSON.stringify(saved.data) };
      writeFileAtomically(path, encodeSafetensors(saved.tensors, metadata));
      run.emit({ type: "checkpoint", epoch: run.epoch, step: run.optimizer.step.value, path });
    },
  };
}

/**
 * Reads a checkpoint's content.
 *
 * @throws UserError `FILE`, `SAFETENSORS`, `CHECKPOINT` when the file is something else
 */
export function readCheckpoint(path: string): SavedRun {
  const { tensors, metadata } = decodeSafetensors(readFile(path), path);
  checkFormat(path, metadata, checkpointFormat);
  const damaged = mistake("CHECKPOINT", {
    where: path,
    problem: "the checkpoint's metadata is damaged",
    advice: "Begin anew in another folder.",
  });
  let data: SavedRun["data"];
  try {
    data = JSON.parse(metadata.run ?? "") as SavedRun["data"];
  } catch {
    throw damaged;
  }
  if (!isWhole(data)) throw damaged;
  return { tensors, data };
}

/** Whether what a file says of a run has the form that restoring it relies on. */
function isWhole(data: SavedRun["data"] | null): boolean {
  const record = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
  const numbers = (values: unknown) => Array.isArray(values) && values.every((v) => typeof v === "number");
  if (!record(data) || !record(data.position) || !record(data.history) || !record(data.fingerprint) || !record(data.hyperparameters))
    return false;
  const { position, history, hyperparameters, lambdas, callbacks } = data as SavedRun["data"];
  const counts = [position.firstStep, position.epoch, position.stepInEpoch, position.samples];
  return (
    counts.every((n) => Number.isSafeInteger(n) && n >= 0) &&
    numbers(position.sums) &&
    numbers(position.curve) &&
    position.curve.length === 2 &&
    Array.isArray(history.epochs) &&
    history.epochs.every((e) => record(e) && record(e.training) && (e.validation === null || record(e.validation))) &&
    Array.isArray(history.steps) &&
    history.steps.every(record) &&
    numbers(Object.values(hyperparameters)) &&
    numbers(lambdas) &&
    Array.isArray(callbacks)
  );
}
