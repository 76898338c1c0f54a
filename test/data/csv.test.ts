import { describe, expect, test } from "vitest";
import { parseCsv } from "../../src/data/csv.ts";
import { columnOf, missingIn, tableFromCsv, takeRows } from "../../src/data/table.ts";

describe("parseCsv", () => {
  test.each([
    ["comma", "a,b\n1,2\n3,4\n", ","],
    ["semicolon with decimal commas", "a;b\n1,5;2,5\n3,5;4,5\n", ";"],
    ["tab", "a\tb\n1\t2, or so\n", "\t"],
    ["bar", "a|b\n1|2\n", "|"],
    ["one column", "a\n1\n2\n", ","],
  ])("recognises the delimiter: %s", (_, text, delimiter) => {
    expect(parseCsv(text).delimiter).toBe(delimiter);
  });

  test("drops the byte-order mark and takes CRLF, CR and a missing last newline", () => {
    expect(parseCsv("\uFEFFa,b\r\n1,2\r\n3,4")).toMatchObject({
      names: ["a", "b"],
      rows: [
        ["1", "2"],
        ["3", "4"],
      ],
      lines: [2, 3],
    });
    expect(parseCsv("a,b\r1,2\r3,4\r").rows).toHaveLength(2);
  });

  test("quotes hold delimiters, newlines and doubled quotes; lines are still counted", () => {
    const csv = parseCsv('name,n\n"Smith, ""J""\nand son", 1\n "x" ,2\n');
    expect(csv.rows).toEqual([
      ['Smith, "J"\nand son', " 1"],
      ["x", "2"],
    ]);
    expect(csv.lines).toEqual([2, 4]);
  });

  test("takes single quotes for quotes only where they enclose values", () => {
    expect(parseCsv("a,b\n'x,y',1\n'z',2\n").rows[0]).toEqual(["x,y", "1"]);
    expect(parseCsv("a,b\n'tis,1\ndon't,2\n").rows).toEqual([
      ["'tis", "1"],
      ["don't", "2"],
    ]);
  });

  test("tells a header from data, and names columns where there is none", () => {
    expect(parseCsv("1,x\n2,y\n")).toMatchObject({ header: false, names: ["column1", "column2"], lines: [1, 2] });
    expect(parseCsv("x,y\n1,2\n", { header: false }).rows).toHaveLength(2);
    expect(parseCsv("2019,2020\n1,2\n", { header: true }).names).toEqual(["2019", "2020"]);
    expect(parseCsv("town,2019\nRome,2\n", { names: ["2019", "2020"] })).toMatchObject({ header: true, names: ["town", "2019"] });
    expect(parseCsv("town,2019\nRome,2\n", { names: ["2020"] }).header).toBe(false);
  });

  test("a delimiter at the end of every line is no column; empty lines are no rows", () => {
    expect(parseCsv("a,b,\n1,2,\n\n3,4,\n")).toMatchObject({ names: ["a", "b"], lines: [2, 4] });
  });

  test.each([
    ["a,b,c\n1,2,3\n4,5\n", 'x.csv line 3, column "c": the row has 2 values, expected 3.'],
    ["a,b\n1,2\n4,5,6\n", "x.csv line 3, column 3: the row has 3 values, expected 2."],
    ['a,b\n1,"2\n4,5\n', "x.csv line 2, column 2: a quote is opened and never closed."],
    ['a,b\n"1"2,3\n', "x.csv line 2, column 1: there is text behind a closing quote."],
    ["a,a\n1,2\n", 'x.csv line 1, column 2: the name "a" stands twice in the header.'],
    ["", "x.csv: there is nothing in the file."],
    ["a,b\n", "x.csv: there are no rows below the header."],
  ])("refuses %j", (text, message) => {
    expect(() => parseCsv(text, { file: "x.csv" })).toThrow(message);
  });

  test("refuses bytes and options that there are not", () => {
    expect(() => parseCsv(new Uint8Array(2) as unknown as string)).toThrow("needs the file's text; got Uint8Array");
    expect(() => parseCsv("a\n1\n", { delimeter: ";" } as object)).toThrow('there is no option "delimeter". Did you mean "delimiter"?');
    expect(() => tableFromCsv(parseCsv("a\n1\n"), { category: ["a"] } as object)).toThrow('there is no option "category"');
  });
});

describe("tableFromCsv", () => {
  const table = tableFromCsv(parseCsv("age,town,score\n31,Rome,1e3\n,Oslo,?\n 7 ,n/a,-.5\n"));

  test("columns of numbers and of texts, with what is missing", () => {
    expect(table.columns.map((c) => c.kind)).toEqual(["number", "category", "number"]);
    expect(columnOf(table, "age")).toMatchObject({ values: Float64Array.of(31, Number.NaN, 7) });
    expect(columnOf(table, "score")).toMatchObject({ values: Float64Array.of(1000, Number.NaN, -0.5) });
    expect(columnOf(table, "town")).toMatchObject({ categories: ["Oslo", "Rome"], codes: Int32Array.of(1, 0, -1) });
    expect(table.columns.map(missingIn)).toEqual([1, 1, 1]);
  });

  test("takes rows in any order", () => {
    expect(takeRows(table, [2, 0]).columns[0]).toMatchObject({ values: Float64Array.of(7, 31) });
  });

  test("a decimal comma needs another delimiter and no decimal point", () => {
    expect(columnOf(tableFromCsv(parseCsv("a;b\n1,5;x\n-2;y\n")), "a")).toMatchObject({ values: Float64Array.of(1.5, -2) });
    expect(columnOf(tableFromCsv(parseCsv('a,b\n"1,5",x\n"2,5",y\n')), "a").kind).toBe("category");
  });

  test("a slip in a column of numbers is refused with file, line and column; a repeated word is a category", () => {
    const rows = (odd: string[]) =>
      parseCsv(["n", ...Array.from({ length: 20 }, (_, i) => String(i)), ...odd].join("\n"), { file: "x.csv" });
    expect(() => tableFromCsv(rows(["12o"]))).toThrow(
      'x.csv line 22, column "n": "12o" is not a number, but 20 of the column\'s 21 values are.',
    );
    expect(columnOf(tableFromCsv(rows(["3+", "3+", "3+"])), "n").kind).toBe("category");
    expect(columnOf(tableFromCsv(rows(["12o"]), { categorical: ["n"] }), "n").kind).toBe("category");
    expect(() => tableFromCsv(rows(["3+", "3+", "3+"]), { numeric: ["n"] })).toThrow("line 22");
  });

  test("categories that are numbers stand in their order", () => {
    expect(columnOf(tableFromCsv(parseCsv("n\n10\n9\n10\n"), { categorical: ["n"] }), "n")).toMatchObject({ categories: ["9", "10"] });
  });

  test("a column that is not there: its likely name and the list", () => {
    expect(() => columnOf(table, "Town")).toThrow('there is no column "Town". Did you mean "town"? The columns are: age, town, score.');
    expect(() => columnOf(table, "socre")).toThrow('Did you mean "score"?');
    expect(() => columnOf(table, "height")).toThrow('there is no column "height". The columns are: age, town, score.');
  });

  test("reads the columns that are asked for, in that order, and looks at no other", () => {
    const csv = parseCsv("a,b,c\n1,2,3\n1,2,x\n1,2,3\n");
    expect(() => tableFromCsv(csv)).toThrow('"x" is not a number');
    expect(tableFromCsv(csv, { columns: ["b", "a"] }).columns.map((c) => c.name)).toEqual(["b", "a"]);
    expect(() => tableFromCsv(csv, { columns: ["d"] })).toThrow('there is no column "d"');
  });

  test("what no double can hold is no number", () => {
    expect(() => tableFromCsv(parseCsv("a\n1e400\n2\n3\n"))).toThrow('line 2, column "a": "1e400" is not a number');
  });
});
