// CSV text to rows of strings. Delimiter, quotes, header, byte-order mark and line ends are recognised; every complaint names
// file, line and column. Fields may span lines inside quotes. What the strings mean is table.ts's business.

import { mistake, type UserError } from "../util/errors.ts";
import { checkNames } from "../util/options.ts";

export interface CsvOptions {
  /** Name for messages. Default "CSV". */
  readonly file?: string;
  /** One character. Default: the one of tab, semicolon, bar and comma that cuts the first lines most evenly. */
  readonly delimiter?: string;
  /** Whether the first row holds names. Default: yes, unless one of its cells is a number and none is in `names`. */
  readonly header?: boolean;
  /** Names that are looked for: a first row that holds one of them is a header, numbers in it or not. */
  readonly names?: readonly string[];
}

/** A rectangular table of strings. */
export interface Csv {
  readonly file: string;
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Line of the file on which each row begins, from 1. */
  readonly lines: readonly number[];
  readonly delimiter: string;
  /** Whether the names stood in the file; else they are `column1`, `column2`, … */
  readonly header: boolean;
}

/** The comma last: it also stands inside numbers. */
const delimiters = ["\t", ";", "|", ","] as const;

/** The user's error about one place of a file. */
export function csvMistake(file: string, line: number, column: string | null, problem: string, advice?: string): UserError {
  const where = column === null ? `${file} line ${line}` : `${file} line ${line}, column ${column}`;
  return mistake("CSV", advice === undefined ? { where, problem } : { where, problem, advice });
}

/**
 * Parses CSV (RFC 4180, and what spreadsheets make of it).
 *
 * @param text the whole file, decoded; a byte-order mark at its start is dropped
 * @returns names and rows, all of one length; empty lines are left out
 * @throws UserError `CSV` for ragged rows, an open quote, text behind a closing quote, a name that stands twice, no data
 * @example
 * const csv = parseCsv("size;colour\n1,5;red\n2;blue\n");
 * console.log(csv.delimiter, csv.names); // ; [ 'size', 'colour' ]
 */
export function parseCsv(text: string, options: CsvOptions = {}): Csv {
  checkNames("parseCsv", options, ["file", "delimiter", "header", "names"]);
  const { file = "CSV", names: sought = [] } = options;
  if (typeof text !== "string")
    throw mistake("OPTION", { where: "parseCsv", problem: "needs the file's text", got: text, advice: "Decode bytes with TextDecoder." });
  if (options.delimiter !== undefined && ([...options.delimiter].length !== 1 || /["\r\n]/.test(options.delimiter))) {
    throw mistake("OPTION", { where: "parseCsv", problem: "delimiter must be one character", got: JSON.stringify(options.delimiter) });
  }
  const body = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  const quote = recogniseQuote(body);
  const delimiter = options.delimiter ?? recogniseDelimiter(body, quote);
  const records = readRecords(file, body, delimiter, quote, Number.POSITIVE_INFINITY);
  const first = records[0];
  if (first === undefined) throw mistake("CSV", { where: file, problem: "there is nothing in the file" });

  const header = options.header ?? (!first.cells.some(isNumeric) || first.cells.some((cell) => sought.includes(cell.trim())));
  let names = first.cells.map((cell, i) => (header && cell.trim() !== "" ? cell.trim() : `column${i + 1}`));
  const below = header ? records.slice(1) : records;
  for (const { cells, line } of below) {
    if (cells.length === names.length) continue;
    const missing = names[cells.length];
    throw csvMistake(
      file,
      line,
      missing === undefined ? String(names.length + 1) : `"${missing}"`,
      `the row has ${cells.length} ${cells.length === 1 ? "value" : "values"}, expected ${names.length}`,
      missing === undefined
        ? `Quote values that contain the delimiter ${JSON.stringify(delimiter)}.`
        : "Leave a value empty to say that it is missing.",
    );
  }
  if (below.length === 0) throw mistake("CSV", { where: file, problem: "there are no rows below the header" });
  let rows = below.map((r) => r.cells);

  // A delimiter at the end of every line makes a last column without name or values.
  const last = names.length - 1;
  if (last > 0 && (!header || first.cells[last]?.trim() === "") && rows.every((r) => r[last]?.trim() === "")) {
    names = names.slice(0, last);
    rows = rows.map((r) => r.slice(0, last));
  }
  names.forEach((name, i) => {
    if (names.indexOf(name) !== i)
      throw csvMistake(file, first.line, String(i + 1), `the name "${name}" stands twice in the header`, "Rename one of the columns.");
  });
  return { file, names, rows, lines: below.map((r) => r.line), delimiter, header };
}

interface Row {
  cells: string[];
  line: number;
}

/** Reads up to `limit` rows. */
function readRecords(file: string, text: string, delimiter: string, quote: string, limit: number): Row[] {
  const records: Row[] = [];
  const end = text.length;
  let at = 0;
  let line = 1;
  while (at < end && records.length < limit) {
    const row: Row = { cells: [], line };
    for (;;) {
      // Spaces may stand before an opening quote, and between a closing one and the delimiter.
      let start = at;
      while (start < end && (text[start] === " " || (text[start] === "\t" && delimiter !== "\t"))) start++;
      if (text[start] === quote) {
        const opened = line;
        let value = "";
        let from = start + 1;
        for (;;) {
          const close = text.indexOf(quote, from);
          if (close < 0) {
            const problem = "a quote is opened and never closed";
            throw csvMistake(
              file,
              opened,
              String(row.cells.length + 1),
              problem,
              `Write a quote inside a quoted value twice: ${quote}${quote}.`,
            );
          }
          value += text.slice(from, close);
          from = close + 1;
          if (text[from] !== quote) break;
          value += quote;
          from++;
        }
        for (let i = value.indexOf("\n"); i >= 0; i = value.indexOf("\n", i + 1)) line++;
        at = from;
        while (at < end && (text[at] === " " || (text[at] === "\t" && delimiter !== "\t"))) at++;
        if (at < end && text[at] !== delimiter && text[at] !== "\n" && text[at] !== "\r") {
          throw csvMistake(file, line, String(row.cells.length + 1), "there is text behind a closing quote");
        }
        row.cells.push(value);
      } else {
        let stop = at;
        while (stop < end && text[stop] !== delimiter && text[stop] !== "\n" && text[stop] !== "\r") stop++;
        row.cells.push(text.slice(at, stop));
        at = stop;
      }
      if (text[at] !== delimiter || at >= end) break;
      at++;
    }
    if (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    line++;
    if (row.cells.length > 1 || row.cells[0]?.trim() !== "") records.push(row);
  }
  return records;
}

/** The single quote, where it encloses whole values and no double quote is in sight; else the double quote. */
function recogniseQuote(text: string): string {
  const sample = text.slice(0, 1 << 16);
  if (sample.includes('"') || !sample.includes("'")) return '"';
  const enclosed = sample.match(/(?<=^|[,;\t|])'[^'\n]*'(?=\r?$|[,;\t|])/gm)?.length ?? 0;
  return enclosed > 0 && enclosed * 2 === (sample.match(/'/g)?.length ?? 0) ? "'" : '"';
}

/** The candidate that gives most of the first rows as many columns as the first; among equals, the earlier in the list. */
function recogniseDelimiter(text: string, quote: string): string {
  let best = { delimiter: ",", share: 0 };
  for (const delimiter of delimiters) {
    let widths: number[];
    try {
      widths = readRecords("", text, delimiter, quote, 50).map((r) => r.cells.length);
    } catch {
      continue; // A quote that does not fit this delimiter.
    }
    const columns = widths[0] ?? 1;
    const share = columns === 1 ? 0 : widths.filter((w) => w === columns).length / widths.length;
    if (share > best.share) best = { delimiter, share };
  }
  return best.delimiter;
}

const missingWords: ReadonlySet<string> = new Set(["", "na", "n/a", "nan", "null", "none", "?", "-", "missing"]);

/**
 * Whether a cell says that there is no value: empty, NA, N/A, NaN, null, None, ?, -, missing.
 *
 * @example
 * console.log(["", "n/a", "0"].map(isMissing)); // [ true, true, false ]
 */
export function isMissing(cell: string): boolean {
  return cell.length <= 9 && missingWords.has(cell.trim().toLowerCase());
}

const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const decimalComma = /^[+-]?(\d+,\d*|,\d+)(e[+-]?\d+)?$/i;

/** Whether a cell is a decimal number, with a point or a comma. */
export function isNumeric(cell: string): boolean {
  const text = cell.trim();
  return number.test(text) || decimalComma.test(text);
}

/** The number in a cell, or NaN where there is none that a double can hold; `comma` reads `3,5` as three and a half. */
export function parseNumber(cell: string, comma: boolean): number {
  const text = cell.trim();
  const value = number.test(text) ? Number(text) : comma && decimalComma.test(text) ? Number(text.replace(",", ".")) : Number.NaN;
  return Number.isFinite(value) ? value : Number.NaN;
}
