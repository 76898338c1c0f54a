// The inverse of the error function. float32: x·p(w) with w = −log(1 − x²), in two pieces (the form is Giles', Approximating the
// erfinv function, 2010; the polynomials are our own fits). float64: Winitzki's formula and three steps of Halley's method, as in
// util/special.

import type { Expression } from "../../graph/kernel.ts";
import { abs, add, div, type Emit, fma, host, lt, max, mul, select, sqrt, sub } from "../expression.ts";
import { polynomial } from "./algebra.ts";
import { log } from "./logarithm.ts";

const border = 5;

/** erfinv(x)/x in w − 2.5 on 0 ≤ w ≤ 5, for a relative error below 2⁻²⁸. */
const near = [
  1.5014094114303589, 0.24664029479026794, -0.0041773393750190735, -0.0012527455110102892, 0.00021828214812558144, -4.96135317007429e-6,
  -3.434309519434464e-6, 4.657534873331315e-7, 1.7966515386547144e-8, -8.76159855778269e-9, 3.410477456000649e-10,
];

/** The same in √w − 3 on 5 ≤ w ≤ 17.3, as far as float32 reaches, for a relative error below 2⁻²⁵. */
const far = [
  2.832976818084717, 1.0016748905181885, 0.009444545023143291, -0.007635212503373623, 0.005693202838301659, -0.0036070041824132204,
  0.0014691054821014404, -3.8519570807693526e-5, -0.000296980346320197, 0.00010306604963261634,
];

/** The number whose erf is x, in float32: ±∞ at ±1, NaN beyond. */
export function erfinv(x: Expression, emit: Emit): Expression {
  const inside = emit(sub(1, abs(x)));
  const w = emit(mul(log(emit(mul(inside, add(abs(x), 1))), emit), -1));
  const low = emit(lt(w, border));
  const small = polynomial(emit(sub(w, 2.5)), near);
  const large = polynomial(emit(sub(sqrt(w), 3)), far);
  return select(lt(0, inside), mul(x, select(low, small, large)), div(x, sqrt(inside)));
}

/** The same in float64. */
export function erfinvDouble(x: Expression, emit: Emit): Expression {
  const a = emit(abs(x));
  const inside = emit(sub(1, a));
  const logarithm = emit(host("log", emit(mul(inside, add(a, 1)))));
  const half = emit(fma(logarithm, 0.5, 2 / (Math.PI * 0.147)));
  let y = emit(sqrt(max(sub(sqrt(sub(mul(half, half), div(logarithm, 0.147))), half), 0)));
  for (let i = 0; i < 3; i++) {
    const error = select(lt(a, 0.5), sub(host("erf", y), a), sub(inside, host("erfc", y)));
    const step = emit(mul(mul(error, host("exp", emit(mul(y, y)))), Math.sqrt(Math.PI) / 2));
    y = emit(sub(y, div(step, fma(y, step, 1))));
  }
  return select(lt(0, inside), select(lt(x, 0), mul(y, -1), y), div(x, sqrt(inside)));
}
