// From a table to the numbers that a model sees, and back from the model's answers. What was learned from the training rows is
// plain data (it goes into the bundle, and is fitted anew inside each fold): means, scales, fills, categories, labels.

import { mistake } from "../util/errors.ts";
import { type Column, columnOf, missingIn, type Table } from "./table.ts";

/** Numbers: (value − mean) / scale, where missing the mean. */
export interface NumberFeature {
  readonly kind: "number";
  readonly name: string;
  readonly mean: number;
  /** Standard deviation (divisor n), or 1 for a constant column. */
  readonly scale: number;
  /** Missing values among the fitted rows. */
  readonly missing: number;
}

/** Categories: one 0/1 feature each; a text never seen is all zeros. */
export interface CategoryFeature {
  readonly kind: "category";
  readonly name: string;
  readonly categories: readonly string[];
  /** What stands in for a missing value: the most frequent text, or none where most are missing, so that 0 says it. */
  readonly mode: string | null;
  readonly missing: number;
}

export type Feature = NumberFeature | CategoryFeature;

/** What `fitPreprocessing` learned. Plain JSON. */
export interface Preprocessing {
  readonly features: readonly Feature[];
  /** Columns that no feature is made of, and why. */
  readonly ignored: readonly { readonly name: string; readonly reason: string }[];
}

/** Features as one row-major matrix. */
export interface Matrix {
  readonly data: Float32Array;
  readonly shape: readonly [number, number];
  /** One name a column, such as `age` or `town=Rome`. */
  readonly names: readonly string[];
}

/**
 * Learns how to make features of a table's columns.
 *
 * @param exclude columns that are not features, such as the target
 * @throws UserError `DATA` when the table has no rows, or no usable column is left
 * @example
 * const table = tableFromCsv(parseCsv("age,town\n31,Rome\n,Oslo\n"));
 * const preprocessing = fitPreprocessing(table);
 * console.log(applyPreprocessing(preprocessing, table).names); // [ 'age', 'town=Oslo', 'town=Rome' ]
 */
export function fitPreprocessing(table: Table, exclude: readonly string[] = []): Preprocessing {
  if (table.rows === 0) throw mistake("DATA", { where: table.file, problem: "there are no rows to learn from" });
  const features: Feature[] = [];
  const ignored: { name: string; reason: string }[] = [];
  for (const column of table.columns) {
    if (exclude.includes(column.name)) continue;
    const missing = missingIn(column);
    if (missing === table.rows) {
      ignored.push({ name: column.name, reason: "it is empty" });
    } else if (column.kind === "number") {
      const { mean, scale } = moments(column.values);
      features.push({ kind: "number", name: column.name, mean, scale, missing });
    } else {
      const counts = new Array<number>(column.categories.length).fill(0);
      for (const code of column.codes) if (code >= 0) counts[code] = (counts[code] as number) + 1;
      const seen = column.categories.filter((_, i) => (counts[i] as number) > 0);
      if (seen.length > 20 && seen.length > table.rows / 2) {
        ignored.push({
          name: column.name,
          reason: `${seen.length} different texts in ${table.rows} rows, such as ${JSON.stringify(seen[0])}, look like names, not categories`,
        });
        continue;
      }
      const mode = missing * 2 > table.rows ? null : (column.categories[counts.indexOf(Math.max(...counts))] as string);
      features.push({ kind: "category", name: column.name, categories: seen, mode, missing });
    }
  }
  if (features.length === 0) {
    const reasons = ignored.map((c) => `${c.name}: left out, ${c.reason}`).join("; ");
    throw mistake("DATA", { where: table.file, problem: `no column is left to learn from${reasons === "" ? "" : ` (${reasons})`}` });
  }
  return { features, ignored };
}

/** Mean and standard deviation (divisor n) of the values that are there, the deviation 1 where they are all the same. */
export function moments(values: Float64Array): { mean: number; scale: number } {
  const present = values.filter((v) => !Number.isNaN(v));
  // Sums and squares of very large or small numbers leave the range of doubles.
  const largest = present.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const unit = largest > 1e100 || (largest > 0 && largest < 1e-100) ? largest : 1;
  const mean = present.reduce((sum, v) => sum + v / unit, 0) / present.length;
  const scale = Math.sqrt(present.reduce((sum, v) => sum + (v / unit - mean) ** 2, 0) / present.length);
  // Rounding leaves a constant column with a spread of about 1e-16 of its size.
  return { mean: mean * unit, scale: scale > 1e-12 * Math.abs(mean) ? scale * unit : 1 };
}

/**
 * The features of a table's rows. Columns are found by name; others may be there.
 *
 * @throws UserError `COLUMN` for a column that is not there; `DATA` for texts where numbers are needed
 * @example
 * const preprocessing = fitPreprocessing(tableFromCsv(parseCsv("age\n20\n40\n")));
 * const { data, shape } = applyPreprocessing(preprocessing, tableFromCsv(parseCsv("age\n40\n30\n")));
 * console.log([...data], shape); // [ 1, 0 ] [ 2, 1 ]
 */
export function applyPreprocessing(preprocessing: Preprocessing, table: Table): Matrix {
  const { features } = preprocessing;
  const names = features.flatMap((f) => (f.kind === "number" ? [f.name] : f.categories.map((c) => `${f.name}=${c}`)));
  const width = names.length;
  const data = new Float32Array(table.rows * width);
  let at = 0;
  for (const feature of features) {
    const column = columnOf(table, feature.name);
    if (feature.kind === "number") {
      const values = numbersOf(table, column);
      values.forEach((v, row) => {
        data[row * width + at] = Number.isNaN(v) ? 0 : (v - feature.mean) / feature.scale;
      });
      at++;
    } else {
      const texts = textsOf(column);
      const index = new Map(feature.categories.map((text, i) => [text, i]));
      const fallback = feature.mode === null ? undefined : index.get(feature.mode);
      texts.forEach((text, row) => {
        const code = text === null ? fallback : index.get(text);
        if (code !== undefined) data[row * width + at + code] = 1;
      });
      at += feature.categories.length;
    }
  }
  return { data, shape: [table.rows, width], names };
}

/** A column's values as numbers. A column of texts passes only when it is all missing. */
function numbersOf(table: Table, column: Column): Float64Array {
  if (column.kind === "number") return column.values;
  const code = column.codes.find((c) => c >= 0);
  if (code === undefined) return new Float64Array(table.rows).fill(Number.NaN);
  throw mistake("DATA", {
    where: `${table.file}, column "${column.name}"`,
    problem: "must be numbers, as in the training data",
    got: `"${column.categories[code]}"`,
  });
}

/** A column's values as texts, null where missing: numbers as JavaScript writes them. */
export function textsOf(column: Column): (string | null)[] {
  if (column.kind === "category") return Array.from(column.codes, (c) => (c < 0 ? null : (column.categories[c] as string)));
  return Array.from(column.values, (v) => (Number.isNaN(v) ? null : String(v)));
}

/**
 * One sentence for each column of new rows with texts that the training rows did not have.
 *
 * @example
 * const preprocessing = fitPreprocessing(tableFromCsv(parseCsv("town\nRome\nOslo\n")));
 * const unseen = describeUnseen(preprocessing, tableFromCsv(parseCsv("town\nParis\n")));
 * console.log(unseen[0]); // town: 1 value was never seen in training, such as "Paris", and stands for no category
 */
export function describeUnseen(preprocessing: Preprocessing, table: Table): string[] {
  return preprocessing.features.flatMap((feature) => {
    if (feature.kind === "number") return [];
    const unseen = textsOf(columnOf(table, feature.name)).filter((t) => t !== null && !feature.categories.includes(t));
    if (unseen.length === 0) return [];
    const [what, stand] = unseen.length === 1 ? ["1 value was", "stands"] : [`${unseen.length} values were`, "stand"];
    return [`${feature.name}: ${what} never seen in training, such as ${JSON.stringify(unseen[0])}, and ${stand} for no category`];
  });
}

/**
 * One sentence for each thing done to the columns that a person should know.
 *
 * @example
 * const preprocessing = fitPreprocessing(tableFromCsv(parseCsv("age,town\n31,Rome\n,Oslo\n")));
 * console.log(describePreprocessing(preprocessing)[0]); // age: 1 missing value set to the mean, 31
 */
export function describePreprocessing(preprocessing: Preprocessing): string[] {
  const lines: string[] = [];
  const values = (n: number) => `${n} missing ${n === 1 ? "value" : "values"}`;
  for (const f of preprocessing.features) {
    if (f.missing === 0) continue;
    if (f.kind === "number") lines.push(`${f.name}: ${values(f.missing)} set to the mean, ${Number(f.mean.toPrecision(4))}`);
    else if (f.mode === null) lines.push(`${f.name}: ${values(f.missing)}, more than half, stand for no category`);
    else lines.push(`${f.name}: ${values(f.missing)} set to the most frequent, ${JSON.stringify(f.mode)}`);
  }
  const categorical = preprocessing.features.filter((f) => f.kind === "category");
  if (categorical.length > 0) lines.push(`one-hot: ${categorical.map((f) => `${f.name} (${f.categories.length})`).join(", ")}`);
  for (const { name, reason } of preprocessing.ignored) lines.push(`${name}: left out, ${reason}`);
  return lines;
}
