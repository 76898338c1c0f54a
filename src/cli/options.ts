// One typed table of options makes the parser, the help and the docs page.

import { mistake } from "../util/errors.ts";
import { nearest } from "../util/options.ts";

/** One option: how its text becomes a value of type T. */
export interface Option<T> {
  /** How the value is called in the help; null for a flag. */
  readonly placeholder: string | null;
  readonly help: string;
  /** Shown in the help, where there is a default worth showing. */
  readonly shownDefault: string | null;
  readonly initial: T;
  /** A repeatable option gets the value so far. */
  parse(text: string, name: string, before: T): T;
}

function refuse(name: string, text: string, expected: string): Error {
  return mistake("OPTION", { where: `--${name}`, problem: "not a valid value", got: text === "" ? "nothing" : `"${text}"`, expected });
}

interface Extra<D> {
  readonly default?: D;
  readonly help: string;
  readonly placeholder?: string;
  /** Shown instead of the default's own text. */
  readonly shownDefault?: string;
}

function make<T>(placeholder: string | null, extra: Extra<T>, parse: Option<T>["parse"], initial: T): Option<T> {
  const shown = extra.shownDefault ?? (extra.default === undefined || placeholder === null ? null : String(extra.default));
  return {
    placeholder: placeholder === null ? null : (extra.placeholder ?? placeholder),
    help: extra.help,
    shownDefault: shown,
    initial,
    parse,
  };
}

type Optional<D, T> = D extends undefined ? T | undefined : T;

/** A number of at least `least` (or above it, when `above`). */
export function number<D extends number | undefined = undefined>(
  extra: Extra<D & number> & { least?: number; above?: boolean; integer?: boolean },
): Option<Optional<D, number>> {
  const { least = Number.NEGATIVE_INFINITY, above = false, integer = false } = extra;
  const bound = least === Number.NEGATIVE_INFINITY ? "" : above ? ` above ${least}` : ` of at least ${least}`;
  const parse = (text: string, name: string) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!Number.isFinite(value) || value < least || (above && value <= least) || (integer && !Number.isSafeInteger(value)))
      throw refuse(name, text, `${integer ? "a whole number" : "a number"}${bound}`);
    return value;
  };
  return make<number | undefined>("N", extra, parse, extra.default) as Option<Optional<D, number>>;
}

/** Any text. */
export function text<D extends string | undefined = undefined>(extra: Extra<D & string>): Option<Optional<D, string>> {
  const parse = (value: string, name: string) => {
    if (value === "") throw refuse(name, value, "a text");
    return value;
  };
  return make<string | undefined>("TEXT", extra, parse, extra.default) as Option<Optional<D, string>>;
}

/** One character, or the word tab. */
export function character(extra: Extra<string>): Option<string | undefined> {
  const parse = (value: string, name: string) => {
    if (value === "tab") return "\t";
    if ([...value].length !== 1 || /["\r\n]/.test(value)) throw refuse(name, value, "one character, or tab");
    return value;
  };
  return make<string | undefined>("CHARACTER", extra, parse, extra.default);
}

/** One of some words. */
export function choice<const C extends string>(choices: readonly C[], extra: Extra<C> & { readonly default: C }): Option<C>;
export function choice<const C extends string>(choices: readonly C[], extra: Extra<C>): Option<C | undefined>;
export function choice<const C extends string>(choices: readonly C[], extra: Extra<C>): Option<C | undefined> {
  const parse = (value: string, name: string) => {
    if (!choices.includes(value as C)) throw refuse(name, value, choices.join(" or "));
    return value as C;
  };
  return make<C | undefined>(choices.join("|"), extra, parse, extra.default);
}

/** Texts separated by commas; the option may also be repeated. */
export function list(extra: { help: string; placeholder?: string }): Option<readonly string[]> {
  const parse = (value: string, name: string, before: readonly string[]) => {
    const items = value.split(",").map((s) => s.trim());
    if (items.some((s) => s === "")) throw refuse(name, value, "texts separated by commas");
    return [...before, ...items];
  };
  return make<readonly string[]>("A,B", extra, parse, []);
}

/** Present or not. */
export function flag(extra: { help: string }): Option<boolean> {
  return make<boolean>(null, extra, () => true, false);
}

/** A number, or a word that stands for something. */
export function numberOr<const W extends string>(word: W, extra: Extra<number | W>): Option<number | W | undefined> {
  const parse = (value: string, name: string) => {
    if (value === word) return word;
    const n = value.trim() === "" ? Number.NaN : Number(value);
    if (!Number.isFinite(n) || n < 0) throw refuse(name, value, `${word}, or a number of at least 0`);
    return n;
  };
  return make<number | W | undefined>(`${word}|N`, extra, parse, extra.default);
}

/** The table that gives such values: one option each, and the compiler finds a missing one. */
export type OptionsFor<V> = { readonly [K in keyof V]-?: Option<V[K]> };

/** A command: what it takes, and what the help says about it. */
export interface Command<V = object> {
  readonly name: string;
  readonly summary: string;
  /** Paragraphs of the help, below the usage. */
  readonly description: readonly string[];
  /** `many`: the last one takes all that is left. */
  readonly positionals: readonly { readonly name: string; readonly help: string; readonly optional?: boolean; readonly many?: boolean }[];
  readonly options: OptionsFor<V>;
  readonly examples: readonly (readonly [command: string, what: string])[];
  run(values: V, positionals: readonly string[]): Promise<void>;
}

export interface Parsed<V> {
  readonly values: V;
  readonly positionals: readonly string[];
}

/**
 * Reads `--name value`, `--name=value`, `--flag`, `--no-flag` and positionals; `--` ends the options.
 *
 * @throws UserError `OPTION` for an unknown option (with the nearest name), a bad or missing value, too many or few positionals
 */
export function parseArguments<V>(command: Command<V>, argv: readonly string[]): Parsed<V> {
  const table = command.options as Readonly<Record<string, Option<unknown>>>;
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(table)) values[name] = option.initial;
  const positionals: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === "--") {
      positionals.push(...argv.slice(i + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-" || /^-\d/.test(word)) {
      positionals.push(word);
      continue;
    }
    const [, name = "", inline] = /^--?([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
    const negated = name.startsWith("no-") ? name.slice(3) : undefined;
    if (negated !== undefined && table[negated]?.placeholder === null) {
      values[negated] = false;
      continue;
    }
    const option = Object.hasOwn(table, name) ? table[name] : undefined;
    if (option === undefined || !word.startsWith("--")) {
      const near = nearest(name, Object.keys(table));
      throw mistake("OPTION", {
        where: `downhill ${command.name}`,
        problem: `unknown option ${word.split("=")[0]}`,
        advice: near === null ? `See downhill ${command.name} --help.` : `Did you mean --${near}?`,
      });
    }
    if (option.placeholder === null) {
      if (inline !== undefined) throw mistake("OPTION", { where: `--${name}`, problem: "takes no value", got: `"${inline}"` });
      values[name] = true;
      continue;
    }
    const value = inline ?? argv[++i];
    if (value === undefined || (inline === undefined && value.startsWith("--")))
      throw mistake("OPTION", { where: `--${name}`, problem: "a value is missing", expected: option.placeholder });
    values[name] = option.parse(value, name, values[name]);
  }
  const required = command.positionals.filter((p) => p.optional !== true).length;
  const most = command.positionals.at(-1)?.many === true ? Infinity : command.positionals.length;
  if (positionals.length < required || positionals.length > most) {
    const extra = positionals[command.positionals.length];
    throw mistake("OPTION", {
      where: `downhill ${command.name}`,
      problem: extra === undefined ? `${command.positionals[positionals.length]?.name} is missing` : `"${extra}" is one argument too many`,
      advice: `Usage: ${usage(command)}`,
    });
  }
  return { values: values as V, positionals };
}

function usage(command: Pick<Command, "name" | "positionals">): string {
  const positionals = command.positionals
    .map((p) => (p.many === true ? ` [-- ${p.name}]` : p.optional === true ? ` [${p.name}]` : ` <${p.name}>`))
    .join("");
  return `downhill ${command.name}${positionals} [options]`;
}

/** The help of one command, at most `width` columns wide. */
export function helpText(command: Command, width = 100): string {
  const lines = [`${command.summary}`, "", `Usage: ${usage(command)}`, ""];
  for (const paragraph of command.description) lines.push(...wrap(paragraph, width), "");
  const rows: [string, string][] = command.positionals.map((p) => [`  <${p.name}>`, p.help]);
  if (rows.length > 0) lines.push("Arguments:", ...columns(rows, width), "");
  lines.push("Options:", ...columns(optionRows(command.options), width), "");
  lines.push("Examples:", ...command.examples.flatMap(([line, what]) => [`  ${line}`, `      ${what}`]));
  return `${lines.join("\n")}\n`;
}

function optionRows(options: object): [string, string][] {
  return (Object.entries(options) as [string, Option<unknown>][]).map(([name, o]) => [
    `  --${name}${o.placeholder === null ? "" : ` ${o.placeholder}`}`,
    `${o.help}${o.shownDefault === null ? "" : ` (default: ${o.shownDefault})`}`,
  ]);
}

function columns(rows: readonly [string, string][], width: number): string[] {
  const indent = Math.min(34, Math.max(...rows.map(([left]) => left.length)) + 2);
  return rows.flatMap(([left, right]) => {
    const lines = wrap(right, width - indent);
    const first = left.length + 2 > indent ? [left, ...lines.map((l) => " ".repeat(indent) + l)] : null;
    return first ?? lines.map((l, i) => (i === 0 ? left.padEnd(indent) : " ".repeat(indent)) + l);
  });
}

function wrap(content: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of content.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** The page of the docs, in Markdown. */
export function docsPage(commands: readonly Command[]): string {
  const cell = (s: string) => s.replace(/\|/g, "\\|");
  const parts = ["# The command line", "", "Written by `downhill help --markdown` from the table that also parses the options.", ""];
  for (const command of commands) {
    parts.push(`## downhill ${command.name}`, "", command.summary, "", "```", usage(command), "```", "");
    for (const paragraph of command.description) parts.push(paragraph, "");
    for (const p of command.positionals) parts.push(`- \`${p.name}\`: ${p.help}`);
    if (command.positionals.length > 0) parts.push("");
    parts.push("| option | meaning | default |", "|---|---|---|");
    for (const [name, o] of Object.entries(command.options) as [string, Option<unknown>][]) {
      const value = o.placeholder === null ? "" : ` ${o.placeholder}`;
      parts.push(`| \`--${name}${cell(value)}\` | ${cell(o.help)} | ${o.shownDefault === null ? "" : cell(o.shownDefault)} |`);
    }
    parts.push("", "```sh", ...command.examples.flatMap(([line, what]) => [`# ${what}`, line]), "```", "");
  }
  return `${parts.join("\n").trimEnd()}\n`;
}
