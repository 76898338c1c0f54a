// What the oracle of the random graphs excuses, and what it does not.

import { expect, it } from "vitest";
import { binary, input, reduce, unary } from "../../src/graph/build.ts";
import type { Node } from "../../src/graph/node.ts";
import { consult, findWrong } from "../support/close.ts";

const x = input([4], "float32");

function judge(result: Node, parameter: readonly number[], actual: number): string | null {
  const oracle = consult({ parameters: [x], results: [result] }, [Float32Array.from(parameter)]);
  return findWrong([Float64Array.of(actual)], oracle);
}

it("a product or sum that leaves float32's range in another order may be anything, one that cannot leave it may not", () => {
  const product = reduce("reduceProduct", x);
  expect(judge(product, [1e30, 1e-30, 1e30, 1e-30], Infinity)).toBeNull();
  expect(judge(product, [1e-30, 1e30, 1e-30, 1e30], 0)).toBeNull();
  expect(judge(product, [1e10, 1e-10, 1e10, 1e-10], Infinity)).not.toBeNull();
  expect(judge(product, [1e10, 1e-10, 1e10, 1e-10], 1.001)).not.toBeNull();
  const sum = reduce("reduceSum", x);
  expect(judge(sum, [3e38, -3e38, 3e38, -3e38], Infinity)).toBeNull();
  expect(judge(sum, [1e38, -1e38, 1e38, -1e38], Infinity)).not.toBeNull();
});

it("float64 may differ in its last places, as far as these matter, and no further", () => {
  const [a] = [input([4], "float64")];
  const zero = binary("sub", reduce("reduceSum", unary("exp", a)), reduce("reduceSum", unary("exp", a)));
  const oracle = consult({ parameters: [a], results: [zero] }, [Float64Array.of(0.1, 0.2, 0.3, 0.4)]);
  expect(findWrong([Float64Array.of(1e-15)], oracle)).toBeNull();
  expect(findWrong([Float64Array.of(1e-12)], oracle)).not.toBeNull();
});
