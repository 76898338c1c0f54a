// What every training command does around its model: a folder for the run, its log, progress, interruption, and the files at
// the end. The folder is made, and found writable, before anything is computed.

import { exists, makeFolder, writeFileAtomically } from "../io/node/file.ts";
import { type EventLog, openEventLog } from "../io/node/log.ts";
import { type History, lossCurve } from "../train/history.ts";
import type { EventSink } from "../util/events.ts";
import { paths } from "../util/system.ts";
import { type Output, showProgress } from "./progress.ts";

export interface SessionOptions {
  /** The folder; default `runs/<name>`, or `runs/<name>-2` and so on where that is taken. */
  readonly run: string | undefined;
  readonly name: string;
  readonly quiet: boolean;
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

/** Opens a session. `process.stdout` gets what is printed, `process.stderr` the progress. */
export function openSession(options: SessionOptions): Session {
  const folder = options.run ?? freshFolder(options.name);
  makeFolder(folder);
  const log: EventLog = openEventLog(folder);
  const { join } = paths("runs");
  const progress = showProgress(process.stderr as Output, options.held);
  const abort = new AbortController();
  const interrupt = () => {
    // The second time nobody waits for the step to end.
    if (abort.signal.aborted) process.exit(130);
    abort.abort();
  };
  process.on("SIGINT", interrupt);
  return {
    folder,
    signal: abort.signal,
    onEvent: (event) => {
      log.write(event);
      if (!options.quiet) progress.sink(event);
    },
    print: (...lines) => {
      if (options.quiet) return;
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
