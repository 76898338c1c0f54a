// Tensors as text: aligned columns, brackets for axes, `…` in place of the middle of long ones, dtype and shape at the end.

import type { DType, TypedArray } from "../graph/dtype.ts";
import { isReal } from "../graph/dtype.ts";
import { type Shape, showShape, sizeOf, stridesOf } from "../graph/shape.ts";

/** Above so many elements the middle of every axis is left out. */
const summarizeAbove = 1000;
/** Elements shown at each end of an axis then. */
const edge = 3;
const lineWidth = 100;
/** What is no longer than this stays on one line. */
const oneLine = 60;

/** `tensor([[1, 2], [3, 4]], float32 [2,2])`. */
export function formatTensor(values: TypedArray, shape: Shape, dtype: DType): string {
  const short = sizeOf(shape) > summarizeAbove;
  const strides = stridesOf(shape);
  const shown: number[] = [];
  const collect = (axis: number, offset: number): void => {
    if (axis === shape.length) shown.push(values[offset] as number);
    else for (const i of positions(shape[axis] as number, short)) if (i !== null) collect(axis + 1, offset + i * (strides[axis] as number));
  };
  collect(0, 0);
  const texts = formatNumbers(shown, dtype);
  const width = shape.length === 0 ? 0 : Math.max(0, ...texts.map((t) => t.length));

  let next = 0;
  const render = (axis: number, indent: number): string => {
    if (axis === shape.length) return (texts[next++] as string).padStart(width);
    const parts = positions(shape[axis] as number, short).map((i) => (i === null ? "…" : render(axis + 1, indent + 1)));
    if (axis === shape.length - 1) return `[${wrap(parts, indent + 1)}]`;
    const gap = `,${"\n".repeat(shape.length - 1 - axis)}${" ".repeat(indent + 1)}`;
    return `[${parts.join(gap)}]`;
  };
  const tail = `, ${dtype} ${showShape(shape)})`;
  const flat = nested(shape, short, texts);
  if (flat.length <= oneLine) return `tensor(${flat}${tail}`;
  return `tensor(${render(0, "tensor(".length)}${tail}`;
}

/** Everything on one line, unaligned. */
function nested(shape: Shape, short: boolean, texts: readonly string[]): string {
  let next = 0;
  const render = (axis: number): string => {
    if (axis === shape.length) return texts[next++] as string;
    return `[${positions(shape[axis] as number, short)
      .map((i) => (i === null ? "…" : render(axis + 1)))
      .join(", ")}]`;
  };
  return render(0);
}

function positions(n: number, short: boolean): (number | null)[] {
  if (!short || n <= 2 * edge + 1) return Array.from({ length: n }, (_, i) => i);
  return [...Array.from({ length: edge }, (_, i) => i), null, ...Array.from({ length: edge }, (_, i) => n - edge + i)];
}

function wrap(parts: readonly string[], indent: number): string {
  let line = "";
  const lines: string[] = [];
  for (const [i, part] of parts.entries()) {
    const piece = i === parts.length - 1 ? part : `${part}, `;
    if (line !== "" && indent + line.length + piece.length > lineWidth) {
      lines.push(line.trimEnd());
      line = "";
    }
    line += piece;
  }
  lines.push(line);
  return lines.join(`\n${" ".repeat(indent)}`);
}

/** All in one style: integers bare, else four decimals, else scientific where they would not show. */
function formatNumbers(values: readonly number[], dtype: DType): string[] {
  if (dtype === "bool") return values.map((v) => (v === 0 ? "false" : "true"));
  if (!isReal(dtype)) return values.map(String);
  const finite = values.filter((v) => Number.isFinite(v));
  const special = (v: number) => (Number.isNaN(v) ? "NaN" : v > 0 ? "∞" : "−∞".replace("−", "-"));
  const write = (f: (v: number) => string) => values.map((v) => (Number.isFinite(v) ? f(v) : special(v)));
  const largest = Math.max(0, ...finite.map(Math.abs));
  if (finite.every(Number.isInteger) && largest < 1e7) return write(String);
  const nonZero = finite.map(Math.abs).filter((v) => v > 0);
  const smallest = nonZero.length === 0 ? 1 : Math.min(...nonZero);
  if (largest >= 1e6 || smallest < 1e-4 || largest / smallest > 1e7) return write((v) => v.toExponential(4));
  const fixed = write((v) => v.toFixed(4));
  // Decimals that are zero in every number say nothing.
  const spare = Math.min(...values.map((v, i) => (Number.isFinite(v) ? (/0*$/.exec(fixed[i] as string)?.[0].length ?? 0) : 4)));
  const cut = Math.min(spare, 3);
  return cut === 0 ? fixed : fixed.map((t, i) => (Number.isFinite(values[i]) ? t.slice(0, -cut) : t));
}
