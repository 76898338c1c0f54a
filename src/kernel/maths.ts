// Elementary functions as loop-level expressions, written once and rendered by every back end. float32 in any number of lanes is
// branch-free code of the folder maths/; float64 calls the host, lane by lane.

import type { Expression, HostFunction } from "../graph/kernel.ts";
import type { RealFunction } from "../graph/operation.ts";
import { type Emit, host, isSimple } from "./expression.ts";
import { atan2 } from "./maths/arctangent.ts";
import { erf, erfc } from "./maths/erf.ts";
import { erfinv, erfinvDouble } from "./maths/erfinv.ts";
import { exp, expm1, tanh } from "./maths/exponential.ts";
import { log, log1p } from "./maths/logarithm.ts";
import { pow } from "./maths/power.ts";
import { threefry } from "./maths/threefry.ts";
import { cos, sin } from "./maths/trigonometry.ts";
import type { Writer } from "./writer.ts";

type UnaryMaths = (x: Expression, writer: Writer) => Expression;

/** The formulas use their arguments many times. */
function named(x: Expression, emit: Emit): Expression {
  return isSimple(x) ? x : emit(x);
}

function withHost(name: HostFunction, lanes: (x: Expression, emit: Emit, writer: Writer) => Expression): UnaryMaths {
  return (x, writer) => (x.type.scalar === "f64" ? host(name, x) : lanes(named(x, writer.emit), writer.emit, writer));
}

/**
 * The functions of one argument. In float32, with a multiply-add that rounds once or twice alike, the error in units in the last
 * place is below (measured at every 11th float32):
 *
 *     exp 1.05   expm1 1.5   log 1   log1p 1.5   sin, cos 1.75   tanh 1.5   erf 1.25   erfc 4.5   erfinv 3
 *
 * for all arguments, subnormal ones and results among them, with −0, ±∞ and NaN as in JavaScript; sin and cos 2.5 beyond |x| = 2²¹.
 * float64 is as good as the host's.
 */
export const unaryMaths: Readonly<Record<RealFunction, UnaryMaths>> = {
  exp: withHost("exp", exp),
  expm1: withHost("expm1", expm1),
  log: withHost("log", log),
  log1p: withHost("log1p", log1p),
  sin: withHost("sin", sin),
  cos: withHost("cos", cos),
  tanh: withHost("tanh", tanh),
  erf: withHost("erf", erf),
  erfc: withHost("erfc", erfc),
  erfinv: (x, { emit }) => (x.type.scalar === "f64" ? erfinvDouble : erfinv)(named(x, emit), emit),
};

/** xʸ with the special cases of IEEE 754; in float32 with an error below 1.5 units in the last place. */
export function powMaths(x: Expression, y: Expression, emit: Emit): Expression {
  return x.type.scalar === "f64" ? host("pow", x, y) : pow(named(x, emit), named(y, emit), emit);
}

/** The angle of the point (x, y) as JavaScript's Math.atan2, special cases included; in float32 with an error below 2.25 units in the last place. */
export function atan2Maths(y: Expression, x: Expression, emit: Emit): Expression {
  return x.type.scalar === "f64" ? host("atan2", y, x) : atan2(named(y, emit), named(x, emit), emit);
}

/** One word of a Threefry-2x32 block (20 rounds) of a key and a counter, in u32 lanes. */
export function threefryMaths(
  word: 0 | 1,
  key0: Expression,
  key1: Expression,
  counter0: Expression,
  counter1: Expression,
  emit: Emit,
): Expression {
  return threefry(word, named(key0, emit), named(key1, emit), counter0, counter1, emit);
}
