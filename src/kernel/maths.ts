// Elementary functions as loop-level expressions, written once and rendered by every back end. float32 in any number of lanes is
// branch-free code of the folder maths/; float64 has one lane and calls the host.

import type { Expression, HostFunction } from "../graph/kernel.ts";
import { type Emit, host } from "./expression.ts";
import { erf } from "./maths/erf.ts";
import { exp, expm1, tanh } from "./maths/exponential.ts";
import { log, log1p } from "./maths/logarithm.ts";
import { pow } from "./maths/power.ts";
import { threefry } from "./maths/threefry.ts";
import { cos, sin } from "./maths/trigonometry.ts";

type UnaryMaths = (x: Expression, emit: Emit) => Expression;

function withHost(name: HostFunction, lanes: UnaryMaths): UnaryMaths {
  return (x, emit) => (x.type.scalar === "f64" ? host(name, x) : lanes(x, emit));
}

export const unaryMaths: Readonly<Record<"exp" | "expm1" | "log" | "log1p" | "sin" | "cos" | "tanh" | "erf", UnaryMaths>> = {
  exp: withHost("exp", exp),
  expm1: withHost("expm1", expm1),
  log: withHost("log", log),
  log1p: withHost("log1p", log1p),
  sin: withHost("sin", sin),
  cos: withHost("cos", cos),
  tanh: withHost("tanh", tanh),
  erf: withHost("erf", erf),
};

/** xʸ as JavaScript's Math.pow. */
export function powMaths(x: Expression, y: Expression, emit: Emit): Expression {
  return x.type.scalar === "f64" ? host("pow", x, y) : pow(x, y, emit);
}

export const threefryMaths: typeof threefry = threefry;
