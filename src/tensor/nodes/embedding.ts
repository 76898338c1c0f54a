// Rows of a table on nodes: gather, whose gradient is a scatterAdd into the rows. What changes only the gradient is done to what
// comes out, so that the table is never walked.

import {
  binary,
  broadcastTo,
  gather as builtGather,
  scatterAdd as builtScatter,
  cast,
  checkBounds,
  constant,
  reshape,
  unary,
  where,
} from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { showShape } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { indices as asIndices, fill } from "./operands.ts";

export interface EmbeddingOptions {
  /** A row that gets no gradient, such as that of padding; negative ones count from the end. */
  readonly paddingIndex?: number;
  /** Divides each row's gradient by how often it occurs among the indices. Default false. */
  readonly scaleGradientByFrequency?: boolean;
}

export function embedding(positions: Node, weight: Node, options: EmbeddingOptions): Node {
  if (weight.shape.length !== 2)
    throw mistake("SHAPE", {
      where: "embedding",
      problem: "the weight must be a table",
      got: showShape(weight.shape),
      expected: "[rows,columns]",
    });
  const [rows, columns] = weight.shape as readonly [number, number];
  const given = asIndices("embedding", positions);
  if (rows === 0 && given.size > 0)
    throw mistake("SHAPE", {
      where: "embedding",
      problem: "the table is empty, so no index is inside it",
      got: showShape(weight.shape),
      expected: "no indices",
    });
  const { paddingIndex, scaleGradientByFrequency = false } = options;
  const indices = checkBounds(given, rows, "embedding: an index is outside the table");
  const found = builtGather(weight, indices, 0);
  const spread = (x: Node) => broadcastTo(reshape(x, [...indices.shape, 1]), [...indices.shape, columns]);
  const scaled = scaleGradientByFrequency ? scaleGradient(found, spread(reciprocalCounts(indices, rows, weight))) : found;
  if (paddingIndex === undefined) return scaled;
  if (!Number.isInteger(paddingIndex) || paddingIndex < -rows || paddingIndex >= rows)
    throw mistake("OPTION", {
      where: "embedding",
      problem: "paddingIndex is outside the table",
      got: paddingIndex,
      expected: `an integer from ${-rows} to ${rows - 1}`,
    });
  const padding = constant(paddingIndex < 0 ? paddingIndex + rows : paddingIndex, "int32", indices.shape);
  return where(spread(binary("eq", indices, padding)), unary("stopGradient", found), scaled);
}

/** 1 / how often each index occurs. */
function reciprocalCounts(indices: Node, rows: number, weight: Node): Node {
  const counts = builtGather(builtScatter([rows], indices, fill(indices, 1), 0), indices, 0);
  return binary("div", constant(1, weight.dtype, indices.shape), cast(counts, weight.dtype));
}

/** x with a gradient times a factor: x − x is 0 whatever the factor. */
function scaleGradient(x: Node, factor: Node): Node {
  const fixed = unary("stopGradient", x);
  return binary("add", fixed, binary("mul", binary("sub", x, fixed), factor));
}
