// What a newcomer gets wrong, and what they may rightly expect to work without a cast.

import { expect, it } from "vitest";
import {
  bernoulli,
  compile,
  gather,
  gradients,
  normal,
  randomInteger,
  type Tensor,
  tensor,
  uniform,
  type Variable,
  valueAndGradients,
  variable,
  zeros,
} from "../../src/index.ts";

const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);

it("gather takes lists of numbers, one number, and what splits and batches give", () => {
  expect(x.gather(Int32Array.of(1, 0)).toArraySync()).toEqual([
    [4, 5, 6],
    [1, 2, 3],
  ]);
  expect(x.gather([2, 2], 1).toArraySync()).toEqual([
    [3, 3],
    [6, 6],
  ]);
  expect(gather(x, 1).toArraySync()).toEqual([4, 5, 6]);
  expect(x.gather(Uint8Array.of(1)).shape).toEqual([1, 3]);
  expect(compile((t: Tensor) => t.gather([1]))(x).toArraySync()).toEqual([[4, 5, 6]]);
  expect(() => x.gather([0.5])).toThrow("gather: index 0 is no whole number; got 0.5.");
  expect(() => x.gather([7]).dataSync()).toThrow("gather: an index is outside the axis; got 7, expected 0 to 1.");
  expect(() => x.gather(undefined as never)).toThrow("gather: indices must be a tensor or a list of whole numbers; got undefined.");
});

it("options that there are not are refused, with their likely names", () => {
  const typo = { keepDims: true } as object;
  for (const reduce of ["sum", "mean", "prod", "max", "min", "variance", "std", "any", "all", "logSumExp"] as const)
    expect(() => x[reduce](1, typo)).toThrow(`${reduce}: there is no option "keepDims". Did you mean "keepDimensions"?`);
  expect(() => x.argMax(1, typo)).toThrow('argMax: there is no option "keepDims".');
  expect(x.variance(1, { correction: 1, keepDimensions: true }).toArraySync()).toEqual([[1], [1]]);
  expect(() => x.sort(1, { descend: true } as object)).toThrow('Did you mean "descending"?');
  expect(() => x.topK(1, 1, { larges: false } as object)).toThrow('Did you mean "largest"?');
  expect(() => x.cumsum(1, { reversed: true } as object)).toThrow('Did you mean "reverse"?');
  expect(() => normal([2], { sdt: 1 } as object)).toThrow('normal: there is no option "sdt". The options are: seed, generator, mean, std.');
  expect(() => uniform([2], { hight: 1 } as object)).toThrow('Did you mean "high"?');
  expect(() => bernoulli([2], { p: 0.5 } as object)).toThrow('bernoulli: there is no option "p".');
  expect(() => randomInteger([2], { hi: 3 } as never)).toThrow('randomInteger: there is no option "hi".');
  expect(() => zeros([2], { type: "int32" } as object)).toThrow('zeros: there is no option "type".');
  expect(() => tensor([2], { dtpye: "int32" } as object)).toThrow('Did you mean "dtype"?');
  expect(() => gradients(x.sum(), [x], { allowUnsed: true } as object)).toThrow('Did you mean "allowUnused"?');
});

it("a dtype that there is not is the user's mistake", () => {
  expect(() => x.cast("float" as never)).toThrow(/^cast: unknown dtype; got float, expected .*float32/);
});

it("gradients come as many as are asked for, each with its dtype", () => {
  const [a, b] = [variable([1, 2], "a"), variable([3], "b")];
  const [da, db] = gradients(a.square().sum().add(b.sum()), [a, b]);
  const typed: Tensor = da.add(db);
  expect(typed.toArraySync()).toEqual([3, 5]);
  const parameters: readonly Tensor[] = [a, b];
  const list: Tensor[] = gradients(a.square().sum().add(b.sum()), parameters);
  expect(list).toHaveLength(2);
  const { value, gradients: found } = valueAndGradients((u, v) => u.mul(v).sum(), [tensor([1, 2]), tensor([3, 4])]);
  const [du, dv] = found;
  expect([value, du, dv].map((t) => t.toArraySync())).toEqual([11, [3, 4], [1, 2]]);
});

it("an async function is refused, and what becomes of it does not end the process", async () => {
  const unhandled: unknown[] = [];
  const listen = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", listen);
  expect(() => compile(async (t: Tensor) => await t.sum().item())(x)).toThrow("a traced function cannot be async");
  await new Promise((done) => setTimeout(done, 20));
  process.off("unhandledRejection", listen);
  expect(unhandled).toEqual([]);
});

it("the type says the dtype that is there, whatever the place would like", () => {
  // @ts-expect-error fractions are no indices
  expect(() => x.gather(tensor([0.5]))).toThrow("indices must be integers");
  // @ts-expect-error float32 unless another is asked for
  const wrong: Tensor<"int32"> = zeros([2]);
  const right: Tensor<"int32"> = zeros([2], { dtype: "int32" });
  const counts: Variable<"int32"> = variable(Int32Array.of(1, 2));
  const weights: Variable = variable([1, 2], "weights");
  const bytes: Variable<"uint8"> = variable([1, 2], { dtype: "uint8" });
  expect([wrong, right, counts, weights, bytes].map((t) => t.dtype)).toEqual(["float32", "int32", "int32", "float32", "uint8"]);
});
