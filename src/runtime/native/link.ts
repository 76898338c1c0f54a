// Source → functions: compiled or found in the cache, then loaded into this process.

import { UnsupportedError } from "../../util/errors.ts";
import { compiled, discard } from "./cache.ts";
import type { Compiler } from "./compiler.ts";
import type { Koffi, Library } from "./node.ts";

/** What programs are compiled with and where they are kept. */
export interface Toolchain {
  readonly koffi: Koffi;
  readonly compiler: Compiler;
  readonly folder: string;
}

/** The function `int entry(uint64_t)` of a library. */
export function entryOf(library: Library, entry: string): (block: number) => number {
  return library.func(entry, "int32", ["uint64"]);
}

/**
 * What `find` takes from the library that a source becomes.
 *
 * @throws UnsupportedError `COMPILER` where it does not compile, `NATIVE` where it cannot be loaded.
 */
export function link<T>(toolchain: Toolchain, source: string, find: (library: Library) => T): T {
  const { koffi, compiler, folder } = toolchain;
  const { path, fresh } = compiled(source, compiler, folder);
  try {
    return find(koffi.load(path));
  } catch (error) {
    if (!fresh) {
      // A file that was damaged on the disk.
      discard(path);
      return link(toolchain, source, find);
    }
    throw new UnsupportedError(
      "NATIVE",
      `native device: a compiled program cannot be loaded; ${(error as Error).message}. ` +
        "Where programs may not run from the cache folder's disk (noexec), set DOWNHILL_CACHE to another folder.",
      { cause: error },
    );
  }
}
