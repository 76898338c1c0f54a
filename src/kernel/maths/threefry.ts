// Threefry-2x32 with 20 rounds on u32 lanes: counter-based random bits, the same on every device.
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

import type { Expression } from "../../graph/kernel.ts";
import { add, type Emit, or, shl, shr, xor } from "../expression.ts";

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const parity = 0x1bd11bda;

/** One word of the block of a key and a counter, all u32. */
export function threefry(
  word: 0 | 1,
  key0: Expression,
  key1: Expression,
  counter0: Expression,
  counter1: Expression,
  emit: Emit,
): Expression {
  const key = [key0, key1, emit(xor(xor(key0, key1), parity))] as const;
  let x = emit(add(counter0, key0));
  let y = emit(add(counter1, key1));
  for (let round = 0; round < 20; round++) {
    const rotation = rotations[round % 8] as number;
    x = emit(add(x, y));
    y = emit(xor(or(shl(y, rotation), shr(y, 32 - rotation)), x));
    if (round % 4 === 3) {
      const block = (round + 1) / 4;
      x = emit(add(x, key[block % 3] as Expression));
      y = emit(add(y, add(key[(block + 1) % 3] as Expression, block)));
    }
  }
  return word === 0 ? x : y;
}
