import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeFileAtomically } from "../../src/io/node/file.ts";
import { openEventLog } from "../../src/io/node/log.ts";

const folder = () => mkdtempSync(join(tmpdir(), "downhill-"));

test("a file is replaced whole, and nothing else stays behind", () => {
  const place = folder();
  const path = join(place, "w.bin");
  writeFileAtomically(path, "first");
  writeFileAtomically(path, Uint8Array.of(1, 2, 3));
  expect([...readFileSync(path)]).toEqual([1, 2, 3]);
  expect(readdirSync(place)).toEqual(["w.bin"]);
});

test("a write that fails leaves the old content and no temporary file, and names the file", () => {
  const place = folder();
  // A folder in the way makes the rename fail after the content was written.
  const path = join(place, "w.bin");
  mkdirSync(join(path, "inside"), { recursive: true });
  expect(() => writeFileAtomically(path, "new")).toThrow(/w\.bin: /);
  expect(readdirSync(place)).toEqual(["w.bin"]);
  expect(() => writeFileAtomically(join(place, "no", "where"), "x")).toThrow("there is no such file or folder");
  writeFileSync(join(place, "file"), "");
  expect(() => writeFileAtomically(join(place, "file", "x"), "x")).toThrow("a part of the path is a file");
});

test("the log appends one JSON line an event and survives being opened again", () => {
  const place = join(folder(), "runs", "a");
  for (const text of ["one", 'two "quoted"\n']) {
    const log = openEventLog(place);
    log.write({ type: "notice", level: "info", text });
    log.close();
    log.write({ type: "notice", level: "info", text: "after closing" });
  }
  const lines = readFileSync(join(place, "events.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((l) => JSON.parse(l));
  expect(lines.map((l) => l.text)).toEqual(["one", 'two "quoted"\n']);
  expect(new Date(lines[0].time).getTime()).toBeGreaterThan(0);
});
