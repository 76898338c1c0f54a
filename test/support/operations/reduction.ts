// Rows of the reductions.

import * as build from "../../../src/graph/build.ts";
import type { Node } from "../../../src/graph/node.ts";
import type { Shape } from "../../../src/graph/shape.ts";
import { bools, bytes, floats, integers, special, vector, words } from "../values.ts";
import { type OperationCase, plain, type Rows, row, smooth } from "./case.ts";

type Reduction = "reduceSum" | "reduceProduct" | "reduceMax" | "reduceMin";

function reduction(op: Reduction, kind: "differentiable" | "smooth", edges: readonly OperationCase[]): OperationCase[] {
  const places: [Shape, readonly number[]][] = [
    [[], []],
    [[1], [0]],
    [[7], [0]],
    [[3, 5], [1]],
    [[3, 5], [0]],
    [
      [2, 3, 4],
      [0, 2],
    ],
    [
      [2, 3, 4],
      [0, 1, 2],
    ],
    [[2, 3, 4], [1]],
    [[0, 3], [1]],
    [[40], [0]],
    [[3, 50], [1]],
    [[50, 3], [0]],
  ];
  return [
    ...places.map(([shape, axes]) =>
      row(kind, `float32 [${shape}] over [${axes}]`, [floats(shape, -1.3, 1.2)], ([x]) => build.reduce(op, x as Node, axes)),
    ),
    plain("int32 wraps or compares", [words], ([x]) => build.reduce(op, x as Node)),
    plain("uint8", [integers([4, 3], 0, 255, 1, "uint8")], ([x]) => build.reduce(op, x as Node, 0)),
    ...edges,
  ];
}

const emptyReduction = (op: Reduction) => plain("an empty axis", [floats([2, 0])], ([x]) => build.reduce(op, x as Node, 1));

export const reductionRows: Rows<"reduce"> = {
  reduceSum: reduction("reduceSum", "smooth", [emptyReduction("reduceSum")]),
  reduceProduct: reduction("reduceProduct", "smooth", [
    emptyReduction("reduceProduct"),
    smooth("an empty axis has no factors", [floats([2, 0])], ([x]) => build.reduce("reduceProduct", x as Node, 1)),
    ...[[1.5, 0, 2, -3], [0, 1.5, 0, 2], [0, 0, 0], [0]].map((data) =>
      smooth(`zeros in ${data}`, [vector("float32", ...data)], ([x]) => build.reduce("reduceProduct", x as Node)),
    ),
  ]),
  reduceMax: reduction("reduceMax", "smooth", [
    plain("NaN wins", [special], ([x]) => build.reduce("reduceMax", x as Node)),
    plain("bool", [bools], ([x]) => build.reduce("reduceMax", x as Node)),
  ]),
  reduceMin: reduction("reduceMin", "smooth", [
    plain("NaN wins", [special], ([x]) => build.reduce("reduceMin", x as Node)),
    plain("bool", [bools], ([x]) => build.reduce("reduceMin", x as Node)),
  ]),
  argMax: [
    plain("each axis", [floats([3, 4])], ([x]) => [0, 1].map((axis) => build.argReduce("argMax", x as Node, axis))),
    plain("the first among equals", [vector("float32", 1, 5, 5, 2, 5)], ([x]) => build.argReduce("argMax", x as Node, 0)),
    plain("NaN is the extreme", [vector("float32", 1, 9, Number.NaN, 2, Number.NaN)], ([x]) => build.argReduce("argMax", x as Node, 0)),
    plain("integers", [words], ([x]) => build.argReduce("argMax", x as Node, 0)),
    plain("a long row", [floats([2, 90])], ([x]) => build.argReduce("argMax", x as Node, 1)),
  ],
  argMin: [
    plain("each axis", [floats([3, 4])], ([x]) => [0, 1].map((axis) => build.argReduce("argMin", x as Node, axis))),
    plain("the first among equals", [vector("float32", 3, 1, 1, 2, 1)], ([x]) => build.argReduce("argMin", x as Node, 0)),
    plain("NaN is the extreme", [vector("float32", 1, 0, Number.NaN, 2, -3)], ([x]) => build.argReduce("argMin", x as Node, 0)),
    plain("bytes", [bytes], ([x]) => build.argReduce("argMin", x as Node, 0)),
  ],
};
