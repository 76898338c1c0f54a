// Node's built-in modules, reached without an import statement so that whatever imports this bundles for a browser; and what
// a failed system call says to the user.

import type * as Fs from "node:fs";
import type * as Path from "node:path";
import { DownhillError, mistake, UnsupportedError } from "./errors.ts";

/** A built-in module by name; `what` is what needs it. */
export function builtin<T>(name: string, what: string): T {
  const module = globalThis.process?.getBuiltinModule?.(name as "fs");
  if (module === undefined) throw new UnsupportedError("PLATFORM", `${what} needs Node (20.16 or newer): there are no files here.`);
  return module as T;
}

/** `node:fs`, or an error that says what needs it. */
export function fileSystem(what: string): typeof Fs {
  return builtin<typeof Fs>("node:fs", what);
}

/** `node:path`. */
export function paths(what: string): typeof Path {
  return builtin<typeof Path>("node:path", what);
}

/** Turns a failed system call into the user's error: which file, what happened, what to do. */
export function fileMistake(action: "read" | "write", path: string, cause: unknown): DownhillError {
  if (cause instanceof DownhillError) return cause;
  const code = (cause as { code?: string }).code ?? "";
  const reasons: Record<string, [string, string?]> = {
    ENOENT: ["there is no such file or folder"],
    EACCES: ["permission denied", "Choose a place that you may write to, or change its permissions."],
    EPERM: ["permission denied", "Choose a place that you may write to, or change its permissions."],
    EROFS: ["the file system is read-only", "Choose another place."],
    EISDIR: ["it is a folder, not a file"],
    ENOTDIR: ["a part of the path is a file, not a folder"],
    EEXIST: ["a file of that name is in the way"],
    ENOSPC: ["the disk is full", "Free some space; nothing was half-written."],
  };
  const [problem, advice] = reasons[code] ?? [(cause as Error).message ?? String(cause)];
  const error = mistake("FILE", advice === undefined || action === "read" ? { where: path, problem } : { where: path, problem, advice });
  error.cause = cause;
  return error;
}

/**
 * Reads a whole file.
 *
 * @throws UserError `FILE` that says why not
 */
export function readFile(path: string): Uint8Array {
  try {
    return new Uint8Array(fileSystem("reading files").readFileSync(path));
  } catch (cause) {
    throw fileMistake("read", path, cause);
  }
}
