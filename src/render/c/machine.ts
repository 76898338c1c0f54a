// What gcc is told directly on x86. The lane-by-lane forms of helpers.ts become the same instructions, but gcc's vectoriser needs
// long for it in large functions (1,260 multiply-adds of 16 lanes: 6.6 s against 1.3 s). clang does not, and needs none of this.

/** The expression of a helper in gcc's own functions, and the preprocessor condition under which they exist. */
export interface MachineForm {
  readonly condition: string;
  readonly body: string;
}

const gcc = "defined(__x86_64__) && !defined(__clang__)";
const [avx512, avx2, sse] = [`${gcc} && defined(__AVX512F__)`, `${gcc} && defined(__AVX2__)`, `${gcc} && defined(__SSE4_1__)`];

/** `a * b + c`, rounded once. */
export function machineFma(lanes: number): MachineForm | null {
  if (lanes === 16) return { condition: avx512, body: "return (f32x16)__builtin_ia32_vfmaddps512_mask(a, b, c, -1, 4);" };
  const name = lanes === 8 ? "vfmaddps256" : lanes === 4 ? "vfmaddps" : null;
  return name && { condition: `${gcc} && defined(__FMA__)`, body: `return (f32x${lanes})__builtin_ia32_${name}(a, b, c);` };
}

/** The immediate of the rounding instructions: a direction, and no exception for inexact results. */
const directions: Record<string, number> = { nearest: 8, floor: 9, ceil: 10, trunc: 11 };

/** `sqrt` and the roundings of `a`. */
export function machineRounding(name: string, lanes: number): MachineForm | null {
  const direction = directions[name];
  if (direction === undefined) {
    if (lanes === 16) return { condition: avx512, body: "return (f32x16)__builtin_ia32_sqrtps512_mask(a, a, -1, 4);" };
    if (lanes === 8) return { condition: avx2, body: "return (f32x8)__builtin_ia32_sqrtps256(a);" };
    return lanes === 4 ? { condition: gcc, body: "return (f32x4)__builtin_ia32_sqrtps(a);" } : null;
  }
  if (lanes === 16) return { condition: avx512, body: `return (f32x16)__builtin_ia32_rndscaleps_mask(a, ${direction}, a, -1, 4);` };
  if (lanes === 8) return { condition: avx2, body: `return (f32x8)__builtin_ia32_roundps256(a, ${direction});` };
  return lanes === 4 ? { condition: sse, body: `return (f32x4)__builtin_ia32_roundps(a, ${direction});` } : null;
}

/** Stores the first `n` lanes of 32 bits. */
export function machineStore(element: string, lanes: number): MachineForm | null {
  const float = element === "f32";
  if (lanes === 16) {
    const [name, type] = float ? ["storeups512", "f32"] : ["storedqusi512", "i32"];
    const mask = "(unsigned short)(n >= 16 ? -1 : (1 << n) - 1)";
    return { condition: avx512, body: `__builtin_ia32_${name}_mask((${type} *)p, (${type}x16)v, ${mask});` };
  }
  if (lanes !== 8) return null;
  const [name, type] = float ? ["maskstoreps256", "f32x8"] : ["maskstored256", "i32x8"];
  const mask = "((i32x8){0, 1, 2, 3, 4, 5, 6, 7} < (i32x8){n, n, n, n, n, n, n, n})";
  return { condition: avx2, body: `__builtin_ia32_${name}((${type} *)p, ${mask}, (${type})v);` };
}
