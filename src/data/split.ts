// Which rows go where: shuffled batches, a training and a test part, k folds. All are index lists from a seed, so that they can
// be made again at any point of a resumed run. Streams of the seed: 0 splits, 1 folds, 2 + epoch the shuffles.

import { mistake } from "../util/errors.ts";
import { checkNames } from "../util/options.ts";
import { HostRandom, permute } from "../util/threefry.ts";

export interface BatchOptions {
  /** Samples a batch; the last one may be smaller. */
  readonly batchSize: number;
  /** Default true. */
  readonly shuffle?: boolean;
  /** Default 0. */
  readonly seed?: number;
  /** Epoch, from 0: another order each. Default 0. */
  readonly epoch?: number;
  /** Leave out a last smaller batch. Default false. */
  readonly dropLast?: boolean;
}

function requireCount(where: string, count: number): void {
  if (!Number.isInteger(count) || count < 1) throw mistake("DATA", { where, problem: "there are no samples", got: count });
}

/**
 * The samples of each batch of one epoch.
 *
 * @param count number of samples
 * @returns index lists, which together hold every sample once
 * @throws UserError `DATA` for no samples, `OPTION` for a batch size below 1
 * @example
 * for (const at of batchIndices(100, { batchSize: 32, epoch: 3 })) step(X.gather(at), Y.gather(at));
 */
export function batchIndices(count: number, options: BatchOptions): Int32Array[] {
  checkNames("batchIndices", options, ["batchSize", "shuffle", "seed", "epoch", "dropLast"]);
  const { batchSize, shuffle = true, seed = 0, epoch = 0, dropLast = false } = options;
  requireCount("batchIndices", count);
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw mistake("OPTION", { where: "batchIndices", problem: "batchSize must be a positive integer", got: batchSize });
  const order = shuffle ? permute(count, new HostRandom(seed, 2 + epoch)) : Int32Array.from({ length: count }, (_, i) => i);
  const batches: Int32Array[] = [];
  for (let start = 0; start < count; start += batchSize) {
    if (dropLast && start > 0 && start + batchSize > count) break;
    batches.push(order.subarray(start, Math.min(start + batchSize, count)));
  }
  return batches;
}

/** Two parts of the samples. */
export interface Split {
  readonly train: Int32Array;
  readonly test: Int32Array;
}

export interface SplitOptions {
  /** Share of the samples in `test`, above 0 and below 1. Default 0.2. */
  readonly fraction?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Class of each sample: then every class is split in the same proportion. */
  readonly labels?: ArrayLike<number>;
}

/**
 * Splits samples at random, in both parts at least one.
 *
 * @throws UserError `DATA` for fewer than 2 samples, `OPTION` for a fraction outside (0, 1)
 * @example
 * const { train, test } = splitSamples(100, { fraction: 0.25, seed: 7 });
 * console.log(train.length, test.length); // 75 25
 */
export function splitSamples(count: number, options: SplitOptions = {}): Split {
  checkNames("splitSamples", options, ["fraction", "seed", "labels"]);
  const { fraction = 0.2, seed = 0, labels } = options;
  requireCount("splitSamples", count);
  if (count < 2) throw mistake("DATA", { where: "splitSamples", problem: "one sample cannot be split" });
  if (!(fraction > 0 && fraction < 1))
    throw mistake("OPTION", { where: "splitSamples", problem: "fraction must lie between 0 and 1", got: fraction });
  const total = Math.min(count - 1, Math.max(1, Math.round(count * fraction)));
  const groups = shuffledGroups("splitSamples", count, new HostRandom(seed, 0), labels);
  // Whole shares first; what is left goes to the groups with the largest remainders.
  const shares = groups.map((g) => Math.floor((g.length * total) / count));
  const rest = total - shares.reduce((sum, n) => sum + n, 0);
  const byRemainder = groups.map((_, i) => i).sort((a, b) => remainder(b) - remainder(a) || a - b);
  function remainder(i: number): number {
    return ((groups[i] as Int32Array).length * total) % count;
  }
  for (const i of byRemainder.slice(0, rest)) shares[i] = (shares[i] as number) + 1;
  const test = groups.flatMap((g, i) => [...g.subarray(0, shares[i])]);
  const train = groups.flatMap((g, i) => [...g.subarray(shares[i])]);
  return { train: Int32Array.from(train).sort(), test: Int32Array.from(test).sort() };
}

/** One fold: learn on `train`, judge on `validation`. */
export interface Fold {
  readonly train: Int32Array;
  readonly validation: Int32Array;
}

export interface FoldOptions {
  /** Number of folds, at least 2. Default 5. */
  readonly folds?: number;
  readonly seed?: number;
  /** Class of each sample: then every fold has each class in proportion (stratified). */
  readonly labels?: ArrayLike<number>;
}

/**
 * Cuts samples into k folds at random; every sample is in one fold's `validation`, and sizes differ by at most one.
 *
 * @throws UserError `OPTION` when there are fewer samples than folds
 * @example
 * for (const { train, validation } of kFold(100, { folds: 4 })) console.log(train.length, validation.length); // 75 25
 */
export function kFold(count: number, options: FoldOptions = {}): Fold[] {
  checkNames("kFold", options, ["folds", "seed", "labels"]);
  const { folds = 5, seed = 0, labels } = options;
  requireCount("kFold", count);
  if (!Number.isInteger(folds) || folds < 2 || folds > count)
    throw mistake("OPTION", {
      where: "kFold",
      problem: "folds must be an integer from 2 to the number of samples",
      got: folds,
      expected: `2 to ${count}`,
    });
  // Dealing the classes out one after the other keeps both the classes and the sizes even.
  const foldOf = new Int32Array(count);
  const dealt = shuffledGroups("kFold", count, new HostRandom(seed, 1), labels).flatMap((group) => [...group]);
  for (const [i, sample] of dealt.entries()) foldOf[sample] = i % folds;
  const all = Int32Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: folds }, (_, fold) => ({
    train: all.filter((i) => foldOf[i] !== fold),
    validation: all.filter((i) => foldOf[i] === fold),
  }));
}

/** The samples of each class in random order; one group where there are no classes. */
function shuffledGroups(where: string, count: number, random: HostRandom, labels?: ArrayLike<number>): Int32Array[] {
  if (labels !== undefined && labels.length !== count)
    throw mistake("SHAPE", { where, problem: "labels must be one for each sample", got: labels.length, expected: count });
  const groups = new Map<number, number[]>();
  for (const i of permute(count, random)) {
    const label = labels?.[i] ?? 0;
    const group = groups.get(label);
    if (group === undefined) groups.set(label, [i]);
    else group.push(i);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, g]) => Int32Array.from(g));
}
