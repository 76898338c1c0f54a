// Random numbers on nodes: Threefry blocks of a key and a 64-bit counter, turned into numbers by the same formulas on every
// device. Element i of a draw is a function of (key, counter + i) alone.

import { binary, broadcastTo, cast, constant, iota, reshape, slice, threefry, unary, where } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { type Shape, sizeOf } from "../../graph/shape.ts";

/** Where a draw begins: four uint32 scalars. */
export interface Stream {
  readonly key0: Node;
  readonly key1: Node;
  readonly low: Node;
  readonly high: Node;
}

const word = (value: number): Node => constant(value, "uint32");

/** A stream from numbers known here. */
export function streamOf(key0: number, key1: number, low = 0, high = 0): Stream {
  return { key0: word(key0), key1: word(key1), low: word(low), high: word(high) };
}

/** The stream that a generator's state (uint32[4]: key, counter) points to. */
export function streamFrom(state: Node): Stream {
  const [key0, key1, low, high] = [0, 1, 2, 3].map((i) => reshape(slice(state, [i], [1]), [])) as [Node, Node, Node, Node];
  return { key0, key1, low, high };
}

/** The stream further on, by `count` numbers for each step of a uint32 scalar. */
export function further(stream: Stream, steps: Node, count: number): Stream {
  const [low, high] = plus(stream.low, stream.high, binary("mul", steps, word(count)));
  return { ...stream, low, high };
}

/** The state after `count` numbers were drawn. */
export function advanced(state: Node, count: number): Node {
  const { low, high } = streamFrom(state);
  const [nextLow, nextHigh] = plus(low, high, word(count));
  const position = iota([4], 0);
  const at = (i: number) => binary("eq", position, constant(i, "int32", [4]));
  return where(at(2), broadcastTo(nextLow, [4]), where(at(3), broadcastTo(nextHigh, [4]), state));
}

/** A 64-bit sum of a counter and a number below 2³². */
function plus(low: Node, high: Node, add: Node): [Node, Node] {
  const sum = binary("add", low, add);
  const carry = where(binary("lt", sum, low), constant(1, "uint32", low.shape), constant(0, "uint32", low.shape));
  return [sum, binary("add", high, carry)];
}

/** Both words of one block for each element. */
function blocks(stream: Stream, shape: Shape): [Node, Node] {
  const size = sizeOf(shape);
  const spread = (x: Node) => broadcastTo(x, [size]);
  const [low, high] = plus(spread(stream.low), spread(stream.high), cast(iota([size], 0), "uint32"));
  const draw = (w: 0 | 1) => reshape(threefry(w, spread(stream.key0), spread(stream.key1), low, high), shape);
  return [draw(0), draw(1)];
}

/** The 24 upper bits as an integer that float32 holds exactly. */
function upper24(bits: Node): Node {
  return cast(cast(binary("shiftRight", bits, constant(8, "uint32", bits.shape)), "int32"), "float32");
}

const like = (x: Node, value: number): Node => constant(value, x.dtype, x.shape);

/** k / 2²⁴ for k from 0 to 2²⁴ − 1. */
function unit(bits: Node): Node {
  return binary("mul", upper24(bits), like(upper24(bits), 2 ** -24));
}

export function uniform(stream: Stream, shape: Shape, low: number, high: number): Node {
  const u = unit(blocks(stream, shape)[0]);
  if (low === 0 && high === 1) return u;
  return binary("add", binary("mul", u, like(u, high - low)), like(u, low));
}

/** Box and Muller: √(−2 log u₁) · cos(2π u₂), with u₁ in (0, 1]. */
export function normal(stream: Stream, shape: Shape, mean: number, std: number): Node {
  const [first, second] = blocks(stream, shape);
  const k = upper24(first);
  const u = binary("mul", binary("add", k, like(k, 1)), like(k, 2 ** -24));
  const radius = unary("sqrt", binary("mul", unary("log", u), like(u, -2)));
  const angle = binary("mul", unit(second), like(u, 2 * Math.PI));
  const z = binary("mul", radius, unary("cos", angle));
  return binary("add", binary("mul", z, like(z, std)), like(z, mean));
}

export function bernoulli(stream: Stream, shape: Shape, probability: Node): Node {
  const u = uniform(stream, shape, 0, 1);
  return binary("lt", u, broadcastTo(cast(probability, "float32"), shape));
}

/** Integers from `low` to `high` − 1: the bits modulo the range, biased by at most range / 2³². */
export function integers(stream: Stream, shape: Shape, low: number, high: number): Node {
  const [bits] = blocks(stream, shape);
  const offset = cast(binary("remainder", bits, constant(high - low, "uint32", shape)), "int32");
  return binary("add", offset, constant(low, "int32", shape));
}

/** Keys to sort by. */
export function sortKeys(stream: Stream, count: number): Node {
  return cast(blocks(stream, [count])[0], "int32");
}
