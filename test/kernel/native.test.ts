// The maths and the routines in C, in vectors as wide as the machine's: within the same bounds, and the same sums and orders.

import { describe, expect, test } from "vitest";
import { argSort, expand, input, reshape, scatterAdd, slice } from "../../src/graph/build.ts";
import type { TypedArray } from "../../src/graph/dtype.ts";
import type { Expression } from "../../src/graph/kernel.ts";
import type { Node } from "../../src/graph/node.ts";
import { type RoutineOp, realFunctions } from "../../src/graph/operation.ts";
import { lower } from "../../src/kernel/lower.ts";
import { powMaths, unaryMaths } from "../../src/kernel/maths.ts";
import { lowerRoutine } from "../../src/kernel/routines/index.ts";
import { renderC } from "../../src/render/c/program.ts";
import { createNativeDevice, nativeSupport } from "../../src/runtime/native/device.ts";
import { createReferenceDevice } from "../../src/runtime/reference/device.ts";
import { evaluateRegion } from "../../src/runtime/reference/evaluate.ts";
import { loopsTask, random, sample } from "./check.ts";
import { real } from "./real.ts";
import { runLowered } from "./run.ts";
import { columnKernel, everyNth, ulpError } from "./ulp.ts";

describe.runIf(nativeSupport().available)("native", () => {
  const device = createNativeDevice({ render: renderC });
  const { lanes } = device.target;
  const inputs = everyNth(9973);

  test.each(realFunctions)("%s", (name) => {
    const x = inputs;
    const lowered = columnKernel(([v], _, writer) => unaryMaths[name](v as Expression, writer), 1, x.length, lanes);
    const { exact, bound } = real[name];
    const results = runLowered(device, lowered, [x], "float32", x.length);
    expect(x.reduce((most, v, i) => Math.max(most, ulpError(results[i] as number, exact(v))), 0)).toBeLessThanOrEqual(bound);
  });

  test.each(["float32", "int32", "bool", "uint8"] as const)("regular patterns of %s, shuffled out of vectors", (dtype) => {
    const columns = 3 * lanes + 5;
    const x = input([2, columns], dtype);
    const data = sample(dtype, 2 * columns, random(5));
    const doubled = reshape(expand(reshape(x, [2, columns, 1]), [2, columns, 2]), [2, 2 * columns]);
    const even = slice(x, [0, 0], [2, (columns + 1) >> 1], [1, 2]);
    for (const view of [doubled, even]) {
      const lowered = lower(loopsTask([x], [view]), device.target, () => 0);
      const [expected] = evaluateRegion({ parameters: [x as Node<"input">], results: [view] }, [data]);
      expect([...runLowered(device, lowered, [data], dtype, view.size)]).toEqual([...(expected as TypedArray)]);
    }
  });

  test("pow", () => {
    const y = Float32Array.from(inputs, (_, i) =>
      i % 7 === 0 ? (i % 41) - 20 : (inputs[(Math.imul(i, 7919) >>> 0) % inputs.length] as number),
    );
    const lowered = columnKernel(([a, b], emit) => powMaths(a as Expression, b as Expression, emit), 2, inputs.length, lanes);
    const results = runLowered(device, lowered, [inputs, y], "float32", inputs.length);
    expect(inputs.reduce((most, v, i) => Math.max(most, ulpError(results[i] as number, v ** (y[i] as number))), 0)).toBeLessThanOrEqual(
      1.5,
    );
  });

  const routine = (hero: Node<RoutineOp>, parameters: readonly Node<"input">[], values: readonly TypedArray[]) => {
    const lowered = lowerRoutine({ kind: "routine", name: hero.op, inputs: parameters, outputs: [hero], hero }, device.target);
    const [expected] = createReferenceDevice({ rounded: true }).evaluate({ parameters, results: [hero] }, values);
    expect(runLowered(device, lowered, values, hero.dtype, hero.size)).toEqual(expected);
  };

  test("scatterAdd", () => {
    const [index, update] = [input([40], "int32"), input([2, 40, 37], "float32")];
    const indices = Int32Array.from({ length: 40 }, (_, i) => ((i * 7) % 13) - 2);
    const updates = Float32Array.from({ length: update.size }, (_, i) => Math.sin(i));
    routine(scatterAdd([2, 9, 37], index, update, 1) as Node<"scatterAdd">, [index, update], [indices, updates]);
  });

  test.each([true, false])("argSort, descending: %s", (descending) => {
    const x = input([3, 201], "float32");
    const values = Float32Array.from({ length: x.size }, (_, i) => (i % 50 === 9 ? Number.NaN : Math.round(20 * Math.sin(i))));
    routine(argSort(x, descending) as Node<"argSort">, [x], [values]);
  });
});
