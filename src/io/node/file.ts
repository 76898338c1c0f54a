// Files that are whole or not there: written to a temporary name, flushed, renamed, and the directory flushed.

import { fileMistake, fileSystem, paths } from "../../util/system.ts";

/** Makes a folder and the folders above it. */
export function makeFolder(path: string): void {
  const fs = fileSystem("writing files");
  const { dirname, resolve } = paths("writing files");
  // One by one: Node's own recursion never ends where the parent is there and refuses, as in /proc.
  const missing: string[] = [];
  let at = resolve(path);
  for (; !fs.existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.push(at);
  try {
    if (missing.length === 0 && !fs.statSync(at).isDirectory()) throw Object.assign(new Error("not a folder"), { code: "EEXIST" });
    for (const folder of missing.reverse()) fs.mkdirSync(folder);
  } catch (cause) {
    throw fileMistake("write", path, cause);
  }
}

/** Whether a file or folder is there. */
export function exists(path: string): boolean {
  return fileSystem("looking for files").existsSync(path);
}

/** Where a process writes a file before it is renamed. */
function temporaryName(path: string, process: number): string {
  const { dirname, join, basename } = paths("writing files");
  return join(dirname(path), `.${basename(path)}.${process}.tmp`);
}

/** Removes what processes left behind that were killed while they wrote a file. */
export function removeLeftovers(path: string): void {
  const fs = fileSystem("writing files");
  const { dirname, basename } = paths("writing files");
  for (const name of fs.readdirSync(dirname(path))) {
    const writer = Number(/\.(\d+)\.tmp$/.exec(name)?.[1]);
    if (name !== basename(temporaryName(path, writer)) || isRunning(writer)) continue;
    fs.rmSync(temporaryName(path, writer), { force: true });
  }
}

function isRunning(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch (cause) {
    return (cause as { code?: string }).code !== "ESRCH";
  }
}

/**
 * Writes a file so that a reader, also after a crash, finds the old content or the new one whole.
 *
 * @throws UserError `FILE`; the old content is then still there and no other file is left behind
 * @example
 * writeFileAtomically("loss.svg", "<svg/>");
 */
export function writeFileAtomically(path: string, content: Uint8Array | string): void {
  const fs = fileSystem("writing files");
  const folder = paths("writing files").dirname(path);
  const temporary = temporaryName(path, process.pid);
  let created = false;
  try {
    const file = fs.openSync(temporary, "w");
    created = true;
    try {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      for (let at = 0; at < bytes.length; ) at += fs.writeSync(file, bytes, at, bytes.length - at);
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
    fs.renameSync(temporary, path);
    created = false;
  } catch (cause) {
    if (created) fs.rmSync(temporary, { force: true });
    throw fileMistake("write", path, cause);
  }
  try {
    const handle = fs.openSync(folder, "r");
    try {
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
  } catch {
    // Windows cannot open a folder; there the rename alone has to do.
  }
}
