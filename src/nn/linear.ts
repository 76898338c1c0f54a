// The affine layer.

import { sameShape, showShape } from "../graph/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { mistake } from "../util/errors.ts";
import { checkNames, checkNumber } from "../util/options.ts";
import { glorotUniform, type Initializer, zerosInitializer } from "./initialize.ts";
import { Module } from "./module.ts";
import { type Parameter, parameter } from "./parameter.ts";

export interface LinearOptions {
  /** Whether to add a bias. Default true. */
  readonly bias?: boolean;
  /** Another layer's weight [outputs, inputs] to share, such as an embedding's. Default one of its own. */
  readonly weight?: Parameter;
  /** First weights. Default `glorotUniform()`. */
  readonly weightInitializer?: Initializer;
  /** First biases. Default zeros. */
  readonly biasInitializer?: Initializer;
}

/**
 * y = x Wᵀ + b, over the last axis.
 *
 * @example
 * const layer = new Linear(2, 3);
 * console.log(layer.forward(tensor([[1, 2]])).shape); // [ 1, 3 ]
 */
export class Linear extends Module {
  /** [outputs, inputs], PyTorch's layout. */
  readonly weight: Parameter;
  /** [outputs], or null. Penalties leave it out. */
  readonly bias: Parameter | null;

  /**
   * @param inputs size of the input's last axis
   * @param outputs size of the result's last axis
   * @throws UserError `OPTION` for sizes that are not positive integers
   */
  constructor(inputs: number, outputs: number, options: LinearOptions = {}) {
    super();
    checkNumber("Linear", "inputs", inputs, { least: 1, integer: true });
    checkNumber("Linear", "outputs", outputs, { least: 1, integer: true });
    checkNames("Linear", options, ["bias", "weight", "weightInitializer", "biasInitializer"]);
    const { weight } = options;
    if (weight !== undefined && !sameShape(weight.shape, [outputs, inputs]))
      throw mistake("SHAPE", {
        where: "Linear",
        problem: "the shared weight does not fit",
        got: showShape(weight.shape),
        expected: showShape([outputs, inputs]),
      });
    this.weight = weight ?? parameter([outputs, inputs], options.weightInitializer ?? glorotUniform());
    this.bias = options.bias === false ? null : parameter([outputs], options.biasInitializer ?? zerosInitializer, { penalized: false });
  }

  /**
   * @param x [..., inputs], float32
   * @returns [..., outputs]
   * @throws UserError `SHAPE` when the last axis is not `inputs`
   */
  forward(x: Tensor): Tensor {
    const [outputs, inputs] = this.weight.shape as readonly [number, number];
    const name = `Linear(${inputs}, ${outputs})`;
    if (x.shape[x.rank - 1] !== inputs)
      throw mistake("SHAPE", {
        where: name,
        problem: "the input has the wrong last axis",
        got: showShape(x.shape),
        expected: `[…,${inputs}]`,
      });
    if (x.dtype !== "float32")
      throw mistake("DTYPE", {
        where: name,
        problem: "the input must be float32",
        got: x.dtype,
        advice: 'Cast it first: x.cast("float32").',
      });
    const y = x.matmul(this.weight.transpose());
    return this.bias === null ? y : y.add(this.bias);
  }
}
