// What plain JavaScript may pass where types would refuse it: every one named, none computed with.

import { expect, it } from "vitest";
import { type AnyTensor, gradients, ones, scan, type Tensor, tensor } from "../../src/index.ts";
import { errorOf } from "./values.ts";

const x = ones([2, 2]);
const whole = tensor([1, 2], { dtype: "int32" });
const any = (value: unknown) => value as never;

it.each<[string, () => unknown, string, string]>([
  [
    "an array as operand",
    () => x.add(any([1, 2])),
    "OPTION",
    "operand: is neither a tensor nor a number; got [1,2]. Make a tensor of data with tensor().",
  ],
  [
    "a string as operand",
    () => x.mul(any("3")),
    "OPTION",
    "operand: is neither a tensor nor a number; got 3. Make a tensor of data with tensor().",
  ],
  [
    "null as operand",
    () => x.sub(any(null)),
    "OPTION",
    "operand: is neither a tensor nor a number; got null. Make a tensor of data with tensor().",
  ],
  [
    "an array as matrix",
    () => x.matmul(any([[1], [2]])),
    "OPTION",
    "matmul: is not a tensor; got [[1],[2]]. Make a tensor of data with tensor().",
  ],
  ["a word as axis", () => x.sum(any("rows")), "AXIS", "sum: an axis is a number, several are a list; got rows."],
  ["no axes to permute", () => x.permute(any(undefined)), "AXIS", "permute: axes must be a list; got undefined."],
  ["a fraction around integers", () => whole.pad([1, 0], 0.5), "DTYPE", "pad: the value is no int32; got 0.5. Cast the tensor first."],
  ["an index beyond int32", () => x.gather([2 ** 32]), "RANGE", "gather: index 0 is outside any axis; got 4294967296."],
  [
    "one tensor in place of a list",
    () => gradients(x.sum(), any(x)),
    "OPTION",
    "gradients: needs a list of tensors; got Tensor. gradients(loss, [w]).",
  ],
  [
    "a negative number of steps",
    () => scan((c: Tensor) => [c, undefined], tensor(0), [] as unknown as AnyTensor, { length: -1 }),
    "OPTION",
    "scan: the number of steps must be a whole number; got -1.",
  ],
])("%s", (_, mistake, code, message) => {
  expect(errorOf(mistake)).toMatchObject({ code, message });
});
