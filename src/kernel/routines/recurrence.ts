// Recurrences along an axis of [outer, n, inner]: one after the other along n, so that every element is the same whatever the
// slice. Work is shared out by rows, or, where the axis is not the last, by blocks of the inner elements, in vectors.

import { bytesOf } from "../../graph/dtype.ts";
import { type Expression, type KernelBuffer, lanesOf, type Target } from "../../graph/kernel.ts";
import type { Node } from "../../graph/node.ts";
import { sizeOf } from "../../graph/shape.ts";
import type { Lowered } from "../../graph/task.ts";
import { scalarOf, wrap } from "../elementwise.ts";
import { add, div, load, max, min, mul, type Operand, sub, typeOf } from "../expression.ts";
import { begin, Code, end } from "./code.ts";

/** Inner elements that one unit of work covers at most. */
const widest = 256;

export function lowerRecurrence(
  name: string,
  hero: Node<"recurrence">,
  target: Target,
  buffers: readonly KernelBuffer[],
  operands: readonly number[],
  result: number,
): Lowered {
  const { combine, axis, reverse } = hero.attributes;
  const outer = sizeOf(hero.shape.slice(0, axis));
  const n = hero.shape[axis] as number;
  const inner = sizeOf(hero.shape.slice(axis + 1));
  const scalar = scalarOf(hero.dtype);
  const type = typeOf(scalar, inner === 1 ? 1 : lanesOf(target, scalar === "f64"));
  const x = operands[operands.length - 1] as number;
  const block = Math.min(inner, widest);
  const blocks = inner === 0 ? 0 : Math.ceil(inner / block);
  const extent = n === 0 ? 0 : outer * blocks;
  const code = new Code();

  const next = (before: Expression, at: Expression): Expression => {
    const value = load(x, type, at);
    switch (combine) {
      case "sum":
        return wrap(hero.dtype, add(before, value));
      case "product":
        return wrap(hero.dtype, mul(before, value));
      case "maximum":
        return max(before, value);
      case "linear":
        return wrap(hero.dtype, add(mul(load(operands[0] as number, type, at), before), value));
    }
  };
  /** The place of a step in the order of the recurrence. */
  const turn = (step: Expression): Expression => (reverse ? sub(n - 1, step) : step);
  const first = reverse ? n - 1 : 0;

  if (inner === 1)
    code.loop("row", begin, end, 1, (row, code) => {
      const base = code.let("base", mul(row, n));
      const start = code.let("start", add(base, first));
      const value = code.let("value", load(x, type, start));
      code.store(result, start, value);
      code.loop("step", 1, n, 1, (step, code) => {
        const at = code.let("at", add(base, turn(step)));
        code.set(value, next(value, at));
        code.store(result, at, value);
      });
    });
  else
    code.loop("unit", begin, end, 1, (unit, code) => {
      const group = code.let("group", blocks === 1 ? unit : div(unit, blocks));
      const column = code.let("column", blocks === 1 ? 0 : mul(sub(unit, mul(group, blocks)), block));
      const length = code.let("length", min(sub(inner, column), block));
      const base = code.let("base", add(mul(group, n * inner), column));
      /** One step for all vectors of the block; the last may be cut short. */
      const row = (code: Code, at: Expression, value: (at: Expression) => Expression) => {
        const store = (code: Code, i: Operand, left?: Expression) => {
          const to = code.let("to", add(at, i));
          code.store(result, to, value(to), left);
        };
        const whole = code.let("whole", mul(div(length, type.lanes), type.lanes));
        code.loop("i", 0, whole, type.lanes, (i, code) => store(code, i));
        if (type.lanes > 1) code.loop("i", whole, length, type.lanes, (i, code) => store(code, i, sub(length, i)));
      };
      row(code, code.let("at", add(base, first * inner)), (at) => load(x, type, at));
      code.loop("step", 1, n, 1, (step, code) => {
        row(code, code.let("at", add(base, mul(turn(step), inner))), (at) =>
          next(load(result, type, add(at, reverse ? inner : -inner)), at),
        );
      });
    });
  return {
    kernel: {
      name,
      buffers,
      extent,
      body: code.statements,
      cost: { flops: hero.size * operands.length, bytes: bytesOf(hero.dtype) * hero.size * (operands.length + 2) },
    },
    scratch: [],
  };
}
