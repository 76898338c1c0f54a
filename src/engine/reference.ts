// The reference device, the oracle in its exact mode: float32 values are kept as doubles from one program to the next. Bundlers take
// reference.browser.ts in its place (package.json, "browser"): every current browser has WebAssembly, and the core has a ceiling.

import type { Device } from "../graph/device.ts";
import { evaluateRegion } from "../runtime/reference/evaluate.ts";

export function createReference(): Device {
  return { kind: "graph", name: "reference", evaluate: evaluateRegion };
}
