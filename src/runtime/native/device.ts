// The native device: programs in C, compiled by the system's compiler, called through koffi on the calling thread,
// which shares long kernels with a pool of others.
// The renderer is handed in (runtime/ and render/ do not know each other): it says how the call block is laid out.

import type { Executable, ProgramDevice, Threads } from "../../graph/device.ts";
import type { DType, TypedArray } from "../../graph/dtype.ts";
import { type Program, padded } from "../../graph/kernel.ts";
import { mistake, UnsupportedError } from "../../util/errors.ts";
import { folderOf, privateFolder } from "./cache.ts";
import { findCompiler, targetOf } from "./compiler.ts";
import { type CallBlock, NativeExecutable } from "./executable.ts";
import { entryOf, link, type Toolchain } from "./link.ts";
import { Allocator, NativeResident } from "./memory.ts";
import { builtin, type Koffi, loadKoffi } from "./node.ts";
import { Team } from "./team.ts";

/** What the device asks of the C renderer: a program's source, and its entry, `int entry(uint64_t block)`. */
export type RenderC = (program: Program) => { readonly source: string; readonly entry: string; readonly block: CallBlock };

export interface NativeOptions {
  /** The C renderer, `renderC` of render/c. */
  readonly render: RenderC;
  /** The C compiler's command. Default: `$CC`, else the first of cc, gcc and clang that works. */
  readonly compiler?: string;
  /** Where compiled programs are kept. Default: `$DOWNHILL_CACHE/native`, else `~/.cache/downhill/native`. */
  readonly cacheFolder?: string;
  /** 32-bit lanes of a vector: 4, 8 or 16. Default: what the processor has. */
  readonly lanes?: 4 | 8 | 16;
}

/** Whether this machine can run native programs. */
export interface NativeSupport {
  readonly available: boolean;
  /** Why not, for people; null where it can. */
  readonly reason: string | null;
  /** The compiler's version, such as `gcc 12.2.0`. */
  readonly compiler: string | null;
}

/**
 * Tells whether `createNativeDevice` would work here: it compiles and loads a function of one line (once; then it is in the cache).
 *
 * @example
 * const { available, reason } = nativeSupport();
 */
export function nativeSupport(options: Omit<NativeOptions, "render"> = {}): NativeSupport {
  const parts = prepare(options);
  if (typeof parts === "string") return { available: false, reason: parts, compiler: null };
  return { available: true, reason: null, compiler: parts.compiler.version };
}

/**
 * Makes the device.
 *
 * @throws UnsupportedError `NATIVE` where there is no compiler or no koffi, with the reason.
 * @throws UserError `OPTION` for lanes other than 4, 8 or 16; `CACHE` for a cache folder that is not ours alone.
 */
export function createNativeDevice(options: NativeOptions): ProgramDevice {
  const { lanes } = options;
  if (lanes !== undefined && ![4, 8, 16].includes(lanes)) {
    throw mistake("OPTION", { where: "native device", problem: "lanes is the width of a vector", got: lanes, expected: "4, 8 or 16" });
  }
  if (options.cacheFolder !== undefined && builtin("node:fs") !== null) privateFolder(options.cacheFolder);
  const parts = prepare(options);
  if (typeof parts === "string") {
    throw new UnsupportedError("NATIVE", `native device: ${parts}. Use the wasm device, which needs neither.`);
  }
  return new NativeDevice(options.render, parts, lanes);
}

/** Finds what the device is made of and tries it; the reason where something is missing. */
function prepare(options: Omit<NativeOptions, "render">): Toolchain | string {
  if (builtin("node:module") === null) return "it needs Node 22.3 or later";
  if (process.platform === "win32") return "it is not supported on Windows";
  let koffi: Koffi;
  try {
    koffi = loadKoffi();
  } catch (error) {
    return `the package koffi cannot be loaded (${(error as Error).message.split("\n")[0]}); npm install koffi`;
  }
  const compiler = findCompiler(options.compiler);
  if (typeof compiler === "string") return `${compiler}; install gcc or clang, or set CC`;
  try {
    const toolchain = { koffi, compiler, folder: folderOf(options.cacheFolder) };
    const source = "int downhill_probe(unsigned long long a) { return (int)a + 1; }\n";
    const probe = link(toolchain, source, (library) => entryOf(library, "downhill_probe"));
    return probe(41) === 42 ? toolchain : `${compiler.version} compiled a function that gives a wrong answer`;
  } catch (error) {
    return (error as Error).message.replace(/^native device: /, "").replace(/\.$/, "");
  }
}

class NativeDevice implements ProgramDevice {
  readonly kind = "program";
  readonly name = "native";
  readonly target: ProgramDevice["target"];
  private readonly render: RenderC;
  private readonly toolchain: Toolchain;
  private readonly allocator: Allocator;
  private readonly team: Team;
  /** One scratch arena for all programs: it grows to the largest one's. */
  private arena: ReturnType<Allocator["fresh"]>;

  constructor(render: RenderC, toolchain: Toolchain, lanes: number | undefined) {
    this.render = render;
    this.toolchain = toolchain;
    this.target = targetOf(toolchain.compiler, lanes);
    this.allocator = new Allocator(toolchain.koffi);
    this.team = new Team(toolchain);
    this.arena = this.allocator.fresh(0);
  }

  get threads(): Threads {
    return this.team.threads;
  }

  setThreads(count: number): void {
    this.team.ask(count);
  }

  load(program: Program): Executable {
    const { source, entry, block } = this.render(program);
    const run = link(this.toolchain, source, (library) => entryOf(library, entry));
    if (program.arenaBytes > this.arena.bytes) this.arena = this.allocator.fresh(padded(program.arenaBytes));
    return new NativeExecutable(program, block, run, this.allocator, this.team, () => this.arena.address);
  }

  upload(dtype: DType, data: TypedArray): NativeResident {
    const resident = new NativeResident(this.allocator, dtype, data.length);
    resident.view().set(data);
    return resident;
  }

  /** What was given out and not released; `capacity` adds the arena and released memory that waits for its next use. */
  memory(): { bytes: number; buffers: number; capacity: number } {
    const { live, pooled } = this.allocator;
    return { bytes: live.bytes, buffers: live.buffers, capacity: live.bytes + this.arena.bytes + pooled };
  }
}
