// Indexing. torch takes axis 0 of a scalar for its only one; a scalar is a vector of one for the time of the call.

import * as d from "../../../src/index.ts";
import { type AnyTensor, type IndexItem, Tensor, tensor } from "../../../src/index.ts";
import { type Arguments, type Bindings, bind, type Ellipsis, type Slice, type Value } from "../binding.ts";

type Indices = Tensor<"int32">;

/** The item in our words: lists are tensors, null is a new axis. */
function itemOf(item: Value): IndexItem {
  if (typeof item === "number" || item instanceof Tensor) return item as IndexItem;
  if (item === null) return "new";
  if (Array.isArray(item))
    return typeof item.flat(9)[0] === "boolean" ? tensor(item as boolean[]) : tensor(item as number[], { dtype: "int32" });
  if ((item as Partial<Ellipsis>).ellipsis === true) return "...";
  const [start, end, step] = (item as Slice).slice;
  return [start, end, step ?? 1];
}

const vector = <D extends d.DType>(x: Tensor<D>): Tensor<D> => (x.rank === 0 ? x.reshape([1]) : x);
const indices = (a: Arguments): Indices => a.tensor("index") as Indices;

/** Calls with a scalar as a vector, and gives back a scalar for one. */
function onVector(a: Arguments, call: (x: Tensor, index: Indices, dim: number) => AnyTensor): AnyTensor {
  const x = a.float("input");
  const result = call(vector(x), x.rank <= 1 ? vector(indices(a)) : indices(a), a.number("dim", 0));
  return x.rank === 0 ? result.reshape([]) : result;
}

/** The source as a tensor with as many axes, or a number. */
function source(a: Arguments, x: Tensor): Tensor | number {
  const value = a.operand(a.has("src") ? "src" : "value") as Tensor | number;
  return typeof value === "number" || x.rank > 1 ? value : vector(value);
}

/** Our names of torch's reductions. */
const reductions: Readonly<Record<string, d.ScatterReduction>> = { add: "sum", multiply: "prod" };

export const bindings: Bindings = {
  __getitem__: ([x, items]) => (x as Tensor).at(...(items as readonly Value[]).map(itemOf)),
  index_select: bind(["input", "dim", "index"], (a) => {
    const x = a.float("input");
    const result = vector(x).gather(vector(indices(a)), a.number("dim", 0));
    return x.rank === 0 ? result.reshape([]) : result;
  }),
  gather: bind(["input", "dim", "index"], (a) => {
    const x = a.float("input");
    if (x.rank > 1) return d.gatherElements(x, indices(a), a.number("dim", 0));
    const result = d.gatherElements(vector(x), vector(indices(a)), a.number("dim", 0));
    return indices(a).rank === 0 ? result.reshape([]) : result;
  }),
  scatter: bind(["input", "dim", "index", "src", "reduce"], (a) => {
    const reduce = a.text("reduce");
    return onVector(a, (x, index, dim) =>
      reduce === undefined
        ? d.scatter(x, dim, index, source(a, x))
        : d.scatterReduce(x, dim, index, source(a, x), (reductions[reduce] ?? reduce) as d.ScatterReduction),
    );
  }),
  scatter_add: bind(["input", "dim", "index", "src"], (a) => onVector(a, (x, index, dim) => d.scatterAdd(x, dim, index, source(a, x)))),
  index_add: bind(["input", "dim", "index", "source", "alpha"], (a) =>
    onVector(a, (x, index, dim) =>
      d.indexAdd(x, dim, index, x.rank === 1 ? vector(a.float("source")) : a.float("source"), { alpha: a.number("alpha", 1) }),
    ),
  ),
  index_fill: bind(["input", "dim", "index", "value"], (a) =>
    onVector(a, (x, index, dim) => d.indexFill(x, dim, index, a.operand("value") as Tensor | number)),
  ),
  masked_fill: bind(["input", "mask", "value"], (a) =>
    d.maskedFill(a.float("input"), a.tensor("mask") as Tensor<"bool">, a.operand("value") as Tensor | number),
  ),
  take_along_dim: bind(["input", "indices", "dim"], (a) =>
    d.takeAlongAxis(a.float("input"), a.tensor("indices") as Indices, a.number("dim")),
  ),
  "nn.functional.embedding": bind(["input", "weight", "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse"], (a) =>
    d.embedding(a.tensor("input") as Indices, a.float("weight"), {
      ...(a.has("padding_idx") ? { paddingIndex: a.number("padding_idx", 0) } : {}),
      scaleGradientByFrequency: a.flag("scale_grad_by_freq"),
    }),
  ),
  "nn.functional.one_hot": bind(["input", "num_classes"], (a) => {
    const classes = a.number("num_classes", -1);
    return d.oneHot(a.tensor("input") as Indices, classes === -1 ? undefined : classes, "int32");
  }),
};
