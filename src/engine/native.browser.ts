// What stands for native.ts in a browser's bundle.

import type { Device } from "../graph/device.ts";
import { UnsupportedError } from "../util/errors.ts";

export function createNative(): Device {
  throw new UnsupportedError("DEVICE", `native: needs Node and a C compiler; this is a browser. Use setDevice("auto").`);
}
