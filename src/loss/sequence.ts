// Connectionist temporal classification: the probability of a label sequence, summed over all its alignments to the steps. The
// forward algorithm in logarithms runs as a scan over the steps; gradients go through it.

import { checkBounds } from "../graph/build.ts";
import { isFloat } from "../graph/dtype.ts";
import { showShape } from "../graph/shape.ts";
import { scan } from "../tensor/control.ts";
import { arange, full, tensor } from "../tensor/create.ts";
import { where as select } from "../tensor/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { wrap } from "../tensor/tensor.ts";
import { mistake } from "../util/errors.ts";
import { checkNumber } from "../util/options.ts";
import { checkOptions, type LossOptions } from "./reduction.ts";

export interface CtcOptions extends LossOptions {
  /** The class that stands for no label. Default 0. */
  readonly blank?: number;
  /** Makes the loss 0, with no gradient, where the labels do not fit into the steps and it would be infinite. Default false. */
  readonly zeroInfinity?: boolean;
}

/** In place of −∞, so that no gradient is NaN. */
const never = -1e30;

/** Lengths as a tensor, each from 0 to `most`. */
function lengthsOf(where: string, name: string, given: Tensor<"int32"> | readonly number[], count: number, most: number): Tensor<"int32"> {
  if (Array.isArray(given)) {
    for (const n of given as readonly number[]) checkNumber(where, name, n, { least: 0, most, integer: true });
  }
  const lengths = Array.isArray(given) ? tensor(given as number[], { dtype: "int32" }) : (given as Tensor<"int32">);
  if (lengths.dtype !== "int32" || lengths.size !== count || lengths.rank > 1)
    throw mistake("SHAPE", {
      where,
      problem: `${name} must have one length for each sample`,
      got: `${name} ${lengths.dtype}${showShape(lengths.shape)}`,
      expected: `int32[${count}]`,
    });
  const row = lengths.reshape([count]);
  return Array.isArray(given) ? row : wrap(checkBounds(row.node, most + 1, `${where}: a length among ${name} is too large or negative`));
}

/** Labels as rows [samples, longest], 0 behind each one's length; lists that stand one behind the other are cut apart. */
function labelRows(targets: Tensor<"int32">, lengths: Tensor<"int32">, samples: number): Tensor<"int32"> {
  const longest = targets.rank === 2 ? (targets.shape[1] as number) : targets.size;
  const place = arange(longest).unsqueeze(0);
  const used = place.lt(lengths.unsqueeze(1)) as Tensor<"bool">;
  if (targets.rank === 2) return select(used, targets, 0);
  const left = lengths.sum().neg().add(targets.size) as Tensor<"int32">;
  const none = wrap<"int32">(checkBounds(left.node, 1, "ctc: targetLengths do not add up to the number of targets; labels left over"));
  const earlier = arange(samples).unsqueeze(0).lt(arange(samples).unsqueeze(1));
  const start = earlier.where(lengths.unsqueeze(0), 0).sum(1, { keepDimensions: true });
  const index = select(used, place.add(start).add(none), 0) as Tensor<"int32">;
  return select(used, targets.gather(index), 0);
}

/** log(eᵃ + eᵇ + eᶜ). */
function logAdd(a: Tensor, b: Tensor, c: Tensor): Tensor {
  const top = a.maximum(b).maximum(c).stopGradient();
  const sum = a.sub(top).exp().add(b.sub(top).exp()).add(c.sub(top).exp());
  return sum.log().add(top) as Tensor;
}

/** What stands `by` places to the left; `never` at the front. */
const shifted = (x: Tensor, by: number): Tensor =>
  x.slice(null, [0, Math.max(0, (x.shape[1] as number) - by)]).pad(
    [
      [0, 0],
      [Math.min(by, x.shape[1] as number), 0],
    ],
    never,
  );

/**
 * Connectionist temporal classification: −log of the probability that the steps spell the labels, where each step emits a label or
 * the blank, and repeated labels merge.
 *
 * @param logProbabilities [steps, samples, classes], logarithms of probabilities, such as `logSoftmax` gives; or [steps, classes]
 * @param targets labels [samples, longest] (what stands behind a sample's length is ignored), or one behind the other
 *   [sum of lengths]; int32, never the blank
 * @param inputLengths steps of each sample, [samples]: a tensor (int32) or numbers
 * @param targetLengths labels of each sample, likewise
 * @param options `blank`, `zeroInfinity`, and `reduction`: `mean` divides each loss by its number of labels first
 * @returns a scalar, or with `none` one loss a sample
 * @throws UserError `SHAPE` when the shapes do not fit; `RANGE`, at the latest on reading, for labels or lengths out of range
 * @example
 * const steps = normal([50, 16, 20]).logSoftmax();
 * const loss = ctc(steps, labels, new Array(16).fill(50), lengths);
 * Source: Graves, Fernández, Gomez, Schmidhuber 2006.
 */
export function ctc(
  logProbabilities: Tensor,
  targets: Tensor<"int32">,
  inputLengths: Tensor<"int32"> | readonly number[],
  targetLengths: Tensor<"int32"> | readonly number[],
  options: CtcOptions = {},
): Tensor {
  const where = "ctc";
  checkOptions(where, options, ["blank", "zeroInfinity"]);
  const { reduction = "mean", zeroInfinity = false } = options;
  if (!isFloat(logProbabilities.dtype) || (logProbabilities.rank !== 3 && logProbabilities.rank !== 2))
    throw mistake("SHAPE", {
      where,
      problem: "logProbabilities have the wrong type",
      got: `logProbabilities ${logProbabilities.dtype}${showShape(logProbabilities.shape)}`,
      expected: "floats [steps, samples, classes] or [steps, classes]",
    });
  const single = logProbabilities.rank === 2;
  const scores = single ? logProbabilities.unsqueeze(1) : logProbabilities;
  const [steps, samples, classes] = scores.shape as [number, number, number];
  const blank = checkNumber(where, "blank", options.blank ?? 0, { least: 0, below: classes, integer: true });
  const isRows = targets.rank === 2 && targets.shape[0] === samples;
  if (targets.dtype !== "int32" || (targets.rank !== 1 && !isRows))
    throw mistake("SHAPE", {
      where,
      problem: "targets do not fit the samples",
      got: `targets ${targets.dtype}${showShape(targets.shape)}`,
      expected: `int32 [${samples}, longest] or [sum of lengths]`,
    });
  const longest = targets.shape[targets.rank - 1] as number;
  const given = lengthsOf(where, "inputLengths", inputLengths, samples, steps);
  const lengths = lengthsOf(where, "targetLengths", targetLengths, samples, longest);
  if (targets.rank === 1 && Array.isArray(targetLengths)) {
    const sum = (targetLengths as readonly number[]).reduce((total, n) => total + n, 0);
    if (sum !== longest)
      throw mistake("SHAPE", {
        where,
        problem: "targetLengths do not add up to the number of targets",
        got: `a sum of ${sum}, and targets ${showShape(targets.shape)}`,
        expected: "as many targets as the lengths say",
      });
  }
  const labels = labelRows(targets, lengths, samples);
  const rows = labels.shape[1] as number;

  // Blanks between the labels and around them: [samples, 2·rows + 1].
  const width = 2 * rows + 1;
  const blanks = full([samples, rows + 1], blank, { dtype: "int32" });
  const between = labels
    .pad([
      [0, 0],
      [0, 1],
    ])
    .unsqueeze(2);
  const states = blanks
    .unsqueeze(2)
    .concat(between, 2)
    .reshape([samples, width + 1])
    .slice(null, [0, width]);
  const position = arange(width).unsqueeze(0);
  // A label may follow the label two states before, past a blank, unless they are the same.
  const before = states.slice(null, [0, Math.max(0, width - 2)]).pad(
    [
      [0, 0],
      [Math.min(2, width), 0],
    ],
    -1,
  );
  const mayPass = states.ne(blank).and(states.ne(before)).and(position.ge(2)) as Tensor<"bool">;

  const offset = arange(samples).unsqueeze(1).mul(classes);
  const inside = wrap<"int32">(checkBounds(states.node, classes, `${where}: a label is no class`));
  const emitted = scores
    .maximum(never)
    .reshape([steps, samples * classes])
    .gather(inside.add(offset) as Tensor<"int32">, 1);
  const first = position.eq(0).where(full([samples, width], 0, { dtype: logProbabilities.dtype }), never) as Tensor;
  const [last] = scan(
    (alpha: Tensor, { scores: now, step }: { scores: Tensor; step: Tensor<"int32"> }) => {
      const next = logAdd(alpha, shifted(alpha, 1), mayPass.where(shifted(alpha, 2), never) as Tensor).add(now);
      return [step.lt(given).unsqueeze(1).where(next, alpha) as Tensor, undefined] as const;
    },
    first,
    { scores: emitted as Tensor, step: arange(steps) },
  );
  // An alignment ends in the last label or in the blank behind it.
  const end = lengths.mul(2).unsqueeze(1);
  const isEnd = position.eq(end).or(position.eq(end.sub(1))) as Tensor<"bool">;
  const total = isEnd.where(last, never).logSumExp(1) as Tensor;
  const possible = total.gt(never / 2);
  const losses = possible.where(total.neg(), zeroInfinity ? 0 : Number.POSITIVE_INFINITY) as Tensor;
  if (reduction === "none") return single ? losses.reshape([]) : losses;
  if (reduction === "sum") return losses.sum();
  return losses.div(lengths.maximum(1)).mean() as Tensor;
}
