// Using a model without changing it: scores over a data set, and predictions. Both in evaluation mode, batch by batch.

import { batchIndices } from "../data/split.ts";
import { sizeOf } from "../graph/shape.ts";
import { Module } from "../nn/module.ts";
import { compile } from "../tensor/compile.ts";
import { type Data, tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";
import { checkNames } from "../util/options.ts";
import { asSamples, type Dataset, type Samples, samplesOf } from "./dataset.ts";
import type { Metric } from "./metrics.ts";

/** (prediction, target) → scalar. */
// A method's parameters are compared both ways, so that a function of float32 targets is a loss too.
export type Loss = { call(prediction: Tensor, target: AnyTensor): Tensor }["call"];

/** A number for the loss, where one is given, and for each metric. */
export type ScoresOf<O extends EvaluateOptions> = {
  readonly [K in (O extends { readonly loss: Loss } ? "loss" : never) | (keyof O["metrics"] & string)]: number;
};

export interface EvaluateOptions {
  readonly loss?: Loss;
  /** By the name they are reported under. */
  readonly metrics?: Readonly<Record<string, Metric>>;
  /** Samples at a time. Default 512. */
  readonly batchSize?: number;
}

/** Runs `body` with the model in a mode, and puts every part back into the mode it was in. */
export async function inMode<T>(model: Module, training: boolean, body: () => Promise<T> | T): Promise<T> {
  const before = model.modules().map((m) => [m, m.training] as const);
  model.train(training);
  try {
    return await body();
  } finally {
    for (const [m, mode] of before) m.setMode(mode);
  }
}

/** Computes means of named scalars over a data set. */
export type Evaluator = (samples: Samples) => Promise<Record<string, number>>;

/** One program for all batches of one size; the model must be in evaluation mode when it is called. */
export function makeEvaluator(model: Module, measures: Readonly<Record<string, Loss>>, batchSize: number): Evaluator {
  const names = Object.keys(measures);
  const measure = (prediction: Tensor, targets: AnyTensor) => names.map((name) => (measures[name] as Loss)(prediction, targets));
  const whole = compile((inputs: AnyTensor, targets: AnyTensor) => measure(model.forward(inputs), targets), { name: "evaluate" });
  const part = compile(
    (inputs: AnyTensor, targets: AnyTensor, at: Tensor<"int32">) => measure(model.forward(inputs.gather(at)), targets.gather(at)),
    { name: "evaluate" },
  );
  return async ({ inputs, targets, count }) => {
    const sums = names.map(() => 0);
    const add = async (values: readonly Tensor[], weight: number) => {
      for (const [i, value] of values.entries()) sums[i] = (sums[i] as number) + weight * (await value.item());
    };
    if (count <= batchSize) await add(whole(inputs, targets), count);
    else {
      const results = batchIndices(count, { batchSize, shuffle: false }).map((at) => [part(inputs, targets, at), at.length] as const);
      for (const [values, weight] of results) await add(values, weight);
    }
    return Object.fromEntries(names.map((name, i) => [name, (sums[i] as number) / count]));
  };
}

/**
 * The loss and metrics of a model over a data set, each a mean over samples.
 *
 * @returns numbers by name; the loss as `loss`
 * @throws UserError `DATA` for an empty data set, `SHAPE` when shapes do not fit
 * @example
 * const scores = await evaluate(model, test, { loss: crossEntropy, metrics: { accuracy } });
 */
export async function evaluate<O extends EvaluateOptions>(model: Module, dataset: Dataset, options: O): Promise<ScoresOf<O>> {
  checkModel("evaluate", model);
  checkNames("evaluate", options, ["loss", "metrics", "batchSize"]);
  const { loss, metrics = {}, batchSize = 512 } = options;
  const measures = loss === undefined ? metrics : { loss, ...metrics };
  if (Object.keys(measures).length === 0)
    throw mistake("OPTION", { where: "evaluate", problem: "there is nothing to measure", advice: "Give a loss or metrics." });
  checkMetrics("evaluate", metrics);
  const samples = asSamples("evaluate", dataset);
  return inMode(model, false, () => makeEvaluator(model, measures, batchSize)(samples)) as Promise<ScoresOf<O>>;
}

/**
 * What a model computes for each sample, in evaluation mode.
 *
 * @param inputs [samples, ...]
 * @param options `batchSize`: samples at a time, default 512
 * @returns [samples, ...]
 * @throws UserError `DATA` for no samples
 * @example
 * const classes = (await predict(model, [[1, 2], [3, 4]])).argMax(-1);
 * console.log(classes.shape); // [ 2 ]
 */
export async function predict(model: Module, inputs: AnyTensor | Data, options: { readonly batchSize?: number } = {}): Promise<Tensor> {
  checkModel("predict", model);
  checkNames("predict", options, ["batchSize"]);
  const x = samplesOf("predict", "inputs", inputs);
  const count = x.shape[0] as number;
  const { batchSize = 512 } = options;
  return inMode(model, false, async () => {
    if (count <= batchSize) return compile((all: AnyTensor) => model.forward(all), { name: "predict" })(x);
    const forward = compile((all: AnyTensor, at: Tensor<"int32">) => model.forward(all.gather(at)), { name: "predict" });
    const parts = batchIndices(count, { batchSize, shuffle: false }).map((at) => forward(x, at));
    const shape = [count, ...(parts[0] as Tensor).shape.slice(1)];
    const all = new Float32Array(sizeOf(shape));
    let at = 0;
    for (const part of parts) {
      all.set(await part.data(), at);
      at += part.size;
    }
    return tensor(all, { shape });
  });
}

/** Metrics are functions by name, and two names are taken. */
export function checkMetrics(where: string, metrics: Readonly<Record<string, Metric>>): void {
  const advice = "For example { metrics: { accuracy } }.";
  if (typeof metrics !== "object" || Array.isArray(metrics))
    throw mistake("OPTION", { where, problem: "metrics must be functions by name", got: metrics, advice });
  for (const [name, metric] of Object.entries(metrics)) {
    if (name === "loss" || name === "penalty") throw mistake("OPTION", { where, problem: `a metric cannot be called "${name}"` });
    if (typeof metric !== "function")
      throw mistake("OPTION", { where, problem: `the metric "${name}" must be a function`, got: metric, advice });
  }
}

export function checkModel(where: string, model: unknown): asserts model is Module {
  if (model instanceof Module) return;
  throw mistake("OPTION", { where, problem: "the model must be a module", got: model, advice: "Wrap layers in new Sequential(...)." });
}
