// The tiles that were timed, on the disk: one JSON file for each target and processor, in the user's own cache folder, written by a
// rename. What is no such file is not read: a lost winner is timed again, and a wrong one would cost time, never a result.

import type { Target } from "../graph/kernel.ts";
import type { Tile } from "../graph/task.ts";

/** Changes when tiles mean something else, or tuning finds better ones. */
const version = 1;

/** Winners by key. */
export function readWinners(target: Target): Map<string, Tile> {
  const path = pathFor(target);
  if (path === null) return new Map();
  const fs = process.getBuiltinModule("node:fs");
  if (!fs.existsSync(path)) return new Map();
  try {
    const entries = JSON.parse(fs.readFileSync(path, "utf8")) as unknown;
    if (!Array.isArray(entries)) return new Map();
    return new Map(entries.filter((entry) => isWinner(entry, target)) as [string, Tile][]);
  } catch {
    return new Map();
  }
}

/** Keeps the winners for other processes, those that they have found meanwhile too. Where there is no disk to write to, nothing happens. */
export function writeWinners(target: Target, tiles: ReadonlyMap<string, Tile>): void {
  const path = pathFor(target);
  if (path === null) return;
  const fs = process.getBuiltinModule("node:fs");
  const text = JSON.stringify([...new Map([...readWinners(target), ...tiles])]);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    fs.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
    fs.writeFileSync(temporary, text, { mode: 0o600 });
    fs.renameSync(temporary, path);
  } catch {
    if (fs.existsSync(temporary)) fs.rmSync(temporary);
  }
}

/** Whether an entry of a file is a winner that the target can use. */
function isWinner(entry: unknown, target: Target): boolean {
  if (!Array.isArray(entry) || typeof entry[0] !== "string") return false;
  const { rows, columns, lanes } = (entry[1] ?? {}) as Partial<Tile>;
  const counts = [rows, columns, lanes].every((n) => Number.isInteger(n) && (n as number) > 0);
  return (
    counts &&
    (rows as number) <= 64 &&
    (columns as number) <= 256 &&
    target.lanes % (lanes as number) === 0 &&
    (columns as number) % (lanes as number) === 0
  );
}

/** The file for a target on this machine; null where there are none. */
function pathFor(target: Target): string | null {
  if (typeof globalThis.process?.getBuiltinModule !== "function") return null;
  const os = process.getBuiltinModule("node:os");
  const { DOWNHILL_CACHE, XDG_CACHE_HOME } = process.env;
  const folder = DOWNHILL_CACHE || `${XDG_CACHE_HOME || `${os.homedir()}/.cache`}/downhill`;
  const machine = `${target.name} ${target.lanes} ${os.arch()} ${os.cpus()[0]?.model ?? ""}`.trim().replace(/[^\w.]+/g, "-");
  return `${folder}/tiles-${version}-${machine}.json`;
}
