// Containers beside Sequential: branches whose results are added or joined.

import { concat } from "../tensor/move.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";
import { checkNames } from "../util/options.ts";
import { applyLayer, type Layer, Module } from "./module.ts";

/**
 * x plus what a layer makes of it; where the layer changes the shape, a shortcut takes the place of x.
 *
 * @example
 * const block = new Residual(new Sequential(new LayerNorm(64), new Linear(64, 64), relu));
 * Source: He, Zhang, Ren, Sun 2015, arXiv 1512.03385.
 */
export class Residual extends Module {
  readonly layer: Layer;
  readonly shortcut: Layer | null;

  /** @param shortcut for example a 1×1 convolution. Default none: x itself */
  constructor(layer: Layer, shortcut: Layer | null = null) {
    super();
    this.layer = layer;
    this.shortcut = shortcut;
  }

  forward(x: AnyTensor): Tensor {
    const straight = this.shortcut === null ? x : applyLayer("Residual", this.shortcut, x);
    return straight.add(applyLayer("Residual", this.layer, x)) as Tensor;
  }
}

export interface ParallelOptions {
  /** How results meet: one behind the other along `axis` (default), or added. */
  readonly join?: "concat" | "sum";
  /** Default −1. */
  readonly axis?: number;
}

/**
 * Several layers on the same input; their results are joined along an axis, or added.
 *
 * @example
 * const both = new Parallel([new Linear(8, 4), new Linear(8, 6)]);
 * console.log(both.forward(zeros([2, 8])).shape); // [ 2, 10 ]
 */
export class Parallel extends Module {
  readonly layers: readonly Layer[];
  readonly join: "concat" | "sum";
  readonly axis: number;

  /** @throws UserError `OPTION` for no layers, or an unknown way to join */
  constructor(layers: readonly Layer[], options: ParallelOptions = {}) {
    super();
    checkNames("Parallel", options, ["join", "axis"]);
    const { join = "concat", axis = -1 } = options;
    if (!Array.isArray(layers) || layers.length === 0)
      throw mistake("OPTION", { where: "Parallel", problem: "needs layers", got: layers, expected: "a list of modules or functions" });
    if (join !== "concat" && join !== "sum")
      throw mistake("OPTION", { where: "Parallel", problem: "unknown way to join", got: join, expected: "concat or sum" });
    this.layers = layers;
    this.join = join;
    this.axis = axis;
  }

  forward(x: AnyTensor): Tensor {
    const results = this.layers.map((layer) => applyLayer("Parallel", layer, x) as Tensor);
    if (this.join === "concat") return concat(results, this.axis);
    return results.reduce((sum, y) => sum.add(y) as Tensor);
  }
}
