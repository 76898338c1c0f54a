// What a scatter leaves at a place that no update reaches.

import { type DType, limitsOf } from "./dtype.ts";
import type { Combine } from "./operation.ts";

/** The neutral element of a way to combine updates. */
export function neutralOf(combine: Combine, dtype: DType): number {
  switch (combine) {
    case "sum":
    case "last":
      return 0;
    case "product":
      return 1;
    case "maximum":
      return limitsOf(dtype)[0];
    case "minimum":
      return limitsOf(dtype)[1];
  }
}
