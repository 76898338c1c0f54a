// The small inline functions that generated code calls, as C text, made for the type asked for.
// Per-lane forms are written out lane by lane: gcc and clang both turn `(f32x16){f(a[0]), f(a[1]), …}` into one
// instruction where the machine has one (checked in the assembly: fma, rounding, square root, widening, splats).
// Selection is written with masks, which both turn into a blend.

import type { HostFunction, Memory, Scalar } from "../../graph/kernel.ts";
import { type MachineForm, machineFma, machineRounding, machineStore } from "./machine.ts";
import { elements, isNarrow } from "./types.ts";

/** Collects the functions and vector types that one source needs, each once, in the order of need. */
export class Helpers {
  private readonly functions = new Map<string, string>();
  private readonly widths = new Set<number>();

  /** Makes sure that the vector types of this width are declared. */
  width(lanes: number): void {
    if (lanes > 1) this.widths.add(lanes);
  }

  /** The declarations, to stand before the kernels. */
  text(): string {
    return [scalarTypes, ...[...this.widths].map(vectorTypes), ...this.functions.values()].join("\n");
  }

  private define(name: string, lanes: number, text: () => string): string {
    if (!this.functions.has(name)) {
      this.width(lanes);
      const body = text();
      this.functions.set(name, body);
    }
    return name;
  }

  private inline(
    name: string,
    lanes: number,
    result: string,
    parameters: string,
    body: () => string,
    machine?: MachineForm | null,
  ): string {
    const text = (inner: string) => `inline_ ${result} ${name}(${parameters}) { ${inner} }`;
    return this.define(name, lanes, () =>
      machine ? `#if ${machine.condition}\n${text(machine.body)}\n#else\n${text(body())}\n#endif` : text(body()),
    );
  }

  load(memory: Memory, lanes: number): string {
    const e = elements[memory];
    return this.inline(`load_${memory}x${lanes}`, lanes, vector(memory, lanes), `const ${e} *p`, () => {
      if (isNarrow(memory)) return `return (i32x${lanes}){${each(lanes, (i) => `p[${i}]`)}};`;
      if (memory === "bool") return `return (i32x${lanes}){${each(lanes, (i) => `p[${i}]`)}} != 0;`;
      return `return *(const unaligned_${e}x${lanes} *)p;`;
    });
  }

  /** Only the first `n` lanes matter. Reading them all is quicker; ThreadSanitizer would blame us for it. */
  loadCount(memory: Memory, lanes: number): string {
    const e = elements[memory];
    const full = this.load(memory, lanes);
    const exact = `${e} part[${lanes}] = {0}; __builtin_memcpy(part, p, (n < ${lanes} ? n : ${lanes}) * sizeof(${e})); return ${full}(part);`;
    const machine = { condition: "defined(__SANITIZE_THREAD__)", body: exact };
    return this.inline(`${full}_count`, lanes, vector(memory, lanes), `const ${e} *p, i32 n`, () => `return ${full}(p);`, machine);
  }

  store(memory: Memory, lanes: number): string {
    const e = elements[memory];
    return this.inline(`store_${memory}x${lanes}`, lanes, "void", `${e} *p, ${vector(memory, lanes)} v`, () => {
      if (isNarrow(memory) || memory === "bool") {
        const one = memory === "bool" ? (i: number) => `(u8)(v[${i}] & 1)` : (i: number) => `(${e})v[${i}]`;
        return `*(unaligned_${e}x${lanes} *)p = (${e}x${lanes}){${each(lanes, one)}};`;
      }
      return `*(unaligned_${e}x${lanes} *)p = v;`;
    });
  }

  /** Writes only the first `n` lanes, at least one: a masked store where there is one, else bytes of a copy. */
  storeCount(memory: Memory, lanes: number): string {
    const e = elements[memory];
    const full = this.store(memory, lanes);
    return this.inline(
      `${full}_count`,
      lanes,
      "void",
      `${e} *p, ${vector(memory, lanes)} v, i32 n`,
      () =>
        `if (n >= ${lanes}) ${full}(p, v); else { ${e} part[${lanes}]; ${full}(part, v); __builtin_memcpy(p, part, n * sizeof(${e})); }`,
      isNarrow(memory) || memory === "bool" ? null : machineStore(e, lanes),
    );
  }

  gather(memory: Memory, lanes: number): string {
    const truth = memory === "bool" ? " != 0" : "";
    return this.inline(
      `gather_${memory}x${lanes}`,
      lanes,
      vector(memory, lanes),
      `const ${elements[memory]} *p, i32x${lanes} at`,
      () => `${vector(memory, lanes)} r; for (i32 i = 0; i < ${lanes}; i++) r[i] = p[at[i]]; return r${truth};`,
    );
  }

  /** Elements that lie `s` apart. */
  gatherStrided(memory: Memory, lanes: number): string {
    const truth = memory === "bool" ? " != 0" : "";
    const type = vector(memory, lanes);
    const parameters = `const ${elements[memory]} *p, i64 s`;
    return this.inline(
      `gather_${memory}x${lanes}_strided`,
      lanes,
      type,
      parameters,
      () => `return (${type}){${each(lanes, (i) => (i === 0 ? "p[0]" : `p[${i} * s]`))}}${truth};`,
    );
  }

  /** Every other element: picked from two vectors. */
  gatherEvens(memory: Memory, lanes: number): string {
    const load = this.load(memory, lanes);
    const picked = `__builtin_shufflevector(${load}(p), ${load}(p + ${lanes}), ${each(lanes, (i) => `${2 * i}`)})`;
    return this.picked(`gather_${memory}x${lanes}_evens`, memory, lanes, (i) => 2 * i, picked);
  }

  /** Each element 2^shift times. */
  gatherRepeated(memory: Memory, lanes: number, shift: number): string {
    const value = `${this.load(memory, lanes)}(p)`;
    const picked = `__builtin_shufflevector(${value}, ${value}, ${each(lanes, (i) => `${i >> shift}`)})`;
    return this.picked(`gather_${memory}x${lanes}_repeated${shift}`, memory, lanes, (i) => i >> shift, picked);
  }

  /** Elements at known places: `shuffled` out of whole vectors, or one by one. */
  private picked(name: string, memory: Memory, lanes: number, place: (lane: number) => number, shuffled: string): string {
    const truth = memory === "bool" ? " != 0" : "";
    const type = vector(memory, lanes);
    const machine = { condition: "defined(SHUFFLES)", body: `return ${shuffled};` };
    const one = (i: number) => `p[${place(i)}]`;
    return this.inline(name, lanes, type, `const ${elements[memory]} *p`, () => `return (${type}){${each(lanes, one)}}${truth};`, machine);
  }

  splat(scalar: Scalar, lanes: number): string {
    const value = scalar === "bool" ? "-a" : "a";
    const element = scalar === "bool" ? "i32" : scalar;
    const type = `${element}x${lanes}`;
    return this.inline(`splat_${scalar}x${lanes}`, lanes, type, `${element} a`, () => `return (${type}){${each(lanes, () => value)}};`);
  }

  ramp(lanes: number): string {
    const splat = this.splat("i32", lanes);
    const steps = each(lanes, (i) => String(i));
    return this.inline(`ramp_i32x${lanes}`, lanes, `i32x${lanes}`, "i32 a", () => `return ${splat}(a) + (i32x${lanes}){${steps}};`);
  }

  lane(scalar: Scalar, lanes: number): string {
    const element = scalar === "bool" ? "i32" : scalar;
    return this.inline(
      `lane_${scalar}x${lanes}`,
      lanes,
      element,
      `${element}x${lanes} v, i32 i`,
      () => `return v[i]${scalar === "bool" ? " & 1" : ""};`,
    );
  }

  /** A function of the compiler on every lane, such as `floor` or `sqrt`. */
  rounded(name: string, builtin: string, scalar: "f32" | "f64", lanes: number): string {
    const type = `${scalar}x${lanes}`;
    return this.inline(
      `${name}_${type}`,
      lanes,
      type,
      `${type} a`,
      () => `return (${type}){${each(lanes, (i) => `${builtin}(a[${i}])`)}};`,
      machineRounding(name, scalar, lanes),
    );
  }

  /** A function of libm, on every lane. */
  host(name: HostFunction, lanes: number): string {
    const builtin = `__builtin_${name}`;
    if (lanes === 1) return builtin;
    const type = `f64x${lanes}`;
    const names = name === "pow" || name === "atan2" ? ["a", "b"] : ["a"];
    const one = (i: number) => `${builtin}(${names.map((n) => `${n}[${i}]`).join(", ")})`;
    return this.inline(
      `${name}_${type}`,
      lanes,
      type,
      names.map((n) => `${type} ${n}`).join(", "),
      () => `return (${type}){${each(lanes, one)}};`,
    );
  }

  fma(scalar: "f32" | "f64", lanes: number): string {
    const one = `fma_${scalar}`;
    this.define(one, 1, () => fusedScalar(scalar));
    if (lanes === 1) return one;
    const type = `${scalar}x${lanes}`;
    return this.inline(
      `fma_${type}`,
      lanes,
      type,
      `${type} a, ${type} b, ${type} c`,
      () => `return (${type}){${each(lanes, (i) => `${one}(a[${i}], b[${i}], c[${i}])`)}};`,
      machineFma(scalar, lanes),
    );
  }

  select(scalar: Scalar, lanes: number): string {
    if (scalar !== "f64") return this.blend(scalar, lanes);
    const type = `f64x${lanes}`;
    const blend = this.blend(scalar, lanes);
    return this.inline(
      `select_${type}`,
      lanes,
      type,
      `i32x${lanes} m, ${type} a, ${type} b`,
      () => `return ${blend}(__builtin_convertvector(m, i64x${lanes}), a, b);`,
    );
  }

  /** Selection by a mask that is as wide as what it selects, as the compiler's comparisons are. */
  private blend(scalar: Scalar, lanes: number): string {
    const element = scalar === "bool" ? "i32" : scalar;
    const [type, bits] = [`${element}x${lanes}`, bitsOf(scalar, lanes)];
    return this.inline(
      `blend_${type}`,
      lanes,
      type,
      `${bits} m, ${type} a, ${type} b`,
      () => `return (${type})((m & (${bits})a) | (~m & (${bits})b));`,
    );
  }

  /** The absolute value of an i32; the smallest one stays. */
  magnitude(lanes: number): string {
    const type = lanes === 1 ? "i32" : `i32x${lanes}`;
    return this.inline(`abs_${type}`, lanes, type, `${type} a`, () => `${type} m = a >> 31; return (a ^ m) - m;`);
  }

  /** The smaller or larger, NaN if either is NaN, −0 below +0. */
  extremum(operation: "min" | "max", scalar: Scalar, lanes: number): string {
    const type = lanes === 1 ? scalar : `${scalar}x${lanes}`;
    const less = operation === "min" ? "<" : ">";
    const float = scalar === "f32" || scalar === "f64";
    const select = lanes === 1 ? "" : this.blend(scalar, lanes);
    return this.inline(`${operation}_${type}`, lanes, type, `${type} a, ${type} b`, () => {
      if (lanes === 1) {
        if (!float) return `return a ${less} b ? a : b;`;
        const sign = `__builtin_signbit(a) ? ${operation === "min" ? "a : b" : "b : a"}`;
        return `return a ${less} b ? a : b ${less} a ? b : a != a ? a : b != b ? b : ${sign};`;
      }
      if (!float) return `return ${select}(a ${less} b, a, b);`;
      // Each of x and y is the answer unless one side is NaN (one of them is then NaN) or both are zero (x is b, y is a).
      const bits = bitsOf(scalar, lanes);
      const both = `${type} x = ${select}(a ${less} b, a, b), y = ${select}(b ${less} a, b, a);`;
      const joined = `(${type})((${bits})x | (${bits})y)`;
      return operation === "min" ? `${both} return ${joined};` : `${both} return ${joined} - (${type})((${bits})x ^ (${bits})y);`;
    });
  }

  /** `min` or `max` with a constant that is not NaN: one comparison. Of two zeros the comparison takes the right one. */
  bound(operation: "min" | "max", scalar: "f32" | "f64", lanes: number, negativeZero: boolean): string {
    const type = lanes === 1 ? scalar : `${scalar}x${lanes}`;
    const select = lanes === 1 ? "" : this.blend(scalar, lanes);
    const strict = (operation === "min") !== negativeZero;
    const takes = `${operation === "min" ? "c <" : "a <"}${strict ? "" : "="} ${operation === "min" ? "a" : "c"}`;
    return this.inline(`${operation}_${type}_${strict ? "below" : "upto"}`, lanes, type, `${type} a, ${type} c`, () =>
      lanes === 1 ? `return ${takes} ? c : a;` : `return ${select}(${takes}, c, a);`,
    );
  }

  /** Integer division and remainder that never trap. */
  quotient(operation: "div" | "rem", scalar: "i32" | "u32", lanes: number): string {
    const type = lanes === 1 ? scalar : `${scalar}x${lanes}`;
    const divide = operation === "rem" && lanes > 1 ? this.quotient("div", scalar, lanes) : "";
    return this.inline(`${operation}_${type}`, lanes, type, `${type} a, ${type} b`, () => {
      if (lanes === 1) {
        const overflow = scalar === "i32" ? `b == -1 ? ${operation === "div" ? "-a" : "0"} : ` : "";
        return `return b == 0 ? 0 : ${overflow}a ${operation === "div" ? "/" : "%"} b;`;
      }
      if (operation === "rem") return `return (a - ${divide}(a, b) * b) & (${type})(b != 0);`;
      // A quotient of 32-bit integers, rounded to float64, truncates to the exact one.
      const wide = `f64x${lanes}`;
      const quotient = (d: string) =>
        `__builtin_convertvector(__builtin_convertvector(a, ${wide}) / __builtin_convertvector(${d}, ${wide}), ${type})`;
      if (scalar === "u32") return `${type} z = (${type})(b == 0); return ${quotient("b - z")} & ~z;`;
      return `${type} z = b == 0, n = b == -1, d = (b & ~(z | n)) - (z | n), q = ${quotient("d")}; return ((q ^ n) - n) & ~z;`;
    });
  }

  /** Float to integer: truncates and saturates; NaN gives 0. */
  saturate(from: "f32" | "f64", to: "i32" | "u32", lanes: number): string {
    const suffix = from === "f32" ? "f" : "";
    const limit = to === "i32" ? `2147483648.0${suffix}` : `4294967296.0${suffix}`;
    const [low, high] = to === "i32" ? ["(-2147483647 - 1)", "2147483647"] : ["0u", "4294967295u"];
    const source = lanes === 1 ? from : `${from}x${lanes}`;
    const target = lanes === 1 ? to : `${to}x${lanes}`;
    const select = lanes === 1 ? "" : this.blend(from, lanes);
    const mask = (condition: string) => (from === "f32" ? condition : `__builtin_convertvector(${condition}, i32x${lanes})`);
    const choose = lanes === 1 ? "" : this.select(to, lanes);
    const splat = lanes === 1 ? "" : this.splat(to, lanes);
    return this.inline(`${to}_from_${source}`, lanes, target, `${source} a`, () => {
      const below = to === "i32" ? `a < -${limit}` : `a < 0.0${suffix}`;
      if (lanes === 1) return `return a != a ? 0 : ${below} ? ${low} : a >= ${limit} ? ${high} : (${to})a;`;
      // Lanes out of range are set to 0 before the conversion, so that it is always defined.
      const inside = to === "i32" ? `(a >= -${limit}) & (a < ${limit})` : `(a > -1.0${suffix}) & (a < ${limit})`;
      const zero = `(${source}){0}`;
      const value = `__builtin_convertvector(${select}(${inside}, a, ${zero}), ${target})`;
      const upper = `${choose}(${mask(`a >= ${limit}`)}, ${splat}(${high}), ${value})`;
      return to === "i32" ? `return ${choose}(${mask(`a < -${limit}`)}, ${splat}(${low}), ${upper});` : `return ${upper};`;
    });
  }

  /** A scalar's 32 bits as another type. */
  bits(from: Scalar, to: Scalar): string {
    return this.inline(`${to}_bits_${from}`, 1, to, `${from} a`, () => `${to} r; __builtin_memcpy(&r, &a, 4); return r;`);
  }
}

/** Integers as wide as a scalar. */
function bitsOf(scalar: Scalar, lanes: number): string {
  return `${scalar === "f64" ? "i64" : "i32"}x${lanes}`;
}

function each(lanes: number, one: (lane: number) => string): string {
  return Array.from({ length: lanes }, (_, i) => one(i)).join(", ");
}

/** The register type that holds elements of this memory. */
function vector(memory: Memory, lanes: number): string {
  return `${isNarrow(memory) || memory === "bool" ? "i32" : memory}x${lanes}`;
}

function fusedScalar(scalar: "f32" | "f64"): string {
  const suffix = scalar === "f32" ? "f" : "";
  return [
    "#if defined(__FMA__) || defined(__FMA4__) || defined(__aarch64__) || defined(__FP_FAST_FMAF)",
    `inline_ ${scalar} fma_${scalar}(${scalar} a, ${scalar} b, ${scalar} c) { return __builtin_fma${suffix}(a, b, c); }`,
    "#else",
    `inline_ ${scalar} fma_${scalar}(${scalar} a, ${scalar} b, ${scalar} c) { return a * b + c; }`,
    "#endif",
  ].join("\n");
}

const scalarTypes = `\
typedef unsigned char u8;
typedef signed char i8;
typedef unsigned short u16;
typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;
typedef float f32;
typedef double f64;
#define inline_ static inline __attribute__((always_inline))
/* Whole vectors hold more than was asked for, which ThreadSanitizer would blame us for. */
#if defined(__has_builtin) && !defined(__SANITIZE_THREAD__)
#if __has_builtin(__builtin_shufflevector)
#define SHUFFLES
#endif
#endif`;

function vectorTypes(lanes: number): string {
  const lines = [];
  for (const [element, bytes] of [
    ["f32", 4],
    ["i32", 4],
    ["u32", 4],
    ["u8", 1],
    ["i8", 1],
    ["u16", 2],
    ["f64", 8],
    ["i64", 8],
  ] as const) {
    const name = `${element}x${lanes}`;
    lines.push(`typedef ${element} ${name} __attribute__((vector_size(${lanes * bytes})));`);
    if (element !== "i64") lines.push(`typedef ${name} unaligned_${name} __attribute__((aligned(${bytes}), may_alias));`);
  }
  return lines.join("\n");
}
