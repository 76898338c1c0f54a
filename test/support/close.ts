// When a compiled float32 result is right: its distance from the exact result is within what rounding explains.
//
// How much that is, the reference tells: it evaluates the graph exactly (in double precision), rounded to float32 after every
// operation, and a few more times with every inexact result nudged by up to two units in the last place. The largest
// difference from the exact result, element by element and times a margin, is the tolerance. Where an operation is
// discontinuous and an operand lies near the boundary, some of the evaluations fall on either side, the tolerance becomes as large as
// the jump, and the element is as good as excluded. Before it complains it also asks whether a sum or product of many terms leaves
// float32's range in another order.

import type { TypedArray } from "../../src/graph/dtype.ts";
import type { Region } from "../../src/graph/operation.ts";
import { type EvaluateOptions, evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { generator } from "./values.ts";

/** What the reference says of a region on some operands: its results, several times over. */
export interface Oracle {
  readonly exact: readonly TypedArray[];
  readonly rounded: readonly TypedArray[];
  readonly nudged: readonly (readonly TypedArray[])[];
  /** Many more, for whoever is about to complain: few may all fall on one side of a boundary. */
  readonly more: () => readonly (readonly TypedArray[])[];
}

/** Evaluates a region in every mode. Parameters are float32 as a device would be given them. */
export function consult(region: Region, parameters: readonly TypedArray[], nudges = 8): Oracle {
  const nudged = (count: number, first: number) =>
    Array.from({ length: count }, (_, i) => {
      const random = generator(first + i);
      return evaluateRegion(region, parameters, { round: nudge(random), roundDouble: nudgeDouble(random) });
    });
  return {
    exact: evaluateRegion(region, parameters),
    rounded: evaluateRegion(region, parameters, { rounded: true }),
    nudged: nudged(nudges, 1),
    more: () => [
      ...nudged(32, nudges + 1),
      ...[largestFirst, smallestFirst].map((order) => evaluateRegion(region, parameters, { rounded: true, order })),
    ],
  };
}

type Order = NonNullable<EvaluateOptions["order"]>;

/**
 * The orders of a sum or product whose parts go furthest: where no order leaves float32's range, these do not, and where one of
 * them does, a device may be beyond the range as well, or be back from it.
 */
const largestFirst: Order = (terms, combine) => terms.toSorted((a, b) => (combine === "add" ? b - a : Math.abs(b) - Math.abs(a)));
const smallestFirst: Order = (terms, combine) => terms.toSorted((a, b) => (combine === "add" ? a - b : Math.abs(a) - Math.abs(b)));

/** Rounds to float32, and moves what is not exact there by up to two units in the last place. */
function nudge(random: () => number): (value: number, correctlyRounded: boolean) => number {
  return (value, correctlyRounded) => {
    const rounded = Math.fround(value);
    if ((correctlyRounded && rounded === value) || !Number.isFinite(rounded)) return rounded;
    return Math.fround(value * (1 + (random() - 0.5) * 4 * 2 ** -23));
  };
}

/** Moves float64 by up to two units in the last place where devices may: functions that they approximate, sums in another order. */
function nudgeDouble(random: () => number): (value: number, correctlyRounded: boolean) => number {
  return (value, correctlyRounded) => (correctlyRounded ? value : value * (1 + (random() - 0.5) * 4 * 2 ** -52));
}

/** The margin over the largest difference that the reference saw. */
const margin = 16;
/** What is allowed in any case: a few units in the last place of float32, and all of the subnormals. */
const relative = 4 * 2 ** -23;
const absolute = 2 ** -126;

/**
 * The first element where a result is not what rounding explains, in words; null if there is none.
 *
 * @param actual what the device computed, one result.
 * @param exact the same from the reference in double precision.
 * @param rounded the same rounded after every operation, and any further evaluations.
 */
export function firstDifference(
  actual: ArrayLike<number>,
  exact: ArrayLike<number>,
  ...rounded: readonly ArrayLike<number>[]
): string | null {
  if (actual.length !== exact.length) return `${actual.length} elements where ${exact.length} are expected`;
  const isFloat = exact instanceof Float64Array || exact instanceof Float32Array;
  for (let i = 0; i < exact.length; i++) {
    const [a, e] = [actual[i] as number, exact[i] as number];
    const others = rounded.map((r) => r[i] as number);
    if (Object.is(a, e) || a === e || others.some((o) => Object.is(o, a))) continue;
    // NaN or infinity in one evaluation and not in another: the element lies beyond float32's range.
    if (others.some((o) => Number.isFinite(o) !== Number.isFinite(e) || Number.isNaN(o) !== Number.isNaN(e))) continue;
    const spread = Math.max(0, ...others.map((o) => (o === e ? 0 : Math.abs(o - e))));
    const tolerance = margin * spread + (isFloat ? relative * Math.abs(e) + absolute : 0);
    if (!(Math.abs(a - e) <= tolerance)) return `element ${i} is ${a}, exactly ${e}, rounded ${others[0]}, tolerance ${tolerance}`;
  }
  return null;
}

/** The first result, and element, where a device's results are not what rounding explains; null if there is none. */
export function findWrong(actual: readonly TypedArray[], oracle: Oracle): string | null {
  if (actual.length !== oracle.exact.length) return `${actual.length} results where ${oracle.exact.length} are expected`;
  const known = [oracle.rounded, ...oracle.nudged];
  return findBeyond(actual, oracle, known) === null ? null : findBeyond(actual, oracle, [...known, ...oracle.more()]);
}

function findBeyond(actual: readonly TypedArray[], { exact }: Oracle, known: readonly (readonly TypedArray[])[]): string | null {
  for (let r = 0; r < actual.length; r++) {
    const others = known.map((results) => results[r] as TypedArray);
    const difference = firstDifference(actual[r] as TypedArray, exact[r] as TypedArray, ...others);
    if (difference !== null) return `result ${r}: ${difference}`;
  }
  return null;
}
