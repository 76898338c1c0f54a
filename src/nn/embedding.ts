// Embeddings: rows of a table chosen by indices.

import { showShape } from "../graph/shape.ts";
import { arange } from "../tensor/create.ts";
import { where as select } from "../tensor/elementwise.ts";
import { embedding } from "../tensor/indexing.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { mistake } from "../util/errors.ts";
import { checkNames, checkNumber } from "../util/options.ts";
import { type Initializer, normalInitializer } from "./initialize.ts";
import { Module } from "./module.ts";
import { type Parameter, parameter } from "./parameter.ts";

export interface EmbeddingLayerOptions {
  /** The index of padding: its row starts at 0 and gets no gradient. Default none. */
  readonly paddingIndex?: number;
  /** First rows. Default normal with deviation 1. */
  readonly weightInitializer?: Initializer;
}

/**
 * A vector for each index: row i of the weight. To use the same numbers as an output layer, give its weight to
 * `new Linear(size, count, { weight: embedding.weight, bias: false })`.
 *
 * @example
 * const tokens = new Embedding(65, 128);
 * console.log(tokens.forward(tensor([[1, 2, 3]], { dtype: "int32" })).shape); // [ 1, 3, 128 ]
 */
export class Embedding extends Module {
  /** [count, size], PyTorch's layout. */
  readonly weight: Parameter;
  readonly paddingIndex: number | null;

  /**
   * @param count how many indices there are
   * @param size length of each vector
   * @throws UserError `OPTION` for sizes that are not positive integers, or a padding index that is none
   */
  constructor(count: number, size: number, options: EmbeddingLayerOptions = {}) {
    super();
    checkNumber("Embedding", "count", count, { least: 1, integer: true });
    checkNumber("Embedding", "size", size, { least: 1, integer: true });
    checkNames("Embedding", options, ["paddingIndex", "weightInitializer"]);
    const { paddingIndex } = options;
    this.paddingIndex =
      paddingIndex === undefined ? null : checkNumber("Embedding", "paddingIndex", paddingIndex, { least: 0, below: count, integer: true });
    const draw = options.weightInitializer ?? normalInitializer({ std: 1 });
    const row = this.paddingIndex;
    const withPadding: Initializer = (shape, key) =>
      select(
        arange(count)
          .unsqueeze(1)
          .eq(row ?? -1),
        0,
        draw(shape, key),
      ) as Tensor;
    this.weight = parameter([count, size], row === null ? draw : withPadding);
  }

  /**
   * @param indices any shape, int32 or uint8, from 0 to count − 1
   * @returns the shape of the indices, and [size]
   * @throws UserError `DTYPE` for indices that are no integers; `RANGE`, at the latest on reading, for one outside the table
   */
  forward(indices: Tensor<"int32" | "uint8">): Tensor {
    if (indices.dtype !== "int32" && indices.dtype !== "uint8")
      throw mistake("DTYPE", {
        where: `Embedding(${this.weight.shape.join(", ")})`,
        problem: "indices must be integers",
        got: `${String(indices.dtype)}${showShape((indices as Tensor<"int32">).shape)}`,
        expected: "int32 or uint8",
      });
    return embedding(indices, this.weight, this.paddingIndex === null ? {} : { paddingIndex: this.paddingIndex });
  }
}
