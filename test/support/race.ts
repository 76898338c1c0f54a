// Whole programs in a stand-alone C program with the same pool of threads, for ThreadSanitizer, which cannot look into Node.
// Programs are recorded with what they were first called on; the C program calls each a few times with each number of threads, all
// kernels cut into as many parts as there may be, and compares what lies in memory afterwards.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CallRow, ProgramDevice } from "../../src/graph/device.ts";
import { bytesOf, type TypedArray } from "../../src/graph/dtype.ts";
import { type Program, padded } from "../../src/graph/kernel.ts";
import { renderC } from "../../src/render/c/program.ts";
import { findCompiler } from "../../src/runtime/native/compiler.ts";
import { poolSource } from "../../src/runtime/native/pool.ts";
import { shareEverything } from "./sharing.ts";

/** A row of a program's table: what it holds before the call, or the row that it shares memory with. */
interface RecordedRow {
  readonly bytes: number;
  readonly data: Uint8Array | null;
  readonly same: number;
}

export interface Recorded {
  readonly program: Program;
  readonly rows: readonly RecordedRow[];
}

/** From now on the device shares every kernel, and leaves a record of each program's first call. */
export function record(device: ProgramDevice): Recorded[] {
  const recorded: Recorded[] = [];
  let program: Program | null = null;
  shareEverything(device, (shared) => {
    program = shared;
  });
  const load = device.load.bind(device);
  device.load = (given) => {
    const executable = load(given);
    const loaded = program as Program;
    let called = false;
    return {
      run: (inputs, outputs, repeat) => {
        if (!called) recorded.push({ program: loaded, rows: rowsOf(inputs, outputs) });
        called = true;
        return executable.run(inputs, outputs, repeat);
      },
    };
  };
  return recorded;
}

function rowsOf(inputs: readonly CallRow[], outputs: readonly CallRow[]): RecordedRow[] {
  const storages = [...inputs, ...outputs].map(({ storage }) => storage);
  return storages.map((storage, i) => {
    const array = i < inputs.length ? ((storage.resident?.read() ?? storage.host) as TypedArray) : null;
    const data = array && new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    return { bytes: storage.length * bytesOf(storage.dtype), data, same: storages.indexOf(storage) };
  });
}

const mainSource = `\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
extern int32_t downhill_ask(int32_t before, int32_t now);
extern double downhill_share(void);
typedef struct { int rows; const uint64_t *bytes; const int *same, *filled; uint64_t arena; int32_t (*run)(uint64_t); const int *block; } Program;
PROGRAMS
static uint64_t hash(const uint8_t *p, uint64_t n, uint64_t h) {
  for (uint64_t i = 0; i < n; i++) h = (h ^ p[i]) * 1099511628211ull;
  return h;
}

int main(int count, char **arguments) {
  int asked = 0, wrong = 0;
  FILE *data = fopen(arguments[1], "rb");
  for (int k = 0; k < sizeof programs / sizeof *programs; k++) {
    const Program p = programs[k];
    const long from = ftell(data);
    uint64_t expected = 0;
    for (int a = 2; a < count; a++) {
      const int threads = atoi(arguments[a]);
      if (downhill_ask(asked, threads) != threads) return 3;
      asked = threads;
      fseek(data, from, SEEK_SET);
      uint8_t *rows[p.rows];
      double block[p.block[5] + p.rows];
      memset(block, 0, sizeof block);
      uint8_t *arena = calloc(1, p.arena + 128);
      block[p.block[0]] = 1;
      block[p.block[1]] = (double)(uintptr_t)(arena + (-(uintptr_t)arena & 63));
      block[p.block[3]] = threads > 1 ? downhill_share() : 0;
      block[p.block[4]] = threads;
      for (int i = 0; i < p.rows; i++) {
        rows[i] = p.same[i] == i ? aligned_alloc(64, p.bytes[i] + 128 & ~63ull) : rows[p.same[i]];
        if (p.same[i] == i) memset(rows[i], 0, p.bytes[i] + 64);
        if (p.filled[i] && fread(rows[i], 1, p.bytes[i], data) != p.bytes[i]) return 4;
        block[p.block[2] + i] = (double)(uintptr_t)rows[i];
      }
      uint64_t h = 14695981039346656037ull;
      for (int turn = 0; turn < TURNS; turn++) h = (h ^ (uint64_t)p.run((uint64_t)(uintptr_t)block)) * 1099511628211ull;
      for (int i = 0; i < p.rows; i++) h = hash(rows[i], p.bytes[i], h);
      if (a == 2) expected = h;
      else if (h != expected) wrong++, printf("program %d differs with %d threads\\n", k, threads);
      for (int i = 0; i < p.rows; i++) if (p.same[i] == i) free(rows[i]);
      free(arena);
    }
  }
  downhill_ask(asked, 1);
  return wrong ? 5 : 0;
}
`;

/** What `sanitize` found: TSan's exit code is 66, 3 to 5 are the C program's own. */
export interface Sanitized {
  readonly status: number | null;
  readonly output: string;
}

const options = [
  "-std=gnu11",
  "-O1",
  "-g",
  "-fsanitize=thread",
  "-ffp-contract=off",
  "-fwrapv",
  "-fno-strict-aliasing",
  "-fno-math-errno",
  "-pthread",
  "-w",
  // Known to the C code; gcc says it of itself, clang does not. Without the vector machine's own stores, which are not looked at.
  "-D__SANITIZE_THREAD__=1",
  "-march=native",
  "-U__AVX512F__",
  "-U__AVX2__",
];

function compile(folder: string, parameters: readonly string[]): string | null {
  const compiler = findCompiler();
  if (typeof compiler === "string") return compiler;
  const [command = "", ...leading] = compiler.command;
  const { status, error, stderr } = spawnSync(command, [...leading, ...options, ...parameters], { cwd: folder, encoding: "utf8" });
  return status === 0 ? null : (error?.message ?? stderr);
}

/** ThreadSanitizer needs room where some systems place memory at random; `setarch -R` stops that. */
const unshuffled = "setarch";

/** Why ThreadSanitizer cannot be used here, or null. */
export function sanitizerReason(folder: string): string | null {
  writeFileSync(join(folder, "probe.c"), "int main(void) { return 0; }\n");
  const refusal = compile(folder, ["probe.c", "-o", "probe"]);
  if (refusal !== null) return refusal;
  const { status, output } = execute(folder, "probe", []);
  return status === 0 ? null : output;
}

function execute(folder: string, name: string, parameters: readonly string[]): Sanitized {
  const path = join(folder, name);
  const fixed = spawnSync(unshuffled, ["-R", "true"]).status === 0 ? [unshuffled, "-R", path] : [path];
  const [command = path, ...rest] = [...fixed, ...parameters];
  const { status, stdout, stderr } = spawnSync(command, rest, { cwd: folder, encoding: "utf8", maxBuffer: 1 << 28 });
  return { status, output: stdout + stderr };
}

/** Compiles programs with ThreadSanitizer in a folder and runs each `turns` times with each of some numbers of threads. */
export function sanitize(folder: string, recorded: readonly Recorded[], threads: readonly number[], turns: number): Sanitized {
  const objects = [...recorded.keys()].map((k) => `program${k}.o`);
  const build = (parameters: readonly string[]) => {
    const refusal = compile(folder, parameters);
    if (refusal !== null) throw new Error(`${parameters.join(" ")}: ${refusal}`);
  };
  const entries = recorded.map(({ program, rows }, k) => {
    const { source, entry, block } = renderC(program);
    writeFileSync(join(folder, `program${k}.c`), source.replaceAll(entry, `run${k}`));
    build(["-c", `program${k}.c`]);
    const list = (type: string, name: string, values: readonly number[]) =>
      `static const ${type} ${name}${k}[] = {${values.join(", ")}, 0};`;
    return [
      `extern int32_t run${k}(uint64_t);`,
      list(
        "uint64_t",
        "bytes",
        rows.map((row) => row.bytes),
      ),
      list(
        "int",
        "same",
        rows.map((row) => row.same),
      ),
      list(
        "int",
        "filled",
        rows.map((row, i) => Number(row.data !== null && row.same === i)),
      ),
      list("int", "block", [block.repeat, block.arena, block.addresses, block.share, block.threads, block.length]),
    ].join("\n");
  });
  const table = recorded.map(
    ({ program, rows }, k) => `{${rows.length}, bytes${k}, same${k}, filled${k}, ${padded(program.arenaBytes)}, run${k}, block${k}}`,
  );
  const programs = `${entries.join("\n")}\nstatic const Program programs[] = {${table.join(", ")}};`;
  writeFileSync(join(folder, "main.c"), mainSource.replace("PROGRAMS", programs).replace("TURNS", String(turns)));
  writeFileSync(join(folder, "pool.c"), poolSource);
  const filled = recorded.flatMap(({ rows }) => rows.filter((row, i) => row.data !== null && row.same === i));
  writeFileSync(join(folder, "data"), Buffer.concat(filled.map((row) => row.data as Uint8Array)));
  build(["main.c", "pool.c", ...objects, "-o", "race", "-lm"]);
  return execute(folder, "race", ["data", ...threads.map(String)]);
}
