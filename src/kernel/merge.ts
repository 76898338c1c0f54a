// Which loops a nest needs: axes are first split as finely as the shapes inside a task ask for, then neighbours that all
// memory accesses walk through as one are joined again.

import type { Shape } from "../graph/shape.ts";
import { sizeOf } from "../graph/shape.ts";
import { coefficientOf, type Index, type Variable } from "./index.ts";
import type { Axes } from "./trace.ts";
import type { Value } from "./value.ts";

/** Innermost loops are not split into shorter ones: as many as lanes of a reduction on every target. */
const shortest = 16;

/**
 * The loop axes split so that each of the shapes (of as many elements as `domain`, or as `domain` × `inner`) is a
 * grouping of them, as far as that goes: reshapes then cost no division. The innermost loop stays long enough for vectors:
 * full ones that divide are faster than a few lanes that need not.
 */
export function refine(domain: Shape, inner: Shape, shapes: readonly Shape[]): [Shape, Shape] {
  const innerSize = sizeOf(inner);
  const whole = sizeOf(domain) * innerSize;
  const cuts = new Set(cutsOf([...domain, ...inner]));
  const innermost = Math.min(shortest, ...[...cuts].filter((c) => c > 1));
  const fits = (cut: number) => {
    for (const other of cuts) if (other % cut !== 0 && cut % other !== 0) return false;
    return true;
  };
  for (const shape of shapes) {
    const size = sizeOf(shape);
    if (size !== whole && size !== whole / innerSize) continue;
    const scale = whole / size;
    for (const cut of cutsOf(shape)) if (cut * scale >= innermost && !cuts.has(cut * scale) && fits(cut * scale)) cuts.add(cut * scale);
  }
  const sorted = [...cuts].sort((a, b) => a - b);
  const between = (low: number, high: number): Shape => {
    const points = sorted.filter((c) => c >= low && c <= high);
    return points
      .slice(1)
      .map((c, i) => c / (points[i] as number))
      .reverse();
  };
  return [between(innerSize, whole), between(1, innerSize)];
}

/** Products of the last axes, from 1 to all. */
function cutsOf(shape: Shape): number[] {
  const cuts = [1];
  for (let i = shape.length - 1; i >= 0; i--) cuts.push((cuts[cuts.length - 1] as number) * (shape[i] as number));
  return cuts;
}

/** For each set of axes the runs that one variable can walk, through the values' indices and `others`; null where no two can be joined. */
export function mergingOf(axes: Iterable<Axes>, values: readonly Value[], others: readonly Index[]): Map<string, number[][]> | null {
  const forms = new Map<string, Index>();
  for (const v of values) if (v.kind === "access" || v.kind === "index" || v.kind === "inside") forms.set(v.index.key, v.index);
  for (const index of others) forms.set(index.key, index);
  const merging = new Map<string, number[][]>();
  let any = false;
  for (const { key, sizes, variables } of axes) {
    const runs: number[][] = [];
    let next = 0;
    let before: Variable | null = null;
    for (const [axis, size] of sizes.entries()) {
      if (size === 1) {
        runs.push([axis]);
        continue;
      }
      const variable = variables[next++] as Variable;
      const outer: Variable | null = before;
      before = variable;
      // Axes of size 1 between two others stand in the way of nothing.
      const run = runs.findLast((r) => r.some((a) => sizes[a] !== 1));
      if (outer !== null && run !== undefined && [...forms.values()].every((form) => joins(form, outer, variable))) {
        run.push(axis);
        any = true;
      } else runs.push([axis]);
    }
    merging.set(key, runs);
  }
  return any ? merging : null;
}

/** Whether the index steps from the end of the inner variable's walk to the outer's next value as if they were one. */
function joins(index: Index, outer: Variable, inner: Variable): boolean {
  if (!index.variables.includes(outer) && !index.variables.includes(inner)) return true;
  if (coefficientOf(index, outer) !== coefficientOf(index, inner) * inner.size) return false;
  return index.terms.every((t) => t.atom.kind !== "divide" || joins(t.atom.index, outer, inner));
}
