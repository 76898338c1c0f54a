// The system's C compiler: which one there is, what it says of this machine, and how to call it.
// One call (`-dM -E`) tells its version and the instruction sets it will use, so that what we plan for is what it emits.

import type { Target } from "../../graph/kernel.ts";
import { builtin, required } from "./node.ts";

export interface Compiler {
  /** The command and the arguments it came with, such as `["ccache", "gcc"]`. */
  readonly command: readonly string[];
  /** For people, such as `gcc 12.2.0`. */
  readonly version: string;
  /** The option that asks for this machine's instructions. */
  readonly machine: string;
  /** Everything it predefines, for hashing. */
  readonly macros: string;
  readonly lanes: 4 | 8 | 16;
  readonly registers: 16 | 32;
}

/** Optimised, but only such that bits stay: no contraction, no reassociation; signed arithmetic wraps. */
const options: readonly string[] = [
  "-std=gnu11",
  "-O3",
  "-ffp-contract=off",
  "-fwrapv",
  "-fno-strict-aliasing",
  "-fno-math-errno",
  "-fno-trapping-math",
  "-fPIC",
  "-pthread",
  "-shared",
  "-w",
];

/** The arguments that a source is compiled with, without the files. */
export function compileOptions(compiler: Compiler): string[] {
  const extra = [compiler.machine];
  if (/^#define __x86_64__ /m.test(compiler.macros) && compiler.lanes === 16) extra.push("-mprefer-vector-width=512");
  if (/^#define __clang__ /m.test(compiler.macros)) extra.push("-fbracket-depth=65536");
  return [...options, ...extra];
}

/** Runs a command; never through a shell. */
export function execute(
  command: readonly string[],
  parameters: readonly string[],
  temporary?: string,
): { ok: boolean; output: string; complaint: string } {
  const { spawnSync } = required<typeof import("node:child_process")>("node:child_process");
  const [program = "", ...leading] = command;
  const env = { ...process.env, LC_ALL: "C", ...(temporary === undefined ? {} : { TMPDIR: temporary }) };
  const result = spawnSync(program, [...leading, ...parameters], {
    encoding: "utf8",
    env,
    input: "",
    maxBuffer: 64 << 20,
    timeout: 600_000,
  });
  if (result.error !== undefined) return { ok: false, output: "", complaint: result.error.message };
  const ended = result.signal === null ? `exit code ${result.status}` : `signal ${result.signal}`;
  return { ok: result.status === 0, output: result.stdout, complaint: result.stderr.trim() || ended };
}

const known = new Map<string, Compiler | string>();

/**
 * Looks for a compiler: the one named, or `$CC`, or the first of cc, gcc and clang that works. Cached.
 *
 * @returns The compiler, or the reason why there is none.
 */
export function findCompiler(named?: string): Compiler | string {
  const wish = (named ?? process.env.CC ?? "").trim();
  const found = known.get(wish) ?? search(wish);
  known.set(wish, found);
  return found;
}

function search(wish: string): Compiler | string {
  const candidates = wish === "" ? [["cc"], ["gcc"], ["clang"]] : [wish.split(/\s+/)];
  const reasons: string[] = [];
  for (const command of candidates) {
    const found = probe(command);
    if (typeof found !== "string") return found;
    reasons.push(`${command.join(" ")}: ${found}`);
  }
  return `no working C compiler (${reasons.join("; ")})`;
}

function probe(command: readonly string[]): Compiler | string {
  let complaint = "";
  for (const machine of ["-march=native", "-mcpu=native"]) {
    const result = execute(command, [machine, "-dM", "-E", "-x", "c", "/dev/null"]);
    const macros = result.output;
    if (result.ok && /^#define __GNUC__ /m.test(macros)) return { command, machine, macros, ...described(macros) };
    complaint ||= result.ok ? "it is neither gcc nor clang" : firstLines(result.complaint);
  }
  return complaint;
}

function described(macros: string): Pick<Compiler, "version" | "lanes" | "registers"> {
  const has = (name: string) => new RegExp(`^#define ${name} `, "m").test(macros);
  const text = /^#define __VERSION__ "(.*)"/m.exec(macros)?.[1] ?? "of unknown version";
  const version = has("__clang__") ? text.replace(/^.*?Clang/, "clang") : `gcc ${text}`;
  if (has("__AVX512F__")) return { version, lanes: 16, registers: 32 };
  return { version, lanes: has("__AVX2__") ? 8 : 4, registers: has("__aarch64__") ? 32 : 16 };
}

/** What matters of a compiler's complaint. */
export function firstLines(text: string): string {
  return text.split("\n").slice(0, 5).join("\n");
}

/** The limits of this machine, as the compiler sees it; `lanes` may be set by hand, for tests. */
export function targetOf(compiler: Compiler, lanes: number = compiler.lanes): Target {
  return { name: "native", lanes, registers: compiler.registers, cache: [cacheBytes(1) ?? 32 << 10, cacheBytes(2) ?? 1 << 20] };
}

/** Bytes of a level of cache that holds data, from what Linux tells. */
function cacheBytes(level: number): number | null {
  const fs = builtin<typeof import("node:fs")>("node:fs");
  const folder = "/sys/devices/system/cpu/cpu0/cache";
  try {
    for (const name of fs?.readdirSync(folder) ?? []) {
      const read = (file: string) => fs?.readFileSync(`${folder}/${name}/${file}`, "utf8").trim();
      if (!name.startsWith("index") || read("level") !== String(level) || read("type") === "Instruction") continue;
      const size = /^(\d+)([KM])$/.exec(read("size") ?? "");
      if (size !== null) return Number(size[1]) << (size[2] === "M" ? 20 : 10);
    }
  } catch {
    // Not Linux, or /sys is hidden: the caller has a common value.
  }
  return null;
}

let processor: string | null = null;

/** Which processor this is: the same compiler emits other code on another one. */
export function processorName(): string {
  const os = builtin<typeof import("node:os")>("node:os");
  processor ??= `${os?.arch()} ${os?.cpus()[0]?.model ?? ""}`;
  return processor;
}
