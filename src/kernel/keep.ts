// In rows, the loops over the inner axes stand one after the other, and what two of them need is computed twice. Where that
// is dear (the exponentials of a softmax), the first loop leaves it in the row of an output, and later loops read it back
// before they overwrite it with the result.
//
// An output may lie over an input (an update in place), but only over one that is read at the element about to be written
// and in no reduction: an output is used as a shelf only if no such input could be under it.

import { weightOf } from "./cost.ts";
import type { Index, Variable } from "./index.ts";
import type { Output, Traced } from "./nest.ts";
import { type Access, operandsOf, type Reduce, type Value } from "./value.ts";

/** A value that the first loop over the inner axes leaves in memory for the later ones. */
export interface Kept {
  readonly value: Value;
  readonly buffer: number;
  readonly index: Index;
  readonly size: number;
  /** The reductions that compute it. */
  readonly by: ReadonlySet<Reduce>;
}

/** Cheaper values are computed again. */
const dear = 12;
/** Shorter rows stay in registers. */
export const shortRow = 32;

/** The value to keep, if there is one and a place for it. */
export function keepValue({ domain, inner, outputs, values }: Traced): Kept | null {
  const shelf = outputs.filter((o) => o.isInner);
  // Without outer loops, loops over the inner axes stand before anything that is divided.
  if (shelf.length === 0 || domain.variables.length === 0) return null;
  if (inner.variables.reduce((n, v) => n * v.size, 1) < shortRow) return null;
  const loops = values.filter((v): v is Reduce => v.kind === "reduce" && sameVariables(v.over, inner.variables));
  if (loops.length === 0) return null;
  const inLoops = loops.map((r) => direct(r.bodies));
  const inOutputs = direct(shelf.map((o) => o.value));
  const needed: readonly Variable[] = [...domain.variables, ...inner.variables];

  // Users come after what they use: the last of the shared values is the most work.
  for (const value of [...values].reverse()) {
    if (value.kind !== "operation" || !needed.every((v) => value.variables.includes(v))) continue;
    const by = loops.filter((_, i) => inLoops[i]?.has(value));
    if (by.length + Number(inOutputs.has(value)) < 2 || by.length === 0) continue;
    if ([...direct([value])].reduce((sum, v) => sum + weightOf(v), 0) < dear) continue;
    const place = shelf.find((o) => !o.isSum && o.value.dtype === value.dtype && isFree(o, values, inLoops));
    if (place !== undefined) return { value, buffer: place.buffer, index: place.index, size: place.size, by: new Set(by) };
  }
  return null;
}

function sameVariables(a: readonly Variable[], b: readonly Variable[]): boolean {
  return a.length === b.length && a.every((v) => b.includes(v));
}

/** What the values need, but for the insides of reductions. */
function direct(roots: readonly Value[]): Set<Value> {
  const found = new Set(roots);
  for (const v of found) for (const operand of operandsOf(v)) found.add(operand);
  return found;
}

/** Whether no input can lie under the output that is read after the reductions only. */
function isFree(output: Output, values: readonly Value[], inLoops: readonly ReadonlySet<Value>[]): boolean {
  const accesses = values.filter((v): v is Access => v.kind === "access");
  const moved = new Set(accesses.filter((a) => inLoops.some((set) => set.has(a))).map((a) => a.buffer));
  return accesses.every((a) => moved.has(a.buffer) || a.size !== output.size || a.dtype !== output.value.dtype);
}
