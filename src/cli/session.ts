// What every training command does around its model: a folder for the run, its log, progress, interruption, and the files at
// the end. The folder is made, and found writable, before anything is computed. What was asked for is kept in it, so that a run
// is not resumed with other options by mistake.

import { exists, makeFolder, removeLeftovers, writeFileAtomically } from "../io/node/file.ts";
import { type EventLog, openEventLog } from "../io/node/log.ts";
import { type History, lossCurve } from "../train/history.ts";
import { mistake } from "../util/errors.ts";
import type { EventSink } from "../util/events.ts";
import { paths, readFile } from "../util/system.ts";
import { type Output, showProgress } from "./progress.ts";
import type { TrainValues } from "./train.ts";

export interface SessionOptions {
  /** Of the default folder: `runs/<name>`, or `runs/<name>-2` and so on where that is taken. */
  readonly name: string;
  /** The data's path, or mnist. */
  readonly data: string;
  readonly values: TrainValues;
  /** What the rows are called that are measured along the way. */
  readonly held: string;
}

export interface Session {
  readonly folder: string;
  readonly onEvent: EventSink;
  readonly signal: AbortSignal;
  /** Prints lines above the progress bar, unless quiet. */
  print(...lines: readonly string[]): void;
  /** A file's path inside the folder. */
  path(name: string): string;
  /** Writes the loss curve; returns its path. */
  drawCurve(history: History, title: string, subtitle: string): string;
  close(): void;
}

function freshFolder(name: string): string {
  const { join } = paths("runs");
  for (let i = 1; ; i++) {
    const folder = join("runs", i === 1 ? name : `${name}-${i}`);
    if (!exists(folder)) return folder;
  }
}

/** Options that change no number. */
const indifferent: ReadonlySet<string> = new Set(["run", "resume", "quiet", "trace", "device"]);

/** What the numbers of a run depend on, as plain data. */
function askedFor({ data, values }: SessionOptions): Record<string, unknown> {
  const given = Object.entries(values).filter(([name, value]) => !indifferent.has(name) && value !== undefined);
  return JSON.parse(JSON.stringify({ data: paths("runs").resolve(data), ...Object.fromEntries(given) }));
}

/** Finds that the folder holds a run with the same options, or none that could be written over. */
function checkFolder(folder: string, options: SessionOptions): void {
  const { join } = paths("runs");
  if (options.values.resume === undefined) {
    if (["model.safetensors", "checkpoint.safetensors"].some((name) => exists(join(folder, name))))
      throw mistake("FILE", {
        where: folder,
        problem: "there is a run in this folder already",
        advice: `Choose another folder, or go on with that run by --resume ${folder}.`,
      });
    return;
  }
  const kept = join(folder, "options.json");
  if (!exists(kept))
    throw mistake("FILE", {
      where: folder,
      problem: "there is no run in this folder to resume",
      advice: "Name the folder of an interrupted run.",
    });
  let before: Record<string, unknown>;
  try {
    before = Object(JSON.parse(new TextDecoder().decode(readFile(kept))));
  } catch (cause) {
    const error = mistake("FILE", { where: kept, problem: "the file is damaged", advice: "Begin anew in another folder." });
    error.cause = cause;
    throw error;
  }
  const now = askedFor(options);
  const say = (value: unknown) => (value === undefined ? "none" : JSON.stringify(value));
  for (const name of new Set([...Object.keys(before), ...Object.keys(now)])) {
    if (say(before[name]) === say(now[name])) continue;
    throw mistake("OPTION", {
      where: name === "data" ? "--resume" : `--${name}`,
      problem: name === "data" ? "the run was begun with other data" : "the run was begun with another value of this option",
      got: say(now[name]),
      expected: say(before[name]),
      advice: "Give the same options, or begin anew in another folder.",
    });
  }
}

/** Opens a session. `process.stdout` gets what is printed, `process.stderr` the progress. */
export function openSession(options: SessionOptions): Session {
  const { run, resume, quiet } = options.values;
  const folder = resume ?? run ?? freshFolder(options.name);
  const { join } = paths("runs");
  checkFolder(folder, options);
  makeFolder(folder);
  const log: EventLog = openEventLog(folder);
  if (resume === undefined) writeFileAtomically(join(folder, "options.json"), `${JSON.stringify(askedFor(options), null, 2)}\n`);
  else for (const name of ["checkpoint.safetensors", "model.safetensors", "loss.svg"]) removeLeftovers(join(folder, name));
  const progress = showProgress(process.stderr as Output, options.held);
  const abort = new AbortController();
  const interrupt = () => {
    // The second time nobody waits for the step to end.
    if (abort.signal.aborted) process.exit(130);
    abort.abort();
  };
  process.on("SIGINT", interrupt);
  if (resume !== undefined && !quiet && !exists(join(folder, "checkpoint.safetensors")))
    process.stdout.write("no checkpoint was saved yet: the run begins anew\n");
  return {
    folder,
    signal: abort.signal,
    onEvent: (event) => {
      log.write(event);
      if (!quiet) progress.sink(event);
    },
    print: (...lines) => {
      if (quiet) return;
      progress.clear();
      for (const line of lines) process.stdout.write(`${line}\n`);
    },
    path: (name) => join(folder, name),
    drawCurve(history, title, subtitle) {
      const path = join(folder, "loss.svg");
      writeFileAtomically(path, lossCurve(history, { title, subtitle, held: options.held }));
      return path;
    },
    close() {
      process.off("SIGINT", interrupt);
      log.close();
    },
  };
}
