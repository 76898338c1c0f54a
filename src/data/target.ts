// What is to be predicted: classes with labels, or a number. Encoding learned from the training rows is plain data.

import { mistake } from "../util/errors.ts";
import { moments, textsOf } from "./preprocess.ts";
import { columnOf, type Table } from "./table.ts";

export type Task = "classify" | "regress";

/** Classes stand for their labels by index. */
export interface ClassTarget {
  readonly task: "classify";
  readonly name: string;
  readonly labels: readonly string[];
}

/** Numbers are standardised for training: (value − mean) / scale. */
export interface NumberTarget {
  readonly task: "regress";
  readonly name: string;
  readonly mean: number;
  readonly scale: number;
}

export type Target = ClassTarget | NumberTarget;

/**
 * What a target column asks for: texts, two different numbers, or a few different whole numbers that each stand for many
 * rows are classes; other numbers are to be regressed on.
 *
 * @throws UserError `COLUMN` for a column that is not there
 * @example
 * const table = tableFromCsv(parseCsv("price\n1.5\n2.25\n4\n"));
 * console.log(recogniseTask(table, "price")); // { task: 'regress', reason: 'numbers with decimals' }
 */
export function recogniseTask(table: Table, name: string): { task: Task; reason: string } {
  const column = columnOf(table, name);
  if (column.kind === "category") return { task: "classify", reason: `${column.categories.length} different texts` };
  const present = column.values.filter((v) => !Number.isNaN(v));
  const different = new Set(present);
  if (different.size === 2) return { task: "classify", reason: "2 different numbers" };
  const whole = present.every((v) => Number.isInteger(v));
  if (whole && different.size <= 20 && different.size * 5 <= present.length) {
    return { task: "classify", reason: `${different.size} different whole numbers` };
  }
  return { task: "regress", reason: whole ? `${different.size} different numbers` : "numbers with decimals" };
}

/**
 * The rows whose target is there.
 *
 * @throws UserError `COLUMN` for a column that is not there
 * @example
 * console.log([...rowsWithTarget(tableFromCsv(parseCsv("x,y\n1,a\n2,\n3,b\n")), "y")]); // [ 0, 2 ]
 */
export function rowsWithTarget(table: Table, name: string): Int32Array {
  const texts = textsOf(columnOf(table, name));
  return Int32Array.from(texts.flatMap((t, i) => (t === null ? [] : [i])));
}

/**
 * Learns the encoding of a target column without missing values.
 *
 * @throws UserError `DATA` for fewer than two classes, or texts where numbers are needed
 * @example
 * const target = fitTarget(tableFromCsv(parseCsv("y\nno\nyes\nno\n")), "y", "classify");
 * console.log(target); // { task: 'classify', name: 'y', labels: [ 'no', 'yes' ] }
 */
export function fitTarget(table: Table, name: string, task: Task): Target {
  const column = columnOf(table, name);
  const where = `${table.file}, column "${name}"`;
  if (task === "classify") {
    const texts = new Set(textsOf(column).filter((t): t is string => t !== null));
    const labels =
      column.kind === "category" ? column.categories.filter((c) => texts.has(c)) : [...texts].sort((a, b) => Number(a) - Number(b));
    if (labels.length < 2) {
      const got = labels.length === 0 ? "an empty column" : `"${labels[0]}" in every row`;
      throw mistake("DATA", { where, problem: "a target needs at least two classes", got });
    }
    return { task, name, labels };
  }
  if (column.kind === "category") {
    const problem = "cannot regress on texts";
    throw mistake("DATA", { where, problem, got: `"${column.categories[0]}"`, advice: "Choose --task classify, or another target." });
  }
  const values = column.values.filter((v) => !Number.isNaN(v));
  if (values.length === 0) throw mistake("DATA", { where, problem: "the target is empty" });
  return { task, name, ...moments(values) };
}

/**
 * The targets of a table's rows as a model learns them: class indices, or standardised numbers.
 *
 * @throws UserError `DATA` for a missing value or a label that the encoding does not know
 * @example
 * const table = tableFromCsv(parseCsv("y\nno\nyes\nno\n"));
 * console.log([...encodeTarget(fitTarget(table, "y", "classify"), table)]); // [ 0, 1, 0 ]
 */
export function encodeTarget(target: Target, table: Table): Int32Array | Float32Array {
  const column = columnOf(table, target.name);
  const where = `${table.file}, column "${target.name}"`;
  if (target.task === "classify") {
    const index = new Map(target.labels.map((label, i) => [label, i]));
    return Int32Array.from(textsOf(column), (text) => {
      const code = text === null ? undefined : index.get(text);
      if (code === undefined) {
        throw mistake("DATA", {
          where,
          problem: "unknown label",
          got: text === null ? "a missing value" : `"${text}"`,
          expected: target.labels,
        });
      }
      return code;
    });
  }
  if (column.kind === "category") throw mistake("DATA", { where, problem: "the target must be numbers", got: `"${column.categories[0]}"` });
  return Float32Array.from(column.values, (v) => {
    if (Number.isNaN(v)) throw mistake("DATA", { where, problem: "the target has a missing value" });
    return (v - target.mean) / target.scale;
  });
}
