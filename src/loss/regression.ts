// Losses for numbers: squared and absolute error.

import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { type LossOptions, matching, reduced } from "./reduction.ts";

/**
 * The squared error, (p − t)².
 *
 * @param prediction any shape, floating point
 * @param target the same shape; integers are cast
 * @param options `reduction`: `mean` over all elements (default), `sum` or `none`
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes differ: nothing is broadcast
 * @example
 * const loss = meanSquaredError(tensor([1, 2, 3]), tensor([1, 2, 5]));
 * console.log(await loss.item()); // 1.3333333730697632
 */
export function meanSquaredError(prediction: Tensor, target: AnyTensor, options: LossOptions = {}): Tensor {
  return reduced("meanSquaredError", prediction.sub(matching("meanSquaredError", prediction, target)).square(), options);
}

/** Short for `meanSquaredError`. */
export const mse: typeof meanSquaredError = meanSquaredError;

/**
 * The absolute error, |p − t|; its gradient where p = t is 0.
 *
 * @param prediction any shape, floating point
 * @param target the same shape; integers are cast
 * @param options `reduction`: `mean` over all elements (default), `sum` or `none`
 * @returns a scalar, or with `none` one loss an element
 * @throws UserError `SHAPE` when the shapes differ: nothing is broadcast
 * @example
 * const loss = meanAbsoluteError(tensor([1, 2, 3]), tensor([1, 2, 5]), { reduction: "sum" });
 * console.log(await loss.item()); // 2
 */
export function meanAbsoluteError(prediction: Tensor, target: AnyTensor, options: LossOptions = {}): Tensor {
  return reduced("meanAbsoluteError", prediction.sub(matching("meanAbsoluteError", prediction, target)).abs(), options);
}
