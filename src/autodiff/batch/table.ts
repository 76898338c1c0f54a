// Batching's rules, one for every operation; the compiler refuses a missing row.

import {
  argReduce,
  argSort,
  barrier,
  binary,
  cast,
  checkBounds,
  contract,
  expand,
  pad,
  permute,
  recurrence,
  reduce,
  reshape,
  slice,
  threefry,
  unary,
  where,
  window,
} from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { type BinaryOp, binaryOps, type Op, type PlainUnaryOp, plainUnaryOps, tabulate } from "../../graph/operation.ts";
import type { BatchRows, BatchRule, BatchTable, Mapped } from "../rule.ts";
import { full, moveAxis, shifted } from "./axis.ts";
import { indexing } from "./indexing.ts";
import { regionRules } from "./region.ts";

/** The only operand, which is batched. */
const only = (inputs: readonly Mapped[]): Node => (inputs[0] as Mapped).node;

const one =
  (op: PlainUnaryOp): BatchRule<Op> =>
  (_, inputs) =>
    unary(op, only(inputs));

const two =
  (op: BinaryOp): BatchRule<Op> =>
  (_, inputs, size) =>
    binary(op, full(inputs[0] as Mapped, size), full(inputs[1] as Mapped, size));

const reduction = <O extends "reduceSum" | "reduceProduct" | "reduceMax" | "reduceMin">(op: O): BatchRule<O> => {
  return (node, inputs) => reduce(op, only(inputs), shifted((node.attributes as { axes: readonly number[] }).axes));
};

const all = (inputs: readonly Mapped[], size: number): Node[] => inputs.map((x) => full(x, size));

/** The new axis is one more batch axis, or a free axis of the one operand that has it. */
const contractRule: BatchRule<"contract"> = (node, [a, b]) => {
  const [left, right] = [a as Mapped, b as Mapped];
  const { batch, contracted } = node.attributes;
  const axes = ([first, second]: readonly [readonly number[], readonly number[]]) =>
    [left.batched ? shifted(first) : first, right.batched ? shifted(second) : second] as const;
  const [pairs, sums] = [axes(batch), axes(contracted)];
  if (left.batched && right.batched) {
    return contract(
      left.node,
      right.node,
      [
        [0, ...pairs[0]],
        [0, ...pairs[1]],
      ],
      sums,
    );
  }
  const count = batch[0].length;
  if (left.batched) return moveAxis(contract(left.node, right.node, pairs, sums), count, 0);
  const free = right.node.shape.length - 1 - batch[1].length - contracted[1].length;
  // Where the examples are the only free axis of the right operand, they come first if it does.
  if (free === 0) return moveAxis(contract(right.node, left.node, [pairs[1], pairs[0]], [sums[1], sums[0]]), count, 0);
  return moveAxis(contract(left.node, right.node, pairs, sums), node.shape.length - free, 0);
};

const elementwise: BatchRows<"unary" | "binary" | "nary"> = {
  ...tabulate(plainUnaryOps, one),
  cast: (node, inputs) => cast(only(inputs), node.dtype),
  checkBounds: (node, inputs) => checkBounds(only(inputs), node.attributes.size, node.attributes.message),
  ...tabulate(binaryOps, two),
  where: (_, inputs, size) => where(...(all(inputs, size) as [Node, Node, Node])),
  barrier: (_, inputs, size) => barrier(...(all(inputs, size) as [Node, Node])),
  threefry: (node, inputs, size) => threefry(node.attributes.word, ...(all(inputs, size) as [Node, Node, Node, Node])),
};

const views: BatchRows<"view"> = {
  reshape: (node, inputs, size) => reshape(only(inputs), [size, ...node.shape]),
  permute: (node, inputs) => permute(only(inputs), [0, ...shifted(node.attributes.axes)]),
  expand: (node, inputs, size) => expand(only(inputs), [size, ...node.shape]),
  slice: ({ shape, attributes: { starts, steps } }, inputs, size) => slice(only(inputs), [0, ...starts], [size, ...shape], [1, ...steps]),
  pad: ({ attributes: { low, high, interior, value } }, inputs) => pad(only(inputs), [0, ...low], [0, ...high], value, [0, ...interior]),
  window: ({ attributes: { axes, sizes, strides, dilations } }, inputs) => window(only(inputs), shifted(axes), sizes, strides, dilations),
};

export const batchTable: BatchTable = {
  constant: null,
  input: null,
  buffer: null,
  iota: null,
  ...elementwise,
  reduceSum: reduction("reduceSum"),
  reduceProduct: reduction("reduceProduct"),
  reduceMax: reduction("reduceMax"),
  reduceMin: reduction("reduceMin"),
  argMax: (node, inputs) => argReduce("argMax", only(inputs), node.attributes.axis + 1),
  argMin: (node, inputs) => argReduce("argMin", only(inputs), node.attributes.axis + 1),
  ...views,
  contract: contractRule,
  ...indexing,
  argSort: (node, inputs) => argSort(only(inputs), node.attributes.descending),
  recurrence: ({ attributes: { combine, axis, reverse } }, inputs, size) => recurrence(combine, all(inputs, size), axis + 1, reverse),
  ...regionRules,
  // The walk takes a region operation's results apart.
  project: null,
};
