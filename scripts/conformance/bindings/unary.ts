// Functions of each element.

import type { AnyTensor } from "../../../src/index.ts";
import { type Binding, type Bindings, bind } from "../binding.ts";

/** A binding of a function of one tensor. */
const of = (f: (x: AnyTensor) => AnyTensor): Binding => bind(["input"], (a) => f(a.tensor("input")));

export const bindings: Bindings = {
  abs: of((x) => x.abs()),
  neg: of((x) => x.neg()),
  exp: of((x) => x.exp()),
};
