// The training loop. One compiled step does everything on the device: cuts the batch out, forward, loss, penalty, backward,
// update. The loop hands it index lists, reads the losses now and then in bulk so that no step waits, and tells callbacks and
// the event sink what happened.

import { batchIndices } from "../data/split.ts";
import { device } from "../engine/devices.ts";
import { showShape } from "../graph/shape.ts";
import type { Module } from "../nn/module.ts";
import { Optimizer } from "../optim/optimizer.ts";
import type { Penalty } from "../regularize/penalty.ts";
import { compile } from "../tensor/compile.ts";
import { variablesOf } from "../tensor/gradients.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";
import type { EventSink, Scores } from "../util/events.ts";
import { checkNames, checkNumber } from "../util/options.ts";
import { pause } from "../util/pause.ts";
import { asSamples, type Dataset, type Samples } from "./dataset.ts";
import { checkMetrics, checkModel, type Evaluator, inMode, type Loss, makeEvaluator } from "./evaluate.ts";
import type { EpochRecord, History } from "./history.ts";
import type { Metric } from "./metrics.ts";
import { type Callback, Run } from "./run.ts";

export interface FitOptions {
  /** (prediction, target) → scalar, such as `crossEntropy`. */
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  /** Penalties, each on the parameters that it selects: weights, not biases, unless told otherwise. */
  readonly regularizer?: Penalty | readonly Penalty[];
  /** Times that every sample is seen. */
  readonly epochs: number;
  /** Samples a step; the last step of an epoch may have fewer. Default 32. */
  readonly batchSize?: number;
  /** Another order each epoch. Default true. */
  readonly shuffle?: boolean;
  /** Seed of the orders. Default 0. */
  readonly seed?: number;
  /** Scored after each epoch. */
  readonly validation?: Dataset;
  /** Measured beside the loss, by name. */
  readonly metrics?: Readonly<Record<string, Metric>>;
  readonly callbacks?: readonly Callback[];
  /** Told of everything that happens. */
  readonly onEvent?: EventSink;
  /** Ends the run after the step under way, once aborted; callbacks then save. */
  readonly signal?: AbortSignal;
}

export interface FitResult {
  readonly history: History;
  /** Why the run ended early, or null. */
  readonly stopped: string | null;
  /** Updates done, those before a resumed checkpoint included. */
  readonly steps: number;
  readonly seconds: number;
}

const optionNames: readonly string[] = [
  "loss",
  "optimizer",
  "regularizer",
  "epochs",
  "batchSize",
  "shuffle",
  "seed",
  "validation",
  "metrics",
  "callbacks",
  "onEvent",
  "signal",
];

/** Results that may wait to be read. */
const pendingLimit = 256;
/** Milliseconds between two reports. */
const reportEvery = 100;
/** Points of the loss curve, about. */
const curvePoints = 400;
/** Samples at a time in validation, at least. */
const evaluationBatch = 512;

/**
 * Trains a model: minimises the mean loss plus the penalties over a data set.
 *
 * @param model its trainable parameters change
 * @param dataset inputs and targets, samples along axis 0
 * @returns the history; the loss in it is without penalties, which are listed as `penalty`
 * @throws UserError `OPTION`, `DATA` or `SHAPE` for what does not fit together, before the first step; `DIVERGED` when the loss
 *   is no finite number any more; `GRADIENT` when the loss reaches trainable variables that the model does not list
 * @example
 * const model = new Sequential(new Linear(2, 16), relu, new Linear(16, 3));
 * const result = await fit(model, { inputs, targets }, {
 *   loss: crossEntropy, optimizer: adam({ learningRate: 1e-2 }), regularizer: l2(1e-4), epochs: 20, metrics: { accuracy },
 * });
 * console.log(result.history.epochs.at(-1)?.training);
 */
export async function fit(model: Module, dataset: Dataset, options: FitOptions): Promise<FitResult> {
  const plan = makePlan(model, dataset, options);
  return inMode(model, true, () => train(plan));
}

/** Everything that is settled before the first step. */
interface Plan {
  readonly options: FitOptions;
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly penalties: readonly Penalty[];
  readonly callbacks: readonly Callback[];
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly data: Samples;
  readonly validation: Samples | null;
  readonly epochs: number;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly stepsPerEpoch: number;
}

function makePlan(model: Module, dataset: Dataset, options: FitOptions): Plan {
  const where = "fit";
  checkModel(where, model);
  const data = asSamples(where, dataset);
  checkNames(where, options, optionNames);
  const { loss, optimizer, regularizer = [], callbacks = [], metrics = {}, shuffle = true } = options;
  if (typeof loss !== "function")
    throw mistake("OPTION", { where, problem: "loss must be a function", got: loss, advice: "For example { loss: crossEntropy }." });
  if (!(optimizer instanceof Optimizer))
    throw mistake("OPTION", {
      where,
      problem: "optimizer must be an optimiser",
      got: optimizer,
      advice: "For example { optimizer: adam({ learningRate: 1e-3 }) }.",
    });
  checkMetrics(where, metrics);
  const penalties = Array.isArray(regularizer) ? (regularizer as readonly Penalty[]) : [regularizer as Penalty];
  for (const p of penalties)
    if (typeof p?.of !== "function")
      throw mistake("OPTION", {
        where,
        problem: "regularizer must be a penalty, or a list of them",
        got: p,
        advice: "For example { regularizer: l2(1e-4) }.",
      });
  if (!Array.isArray(callbacks) || callbacks.some((c) => typeof c !== "object" || c === null))
    throw mistake("OPTION", {
      where,
      problem: "callbacks must be a list",
      got: callbacks,
      advice: "For example { callbacks: [earlyStopping()] }.",
    });
  const epochs = checkNumber(where, "epochs", options.epochs, { least: 1, integer: true });
  const seed = checkNumber(where, "seed", options.seed ?? 0, { least: 0, integer: true });
  const batchSize = Math.min(data.count, checkNumber(where, "batchSize", options.batchSize ?? 32, { least: 1, integer: true }));
  const validation = options.validation === undefined ? null : asSamples(`${where}, validation`, options.validation);
  const parameters = model.parameters();
  if (parameters.length === 0)
    throw mistake("OPTION", {
      where,
      problem: "the model has no parameters",
      advice: "Put layers into public fields, arrays or objects of the module.",
    });
  if (parameters.every((p) => !p.trainable))
    throw mistake("OPTION", { where, problem: "all parameters of the model are frozen", advice: "Unfreeze some." });
  return {
    options,
    model,
    optimizer,
    penalties,
    callbacks,
    metrics,
    data,
    validation,
    epochs,
    batchSize,
    shuffle,
    seed,
    stepsPerEpoch: Math.ceil(data.count / batchSize),
  };
}

type Step = (at: Int32Array | null) => readonly Tensor[];

/** The compiled step. Its results: the loss, the penalty where there is one, the metrics. */
function makeStep(plan: Plan): { names: string[]; step: Step } {
  const { model, optimizer, penalties, metrics, data, options } = plan;
  const names = ["loss", ...(penalties.length > 0 ? ["penalty"] : []), ...Object.keys(metrics)];
  const parameters = new Set(model.parameters());

  const learn = (inputs: AnyTensor, targets: AnyTensor): Tensor[] => {
    const prediction = model.forward(inputs);
    const loss = options.loss(prediction, targets);
    if (loss.rank !== 0)
      throw mistake("SHAPE", {
        where: "fit",
        problem: "the loss must be a scalar",
        got: showShape(loss.shape),
        advice: 'Use the reduction "mean".',
      });
    const terms = penalties.map((p) => p.of(model)).filter((term) => term !== null);
    const penalty = terms.length === 0 ? null : terms.reduce((sum, term) => sum.add(term));
    const total = penalty === null ? loss : loss.add(penalty);
    for (const v of variablesOf(total)) {
      if (!parameters.has(v as never))
        throw mistake("GRADIENT", {
          where: "fit",
          problem: `the loss reaches the trainable variable "${v.name}", which is no parameter of the model`,
          advice: "Put it into a public field of the model, or make it not trainable.",
        });
    }
    const measured = Object.values(metrics).map((metric) => metric(prediction, targets));
    optimizer.minimize(total);
    return [loss, ...(penalties.length > 0 ? [penalty ?? loss.mul(0)] : []), ...measured];
  };

  // A whole epoch in one step needs no cutting; its order does not matter.
  if (plan.stepsPerEpoch === 1) {
    const whole = compile(learn, { name: "fit" });
    return { names, step: () => whole(data.inputs, data.targets) };
  }
  const part = compile((inputs: AnyTensor, targets: AnyTensor, at: Tensor<"int32">) => learn(inputs.gather(at), targets.gather(at)), {
    name: "fit",
  });
  return { names, step: (at) => part(data.inputs, data.targets, at as Int32Array) };
}

async function train(plan: Plan): Promise<FitResult> {
  const { model, optimizer, callbacks, penalties, data, validation, epochs, batchSize, shuffle, seed, stepsPerEpoch, options } = plan;
  const emit: EventSink = options.onEvent ?? (() => {});
  const { names, step } = makeStep(plan);
  const run = new Run({
    model,
    optimizer,
    penalties,
    callbacks,
    fingerprint: { samples: data.count, batchSize, shuffle, seed },
    measures: names.length,
    epochs,
    emit,
  });
  const began = performance.now();
  run.position.firstStep = optimizer.step.value;
  for (const callback of callbacks) await callback.begin?.(run);
  const stepsBefore = run.position.firstStep;
  optimizer.totalSteps = stepsBefore + epochs * stepsPerEpoch;

  const evaluator =
    validation === null ? null : makeEvaluator(model, { loss: options.loss, ...plan.metrics }, Math.max(batchSize, evaluationBatch));
  emit({
    type: "start",
    device: device().name,
    parameters: model.parameterCount(),
    samples: data.count,
    batchSize,
    epochs,
    stepsPerEpoch,
    step: run.epoch * stepsPerEpoch + run.position.stepInEpoch,
    settings: settingsOf(plan),
  });
  const reader = new Reader(plan, names, run, emit);
  let interrupted = false;
  while (run.epoch < epochs && run.stopReason === null && !interrupted) {
    const epochBegan = performance.now();
    const batches = stepsPerEpoch === 1 ? null : batchIndices(data.count, { batchSize, shuffle, seed, epoch: run.epoch });
    for (let k = run.position.stepInEpoch; k < stepsPerEpoch; k++) {
      const at = batches === null ? null : (batches[k] as Int32Array);
      reader.add(step(at), at?.length ?? data.count);
      if (reader.due()) await reader.read();
      if (options.signal?.aborted === true) {
        interrupted = true;
        break;
      }
    }
    await reader.read();
    if (interrupted && run.position.stepInEpoch < stepsPerEpoch) break;
    const record: EpochRecord = {
      epoch: run.epoch + 1,
      step: stepsBefore + (run.epoch + 1) * stepsPerEpoch,
      training: reader.means(),
      validation: evaluator === null ? null : await validate(model, evaluator, validation as Samples),
      seconds: (performance.now() - epochBegan) / 1000,
    };
    Object.assign(run.position, { epoch: record.epoch, stepInEpoch: 0, samples: 0, sums: names.map(() => 0) });
    run.history.epochs.push(record);
    emit({ type: "epoch", ...record });
    for (const callback of callbacks) await callback.epochEnd?.(run, record);
    if (!interrupted) for (const callback of callbacks) await callback.save?.(run);
  }
  if (interrupted) {
    run.stop("interrupted");
    for (const callback of callbacks) await callback.save?.(run);
  }
  const steps = stepsBefore + run.epoch * stepsPerEpoch + run.position.stepInEpoch;
  if (run.stopReason !== null) emit({ type: "stop", epoch: run.epoch, step: steps, reason: run.stopReason });
  for (const callback of callbacks) await callback.end?.(run);
  const seconds = (performance.now() - began) / 1000;
  const last = run.history.epochs.at(-1);
  emit({ type: "end", epochs: run.epoch, step: steps, seconds, scores: last?.validation ?? last?.training ?? {} });
  return { history: run.history, stopped: run.stopReason, steps, seconds };
}

function validate(model: Module, evaluator: Evaluator, validation: Samples): Promise<Scores & { readonly loss: number }> {
  return inMode(model, false, () => evaluator(validation)) as Promise<{ loss: number }>;
}

/** Reads the results of steps in bulk, sums them up, and reports. */
class Reader {
  readonly #plan: Plan;
  readonly #names: readonly string[];
  readonly #run: Run;
  readonly #emit: EventSink;
  readonly #pending: { readonly values: readonly Tensor[]; readonly samples: number }[] = [];
  readonly #stride: number;
  #reported = performance.now();
  #reports = 0;
  #samplesSince = 0;
  /** Samples a second, smoothed. */
  #speed = 0;

  constructor(plan: Plan, names: readonly string[], run: Run, emit: EventSink) {
    this.#plan = plan;
    this.#names = names;
    this.#run = run;
    this.#emit = emit;
    this.#stride = Math.max(1, Math.ceil((plan.epochs * plan.stepsPerEpoch) / curvePoints));
  }

  add(values: readonly Tensor[], samples: number): void {
    this.#pending.push({ values, samples });
  }

  /** Whether it is time to read. */
  due(): boolean {
    return this.#pending.length >= pendingLimit || performance.now() - this.#reported >= reportEvery;
  }

  /** Means over the epoch so far. */
  means(): Scores & { readonly loss: number } {
    const { samples, sums } = this.#run.position;
    return Object.fromEntries(this.#names.map((name, i) => [name, (sums[i] as number) / samples])) as { loss: number };
  }

  async read(): Promise<void> {
    const { position, history } = this.#run;
    const { stepsPerEpoch } = this.#plan;
    for (const { values, samples } of this.#pending) {
      position.stepInEpoch++;
      position.samples += samples;
      this.#samplesSince += samples;
      for (const [i, value] of values.entries()) {
        const number = await value.item();
        position.sums[i] = (position.sums[i] as number) + number * samples;
        if (i === 0) this.#loss(number, history, position.epoch + position.stepInEpoch / stepsPerEpoch);
      }
    }
    this.#pending.length = 0;
    const now = performance.now();
    if (now - this.#reported < reportEvery) return;
    const speed = (this.#samplesSince / (now - this.#reported)) * 1000;
    // The first report holds the compilation, so the second one begins anew.
    this.#speed = this.#reports++ < 2 ? speed : 0.8 * this.#speed + 0.2 * speed;
    this.#samplesSince = 0;
    this.#reported = now;
    this.#report();
    await pause();
  }

  #loss(value: number, history: History, epoch: number): void {
    const { position, optimizer } = this.#run;
    if (!Number.isFinite(value)) {
      const rate = optimizer.hyperparameters.learningRate;
      throw mistake("DIVERGED", {
        where: "fit",
        problem: `the loss is ${value} at step ${position.stepInEpoch} of epoch ${position.epoch + 1}`,
        advice: `Lower the learning rate${rate === undefined ? "" : ` (now ${rate.value})`}, clip gradients with maxNorm, or look for broken values in the data.`,
      });
    }
    position.curve[0] += value;
    if (++position.curve[1] < this.#stride) return;
    history.steps.push({ epoch, loss: position.curve[0] / position.curve[1] });
    position.curve = [0, 0];
  }

  #report(): void {
    const { epochs, data } = this.#plan;
    const { position, optimizer } = this.#run;
    const left = (epochs - position.epoch) * data.count - position.samples;
    this.#emit({
      type: "progress",
      epoch: position.epoch + 1,
      step: optimizer.step.value,
      totalSteps: optimizer.totalSteps ?? 0,
      stepInEpoch: position.stepInEpoch,
      scores: this.means(),
      samplesPerSecond: this.#speed,
      secondsLeft: this.#speed > 0 ? left / this.#speed : Number.POSITIVE_INFINITY,
    });
  }
}

/** The options that are plain data, for the log. */
function settingsOf({ options, penalties, optimizer, batchSize, shuffle, seed, epochs }: Plan): Record<string, unknown> {
  return {
    loss: options.loss.name,
    epochs,
    batchSize,
    shuffle,
    seed,
    hyperparameters: Object.fromEntries(Object.entries(optimizer.hyperparameters).map(([name, h]) => [name, h.value])),
    penalties: penalties.map((p) => ({ name: p.name, lambda: p.lambda })),
  };
}
