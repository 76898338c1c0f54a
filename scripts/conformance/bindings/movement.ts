// Movement. torch names the only axis of a scalar 0 or −1; ours have none, so a scalar is a vector of one for the time of the call.

import type { AnyTensor, PadMode, Tensor } from "../../../src/index.ts";
import * as d from "../../../src/index.ts";
import { type Arguments, type Bindings, bind } from "../binding.ts";

const listOf = (x: number | readonly number[] | undefined): readonly number[] => (x === undefined ? [] : typeof x === "number" ? [x] : x);

/** A call that keeps the shape of a scalar, made with it as a vector. */
const onVector = (x: AnyTensor, call: (x: AnyTensor) => AnyTensor): AnyTensor =>
  x.rank === 0 ? call(x.reshape([1])).reshape([]) : call(x);

/** torch lets an axis of another size than 1 be. */
function squeeze(a: Arguments): AnyTensor {
  const dims = a.numbers("dim");
  if (dims === undefined) return a.tensor("input").squeeze();
  return onVector(a.tensor("input"), (x) =>
    x.squeeze(listOf(dims).filter((axis) => x.shape.at(axis) === 1 || axis >= x.rank || axis < -x.rank)),
  );
}

/** torch leaves out vectors without elements, whatever the rank of the others. */
function cat(a: Arguments): AnyTensor {
  const parts = a.list<Tensor>("tensors");
  const used = parts.filter((t) => t.rank !== 1 || t.size > 0);
  return d.concat(used.length > 0 ? used : parts, a.number("dim", 0));
}

/** torch lists widths from the last axis on: [left, right, top, bottom, …]. */
function pad(a: Arguments): AnyTensor {
  const x = a.float("input");
  const flat = a.list("pad");
  const pairs: (readonly [number, number])[] = [];
  for (let i = 0; i < flat.length; i += 2) pairs.unshift(flat.slice(i, i + 2) as unknown as [number, number]);
  while (pairs.length < x.rank) pairs.unshift([0, 0]);
  return x.pad(pairs, { mode: a.text("mode", "constant") as PadMode, value: a.number("value", 0) });
}

/** The sizes of a part: one size is that of all, a list that of each. */
function split(a: Arguments): readonly AnyTensor[] {
  const sizes = a.get("split_size_or_sections") as number | readonly number[];
  return d.split(a.tensor("tensor"), typeof sizes === "number" ? { size: sizes } : sizes, a.number("dim", 0));
}

function unfold(a: Arguments): AnyTensor {
  const x = a.tensor("input");
  const windows = d.slidingWindow(x.rank === 0 ? x.reshape([1]) : x, a.number("size", 1), a.number("dimension", 0), a.number("step", 1));
  return x.rank === 0 ? windows.at(0) : windows;
}

const shape = (x: "reshape" | "view") =>
  bind(["input", `*${x === "view" ? "size" : "shape"}`], (a) => a.tensor("input").reshape(a.list(x === "view" ? "size" : "shape")));

export const bindings: Bindings = {
  reshape: shape("reshape"),
  view: shape("view"),
  permute: bind(["input", "*dims"], (a) => a.tensor("input").permute(a.list("dims"))),
  transpose: bind(["input", "dim0", "dim1"], (a) => onVector(a.tensor("input"), (x) => x.transpose(a.number("dim0"), a.number("dim1")))),
  squeeze: bind(["input", "dim"], squeeze),
  unsqueeze: bind(["input", "dim"], (a) => a.tensor("input").unsqueeze(a.number("dim", 0))),
  expand: bind(["input", "*size"], (a) => a.tensor("input").expand(a.list("size"))),
  broadcast_to: bind(["input", "*size"], (a) => a.tensor("input").broadcastTo(a.list("size"))),
  flip: bind(["input", "*dims"], (a) => onVector(a.tensor("input"), (x) => x.flip(a.list("dims")))),
  roll: bind(["input", "shifts", "dims"], (a) => {
    const dims = a.numbers("dims");
    const none = typeof dims === "object" && dims.length === 0;
    return d.roll(a.tensor("input"), a.numbers("shifts") ?? [], none ? undefined : dims);
  }),
  cat: bind(["tensors", "dim"], cat),
  stack: bind(["tensors", "dim"], (a) => d.stack(a.list<Tensor>("tensors"), a.number("dim", 0))),
  split: bind(["tensor", "split_size_or_sections", "dim"], split),
  chunk: bind(["input", "chunks", "dim"], (a) => d.chunk(a.tensor("input"), a.number("chunks", 1), a.number("dim", 0))),
  narrow: bind(["input", "dim", "start", "length"], (a) =>
    d.narrow(a.tensor("input"), a.number("dim", 0), a.operand("start") as number | Tensor<"int32">, a.number("length", 0)),
  ),
  select: bind(["input", "dim", "index"], (a) => d.select(a.tensor("input"), a.number("dim", 0), a.number("index", 0))),
  tril: bind(["input", "diagonal"], (a) => d.tril(a.tensor("input"), a.number("diagonal", 0))),
  triu: bind(["input", "diagonal"], (a) => d.triu(a.tensor("input"), a.number("diagonal", 0))),
  diag: bind(["input", "diagonal"], (a) => d.diag(a.tensor("input"), a.number("diagonal", 0))),
  diagonal: bind(["input", "offset", "dim1", "dim2"], (a) =>
    d.diagonal(a.tensor("input"), a.number("offset", 0), [a.number("dim1", 0), a.number("dim2", 1)]),
  ),
  repeat: bind(["input", "*repeats"], (a) => d.repeat(a.tensor("input"), a.list("repeats"))),
  tile: bind(["input", "*dims"], (a) => d.tile(a.tensor("input"), a.list("dims"))),
  unfold: bind(["input", "dimension", "size", "step"], unfold),
  movedim: bind(["input", "source", "destination"], (a) =>
    onVector(a.tensor("input"), (x) => d.moveAxis(x, a.numbers("source") ?? [], a.numbers("destination") ?? [])),
  ),
  flatten: bind(["input", "start_dim", "end_dim"], (a) => a.tensor("input").flatten(a.number("start_dim", 0), a.number("end_dim", -1))),
  unflatten: bind(["input", "dim", "sizes"], (a) => d.unflatten(a.tensor("input"), a.number("dim", 0), a.list("sizes"))),
  rot90: bind(["input", "k", "dims"], (a) =>
    d.rot90(a.tensor("input"), a.number("k", 1), (a.get("dims") ?? [0, 1]) as unknown as [number, number]),
  ),
  meshgrid: bind(["*tensors", "indexing"], (a) =>
    d.meshgrid(a.list<Tensor>("tensors"), { indexing: a.text("indexing", "ij") as "ij" | "xy" }),
  ),
  "nn.functional.pad": bind(["input", "pad", "mode", "value"], pad),
};
