// Random bits from counters: the block function behind every random number, and a host generator on top of it for shuffles
// and splits. The same function runs on every device, so that seeds mean the same everywhere.

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/**
 * Threefry-2x32 with 20 rounds.
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number): [number, number] {
  const key = [key0, key1, key0 ^ key1 ^ 0x1bd11bda];
  let x = (counter0 + key0) | 0;
  let y = (counter1 + key1) | 0;
  for (let round = 0; round < 20; round++) {
    const rotation = rotations[round % 8] as number;
    x = (x + y) | 0;
    y = ((y << rotation) | (y >>> (32 - rotation))) ^ x;
    if (round % 4 === 3) {
      const block = (round + 1) / 4;
      x = (x + (key[block % 3] as number)) | 0;
      y = (y + (key[(block + 1) % 3] as number) + block) | 0;
    }
  }
  return [x >>> 0, y >>> 0];
}

/** Random numbers on the host: uniform integers from (seed, stream), the same everywhere and at every restart. */
export class HostRandom {
  #key: [number, number];
  #counter = 0;

  /** `seed` is any integer up to 2⁵³; `stream` tells apart the uses of one seed (an epoch, a fold). */
  constructor(seed: number, stream = 0) {
    const low = seed >>> 0;
    const high = Math.floor(seed / 2 ** 32) >>> 0;
    this.#key = threefry2x32(low, high, stream >>> 0, Math.floor(stream / 2 ** 32) >>> 0);
  }

  /** An integer from 0 to 2³² − 1. */
  bits(): number {
    const n = this.#counter++;
    return threefry2x32(this.#key[0], this.#key[1], n >>> 0, Math.floor(n / 2 ** 32))[0];
  }

  /** An integer from 0 to `limit` − 1, without bias (bits of the last incomplete run are drawn again). */
  below(limit: number): number {
    const fair = 2 ** 32 - (2 ** 32 % limit);
    for (;;) {
      const n = this.bits();
      if (n < fair) return n % limit;
    }
  }
}

/** The integers 0 to `count` − 1 in random order (Fisher and Yates). */
export function permute(count: number, random: HostRandom): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const other = order[j] as number;
    order[j] = order[i] as number;
    order[i] = other;
  }
  return order;
}
