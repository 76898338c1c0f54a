// `downhill train file.csv`: from a table with a target column to a tested model in one bundle.

import { readTable } from "../data/node/read.ts";
import { applyPreprocessing, describePreprocessing, fitPreprocessing, type Preprocessing } from "../data/preprocess.ts";
import { splitSamples } from "../data/split.ts";
import { columnOf, type NumberColumn, type Table, takeRows } from "../data/table.ts";
import { encodeTarget, fitTarget, recogniseTask, rowsWithTarget, type Target } from "../data/target.ts";
import { device } from "../engine/devices.ts";
import { crossEntropy } from "../loss/classification.ts";
import { meanSquaredError } from "../loss/regression.ts";
import type { Sequential } from "../nn/sequential.ts";
import { adam } from "../optim/named.ts";
import { cosine } from "../optim/schedule.ts";
import { l2 } from "../regularize/penalty.ts";
import { tensor } from "../tensor/create.ts";
import { seed as setSeed } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { converged, earlyStopping } from "../train/callbacks.ts";
import { checkpoint } from "../train/checkpoint.ts";
import type { Dataset } from "../train/dataset.ts";
import { evaluate, type Loss, predict } from "../train/evaluate.ts";
import { type FitResult, fit } from "../train/fit.ts";
import { accuracy } from "../train/metrics.ts";
import type { Callback } from "../train/run.ts";
import { crossValidate, logSpaced } from "../tune/crossValidate.ts";
import { mistake } from "../util/errors.ts";
import type { Scores } from "../util/events.ts";
import { paths } from "../util/system.ts";
import { saveBundle } from "./bundle.ts";
import { buildNetwork, describeNetwork, type NetworkSpec } from "./network.ts";
import { showCount, showNumber } from "./progress.ts";
import { facts, lambdaTable, percent } from "./report.ts";
import { openSession, type Session } from "./session.ts";
import { csvOptions } from "./shared.ts";
import { hiddenSizes, type TrainValues } from "./train.ts";

/** Rows up to which every step sees all of them. */
const fullBatchRows = 1024;
const batchRows = 256;
/** Updates of a whole run, unless --epochs says otherwise. */
const defaultSteps = { linear: 1000, mlp: 1500 } as const;
/** Share of the training rows that early stopping looks at. */
const validationShare = 0.15;
/** Share of the rows to test on, unless --test says otherwise. */
const testShare = 0.2;
const defaultFolds = 5;
/** Rows without which nothing can be said. */
const leastRows = 10;
const leastToTrain = 5;

/** A model, with what it learned of the rows it was trained on. */
interface Fitted {
  readonly model: Sequential;
  readonly network: NetworkSpec;
  readonly preprocessing: Preprocessing;
  readonly target: Target;
}

/** What the options come down to for this table. */
interface Setup {
  readonly table: Table;
  readonly task: "classify" | "regress";
  /** Labels of all rows; only the numbers' mean and scale are learned from training rows. */
  readonly labels: Target | null;
  readonly values: TrainValues;
  readonly name: string;
  readonly hidden: readonly number[];
}

/** Runs the whole command. */
export async function trainTable(file: string, values: TrainValues): Promise<void> {
  const { target: name } = values;
  if (name === undefined)
    throw mistake("OPTION", { where: "downhill train", problem: "--target is missing", advice: `Name the column of ${file} to predict.` });
  const { categorical } = values;
  const whole = readTable(file, { ...csvOptions(values), categorical, names: [name, ...categorical] });
  const known = rowsWithTarget(whole, name);
  if (known.length < leastRows)
    throw mistake("DATA", { where: file, problem: "too few rows with a target", got: known.length, expected: `at least ${leastRows}` });
  const table = known.length === whole.rows ? whole : takeRows(whole, known);
  const recognised = recogniseTask(table, name);
  const task = values.task ?? recognised.task;
  const setup: Setup = {
    table,
    task,
    labels: task === "classify" ? fitTarget(table, name, task) : null,
    values,
    name,
    hidden: hiddenOf(values),
  };
  const all = fitTarget(table, name, task);
  if (all.task === "regress" && new Set((columnOf(table, name) as NumberColumn).values).size === 1)
    throw mistake("DATA", { where: `${file}, column "${name}"`, problem: "there is nothing to learn", got: `${all.mean} in every row` });
  const codes = all.task === "classify" ? (encodeTarget(all, table) as Int32Array) : undefined;
  const fraction = values.test ?? testShare;
  const parts = splitSamples(table.rows, { fraction, seed: values.seed, ...(codes === undefined ? {} : { labels: codes }) });
  if (parts.train.length < leastToTrain)
    throw mistake("OPTION", {
      where: "--test",
      problem: "leaves too few rows to train",
      got: parts.train.length,
      expected: `at least ${leastToTrain}`,
    });
  if (values.folds !== undefined && values.folds > parts.train.length)
    throw mistake("OPTION", {
      where: "--folds",
      problem: "more folds than rows to train",
      got: values.folds,
      expected: `2 to ${parts.train.length}`,
    });
  // Everything that can be wrong with the columns comes to light before a folder is made.
  const preprocessing = fitPreprocessing(takeRows(table, parts.train), [name]);

  const session = openSession({
    name: paths("runs").parse(file).name,
    data: file,
    values,
    held: setup.hidden.length > 0 ? "validation" : "test",
  });
  try {
    const missing = whole.rows - table.rows;
    session.print(
      `${file}: ${showCount(whole.rows)} rows, ${whole.columns.length} columns`,
      ...whole.notes.map((note) => `  ${note}`),
      ...(missing > 0 ? [`  ${name}: ${missing} ${missing === 1 ? "row" : "rows"} without a value left out`] : []),
      `target ${name}: ${describeTask(all, values.task === undefined ? recognised.reason : null)}`,
      `split: ${showCount(parts.train.length)} rows to train, ${showCount(parts.test.length)} to test${codes === undefined ? "" : ", each class in proportion"}`,
      ...describePreprocessing(preprocessing).map((line) => `  ${line}`),
    );
    const lambda = values.lambda === "auto" ? await chooseLambda(setup, parts.train, codes, session) : (values.lambda ?? 1e-3);
    await trainAndReport(setup, parts, lambda, session, file);
  } finally {
    session.close();
  }
}

function hiddenOf(values: TrainValues): readonly number[] {
  if (values.model === "mlp") return hiddenSizes(values, [64, 64]);
  if (values.hidden.length === 0) return [];
  throw mistake("OPTION", { where: "--hidden", problem: "a linear model has no hidden layers", advice: "Add --model mlp." });
}

function describeTask(target: Target, reason: string | null): string {
  const why = reason === null ? "as told" : `${reason}; --task overrules`;
  if (target.task === "regress") return `regression (${why})`;
  const { labels } = target;
  const list = `${labels
    .slice(0, 8)
    .map((text) => (/[\s,"]/.test(text) ? JSON.stringify(text) : text))
    .join(", ")}${labels.length > 8 ? ", …" : ""}`;
  return `classification, ${labels.length} classes: ${list} (${why})`;
}

function lossOf(task: "classify" | "regress"): Loss {
  return task === "classify" ? crossEntropy : (prediction, target) => meanSquaredError(prediction.squeeze(-1), target);
}

function datasetOf(fitted: Pick<Fitted, "preprocessing" | "target">, table: Table): Dataset {
  const { data, shape } = applyPreprocessing(fitted.preprocessing, table);
  return { inputs: tensor(data, { shape }), targets: tensor(encodeTarget(fitted.target, table)) };
}

interface TrainingRun {
  /** Where to save and what to tell; null inside cross-validation. */
  readonly session: Session | null;
  /** Rows that are only measured along the way. */
  readonly shown?: Table;
}

/** A linear model on all rows at once is a convex problem without noise: large steps reach its bottom. */
function learningRate(mlp: boolean, stepsPerEpoch: number): number {
  if (mlp) return 3e-3;
  return stepsPerEpoch === 1 ? 0.3 : 0.05;
}

/** Learns everything from the given rows alone: preprocessing, then weights. */
async function trainOn(setup: Setup, rows: Table, lambda: number, run: TrainingRun): Promise<Fitted & { result: FitResult }> {
  const { values, task, name, hidden } = setup;
  const mlp = hidden.length > 0;
  const target = setup.labels ?? fitTarget(rows, name, task);
  // A network is stopped early, by rows of its own.
  const codes = target.task === "classify" ? (encodeTarget(target, rows) as Int32Array) : undefined;
  const inner = mlp
    ? splitSamples(rows.rows, { fraction: validationShare, seed: values.seed, ...(codes === undefined ? {} : { labels: codes }) })
    : null;
  const learned = inner === null ? rows : takeRows(rows, inner.train);
  const preprocessing = fitPreprocessing(learned, [name]);
  const fitted = { preprocessing, target };
  const data = datasetOf(fitted, learned);

  const batchSize = values["batch-size"] ?? (learned.rows <= fullBatchRows ? learned.rows : batchRows);
  const stepsPerEpoch = Math.ceil(learned.rows / batchSize);
  const epochs = values.epochs ?? Math.max(10, Math.ceil(defaultSteps[mlp ? "mlp" : "linear"] / stepsPerEpoch));
  const network: NetworkSpec = {
    inputs: (data.inputs as Tensor).shape[1] as number,
    hidden,
    outputs: target.task === "classify" ? target.labels.length : 1,
    images: false,
  };
  setSeed(values.seed);
  const model = buildNetwork(network);
  const validation = inner !== null ? takeRows(rows, inner.test) : run.shown;
  const callbacks: Callback[] = [
    mlp ? earlyStopping({ patience: Math.max(5, Math.ceil(epochs / 10)) }) : converged({ tolerance: 1e-7, patience: 5 }),
  ];
  const { session } = run;
  if (session !== null)
    callbacks.push(checkpoint(session.folder, { resume: values.resume !== undefined, every: Math.max(1, Math.ceil(epochs / 20)) }));
  const result = await fit(model, data, {
    loss: lossOf(task),
    optimizer: adam({ learningRate: cosine(values["learning-rate"] ?? learningRate(mlp, stepsPerEpoch)) }),
    regularizer: l2(lambda),
    epochs,
    batchSize,
    seed: values.seed,
    callbacks,
    metrics: task === "classify" ? { accuracy } : {},
    ...(session === null ? {} : { onEvent: session.onEvent, signal: session.signal }),
    ...(validation === undefined ? {} : { validation: datasetOf(fitted, validation) }),
  });
  return { model, network, preprocessing, target, result };
}

async function chooseLambda(setup: Setup, train: Int32Array, codes: Int32Array | undefined, session: Session): Promise<number> {
  const { table, values, task } = setup;
  const rows = takeRows(table, train);
  const labels = codes === undefined ? {} : { labels: Array.from(train, (i) => codes[i] as number) };
  const lambdas = logSpaced(1e-5, 10, 13);
  const folds = values.folds ?? defaultFolds;
  session.print(`choosing λ by ${folds}-fold cross-validation over ${lambdas.length} values`);
  const result = await crossValidate({
    samples: rows.rows,
    folds,
    seed: values.seed,
    lambdas,
    choose: values["one-standard-error"] ? "oneStandardError" : "best",
    ...labels,
    train: (samples, lambda) => {
      if (session.signal.aborted) throw mistake("INTERRUPTED", { where: "downhill train", problem: "interrupted before a λ was chosen" });
      return trainOn(setup, takeRows(rows, samples), lambda, { session: null });
    },
    score: async (fitted, samples) => {
      const scores = await evaluate(fitted.model, datasetOf(fitted, takeRows(rows, samples)), { loss: lossOf(task) });
      // Targets are standardised anew in each fold: errors are compared in the column's own units.
      return (scores.loss as number) * (fitted.target.task === "regress" ? fitted.target.scale ** 2 : 1);
    },
    onEvent: session.onEvent,
  });
  session.print(...lambdaTable(result, result.lambda, task === "classify" ? "cross-entropy" : "squared error").map((line) => `  ${line}`));
  return result.lambda;
}

async function trainAndReport(
  setup: Setup,
  parts: { train: Int32Array; test: Int32Array },
  lambda: number,
  session: Session,
  file: string,
): Promise<void> {
  const { table, values, task, name } = setup;
  const testRows = takeRows(table, parts.test);
  const fitted = await trainOn(setup, takeRows(table, parts.train), lambda, { session, shown: testRows });
  const { model, network, preprocessing, target, result } = fitted;
  if (result.stopped === "interrupted") {
    session.print(`The run is kept: go on with --resume ${session.folder}`);
    process.exitCode = 130;
    return;
  }
  const scores = await testScores(fitted, testRows);
  const bundle = session.path("model.safetensors");
  await saveBundle(bundle, model, {
    input: { kind: "table", preprocessing },
    target,
    network,
    training: { data: file, rows: parts.train.length, lambda, seed: values.seed, test: scores, finished: new Date().toISOString() },
  });
  const summary =
    task === "classify"
      ? `test accuracy ${percent(scores.accuracy as number)}`
      : `test RMSE ${showNumber(scores.rootMeanSquaredError as number)}`;
  const curve = session.drawCurve(result.history, `${name}, ${describeNetwork(network)}`, `${summary}, λ ${showNumber(lambda)}`);
  session.print(
    "",
    ...facts([
      ...Object.entries(scores).map(
        ([key, value]) => [`test ${label(key)}`, key.toLowerCase().endsWith("accuracy") ? percent(value) : showNumber(value)] as const,
      ),
      ["model", `${describeNetwork(network)}, ${showCount(model.parameterCount())} parameters, λ ${showNumber(lambda)}`],
      ["trained", `${result.seconds.toFixed(1)} s on ${device().name}${result.stopped === null ? "" : `; ${result.stopped}`}`],
      ["bundle", bundle],
      ["loss curve", curve],
      ["log", session.path("events.jsonl")],
    ]),
    "",
    `Use it:  downhill predict ${bundle} new.csv`,
  );
}

const labels: Readonly<Record<string, string>> = {
  rSquared: "R²",
  rootMeanSquaredError: "RMSE",
  meanAbsoluteError: "MAE",
  crossEntropy: "cross-entropy",
  baselineAccuracy: "accuracy of the most frequent class",
};

function label(key: string): string {
  return labels[key] ?? key;
}

/** Scores on rows that nothing was learned from, numbers in the target's own units. */
export async function testScores(fitted: Pick<Fitted, "model" | "preprocessing" | "target">, rows: Table): Promise<Scores> {
  const { model, target } = fitted;
  const data = datasetOf(fitted, rows);
  if (target.task === "classify") {
    const { loss, accuracy: share } = await evaluate(model, data, { loss: crossEntropy, metrics: { accuracy } });
    const codes = await (data.targets as Tensor<"int32">).data();
    const counts = target.labels.map((_, i) => codes.filter((c) => c === i).length);
    return { accuracy: share as number, crossEntropy: loss as number, baselineAccuracy: Math.max(...counts) / codes.length };
  }
  const predicted = await (await predict(model, data.inputs)).data();
  const truth = await (data.targets as Tensor).data();
  const mean = truth.reduce((sum, v) => sum + v, 0) / truth.length;
  let [squared, absolute, spread] = [0, 0, 0];
  truth.forEach((v, i) => {
    const error = (predicted[i] as number) - v;
    squared += error ** 2;
    absolute += Math.abs(error);
    spread += (v - mean) ** 2;
  });
  return {
    // Rows that are all the same have no variance to explain.
    ...(spread > 0 ? { rSquared: 1 - squared / spread } : {}),
    rootMeanSquaredError: Math.sqrt(squared / truth.length) * target.scale,
    meanAbsoluteError: (absolute / truth.length) * target.scale,
  };
}
