// What stands for tune.ts in a browser's bundle: the model of the machine alone.

import type { ProgramDevice } from "../graph/device.ts";
import type { Target } from "../graph/kernel.ts";
import type { Region } from "../graph/operation.ts";

export function tunedTarget(_region: Region, device: ProgramDevice): Target {
  return device.target;
}
