// Layers one after the other.

import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";
import { applyLayer, type Layer, Module } from "./module.ts";

/**
 * Applies layers in order; each is a module or a plain function.
 *
 * @example
 * const model = new Sequential(new Linear(784, 128), relu, new Linear(128, 10));
 * console.log([...model.namedParameters().keys()]); // layers.0.weight, layers.0.bias, layers.2.weight, layers.2.bias
 */
export class Sequential extends Module {
  readonly layers: readonly Layer[];

  constructor(...layers: readonly Layer[]) {
    super();
    layers.forEach((layer, i) => {
      if (!(layer instanceof Module) && typeof layer !== "function")
        throw mistake("OPTION", { where: "Sequential", problem: `layer ${i} is neither a module nor a function`, got: layer });
    });
    this.layers = layers;
  }

  /** PyTorch numbers the layers themselves. */
  override stateName(path: string): string {
    return path.replace(/^layers\./, "");
  }

  forward(input: AnyTensor): Tensor {
    let x = input;
    for (const layer of this.layers) x = applyLayer("Sequential", layer, x);
    return x as Tensor;
  }
}
