// The networks that the command line trains: dense layers with ReLU between them, on table rows or on images.

import { heNormal } from "../nn/initialize.ts";
import { Linear } from "../nn/linear.ts";
import type { Layer } from "../nn/module.ts";
import { Sequential } from "../nn/sequential.ts";
import { relu } from "../tensor/activation.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a network is built of: plain data, part of the bundle. */
export interface NetworkSpec {
  /** Numbers that go in: features of a row, or pixels of an image. */
  readonly inputs: number;
  /** Sizes of the hidden layers; none for a linear model. */
  readonly hidden: readonly number[];
  /** Numbers that come out: scores of the classes, or one. */
  readonly outputs: number;
  /** Images of bytes are flattened and scaled to 0 … 1 first. */
  readonly images: boolean;
}

const pixels = (x: Tensor<"uint8">): Tensor =>
  x
    .flatten(1)
    .cast("float32")
    .mul(1 / 255);

/** Builds a network; its weights derive from the default generator's seed. */
export function buildNetwork(spec: NetworkSpec): Sequential {
  const layers: Layer[] = spec.images ? [pixels] : [];
  let width = spec.inputs;
  for (const size of spec.hidden) {
    layers.push(new Linear(width, size, { weightInitializer: heNormal() }), relu);
    width = size;
  }
  layers.push(new Linear(width, spec.outputs));
  return new Sequential(...layers);
}

/** `linear`, or `mlp 784-256-128-10`. */
export function describeNetwork({ inputs, hidden, outputs }: NetworkSpec): string {
  const sizes = [inputs, ...hidden, outputs].join("-");
  return hidden.length === 0 ? `linear ${sizes}` : `mlp ${sizes}`;
}
