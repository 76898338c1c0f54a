// What gcc is told directly on x86. The lane-by-lane forms of helpers.ts become the same instructions, but gcc's vectoriser needs
// long for it in large functions (1,260 multiply-adds of 16 lanes: 6.6 s against 1.3 s). clang does not, and needs none of this.

/** The expression of a helper in gcc's own functions, and the preprocessor condition under which they exist. */
export interface MachineForm {
  readonly condition: string;
  readonly body: string;
}

type Float = "f32" | "f64";

const gcc = "defined(__x86_64__) && !defined(__clang__)";
const [avx512, avx2, sse] = [`${gcc} && defined(__AVX512F__)`, `${gcc} && defined(__AVX2__)`, `${gcc} && defined(__SSE4_1__)`];

/** What instructions on so many lanes end in: `ps` or `pd`, and 512 or 256 for what is wider than 128 bits; null for other widths. */
function suffixOf(scalar: Float, lanes: number): { readonly bits: number; readonly suffix: string } | null {
  const bits = lanes * (scalar === "f64" ? 64 : 32);
  if (bits !== 128 && bits !== 256 && bits !== 512) return null;
  return { bits, suffix: `${scalar === "f64" ? "pd" : "ps"}${bits === 128 ? "" : bits}` };
}

/** `a * b + c`, rounded once. */
export function machineFma(scalar: Float, lanes: number): MachineForm | null {
  const of = suffixOf(scalar, lanes);
  if (of === null) return null;
  const type = `${scalar}x${lanes}`;
  if (of.bits === 512) return { condition: avx512, body: `return (${type})__builtin_ia32_vfmadd${of.suffix}_mask(a, b, c, -1, 4);` };
  return { condition: `${gcc} && defined(__FMA__)`, body: `return (${type})__builtin_ia32_vfmadd${of.suffix}(a, b, c);` };
}

/** The immediate of the rounding instructions: a direction, and no exception for inexact results. */
const directions: Record<string, number> = { nearest: 8, floor: 9, ceil: 10, trunc: 11 };

/** `sqrt` and the roundings of `a`. */
export function machineRounding(name: string, scalar: Float, lanes: number): MachineForm | null {
  const of = suffixOf(scalar, lanes);
  if (of === null) return null;
  const { bits, suffix } = of;
  const type = `${scalar}x${lanes}`;
  const direction = directions[name];
  if (direction === undefined) {
    if (bits === 512) return { condition: avx512, body: `return (${type})__builtin_ia32_sqrt${suffix}_mask(a, a, -1, 4);` };
    return { condition: bits === 256 ? avx2 : gcc, body: `return (${type})__builtin_ia32_sqrt${suffix}(a);` };
  }
  if (bits === 512) {
    const scale = `__builtin_ia32_rndscale${suffix.slice(0, 2)}_mask`;
    return { condition: avx512, body: `return (${type})${scale}(a, ${direction}, a, -1, 4);` };
  }
  return { condition: bits === 256 ? avx2 : sse, body: `return (${type})__builtin_ia32_round${suffix}(a, ${direction});` };
}

/** Stores the first `n` lanes of 32 or 64 bits. */
export function machineStore(element: string, lanes: number): MachineForm | null {
  const double = element === "f64";
  const bits = lanes * (double ? 64 : 32);
  const [float, type] = [double || element === "f32", double ? "f64" : element === "f32" ? "f32" : "i32"];
  if (bits === 512) {
    const name = double ? "storeupd512" : float ? "storeups512" : "storedqusi512";
    const mask = `(unsigned ${double ? "char" : "short"})(n >= ${lanes} ? -1 : (1 << n) - 1)`;
    return { condition: avx512, body: `__builtin_ia32_${name}_mask((${type} *)p, (${type}x${lanes})v, ${mask});` };
  }
  if (bits !== 256) return null;
  const name = double ? "maskstorepd256" : float ? "maskstoreps256" : "maskstored256";
  const masks = `${double ? "i64" : "i32"}x${lanes}`;
  const list = (one: (i: number) => number | string) => `(${masks}){${Array.from({ length: lanes }, (_, i) => one(i)).join(", ")}}`;
  const mask = `(${list((i) => i)} < ${list(() => "n")})`;
  return { condition: avx2, body: `__builtin_ia32_${name}((${type}x${lanes} *)p, ${mask}, (${type}x${lanes})v);` };
}
