// The command `downhill predict`: a bundle and new rows in, predictions out, as CSV.

import { type Csv, isMissing, parseNumber } from "../data/csv.ts";
import { readCsv, readIdx } from "../data/node/read.ts";
import { applyPreprocessing, describeUnseen } from "../data/preprocess.ts";
import { tableFromCsv, usesDecimalComma } from "../data/table.ts";
import type { Target } from "../data/target.ts";
import { setDevice } from "../engine/devices.ts";
import { writeFileAtomically } from "../io/node/file.ts";
import { tensor } from "../tensor/create.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { predict as forward } from "../train/evaluate.ts";
import { mistake } from "../util/errors.ts";
import { type BundleConfig, loadBundle } from "./bundle.ts";
import { type Command, type OptionsFor, text } from "./options.ts";
import { showCount, showNumber } from "./progress.ts";
import { percent } from "./report.ts";
import { csvOptions, type SharedValues, sharedOptions } from "./shared.ts";

export interface PredictValues extends SharedValues {
  readonly out: string | undefined;
}

const options: OptionsFor<PredictValues> = {
  out: text({ help: "file to write the predictions to", placeholder: "FILE", shownDefault: "standard output" }),
  ...sharedOptions,
};

export const predict: Command<PredictValues> = {
  name: "predict",
  summary: "Uses a saved model on new rows or images.",
  description: [
    "Writes CSV, one line for each row of the input, in its order: the prediction, and for classes the probability of each. Where the new data has the target's column too, the score is reported on standard error.",
    "The bundle is the model.safetensors that downhill train wrote. Columns are found by name, in any order, and others are not looked at; the preprocessing is the one learned in training. Texts that the training rows did not have stand for no category, and it says so. A model for images takes an IDX file.",
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
    setDevice(values.device);
    const { model, config } = loadBundle(bundlePath as string);
    const { inputs, notes, lines, truth } = readInputs(config, dataPath as string, values);
    const output = await forward(model, inputs);
    const scores = (await output.data()) as Float32Array;
    const wild = scores.findIndex((v) => !Number.isFinite(v));
    if (wild >= 0) {
      const row = Math.floor((wild * (inputs.shape[0] as number)) / scores.length);
      throw mistake("DATA", {
        where: lines === null ? (dataPath as string) : `${dataPath} line ${lines[row]}`,
        problem: "the prediction is no finite number",
        advice: "Look for a number that is far too large.",
      });
    }
    const rows = rowsOf(config.target, scores, output.shape);
    for (const note of notes) process.stderr.write(`${note}\n`);
    const csv = `${rows.map((row) => row.map(quote).join(",")).join("\n")}\n`;
    if (values.out === undefined) process.stdout.write(csv);
    else {
      writeFileAtomically(values.out, csv);
      process.stderr.write(`${showCount(rows.length - 1)} ${rows.length === 2 ? "prediction" : "predictions"} in ${values.out}\n`);
    }
    if (truth !== null) process.stderr.write(`${compare(config.target, rows, truth)}\n`);
  },
};

interface Inputs {
  readonly inputs: AnyTensor;
  /** What a person should know about how the data was read. */
  readonly notes: readonly string[];
  /** Lines of the file on which the rows begin. */
  readonly lines: readonly number[] | null;
  /** The targets as predictions are written, null where one is missing; null where the data has none. */
  readonly truth: readonly (string | null)[] | null;
}

function readInputs({ input, target }: BundleConfig, path: string, values: PredictValues): Inputs {
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
    return { inputs: tensor(images.data as Uint8Array, { shape: images.shape }), notes: [], lines: null, truth: null };
  }
  const { preprocessing } = input;
  const named = (kind: "category" | "number") => preprocessing.features.filter((f) => f.kind === kind).map((f) => f.name);
  const columns = preprocessing.features.map((f) => f.name);
  const csv = readCsv(path, { ...csvOptions(values), names: columns });
  if (!csv.header && columns.some((name) => !csv.names.includes(name)))
    throw mistake("CSV", {
      where: path,
      problem: "there is no header, so the columns cannot be told apart",
      got: `a first row of ${csv.names.length} values`,
      expected: `names, among them ${columns.slice(0, 4).join(", ")}${columns.length > 4 ? ", …" : ""}`,
    });
  const table = tableFromCsv(csv, { columns, categorical: named("category"), numeric: named("number") });
  const { data, shape } = applyPreprocessing(preprocessing, table);
  return { inputs: tensor(data, { shape }), notes: describeUnseen(preprocessing, table), lines: csv.lines, truth: truthOf(target, csv) };
}

/** The targets, where the data has them: numbers as JavaScript writes them, unless a label is written otherwise. */
function truthOf(target: Target, csv: Csv): (string | null)[] | null {
  const column = csv.names.indexOf(target.name);
  if (column < 0) return null;
  const comma = usesDecimalComma(csv);
  const numbers = target.task === "regress" || target.labels.every((label) => String(Number(label)) === label);
  return csv.rows.map((row) => {
    const cell = row[column] as string;
    if (isMissing(cell)) return null;
    const value = numbers ? parseNumber(cell, comma) : Number.NaN;
    if (Number.isNaN(value)) return target.task === "regress" ? null : cell.trim();
    return String(value);
  });
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
