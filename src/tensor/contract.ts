// Products of matrices and vectors as free functions.

import type { Tensor } from "./tensor.ts";
import type { AnyTensor, Joined } from "./types.ts";

/**
 * The matrix product, as NumPy has it: the last axis of a with the last but one of b; leading axes broadcast; a vector on the
 * left is a row, on the right a column, and loses that axis again.
 *
 * @param a float […,m,k] or [k].
 * @param b float […,k,n] or [k].
 * @throws UserError `SHAPE` with both shapes; `DTYPE` where neither is float.
 * @example
 * matmul(tensor([[1, 2]]), tensor([[3], [4]]));   // [[11]]
 */
export function matmul<A extends AnyTensor, B extends AnyTensor>(a: A, b: B): Tensor<Joined<A, B>> {
  return a.matmul(b) as Tensor<Joined<A, B>>;
}

/** Σ aᵢ bᵢ of two vectors of one length. */
export function dot<A extends AnyTensor, B extends AnyTensor>(a: A, b: B): Tensor<Joined<A, B>> {
  return a.dot(b) as Tensor<Joined<A, B>>;
}

/** aᵢ bⱼ of two vectors, a matrix. */
export function outer<A extends AnyTensor, B extends AnyTensor>(a: A, b: B): Tensor<Joined<A, B>> {
  return a.outer(b) as Tensor<Joined<A, B>>;
}
