// scatterAdd: the result as [outer, n, inner], the updates as [outer, count, inner]. Work is shared out by destinations: a slice
// owns some rows of the result, fills them with what changes no update (zero for sums), then goes through all the indices in order
// and adds (multiplies, puts) the updates that fall into its rows. So every element is the same sum in the same order however the rows are shared out, and nothing is locked.
// Long rows are cut into blocks, so that few rows make enough work to share.

import { neutralOf } from "../../graph/combine.ts";
import type { DType } from "../../graph/dtype.ts";
import { type Expression, type KernelBuffer, lanesOf, type Target } from "../../graph/kernel.ts";
import { inputOf, type Node } from "../../graph/node.ts";
import type { Combine } from "../../graph/operation.ts";
import { sizeOf } from "../../graph/shape.ts";
import type { Lowered } from "../../graph/task.ts";
import { scalarOf, wrap } from "../elementwise.ts";
import { add, and, constant, div, indexType, le, load, lt, max, min, mul, or, sub, typeOf } from "../expression.ts";
import { begin, Code, end } from "./code.ts";

/** Elements of a row that one unit of work covers at most. */
const longest = 1024;

function join(combine: Exclude<Combine, "last">, dtype: DType, old: Expression, update: Expression): Expression {
  switch (combine) {
    case "sum":
      return dtype === "bool" ? or(old, update) : wrap(dtype, add(old, update));
    case "product":
      return wrap(dtype, mul(old, update));
    case "maximum":
      return max(old, update);
    case "minimum":
      return min(old, update);
  }
}

export function lowerScatterAdd(
  name: string,
  hero: Node<"scatterAdd">,
  target: Target,
  buffers: readonly KernelBuffer[],
  [indices, updates]: readonly number[],
  result: number,
): Lowered {
  const { axis, combine } = hero.attributes;
  const outer = sizeOf(hero.shape.slice(0, axis));
  const n = hero.shape[axis] as number;
  const inner = sizeOf(hero.shape.slice(axis + 1));
  const count = inputOf(hero, 0).size;
  const type = typeOf(scalarOf(hero.dtype), inner === 1 ? 1 : lanesOf(target, hero.dtype === "float64"));
  const neutral = constant(type, neutralOf(combine, hero.dtype));
  const blocks = Math.ceil(inner / longest);
  const block = Math.ceil(Math.ceil(inner / Math.max(blocks, 1)) / type.lanes) * type.lanes;
  const code = new Code();

  /** `body` for vectors of `length` elements; the last one may be cut short. */
  const vectors = (code: Code, length: Expression, body: (i: Expression, code: Code, left?: Expression) => void) => {
    if (type.lanes === 1) return code.loop("i", 0, length, 1, (i, code) => body(i, code));
    const whole = code.let("whole", mul(div(length, type.lanes), type.lanes));
    code.loop("i", 0, whole, type.lanes, (i, code) => body(i, code));
    code.if(lt(whole, length), (code) => body(whole, code, sub(length, whole)));
  };

  // Units of work: outer, then block, then row.
  code.loop("group", div(begin, n), div(add(end, n - 1), n), 1, (group, code) => {
    const low = code.let("low", max(sub(begin, mul(group, n)), 0));
    const high = code.let("high", min(sub(end, mul(group, n)), n));
    const at = code.let("outer", blocks === 1 ? group : div(group, blocks));
    const column = code.let("column", blocks === 1 ? 0 : mul(sub(group, mul(at, blocks)), block));
    const length = code.let("length", blocks === 1 ? inner : min(sub(inner, column), block));
    const rows = code.let("rows", mul(at, n));
    const fill = (code: Code, from: Expression, length: Expression) =>
      vectors(code, length, (i, code, left) => code.store(result, add(from, i), neutral, left));
    if (blocks === 1) fill(code, code.let("from", mul(add(rows, low), inner)), code.let("size", mul(sub(high, low), inner)));
    else code.loop("row", low, high, 1, (row, code) => fill(code, code.let("from", add(mul(add(rows, row), inner), column)), length));
    code.loop("j", 0, count, 1, (j, code) => {
      const row = code.let("row", max(min(load(indices as number, indexType, j), n - 1), 0));
      code.if(and(le(low, row), lt(row, high)), (code) => {
        const to = code.let("to", add(mul(add(rows, row), inner), column));
        const from = code.let("from", add(mul(add(mul(at, count), j), inner), column));
        const combined = (i: Expression) => {
          const update = load(updates as number, type, add(from, i));
          return combine === "last" ? update : join(combine, hero.dtype, load(result, type, add(to, i)), update);
        };
        if (inner === 1) code.store(result, to, combined(constant(indexType, 0)));
        else vectors(code, length, (i, code, left) => code.store(result, add(to, i), combined(i), left));
      });
    });
  });
  const extent = outer * blocks * n;
  const elements = outer * count * inner;
  return {
    kernel: {
      name,
      buffers,
      extent,
      body: code.statements,
      cost: { flops: elements + outer * blocks * count, bytes: 4 * (hero.size + 3 * elements + outer * blocks * count) },
    },
    scratch: [],
  };
}
