// Reverse mode's rules, one for every operation; the compiler refuses a missing row.

import type { ReverseTable } from "../rule.ts";
import { contractions } from "./contract.ts";
import { elementwise } from "./elementwise.ts";
import { indexing } from "./indexing.ts";
import { reductions } from "./reduce.ts";
import { regionRules } from "./region.ts";
import { views } from "./view.ts";

export const reverseTable: ReverseTable = {
  constant: null,
  input: null,
  buffer: null,
  iota: null,
  ...elementwise,
  ...reductions,
  ...views,
  ...contractions,
  ...indexing,
  ...regionRules,
  // The walk hands a result's cotangent to its region operation.
  project: null,
};
