// Gradients against central finite differences, in double precision on the reference.

import { gradients } from "../../src/autodiff/gradients.ts";
import { binary, buffer, constant, reduce } from "../../src/graph/build.ts";
import { isFloat, type TypedArray } from "../../src/graph/dtype.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Region } from "../../src/graph/operation.ts";
import { Storage } from "../../src/graph/storage.ts";
import { verifyRegion } from "../../src/graph/verify.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { distinct, elementsOf, generator, type Operand } from "./values.ts";

/** Σ weight · element over the float nodes, with fixed weights: a scalar that sees every element differently. */
export function weighted(nodes: readonly Node[]): Node {
  let sum: Node = constant(0, "float32");
  nodes.forEach((node, i) => {
    if (node.dtype !== "float32") return;
    const weights = buffer(new Storage("float32", node.size, Float32Array.from(distinct(node.size, 0.5, 1.5, i + 11))), node.shape);
    sum = binary("add", sum, reduce("reduceSum", binary("mul", node, weights)));
  });
  return sum;
}

/** The gradients of a scalar; zeros where it does not depend. */
export function gradientsOrZero(output: Node, wrt: readonly Node[]): Node[] {
  return gradients(output, wrt).map((g, i) => g ?? constant(0, (wrt[i] as Node).dtype, (wrt[i] as Node).shape));
}

export interface Disagreement {
  readonly input: number;
  readonly element: number;
  readonly gradient: number;
  readonly difference: number;
}

/** Elements checked of each input; more are sampled. */
const most = 40;

/** Where the gradients of a scalar with respect to its float parameters differ from finite differences. */
export function disagreements(
  parameters: Region["parameters"],
  output: Node,
  operands: readonly Operand[],
  tolerance = 2e-6,
): Disagreement[] {
  const asked = parameters.flatMap((p, i) => (isFloat(p.dtype) ? [i] : []));
  const region: Region = {
    parameters,
    results: [
      output,
      ...gradientsOrZero(
        output,
        asked.map((i) => parameters[i] as Node),
      ),
    ],
  };
  verifyRegion(region);
  const values = operands.map((operand) => elementsOf(operand, true));
  const [, ...grads] = evaluateRegion(region, values);
  const just = { parameters, results: [output] };
  const at = (input: number, element: number, value: number): number => {
    const moved = values.map((v, i): TypedArray => (i === input ? v.slice() : v));
    (moved[input] as TypedArray)[element] = value;
    return (evaluateRegion(just, moved)[0] as TypedArray)[0] as number;
  };
  const random = generator(5);
  const result: Disagreement[] = [];
  asked.forEach((input, n) => {
    const value = values[input] as TypedArray;
    const elements = Array.from(value, (_, e) => e);
    const sample = elements.length <= most ? elements : Array.from({ length: most }, () => Math.floor(random() * elements.length));
    for (const element of sample) {
      const x = value[element] as number;
      const h = 1e-5 * Math.max(1, Math.abs(x));
      const difference = (at(input, element, x + h) - at(input, element, x - h)) / (2 * h);
      const gradient = (grads[n] as TypedArray)[element] as number;
      const scale = Math.max(1, Math.abs(gradient), Math.abs(difference));
      if (!(Math.abs(gradient - difference) <= tolerance * scale)) result.push({ input, element, gradient, difference });
    }
  });
  return result;
}
