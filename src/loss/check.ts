// Values that a loss must refuse. They are known only where the program runs, so the check travels with it as an index check,
// and what fails is reported rounded away from the range.

import { binary, cast, checkBounds, constant, where as select, unary } from "../graph/build.ts";
import { type Tensor, wrap } from "../tensor/tensor.ts";

/**
 * The same values, each at least `least` and, where it is given, at most `most`; both whole numbers.
 *
 * @throws UserError `RANGE` on running or reading, with the message
 */
export function checkedValues(x: Tensor, least: 0, most: number | null, message: string): Tensor {
  const { node } = x;
  const number = (value: number) => constant(value, node.dtype, node.shape);
  const below = binary("lt", node, number(least));
  const inside = number(least);
  const upper = most === null ? inside : select(binary("lt", number(most), node), unary("ceil", node), inside);
  const rounded = cast(select(below, unary("floor", node), upper), "int32");
  const checked = checkBounds(rounded, (most ?? 0) + 1, message);
  // Never the other branch: a value that fails stops the program. It ties the check to the values.
  return wrap(select(binary("le", constant(0, "int32", node.shape), checked), node, number(Number.NaN)));
}
