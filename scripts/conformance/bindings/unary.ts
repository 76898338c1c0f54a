// Functions of each element.

import * as d from "../../../src/index.ts";
import { type Binding, type Bindings, bind } from "../binding.ts";

/** A binding of a function of one tensor. */
const of = (f: (x: d.Tensor) => d.AnyTensor): Binding => bind(["input"], (a) => f(a.float("input")));

export const bindings: Bindings = {
  abs: of(d.abs),
  neg: of(d.neg),
  exp: of(d.exp),
  expm1: of(d.expm1),
  exp2: of(d.exp2),
  log: of(d.log),
  log1p: of(d.log1p),
  log2: of(d.log2),
  log10: of(d.log10),
  sqrt: of(d.sqrt),
  rsqrt: of(d.rsqrt),
  sin: of(d.sin),
  cos: of(d.cos),
  tan: of(d.tan),
  asin: of(d.asin),
  acos: of(d.acos),
  atan: of(d.atan),
  sinh: of(d.sinh),
  cosh: of(d.cosh),
  tanh: of(d.tanh),
  asinh: of(d.asinh),
  acosh: of(d.acosh),
  atanh: of(d.atanh),
  sigmoid: of(d.sigmoid),
  erf: of(d.erf),
  erfc: of(d.erfc),
  reciprocal: of(d.reciprocal),
  square: of(d.square),
  sign: of(d.sign),
  floor: of(d.floor),
  ceil: of(d.ceil),
  round: of(d.round),
  trunc: of(d.trunc),
  frac: of(d.frac),
  isnan: of(d.isNaN),
  isfinite: of(d.isFinite),
  isinf: of(d.isInfinite),
  logical_not: of(d.logicalNot),
  nan_to_num: bind(["input", "nan", "posinf", "neginf"], (a) => {
    const [nan, positive, negative] = [a.number("nan"), a.number("posinf"), a.number("neginf")];
    return d.nanToNumber(a.float("input"), {
      ...(nan === undefined ? {} : { nan }),
      ...(positive === undefined ? {} : { positive }),
      ...(negative === undefined ? {} : { negative }),
    });
  }),
};
