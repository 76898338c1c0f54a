// Whether tests of the native device can run here, and what its processor can do. In CI they must run.

import { renderC } from "../../src/render/c/program.ts";
import { createNativeDevice, nativeSupport } from "../../src/runtime/native/device.ts";
import * as l from "./language.ts";
import { runOn } from "./run_program.ts";

const support = nativeSupport();
if (!support.available) {
  if (process.env.CI) throw new Error(`CI needs the native device: ${support.reason}`);
  console.warn(`Tests of the native device are left out: ${support.reason}`);
}

/** True where the native device works. */
export const native: boolean = support.available;

/** Whether this processor rounds a multiply-add once. */
export function fusedHere(): boolean {
  const x = l.load(l.f64, 0, 0);
  const kernel = l.kernel(["f64", "f64!"], 1, [l.store(1, 0, l.fma(x, x, l.unary("neg", l.binary("mul", x, x))))]);
  const executable = createNativeDevice({ render: renderC }).load(l.program([kernel], 1, 1, [l.call(0, 0, 1)]));
  const { outputs } = runOn(executable, [{ dtype: "float64", data: [1 + 2 ** -30] }], [{ dtype: "float64", data: [7] }]);
  const error = outputs[0]?.[0];
  if (error !== 0 && error !== 2 ** -60) throw new Error(`a multiply-add is off by ${error}`);
  return error !== 0;
}
