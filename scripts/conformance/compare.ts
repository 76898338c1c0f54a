// Whether a result agrees with the answer, and if not, how it differs.

import type { DType, TypedArray } from "../../src/graph/dtype.ts";
import type { RawTensor } from "../../src/io/index.ts";

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

type Kind = "float" | "integer" | "bool";

/** In the files U8 stands for booleans. */
const kindOf = (dtype: DType, stored: boolean): Kind => {
  if (dtype === "float32" || dtype === "float64") return "float";
  return dtype === "bool" || (stored && dtype === "uint8") ? "bool" : "integer";
};

const positionOf = (index: number, shape: readonly number[]): string => {
  const place: number[] = [];
  let rest = index;
  for (const n of shape.toReversed()) {
    place.unshift(rest % n);
    rest = Math.floor(rest / n);
  }
  return `[${place.join(",")}]`;
};

/** Null where both agree, else what differs. */
export function difference(
  actual: { readonly shape: readonly number[]; readonly dtype: DType; readonly data: TypedArray },
  expected: RawTensor,
  { rtol, atol }: Tolerance,
): string | null {
  const [kind, wanted] = [kindOf(actual.dtype, false), kindOf(expected.dtype, true)];
  if (kind !== wanted) return `dtype ${actual.dtype}, expected ${wanted}`;
  if (actual.shape.join() !== expected.shape.join()) return `shape [${actual.shape.join(",")}], expected [${expected.shape.join(",")}]`;
  let wrong = 0;
  let worst = -1;
  let worstExcess = -1;
  let largest = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const [got, e] = [actual.data[i] as number, expected.data[i] as number];
    // What lies beyond float32 in float64 is infinite in the answers.
    const a = kind === "float" ? Math.fround(got) : got;
    if (Object.is(a, e) || a === e) continue;
    const error = Math.abs(a - e);
    const bound = kind === "float" && Number.isFinite(e) ? atol + rtol * Math.abs(e) : 0;
    if (error <= bound) continue;
    wrong++;
    const excess = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error / Math.max(bound, Number.MIN_VALUE);
    if (excess > worstExcess) [worst, worstExcess, largest] = [i, excess, error];
  }
  if (wrong === 0) return null;
  const where = positionOf(worst, expected.shape);
  return `${wrong} of ${expected.data.length} elements differ, largest error ${largest.toPrecision(3)} at ${where}: ${actual.data[worst]}, expected ${expected.data[worst]}`;
}
