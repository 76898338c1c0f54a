// Shared objects, kept in a folder that only we can write to, each named by the hash of all that it is made from.
// A file appears under its name by a rename, complete and flushed. Nothing is loaded from anywhere else.

import { mistake, UnsupportedError } from "../../util/errors.ts";
import { type Compiler, compileOptions, execute, firstLines, processorName } from "./compiler.ts";
import { required } from "./node.ts";

/** Files kept; beyond it the longest unused go. */
const keep = 1024;

/**
 * The folder for shared objects: the one named, `$DOWNHILL_CACHE/native`, or one below the user's cache. Where there is no
 * home that can be written to, one of this process's own, which goes when it ends.
 */
export function folderOf(named?: string): string {
  const base = process.env.DOWNHILL_CACHE;
  if (named !== undefined) return privateFolder(named);
  if (base) return privateFolder(`${base}/native`);
  const { homedir } = required<typeof import("node:os")>("node:os");
  const path = `${process.env.XDG_CACHE_HOME || `${homedir()}/.cache`}/downhill/native`;
  const fs = required<typeof import("node:fs")>("node:fs");
  try {
    fs.mkdirSync(path, { recursive: true, mode: 0o700 });
    fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
  } catch {
    return temporaryFolder();
  }
  return privateFolder(path);
}

let temporary: string | null = null;

function temporaryFolder(): string {
  if (temporary !== null) return temporary;
  const fs = required<typeof import("node:fs")>("node:fs");
  const { tmpdir } = required<typeof import("node:os")>("node:os");
  const folder = fs.mkdtempSync(`${tmpdir()}/downhill-native-`);
  process.once("exit", () => fs.rmSync(folder, { recursive: true, force: true }));
  temporary = folder;
  return folder;
}

/**
 * Makes the folder if it is not there, and makes sure that nobody else can put code in it.
 *
 * @throws UserError `CACHE` for a folder of somebody else, one that others may write to or read, a link, or a file.
 */
export function privateFolder(path: string): string {
  const fs = required<typeof import("node:fs")>("node:fs");
  const where = "native device";
  const advice = "Choose another folder with the option cacheFolder or the environment variable DOWNHILL_CACHE.";
  try {
    fs.mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw mistake("CACHE", { where, problem: `cannot make the cache folder ${path}`, got: (error as Error).message, advice });
  }
  const stat = fs.lstatSync(path);
  if (!stat.isDirectory()) throw mistake("CACHE", { where, problem: `the cache folder ${path} is a link or a file`, advice });
  const user = process.getuid?.();
  if (user !== undefined && stat.uid !== user) {
    throw mistake("CACHE", {
      where,
      problem: `the cache folder ${path} belongs to somebody else`,
      got: `user ${stat.uid}`,
      expected: `user ${user}`,
      advice,
    });
  }
  if ((stat.mode & 0o077) !== 0) {
    throw mistake("CACHE", {
      where,
      problem: `the cache folder ${path} is open to other users, who could put code in it`,
      got: `mode 0${(stat.mode & 0o777).toString(8)}`,
      expected: "mode 0700",
      advice: `Run chmod 700 on it, or delete it. ${advice}`,
    });
  }
  return fs.realpathSync(path);
}

/**
 * Compiles a source unless that was done before, and returns the shared object's path.
 *
 * @throws UnsupportedError `COMPILER` where the compiler refuses or cannot run.
 */
export function compiled(source: string, compiler: Compiler, folder: string): { path: string; fresh: boolean } {
  const fs = required<typeof import("node:fs")>("node:fs");
  const { createHash } = required<typeof import("node:crypto")>("node:crypto");
  const options = compileOptions(compiler);
  const made = [source, options.join(" "), compiler.command.join(" "), compiler.macros, processorName()];
  const hash = createHash("sha256");
  for (const part of made) hash.update(`${part.length}:`).update(part);
  const path = `${folder}/${hash.digest("hex").slice(0, 40)}.so`;
  if (isOurs(path)) return { path, fresh: false };

  prune(folder);
  const stem = `${path.slice(0, -3)}.${process.pid}.${++serial}`;
  const [text, object] = [`${stem}.c`, `${stem}.tmp`];
  try {
    fs.writeFileSync(text, source, { mode: 0o600 });
    const result = execute(compiler.command, [...options, text, "-o", object, "-lm"], folder);
    if (!result.ok) {
      throw new UnsupportedError(
        "COMPILER",
        `native device: ${compiler.command.join(" ")} (${compiler.version}) did not compile a program; ${firstLines(result.complaint)}. ` +
          "Set CC to gcc 9 or later or to clang 11 or later, or use the wasm device.",
      );
    }
    fs.chmodSync(object, 0o600);
    const file = fs.openSync(object, "r+");
    fs.fsyncSync(file);
    fs.closeSync(file);
    fs.renameSync(object, path);
  } finally {
    fs.rmSync(text, { force: true });
    fs.rmSync(object, { force: true });
  }
  return { path, fresh: true };
}

/** Forgets a shared object. */
export function discard(path: string): void {
  required<typeof import("node:fs")>("node:fs").rmSync(path, { force: true });
}

let serial = 0;

/** Whether there is a plain file of ours that nobody else can write to. */
function isOurs(path: string): boolean {
  const fs = required<typeof import("node:fs")>("node:fs");
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile() || (stat.mode & 0o022) !== 0) return false;
  const user = process.getuid?.();
  if (user !== undefined && stat.uid !== user) return false;
  try {
    fs.utimesSync(path, new Date(), new Date());
  } catch {
    // On a read-only disk its age is not kept.
  }
  return true;
}

function prune(folder: string): void {
  const fs = required<typeof import("node:fs")>("node:fs");
  const objects = fs.readdirSync(folder).filter((name) => name.endsWith(".so"));
  if (objects.length < keep) return;
  const aged = objects.map((name) => ({ name, time: fs.lstatSync(`${folder}/${name}`, { throwIfNoEntry: false })?.mtimeMs ?? 0 }));
  aged.sort((a, b) => a.time - b.time);
  for (const { name } of aged.slice(0, Math.ceil(keep / 4))) fs.rmSync(`${folder}/${name}`, { force: true });
}
