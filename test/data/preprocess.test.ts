import { describe, expect, test } from "vitest";
import { parseCsv } from "../../src/data/csv.ts";
import { applyPreprocessing, describePreprocessing, describeUnseen, fitPreprocessing } from "../../src/data/preprocess.ts";
import { tableFromCsv, takeRows } from "../../src/data/table.ts";
import { encodeTarget, fitTarget, recogniseTask, rowsWithTarget } from "../../src/data/target.ts";

const table = tableFromCsv(parseCsv("age,town,empty,same\n1,Rome,,5\n3,Oslo,,5\n,Rome,,5\n8,,,5\n", { file: "t.csv" }));

describe("preprocessing", () => {
  const preprocessing = fitPreprocessing(table);

  test("standardises with divisor n, fills with mean and mode, one-hot, and says so", () => {
    const { data, shape, names } = applyPreprocessing(preprocessing, table);
    expect(shape).toEqual([4, 4]);
    expect(names).toEqual(["age", "town=Oslo", "town=Rome", "same"]);
    const scale = Math.sqrt((9 + 1 + 16) / 3);
    const expected = [-3 / scale, 0, 1, 0, -1 / scale, 1, 0, 0, 0, 0, 1, 0, 4 / scale, 0, 1, 0];
    expect([...data]).toEqual(expected.map(Math.fround));
    expect(describePreprocessing(preprocessing)).toEqual([
      "age: 1 missing value set to the mean, 4",
      'town: 1 missing value set to the most frequent, "Rome"',
      "one-hot: town (2)",
      "empty: left out, it is empty",
    ]);
  });

  test("where most of a column is missing, that is no category", () => {
    const remarks = tableFromCsv(parseCsv("remark,x\nsoft,1\n,2\n,3\n"));
    const learned = fitPreprocessing(remarks, ["x"]);
    expect([...applyPreprocessing(learned, remarks).data]).toEqual([1, 0, 0]);
    expect(describePreprocessing(learned)[0]).toBe("remark: 2 missing values, more than half, stand for no category");
  });

  test("numbers whose squares a double cannot hold are standardised like any others", () => {
    for (const unit of [1, 1e300, 1e-300]) {
      const learned = fitPreprocessing(tableFromCsv(parseCsv(`x\n${unit}\n${3 * unit}\n${5 * unit}\n`)));
      const [x] = learned.features;
      expect(x).toMatchObject({ mean: expect.closeTo(3 * unit), scale: expect.any(Number) });
      expect((x as { scale: number }).scale / unit).toBeCloseTo(Math.sqrt(8 / 3), 12);
      expect(JSON.parse(JSON.stringify(learned))).toEqual(learned);
    }
  });

  test("says which texts were never seen", () => {
    const other = tableFromCsv(parseCsv("age,town,same\n5,Paris,4\n6,Oslo,4\n6,Bern,4\n"));
    expect(describeUnseen(preprocessing, other)).toEqual([
      'town: 2 values were never seen in training, such as "Paris", and stand for no category',
    ]);
    expect(describeUnseen(preprocessing, table)).toEqual([]);
  });

  test("a table without a usable column says why", () => {
    expect(() => fitPreprocessing(tableFromCsv(parseCsv("y\n1\n2\n")), ["y"])).toThrow("CSV: no column is left to learn from.");
    const names = Array.from({ length: 30 }, (_, i) => `${i}%`).join("\n");
    expect(() => fitPreprocessing(tableFromCsv(parseCsv(`share\n${names}\n`)))).toThrow(
      'no column is left to learn from (share: left out, 30 different texts in 30 rows, such as "0%", look like names, not categories).',
    );
  });

  test("is plain JSON, and other rows are treated by what was learned", () => {
    const again = JSON.parse(JSON.stringify(preprocessing));
    const other = tableFromCsv(parseCsv("same,town,age\n5,Paris,4\n6,Oslo,\n"));
    expect([...applyPreprocessing(again, other).data]).toEqual([0, 0, 0, 0, 0, 1, 0, 1]);
  });

  test("learns from the given rows only: no peeking at a fold's other part", () => {
    const part = fitPreprocessing(takeRows(table, [0, 1]));
    expect(part.features[0]).toMatchObject({ mean: 2, scale: 1, missing: 0 });
    expect(part.features[1]).toMatchObject({ categories: ["Oslo", "Rome"] });
    expect(fitPreprocessing(takeRows(table, [0, 2])).features[1]).toMatchObject({ categories: ["Rome"] });
  });

  test("texts that look like names are left out; too little is refused", () => {
    const names = tableFromCsv(parseCsv(["name,x", ...Array.from({ length: 30 }, (_, i) => `p${i},${i}`)].join("\n")));
    const learned = fitPreprocessing(names);
    expect(learned.features.map((f) => f.name)).toEqual(["x"]);
    expect(learned.ignored[0]?.reason).toContain("30 different texts in 30 rows");
    expect(() => fitPreprocessing(names, ["x"])).toThrow("no column is left to learn from");
    expect(() => fitPreprocessing(takeRows(table, []))).toThrow("there are no rows");
  });

  test("refuses texts where numbers were, and columns that are gone", () => {
    expect(() => applyPreprocessing(preprocessing, tableFromCsv(parseCsv("age,town,same\nold,Rome,5\n", { file: "new.csv" })))).toThrow(
      'new.csv, column "age": must be numbers, as in the training data; got "old".',
    );
    expect(() => applyPreprocessing(preprocessing, tableFromCsv(parseCsv("age,same\n1,5\n")))).toThrow('no column "town"');
    const empty = applyPreprocessing(preprocessing, tableFromCsv(parseCsv("age,town,same\n,Rome,5\n")));
    expect([...empty.data]).toEqual([0, 0, 1, 0]);
  });
});

describe("target", () => {
  const of = (values: (string | number)[]) => tableFromCsv(parseCsv(["y,x", ...values.map((v) => `${v},1`)].join("\n")));

  test.each([
    ["texts", ["a", "b", "a"], "classify"],
    ["two numbers", [0.5, 1.5, 0.5], "classify"],
    ["few whole numbers", Array.from({ length: 30 }, (_, i) => i % 3), "classify"],
    ["many whole numbers", Array.from({ length: 30 }, (_, i) => i), "regress"],
    ["decimals", [0.1, 0.2, 0.3], "regress"],
  ])("%s", (_, values, task) => {
    expect(recogniseTask(of(values), "y").task).toBe(task);
  });

  test("classes keep their labels, numbers are standardised", () => {
    const classes = fitTarget(of([10, 9, 10]), "y", "classify");
    expect(classes).toEqual({ task: "classify", name: "y", labels: ["9", "10"] });
    expect(encodeTarget(classes, of([9, 10, 9]))).toEqual(Int32Array.of(0, 1, 0));
    expect(() => encodeTarget(classes, of([8]))).toThrow('unknown label; got "8", expected [9,10]');
    const numbers = fitTarget(of([1, 2, 6]), "y", "regress");
    expect(numbers).toMatchObject({ mean: 3, scale: Math.sqrt(14 / 3) });
    expect(encodeTarget(numbers, of([3]))[0]).toBe(0);
  });

  test("what cannot be learned is refused", () => {
    expect(() => fitTarget(of(["a", "a"]), "y", "classify")).toThrow('at least two classes; got "a" in every row');
    expect(() => fitTarget(of(["a", "b"]), "y", "regress")).toThrow("cannot regress on texts");
    expect(rowsWithTarget(of(["a", "", "b"]), "y")).toEqual(Int32Array.of(0, 2));
  });
});
