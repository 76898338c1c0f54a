// The reference device: the oracle behind the interface that the engine knows.

import type { GraphDevice } from "../../graph/device.ts";
import { asStored, evaluateRegion } from "./evaluate.ts";

/**
 * The device that evaluates graphs in plain JavaScript: exact in every step, slow, and the measure of all others.
 * float32 results are computed in double precision and rounded once, on leaving; with `rounded`, after every operation.
 */
export function createReferenceDevice(options: { readonly rounded?: boolean } = {}): GraphDevice {
  return {
    kind: "graph",
    name: "reference",
    evaluate: (region, parameters) =>
      evaluateRegion(region, parameters, options).map((value, i) => asStored(region.results[i] as (typeof region.results)[number], value)),
  };
}
