// The native device, put together. Bundlers take native.browser.ts in its place (package.json, "browser"): no page compiles C.

import type { Device } from "../graph/device.ts";
import { renderC } from "../render/c/program.ts";
import { createNativeDevice } from "../runtime/native/device.ts";

export function createNative(): Device {
  return createNativeDevice({ render: renderC });
}
