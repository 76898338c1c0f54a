import { describe, expect, test } from "vitest";
import {
  type Command,
  choice,
  docsPage,
  flag,
  helpText,
  list,
  number,
  numberOr,
  type OptionsFor,
  parseArguments,
  text,
} from "../../src/cli/options.ts";

interface Example {
  readonly name: string | undefined;
  readonly size: number;
  readonly rate: number | "auto" | undefined;
  readonly kind: "a" | "b" | undefined;
  readonly columns: readonly string[];
  readonly loud: boolean;
}

const options: OptionsFor<Example> = {
  name: text({ help: "a name" }),
  size: number({ help: "a size", default: 3, least: 1, integer: true }),
  rate: numberOr("auto", { help: "a rate" }),
  kind: choice(["a", "b"], { help: "a|b" }),
  columns: list({ help: "some columns" }),
  loud: flag({ help: "be loud" }),
};
const command: Command<Example> = {
  name: "try",
  summary: "Tries.",
  description: ["A paragraph that is long enough to be wrapped at the given width, so that one sees it."],
  positionals: [
    { name: "file", help: "a file" },
    { name: "other", help: "another", optional: true },
  ],
  options,
  examples: [["downhill try x", "What it does."]],
  run: async () => {},
};
const parse = (...argv: string[]) => parseArguments(command, argv);

describe("parseArguments", () => {
  test("values in every form, defaults, repeated lists, negative numbers, --", () => {
    expect(parse("x").values).toEqual({ name: undefined, size: 3, rate: undefined, kind: undefined, columns: [], loud: false });
    const { values, positionals } = parse(
      "--name=a=b",
      "x",
      "--size",
      "4",
      "--columns",
      "a, b",
      "--columns=c",
      "--rate",
      "auto",
      "--loud",
      "--kind",
      "b",
    );
    expect(values).toEqual({ name: "a=b", size: 4, rate: "auto", kind: "b", columns: ["a", "b", "c"], loud: true });
    expect(positionals).toEqual(["x"]);
    expect(parse("--rate", "1e-3", "--", "--x", "-5").positionals).toEqual(["--x", "-5"]);
    expect(parse("-5", "--loud", "--no-loud").values.loud).toBe(false);
    expect(parse("x", "--rate=0.5").values.rate).toBe(0.5);
  });

  test.each([
    [["x", "--siz", "4"], "downhill try: unknown option --siz. Did you mean --size?"],
    [["x", "--zzz"], "unknown option --zzz. See downhill try --help."],
    [["x", "-l"], "unknown option -l."],
    [["x", "--size", "0"], '--size: not a valid value; got "0", expected a whole number of at least 1.'],
    [["x", "--size", ""], "--size: not a valid value; got nothing"],
    [["x", "--size", "1.5"], "a whole number"],
    [["x", "--size"], "--size: a value is missing; expected N."],
    [["x", "--name", "--loud"], "--name: a value is missing"],
    [["x", "--kind", "c"], '--kind: not a valid value; got "c", expected a or b.'],
    [["x", "--rate", "-1"], "expected auto, or a number of at least 0"],
    [["x", "--columns", "a,,b"], "texts separated by commas"],
    [["x", "--loud=1"], '--loud: takes no value; got "1".'],
    [["x", "--constructor", "1"], "unknown option --constructor"],
    [[], "downhill try: file is missing. Usage: downhill try <file> [other] [options]"],
    [["x", "y", "z"], '"z" is one argument too many'],
  ])("%j", (argv, message) => {
    expect(() => parse(...argv)).toThrow(message);
  });
});

test("the help names everything, wrapped", () => {
  const help = helpText(command as Command, 50);
  for (const part of ["Usage: downhill try <file> [other] [options]", "--rate auto|N", "(default: 3)", "--loud  ", "downhill try x"])
    expect(help).toContain(part);
  expect(help.split("\n").every((line) => line.length <= 50)).toBe(true);
});

test("the docs page is a table that Markdown reads: bars are escaped", () => {
  const page = docsPage([command as Command]);
  expect(page).toContain("| `--rate auto\\|N` | a rate |  |");
  expect(page).toContain("| `--kind a\\|b` | a\\|b |  |");
  expect(page).toContain("| `--size N` | a size | 3 |");
});
