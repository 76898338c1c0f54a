// Random small graphs for property tests: a recipe of steps, each of which picks operands among the nodes made so far and
// adds a pattern that occurs in practice. Every recipe builds a valid graph, so fast-check shrinks freely.

import fc from "fast-check";
import { gradients } from "../../src/autodiff/gradients.ts";
import * as build from "../../src/graph/build.ts";
import type { TypedArray } from "../../src/graph/dtype.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Region } from "../../src/graph/operation.ts";
import { printRegion } from "../../src/graph/print.ts";
import type { Shape } from "../../src/graph/shape.ts";
import { patterns } from "./random_patterns.ts";
import { elementsOf, generator, integers, type Operand } from "./values.ts";

/** A graph with operands for its parameters. Prints itself when a property fails. */
export interface RandomGraph {
  readonly region: Region;
  readonly operands: readonly Operand[];
  /** The operands' elements, in their dtypes' arrays. */
  readonly parameters: readonly TypedArray[];
}

function withText(region: Region, operands: readonly Operand[]): RandomGraph {
  const text = () => {
    const data = operands.map((operand, i) => `  p${i}: ${operand.dtype} ${JSON.stringify(operand.data)}`);
    return `\n${printRegion(region)}\noperands:\n${data.join("\n")}\n`;
  };
  const graph: RandomGraph & fc.WithToStringMethod = {
    region,
    operands,
    parameters: operands.map((operand) => elementsOf(operand)),
    [fc.toStringMethod]: text,
  };
  return graph;
}

export interface RandomGraphOptions {
  /** Most steps of a recipe. Default 8. */
  readonly steps?: number;
  /** Loops and branches too. Default true. */
  readonly regions?: boolean;
  /** For some graphs, gradients of a sum with respect to the float parameters among the results. Default true. */
  readonly gradients?: boolean;
}

const shape = fc.array(fc.constantFrom(1, 2, 3, 4, 5, 7, 0, 17), { maxLength: 3 });

/** Graphs of a few steps on one to three float parameters, an int32 vector and an int32 scalar. */
export function randomGraph(options: RandomGraphOptions = {}): fc.Arbitrary<RandomGraph> {
  const names = Object.keys(patterns).filter((name) => options.regions !== false || !["cond", "loop", "scan", "recurrence"].includes(name));
  const step = fc.record({ pattern: fc.constantFrom(...names), choices: fc.array(fc.nat(1000), { minLength: 6, maxLength: 6 }) });
  return fc
    .record({
      shapes: fc.array(shape, { minLength: 1, maxLength: 3 }),
      seed: fc.nat(1000),
      steps: fc.array(step, { minLength: 1, maxLength: options.steps ?? 8 }),
      differentiate: options.gradients === false ? fc.constant(false) : fc.boolean(),
    })
    .map(({ shapes, seed, steps, differentiate }) => {
      const operands: Operand[] = [...shapes.map((s, i) => uneven(s, seed + i)), integers([5], -3, 9, seed), integers([], -2, 6, seed + 1)];
      const parameters = operands.map((operand, i) => build.input(operand.shape, operand.dtype, `p${i}`));
      const pool: Node[] = [...parameters];
      for (const { pattern, choices } of steps) {
        const before = pool.length;
        (patterns[pattern] as (typeof patterns)[string])(pool, choices);
        // Too large to be quick, and to say more than a small one does.
        for (let i = pool.length - 1; i >= before; i--) if ((pool[i] as Node).size > 600) pool.splice(i, 1);
      }
      const results = [...new Set([pool[pool.length - 1] as Node, pool[parameters.length + (seed % 5)] ?? (pool[0] as Node)])];
      return withText({ parameters, results: differentiate ? [...results, ...slopes(results, parameters)] : results }, operands);
    });
}

function slopes(results: readonly Node[], parameters: readonly Node[]): Node[] {
  const floats = results.filter((r) => r.dtype === "float32").map((r) => build.reduce("reduceSum", r));
  if (floats.length === 0) return [];
  const loss = floats.reduce((a, b) => build.binary("add", a, b));
  return gradients(
    loss,
    parameters.filter((p) => p.dtype === "float32"),
  ).filter((g) => g !== null);
}

/** Floats from −2 to 2 with full mantissas, and here and there a whole number or a zero. */
function uneven(shape: Shape, seed: number): Operand {
  const random = generator(seed);
  const one = () => (random() < 0.15 ? Math.round(random() * 4 - 2) : Math.fround(random() * 4 - 2));
  return { shape, dtype: "float32", data: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, one) };
}
