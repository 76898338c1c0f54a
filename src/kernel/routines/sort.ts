// argSort along the last axis: a stable merge sort of each row, rows shared out. Elements become keys whose order is the wanted
// one, NaN the largest: integers whose bits order like the floats', inverted where the order is descending; float64 stays. Short runs are sorted by insertion; then merges go in pairs, to scratch and back to the result. The length of the
// first runs is chosen so that no second half of a pair has nothing left to merge.

import type { Expression, KernelBuffer, Memory } from "../../graph/kernel.ts";
import { inputOf, type Node } from "../../graph/node.ts";
import { type Lowered, memoryOf } from "../../graph/task.ts";
import { scalarOf } from "../elementwise.ts";
import {
  add,
  and,
  bitcast,
  cast,
  eq,
  indexType,
  le,
  load,
  lt,
  max,
  min,
  mul,
  ne,
  not,
  or,
  select,
  shr,
  sub,
  typeOf,
  xor,
} from "../expression.ts";
import { begin, Code, end } from "./code.ts";

/** The element as a key. */
function keyOf(x: Expression, memory: Memory, descending: boolean): Expression {
  switch (memory) {
    case "f64":
      return x;
    case "f32": {
      // −0 + 0 is 0. Negative numbers order by their inverted bits, below the sign.
      const bits = bitcast(add(x, 0), "i32");
      const key = xor(bits, and(shr(bits, 31), 0x7fffffff));
      const rising = select(eq(x, x), key, 0x7fffffff);
      return descending ? not(rising) : rising;
    }
    default: {
      const whole = memory === "u32" ? xor(bitcast(x, "i32"), -0x80000000) : cast(x, "i32");
      return descending ? not(whole) : whole;
    }
  }
}

/** A place where rows lie: keys and indices. */
interface Place {
  readonly keys: number;
  readonly indices: number;
}

export function lowerArgSort(
  name: string,
  hero: Node<"argSort">,
  buffers: readonly KernelBuffer[],
  [input]: readonly number[],
  result: number,
): Lowered {
  const n = hero.shape[hero.shape.length - 1] as number;
  const size = hero.size;
  const { dtype } = inputOf(hero, 0);
  const memory = memoryOf(dtype);
  const elementType = typeOf(scalarOf(dtype), 1);
  const keyMemory: Memory = memory === "f64" ? "f64" : "i32";
  const keyType = typeOf(keyMemory === "f64" ? "f64" : "i32", 1);
  const { descending } = hero.attributes;
  const inOrder = (a: Expression, b: Expression) => {
    if (keyMemory !== "f64") return le(a, b);
    return descending ? or(le(b, a), ne(a, a)) : or(le(a, b), ne(b, b));
  };
  const [home, away]: [Place, Place] = [
    { keys: result + 1, indices: result },
    { keys: result + 2, indices: result + 3 },
  ];
  let run = 8;
  while (Math.ceil(Math.log2(n / run)) % 2 > 0) run *= 2;
  const code = new Code();

  /** Sorts `run` elements from each multiple of `run`. */
  const insertion = (code: Code, base: Expression) =>
    code.loop("start", 0, n, run, (start, code) =>
      code.loop("i", start, min(add(start, run), n), 1, (i, code) => {
        const element = load(input as number, elementType, add(base, i));
        const key = code.let("key", keyOf(code.let("element", element), memory, descending));
        const hole = code.let("hole", i);
        const before = () => load(home.keys, keyType, add(base, max(sub(hole, 1), 0)));
        const moves = and(lt(start, hole), not(inOrder(before(), key)));
        code.while(moves, (code) => {
          code.store(home.keys, add(base, hole), before());
          code.store(home.indices, add(base, hole), load(home.indices, indexType, add(add(base, hole), -1)));
          code.set(hole, sub(hole, 1));
        });
        code.store(home.keys, add(base, hole), key);
        code.store(home.indices, add(base, hole), i);
      }),
    );

  /** Merges pairs of sorted runs of `width`. */
  const merge = (code: Code, base: Expression, width: Expression, from: Place, to: Place) => {
    const low = code.let("low", 0);
    code.while(lt(low, n), (code) => {
      const middle = code.let("middle", min(add(low, width), n));
      const high = code.let("high", min(add(middle, width), n));
      const left = code.let("left", low);
      const right = code.let("right", middle);
      code.loop("k", low, high, 1, (k, code) => {
        const a = code.let("a", load(from.keys, keyType, add(base, left)));
        const b = code.let("b", load(from.keys, keyType, add(base, right)));
        const takeLeft = code.let("take", and(lt(left, middle), or(le(high, right), inOrder(a, b))));
        const step = code.let("step", cast(takeLeft, "i32"));
        code.store(to.keys, add(base, k), select(takeLeft, a, b));
        code.store(to.indices, add(base, k), load(from.indices, indexType, add(base, select(takeLeft, left, right))));
        code.set(left, add(left, step));
        code.set(right, sub(add(right, 1), step));
      });
      code.set(low, high);
    });
  };

  code.loop("row", begin, end, 1, (row, code) => {
    const base = code.let("base", mul(row, n));
    insertion(code, base);
    if (run >= n) return;
    // The width stays far below 2³⁰ when it stops: n is an int32.
    const width = code.let("width", run);
    code.while(lt(width, n), (code) => {
      merge(code, base, width, home, away);
      const twice = code.let("twice", add(width, width));
      merge(code, base, twice, away, home);
      code.set(width, add(twice, twice));
    });
  });
  const keyBytes = keyMemory === "f64" ? 8 : 4;
  const passes = Math.max(1, Math.ceil(Math.log2(Math.max(n, 2) / run)));
  return {
    kernel: {
      name,
      buffers: [
        ...buffers,
        { memory: keyMemory, access: "readwrite" },
        { memory: keyMemory, access: "readwrite" },
        { memory: "i32", access: "readwrite" },
      ],
      extent: n === 0 ? 0 : size / n,
      body: code.statements,
      cost: { flops: size * (run + 8 * passes), bytes: size * (passes + 1) * 2 * (keyBytes + 4) },
    },
    scratch: [size * keyBytes, size * keyBytes, size * 4],
  };
}
