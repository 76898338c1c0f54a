// Reductions over axes.

import { mean, sum } from "../../../src/index.ts";
import { type Bindings, bind } from "../binding.ts";

export const bindings: Bindings = {
  sum: bind(["input", "dim", "keepdim"], (a) => sum(a.float("input"), a.numbers("dim"), { keepDimensions: a.flag("keepdim") })),
  mean: bind(["input", "dim", "keepdim"], (a) => mean(a.float("input"), a.numbers("dim"), { keepDimensions: a.flag("keepdim") })),
};
