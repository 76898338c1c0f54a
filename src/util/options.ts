// Checks that every function does on its options: known names, and numbers inside their range.

import { mistake } from "./errors.ts";

/**
 * Refuses options that are no object, and names that no option has.
 *
 * @throws UserError `OPTION`, with the nearest name
 */
export function checkNames(where: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null)
    throw mistake("OPTION", {
      where,
      problem: "the options must be an object",
      got: options,
      advice: `The options are: ${known.join(", ")}.`,
    });
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    throw mistake("OPTION", {
      where,
      problem: `there is no option "${name}"`,
      advice: near === null ? `The options are: ${known.join(", ")}.` : `Did you mean "${near}"?`,
    });
  }
}

/** The range of a number: inclusive, unless `above` or `below` is given instead. */
export interface Range {
  readonly least?: number;
  readonly most?: number;
  readonly above?: number;
  readonly below?: number;
  readonly integer?: boolean;
}

/**
 * The value itself, when it is a finite number in the range.
 *
 * @throws UserError `OPTION`
 */
export function checkNumber(where: string, name: string, value: unknown, range: Range = {}): number {
  const { least, most, above, below, integer } = range;
  const good =
    typeof value === "number" &&
    Number.isFinite(value) &&
    (least === undefined || value >= least) &&
    (most === undefined || value <= most) &&
    (above === undefined || value > above) &&
    (below === undefined || value < below) &&
    (integer !== true || Number.isSafeInteger(value));
  if (good) return value;
  const bounds: string[] = [];
  if (least !== undefined) bounds.push(`at least ${least}`);
  if (above !== undefined) bounds.push(`above ${above}`);
  if (most !== undefined) bounds.push(`at most ${most}`);
  if (below !== undefined) bounds.push(`below ${below}`);
  const kind = integer === true ? "a whole number" : "a finite number";
  throw mistake("OPTION", {
    where,
    problem: typeof value === "number" ? `${name} is out of range` : `${name} is not a number`,
    got: typeof value === "string" ? JSON.stringify(value) : value,
    expected: [kind, bounds.join(" and ")].join(" ").trim(),
  });
}

/** The name that differs least, where it differs by little or begins alike. */
export function nearest(name: string, names: readonly string[]): string | null {
  let best: { name: string; distance: number } | null = null;
  for (const candidate of names) {
    const distance = editDistance(name, candidate);
    if (best === null || distance < best.distance) best = { name: candidate, distance };
  }
  if (best !== null && best.distance <= Math.ceil(name.length / 3)) return best.name;
  const start = name.slice(0, Math.max(4, Math.ceil(name.length * 0.6)));
  return names.find((candidate) => candidate.startsWith(start)) ?? null;
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + Number(a[i - 1] !== b[j - 1]);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
