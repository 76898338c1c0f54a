// Products of matrices, vectors and tensors as free functions.

import * as nodes from "./nodes/contract.ts";
import { einsum as einsumNode } from "./nodes/einsum.ts";
import { type Tensor, wrap } from "./tensor.ts";
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

/**
 * Einstein's summation: axes with one letter are one axis, and those that the result does not name are summed.
 *
 * @param equation such as `"ij,jk->ik"`. `...` stands for axes that broadcast; a letter twice in one operand is its diagonal; without
 * `->` the result has the axes of the ellipsis and then the letters that occur once, in the order of the alphabet.
 * @param tensors one for each operand; the cheapest pairs are multiplied first.
 * @throws UserError `OPTION` for an equation that is none, `SHAPE` for sizes that do not fit.
 * @example
 * einsum("ij,jk->ik", tensor([[1, 2]]), tensor([[3], [4]]));   // [[11]]
 * einsum("ii->", tensor([[1, 2], [3, 4]]));                    // 5
 */
export function einsum(equation: string, ...tensors: readonly AnyTensor[]): Tensor {
  return wrap(
    einsumNode(
      equation,
      tensors.map((t) => t.node),
    ),
  );
}

/**
 * Sums of products over pairs of axes; what is left of a stands before what is left of b.
 *
 * @param axes so many of a's last axes with b's first (default 2), or the two lists.
 * @throws UserError `AXIS` for axes that are no pairs, `SHAPE` for sizes that differ.
 * @example
 * tensordot(tensor([[1, 2]]), tensor([3, 4]), 1);   // [11]
 */
export function tensordot<A extends AnyTensor, B extends AnyTensor>(a: A, b: B, axes: nodes.DotAxes = 2): Tensor<Joined<A, B>> {
  return wrap(nodes.tensordot(a.node, b.node, axes));
}

/** The Kronecker product: for each element of a, b times it, as blocks. @example kron(tensor([1, 2]), tensor([1, 1]));   // [1, 1, 2, 2] */
export function kron<A extends AnyTensor, B extends AnyTensor>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.kron(a.node, b.node));
}

/** The product of two matrices; `matmul` that refuses other ranks. */
export function mm<A extends AnyTensor, B extends AnyTensor>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.matmulOf("mm", a.node, b.node, 2, 2));
}

/** The products of as many pairs of matrices; `matmul` that refuses other ranks. */
export function bmm<A extends AnyTensor, B extends AnyTensor>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.matmulOf("bmm", a.node, b.node, 3, 3));
}

/** A matrix times a vector; `matmul` that refuses other ranks. */
export function mv<A extends AnyTensor, B extends AnyTensor>(a: A, b: B): Tensor<Joined<A, B>> {
  return wrap(nodes.matmulOf("mv", a.node, b.node, 2, 1));
}

/**
 * β · x + α · a b, of matrices.
 *
 * @param x broadcasts to the product.
 * @example
 * addmm(tensor(1), tensor([[1, 2]]), tensor([[3], [4]]), { alpha: 2 });   // [[23]]
 */
export function addmm<T extends AnyTensor>(x: T, a: AnyTensor, b: AnyTensor, options: nodes.AddProductOptions = {}): T {
  return wrap(nodes.addProduct("addmm", x.node, nodes.matmulOf("addmm", a.node, b.node, 2, 2), options)) as AnyTensor as T;
}

/** β · x + α · a b, of a matrix and a vector; x broadcasts. */
export function addmv<T extends AnyTensor>(x: T, a: AnyTensor, b: AnyTensor, options: nodes.AddProductOptions = {}): T {
  return wrap(nodes.addProduct("addmv", x.node, nodes.matmulOf("addmv", a.node, b.node, 2, 1), options)) as AnyTensor as T;
}

/** β · x + α · a b, of as many pairs of matrices; x broadcasts. */
export function baddbmm<T extends AnyTensor>(x: T, a: AnyTensor, b: AnyTensor, options: nodes.AddProductOptions = {}): T {
  return wrap(nodes.addProduct("baddbmm", x.node, nodes.matmulOf("baddbmm", a.node, b.node, 3, 3), options)) as AnyTensor as T;
}

/**
 * x Wᵀ + bias over the last axis.
 *
 * @param x […, inputs].
 * @param weight [outputs, inputs], PyTorch's layout; or [inputs] without a bias, for one output that makes no axis.
 * @param bias [outputs], or nothing.
 * @throws UserError `SHAPE` for sizes that do not fit.
 * @example
 * linear(tensor([1, 2]), tensor([[3, 4]]), tensor([5]));   // [16]
 */
export function linear(x: AnyTensor, weight: AnyTensor, bias?: AnyTensor): Tensor {
  return wrap(nodes.linear(x.node, weight.node, bias?.node));
}

/**
 * Σᵢⱼ xᵢ Wₒᵢⱼ yⱼ + bias over the last axes.
 *
 * @param x […, m].
 * @param y […, n], with the same leading axes.
 * @param weight [outputs, m, n].
 * @param bias [outputs], or nothing.
 * @throws UserError `SHAPE` for sizes that do not fit.
 * @example
 * bilinear(tensor([1, 2]), tensor([3]), tensor([[[1], [1]]]));   // [9]
 */
export function bilinear(x: AnyTensor, y: AnyTensor, weight: AnyTensor, bias?: AnyTensor): Tensor {
  return wrap(nodes.bilinear(x.node, y.node, weight.node, bias?.node));
}
