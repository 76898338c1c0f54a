// A table of columns: numbers (NaN where missing) or categories (codes, −1 where missing). Built from CSV by looking at all
// the values of a column: what is mostly numbers but not entirely is refused, with the place, rather than guessed.

import { mistake } from "../util/errors.ts";
import { checkNames, nearest } from "../util/options.ts";
import { type Csv, csvMistake, isMissing, isNumeric, parseNumber } from "./csv.ts";

export interface NumberColumn {
  readonly kind: "number";
  readonly name: string;
  /** NaN where missing. */
  readonly values: Float64Array;
}

export interface CategoryColumn {
  readonly kind: "category";
  readonly name: string;
  /** Index into `categories`, −1 where missing. */
  readonly codes: Int32Array;
  /** The different texts, sorted. */
  readonly categories: readonly string[];
}

export type Column = NumberColumn | CategoryColumn;

export interface Table {
  /** Where it came from, for messages. */
  readonly file: string;
  readonly rows: number;
  readonly columns: readonly Column[];
  /** What a person should know about how the columns were read. */
  readonly notes: readonly string[];
}

export interface TableOptions {
  /** Columns to read as categories even where they look like numbers. */
  readonly categorical?: readonly string[];
  /** Columns that must be numbers: anything else in them is an error. */
  readonly numeric?: readonly string[];
  /** Columns to read, each of which must be there. Default: all. */
  readonly columns?: readonly string[];
}

/**
 * Gives every column of a CSV its kind. A column is numbers when all its values are; categories otherwise. Where more than
 * half of it are numbers, a text that stands there only once or twice is taken for a slip and refused.
 *
 * @throws UserError `CSV` with file, line and column for a slip; `COLUMN` for an option that names no column
 * @example
 * const table = tableFromCsv(parseCsv("age,town\n31,Rome\n,Oslo\n"));
 * console.log(table.columns.map((c) => c.kind)); // [ 'number', 'category' ]
 */
export function tableFromCsv(csv: Csv, options: TableOptions = {}): Table {
  checkNames("tableFromCsv", options, ["categorical", "numeric", "columns"]);
  const categorical = new Set(options.categorical);
  const numeric = new Set(options.numeric);
  const wanted = options.columns ?? csv.names;
  for (const name of [...wanted, ...categorical, ...numeric]) requireColumn(csv.file, csv.names, name);
  const comma = usesDecimalComma(csv);
  const notes: string[] = [];
  if (!csv.header) notes.push(`no header: the columns are called ${csv.names[0]} to ${csv.names[csv.names.length - 1]}`);
  if (comma) notes.push("a comma separates the decimals");

  const columns = wanted.map((name): Column => {
    const j = csv.names.indexOf(name);
    const cells = csv.rows.map((row) => row[j] as string);
    if (categorical.has(name)) return categories(name, cells);
    const values = Float64Array.from(cells, (cell) => (isMissing(cell) ? Number.NaN : parseNumber(cell, comma)));
    let present = 0;
    const odd = new Map<string, { count: number; row: number }>();
    cells.forEach((cell, i) => {
      if (isMissing(cell)) return;
      present++;
      if (!Number.isNaN(values[i])) return;
      const seen = odd.get(cell.trim());
      if (seen === undefined) odd.set(cell.trim(), { count: 1, row: i });
      else seen.count++;
    });
    if (odd.size === 0) return { kind: "number", name, values };
    const oddCells = [...odd.values()].reduce((sum, o) => sum + o.count, 0);
    const numbers = present - oddCells;
    const slip = [...odd].find(([, o]) => o.count < 3 || numeric.has(name));
    if (slip !== undefined && (numeric.has(name) || numbers > oddCells)) {
      const [text, { row }] = slip;
      throw csvMistake(
        csv.file,
        csv.lines[row] as number,
        `"${name}"`,
        `"${text.length > 40 ? `${text.slice(0, 40)}…` : text}" is not a number, but ${numbers} of the column's ${present} values are`,
        numeric.has(name)
          ? "Correct it, or leave it empty if it is missing."
          : "Correct it, leave it empty if it is missing, or say that the column is categorical.",
      );
    }
    if (numbers > oddCells) notes.push(`${name}: read as categories, because "${[...odd.keys()][0]}" is not a number`);
    return categories(name, cells);
  });
  return { file: csv.file, rows: csv.rows.length, columns, notes };
}

function categories(name: string, cells: readonly string[]): CategoryColumn {
  const texts = cells.map((cell) => (isMissing(cell) ? null : cell.trim()));
  const different = [...new Set(texts)].filter((t): t is string => t !== null).sort(byNumberThenText);
  const index = new Map(different.map((text, i) => [text, i]));
  return {
    kind: "category",
    name,
    codes: Int32Array.from(texts, (t) => (t === null ? -1 : (index.get(t) as number))),
    categories: different,
  };
}

function byNumberThenText(a: string, b: string): number {
  const difference = Number(a) - Number(b);
  if (difference < 0 || difference > 0) return difference;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether numbers are written `3,5`: the delimiter is another, some cells look so, and none has a decimal point. */
export function usesDecimalComma(csv: Csv): boolean {
  if (csv.delimiter === ",") return false;
  let commas = 0;
  for (const row of csv.rows) {
    for (const cell of row) {
      if (!isNumeric(cell)) continue;
      if (cell.includes(".")) return false;
      if (cell.includes(",")) commas++;
    }
  }
  return commas > 0;
}

function requireColumn(file: string, names: readonly string[], name: string): number {
  const index = names.indexOf(name);
  if (index >= 0) return index;
  const close = names.find((n) => n.toLowerCase() === name.toLowerCase()) ?? nearest(name, names);
  const list = names.length > 12 ? `${names.slice(0, 12).join(", ")}, … (${names.length})` : names.join(", ");
  throw mistake("COLUMN", {
    where: file,
    problem: `there is no column "${name}"`,
    advice: `${close === null ? "" : `Did you mean "${close}"? `}The columns are: ${list}.`,
  });
}

/**
 * The column of a name.
 *
 * @throws UserError `COLUMN`, which lists the names there are
 * @example
 * console.log(columnOf(tableFromCsv(parseCsv("age,town\n31,Rome\n")), "age").kind); // number
 */
export function columnOf(table: Table, name: string): Column {
  const names = table.columns.map((c) => c.name);
  return table.columns[requireColumn(table.file, names, name)] as Column;
}

/**
 * The number of missing values of a column.
 *
 * @example
 * console.log(missingIn(columnOf(tableFromCsv(parseCsv("age,town\n31,Rome\n?,Oslo\n")), "age"))); // 1
 */
export function missingIn(column: Column): number {
  let count = 0;
  if (column.kind === "number") for (const v of column.values) count += Number(Number.isNaN(v));
  else for (const c of column.codes) count += Number(c < 0);
  return count;
}

/**
 * The rows at the indices, in their order.
 *
 * @example
 * const part = takeRows(tableFromCsv(parseCsv("age\n31\n45\n60\n")), [2, 0]);
 * console.log(part.rows); // 2
 */
export function takeRows(table: Table, indices: ArrayLike<number>): Table {
  const order = Array.from(indices);
  const columns = table.columns.map(
    (c): Column =>
      c.kind === "number"
        ? { ...c, values: Float64Array.from(order, (i) => c.values[i] as number) }
        : { ...c, codes: Int32Array.from(order, (i) => c.codes[i] as number) },
  );
  return { ...table, rows: order.length, columns };
}
