// Sorting along an axis.

import * as d from "../../../src/index.ts";
import { type Bindings, bind } from "../binding.ts";

export const bindings: Bindings = {
  sort: bind(["input", "dim", "descending", "stable"], (a) => {
    const [x, axis, options] = [a.float("input"), a.number("dim", -1), { descending: a.flag("descending") }];
    return [d.sort(x, axis, options), d.argSort(x, axis, options)];
  }),
  argsort: bind(["input", "dim", "descending", "stable"], (a) =>
    d.argSort(a.float("input"), a.number("dim", -1), { descending: a.flag("descending") }),
  ),
  topk: bind(["input", "k", "dim", "largest", "sorted"], (a) => {
    const { values, indices } = d.topK(a.float("input"), a.number("k", 1), a.number("dim", -1), { largest: a.flag("largest", true) });
    return [values, indices];
  }),
};
