// Forward mode as tensors: directional derivatives, and what they make cheap: products with a Hessian. Jacobians come from reverse
// mode, all rows at once.

import { pushforward } from "../autodiff/forward.ts";
import { constant } from "../graph/build.ts";
import { computed, type DType, isReal } from "../graph/dtype.ts";
import type { Node } from "../graph/node.ts";
import { substitute } from "../graph/rewrite.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import { mistake } from "../util/errors.ts";
import { argumentsOf, assignCells, assignedBy, boundOf, traceClosure, typesOf, wrapAll } from "./closure.ts";
import { eye } from "./create.ts";
import { gradients, nodesOf } from "./gradients.ts";
import { type Tensor, wrap } from "./tensor.ts";
import { unflatten } from "./tree.ts";
import type { AnyTensor } from "./types.ts";
import { vmap } from "./vmap.ts";

function checkTangents(where: string, points: readonly AnyTensor[], tangents: readonly AnyTensor[]): void {
  if (points.length !== tangents.length)
    throw mistake("OPTION", { where, problem: "needs a tangent for each tensor", got: tangents.length, expected: points.length });
  points.forEach((t, i) => {
    const tangent = tangents[i] as AnyTensor;
    if (!isReal(t.dtype) || computed(t.dtype) !== tangent.dtype || !sameShape(t.shape, tangent.shape))
      throw mistake("SHAPE", {
        where,
        problem: `tangent ${i} does not fit`,
        got: `${tangent.dtype}${showShape(tangent.shape)}`,
        expected: isReal(t.dtype) ? `${computed(t.dtype)}${showShape(t.shape)}` : "tangents of floats only",
      });
  });
}

const orZero = (tangent: Node | null, { shape, dtype }: Node): Node => tangent ?? constant(0, computed(dtype), shape);

/**
 * A function's value and its derivative along a direction, in one pass forward: f(x) and ∂f/∂x · v.
 *
 * @param primals the tensors x at which the function is taken; it gets them one by one.
 * @param tangents the direction v: for each of them a tensor of its type.
 * @returns the value, and a tangent of the same structure (zeros for integers).
 * @throws UserError `SHAPE` where a tangent has another type than its tensor.
 * @example
 * const { value, tangent } = jvp((x) => x.square(), [tensor([1, 2])], [tensor([1, 0])]);   // tangent: [2, 0]
 */
export function jvp<R>(
  fn: (...primals: Tensor[]) => R,
  primals: readonly Tensor[],
  tangents: readonly Tensor[],
): { readonly value: R; readonly tangent: R } {
  const where = "jvp";
  checkTangents(where, primals, tangents);
  const { traced, template } = traceClosure(where, fn as (...args: never[]) => unknown, argumentsOf(primals), typesOf(primals));
  const pushed = pushforward(
    traced.results,
    traced.parameters,
    tangents.map((t) => t.node),
  ).map((t, i) => orZero(t, traced.results[i] as Node));
  const bound = boundOf(traced);
  traced.parameters.forEach((p, i) => {
    bound.set(p, (primals[i] as Tensor).node);
  });
  const { cells, values } = assignedBy(traced);
  const all = substitute([...values, ...traced.results, ...pushed], bound);
  assignCells(cells, all.slice(0, cells.length));
  const results = wrapAll(all.slice(cells.length));
  const count = traced.results.length;
  return { value: unflatten(template, results.slice(0, count)) as R, tangent: unflatten(template, results.slice(count)) as R };
}

/**
 * H·v for the Hessian H of a loss, without the Hessian: the derivative of its gradient along v, forward over reverse. It costs about
 * as much as two gradients.
 *
 * @param loss a float scalar.
 * @param wrt tensors or variables in the graph of the loss.
 * @param vectors the direction v: for each of them a tensor of its type.
 * @returns tensors of the types of `wrt`.
 * @throws UserError `SHAPE` where a vector has another type than its tensor, `GRADIENT` where the loss does not depend on one.
 * @example
 * const [Hv] = hessianVectorProduct(loss, [W], [ones([2, 2])]);
 * Source: Pearlmutter, "Fast exact multiplication by the Hessian", 1994.
 */
export function hessianVectorProduct<D extends DType>(
  loss: AnyTensor,
  wrt: readonly Tensor<D>[],
  vectors: readonly AnyTensor[],
): Tensor<D>[] {
  checkTangents("hessianVectorProduct", wrt as readonly AnyTensor[], vectors);
  const slopes = gradients(loss, wrt).map((t) => t.node);
  const groups = wrt.map((t) => nodesOf(t as AnyTensor));
  const pushed = pushforward(
    slopes,
    groups.flat(),
    groups.flatMap((group, i) => group.map(() => (vectors[i] as AnyTensor).node)),
  );
  return pushed.map((t, i) => wrap<D>(orZero(t, slopes[i] as Node)));
}

/**
 * ∂output/∂x for every element of both, of shape [...output, ...x]. Reverse mode for all elements of the output at once.
 *
 * @param output a float tensor of any shape, in whose graph x is.
 * @throws UserError `GRADIENT` where the output does not depend on x.
 * @example
 * const x = tensor([1, 2]);
 * const J = jacobian(x.square(), x);   // [[2, 0], [0, 4]]
 */
export function jacobian<D extends DType>(output: AnyTensor, x: Tensor<D>): Tensor<D> {
  const seeds = eye(output.size)
    .cast(output.dtype)
    .reshape([output.size, ...output.shape]);
  const rows = vmap((seed: AnyTensor) => gradients(output, [x], { seed })[0] as Tensor<D>)(seeds);
  return rows.reshape([...output.shape, ...x.shape]) as Tensor<D>;
}
