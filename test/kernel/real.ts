// The functions of one real number: what they are exactly, and how far off they may be in float32, in units in the last place.

import type { RealFunction } from "../../src/graph/operation.ts";
import { erf, erfc, erfinv } from "../../src/util/special.ts";

/** Bounds as the docstring of `unaryMaths` states them. */
export const real: Record<RealFunction, { readonly exact: (x: number) => number; readonly bound: number }> = {
  exp: { exact: Math.exp, bound: 1.05 },
  expm1: { exact: Math.expm1, bound: 1.5 },
  log: { exact: Math.log, bound: 1 },
  log1p: { exact: Math.log1p, bound: 1.5 },
  sin: { exact: Math.sin, bound: 2.5 },
  cos: { exact: Math.cos, bound: 2.5 },
  tanh: { exact: Math.tanh, bound: 1.5 },
  erf: { exact: erf, bound: 1.25 },
  erfc: { exact: erfc, bound: 4.5 },
  erfinv: { exact: erfinv, bound: 3 },
};
