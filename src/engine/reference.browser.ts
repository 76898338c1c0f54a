// What stands for reference.ts in a browser's bundle.

import type { Device } from "../graph/device.ts";
import { UnsupportedError } from "../util/errors.ts";

export function createReference(): Device {
  throw new UnsupportedError("DEVICE", `reference: the oracle of tests is not in a browser's bundle. Use setDevice("auto").`);
}
