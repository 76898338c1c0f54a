// Runs the command line as a user does: a process of its own, in a folder of its own.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { runProgram } from "../../src/cli/program.ts";

export const entry: string = resolve("src/cli/main.ts");

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A new empty folder to work in. */
export function workplace(): string {
  return mkdtempSync(join(tmpdir(), "downhill-cli-"));
}

/** Runs `downhill` to its end. */
export function downhill(
  cwd: string,
  args: readonly string[],
  options: { env?: Record<string, string>; main?: string; uid?: number; gid?: number } = {},
): Outcome {
  const env = { ...process.env, NO_COLOR: "1", DOWNHILL_TRACE: "", ...options.env };
  const { main = entry, uid, gid } = options;
  const user = uid === undefined || gid === undefined ? {} : { uid, gid };
  const result = spawnSync(process.execPath, [main, ...args], { cwd, env, ...user, encoding: "utf8", timeout: 60_000, maxBuffer: 1 << 26 });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

/** Runs `downhill` in this process, which saves the time to start one: the same program, in the folder, with its output caught. */
export async function downhillHere(cwd: string, args: readonly string[]): Promise<Outcome> {
  const before = { cwd: process.cwd(), out: process.stdout.write, err: process.stderr.write, code: process.exitCode };
  let [out, err] = ["", ""];
  process.chdir(cwd);
  process.exitCode = 0;
  process.stdout.write = (chunk) => {
    out += chunk;
    return true;
  };
  process.stderr.write = (chunk) => {
    err += chunk;
    return true;
  };
  try {
    await runProgram(args);
    return { code: Number(process.exitCode), out, err };
  } finally {
    process.stdout.write = before.out;
    process.stderr.write = before.err;
    process.exitCode = before.code;
    process.chdir(before.cwd);
  }
}

/** Starts `downhill`, and gives the process and a promise of its outcome. */
export function start(cwd: string, args: readonly string[]): { readonly child: ChildProcess; readonly outcome: Promise<Outcome> } {
  const child = spawn(process.execPath, [entry, ...args], { cwd, env: { ...process.env, NO_COLOR: "1" } });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const outcome = new Promise<Outcome>((done) => child.on("close", (code) => done({ code, out, err })));
  return { child, outcome };
}

/** The share after a label in a report, such as `test accuracy  97.37 %`. */
export function share(report: string, label: string): number {
  const match = new RegExp(`^${label}\\s+([\\d.]+) %`, "m").exec(report);
  if (match === null) throw new Error(`no "${label}" in:\n${report}`);
  return Number(match[1]) / 100;
}
