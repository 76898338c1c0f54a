// Products.

import type { AnyTensor, Tensor } from "../../../src/index.ts";
import * as d from "../../../src/index.ts";
import type { AddProductOptions, DotAxes } from "../../../src/linalg.ts";
import * as linalg from "../../../src/linalg.ts";
import { type Binding, type Bindings, bind } from "../binding.ts";

/** A product of two tensors. */
const of = (names: readonly [string, string], product: (a: AnyTensor, b: AnyTensor) => AnyTensor): Binding =>
  bind(names, (a) => product(a.tensor(names[0]), a.tensor(names[1])));

/** β · x + α · product. */
const plus = (
  names: readonly [string, string],
  call: (x: AnyTensor, a: AnyTensor, b: AnyTensor, options: AddProductOptions) => AnyTensor,
): Binding =>
  bind(["input", ...names, "beta", "alpha"], (a) =>
    call(a.tensor("input"), a.tensor(names[0]), a.tensor(names[1]), { alpha: a.number("alpha", 1), beta: a.number("beta", 1) }),
  );

export const bindings: Bindings = {
  matmul: of(["input", "other"], d.matmul),
  mm: of(["input", "mat2"], d.mm),
  bmm: of(["input", "mat2"], d.bmm),
  mv: of(["input", "vec"], d.mv),
  dot: of(["input", "other"], d.dot),
  outer: of(["input", "vec2"], d.outer),
  kron: of(["input", "other"], linalg.kron),
  addmm: plus(["mat1", "mat2"], linalg.addmm),
  addmv: plus(["mat", "vec"], linalg.addmv),
  baddbmm: plus(["batch1", "batch2"], linalg.baddbmm),
  einsum: bind(["equation", "*operands"], (a) => linalg.einsum(a.text("equation", ""), ...a.list<Tensor>("operands"))),
  tensordot: bind(["a", "b", "dims"], (a) => linalg.tensordot(a.tensor("a"), a.tensor("b"), (a.get("dims") ?? 2) as unknown as DotAxes)),
  "nn.functional.linear": bind(["input", "weight", "bias"], (a) => d.linear(a.tensor("input"), a.tensor("weight"), a.maybe("bias"))),
  "nn.functional.bilinear": bind(["input1", "input2", "weight", "bias"], (a) =>
    linalg.bilinear(a.tensor("input1"), a.tensor("input2"), a.tensor("weight"), a.maybe("bias")),
  ),
};
