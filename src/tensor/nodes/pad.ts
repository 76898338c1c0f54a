// Padding on nodes, in all modes. A negative width takes elements away. `reflect` and `replicate` extend the axis first and
// cut it after; `circular` cuts first and wraps what is left, as PyTorch has it.

import { pad as builtPad, expand, slice } from "../../graph/build.ts";
import { coerce, isReal } from "../../graph/dtype.ts";
import type { Node } from "../../graph/node.ts";
import { showShape } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { concat } from "./move.ts";
import { around } from "./repeat.ts";

/** What stands around the elements. */
export type PadMode = "constant" | "reflect" | "replicate" | "circular";

export interface PadOptions {
  /** `"constant"` (default): `value`; `"reflect"`: the elements mirrored at the edge; `"replicate"`: the edge; `"circular"`: from the other side. */
  readonly mode?: PadMode;
  /** With mode `"constant"`; default 0. */
  readonly value?: number;
}

/** `[before, after]` for each axis, or one pair for all. */
export type PadWidths = readonly (readonly [number, number])[] | readonly [number, number];

const modes: readonly PadMode[] = ["constant", "reflect", "replicate", "circular"];

export function pad(x: Node, widths: PadWidths, options: number | PadOptions): Node {
  const { mode = "constant", value = 0 } = typeof options === "number" ? { value: options } : options;
  const pairs = pairsOf(x, widths);
  if (!modes.includes(mode))
    throw mistake("OPTION", { where: "pad", problem: "there is no such mode", got: mode, expected: modes.join(", ") });
  if (typeof value !== "number")
    throw mistake("OPTION", { where: "pad", problem: "the value must be a number", got: value, expected: "a number" });
  if (!isReal(x.dtype) && x.dtype !== "bool" && coerce(x.dtype, value) !== value)
    throw mistake("DTYPE", { where: "pad", problem: `the value is no ${x.dtype}`, got: value, advice: "Cast the tensor first." });
  pairs.forEach(([low, high], axis) => {
    const n = x.shape[axis] as number;
    if (low + n + high < 0)
      throw mistake("SHAPE", {
        where: "pad",
        problem: `more is taken from axis ${axis} than there is`,
        got: `widths ${low} and ${high} for ${showShape(x.shape)}`,
        expected: `together at least ${-n}`,
      });
  });
  if (mode === "constant") return constantPad(x, pairs, value);
  return pairs.reduce((padded, [low, high], axis) => padAxis(padded, axis, low, high, mode), x);
}

function pairsOf(x: Node, widths: PadWidths): readonly (readonly [number, number])[] {
  const pairs = (typeof widths[0] === "number" ? x.shape.map(() => widths) : widths) as readonly (readonly [number, number])[];
  if (pairs.length !== x.shape.length || pairs.some((p) => !Array.isArray(p) || p.length !== 2 || !p.every(Number.isInteger)))
    throw mistake("OPTION", {
      where: "pad",
      problem: "needs a pair [before, after] for each axis",
      got: widths,
      expected: `${x.shape.length} pairs, for ${showShape(x.shape)}`,
    });
  return pairs;
}

/** Elements `start` to `end − 1` of an axis. */
function part(x: Node, axis: number, start: number, end: number, step: 1 | -1 = 1): Node {
  const from = step === 1 ? start : end - 1;
  return slice(
    x,
    x.shape.map((_, i) => (i === axis && end > start ? from : 0)),
    x.shape.map((n, i) => (i === axis ? end - start : n)),
    x.shape.map((_, i) => (i === axis ? step : 1)),
  );
}

/** Adds first: what is taken away may be part of what was added on the other side. */
function constantPad(x: Node, pairs: readonly (readonly [number, number])[], value: number): Node {
  const wide = builtPad(
    x,
    pairs.map(([low]) => Math.max(0, low)),
    pairs.map(([, high]) => Math.max(0, high)),
    value,
  );
  return pairs.reduce((padded, [low, high], axis) => cut(padded, axis, low, high), wide);
}

/** Takes away what negative widths say. */
function cut(x: Node, axis: number, low: number, high: number): Node {
  const n = x.shape[axis] as number;
  return low >= 0 && high >= 0 ? x : part(x, axis, Math.max(0, -low), n - Math.max(0, -high));
}

function padAxis(x: Node, axis: number, low: number, high: number, mode: Exclude<PadMode, "constant">): Node {
  const [before, after] = [Math.max(0, low), Math.max(0, high)];
  const whole = mode === "circular" ? cut(x, axis, low, high) : x;
  const n = whole.shape[axis] as number;
  const most = { reflect: Math.max(0, n - 1), replicate: n === 0 ? 0 : Number.POSITIVE_INFINITY, circular: n }[mode];
  if (before > most || after > most)
    throw mistake("SHAPE", {
      where: "pad",
      problem: `mode "${mode}" has not so many elements on axis ${axis}`,
      got: `widths ${low} and ${high} for ${showShape(x.shape)}`,
      expected: `at most ${most}`,
    });
  if (before === 0 && after === 0) return mode === "circular" ? whole : cut(whole, axis, low, high);
  if (mode === "circular") return around(whole, axis, (n - before) % n, before + n + after);
  const edge = (at: number, count: number) =>
    expand(
      part(x, axis, at, at + 1),
      x.shape.map((m, i) => (i === axis ? count : m)),
    );
  const first = () => (mode === "reflect" ? part(x, axis, 1, before + 1, -1) : edge(0, before));
  const last = () => (mode === "reflect" ? part(x, axis, n - 1 - after, n - 1, -1) : edge(n - 1, after));
  const parts = [...(before > 0 ? [first()] : []), x, ...(after > 0 ? [last()] : [])];
  return cut(concat(parts, axis), axis, low, high);
}
