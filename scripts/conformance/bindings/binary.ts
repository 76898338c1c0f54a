// Functions of two and more operands, element by element.

import * as d from "../../../src/index.ts";
import { type Arguments, type Binding, type Bindings, bind } from "../binding.ts";

/** A binding of a function of two operands. */
const of = (f: (a: d.Operand, b: d.Operand) => d.AnyTensor): Binding =>
  bind(["input", "other"], (a) => f(a.operand("input"), a.operand("other")));

/** input ± alpha · other. */
const scaled = (f: (a: d.Operand, b: d.Operand) => d.AnyTensor): Binding =>
  bind(["input", "other", "alpha"], (a) =>
    f(a.operand("input"), a.has("alpha") ? d.mul(a.operand("other"), a.number("alpha", 1)) : a.operand("other")),
  );

const limit = (a: Arguments, name: string): d.Operand | undefined => (a.has(name) ? a.operand(name) : undefined);

const divisions = { floor: d.floorDivide, trunc: d.truncDivide };

export const bindings: Bindings = {
  clamp: bind(["input", "min", "max"], (a) => d.clamp(a.float("input"), limit(a, "min"), limit(a, "max"))),
  clamp_min: bind(["input", "min"], (a) => d.clamp(a.float("input"), a.operand("min"))),
  clamp_max: bind(["input", "max"], (a) => d.clamp(a.float("input"), undefined, a.operand("max"))),
  add: scaled(d.add),
  sub: scaled(d.sub),
  mul: of(d.mul),
  div: bind(["input", "other", "rounding_mode"], (a) =>
    (a.has("rounding_mode") ? divisions[a.text("rounding_mode") as keyof typeof divisions] : d.div)(a.operand("input"), a.operand("other")),
  ),
  pow: of(d.pow),
  maximum: of(d.maximum),
  minimum: of(d.minimum),
  fmax: of(d.fmax),
  fmin: of(d.fmin),
  atan2: of(d.atan2),
  fmod: of(d.fmod),
  remainder: of(d.remainder),
  hypot: of(d.hypot),
  eq: of(d.eq),
  ne: of(d.ne),
  lt: of(d.lt),
  le: of(d.le),
  gt: of(d.gt),
  ge: of(d.ge),
  logical_and: of(d.logicalAnd),
  logical_or: of(d.logicalOr),
  logical_xor: of(d.logicalXor),
  where: bind(["condition", "input", "other"], (a) =>
    d.where(a.tensor("condition") as d.Tensor<"bool">, a.operand("input"), a.operand("other")),
  ),
  lerp: bind(["input", "end", "weight"], (a) => d.lerp(a.operand("input"), a.operand("end"), a.operand("weight"))),
  addcmul: bind(["input", "tensor1", "tensor2", "value"], (a) =>
    d.addcmul(a.float("input"), a.operand("tensor1"), a.operand("tensor2"), a.number("value", 1)),
  ),
  addcdiv: bind(["input", "tensor1", "tensor2", "value"], (a) =>
    d.addcdiv(a.float("input"), a.operand("tensor1"), a.operand("tensor2"), a.number("value", 1)),
  ),
  xlogy: of(d.xlogy),
  logaddexp: of(d.logAddExp),
};
