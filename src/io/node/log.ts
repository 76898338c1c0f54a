// The run's log: one JSON line an event, appended at once, so that a reader can follow and a crash loses nothing.

import type { EventSink } from "../../util/events.ts";
import { fileMistake, fileSystem, paths } from "../../util/system.ts";
import { makeFolder } from "./file.ts";

export interface EventLog {
  readonly path: string;
  readonly write: EventSink;
  close(): void;
}

/**
 * Opens `<folder>/events.jsonl` for appending. Each line is an event with `time`, ISO 8601. A last line that a crash cut off
 * is removed.
 *
 * @throws UserError `FILE` when the folder cannot be written to; so does `write` when the disk is full
 * @example
 * const log = openEventLog("runs/mine");
 * await fit(model, { inputs: X, targets: Y }, { loss: mse, optimizer: adam({ learningRate: 0.1 }), epochs: 1, onEvent: log.write });
 * log.close();
 */
export function openEventLog(folder: string): EventLog {
  makeFolder(folder);
  const fs = fileSystem("the run's log");
  const path = paths("the run's log").join(folder, "events.jsonl");
  let file: number | null;
  try {
    if (fs.existsSync(path)) {
      const before = fs.readFileSync(path);
      const whole = before.lastIndexOf("\n") + 1;
      if (whole < before.length) fs.truncateSync(path, whole);
    }
    file = fs.openSync(path, "a");
  } catch (cause) {
    throw fileMistake("write", path, cause);
  }
  return {
    path,
    write(event) {
      if (file === null) return;
      try {
        fs.writeFileSync(file, `${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
      } catch (cause) {
        throw fileMistake("write", path, cause);
      }
    },
    close() {
      if (file !== null) fs.closeSync(file);
      file = null;
    },
  };
}
