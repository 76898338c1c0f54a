// Gradients as tensors: the graph of the derivative, as lazy as any other, so that gradients of gradients are the same call.

import { gradients as gradientNodes } from "../autodiff/gradients.ts";
import { type Cell, cellOf, presentNodes } from "../engine/cell.ts";
import { isForgotten } from "../engine/realize.ts";
import { binary, constant } from "../graph/build.ts";
import type { DType } from "../graph/dtype.ts";
import { type Node, topological } from "../graph/node.ts";
import { mistake } from "../util/errors.ts";
import { checkNames } from "../util/options.ts";
import { type Tensor, wrap } from "./tensor.ts";
import type { AnyTensor } from "./types.ts";
import { Variable, variableOf } from "./variable.ts";

export interface GradientOptions {
  /** Zeros for tensors that the loss does not depend on, instead of an error; default false. */
  readonly allowUnused?: boolean;
  /** The cotangent of a loss that is no scalar: the result is that of ⟨seed, loss⟩. */
  readonly seed?: AnyTensor;
}

/** A tensor of the same dtype for each of a list. */
export type GradientsOf<W extends readonly AnyTensor[]> = { -readonly [K in keyof W]: W[K] extends Tensor<infer D> ? Tensor<D> : never };

/**
 * ∂loss/∂w for each w.
 *
 * @param loss a float scalar (or any shape, with `seed`).
 * @param wrt tensors or variables in the graph of the loss; a variable stands for its present value.
 * @returns tensors of the same shapes and dtypes as `wrt`.
 * @throws UserError `GRADIENT` naming what the loss does not depend on.
 * @example
 * const [dW, db] = gradients(mse(x.matmul(W).add(b), y), [W, b]);
 */
export function gradients<const W extends readonly AnyTensor[]>(loss: AnyTensor, wrt: W, options: GradientOptions = {}): GradientsOf<W> {
  checkNames("gradients", options, ["allowUnused", "seed"]);
  if (!Array.isArray(wrt))
    throw mistake("OPTION", { where: "gradients", problem: "needs a list of tensors", got: wrt, advice: "gradients(loss, [w])." });
  const groups = wrt.map(nodesOf);
  const nodes = groups.flat();
  const output = loss.node;
  refuseForgotten(output, nodes);
  const found = gradientNodes(output, nodes, options.seed === undefined ? {} : { seed: options.seed.node });
  let next = 0;
  return groups.map((group, i) => {
    const parts = found.slice(next, next + group.length).filter((g) => g !== null) as Node[];
    next += group.length;
    const node = parts.length === 0 ? null : parts.reduce((a, b) => binary("add", a, b));
    if (node !== null) return wrap(node);
    const target = wrt[i] as AnyTensor;
    if (options.allowUnused !== true)
      throw mistake("GRADIENT", {
        where: "gradients",
        problem: `the loss does not depend on ${target instanceof Variable ? `variable "${target.name}"` : `tensor ${i} of the list`}`,
        advice: "Leave it out, give { allowUnused: true } for zeros, or look whether it was assigned after the loss was built.",
      });
    return wrap(constant(0, target.dtype, target.shape));
  }) as readonly AnyTensor[] as GradientsOf<W>;
}

/**
 * The value of a function of tensors and its gradient with respect to each of them.
 *
 * @example
 * const { value, gradients: [dx] } = valueAndGradients((x) => x.square().sum(), [tensor([1, 2])]);
 */
export function valueAndGradients<const W extends readonly AnyTensor[]>(
  f: (...inputs: W) => AnyTensor,
  inputs: W,
  options: GradientOptions = {},
): { readonly value: AnyTensor; readonly gradients: GradientsOf<W> } {
  const value = f(...inputs);
  return { value, gradients: gradients(value, inputs, options) };
}

/** The nodes that stand for a tensor in a loss: of a variable, in the body of a loop, also those that it has outside. */
export function nodesOf(t: AnyTensor): readonly Node[] {
  return t instanceof Variable ? presentNodes(t.cell) : [t.node];
}

/** Whether gradients stop at a node: what lies behind it is a constant for them. */
const stops = (node: Node): boolean => node.op === "stopGradient";

function refuseForgotten(output: Node, wrt: readonly Node[]): void {
  const targets = new Set(wrt);
  for (const node of topological([output], (n) => stops(n) || targets.has(n))) {
    if (isForgotten(node) && !targets.has(node))
      throw mistake("GRADIENT", {
        where: "gradients",
        problem: "the loss goes back through more values that were read, one made from the other, than are remembered",
        advice: "Put the loop into a compiled function or a scan, or use stopGradient where the past does not matter.",
      });
  }
}

/**
 * The variables whose present value is in the graph of a tensor, in the order of their creation.
 *
 * @param options.all also those that are not trainable; default false.
 * @example
 * const parameters = variablesOf(loss);
 */
export function variablesOf(loss: AnyTensor, options: { readonly all?: boolean } = {}): Variable<DType>[] {
  const found = new Set<Cell>();
  const isVersion = (node: Node): boolean => {
    const cell = cellOf(node);
    if (cell !== undefined) found.add(cell);
    return cell !== undefined;
  };
  topological([loss.node], (node) => isVersion(node) || stops(node));
  return [...found]
    .sort((a, b) => a.id - b.id)
    .filter((cell) => options.all === true || cell.trainable.value)
    .map(variableOf);
}
