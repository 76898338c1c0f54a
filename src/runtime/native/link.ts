// Source → function: compiled or found in the cache, then loaded into this process.

import { UnsupportedError } from "../../util/errors.ts";
import { compiled, discard } from "./cache.ts";
import type { Compiler } from "./compiler.ts";
import type { Koffi } from "./node.ts";

/** What programs are compiled with and where they are kept. */
export interface Toolchain {
  readonly koffi: Koffi;
  readonly compiler: Compiler;
  readonly folder: string;
}

/**
 * The function `int entry(uint64_t)` of a source.
 *
 * @throws UnsupportedError `COMPILER` where it does not compile, `NATIVE` where it cannot be loaded.
 */
export function link(toolchain: Toolchain, source: string, entry: string): (block: number) => number {
  const { koffi, compiler, folder } = toolchain;
  const { path, fresh } = compiled(source, compiler, folder);
  try {
    return koffi.load(path).func(entry, "int32", ["uint64"]);
  } catch (error) {
    if (!fresh) {
      // A file that was damaged on the disk.
      discard(path);
      return link(toolchain, source, entry);
    }
    throw new UnsupportedError(
      "NATIVE",
      `native device: a compiled program cannot be loaded; ${(error as Error).message}. ` +
        "Where programs may not run from the cache folder's disk (noexec), set DOWNHILL_CACHE to another folder.",
      { cause: error },
    );
  }
}
