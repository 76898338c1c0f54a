// Where compiled programs are kept, and what happens where that, or the compiler, is not as it should be.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import type { Program } from "../../src/graph/kernel.ts";
import { Storage } from "../../src/graph/storage.ts";
import { renderC } from "../../src/render/c/program.ts";
import { createNativeDevice, nativeSupport } from "../../src/runtime/native/device.ts";
import { UnsupportedError, UserError } from "../../src/util/errors.ts";
import * as l from "../support/language.ts";
import { native } from "../support/native.ts";

const root = mkdtempSync(join(tmpdir(), "downhill-test-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

let folders = 0;
const fresh = () => join(root, `cache${++folders}`);

/** out[0] = n */
function constant(n: number): Program {
  return l.program([l.kernel(["i32!"], 1, [l.store(0, 0, l.int(n))])], 0, 1, [l.call(0, 0)]);
}

function answer(program: Program, options: { cacheFolder?: string; compiler?: string } = {}): number {
  const storage = new Storage("int32", 1, null);
  createNativeDevice({ render: renderC, ...options })
    .load(program)
    .run([], [{ storage, strideBytes: 0 }], 1);
  return storage.resident?.read()[0] as number;
}

const objects = (folder: string) => readdirSync(folder).filter((name) => name.endsWith(".so"));

/** A compiler that is a script: `$@` are the arguments. */
function script(text: string): string {
  const path = join(root, `cc${++folders}`);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe.runIf(native)("the cache of native programs", () => {
  it("makes a folder for us alone, with one file for each program and nothing else", () => {
    const cacheFolder = join(fresh(), "deeper");
    expect(answer(constant(1), { cacheFolder })).toBe(1);
    expect(answer(constant(2), { cacheFolder })).toBe(2);
    expect(statSync(cacheFolder).mode & 0o777).toBe(0o700);
    // Two programs, and the one that tries the compiler.
    expect(objects(cacheFolder)).toHaveLength(3);
    expect(readdirSync(cacheFolder)).toHaveLength(3);
    for (const name of objects(cacheFolder)) expect(statSync(join(cacheFolder, name)).mode & 0o777).toBe(0o600);
  });

  it("compiles a program once", () => {
    const cacheFolder = fresh();
    answer(constant(3), { cacheFolder });
    const before = objects(cacheFolder).map((name) => statSync(join(cacheFolder, name)).ino);
    expect(answer(constant(3), { cacheFolder })).toBe(3);
    expect(objects(cacheFolder).map((name) => statSync(join(cacheFolder, name)).ino)).toEqual(before);
  });

  it("does not take what another compiler made", () => {
    const cacheFolder = fresh();
    answer(constant(3), { cacheFolder, compiler: "cc" });
    const count = objects(cacheFolder).length;
    answer(constant(3), { cacheFolder, compiler: "cc -DOTHER" });
    expect(objects(cacheFolder).length).toBeGreaterThan(count);
  });

  it("compiles again what was damaged, and what others may write to", () => {
    const whole = fresh();
    answer(constant(4), { cacheFolder: whole });
    const cacheFolder = fresh();
    mkdirSync(cacheFolder, { mode: 0o700 });
    for (const name of objects(whole))
      writeFileSync(join(cacheFolder, name), readFileSync(join(whole, name)).subarray(0, 100), { mode: 0o600 });
    expect(answer(constant(4), { cacheFolder })).toBe(4);
    for (const name of objects(cacheFolder)) expect(statSync(join(cacheFolder, name)).size).toBeGreaterThan(1000);
    const inodes = objects(cacheFolder).map((name) => statSync(join(cacheFolder, name)).ino);
    for (const name of objects(cacheFolder)) chmodSync(join(cacheFolder, name), 0o666);
    expect(answer(constant(4), { cacheFolder })).toBe(4);
    for (const name of objects(cacheFolder)) {
      expect(statSync(join(cacheFolder, name)).mode & 0o022).toBe(0);
      expect(inodes).not.toContain(statSync(join(cacheFolder, name)).ino);
    }
  });

  it("forgets the longest unused of very many", () => {
    const cacheFolder = fresh();
    mkdirSync(cacheFolder, { mode: 0o700 });
    for (let i = 0; i < 1024; i++) writeFileSync(join(cacheFolder, `${i}.so`), "");
    expect(answer(constant(5), { cacheFolder })).toBe(5);
    expect(objects(cacheFolder).length).toBeLessThan(800);
  });

  it("refuses a folder that others may write to or read, a link, and a file", () => {
    const open = fresh();
    mkdirSync(open);
    chmodSync(open, 0o777);
    const link = fresh();
    const target = fresh();
    mkdirSync(target, { mode: 0o700 });
    symlinkSync(target, link);
    const file = fresh();
    writeFileSync(file, "");
    const refusal = (cacheFolder: string) => {
      try {
        createNativeDevice({ render: renderC, cacheFolder });
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        expect((error as UserError).code).toBe("CACHE");
        return (error as Error).message;
      }
      return "none";
    };
    expect(refusal(open)).toMatch(/open to other users.*got mode 0777, expected mode 0700\. Run chmod 700/);
    chmodSync(open, 0o750);
    expect(refusal(open)).toMatch(/got mode 0750/);
    expect(refusal(link)).toMatch(/is a link or a file/);
    expect(refusal(file)).toMatch(/cannot make the cache folder|is a link or a file/);
    expect(refusal(join(file, "below"))).toMatch(/cannot make the cache folder/);
    for (const folder of [open, target]) expect(readdirSync(folder)).toEqual([]);
    expect(nativeSupport({ cacheFolder: open })).toMatchObject({ available: false, compiler: null });
    expect(nativeSupport({ cacheFolder: open }).reason).toMatch(/open to other users/);
  });

  it.runIf(process.getuid?.() === 0)("refuses a folder of somebody else", async () => {
    const { chownSync } = await import("node:fs");
    const folder = fresh();
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, 65534, 65534);
    expect(() => createNativeDevice({ render: renderC, cacheFolder: folder })).toThrow(
      /belongs to somebody else; got user 65534, expected user 0/,
    );
  });

  it("is where the environment says", () => {
    const base = fresh();
    vi.stubEnv("DOWNHILL_CACHE", base);
    expect(answer(constant(6))).toBe(6);
    expect(objects(join(base, "native"))).toHaveLength(2);
    vi.stubEnv("DOWNHILL_CACHE", "");
    const cache = fresh();
    vi.stubEnv("XDG_CACHE_HOME", cache);
    expect(answer(constant(6))).toBe(6);
    expect(objects(join(cache, "downhill", "native"))).toHaveLength(2);
  });

  it("is a folder of this process where there is no home to write to", () => {
    const file = fresh();
    writeFileSync(file, "");
    vi.stubEnv("DOWNHILL_CACHE", "");
    vi.stubEnv("XDG_CACHE_HOME", file);
    const temporary = fresh();
    mkdirSync(temporary);
    vi.stubEnv("TMPDIR", temporary);
    expect(answer(constant(7))).toBe(7);
    const [folder] = readdirSync(temporary);
    expect(statSync(join(temporary, folder as string)).mode & 0o777).toBe(0o700);
    expect(answer(constant(7))).toBe(7);
    expect(readdirSync(temporary)).toEqual([folder]);
  });
});

describe.runIf(native)("the compiler", () => {
  it("is named where there is none, with what to do", () => {
    const compiler = join(root, "no-such-compiler");
    expect(nativeSupport({ compiler })).toMatchObject({ available: false, compiler: null });
    const create = () => createNativeDevice({ render: renderC, compiler });
    expect(create).toThrow(UnsupportedError);
    expect(create).toThrow(/no working C compiler \(.*no-such-compiler.*ENOENT.*\); install gcc or clang, or set CC\. Use the wasm device/);
  });

  it("is taken from CC, with its arguments", () => {
    vi.stubEnv("CC", "cc -DFROM_CC");
    expect(nativeSupport().available).toBe(true);
    vi.stubEnv("CC", script("exit 3"));
    expect(nativeSupport().reason).toMatch(/no working C compiler \(.*exit code 3/);
    vi.stubEnv("CC", script("echo something else"));
    expect(nativeSupport().reason).toMatch(/it is neither gcc nor clang/);
  });

  it("is tried before it is said to work", () => {
    // Preprocesses well, compiles nothing: a compiler without a linker.
    const broken = script('for a in "$@"; do if [ "$a" = -shared ]; then echo "cannot find ld" >&2; exit 1; fi; done; exec cc "$@"');
    expect(nativeSupport({ compiler: broken, cacheFolder: fresh() }).reason).toMatch(/did not compile a program; cannot find ld/);
    const liar = script('for a in "$@"; do if [ "$a" = -shared ]; then exit 0; fi; done; exec cc "$@"');
    const support = nativeSupport({ compiler: liar, cacheFolder: fresh() });
    expect(support.available).toBe(false);
    expect(support.reason).toMatch(/ENOENT/);
  });

  it("may refuse a program: its words are in the error, and nothing is left behind", () => {
    const cacheFolder = fresh();
    const device = createNativeDevice({ render: (program) => ({ ...renderC(program), source: "int downhill_run(" }), cacheFolder });
    const before = readdirSync(cacheFolder);
    expect(() => device.load(constant(1))).toThrow(/did not compile a program; .*error: .*Set CC to gcc/s);
    expect(() => device.load(constant(1))).toThrow(UnsupportedError);
    expect(readdirSync(cacheFolder)).toEqual(before);
  });

  it("gets sources without a shell", () => {
    const witness = join(root, "witness");
    expect(nativeSupport({ compiler: `cc; touch ${witness}` }).available).toBe(false);
    expect(existsSync(witness)).toBe(false);
  });
});

describe("koffi", () => {
  it("is an import of nobody: it is reached only when a device is made", () => {
    for (const name of readdirSync(new URL("../../src/runtime/native", import.meta.url))) {
      const text = readFileSync(new URL(`../../src/runtime/native/${name}`, import.meta.url), "utf8");
      expect(text, name).not.toMatch(/^import .*(koffi"|"node:)/m);
    }
  });
});
