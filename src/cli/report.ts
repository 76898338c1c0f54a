// What the commands print: aligned tables and figures.

import type { LambdaScores } from "../tune/crossValidate.ts";
import { showNumber } from "./progress.ts";

/** Rows of cells as aligned lines, the first row a header; numbers to the right. */
export function alignTable(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, j) => Math.max(...rows.map((r) => (r[j] ?? "").length)));
  const numeric = widths.map((_, j) => rows.slice(1).every((r) => /^[-–+\d.,e∞%\s]*$/.test(r[j] ?? "")));
  return rows.map((r) =>
    r
      .map((cell, j) => (numeric[j] === true ? cell.padStart(widths[j] as number) : cell.padEnd(widths[j] as number)))
      .join("  ")
      .trimEnd(),
  );
}

/** The table of cross-validation, with the choices marked. */
export function lambdaTable(result: LambdaScores, chosen: number, error: string): string[] {
  const rows = result.lambdas.map((lambda, i) => {
    const marks = [
      i === result.best ? "smallest error" : "",
      i === result.oneStandardError && i !== result.best ? "as good within one standard error" : "",
      lambda === chosen ? "chosen" : "",
    ];
    return [
      showNumber(lambda),
      showNumber(result.mean[i] as number),
      showNumber(result.standardError[i] as number),
      marks.filter((m) => m !== "").join(", "),
    ];
  });
  return alignTable([["λ", error, "standard error", ""], ...rows]);
}

/** `98.12 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

/** Names and values on aligned lines. */
export function facts(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}
