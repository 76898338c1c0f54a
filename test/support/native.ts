// Whether tests of the native device can run here. In CI they must.

import { nativeSupport } from "../../src/runtime/native/device.ts";

const support = nativeSupport();
if (!support.available) {
  if (process.env.CI) throw new Error(`CI needs the native device: ${support.reason}`);
  console.warn(`Tests of the native device are left out: ${support.reason}`);
}

/** True where the native device works. */
export const native: boolean = support.available;
