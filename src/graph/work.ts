// How much arithmetic one element of an operation is, roughly, in instructions: what fusion weighs, and what profiles and the
// cutting of work into parts count.

import type { Op } from "./operation.ts";

/** Operations that cost more than one instruction. */
const instructions: { readonly [O in Op]?: number } = {
  div: 4,
  sqrt: 4,
  remainder: 8,
  exp: 20,
  expm1: 25,
  log: 20,
  log1p: 25,
  sin: 30,
  cos: 30,
  tanh: 25,
  erf: 30,
  erfc: 60,
  erfinv: 50,
  atan2: 40,
  pow: 50,
  threefry: 100,
  gather: 2,
  dynamicSlice: 2,
  dynamicUpdate: 4,
};

/** Instructions for one element in float32, the operands not counted. */
export function workOf(op: Op): number {
  return instructions[op] ?? 1;
}
