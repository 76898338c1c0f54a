// The program behind the command line: finds the command, runs it, and turns errors into one line and exit code 1.

import type * as Modules from "node:module";
import { DownhillError, InternalError, mistake } from "../util/errors.ts";
import { nearest } from "../util/options.ts";
import { builtin } from "../util/system.ts";
import { type Command, docsPage, helpText, parseArguments } from "./options.ts";
import { predict } from "./predict.ts";
import { profile } from "./profile.ts";
import { train } from "./train.ts";

const commands: readonly Command<never>[] = [train as Command<never>, predict as Command<never>, profile as Command<never>];

function overview(): string {
  const width = Math.max(...commands.map((c) => c.name.length)) + 2;
  return [
    "Downhill trains neural networks, in TypeScript, compiled for this machine.",
    "",
    "Usage: downhill <command> [options]",
    "",
    "Commands:",
    ...commands.map((c) => `  ${c.name.padEnd(width)}${c.summary}`),
    `  ${"help".padEnd(width)}Says more about a command: downhill help train`,
    "",
    "Examples:",
    ...commands.flatMap((c) => c.examples.slice(0, 2).map(([line]) => `  ${line}`)),
    "",
    "Options: --help, --version; --trace with any command shows where an error came from.",
    "",
  ].join("\n");
}

function version(): string {
  const { createRequire } = builtin<typeof Modules>("node:module", "the version");
  return (createRequire(import.meta.url)("../../package.json") as { version: string }).version;
}

function find(name: string): Command<never> {
  const found = commands.find((c) => c.name === name);
  if (found !== undefined) return found;
  const near = nearest(name, [...commands.map((c) => c.name), "help"]);
  throw mistake("OPTION", {
    where: "downhill",
    problem: `there is no command "${name}"`,
    advice: near === null ? "See downhill --help." : `Did you mean "${near}"?`,
  });
}

async function main(argv: readonly string[]): Promise<void> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h") process.stdout.write(overview());
  else if (name === "--version" || name === "-v") process.stdout.write(`${version()}\n`);
  else if (name === "help") {
    if (rest[0] === "--markdown") process.stdout.write(docsPage(commands as readonly Command[]));
    else process.stdout.write(rest[0] === undefined ? overview() : helpText(find(rest[0]) as Command));
  } else {
    const command = find(name);
    if (rest.includes("--help") || rest.includes("-h")) {
      process.stdout.write(helpText(command as Command, Math.min(110, process.stdout.columns ?? 100)));
      return;
    }
    const { values, positionals } = parseArguments(command, rest);
    await command.run(values, positionals);
  }
}

/** One line for what the user can mend; everything for what is our own bug. */
function complain(error: unknown, trace: boolean): void {
  const own = error instanceof DownhillError && !(error instanceof InternalError);
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${own ? "error" : "unexpected error"}: ${message}\n`);
  if (trace && error instanceof Error) process.stderr.write(`${(error as Partial<DownhillError>).wholeStack ?? error.stack ?? ""}\n`);
  else if (!own) process.stderr.write("Add --trace to see where it came from.\n");
}

/** Runs one command line to its end; sets the exit code and never throws. */
export async function runProgram(argv: readonly string[]): Promise<void> {
  try {
    await main(argv);
  } catch (error) {
    complain(error, argv.includes("--trace") || (process.env.DOWNHILL_TRACE ?? "") !== "");
    process.exitCode = 1;
  }
}
