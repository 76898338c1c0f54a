// The command `downhill predict`: a bundle and new rows in, predictions out, as CSV.

import { readIdx, readTable } from "../data/node/read.ts";
import { applyPreprocessing, textsOf } from "../data/preprocess.ts";
import { columnOf } from "../data/table.ts";
import type { Target } from "../data/target.ts";
import { setDevice } from "../engine/devices.ts";
import { writeFileAtomically } from "../io/node/file.ts";
import { tensor } from "../tensor/create.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { predict as forward } from "../train/evaluate.ts";
import { mistake } from "../util/errors.ts";
import { type BundleConfig, loadBundle } from "./bundle.ts";
import { type Command, choice, flag, type OptionsFor, text } from "./options.ts";
import { showCount, showNumber } from "./progress.ts";
import { percent } from "./report.ts";

export interface PredictValues {
  readonly out: string | undefined;
  readonly delimiter: string | undefined;
  readonly header: "yes" | "no" | undefined;
  readonly device: string;
  readonly trace: boolean;
}

const options: OptionsFor<PredictValues> = {
  out: text({ help: "file to write the predictions to", placeholder: "FILE", shownDefault: "standard output" }),
  delimiter: text({ help: "what stands between values; tab for a tabulator", placeholder: "CHARACTER", shownDefault: "recognised" }),
  header: choice(["yes", "no"], { help: "whether the first row holds names", shownDefault: "recognised" }),
  device: text({ help: "where to compute: auto, wasm, native or reference", default: "auto", placeholder: "NAME" }),
  trace: flag({ help: "show where an error came from" }),
};

export const predict: Command<PredictValues> = {
  name: "predict",
  summary: "Uses a saved model on new rows or images.",
  description: [
    "Writes CSV, one line for each row of the input, in its order: the prediction, and for classes the probability of each. Where the new data has the target's column too, the score is reported on standard error.",
    "The bundle is the model.safetensors that downhill train wrote. Columns are found by name; the preprocessing is the one learned in training. A model for images takes an IDX file.",
  ],
  positionals: [
    { name: "bundle", help: "the model.safetensors of a run" },
    { name: "data", help: "a CSV file with the columns of the training data, or an IDX file of images" },
  ],
  options,
  examples: [
    ["downhill predict runs/flowers/model.safetensors new.csv", "Prints the predictions."],
    ["downhill predict runs/flowers/model.safetensors new.csv --out predictions.csv", "Writes them to a file."],
  ],
  async run(values, [bundlePath, dataPath]) {
    setDevice(values.device as "auto");
    const { model, config } = loadBundle(bundlePath as string);
    const { inputs, truth } = readInputs(config, dataPath as string, values);
    const output = await forward(model, inputs);
    const rows = rowsOf(config.target, (await output.data()) as Float32Array, output.shape);
    const csv = `${rows.map((row) => row.map(quote).join(",")).join("\n")}\n`;
    if (values.out === undefined) process.stdout.write(csv);
    else {
      writeFileAtomically(values.out, csv);
      process.stderr.write(`${showCount(rows.length - 1)} predictions in ${values.out}\n`);
    }
    if (truth !== null) process.stderr.write(`${compare(config.target, rows, truth)}\n`);
  },
};

/** The model's inputs, and the target's texts where the data has them. */
function readInputs(
  { input, target, network }: BundleConfig,
  path: string,
  values: PredictValues,
): { inputs: AnyTensor; truth: (string | null)[] | null } {
  if (input.kind === "images") {
    const images = readIdx(path);
    const [height, width] = input.size;
    if (images.dtype !== "uint8" || images.shape.length !== 3 || images.shape[1] !== height || images.shape[2] !== width)
      throw mistake("DATA", {
        where: path,
        problem: "not the images that the model takes",
        got: `${images.dtype}[${images.shape.join(",")}]`,
        expected: `uint8[n,${height},${width}]`,
      });
    return { inputs: tensor(images.data as Uint8Array, { shape: images.shape }), truth: null };
  }
  const { preprocessing } = input;
  const categorical = preprocessing.features.filter((f) => f.kind === "category").map((f) => f.name);
  const delimiter = values.delimiter === undefined ? {} : { delimiter: values.delimiter === "tab" ? "\t" : values.delimiter };
  const header = values.header === undefined ? {} : { header: values.header === "yes" };
  const numeric = preprocessing.features.filter((f) => f.kind === "number").map((f) => f.name);
  const table = readTable(path, { ...delimiter, ...header, categorical, numeric });
  const { data, shape } = applyPreprocessing(preprocessing, table);
  if (shape[1] !== network.inputs)
    throw mistake("BUNDLE", {
      where: path,
      problem: "the bundle's network and preprocessing do not fit",
      got: shape[1],
      expected: network.inputs,
    });
  const truth = table.columns.some((c) => c.name === target.name) ? textsOf(columnOf(table, target.name)) : null;
  return { inputs: tensor(data, { shape }), truth };
}

/** Header and rows of the output. */
function rowsOf(target: Target, scores: Float32Array, shape: readonly number[]): string[][] {
  const [count, width] = shape as readonly [number, number];
  if (target.task === "regress") {
    return [[target.name], ...Array.from(scores, (v) => [String(Number((v * target.scale + target.mean).toPrecision(7)))])];
  }
  const rows = [[target.name, ...target.labels.map((label) => `p(${label})`)]];
  for (let i = 0; i < count; i++) {
    const row = scores.subarray(i * width, (i + 1) * width);
    const largest = Math.max(...row);
    const weights = Array.from(row, (v) => Math.exp(v - largest));
    const total = weights.reduce((sum, w) => sum + w, 0);
    rows.push([target.labels[row.indexOf(largest)] as string, ...weights.map((w) => String(Number((w / total).toPrecision(6))))]);
  }
  return rows;
}

/** How good the predictions are, where the truth is known. */
function compare(target: Target, rows: readonly (readonly string[])[], truth: readonly (string | null)[]): string {
  const pairs = truth.flatMap((t, i) => (t === null ? [] : [[t, (rows[i + 1] as readonly string[])[0] as string] as const]));
  if (pairs.length === 0) return `${target.name}: no row has a value to compare with`;
  if (target.task === "classify") {
    const right = pairs.filter(([t, p]) => t === p).length;
    return `accuracy ${percent(right / pairs.length)} (${right} of ${pairs.length})`;
  }
  const squares = pairs.reduce((sum, [t, p]) => sum + (Number(t) - Number(p)) ** 2, 0);
  return `RMSE ${showNumber(Math.sqrt(squares / pairs.length))} over ${pairs.length} rows`;
}

function quote(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replace(/"/g, '""')}"` : cell;
}
