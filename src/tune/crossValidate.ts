// Choosing the strength of a penalty by k-fold cross-validation: everything that is learned, preprocessing too, is learned
// anew on the other k − 1 folds, then judged on the one left out.
// Source: Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 7.10, with its one-standard-error rule.

import { type Fold, kFold } from "../data/split.ts";
import { mistake } from "../util/errors.ts";
import type { EventSink } from "../util/events.ts";
import { checkNames, checkNumber } from "../util/options.ts";
import { pause } from "../util/pause.ts";

export interface CrossValidationOptions<M> {
  /** Number of samples. */
  readonly samples: number;
  /** Class of each sample: folds are then stratified. */
  readonly labels?: ArrayLike<number>;
  /** Default 5. */
  readonly folds?: number;
  /** Seed of the folds. Default 0. */
  readonly seed?: number;
  /** Strengths to compare, in any order, each finite and at least 0. */
  readonly lambdas: readonly number[];
  /** Which λ the last fit on all samples gets. Default `best`. */
  readonly choose?: "best" | "oneStandardError";
  /** Learns on some samples only, preprocessing included. */
  train(samples: Int32Array, lambda: number): Promise<M> | M;
  /** The mean error on some samples: smaller is better. */
  score(model: M, samples: Int32Array): Promise<number> | number;
  /** Told of each finished fold. */
  readonly onEvent?: EventSink;
}

/** Scores of all strengths, from the weakest to the strongest. */
export interface LambdaScores {
  readonly lambdas: readonly number[];
  /** `scores[i][k]`: the error of strength i on fold k. */
  readonly scores: readonly (readonly number[])[];
  readonly mean: readonly number[];
  /** Sample standard deviation (divisor k − 1) of the folds over √k. */
  readonly standardError: readonly number[];
  /** Index of the smallest mean; of the stronger penalty among equals. */
  readonly best: number;
  /** Index of the strongest penalty whose mean is at most the best one's mean plus its standard error. */
  readonly oneStandardError: number;
}

export interface CrossValidation<M> extends LambdaScores {
  /** The strength that was chosen. */
  readonly lambda: number;
  /** Learned on all samples with that strength. */
  readonly model: M;
}

/**
 * Sums up fold scores, and picks the best strength and the strongest one that is as good within a standard error.
 *
 * @param lambdas strengths, increasing
 * @param scores errors, strength by fold; not finite counts as infinitely bad
 * @example
 * const { best, oneStandardError } = summarise([0.1, 1, 10], [[4, 4.2], [3, 5], [9, 8]]);
 * console.log(best, oneStandardError); // 1 1
 */
export function summarise(lambdas: readonly number[], scores: readonly (readonly number[])[]): LambdaScores {
  const mean = scores.map((row) => row.reduce((sum, s) => sum + s, 0) / row.length);
  const standardError = scores.map((row, i) => {
    const squares = row.reduce((sum, s) => sum + (s - (mean[i] as number)) ** 2, 0);
    return Math.sqrt(squares / (row.length - 1) / row.length);
  });
  const comparable = mean.map((m) => (Number.isFinite(m) ? m : Number.POSITIVE_INFINITY));
  const best = comparable.lastIndexOf(Math.min(...comparable));
  const limit = (comparable[best] as number) + (Number.isFinite(standardError[best]) ? (standardError[best] as number) : 0);
  const oneStandardError = comparable.findLastIndex((m) => m <= limit);
  return { lambdas, scores, mean, standardError, best, oneStandardError };
}

/**
 * Compares strengths of a penalty by cross-validation and learns once more on everything with the chosen one.
 *
 * @throws UserError `OPTION` for an empty or bad list of strengths, `DIVERGED` when no strength gave finite scores
 * @example
 * const part = (samples: Int32Array) => ({ inputs: X.gather(samples), targets: Y.gather(samples) });
 * const result = await crossValidate({
 *   samples: 100,
 *   lambdas: logSpaced(0.001, 1, 4),
 *   train: async (samples, lambda) => {
 *     const model = new Linear(2, 1);
 *     await fit(model, part(samples), { loss: mse, optimizer: adam({ learningRate: 0.1 }), regularizer: l2(lambda), epochs: 20 });
 *     return model;
 *   },
 *   score: async (model, samples) => (await evaluate(model, part(samples), { loss: mse })).loss,
 * });
 * console.log(result.lambdas.length, result.mean.length); // 4 4
 */
export async function crossValidate<M>(options: CrossValidationOptions<M>): Promise<CrossValidation<M>> {
  const where = "crossValidate";
  checkNames(where, options, ["samples", "labels", "folds", "seed", "lambdas", "choose", "train", "score", "onEvent"]);
  if (typeof options.train !== "function" || typeof options.score !== "function")
    throw mistake("OPTION", { where, problem: "needs functions train(samples, lambda) and score(model, samples)" });
  if (!Array.isArray(options.lambdas))
    throw mistake("OPTION", { where, problem: "lambdas must be a list of numbers", got: options.lambdas });
  const lambdas = [...options.lambdas].sort((a, b) => a - b);
  if (lambdas.length === 0) throw mistake("OPTION", { where, problem: "lambdas is empty" });
  for (const lambda of lambdas) checkNumber(where, "a strength in lambdas", lambda, { least: 0 });
  if (new Set(lambdas).size !== lambdas.length)
    throw mistake("OPTION", { where, problem: "a strength stands twice in lambdas", got: lambdas });

  const { folds = 5, seed = 0, labels } = options;
  const parts: Fold[] = kFold(options.samples, labels === undefined ? { folds, seed } : { folds, seed, labels });
  const scores: number[][] = lambdas.map(() => []);
  for (const [fold, part] of parts.entries()) {
    for (let i = lambdas.length - 1; i >= 0; i--) {
      const lambda = lambdas[i] as number;
      const score = await options.score(await options.train(part.train, lambda), part.validation);
      (scores[i] as number[]).push(score);
      options.onEvent?.({ type: "fold", lambda, fold: fold + 1, folds, score });
      await pause();
    }
  }
  const summary = summarise(lambdas, scores);
  if (!Number.isFinite(summary.mean[summary.best]))
    throw mistake("DIVERGED", {
      where,
      problem: "no strength gave a finite error",
      advice: "Lower the learning rate, or look for broken values in the data.",
    });
  const lambda = lambdas[options.choose === "oneStandardError" ? summary.oneStandardError : summary.best] as number;
  const model = await options.train(
    Int32Array.from({ length: options.samples }, (_, i) => i),
    lambda,
  );
  return { ...summary, lambda, model };
}

/**
 * `count` strengths evenly spaced in the logarithm, from `low` to `high`, to four digits.
 *
 * @throws UserError `OPTION`
 * @example
 * console.log(logSpaced(0.001, 10, 5)); // [ 0.001, 0.01, 0.1, 1, 10 ]
 */
export function logSpaced(low: number, high: number, count: number): number[] {
  checkNumber("logSpaced", "low", low, { above: 0 });
  checkNumber("logSpaced", "high", high, { above: low });
  checkNumber("logSpaced", "count", count, { least: 2, integer: true });
  return Array.from({ length: count }, (_, i) => Number((low * (high / low) ** (i / (count - 1))).toPrecision(4)));
}
