// How the loop language's types are written in C: short names, and literals that hold exactly the value.

import type { KernelBuffer, Memory, Scalar, ValueType } from "../../graph/kernel.ts";
import { InternalError } from "../../util/errors.ts";

/** The C type of a scalar; a scalar `bool` is an int, 0 or 1. */
const scalars: Record<Scalar, string> = { f32: "f32", f64: "f64", i32: "i32", u32: "u32", bool: "i32" };

/** The C type of an element in memory. */
export const elements: Record<Memory, string> = {
  f32: "f32",
  f64: "f64",
  i32: "i32",
  u32: "u32",
  u16: "u16",
  u8: "u8",
  i8: "i8",
  bool: "u8",
};

/** Whether elements are narrower than a register, and widen to i32. */
export function isNarrow(memory: Memory): boolean {
  return memory === "u8" || memory === "i8" || memory === "u16";
}

/** The C name of a value's type, such as `f32` or `f32x16`; masks are `i32x16`. */
export function typeName(type: ValueType): string {
  const scalar = scalars[type.scalar];
  return type.lanes === 1 ? scalar : `${scalar}x${type.lanes}`;
}

/** The type of a kernel's pointer. */
export function pointerType(buffer: KernelBuffer): string {
  return `${buffer.access === "read" ? "const " : ""}${elements[buffer.memory]} *`;
}

/** A scalar constant. */
export function literal(scalar: Scalar, value: number): string {
  switch (scalar) {
    case "f32":
      return float(Math.fround(value), "f");
    case "f64":
      return float(value, "");
    case "i32":
      return integer(value | 0);
    case "u32":
      return `${value >>> 0}u`;
    case "bool":
      return value === 0 ? "0" : "1";
  }
}

/** An int32; the smallest one has no literal of its own in C. */
export function integer(value: number): string {
  if (value === -(2 ** 31)) return "(-2147483647 - 1)";
  return value < 0 ? `(${value})` : String(value);
}

function float(value: number, suffix: string): string {
  if (Number.isNaN(value)) return `__builtin_nan${suffix}("")`;
  if (!Number.isFinite(value)) return value > 0 ? `__builtin_inf${suffix}()` : `(-__builtin_inf${suffix}())`;
  const digits = String(Math.abs(value));
  const text = `${/[.e]/.test(digits) ? digits : `${digits}.0`}${suffix}`;
  return value < 0 || Object.is(value, -0) ? `(-${text})` : text;
}

/** An identifier made of a name that is meant for people: at most 40 characters, none that C would refuse. */
export function identifier(name: string): string {
  return name.replace(/[^A-Za-z0-9]+/g, "_").slice(0, 40);
}

/** Text for a comment of one line. */
export function comment(text: string): string {
  return text.replace(/[^ -~]/g, "?").replaceAll("*/", "* /");
}

/** What a register must hold to be read from or written to memory of this kind. */
export function checkMemory(memory: Memory, type: ValueType): void {
  const fits = isNarrow(memory) ? type.scalar === "i32" || type.scalar === "u32" : type.scalar === memory;
  if (!fits) {
    throw new InternalError(`C renderer: memory of ${memory} does not hold ${type.scalar} × ${type.lanes}`);
  }
}
