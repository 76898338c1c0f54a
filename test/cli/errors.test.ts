import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { downhill, downhillHere, entry, workplace } from "./run.ts";

const place = workplace();
const good = ["size,colour,kind", ...Array.from({ length: 30 }, (_, i) => `${i},${i % 3 ? "red" : "blue"},${i < 15 ? "a" : "b"}`)];
const file = (name: string, rows: readonly string[]) => writeFileSync(join(place, name), `${rows.join("\n")}\n`);

beforeAll(() => {
  file("good.csv", good);
  file("ragged.csv", [...good, "1,red"]);
  file("typo.csv", [...good, "12x,red,a"]);
  file("header.csv", good.slice(0, 1));
  file("one.csv", ["x,y", ...Array.from({ length: 12 }, (_, i) => `${i},same`)]);
  file("few.csv", good.slice(0, 5));
  file("still.csv", ["x,y", ...Array.from({ length: 12 }, (_, i) => `${i},3.5`)]);
  file("twice.csv", ["x,x,kind", "1,2,a"]);
  mkdirSync(join(place, "begun"));
  file("begun/options.json", [`{ "data": "${join(place, "good.csv")}", "target": "kind", "hidden": [], "lambda": 2 }`]);
  file("quote.csv", ["size,kind", '1,"a', "2,b"]);
  writeFileSync(join(place, "empty.csv"), "");
  mkdirSync(join(place, "folder"));
  const trained = downhill(place, ["train", "good.csv", "--target", "kind", "--run", "kept", "--quiet"]);
  expect(trained).toEqual({ code: 0, out: "", err: "" });
  const bundle = readFileSync(join(place, "kept/model.safetensors"));
  writeFileSync(join(place, "cut.safetensors"), bundle.subarray(0, bundle.length - 4));
  const lying = Buffer.from(bundle);
  const at = lying.indexOf('"data_offsets":[0,');
  lying.write("9", at + '"data_offsets":['.length);
  writeFileSync(join(place, "lying.safetensors"), lying);
  file("nocolour.csv", ["size,kind", "1,a"]);
  file("bare.csv", ["1,red", "2,blue"]);
  file("texts.csv", ["colour,size", "red,big"]);
});

const train = (name: string, ...rest: string[]) => ["train", name, "--target", "kind", ...rest];
const predict = (...args: string[]) => ["predict", ...args];

describe("each mistake is one clear line, exit code 1, and leaves nothing behind", () => {
  test.each([
    [train("good.csv", "--target", "species"), 'good.csv: there is no column "species". The columns are: size, colour, kind.'],
    [["train", "good.csv"], "downhill train: --target is missing. Name the column of good.csv to predict."],
    [
      train("ragged.csv"),
      'ragged.csv line 32, column "kind": the row has 2 values, expected 3. Leave a value empty to say that it is missing.',
    ],
    [train("typo.csv"), 'typo.csv line 32, column "size": "12x" is not a number, but 30 of the column\'s 31 values are.'],
    [train("empty.csv"), "empty.csv: there is nothing in the file."],
    [train("header.csv"), "header.csv: there are no rows below the header."],
    [train("few.csv"), "few.csv: too few rows with a target; got 4, expected at least 10."],
    [train("one.csv", "--target", "y"), 'one.csv, column "y": a target needs at least two classes; got "same" in every row.'],
    [train("still.csv", "--target", "y"), 'still.csv, column "y": there is nothing to learn; got 3.5 in every row.'],
    [train("twice.csv"), 'twice.csv line 1, column 2: the name "x" stands twice in the header. Rename one of the columns.'],
    [train("good.csv", "--delimiter", "ab"), '--delimiter: not a valid value; got "ab", expected one character, or tab.'],
    [train("good.csv", "--folds", "40", "--lambda", "auto"), "--folds: more folds than rows to train; got 40, expected 2 to 24."],
    [train("good.csv", "--folds", "4"), "--folds: goes with --lambda auto."],
    [train("good.csv", "--one-standard-error"), "--one-standard-error: goes with --lambda auto."],
    [train("good.csv", "--test", "0.95"), "--test: leaves too few rows to train; got 1, expected at least 5."],
    [
      train("good.csv", "--run", "kept"),
      "kept: there is a run in this folder already. Choose another folder, or go on with that run by --resume kept.",
    ],
    [train("good.csv", "--resume", "nowhere"), "nowhere: there is no run in this folder to resume."],
    [
      train("good.csv", "--resume", "begun"),
      "--lambda: the run was begun with another value of this option; got none, expected 2. Give the same options",
    ],
    [train("still.csv", "--resume", "begun"), 'still.csv: there is no column "kind".'],
    [train("quote.csv"), "quote.csv line 2, column 2: a quote is opened and never closed."],
    [train("none.csv"), "none.csv: there is no such file or folder."],
    [train("folder"), "folder: it is a folder, not a file."],
    [
      train("good.csv", "--task", "regress"),
      'good.csv, column "kind": cannot regress on texts; got "a". Choose --task classify, or another target.',
    ],
    [train("good.csv", "--learning-rate", "NaN"), '--learning-rate: not a valid value; got "NaN", expected a number above 0.'],
    [train("good.csv", "--learning-rate", "Infinity"), '--learning-rate: not a valid value; got "Infinity"'],
    [train("good.csv", "--learning-rate", "-1"), '--learning-rate: not a valid value; got "-1"'],
    [train("good.csv", "--lambda", "strong"), '--lambda: not a valid value; got "strong", expected auto, or a number of at least 0.'],
    [train("good.csv", "--epochs", "2.5"), '--epochs: not a valid value; got "2.5", expected a whole number of at least 1.'],
    [train("good.csv", "--test", "1.5"), "--test: must be below 1; got 1.5."],
    [train("good.csv", "--model", "tree"), '--model: not a valid value; got "tree", expected linear or mlp.'],
    [train("good.csv", "--hidden", "64"), "--hidden: a linear model has no hidden layers. Add --model mlp."],
    [train("good.csv", "--model", "mlp", "--hidden", "64,x"), '--hidden: sizes must be whole numbers above 0; got "x".'],
    [train("good.csv", "--epoch", "3"), "downhill train: unknown option --epoch. Did you mean --epochs?"],
    [train("good.csv", "--epochs"), "--epochs: a value is missing; expected N."],
    [train("good.csv", "--quiet=yes"), '--quiet: takes no value; got "yes".'],
    [train("good.csv", "more.csv"), 'downhill train: "more.csv" is one argument too many. Usage: downhill train <data> [options]'],
    [["train"], "downhill train: data is missing. Usage: downhill train <data> [options]"],
    [train("good.csv", "--categorical", "hue"), 'good.csv: there is no column "hue".'],
    [train("good.csv", "--device", "gpu"), '--device: not a valid value; got "gpu", expected auto or wasm or native or reference.'],
    [["train", "mnist", "--lambda", "auto"], "--lambda: auto is for tables"],
    [["train", "mnist", "--target", "y"], "--target: is for tables, not for mnist."],
    [["train", "mnist", "--test", "0.5"], "--test: is for tables, not for mnist."],
    [train("good.csv", "--run", "good.csv/deeper"), "good.csv/deeper: a part of the path is a file, not a folder."],
    [["trian", "good.csv"], 'downhill: there is no command "trian". Did you mean "train"?'],
    [predict("kept/model.safetensors", "nocolour.csv"), 'nocolour.csv: there is no column "colour".'],
    [predict("kept/model.safetensors", "texts.csv"), 'texts.csv line 2, column "size": "big" is not a number'],
    [
      predict("kept/model.safetensors", "bare.csv"),
      "bare.csv: there is no header, so the columns cannot be told apart; got a first row of 2 values, expected names, among them size, colour.",
    ],
    [predict("cut.safetensors", "good.csv"), "cut.safetensors: the file is cut short, or tensor"],
    [predict("lying.safetensors", "good.csv"), "lying.safetensors: "],
    [predict("good.csv", "good.csv"), "good.csv: the file is cut short, or is not safetensors"],
    [predict("kept/checkpoint.safetensors", "good.csv"), "this is no bundle that this version reads; got downhill-checkpoint, version 1"],
    [predict("kept/model.safetensors"), "downhill predict: data is missing."],
    [predict("kept/model.safetensors", "good.csv", "--out", "no/where.csv"), "no/where.csv: there is no such file or folder."],
  ])("downhill %j", async (args, message) => {
    const before = readdirSync(place).sort();
    const { code, out, err } = await downhillHere(place, args);
    expect(err).toContain(message);
    expect(err.startsWith("error: ")).toBe(true);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(readdirSync(place).sort()).toEqual(before);
  });

  test("a folder that may not be written to, before anything is computed", () => {
    const locked = join(place, "locked");
    mkdirSync(locked);
    chmodSync(locked, 0o555);
    chmodSync(place, 0o755);
    // Root may write everywhere: then nobody runs it.
    const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    for (const args of [
      train("good.csv", "--run", "locked/run"),
      predict("kept/model.safetensors", "good.csv", "--out", "locked/out.csv"),
    ]) {
      const { code, out, err } = downhill(place, args, user);
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(err).toMatch(
        /^error: locked\/(run|out\.csv): permission denied\. Choose a place that you may write to, or change its permissions\.\n$/,
      );
    }
    expect(readdirSync(locked)).toEqual([]);
  });

  test.runIf(existsSync("/dev/full"))("a full disk behind standard output is one clear line", () => {
    const full = openSync("/dev/full", "w");
    const result = spawnSync(process.execPath, [entry, ...predict("kept/model.safetensors", "good.csv")], {
      cwd: place,
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8",
    });
    closeSync(full);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain("error: standard output: the disk is full.");
    expect(result.stderr).not.toContain(" at ");
  });

  test("--trace and DOWNHILL_TRACE show where an error came from", () => {
    for (const [args, env] of [
      [train("none.csv", "--trace"), {}],
      [train("none.csv"), { DOWNHILL_TRACE: "1" }],
    ] as const)
      expect(downhill(place, args, { env }).err).toMatch(/no such file[^\n]*\n.*\n\s+at .*mistake.*[\s\S]*at .*readFile/);
  });

  test("training that diverges ends with its message, and leaves no bundle", () => {
    const rows = Array.from({ length: 20 }, (_, i) => `${i},${i * 1.5}`);
    file("line.csv", ["x,y", ...rows]);
    const { code, err } = downhill(place, ["train", "line.csv", "--target", "y", "--learning-rate", "1e30", "--run", "wild"]);
    expect(code).toBe(1);
    expect(err).toMatch(/error: fit: the loss is (NaN|Infinity) at step 1 of epoch \d+\./);
    expect(readdirSync(join(place, "wild"))).not.toContain("model.safetensors");
  });
});

describe("help", () => {
  test("the overview names every command; a command's help every option, within the terminal's width", async () => {
    const overview = await downhillHere(place, []);
    expect(overview).toMatchObject({ code: 0, err: "" });
    expect(overview.out).toBe((await downhillHere(place, ["--help"])).out);
    for (const word of ["train", "predict", "help"]) expect(overview.out).toContain(`  ${word}`);
    const help = (await downhillHere(place, ["train", "--help"])).out;
    for (const option of ["target", "lambda", "epochs", "seed", "device", "resume", "trace"]) expect(help).toContain(`--${option}`);
    expect(help.split("\n").every((line) => line.length <= 110)).toBe(true);
    expect((await downhillHere(place, ["help", "train"])).out).toContain("Usage: downhill train <data> [options]");
    expect((await downhillHere(place, ["--version"])).out).toMatch(/^\d+\.\d+\.\d+/);
  });

  test("docs/cli.md is what the table says: write it anew with downhill help --markdown", async () => {
    expect(readFileSync(resolve("docs/cli.md"), "utf8")).toBe((await downhillHere(place, ["help", "--markdown"])).out);
  });
});
