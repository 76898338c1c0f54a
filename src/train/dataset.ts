// What is trained on: inputs and targets with samples along axis 0, on the device as a whole; batches are cut there.

import type { DType } from "../graph/dtype.ts";
import { showShape } from "../graph/shape.ts";
import { type Data, tensor } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";

/** Samples along axis 0. Data that is no tensor yet becomes one: numbers float32, typed arrays their own dtype. */
export interface Dataset {
  /** [samples, ...], any dtype: bytes may stay bytes until the model casts them. */
  readonly inputs: AnyTensor | Data;
  /** [samples, ...]: numbers, or class indices. */
  readonly targets: AnyTensor | Data;
}

export interface Samples {
  readonly inputs: AnyTensor;
  readonly targets: AnyTensor;
  readonly count: number;
}

/** A tensor with samples along axis 0. */
export function samplesOf(where: string, what: string, data: AnyTensor | Data): AnyTensor {
  const t = data instanceof Tensor ? (data as AnyTensor) : (tensor(data) as Tensor<DType>);
  if (t.rank === 0) throw mistake("SHAPE", { where, problem: `${what} must have samples along axis 0`, got: "a scalar" });
  if (t.shape[0] === 0) throw mistake("DATA", { where, problem: `${what} holds no samples`, got: showShape(t.shape) });
  return t;
}

/**
 * The data set as tensors.
 *
 * @throws UserError `DATA` when it is empty, `SHAPE` when inputs and targets differ in number
 */
export function asSamples(where: string, dataset: Dataset): Samples {
  if (typeof dataset !== "object" || dataset === null || dataset.inputs === undefined || dataset.targets === undefined)
    throw mistake("OPTION", { where, problem: "the data set must be an object { inputs, targets }", got: dataset });
  const inputs = samplesOf(where, "inputs", dataset.inputs);
  const targets = samplesOf(where, "targets", dataset.targets);
  const count = inputs.shape[0] as number;
  if (targets.shape[0] !== count) {
    throw mistake("SHAPE", {
      where,
      problem: "inputs and targets differ in the number of samples",
      got: `inputs ${showShape(inputs.shape)} and targets ${showShape(targets.shape)}`,
    });
  }
  return { inputs, targets, count };
}
